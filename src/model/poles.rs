//! Where the t likelihoods have poles: a mean that passes through samples exactly, and a scale that
//! vanishes around them.
//!
//! r free mean matrices can interpolate r samples. With the scale at ε the likelihood then behaves
//! like ε^(−s),
//!
//! ```text
//! elliptical   s = nd/2 − (n−r)(ν+d)/2
//! matrix       s = nd/2 − (n−r) min(p,q) (ν+p+q−1)/2
//! ```
//!
//! and is bounded at those points where s < 0: ν > r d/(n−r), or ν > r max(p,q)/(n−r) − (min(p,q) − 1).

use crate::family::{Law, Weighting};

/// The ν above which a t likelihood with r free mean matrices is bounded where they interpolate r of
/// n samples (n: the weight of all, less what the heaviest r weigh beyond r); `None` for a law
/// without degrees of freedom. Not positive: it is bounded for every ν > 0.
pub fn least_dof(law: &dyn Law, n: f64, r: usize, p: usize, q: usize) -> Option<f64> {
    law.dof_family()?;
    let rest = n - r as f64;
    if !(rest > 0.0) {
        return Some(f64::INFINITY);
    }
    let (short, long) = (p.min(q) as f64, p.max(q) as f64);
    match law.weighting() {
        Weighting::Elliptical(_) => Some(r as f64 * short * long / rest),
        Weighting::Matrix(_) => Some(r as f64 * long / rest - (short - 1.0)),
        Weighting::Identity => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Gaussian, KroneckerT, MatrixT};

    #[test]
    fn bounds_by_hand() {
        let (kronecker, matrix) = (KroneckerT::new(1.0).unwrap(), MatrixT::new(1.0).unwrap());
        // 2 · 12/38 and 2 · 4/38 − 2.
        let close = |x: Option<f64>, y: f64| (x.unwrap() - y).abs() < 1e-15;
        assert!(close(least_dof(&kronecker, 40.0, 2, 3, 4), 24.0 / 38.0));
        assert!(close(least_dof(&matrix, 40.0, 2, 3, 4), 8.0 / 38.0 - 2.0));
        assert_eq!(least_dof(&Gaussian, 40.0, 2, 3, 4), None);
        assert_eq!(least_dof(&matrix, 2.0, 2, 3, 4), Some(f64::INFINITY));
    }
}
