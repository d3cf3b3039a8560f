//! Draws from the spherical laws, with fixed algorithms and one thread: the same generator gives
//! the same numbers.

use ndarray::Array2;
use rand::Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

/// A law that can draw its whitened matrix Z (M = 0, A = I, B = I).
pub trait Sampler: Send + Sync {
    /// One Z (p × q).
    fn draw(&self, p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64>;
}

/// Independent standard normals (p × q).
pub(super) fn normals(p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((p, q), || StandardNormal.sample(rng))
}

/// A χ² variate with `dof` > 0 degrees of freedom.
pub(super) fn chi_squared(dof: f64, rng: &mut dyn Rng) -> f64 {
    ChiSquared::new(dof).map_or(f64::NAN, |law| law.sample(rng))
}

/// Z of independent standard normals: the Gaussian law.
#[derive(Debug, Clone, Copy)]
pub(super) struct Normals;

impl Sampler for Normals {
    fn draw(&self, p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64> {
        normals(p, q, rng)
    }
}
