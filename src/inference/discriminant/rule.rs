//! What the fit of classes says of new matrices.

use super::classes::Labelled;
use super::{Fitted, Shared};
use crate::data::Sample;
use crate::estimate::{Factors, Iterate, Normalisation};
use crate::family::MatrixDistribution;
use crate::kronecker::Side;
use crate::linalg::Root;
use crate::model::Model;
use crate::{Error, Result};
use ndarray::{Array1, Array2};
use serde::Serialize;

/// One class of a rule.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Class {
    /// Its label.
    pub name: String,
    /// Samples that it was fitted to.
    pub n: usize,
    /// Its prior.
    pub prior: f64,
    /// M_k (p × q).
    pub mean: Array2<f64>,
    /// σ²_k, A_k and B_k with traces 1, p and q: for t laws scales.
    pub factors: Factors,
    /// ν; `None` for the Gaussian and where ν̂ = ∞.
    pub dof: Option<f64>,
    /// Density and moments.
    pub distribution: MatrixDistribution,
}

/// How a class's score depends on a matrix where it is linear: a_k(X) = ⟨C_k, X⟩ + b_k.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeightMap {
    /// C_k = Σ⁻¹M_k (p × q): which cells speak for the class.
    pub weights: Array2<f64>,
    /// b_k = ln π_k − ½⟨C_k, M_k⟩.
    pub offset: f64,
}

/// Fitted classes.
#[derive(Debug, Clone)]
pub struct Rule {
    model: Model,
    shared: Shared,
    classes: Vec<Class>,
    roots: Vec<(Root, Root)>,
    names: (Vec<String>, Vec<String>),
    dim: (usize, usize, usize),
    source: String,
    log_likelihood: f64,
    score: f64,
    iterations: usize,
    converged: bool,
    warnings: Vec<String>,
}

impl Rule {
    pub(super) fn new(
        model: Model,
        shared: Shared,
        data: &Labelled<'_>,
        priors: Vec<f64>,
        fitted: Fitted,
    ) -> Result<Self> {
        let Fitted { points, log_likelihood, score, iterations, converged, warnings } = fitted;
        if !log_likelihood.is_finite() {
            return Err(Error::Degenerate {
                what: format!(
                    "the log-likelihood of the classes of {} is {log_likelihood}",
                    data.sample.source()
                ),
                remedy: "rescale the data, or let the classes share more".to_owned(),
            });
        }
        let (rows, cols) = (data.sample.row_names(), data.sample.col_names());
        let counts = data.counts();
        let mut classes = Vec::with_capacity(points.len());
        let mut roots = Vec::with_capacity(points.len());
        for (k, Iterate { point, law, .. }) in points.into_iter().enumerate() {
            let raw = Factors { sigma2: 1.0, row: point.row().matrix(), col: point.col().matrix() };
            let ln_dets = (point.row().ln_det(), point.col().ln_det());
            let mean = point.mean.clone();
            let (row, col) = point.factors.into_pair();
            roots.push((row.clone(), col.clone()));
            classes.push(Class {
                name: data.names[k].clone(),
                n: counts[k],
                prior: priors[k],
                factors: raw.normalised(Normalisation::Trace, ln_dets),
                dof: law.dof(),
                distribution: MatrixDistribution::of_roots(law, mean.clone(), row, col)
                    .named(rows, cols),
                mean,
            });
        }
        Ok(Self {
            model,
            shared,
            classes,
            roots,
            names: (rows.to_vec(), cols.to_vec()),
            dim: data.sample.dim(),
            source: data.sample.source().to_owned(),
            log_likelihood,
            score,
            iterations,
            converged,
            warnings,
        })
    }

    /// The classes, in the order of [`super::classes_of`].
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The model of a class.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What the classes share.
    pub fn shared(&self) -> Shared {
        self.shared
    }

    /// (n, p, q) of the samples that it was fitted to.
    pub fn dim(&self) -> (usize, usize, usize) {
        self.dim
    }

    /// Names of the rows and of the columns; empty when there are none.
    pub fn names(&self) -> (&[String], &[String]) {
        (&self.names.0, &self.names.1)
    }

    /// Where the samples came from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Σ ln f of every sample in its class, maximised.
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Largest part of the score at the end.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// Iterations of the fit.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Is this a maximum to the tolerance asked for?
    pub fn is_converged(&self) -> bool {
        self.converged
    }

    /// What the reader has to know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Free parameters: K means, the factors, ν.
    pub fn n_parameters(&self) -> usize {
        let ((_, p, q), k) = (self.dim, self.classes.len());
        let of = |side, d| self.model.structure(side).shape().n_parameters(d);
        let (a, b) = (of(Side::Rows, p), of(Side::Cols, q));
        let covariance = match self.shared {
            Shared::Both => a + b - 1,
            Shared::Proportional => a + b + k - 2,
            Shared::Rows => a + k * b - 1,
            Shared::Cols => k * a + b - 1,
            Shared::Nothing => k * (a + b - 1),
        };
        let means = k * self.model.mean_structure().n_parameters(p, q);
        means + covariance + usize::from(self.model.estimates_dof())
    }

    /// −2ℓ + k ln n.
    pub fn bic(&self) -> f64 {
        -2.0 * self.log_likelihood + self.n_parameters() as f64 * (self.dim.0 as f64).ln()
    }

    /// A sample with rows and columns in the order of the rule.
    fn matched(&self, sample: &Sample) -> Result<Sample> {
        let (_, p, q) = self.dim;
        let matched = sample.matched(&self.names.0, &self.names.1, "the rule")?;
        let (_, found_p, found_q) = sample.dim();
        if (found_p, found_q) != (p, q) {
            let expected = format!("matrices of {p} × {q}, as the rule");
            return Err(Error::shape(sample.source(), expected, (found_p, found_q)));
        }
        matched.require_complete()?;
        Ok(matched)
    }

    /// ln P(k | X_i), n × K: from the logarithms of prior and density, the largest of a sample taken
    /// off before anything is exponentiated.
    ///
    /// # Errors
    /// [`Error::Names`] or [`Error::Shape`] when the sample does not fit the rule,
    /// [`Error::Missing`].
    pub fn log_posterior(&self, sample: &Sample) -> Result<Array2<f64>> {
        let sample = self.matched(sample)?;
        let mut out = Array2::zeros((sample.dim().0, self.classes.len()));
        for (class, mut column) in self.classes.iter().zip(out.columns_mut()) {
            column.assign(&class.distribution.ln_pdf_all(sample.values())?);
            column += class.prior.ln();
        }
        for mut row in out.outer_iter_mut() {
            let largest = row.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
            let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
            row.mapv_inplace(|x| (x - largest) - sum.ln());
        }
        Ok(out)
    }

    /// The most probable class of every matrix.
    ///
    /// # Errors
    /// As [`Rule::log_posterior`].
    pub fn predict(&self, sample: &Sample) -> Result<Vec<&str>> {
        let posterior = self.log_posterior(sample)?;
        Ok(most_probable(&posterior).into_iter().map(|k| self.classes[k].name.as_str()).collect())
    }

    /// The p-value of the distance from the class that a matrix is nearest to: a small one is far
    /// from every class, whatever the posterior says. `None` where the law of distances is not
    /// known.
    ///
    /// # Errors
    /// As [`Rule::log_posterior`].
    pub fn nearest(&self, sample: &Sample) -> Result<Option<Array1<f64>>> {
        let sample = self.matched(sample)?;
        let mut nearest = Array1::<f64>::zeros(sample.dim().0);
        for class in &self.classes {
            let Some(law) = class.distribution.distance_law() else { return Ok(None) };
            for (x, to) in sample.values().outer_iter().zip(&mut nearest) {
                let z = class.distribution.whiten(x)?;
                *to = to.max(law.p_value(law.statistic(z.view())?));
            }
        }
        Ok(Some(nearest))
    }

    /// What speaks for each class, cell by cell; `None` where the rule is not linear: other laws
    /// than the Gaussian, factors of their own.
    pub fn weight_maps(&self) -> Option<Vec<WeightMap>> {
        let gaussian = |c: &Class| c.distribution.law().weighting().is_identity();
        if self.shared != Shared::Both || !self.classes.iter().all(gaussian) {
            return None;
        }
        let map = |(class, (row, col)): (&Class, &(Root, Root))| {
            let (a, b) = (row.inverse(), col.inverse());
            let white = a.dot(&class.mean).dot(&b.t());
            let weights = a.t().dot(&white).dot(&b);
            let squared: f64 = white.iter().map(|x| x * x).sum();
            WeightMap { weights, offset: class.prior.ln() - 0.5 * squared }
        };
        Some(self.classes.iter().zip(&self.roots).map(map).collect())
    }
}

/// The largest of every row, the first of equals.
pub(super) fn most_probable(posterior: &Array2<f64>) -> Vec<usize> {
    let largest = |row: ndarray::ArrayView1<'_, f64>| {
        (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best })
    };
    posterior.outer_iter().map(largest).collect()
}
