//! Which structures are special cases of which, as sets of matrices.

use super::{Correlations, Exchangeable, Kernel, Structure};
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

    /// Why the χ² theory does not hold for a likelihood-ratio test of this, d-dimensional, against
    /// `outer`: parameters that mean nothing under the smaller structure, or an edge.
    pub(crate) fn irregular_within(&self, outer: &Self) -> Option<&'static str> {
        match (self, outer) {
            (Self::Factor(small), Self::Factor(large)) if small == large => None,
            (_, Self::Factor(_)) => Some("without a common factor its loadings mean nothing"),
            (Self::Identity, Self::Spatial(..))
            | (Self::Identity | Self::Diagonal, Self::Het(Correlations::Spatial(..))) => {
                Some("independence is at the edge of positive correlations")
            }
            _ => None,
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
        (S::Diagonal, S::Exchangeable(labels)) => Exchangeable::new(labels.clone()).is_trivial(),
        (S::Diagonal, S::Diagonal | S::Factor(_) | S::Antedependence | S::Block(_) | S::Het(_)) => {
            true
        }
        (S::Block(fine), S::Block(coarse)) => ends(coarse).iter().all(|x| ends(fine).contains(x)),
        (S::Block(sizes), S::Antedependence) => sizes.iter().all(|d| *d <= 2),
        (S::Block(sizes), _) => sizes.iter().all(|d| *d == 1) && within(&S::Diagonal, outer, d),
        (S::Exchangeable(coarse), S::Exchangeable(fine)) => merges(fine, coarse),
        (S::CompoundSymmetry, S::Exchangeable(_)) => true,
        (S::Exchangeable(labels), _) => {
            labels.iter().all(|x| *x == labels[0]) && within(&S::CompoundSymmetry, outer, d)
        }
        (S::Het(a), S::Het(b)) => within(&a.plain(), &b.plain(), d),
        (S::Het(a), S::Antedependence) => within(&a.plain(), outer, d),
        (_, S::Het(b)) => within(inner, &b.plain(), d),
        (S::Factor(few), S::Factor(many)) => few <= many,
        _ => stationary_within(inner, outer, d),
    }
}

/// The same for structures of equal variances, and for Markov chains around them.
fn stationary_within(inner: &Structure, outer: &Structure, d: usize) -> bool {
    use Structure as S;
    match (inner, outer) {
        (S::Ar1, S::Ar1 | S::Toeplitz | S::Correlation | S::Antedependence) => true,
        (S::Antedependence, S::Antedependence) => true,
        (S::CompoundSymmetry, S::CompoundSymmetry | S::Toeplitz | S::Correlation) => true,
        (S::Toeplitz, S::Toeplitz | S::Correlation) => true,
        (S::Spatial(k, at), S::Spatial(l, other)) => k == l && at == other,
        (S::Spatial(..), S::Correlation) => true,
        (S::Spatial(_, at), S::Toeplitz) => at.steps().is_some_and(|s| even(&s)),
        (S::Spatial(Kernel::Exponential, at), S::Ar1) => at.steps().is_some_and(|s| even(&s)),
        (S::Spatial(Kernel::Exponential, at), S::Antedependence) => at.steps().is_some(),
        // Of order two, all of these say that the variances are equal.
        (
            S::Correlation | S::Toeplitz | S::CompoundSymmetry | S::Ar1,
            S::Correlation | S::Toeplitz | S::CompoundSymmetry | S::Ar1,
        ) => d == 2 || matches!(outer, S::Correlation),
        _ => false,
    }
}

/// Where blocks of these orders end.
fn ends(sizes: &[usize]) -> Vec<usize> {
    sizes
        .iter()
        .scan(0, |end, size| {
            *end += size;
            Some(*end)
        })
        .collect()
}

/// Are entries with the same label in `fine` together in `coarse` too?
fn merges(fine: &[String], coarse: &[String]) -> bool {
    let pairs = || fine.iter().zip(coarse);
    fine.len() == coarse.len()
        && pairs().all(|(a, b)| pairs().all(|(other, label)| a != other || b == label))
}

/// Are these steps the same but for rounding?
fn even(steps: &[f64]) -> bool {
    steps.iter().all(|x| (x - steps[0]).abs() <= 1e-12 * steps[0].abs())
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
            ("diagonal", "het:ar1"),
            ("ar1", "het:ar1"),
            ("het:ar1", "het:toeplitz"),
            ("compound-symmetry", "het:toeplitz"),
            ("het:ar1", "antedependence"),
            ("block:1,1,2", "block:2,2"),
            ("block:2,2", "antedependence"),
            ("block:1,1,1,1", "het:ar1"),
            ("compound-symmetry", "exchangeable:a,b,a,b"),
            ("exchangeable:x,x,y,y", "exchangeable:a,a,b,c"),
            ("exchangeable:x,x,x,x", "toeplitz"),
            ("diagonal", "exchangeable:a,b,c,d"),
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
            ("het:ar1", "ar1"),
            ("het:toeplitz", "het:ar1"),
            ("antedependence", "het:ar1"),
            ("toeplitz", "antedependence"),
            ("block:2,2", "block:1,3"),
            ("block:2,2", "het:ar1"),
            ("exchangeable:a,a,b,c", "exchangeable:x,x,y,y"),
            ("diagonal", "exchangeable:a,a,b,c"),
            ("het:ar1", "correlation"),
        ] {
            assert!(!within(a, b, 4), "{a} in {b}");
        }
        assert!(within("correlation", "ar1", 2) && !within("correlation", "ar1", 3));
    }

    #[test]
    fn positions_are_looked_at() {
        let at =
            |kernel, x: &[f64]| Structure::Spatial(kernel, crate::structure::Positions::line(x));
        let even = at(Kernel::Exponential, &[3.0, 2.0, 1.0, 0.0]);
        let uneven = at(Kernel::Exponential, &[0.0, 1.0, 3.0, 4.0]);
        let mixed = at(Kernel::Exponential, &[0.0, 3.0, 1.0, 4.0]);
        let smooth = at(Kernel::Matern32, &[3.0, 2.0, 1.0, 0.0]);
        let inside = |a: &Structure, b: &Structure| a.is_within(b, 4) == Some(true);
        assert!(inside(&even, &Structure::Ar1) && inside(&uneven, &Structure::Antedependence));
        assert!(!inside(&uneven, &Structure::Ar1) && !inside(&mixed, &Structure::Antedependence));
        assert!(inside(&smooth, &Structure::Toeplitz) && !inside(&smooth, &Structure::Ar1));
        assert!(inside(&even, &even.clone().heterogeneous().unwrap()) && !inside(&even, &smooth));
        assert!(inside(&Structure::Identity, &even) && !inside(&Structure::Diagonal, &even));
        assert!(Structure::Identity.irregular_within(&even).is_some());
        assert!(Structure::Identity.irregular_within(&Structure::Ar1).is_none());
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
