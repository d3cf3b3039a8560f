//! Parametrisations in use elsewhere, and how to get here from there.
//!
//! | elsewhere | there | here |
//! | --- | --- | --- |
//! | SciPy `matrix_normal(mean, rowcov, colcov)` | Cov(vec_rows X) = rowcov ⊗ colcov | [`Gaussian`](super::Gaussian), A = rowcov, B = colcov |
//! | SciPy `matrix_t(mean, row_spread, col_spread, df)` | Cov = row_spread ⊗ col_spread/(df−2) | [`MatrixT`](super::MatrixT), A = row_spread, B = col_spread, ν = df |
//! | SciPy `multivariate_t(loc, shape, df)` of vec_rows X | shape = A ⊗ B | [`KroneckerT`](super::KroneckerT), ν = df |
//! | R `MixMatrix` normal or t: U (rows), V (columns), df | Cov(vec_cols X) = V ⊗ U (t: /(df−2)) | [`Gaussian`](super::Gaussian) or [`MatrixT`](super::MatrixT), A = U, B = V |
//! | a scale per ν, A₀ = Σ/ν, whose limit ν → ∞ is the Gaussian N(M, A₀, B) | Cov = ν/(ν−2) A₀ ⊗ B | [`matrix_t_spread`]: A = νA₀ |
//! | a covariance A_c ⊗ B | | [`scale_of_covariance`]: A = A_c / factor |
//! | R arrays, dim = (p, q, n), column-major | x\[i, j, k\] at i + p(j + qk) | [`sample_from_column_major`]: (n, p, q), row-major |

use super::Law;
use crate::data::Sample;
use crate::{Error, Result};
use ndarray::{Array2, Array3, ArrayView2, ShapeBuilder};

/// A = νA₀: the MatrixT row spread of a scale A₀ (p × p) that does not grow with ν.
pub fn matrix_t_spread(scale: ArrayView2<'_, f64>, dof: f64) -> Array2<f64> {
    &scale * dof
}

/// A₀ = A/ν: the inverse of [`matrix_t_spread`].
pub fn matrix_t_scale(spread: ArrayView2<'_, f64>, dof: f64) -> Array2<f64> {
    &spread / dof
}

/// The row factor A (p × p) of `law` for which Cov(vec_rows X) = covariance ⊗ B, with B q × q.
///
/// # Errors
/// [`Error::Unsupported`] where the law has no covariance (t laws with ν ≤ 2).
pub fn scale_of_covariance(
    law: &dyn Law,
    covariance: ArrayView2<'_, f64>,
    q: usize,
) -> Result<Array2<f64>> {
    match law.covariance_factor(covariance.nrows(), q) {
        Some(factor) => Ok(&covariance / factor),
        None => Err(Error::Unsupported {
            what: format!("the law \"{}\" with these ν has no covariance", law.name()),
            remedy: "give the scale instead, or ν > 2".to_owned(),
        }),
    }
}

/// The sample in R's memory order: `values` is as.vector(x) of an array with dim (p, q, n).
///
/// # Errors
/// [`Error::Shape`] when the length is not pqn, and what [`Sample::new`] says.
pub fn sample_from_column_major(
    values: &[f64],
    (p, q, n): (usize, usize, usize),
) -> Result<Sample> {
    let found = values.len();
    let array = Array3::from_shape_vec((p, q, n).f(), values.to_vec()).map_err(|_| {
        Error::shape("the column-major array", format!("{p}·{q}·{n} values"), found)
    })?;
    Sample::new(array.permuted_axes([2, 0, 1]))
}

/// as.vector(x) in R of the sample as an array with dim (p, q, n).
pub fn sample_to_column_major(sample: &Sample) -> Vec<f64> {
    // Column-major (p, q, n) varies p fastest: row-major (n, q, p).
    sample.values().permuted_axes([0, 2, 1]).iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{KroneckerT, MatrixT};
    use ndarray::array;

    #[test]
    fn column_major_arrays_round_trip() {
        // In R: x <- array(1:12, dim = c(2, 3, 2)); x[2, 3, 1] is 6, x[1, 2, 2] is 9.
        let values: Vec<f64> = (1..=12).map(f64::from).collect();
        let sample = sample_from_column_major(&values, (2, 3, 2)).unwrap();
        assert_eq!(sample.dim(), (2, 2, 3));
        assert_eq!(sample.values()[[0, 1, 2]], 6.0);
        assert_eq!(sample.values()[[1, 0, 1]], 9.0);
        assert_eq!(sample_to_column_major(&sample), values);
        assert!(sample_from_column_major(&values, (2, 3, 3)).is_err());
    }

    #[test]
    fn scales_of_a_covariance() {
        let covariance = array![[2.0, 0.5], [0.5, 1.0]];
        let law = MatrixT::new(5.0).unwrap();
        let scale = scale_of_covariance(&law, covariance.view(), 3).unwrap();
        assert_eq!(scale, &covariance * 3.0);
        let spread = matrix_t_spread(covariance.view(), 4.0);
        assert_eq!(matrix_t_scale(spread.view(), 4.0), covariance);
        let law = KroneckerT::new(2.0).unwrap();
        assert!(scale_of_covariance(&law, covariance.view(), 3).is_err());
    }
}
