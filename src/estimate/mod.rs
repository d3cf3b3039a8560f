//! Estimators: from a model and a sample to a [`Fit`].

mod anderson;
mod auto;
mod certificate;
mod climb;
mod coordinates;
mod degenerate;
mod dof;
mod factors;
mod fit;
mod flip_flop;
mod frame;
mod full;
mod incomplete;
mod iterate;
mod joint;
mod joint_problem;
mod mcd;
mod newton;
mod options;
mod problem;
mod shards;
mod shrink;
mod starts;
mod stream;
mod three_step;
mod together;
mod tyler;
mod units;
mod warm;

pub use climb::Ascent;
pub use coordinates::Coordinates;
pub use factors::{Factors, Normalisation};
pub use fit::{Certificate, Fit, MissingCells};
pub(crate) use fit::{End, FitParts};
pub use iterate::{Iterate, Score};
pub use joint_problem::JointProblem;
pub use mcd::{Mcd, McdFit, Trimmed};
pub use options::{Certify, DataSource, FitOptions, Method, Observer, Silent, Step, Termination};
pub use problem::Problem;
pub(crate) use shrink::evidence;
pub use shrink::{
    ScoreAt, Shrink, ShrinkRule, ShrinkScale, ShrinkTarget, Shrinkage, cross_validate, folds,
};
pub(crate) use together::{Common, Together};
pub use tyler::{Tyler, TylerFit};

use crate::data::{Robust, Sample};
use crate::kronecker::Side;
use crate::likelihood::{Labels, Likelihood, SampleLikelihood};
use crate::model::{Mean, Model, Pole};
use crate::optim::{Optimizer, Settings};
use crate::{Error, Result, linalg};
use ndarray::Array2;
use std::time::{Duration, Instant};
use units::{Shifted, Units};

impl Model {
    /// Fits the model by the default method, see [`FitOptions`].
    ///
    /// # Errors
    /// Where there is no usable estimate: too few samples, degenerate data, a structure that does
    /// not fit the shape. A fit that did not converge is not an error: ask
    /// [`Fit::is_converged`].
    ///
    /// ```
    /// use kronfit::{data::Sample, model::Model};
    /// use ndarray::array;
    /// // Two-by-one observations: the ordinary covariance MLE, here [[2, 1], [1, 2]]/2 exactly.
    /// let x = array![[[1.0], [1.0]], [[-1.0], [0.0]], [[0.0], [-1.0]], [[0.0], [0.0]]];
    /// let fit = Model::gaussian().fit(&Sample::new(x).unwrap()).unwrap();
    /// let covariance = fit.row_cov() * fit.sigma2();
    /// assert!((covariance[[0, 0]] - 0.5).abs() < 1e-12);
    /// assert!((covariance[[0, 1]] - 0.25).abs() < 1e-12);
    /// ```
    pub fn fit(&self, sample: &Sample) -> Result<Fit> {
        self.fit_with(sample, &FitOptions::default(), &mut Silent)
    }

    /// Fits the model with options and an observer, who sees every step and may stop the fit.
    ///
    /// # Errors
    /// As [`Model::fit`], and [`crate::Error::Domain`] for options out of range.
    pub fn fit_with(
        &self,
        sample: &Sample,
        options: &FitOptions,
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        if let Some(placed) = self.placed(sample)? {
            return placed.fit_with(sample, options, observer);
        }
        options.validate()?;
        if sample.has_missing() {
            return incomplete::fit(self, sample, options, observer);
        }
        let clock = Instant::now();
        let (_, p, q) = sample.dim();
        self.check(p, q)?;
        for (what, d) in [("the row factor", p), ("the column factor", q)] {
            linalg::require_room(what, &[d, d], 4)?;
        }
        if let Some(shrink) = options.shrink.as_ref().filter(|shrink| !shrink.is_nothing()) {
            return shrink::run(self, sample, shrink, options, observer);
        }
        let samples = SampleLikelihood::new(sample);
        let mut warnings = self.promised(&samples, options)?;
        let pole = self.pole_of_sample(sample);
        match self.check_pole(pole.as_ref(), sample.source()) {
            Err(error) if options.force => warnings.push(format!("{error}; forced all the same")),
            checked => checked?,
        }
        warnings.extend(degenerate::symmetric(sample));
        let look = self.robust_look(sample);
        warnings.extend(look.as_ref().and_then(|look| look.warning(sample)));
        let units = match &look {
            Some(look) => Units::of(self, look, sample.source())?,
            None => None,
        };
        let in_units = units.as_ref().and_then(|units| units.model(self));
        let setting = Setting { model: self, units: None, pole: pole.as_ref(), look: None };
        let fit = match (&units, &in_units) {
            (Some(units), Some(model)) => {
                let scaled = units.sample(sample);
                let look = model.robust_look(&scaled);
                let jacobian = units.ln_jacobian(sample, samples.weight());
                let setting = Setting { units: Some((units, jacobian)), ..setting };
                model.fit_in_units(&scaled, look, setting, options, (warnings, clock), observer)
            }
            _ => self.fit_in_units(sample, look, setting, options, (warnings, clock), observer),
        }?;
        let reasons = degenerate::reasons(sample, self, fit.termination());
        Ok(fit.made_of(sample).warned(reasons))
    }

    /// Medians and scales of the data around what the mean can be.
    fn robust_look(&self, sample: &Sample) -> Option<Robust> {
        let (_, p, q) = sample.dim();
        match self.mean_structure() {
            Mean::Zero => Robust::of(sample, Some(&Array2::zeros((p, q)))),
            Mean::Known(mean) => Robust::of(sample, Some(mean)),
            _ => Robust::of(sample, None),
        }
    }

    /// The fit of this model to a sample, both in units in which the data have no extremes.
    fn fit_in_units(
        &self,
        sample: &Sample,
        look: Option<Robust>,
        setting: Setting<'_>,
        options: &FitOptions,
        beginning: (Vec<String>, Instant),
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        let samples = SampleLikelihood::new(sample);
        // With covariates the centre is not one matrix.
        let wild = look.clone().filter(|look| look.is_wild() && sample.design().is_none());
        let setting =
            Setting { look: look.as_ref().filter(|_| sample.design().is_none()), ..setting };
        let limit =
            options.time_limit.map(Duration::try_from_secs_f64).and_then(|limit| limit.ok());
        let deadline = limit.and_then(|limit| beginning.1.checked_add(limit));
        let problem = Problem::new(self, &samples)
            .starting_at(wild.clone())
            .above(setting.pole)
            .until(deadline);
        let moments = warm::by_moments(self, sample.dim(), options)?;
        if moments && !sample.has_one_mean() && options.source == DataSource::Moments {
            return Err(Error::Unsupported {
                what: "a fit from moments with covariates or precision weights".to_owned(),
                remedy: "use the source samples or auto".to_owned(),
            });
        }
        let thinned = if wild.is_none() { warm::start(self, sample) } else { None };
        let mut start = match thinned {
            Some(start) => start,
            None => problem.first()?,
        };
        let of_moments;
        let problem = if moments && sample.has_one_mean() {
            of_moments = warm::moments(self, sample, &mut start.point)?;
            start.passes = 0;
            Problem::new(self, &of_moments).starting_at(wild).above(setting.pole).until(deadline)
        } else {
            problem
        };
        let about = (samples.labels(), setting);
        self.climb_from(&problem, start, about, options, beginning, observer)
    }

    /// Fits the model to any likelihood: data kept or weighed in a way of one's own.
    ///
    /// # Errors
    /// As [`Model::fit_with`], and what the likelihood says.
    ///
    /// ```
    /// use kronfit::estimate::{FitOptions, Silent};
    /// use kronfit::{io, likelihood::SampleLikelihood, model::Model};
    /// let sample = io::resolve("us-macro")?;
    /// let twice = vec![2.0; 49];
    /// let likelihood = SampleLikelihood::new(&sample).weighted(&twice)?;
    /// let fit = Model::gaussian().fit_on(&likelihood, &FitOptions::default(), &mut Silent)?;
    /// let plain = Model::gaussian().fit(&sample)?;
    /// assert!((fit.log_likelihood() - 2.0 * plain.log_likelihood()).abs() < 1e-6);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn fit_on(
        &self,
        likelihood: &dyn Likelihood,
        options: &FitOptions,
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        options.validate()?;
        let clock = Instant::now();
        let (_, p, q) = likelihood.dim();
        self.check(p, q)?;
        let mut warnings = self.promised(likelihood, options)?;
        let spent = likelihood.covariates().unwrap_or(1) as f64;
        let pole = self.pole(likelihood.weight(), spent, p, q);
        match self.check_pole(pole.as_ref(), likelihood.labels().source) {
            Err(error) if options.force => warnings.push(format!("{error}; forced all the same")),
            checked => checked?,
        }
        let problem = Problem::new(self, likelihood).above(pole.as_ref());
        let start = problem.first()?;
        let setting = Setting { model: self, units: None, pole: pole.as_ref(), look: None };
        let about = (likelihood.labels(), setting);
        self.climb_from(&problem, start, about, options, (warnings, clock), observer)
    }

    /// What the data promise about a maximum, or refuse.
    fn promised(&self, likelihood: &dyn Likelihood, options: &FitOptions) -> Result<Vec<String>> {
        named(likelihood.existence(self), likelihood.labels().source, options)
    }

    /// [`Model::ascend`] to a fit.
    fn climb_from(
        &self,
        problem: &Problem<'_>,
        start: Iterate,
        (labels, setting): (Labels<'_>, Setting<'_>),
        options: &FitOptions,
        told: (Vec<String>, Instant),
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        let mut end = self.ascend(problem, start, setting, options, told, observer)?;
        if let Some((units, jacobian)) = setting.units {
            units.restore(&mut end.outcome, jacobian);
        }
        Ok(end.fit(setting.model, problem.likelihood, labels))
    }

    /// Looks at the start where that was not done yet, and climbs.
    fn ascend(
        &self,
        problem: &Problem<'_>,
        mut start: Iterate,
        setting: Setting<'_>,
        options: &FitOptions,
        (mut warnings, clock): (Vec<String>, Instant),
        observer: &mut dyn Observer,
    ) -> Result<Ascended> {
        if start.passes == 0 {
            problem.look(&mut start)?;
        }
        if !matches!(options.method, Method::Auto | Method::FlipFlop) {
            problem.complete(&mut start)?;
        }
        let jacobian = setting.units.map_or(0.0, |(_, jacobian)| jacobian);
        let mut observer = Shifted { observer, jacobian };
        let outcome = run(problem, start, options, &mut observer, clock);
        crate::linalg::release();
        let mut outcome = outcome?;
        let retry = options.method == Method::Auto
            && match outcome.termination {
                Termination::Unbounded => !self.law().weighting().is_identity(),
                Termination::Stalled => true,
                _ => false,
            };
        if retry && let Some(found) = second_look(problem, setting, options, &mut observer, clock) {
            outcome = found;
        }
        if options.method == Method::Auto {
            let starts::Verdict { better, warning } =
                starts::compare(problem, &outcome, options, clock);
            if let Some(better) = better {
                outcome = better;
            }
            warnings.extend(warning);
        }
        let seconds = clock.elapsed().as_secs_f64();
        let certificate = certificate::certify(problem, &mut outcome, options.certificate)?;
        if certificate.is_some_and(|c| c.unique) {
            // Seen beats counted.
            warnings.retain(|warning| !crate::model::says_not_unique(warning));
        }
        if certificate.is_some_and(|c| !c.unique) && warnings.is_empty() {
            match climb::spread(&outcome.iterate) {
                // Flat and almost singular: the score vanished on the way to infinity.
                spread if spread > climb::FAR => outcome.termination = Termination::Unbounded,
                _ => warnings.push(certificate::NOT_UNIQUE.to_owned()),
            }
        }
        warnings.extend(outcome.termination.warnings(outcome.iterate.score.worst()));
        warnings.extend(dof::warnings(problem, &outcome.iterate));
        for side in Side::BOTH {
            warnings.extend(problem.shapes[side].note(outcome.iterate.point.factor(side)));
        }
        Ok(Ascended { outcome, warnings, seconds, certificate })
    }
}

/// The end of a climb.
struct Ascended {
    outcome: climb::Outcome,
    warnings: Vec<String>,
    seconds: f64,
    certificate: Option<Certificate>,
}

impl Ascended {
    fn fit(self, model: &Model, likelihood: &dyn Likelihood, labels: Labels<'_>) -> Fit {
        let Self { outcome, warnings, seconds, certificate } = self;
        Fit::new(model, likelihood, labels, outcome, warnings, seconds, certificate)
    }
}

/// What a fit is of, in the units of the data.
#[derive(Clone, Copy)]
struct Setting<'a> {
    model: &'a Model,
    /// The units in which it is fitted, with what they are worth in ℓ.
    units: Option<(&'a Units, f64)>,
    /// Where the likelihood is unbounded in ν.
    pole: Option<&'a Pole>,
    /// Medians and scales in the units of the fit.
    look: Option<&'a Robust>,
}

/// What was promised about a maximum, with the name of the data; a warning where it is forced.
fn named(promised: Result<Vec<String>>, source: &str, options: &FitOptions) -> Result<Vec<String>> {
    match promised {
        Err(error @ Error::TooFewSamples { .. }) if options.force => {
            Ok(vec![format!("{error}; forced all the same")])
        }
        Err(Error::TooFewSamples { n, required, p, q, because, .. }) => {
            let what = source.to_owned();
            Err(Error::TooFewSamples { what, n, required, p, q, because })
        }
        promised => promised,
    }
}

/// The method of the options, from a start to its end.
fn run(
    problem: &Problem<'_>,
    start: Iterate,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Result<climb::Outcome> {
    if let Some(stepper) = stepper(problem, options) {
        return climb::climb(problem, start, stepper, options, observer, clock);
    }
    match options.method {
        Method::Newton => {
            // Structured factors have no geodesic product: Newton in their own coordinates.
            let search = Settings { optimizer: Optimizer::TrustRegion, ..options.search };
            let options = FitOptions { search, ..options.clone() };
            let outcome = joint::run(problem, start, &options, observer, clock)?;
            Ok(climb::Outcome { method: "newton", ..outcome })
        }
        Method::ThreeStep => three_step::run(problem, start, observer, clock),
        _ => joint::run(problem, start, options, observer, clock),
    }
}

/// Another method from a robust start, where the default one found no maximum: `None` where that
/// found none either.
fn second_look(
    problem: &Problem<'_>,
    setting: Setting<'_>,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Option<climb::Outcome> {
    let look = setting.look.cloned();
    let again =
        Problem::new(problem.model, problem.likelihood).starting_at(look).above(setting.pole);
    for method in [Method::Newton, Method::FlipFlop] {
        let max_iter = options.max_iter.min(SECOND_LOOK);
        let options = FitOptions { method, max_iter, ..options.clone() };
        let mut start = again.first().ok()?;
        again.complete(&mut start).ok()?;
        match run(&again, start, &options, observer, clock) {
            Ok(outcome) if outcome.termination.is_converged() => return Some(outcome),
            _ => {}
        }
    }
    None
}

/// Most iterations of a second look.
const SECOND_LOOK: usize = 500;

/// The methods that go step by step; `None` for the others.
fn stepper(problem: &Problem<'_>, options: &FitOptions) -> Option<Box<dyn climb::Stepper>> {
    match options.method {
        Method::Auto => Some(Box::new(auto::Auto::new(problem, options.tol))),
        Method::FlipFlop => Some(Box::new(flip_flop::FlipFlop)),
        Method::Newton if problem.is_unstructured() => {
            Some(Box::new(newton::Newton::new(options.tol)))
        }
        Method::Newton | Method::Joint | Method::ThreeStep => None,
    }
}
