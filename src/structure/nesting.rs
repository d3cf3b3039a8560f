//! Which structures are special cases of which, as sets of matrices.

use super::Structure;
use ndarray::Array2;
use std::sync::Arc;

impl Structure {
    /// Is every matrix of order d of this structure one of `outer`? Cones are compared: the scale
    /// is free on both sides. `None` where it is not known, which only a structure of the user's
    /// own can be the reason of.
    ///
    /// ```
    /// use kronfit::structure::Structure;
    /// assert_eq!(Structure::Ar1.is_within(&Structure::Toeplitz, 5), Some(true));
    /// assert_eq!(Structure::Toeplitz.is_within(&Structure::Ar1, 5), Some(false));
    /// ```
    pub fn is_within(&self, outer: &Self, d: usize) -> Option<bool> {
        match (self, outer) {
            (_, Self::Unstructured) => Some(true),
            (Self::Custom(a), Self::Custom(b)) if Arc::ptr_eq(a, b) => Some(true),
            (Self::Custom(a), Self::Custom(b)) => {
                a.is_within(outer, d).or_else(|| b.contains(self, d))
            }
            (Self::Custom(a), _) => a.is_within(outer, d),
            (_, Self::Custom(b)) => b.contains(self, d),
            _ => Some(d == 1 || within(self, outer, d)),
        }
    }

    /// Does a likelihood-ratio test of this against `outer` lose common factors? Where the smaller
    /// structure has fewer of them, the loadings of the others are not identified, and the
    /// χ² theory does not hold.
    pub(crate) fn loses_factors(&self, outer: &Self) -> bool {
        match (self, outer) {
            (Self::Factor(small), Self::Factor(large)) => small != large,
            (_, Self::Factor(_)) => true,
            _ => false,
        }
    }
}

/// As [`Structure::is_within`] for two structures of ours, `outer` not unstructured, d ≥ 2.
fn within(inner: &Structure, outer: &Structure, d: usize) -> bool {
    use Structure as S;
    match (inner, outer) {
        (S::Known(matrix), _) => is_one(matrix, outer, d),
        (S::Identity, S::Known(matrix)) => is_one(matrix, inner, d),
        (_, S::Known(_)) => false,
        (S::Identity, _) => true,
        (S::Diagonal, S::Diagonal | S::Factor(_)) => true,
        (S::Ar1, S::Ar1 | S::Toeplitz | S::Correlation) => true,
        (S::CompoundSymmetry, S::CompoundSymmetry | S::Toeplitz | S::Correlation) => true,
        (S::Toeplitz, S::Toeplitz | S::Correlation) => true,
        // Of order two, all of these say that the variances are equal.
        (
            S::Correlation | S::Toeplitz | S::CompoundSymmetry | S::Ar1,
            S::Correlation | S::Toeplitz | S::CompoundSymmetry | S::Ar1,
        ) => d == 2 || matches!(outer, S::Correlation),
        (S::Factor(few), S::Factor(many)) => few <= many,
        _ => false,
    }
}

/// Is a given matrix one of a structure? Its coordinates lead back to it then.
fn is_one(matrix: &Array2<f64>, structure: &Structure, d: usize) -> bool {
    let shape = structure.shape();
    let again = shape.coordinates(matrix.view()).and_then(|x| shape.matrix(&x, d));
    let size = matrix.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    again.is_ok_and(|again| {
        again.dim() == matrix.dim()
            && again.iter().zip(matrix).all(|(a, b)| (a - b).abs() <= 1e-12 * size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(a: &str, b: &str, d: usize) -> bool {
        let parsed = |text: &str| text.parse::<Structure>().unwrap();
        parsed(a).is_within(&parsed(b), d).unwrap()
    }

    #[test]
    fn structures_nest_as_sets_of_matrices_do() {
        for (a, b) in [
            ("identity", "diagonal"),
            ("identity", "ar1"),
            ("ar1", "unstructured"),
            ("diagonal", "unstructured"),
            ("ar1", "ar1"),
            ("toeplitz", "correlation"),
            ("diagonal", "factor:1"),
            ("factor:1", "factor:2"),
        ] {
            assert!(within(a, b, 4), "{a} in {b}");
        }
        for (a, b) in [
            ("ar1", "compound-symmetry"),
            ("diagonal", "ar1"),
            ("unstructured", "diagonal"),
            ("ar1", "identity"),
            ("correlation", "toeplitz"),
            ("factor:2", "factor:1"),
        ] {
            assert!(!within(a, b, 4), "{a} in {b}");
        }
        assert!(within("correlation", "ar1", 2) && !within("correlation", "ar1", 3));
    }

    #[test]
    fn a_known_matrix_is_looked_at() {
        let ar1 = Array2::from_shape_fn((4, 4), |(i, j)| 0.5_f64.powi(i.abs_diff(j) as i32));
        let (known, scaled) = (Structure::Known(ar1.clone()), Structure::Known(ar1 * 3.0));
        assert_eq!(known.is_within(&scaled, 4), Some(true));
        assert_eq!(known.is_within(&Structure::Ar1, 4), Some(true));
        assert_eq!(known.is_within(&Structure::CompoundSymmetry, 4), Some(false));
        assert_eq!(Structure::Identity.is_within(&known, 4), Some(false));
        let unit = Structure::Known(Array2::eye(4));
        assert_eq!(Structure::Identity.is_within(&unit, 4), Some(true));
    }
}
