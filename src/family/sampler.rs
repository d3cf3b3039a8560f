//! Draws from the spherical laws, with fixed algorithms and one thread: the same generator gives
//! the same numbers.

use super::law::normals;
use super::{KroneckerT, Law, MatrixT, Sampler};
use ndarray::Array2;
use rand::Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

/// A χ² variate with `dof` > 0 degrees of freedom.
fn chi_squared(dof: f64, rng: &mut dyn Rng) -> f64 {
    ChiSquared::new(dof).map_or(f64::NAN, |law| law.sample(rng))
}

/// Z = N √(ν/c), c ~ χ²_ν.
impl Sampler for KroneckerT {
    fn draw(&self, p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let dof = self.dof().unwrap_or(f64::NAN);
        let normal = normals(p, q, rng);
        normal * (dof / chi_squared(dof, rng)).sqrt()
    }
}

/// Z = T⁻ᵀN on the smaller side s, T the lower Bartlett factor of a Wishart matrix with ν+s−1
/// degrees of freedom: T_ii² ~ χ²_{ν+s−1−i}, the rest standard normal.
impl Sampler for MatrixT {
    fn draw(&self, p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let dof = self.dof().unwrap_or(f64::NAN);
        let (s, t) = (p.min(q), p.max(q));
        let mut z = normals(s, t, rng);
        let mut bartlett = Array2::<f64>::zeros((s, s));
        for i in 0..s {
            for j in 0..i {
                bartlett[[i, j]] = StandardNormal.sample(rng);
            }
            bartlett[[i, i]] = chi_squared(dof + (s - 1 - i) as f64, rng).sqrt();
        }
        // Back substitution with the upper triangular Tᵀ.
        for i in (0..s).rev() {
            for k in 0..t {
                let known: f64 = (i + 1..s).map(|j| bartlett[[j, i]] * z[[j, k]]).sum();
                z[[i, k]] = (z[[i, k]] - known) / bartlett[[i, i]];
            }
        }
        if p <= q { z } else { z.reversed_axes().as_standard_layout().into_owned() }
    }
}
