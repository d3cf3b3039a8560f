//! How far an estimate is from the truth: every measure factorises, nothing is pq × pq.
//!
//! With a_i the eigenvalues of A⁻¹Â and b_j those of B⁻¹B̂ (scale in a), the eigenvalues of
//! Σ⁻¹Σ̂ are the products a_i b_j: all invariant measures are sums over p·q numbers.

use super::estimator::Estimate;
use super::simulate::Truth;
use super::target::Target;
use crate::Result;
use crate::estimate::Factors;
use crate::family::Law;
use crate::linalg::{Spd, invert_lower, matmul, symmetric_eigen};
use ndarray::{Array1, Array2, ArrayView2};
use std::sync::Arc;

/// The measures in the order of the result columns; d = pq.
///
/// * `frobenius` ‖Σ̂ − Σ‖ / ‖Σ‖; `frobenius_rows`, `frobenius_cols` the same of Â (trace p) and
///   B̂ (trace q);
/// * `distance` ‖ln Σ^(−1/2) Σ̂ Σ^(−1/2)‖, affine-invariant; `shape_distance` the same of Σ̂ and Σ
///   scaled to determinant 1: blind to the scale, defined for every law and for Tyler;
/// * `kullback` KL(N(0, Σ) ‖ N(0, Σ̂)) in nats; `stein` tr Σ⁻¹Σ̂ − ln|Σ⁻¹Σ̂| − d;
/// * `whitened` ‖Σ^(−1/2)(Σ̂ − Σ)Σ^(−1/2)‖², whose expectation the Cramér–Rao bound bounds;
/// * `trace_ratio` tr(Σ⁻¹Σ̂)/d and `ln_det_ratio` ln|Σ⁻¹Σ̂|/d: bias where their means are not 1, 0;
/// * `mean_error` ‖L_A⁻¹(M̂ − M)L_B⁻ᵀ‖/√d with Σ = σ²(A ⊗ B) in the factors;
/// * `dof` ν̂ (inf where the Gaussian limit is best);
/// * `coverage` and its parts `coverage_scale`, `coverage_shape`, `coverage_mean`, `coverage_dof`:
///   the share of the true parameters inside their Wald intervals, where a study asks for it
///   ([`Study::coverage`](super::Study::coverage) has the formulas).
pub const MEASURES: [&str; ERRORS + COVERAGES] = [
    "frobenius",
    "frobenius_rows",
    "frobenius_cols",
    "distance",
    "shape_distance",
    "kullback",
    "stein",
    "whitened",
    "trace_ratio",
    "ln_det_ratio",
    "mean_error",
    "dof",
    "coverage",
    "coverage_scale",
    "coverage_shape",
    "coverage_mean",
    "coverage_dof",
];

/// Measures that every study has.
pub(super) const ERRORS: usize = 12;
/// Measures of intervals, after those.
pub(super) const COVERAGES: usize = 5;

/// One number per entry of [`MEASURES`]; `None` where a measure is not defined.
pub type Measured = [Option<f64>; MEASURES.len()];

/// The truth, prepared for many comparisons.
#[derive(Debug, Clone)]
pub(super) struct Yardstick {
    pub(super) factors: Factors,
    row_inverse: Array2<f64>,
    col_inverse: Array2<f64>,
    pub(super) mean: Array2<f64>,
    pub(super) covariance_factor: Option<f64>,
    pub(super) law: Arc<dyn Law>,
    pub(super) target: Target,
}

impl Yardstick {
    pub(super) fn new(truth: &Truth, target: Target) -> Result<Self> {
        let factors = truth.factors().clone();
        let inverse = |what: &str, m: &Array2<f64>| {
            Spd::new(what, m.clone()).map(|s| invert_lower(s.lower()))
        };
        let (p, q) = truth.mean().dim();
        Ok(Self {
            row_inverse: inverse("the row factor", &factors.row)?,
            col_inverse: inverse("the column factor", &factors.col)?,
            factors,
            mean: truth.mean().to_owned(),
            covariance_factor: truth.law().covariance_factor(p, q),
            law: truth.distribution().law().clone(),
            target,
        })
    }

    /// σ²'s of truth and estimate that are to be compared.
    fn scales(&self, estimate: &Estimate) -> Option<(f64, f64)> {
        let estimated = estimate.has_scale.then_some(estimate.factors.sigma2)?;
        match self.target {
            Target::Scale => Some((self.factors.sigma2, estimated)),
            Target::Covariance => Some((
                self.factors.sigma2 * self.covariance_factor?,
                estimated * estimate.covariance_factor?,
            )),
        }
    }

    pub(super) fn measure(&self, estimate: &Estimate) -> Result<Measured> {
        let Factors { row, col, .. } = &estimate.factors;
        let (p, q) = (row.nrows() as f64, col.nrows() as f64);
        let d = p * q;
        let a = relative_eigenvalues("the estimated row factor", &self.row_inverse, row)?;
        let b = relative_eigenvalues("the estimated column factor", &self.col_inverse, col)?;
        let products = |scale: f64| {
            a.iter()
                .flat_map(|x| b.iter().map(move |y| x * y))
                .map(|l| scale * l)
                .collect::<Vec<_>>()
        };
        let mut out: Measured = [None; MEASURES.len()];
        out[1] = Some(relative_error(row, &self.factors.row));
        out[2] = Some(relative_error(col, &self.factors.col));
        let logs: Vec<f64> = products(1.0).into_iter().map(f64::ln).collect();
        let middle = logs.iter().sum::<f64>() / d;
        out[4] = Some(logs.iter().map(|l| (l - middle).powi(2)).sum::<f64>().sqrt());
        if let Some((true_scale, scale)) = self.scales(estimate) {
            let ratio = scale / true_scale;
            let values = products(ratio);
            let total = |f: &dyn Fn(f64) -> f64| values.iter().map(|l| f(*l)).sum::<f64>();
            let ln_det = total(&f64::ln);
            out[0] = Some(self.frobenius(row, col, ratio));
            out[3] = Some(total(&|l| l.ln().powi(2)).sqrt());
            out[5] = Some(0.5 * (total(&|l| 1.0 / l - 1.0) + ln_det));
            out[6] = Some(total(&|l| l - 1.0) - ln_det);
            out[7] = Some(total(&|l| (l - 1.0).powi(2)));
            out[8] = Some(total(&|l| l) / d);
            out[9] = Some(ln_det / d);
        }
        out[10] = estimate.mean.as_ref().map(|mean| self.mean_error(mean));
        out[11] = estimate.dof;
        // An eigenvalue that rounding made negative has no logarithm: no number is better than NaN.
        Ok(out.map(|x| x.filter(|x| !x.is_nan())))
    }

    /// ‖cÂ⊗B̂ − A⊗B‖/‖A⊗B‖ with the difference taken apart, so that small errors do not cancel:
    /// cÂ⊗B̂ − A⊗B = (cÂ − A)⊗B̂ + A⊗(B̂ − B).
    fn frobenius(&self, row: &Array2<f64>, col: &Array2<f64>, ratio: f64) -> f64 {
        let (row_error, col_error) = (row * ratio - &self.factors.row, col - &self.factors.col);
        let inner = |x: &Array2<f64>, y: &Array2<f64>| (x * y).sum();
        let (a, b) = (&self.factors.row, &self.factors.col);
        let square = inner(&row_error, &row_error) * inner(col, col)
            + 2.0 * inner(&row_error, a) * inner(col, &col_error)
            + inner(a, a) * inner(&col_error, &col_error);
        (square.max(0.0) / (inner(a, a) * inner(b, b))).sqrt()
    }

    fn mean_error(&self, mean: &Array2<f64>) -> f64 {
        let difference = mean - &self.mean;
        let half = matmul(self.row_inverse.view(), difference.view());
        let white = matmul(half.view(), self.col_inverse.t());
        let square: f64 = white.iter().map(|x| x * x).sum();
        (square / (self.factors.sigma2 * white.len() as f64)).sqrt()
    }
}

fn relative_error(estimate: &Array2<f64>, truth: &Array2<f64>) -> f64 {
    let norm = |x: ArrayView2<'_, f64>| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    norm((estimate - truth).view()) / norm(truth.view())
}

/// Eigenvalues of L⁻¹ Â L⁻ᵀ.
fn relative_eigenvalues(
    what: &str,
    inverse: &Array2<f64>,
    estimate: &Array2<f64>,
) -> Result<Array1<f64>> {
    let half = matmul(inverse.view(), estimate.view());
    let white = matmul(half.view(), inverse.t());
    Ok(symmetric_eigen(what, white.view())?.values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Gaussian;
    use crate::study::FactorSpec;

    fn kron(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
        ndarray::linalg::kron(a, b)
    }

    /// Against naive dense algebra.
    #[test]
    fn measures_are_those_of_the_dense_matrices() {
        let truth_row = FactorSpec::Ar1(0.6).matrix(3).unwrap() * 2.0;
        let truth_col = FactorSpec::Spread(5.0).matrix(4).unwrap();
        let mean = Array2::zeros((3, 4));
        let truth =
            Truth::new(Arc::new(Gaussian), mean.clone(), truth_row.clone(), truth_col.clone())
                .unwrap();
        let row = FactorSpec::Spread(3.0).matrix(3).unwrap();
        let col = FactorSpec::CompoundSymmetry(0.2).matrix(4).unwrap();
        let sigma2 = 1.3 * row.diag().sum() / 3.0;
        let row_hat = &row / (row.diag().sum() / 3.0);
        let mut estimate = Estimate::of(Factors { sigma2, row: row_hat.clone(), col: col.clone() });
        estimate.mean = Some(mean + 0.5);
        let got = Yardstick::new(&truth, Target::Scale).unwrap().measure(&estimate).unwrap();

        let sigma = kron(&truth_row, &truth_col);
        let hat = kron(&row, &col) * 1.3;
        let norm = |m: &Array2<f64>| m.iter().map(|x| x * x).sum::<f64>().sqrt();
        let inverse = Spd::new("sigma", sigma.clone()).unwrap().inverse_lower();
        let white = inverse.dot(&hat).dot(&inverse.t());
        let values = symmetric_eigen("white", white.view()).unwrap().values;
        let d = 12.0;
        let ln_det: f64 = values.iter().map(|x| x.ln()).sum();
        let expected = [
            norm(&(&hat - &sigma)) / norm(&sigma),
            norm(&(&row_hat - &(&truth_row / 2.0))) / norm(&(&truth_row / 2.0)),
            f64::NAN,
            values.iter().map(|x| x.ln().powi(2)).sum::<f64>().sqrt(),
            values.iter().map(|x| (x.ln() - ln_det / d).powi(2)).sum::<f64>().sqrt(),
            0.5 * (values.iter().map(|x| 1.0 / x).sum::<f64>() - d + ln_det),
            values.sum() - d - ln_det,
            norm(&(&white - &Array2::<f64>::eye(12))).powi(2),
            values.sum() / d,
            ln_det / d,
            (inverse.dot(&Array1::from_elem(12, 0.5)).mapv(|x| x * x).sum() / d).sqrt(),
        ];
        for (i, want) in expected.iter().enumerate().filter(|(_, w)| !w.is_nan()) {
            let got = got[i].unwrap();
            assert!(
                (got - want).abs() < 1e-11 * (1.0 + want.abs()),
                "{}: {got} {want}",
                MEASURES[i]
            );
        }
        assert_eq!(got[11], None);
    }

    #[test]
    fn the_truth_has_no_error() {
        let row = FactorSpec::Ar1(0.9).matrix(4).unwrap();
        let col = FactorSpec::Spread(100.0).matrix(3).unwrap();
        let truth = Truth::new(Arc::new(Gaussian), Array2::zeros((4, 3)), row, col).unwrap();
        let mut estimate = Estimate::of(truth.factors().clone());
        estimate.factors.row[[0, 0]] += 1e-9;
        let got = Yardstick::new(&truth, Target::Scale).unwrap().measure(&estimate).unwrap();
        // Small errors are not lost in the difference of large squares.
        assert!(got[0].unwrap() > 1e-11 && got[0].unwrap() < 1e-9);
        estimate.factors.row[[0, 0]] = truth.factors().row[[0, 0]];
        let got = Yardstick::new(&truth, Target::Scale).unwrap().measure(&estimate).unwrap();
        assert_eq!(got[0], Some(0.0));
        for i in [3, 4, 5, 6, 7] {
            assert!(got[i].unwrap().abs() < 1e-12, "{}", MEASURES[i]);
        }
    }
}
