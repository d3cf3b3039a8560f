//! The JSON record of a fit. Keys may be added, never renamed.

use crate::Result;
use crate::estimate::{Certificate, Fit, MissingCells, Normalisation, Shrinkage};
use crate::inference::order_used;
use crate::inference::{Coefficient, StandardErrors};
use crate::model::ModelSpec;
use crate::structure::Parameter;
use crate::{Error, VERSION};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// A fit as JSON: Σ = sigma2 · (row_cov ⊗ col_cov) in row-major vec order.
#[derive(Debug, Clone, Serialize)]
pub struct FitRecord {
    /// Version of this crate.
    pub kronfit: &'static str,
    /// Law.
    pub model: String,
    /// Samples.
    pub n: usize,
    /// Rows.
    pub p: usize,
    /// Columns.
    pub q: usize,
    /// Row structure.
    pub rows: String,
    /// Column structure.
    pub cols: String,
    /// Mean structure.
    pub mean_structure: &'static str,
    /// Method that reached the estimate.
    pub method: String,
    /// Normalisation of σ², A and B.
    pub normalisation: &'static str,
    /// Maximised log-likelihood, all constants included.
    pub log_likelihood: f64,
    /// The maximised objective of a shrunk fit; null for a plain one.
    pub penalised_log_likelihood: Option<f64>,
    /// What was shrunk and by how much; null for a plain fit.
    pub shrinkage: Option<Shrinkage>,
    /// σ².
    pub sigma2: f64,
    /// A (t laws: a scale).
    pub row_cov: Vec<Vec<f64>>,
    /// B (t laws: a scale).
    pub col_cov: Vec<Vec<f64>>,
    /// M; empty where covariates explain the mean.
    pub mean: Vec<Vec<f64>>,
    /// `none`, `frequency` or `precision`.
    pub weights: &'static str,
    /// One for every covariate; empty where there are none.
    pub coefficients: Vec<CoefficientRecord>,
    /// ν; null for the Gaussian and where ν̂ = ∞.
    pub dof: Option<f64>,
    /// Own parameters of the row structure.
    pub row_parameters: Vec<Parameter>,
    /// Own parameters of the column structure.
    pub col_parameters: Vec<Parameter>,
    /// Free parameters.
    pub n_parameters: usize,
    /// −2ℓ + 2k; null for a shrunk fit.
    pub aic: Option<f64>,
    /// Small-sample AIC; null where n ≤ k + 1.
    pub aicc: Option<f64>,
    /// −2ℓ + k ln n; null for a shrunk fit.
    pub bic: Option<f64>,
    /// Is this a maximum to the tolerance?
    pub converged: bool,
    /// Why the fit ended.
    pub termination: &'static str,
    /// max(|G_A − I|, |G_B − I|), projected on the structures.
    pub score: f64,
    /// Iterations.
    pub iterations: usize,
    /// Passes over the data.
    pub passes: usize,
    /// Seconds of the fit alone.
    pub seconds: f64,
    /// Missing cells.
    pub n_missing: usize,
    /// What was missing, where anything was.
    pub missing: Option<MissingCells>,
    /// The certificate, where it was computed.
    pub certificate: Option<Certificate>,
    /// Version of this record: what [`Fit::load`] reads.
    pub format: u32,
    /// The model as it was specified; null where law or structure is of the user's own.
    pub spec: Option<ModelSpec>,
    /// What was fitted.
    pub data: DataRecord,
    /// What the reader has to know.
    pub warnings: Vec<String>,
    /// Standard errors in the trace normalisation, where they were asked for.
    pub standard_errors: Option<StandardErrors>,
    /// Order of rows and of columns, where a structure depends on it.
    pub order: Vec<String>,
    /// Names of the rows.
    pub row_names: Vec<String>,
    /// Names of the columns.
    pub col_names: Vec<String>,
}

/// Version of the record.
pub(super) const FORMAT: u32 = 1;

/// Which data a fit is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// Where they came from.
    pub source: String,
    /// [`Sample::content_hash`](crate::data::Sample::content_hash) of them; null where they were
    /// not all in memory.
    #[serde(default)]
    pub content_hash: Option<String>,
}

/// Θ_k and, where they were computed, its errors.
#[derive(Debug, Clone, Serialize)]
pub struct CoefficientRecord {
    /// Name of the covariate.
    pub name: String,
    /// Θ̂_k (p × q).
    pub theta: Vec<Vec<f64>>,
    /// Standard errors from the expected information.
    pub standard_error: Option<Vec<Vec<f64>>>,
    /// Ends of the 95 % intervals.
    pub lower: Option<Vec<Vec<f64>>>,
    /// Ends of the 95 % intervals.
    pub upper: Option<Vec<Vec<f64>>>,
    /// P-values of every cell being 0.
    pub p_value: Option<Vec<Vec<f64>>>,
    /// The same, adjusted over the cells by Holm's method.
    pub holm: Option<Vec<Vec<f64>>>,
}

impl From<&Coefficient> for CoefficientRecord {
    fn from(term: &Coefficient) -> Self {
        Self {
            name: term.name.clone(),
            theta: rows_of(term.theta.view()),
            standard_error: Some(rows_of(term.standard_error.view())),
            lower: Some(rows_of(term.lower.view())),
            upper: Some(rows_of(term.upper.view())),
            p_value: Some(rows_of(term.p_value.view())),
            holm: Some(rows_of(term.holm.view())),
        }
    }
}

fn rows_of(matrix: ArrayView2<'_, f64>) -> Vec<Vec<f64>> {
    matrix.outer_iter().map(|row| row.to_vec()).collect()
}

impl FitRecord {
    /// The record of a fit in a normalisation.
    pub fn new(fit: &Fit, rule: Normalisation) -> Self {
        let (n, p, q) = fit.dim();
        let plain = fit.shrinkage().is_none();
        let factors = fit.factors(rule);
        let model = fit.model();
        let (rows, cols) = (model.row_structure().shape(), model.col_structure().shape());
        Self {
            kronfit: VERSION,
            model: model.law().name().to_owned(),
            n,
            p,
            q,
            rows: rows.name(),
            cols: cols.name(),
            mean_structure: model.mean_structure().name(),
            method: fit.method().to_owned(),
            normalisation: rule.name(),
            log_likelihood: fit.log_likelihood(),
            penalised_log_likelihood: fit.shrinkage().map(|s| s.penalised_log_likelihood),
            shrinkage: fit.shrinkage().cloned(),
            sigma2: factors.sigma2,
            row_parameters: rows.report(fit.row_cov().view()),
            col_parameters: cols.report(fit.col_cov().view()),
            row_cov: rows_of(factors.row.view()),
            col_cov: rows_of(factors.col.view()),
            mean: if fit.covariates().is_empty() { rows_of(fit.mean()) } else { Vec::new() },
            weights: fit.weights(),
            coefficients: fit
                .covariates()
                .iter()
                .enumerate()
                .map(|(k, name)| CoefficientRecord {
                    name: name.clone(),
                    theta: rows_of(fit.theta(k)),
                    standard_error: None,
                    lower: None,
                    upper: None,
                    p_value: None,
                    holm: None,
                })
                .collect(),
            dof: fit.dof(),
            n_parameters: fit.n_parameters(),
            aic: plain.then(|| fit.aic()),
            aicc: fit.aicc().filter(|_| plain),
            bic: plain.then(|| fit.bic()),
            converged: fit.is_converged(),
            termination: fit.termination().name(),
            score: fit.score(),
            iterations: fit.iterations(),
            passes: fit.passes(),
            seconds: fit.seconds(),
            n_missing: fit.missing().map_or(0, |missing| missing.missing),
            missing: fit.missing().copied(),
            certificate: fit.certificate().copied(),
            format: FORMAT,
            spec: model.spec().ok(),
            data: DataRecord {
                source: fit.source().to_owned(),
                content_hash: fit.content_hash().map(str::to_owned),
            },
            warnings: fit.warnings().to_vec(),
            standard_errors: None,
            order: [
                order_used("rows", model.row_structure(), fit.row_names()),
                order_used("columns", model.col_structure(), fit.col_names()),
            ]
            .into_iter()
            .flatten()
            .collect(),
            row_names: fit.row_names().to_vec(),
            col_names: fit.col_names().to_vec(),
        }
    }

    /// [`to_json`] of the record.
    ///
    /// # Errors
    /// As [`to_json`].
    pub fn to_json(&self) -> Result<String> {
        to_json(self)
    }
}

/// Pretty-printed JSON with a final newline; numbers read back to the same bits.
///
/// # Errors
/// A serialiser's own failure is reported as [`Error::Unsupported`].
pub fn to_json<T: Serialize>(value: &T) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::Unsupported {
        what: format!("the result cannot be written as JSON ({e})"),
        remedy: "report this".to_owned(),
    })?;
    Ok(text + "\n")
}
