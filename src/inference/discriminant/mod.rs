//! Discriminant analysis: classes with means of their own whose covariances have all, something or
//! nothing in common.

mod classes;
mod cross_validation;
mod rule;

pub use classes::{Priors, classes_of};
pub use cross_validation::{CrossValidation, Prediction};
pub use rule::{Class, Rule, WeightMap};

use super::bootstrap::uncertified;
use super::groups::Shared;
use crate::data::{Design, Sample};
use crate::estimate::{Common, Fit, FitOptions, Iterate, Silent, Together};
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Likelihood, Point, SampleLikelihood};
use crate::model::{Mean, Model};
use crate::{Error, Result};
use classes::{Labelled, one_hot};
use ndarray::Axis;

/// Classes X ~ law(M_k, Σ_k), and what their covariances Σ_k share:
///
/// ```text
/// Both           A ⊗ B        linear for the Gaussian
/// Proportional   c_k A ⊗ B
/// Rows           A ⊗ B_k
/// Cols           A_k ⊗ B
/// Nothing        A_k ⊗ B_k    quadratic
/// ```
///
/// ν, where it is estimated, is one for all classes.
///
/// ```
/// use kronfit::{Discriminant, Model, Sample, Shared};
/// let x = |a: f64, b: f64| [[a], [b]];
/// let sample = Sample::new(ndarray::arr3(&[
///     x(0.0, 0.1), x(1.0, -0.4), x(-1.0, 0.2), x(0.3, 1.0),
///     x(5.0, 3.1), x(6.0, 2.4), x(4.0, 2.2), x(5.2, 4.0),
/// ]))?;
/// let labels = ["low", "low", "low", "low", "top", "top", "top", "top"];
/// let rule = Discriminant::new(Model::gaussian(), Shared::Both).fit(&sample, &labels)?;
/// let new = Sample::new(ndarray::arr3(&[x(5.5, 3.0)]))?;
/// assert_eq!(rule.predict(&new)?, ["top"]);
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Discriminant {
    model: Model,
    shared: Shared,
    priors: Priors,
    options: FitOptions,
}

impl Discriminant {
    /// Classes of a model, with priors from their shares.
    pub fn new(model: Model, shared: Shared) -> Self {
        let options = uncertified(&FitOptions::default());
        Self { model, shared, priors: Priors::default(), options }
    }

    /// The same with other priors.
    #[must_use]
    pub fn priors(mut self, priors: Priors) -> Self {
        self.priors = priors;
        self
    }

    /// The same with other options of the fits, which are not certified.
    #[must_use]
    pub fn options(mut self, options: &FitOptions) -> Self {
        self.options = uncertified(options);
        self
    }

    /// What the classes share.
    pub fn shared(&self) -> Shared {
        self.shared
    }

    /// The model of a class.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Fits the classes that the labels make, in the order of [`classes_of`].
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of labels than samples; [`Error::Domain`] for fewer than
    /// two classes or priors that are none; [`Error::Degenerate`] for a class with one sample;
    /// [`Error::Missing`]; [`Error::Unsupported`] for weights and covariates; those of
    /// [`Model::fit`].
    pub fn fit(&self, sample: &Sample, labels: &[impl AsRef<str>]) -> Result<Rule> {
        self.fit_labelled(&Labelled::new(sample, labels)?)
    }

    fn fit_labelled(&self, data: &Labelled<'_>) -> Result<Rule> {
        let mut model = self.model.clone();
        if let Some(placed) = model.placed(data.sample)? {
            model = placed;
        }
        let priors = self.priors.of(data)?;
        // The pooled fit judges whether there is anything to fit, and is where the others start.
        let pooled = pooled(&model, data, &self.options)?;
        let fitted = match self.shared {
            Shared::Both => Fitted::of_pooled(&pooled, data)?,
            _ => self.fit_apart(&model, data, &pooled)?,
        };
        Rule::new(model, self.shared, data, priors, fitted)
    }

    /// Own factors or scales, from the pooled fit.
    fn fit_apart(&self, model: &Model, data: &Labelled<'_>, pooled: &Fit) -> Result<Fitted> {
        if self.options.shrink.is_some() {
            return Err(Error::Unsupported {
                what: format!("shrinkage of classes that share \"{}\"", self.shared.name()),
                remedy: "let them share both factors".to_owned(),
            });
        }
        let groups = data.groups()?;
        let sides = BySide::of(|side| self.shared.has(side));
        for group in &groups {
            require_spread(model, group, sides)?;
        }
        let likelihoods: Vec<_> = groups.iter().map(SampleLikelihood::new).collect();
        let views: Vec<&dyn Likelihood> = likelihoods.iter().map(|one| one as _).collect();
        // At a pooled ν̂ = ∞ the classes may still have a finite one.
        let law = match pooled.dof_at_infinity() {
            true => model.law().clone(),
            false => pooled.shared_law(),
        };
        let start = (0..groups.len()).map(|k| {
            let factors = pooled.point().factors.clone();
            let point = Point { mean: pooled.theta(k).to_owned(), factors };
            Iterate::new(point, law.clone())
        });
        let common = Common { sides, scales: self.shared == Shared::Proportional };
        let together = Together::fit(model, &views, common, start.collect(), &self.options)?;
        Ok(Fitted::of_groups(together))
    }
}

/// Classes where they were fitted.
struct Fitted {
    points: Vec<Iterate>,
    log_likelihood: f64,
    score: f64,
    iterations: usize,
    converged: bool,
    warnings: Vec<String>,
}

impl Fitted {
    fn of_pooled(fit: &Fit, data: &Labelled<'_>) -> Result<Self> {
        let class = |k: usize| {
            let factors = fit.point().factors.clone();
            Iterate::new(Point { mean: fit.theta(k).to_owned(), factors }, fit.shared_law())
        };
        Ok(Self {
            points: (0..data.names.len()).map(class).collect(),
            log_likelihood: fit.log_likelihood(),
            score: fit.score(),
            iterations: fit.iterations(),
            converged: fit.is_converged(),
            warnings: fit.warnings().to_vec(),
        })
    }

    fn of_groups(together: Together<'_>) -> Self {
        let mut warnings = together.dof_warnings();
        if !together.converged {
            warnings.push(format!(
                "not converged after {} sweeps: the score is {:.1e}",
                together.iterations, together.score
            ));
        }
        Self {
            log_likelihood: together.log_likelihood(),
            score: together.score,
            iterations: together.iterations,
            converged: together.converged,
            points: together.iterates,
            warnings,
        }
    }
}

/// A ⊗ B in common: the classes are a categorical covariate.
fn pooled(model: &Model, data: &Labelled<'_>, options: &FitOptions) -> Result<Fit> {
    let names = data.names.iter().map(|name| format!("class={name}")).collect();
    let design = Design::columns(names, one_hot(&data.class, data.names.len()))?;
    let sample = data.sample.clone().with_design(design)?;
    model.fit_with(&sample, options, &mut Silent)
}

/// Are there samples enough, and does everything vary, for a class's own factors?
fn require_spread(model: &Model, group: &Sample, common: BySide<bool>) -> Result<()> {
    let (n, p, q) = group.dim();
    if Side::BOTH.iter().all(|side| !common[*side]) {
        named(model.check_count(n, p, q), group)?;
    }
    let spent = usize::from(*model.mean_structure() == Mean::Free);
    let mean = group.mean();
    for side in Side::BOTH.into_iter().filter(|side| !common[*side]) {
        let (own, other) = if side == Side::Rows { (p, q) } else { (q, p) };
        let shape = model.structure(side).shape();
        let needed = shape.required_rank(own);
        if (n - spent) * other < needed {
            return Err(Error::TooFewSamples {
                what: group.source().to_owned(),
                n,
                required: needed.div_ceil(other) + spent,
                p,
                q,
                because: format!(" (for {} of its own)", side.letter()),
            });
        }
        if shape.tolerates_constants() {
            continue;
        }
        for (i, mean) in mean.axis_iter(Axis(side as usize)).enumerate() {
            let part = group.values().index_axis_move(Axis(side as usize + 1), i);
            if part.outer_iter().all(|x| x.iter().zip(&mean).all(|(x, m)| constant(*x, *m))) {
                return Err(Error::Degenerate {
                    what: format!("{} {i} of {} does not vary", side.singular(), group.source()),
                    remedy: format!(
                        "leave it out, or let the classes have {} in common",
                        side.letter()
                    ),
                });
            }
        }
    }
    Ok(())
}

fn constant(x: f64, mean: f64) -> bool {
    (x - mean).abs() <= 8.0 * f64::EPSILON * mean.abs()
}

/// With the name of the class.
fn named<T>(checked: Result<T>, group: &Sample) -> Result<T> {
    checked.map_err(|error| match error {
        Error::TooFewSamples { n, required, p, q, because, .. } => {
            let what = group.source().to_owned();
            Error::TooFewSamples { what, n, required, p, q, because }
        }
        other => other,
    })
}
