//! Standard errors and Wald intervals of everything a fit reports, by the delta method.

use super::fitted::Fitted;
use super::frame::FactorFrame;
use super::information::{Information, InformationKind};
use crate::estimate::Fit;
use crate::kronecker::{BySide, Side};
use crate::likelihood::Tangent;
use crate::linalg::matmul;
use crate::structure::{IntervalScale, Parameter};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Serialize, Serializer};
use statrs::distribution::{ContinuousCDF, Normal};

/// Choices about standard errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErrorOptions {
    /// Observed or expected information.
    pub information: InformationKind,
    /// Sandwich covariance, right also where the law is wrong.
    pub robust: bool,
}

/// An estimate with its standard error and Wald interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interval {
    /// What it is.
    pub name: String,
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Where the interval is symmetric.
    pub scale: IntervalScale,
}

impl Interval {
    /// The Wald interval g⁻¹(g(x̂) ± z·g′(x̂)·se) with g the identity, ln, atanh or logit, and z
    /// the two-sided normal quantile of the level.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 0 < level < 1.
    ///
    /// ```
    /// use kronfit::inference::{Interval, IntervalScale};
    /// let interval = Interval::wald("x", 1.0, 0.5, IntervalScale::Linear, 0.95)?;
    /// assert!((interval.high - 1.979982).abs() < 1e-6);
    /// assert!(interval.contains(0.03) && !interval.contains(0.01));
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn wald(
        name: &str,
        estimate: f64,
        standard_error: f64,
        scale: IntervalScale,
        level: f64,
    ) -> Result<Self> {
        Ok(wald(name, estimate, standard_error, scale, normal_quantile(level)?))
    }

    /// Does the interval hold this value? The ends belong to it.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The gradient of a function of the model in the parametrisation Cov ∝ A ⊗ B with A = σ²Â
/// (Â = `row_cov`), B = B̂ (`col_cov`), M and ν; symmetric gradients, df = ⟨G_A, dA⟩.
///
/// The function must depend on A and B through A ⊗ B alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// ∂f/∂A (p × p).
    pub row: Array2<f64>,
    /// ∂f/∂B (q × q).
    pub col: Array2<f64>,
    /// ∂f/∂M (p × q).
    pub mean: Array2<f64>,
    /// ∂f/∂ν.
    pub dof: f64,
}

impl Gradient {
    /// The zero gradient at p × q.
    pub fn zeros(p: usize, q: usize) -> Self {
        Self {
            row: Array2::zeros((p, p)),
            col: Array2::zeros((q, q)),
            mean: Array2::zeros((p, q)),
            dof: 0.0,
        }
    }
}

fn as_rows<S: Serializer>(
    matrix: &Array2<f64>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(matrix.outer_iter().map(|row| row.to_vec()))
}

/// Standard errors of a fit in its report's normalisation (tr A = p, tr B = q).
#[derive(Debug, Clone, Serialize)]
pub struct StandardErrors {
    /// Observed or expected information.
    pub information: InformationKind,
    /// Was the sandwich taken?
    pub robust: bool,
    /// Of σ².
    pub sigma2: f64,
    /// Of the entries of A (p × p).
    #[serde(serialize_with = "as_rows")]
    pub row_cov: Array2<f64>,
    /// Of the entries of B (q × q).
    #[serde(serialize_with = "as_rows")]
    pub col_cov: Array2<f64>,
    /// Of the correlations of A; zero on the diagonal.
    #[serde(serialize_with = "as_rows")]
    pub row_correlation: Array2<f64>,
    /// Of the correlations of B; zero on the diagonal.
    #[serde(serialize_with = "as_rows")]
    pub col_correlation: Array2<f64>,
    /// Of the entries of M (p × q); zero where the mean is not estimated.
    #[serde(serialize_with = "as_rows")]
    pub mean: Array2<f64>,
    /// Of ν; `None` where it is not estimated, or infinite.
    pub dof: Option<f64>,
    /// Of the row structure's own parameters.
    pub row_parameters: Vec<(String, f64)>,
    /// Of the column structure's own parameters.
    pub col_parameters: Vec<(String, f64)>,
    /// What the reader has to know.
    pub notes: Vec<String>,
    #[serde(skip)]
    pub(super) estimates: Estimates,
    #[serde(skip)]
    pub(super) basis: Basis,
}

/// The estimates that belong to the errors.
#[derive(Debug, Clone)]
pub(super) struct Estimates {
    pub(super) sigma2: f64,
    row: Array2<f64>,
    col: Array2<f64>,
    mean: Array2<f64>,
    pub(super) dof: Option<f64>,
    pub(super) row_parameters: Vec<Parameter>,
    pub(super) col_parameters: Vec<Parameter>,
    names: (Vec<String>, Vec<String>),
    pub(super) has_mean: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub(super) information: Information,
    pub(super) covariance: Array2<f64>,
}

impl Fitted<'_> {
    /// Standard errors from the observed information.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the fit did not converge; [`Error::Degenerate`] when the maximum
    /// is not unique.
    ///
    /// ```
    /// use kronfit::{data::Sample, model::Model};
    /// use ndarray::Array3;
    /// // One variance, known mean zero: se(σ²) = σ²√(2/n) exactly.
    /// let x = Array3::from_shape_fn((8, 1, 1), |(i, _, _)| [1.0, -2.0, 0.5, 3.0][i % 4]);
    /// let sample = Sample::new(x)?;
    /// let fit = Model::gaussian().mean(kronfit::model::Mean::Zero).fit(&sample)?;
    /// let errors = fit.on(&sample)?.standard_errors()?;
    /// assert!((errors.sigma2 / fit.sigma2() - 0.5).abs() < 1e-12);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn standard_errors(&self) -> Result<StandardErrors> {
        self.standard_errors_with(ErrorOptions::default())
    }

    /// Standard errors from a chosen information, plain or robust.
    ///
    /// # Errors
    /// As [`Fitted::standard_errors`]; [`Error::Unsupported`] where the expected information has no
    /// closed form.
    pub fn standard_errors_with(&self, options: ErrorOptions) -> Result<StandardErrors> {
        let information = match options.information {
            InformationKind::Observed => Information::observed(self)?,
            InformationKind::Expected => Information::expected(self.fit)?,
        };
        let covariance =
            if options.robust { information.sandwich(self)? } else { information.covariance()? };
        StandardErrors::new(self.fit, information, covariance, options.robust)
    }
}

impl StandardErrors {
    fn new(
        fit: &Fit,
        information: Information,
        covariance: Array2<f64>,
        robust: bool,
    ) -> Result<Self> {
        let frame = &information.frame;
        let (mean_at, dof_at, _) = frame.offsets();
        let (row, col) = BySide::try_of(|side| {
            let factor = &frame.factors[side];
            Delta::new(factor, block(&covariance, frame.start(side), factor.len()))
        })?
        .into_pair();
        let mut gradient = Array1::zeros(frame.len());
        let parts = row.ln_scale.iter().chain(&col.ln_scale);
        gradient.iter_mut().zip(parts).for_each(|(to, x)| *to = *x);
        let sigma2 = fit.sigma2() * deviation(gradient.dot(&covariance.dot(&gradient)));
        let dof = frame.dof.map(|dof| dof * deviation(covariance[[dof_at, dof_at]]));
        let (_, p, q) = fit.dim();
        let mean = mean_errors(fit, &block(&covariance, mean_at, frame.mean_len()), (p, q));
        let named = |delta: &Delta<'_>, fitted: &Array2<f64>| delta.parameters(fitted);
        let (row_parameters, col_parameters) =
            (named(&row, fit.row_cov())?, named(&col, fit.col_cov())?);
        let (row_cov, row_correlation) = row.entries()?;
        let (col_cov, col_correlation) = col.entries()?;
        let estimates = Estimates {
            sigma2: fit.sigma2(),
            row: fit.row_cov().clone(),
            col: fit.col_cov().clone(),
            mean: fit.mean().to_owned(),
            dof: fit.dof(),
            row_parameters: frame.factors[Side::Rows].shape.report(fit.row_cov().view()),
            col_parameters: frame.factors[Side::Cols].shape.report(fit.col_cov().view()),
            names: (fit.row_names().to_vec(), fit.col_names().to_vec()),
            has_mean: frame.mean.is_some(),
        };
        Ok(Self {
            information: information.kind(),
            robust,
            sigma2,
            row_cov,
            col_cov,
            row_correlation,
            col_correlation,
            mean,
            dof,
            row_parameters,
            col_parameters,
            notes: notes(fit),
            estimates,
            basis: Basis { information, covariance },
        })
    }

    /// The information that the errors are made of.
    pub fn information_matrix(&self) -> &Information {
        &self.basis.information
    }

    /// Covariance of the local coordinates of [`Information`].
    pub fn covariance(&self) -> &Array2<f64> {
        &self.basis.covariance
    }

    /// Standard error of any function of the model with this gradient: √(gᵀVg).
    ///
    /// # Errors
    /// [`Error::Shape`] for a gradient of another shape; [`Error::Degenerate`] when the function
    /// changes along (cA, B/c), which no data can tell.
    pub fn of(&self, gradient: &Gradient) -> Result<f64> {
        let frame = &self.basis.information.frame;
        let (p, q) = frame.dim();
        let (row, col) = (&frame.factors[Side::Rows], &frame.factors[Side::Cols]);
        for (what, matrix, shape) in [
            ("the gradient by A", &gradient.row, (p, p)),
            ("the gradient by B", &gradient.col, (q, q)),
            ("the gradient by M", &gradient.mean, (p, q)),
        ] {
            if matrix.dim() != shape {
                return Err(Error::shape(what, format!("{shape:?}"), matrix.dim()));
            }
        }
        let pulled = |side: &FactorFrame, g: &Array2<f64>, fitted: Array2<f64>| {
            // Lᵀ G L, brought from the reported representative (cA, B/c) to the fit's own.
            let c = fitted.diag().sum() / side.root.matrix().diag().sum();
            matmul(matmul(side.root.lower().t(), (g * c).view()).view(), side.root.lower())
        };
        let own = Tangent {
            factors: BySide::new(
                pulled(row, &gradient.row, &self.estimates.row * self.estimates.sigma2),
                pulled(col, &gradient.col, self.estimates.col.clone()),
            ),
            mean: matmul(
                matmul(row.root.lower().t(), gradient.mean.view()).view(),
                col.root.lower(),
            ),
        };
        let [row_trace, col_trace] = Side::BOTH.map(|side| own.factors[side].diag().sum());
        let (traces, size) = (row_trace - col_trace, own.norm());
        if traces.abs() > 1e-8 * size * ((p + q) as f64).sqrt() {
            return Err(Error::Degenerate {
                what: "the function changes when A grows and B shrinks, which A ⊗ B does not tell"
                    .to_owned(),
                remedy: "take a function of A ⊗ B, such as a correlation or σ²·A_ij·B_kl"
                    .to_owned(),
            });
        }
        let mut g = frame.contract(&own)?;
        if let (Some(dof), Some(last)) = (frame.dof, g.last_mut()) {
            *last = gradient.dof * dof;
        }
        Ok(deviation(g.dot(&self.basis.covariance.dot(&g))))
    }

    /// Wald intervals of σ², ν, the structures' own parameters, the correlations of A and B, and
    /// the mean: symmetric in ln for σ² and ν, in atanh for correlations, for the others on the
    /// scale that the structure says.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 0 < level < 1.
    pub fn intervals(&self, level: f64) -> Result<Vec<Interval>> {
        let z = normal_quantile(level)?;
        let e = &self.estimates;
        let mut out = vec![wald("σ²", e.sigma2, self.sigma2, IntervalScale::Log, z)];
        if let (Some(dof), Some(error)) = (e.dof, self.dof) {
            out.push(wald("ν", dof, error, IntervalScale::Log, z));
        }
        for (side, values, errors) in [
            ("rows", &e.row_parameters, &self.row_parameters),
            ("columns", &e.col_parameters, &self.col_parameters),
        ] {
            for (parameter, (_, error)) in values.iter().zip(errors) {
                let scale = parameter.scale.or_linear(parameter.value);
                let name = format!("{parameter} ({side})");
                out.push(wald(&name, parameter.value, *error, scale, z));
            }
        }
        self.correlations(&mut out, z);
        if e.has_mean {
            for ((i, j), value) in e.mean.indexed_iter() {
                let name = format!("mean({}, {})", label(&e.names.0, i), label(&e.names.1, j));
                out.push(wald(&name, *value, self.mean[[i, j]], IntervalScale::Linear, z));
            }
        }
        Ok(out)
    }

    fn correlations(&self, out: &mut Vec<Interval>, z: f64) {
        let e = &self.estimates;
        for (matrix, errors, names, own, side) in [
            (&e.row, &self.row_correlation, &e.names.0, &e.row_parameters, "row"),
            (&e.col, &self.col_correlation, &e.names.1, &e.col_parameters, "column"),
        ] {
            // A structure with its own ρ or range says it all there.
            if own.iter().any(|parameter| parameter.kind.is_of_correlations()) {
                continue;
            }
            for i in 1..matrix.nrows() {
                for j in 0..i {
                    if errors[[i, j]] > 0.0 {
                        let r = matrix[[i, j]] / (matrix[[i, i]] * matrix[[j, j]]).sqrt();
                        let name =
                            format!("{side} correlation({}, {})", label(names, i), label(names, j));
                        out.push(wald(&name, r, errors[[i, j]], IntervalScale::Atanh, z));
                    }
                }
            }
        }
    }
}

fn label(names: &[String], i: usize) -> String {
    names.get(i).cloned().unwrap_or_else(|| i.to_string())
}

fn notes(fit: &Fit) -> Vec<String> {
    let mut notes = Vec::new();
    if fit.dof_at_infinity() {
        notes.push(
            "ν̂ = ∞ lies at the edge of its range: it has no standard error, and the others are \
             those of the Gaussian limit; see the profile likelihood of ν"
                .to_owned(),
        );
    } else if fit.dof().is_some() && !fit.model().estimates_dof() {
        notes.push("ν was given: its uncertainty is not in these errors".to_owned());
    }
    notes
}

/// √ of a variance; rounding below zero is zero.
fn deviation(variance: f64) -> f64 {
    if variance < 0.0 { 0.0 } else { variance.sqrt() }
}

/// The two-sided normal quantile of a level.
pub(super) fn normal_quantile(level: f64) -> Result<f64> {
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::domain("the level of an interval", level, "between 0 and 1"));
    }
    Ok(Normal::standard().inverse_cdf(0.5 + 0.5 * level))
}

fn wald(name: &str, estimate: f64, error: f64, scale: IntervalScale, z: f64) -> Interval {
    let (low, high) = match scale {
        IntervalScale::Linear => (estimate - z * error, estimate + z * error),
        IntervalScale::Log => {
            let factor = (z * error / estimate).exp();
            (estimate / factor, estimate * factor)
        }
        IntervalScale::Atanh => {
            let (centre, half) = (estimate.atanh(), z * error / (1.0 - estimate * estimate));
            ((centre - half).tanh(), (centre + half).tanh())
        }
        IntervalScale::Logit => {
            let rest = 1.0 - estimate;
            let (odds, factor) = (estimate / rest, (z * error / (estimate * rest)).exp());
            // The upper end as one over one plus small odds against it: no ∞/∞.
            (odds / (odds + factor), 1.0 / (1.0 + 1.0 / (odds * factor)))
        }
    };
    Interval { name: name.to_owned(), estimate, standard_error: error, low, high, scale }
}

pub(super) fn block(matrix: &Array2<f64>, at: usize, len: usize) -> Array2<f64> {
    let range = ndarray::Slice::from(at..at + len);
    matrix.slice_axis(Axis(0), range).slice_axis(Axis(1), range).to_owned()
}

/// One factor's report as a function of its coordinates.
pub(super) struct Delta<'a> {
    side: &'a FactorFrame,
    covariance: Array2<f64>,
    /// Rows are flattened dÂ, Â with trace d, per coordinate.
    jacobian: Array2<f64>,
    /// The factor with trace d.
    matrix: Array2<f64>,
    /// d ln(tr A) per coordinate.
    pub(super) ln_scale: Array1<f64>,
}

impl<'a> Delta<'a> {
    pub(super) fn new(side: &'a FactorFrame, covariance: Array2<f64>) -> Result<Self> {
        let (d, k) = (side.order(), side.len());
        let raw = side.root.matrix();
        let unit = raw.diag().sum() / d as f64;
        let matrix = raw / unit;
        let mut jacobian = Array2::zeros((k, d * d));
        let mut ln_scale = Array1::zeros(k);
        let mut at = Array1::zeros(k);
        for i in 0..k {
            at[i] = 1.0;
            let moved = side.root.unwhiten(side.combine(at.view())?.view()) / unit;
            ln_scale[i] = moved.diag().sum() / d as f64;
            let change = moved - &matrix * ln_scale[i];
            jacobian.row_mut(i).iter_mut().zip(&change).for_each(|(to, x)| *to = *x);
            at[i] = 0.0;
        }
        Ok(Self { side, covariance, jacobian, matrix, ln_scale })
    }

    /// Standard errors of linear functions: columns of a (k × m) jacobian.
    fn errors(&self, jacobian: &Array2<f64>) -> Array1<f64> {
        let moved = matmul(self.covariance.view(), jacobian.view());
        (&moved * jacobian).sum_axis(Axis(0)).mapv(deviation)
    }

    /// Standard errors of the entries and of the correlations.
    fn entries(&self) -> Result<(Array2<f64>, Array2<f64>)> {
        let d = self.side.order();
        let square = |flat: Array1<f64>| {
            flat.into_shape_with_order((d, d))
                .map_err(|e| Error::shape("standard errors", "a square matrix", e))
        };
        let correlation = self.correlation_jacobian();
        Ok((square(self.errors(&self.jacobian))?, square(self.errors(&correlation))?))
    }

    /// Columns are the derivatives of the correlations, entry by entry.
    pub(super) fn correlation_jacobian(&self) -> Array2<f64> {
        let (a, d) = (&self.matrix, self.side.order());
        let mut correlation = Array2::zeros(self.jacobian.dim());
        for (from, mut to) in self.jacobian.outer_iter().zip(correlation.outer_iter_mut()) {
            for i in 0..d {
                for j in (0..d).filter(|&j| j != i) {
                    let root = (a[[i, i]] * a[[j, j]]).sqrt();
                    let relative = from[i * d + i] / a[[i, i]] + from[j * d + j] / a[[j, j]];
                    to[i * d + j] = (from[i * d + j] - 0.5 * a[[i, j]] * relative) / root;
                }
            }
        }
        correlation
    }

    /// Standard errors of the structure's own parameters, scale-free functions of its matrix.
    fn parameters(&self, fitted: &Array2<f64>) -> Result<Vec<(String, f64)>> {
        let report = self.side.shape.report(fitted.view());
        let errors = self.errors(&self.parameter_jacobian(report.len())?);
        Ok(report.iter().map(Parameter::to_string).zip(errors).collect())
    }

    /// Columns are the derivatives of the structure's own parameters, of which there are `count`.
    pub(super) fn parameter_jacobian(&self, count: usize) -> Result<Array2<f64>> {
        let (shape, d) = (&self.side.shape, self.side.order());
        let mut jacobian = Array2::zeros((self.side.len(), count));
        if count == 0 || self.side.theta.is_empty() {
            return Ok(jacobian);
        }
        for k in 0..self.side.len() {
            let slope = super::richardson::slope(self.side.step(k), |t| {
                let mut theta = self.side.theta.clone();
                theta[k] += t;
                let matrix = shape.matrix(&theta, d)?;
                Ok(shape.report(matrix.view()).into_iter().map(|x| x.value).collect())
            })?;
            jacobian.row_mut(k).assign(&slope);
        }
        Ok(jacobian)
    }
}

/// Standard errors of the entries of M = K + CΘD.
fn mean_errors(fit: &Fit, covariance: &Array2<f64>, (p, q): (usize, usize)) -> Array2<f64> {
    let Some((c, d)) = fit.model().mean_structure().design(p, q) else {
        return Array2::zeros((p, q));
    };
    let variance = |row: ArrayView1<'_, f64>, col: ArrayView1<'_, f64>| -> f64 {
        let weights: Array1<f64> =
            row.iter().flat_map(|x| col.iter().map(move |y| x * y)).collect();
        weights.dot(&covariance.dot(&weights))
    };
    if is_identity(c.view()) && is_identity(d.view()) {
        return Array2::from_shape_fn((p, q), |(i, j)| {
            deviation(covariance[[i * q + j, i * q + j]])
        });
    }
    Array2::from_shape_fn((p, q), |(i, j)| deviation(variance(c.row(i), d.column(j))))
}

fn is_identity(matrix: ArrayView2<'_, f64>) -> bool {
    matrix.is_square()
        && matrix.indexed_iter().all(|((i, j), x)| *x == if i == j { 1.0 } else { 0.0 })
}
