//! A law of one's own: the logistic-like ρ = √(1 + δ) − 1, convex and with bounded influence.

use kronfit::{Elliptical, Law, Model, Radial, Result, Weighting, resolve};
use std::sync::Arc;

#[derive(Debug)]
struct Smooth;

impl Elliptical for Smooth {
    fn radial(&self, delta: f64, _d: usize) -> Radial {
        let s = (1.0 + delta).sqrt();
        Radial { rho: s - 1.0, weight: 1.0 / s, slope: -0.5 / (s * s * s) }
    }
}

#[rustfmt::skip]
impl Law for Smooth {
    fn name(&self) -> &str { "smooth" }
    fn weighting(&self) -> Weighting<'_> { Weighting::Elliptical(self) }
    fn ln_constant(&self, _p: usize, _q: usize) -> f64 { 0.0 }
    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> { None }
}

fn main() -> Result<()> {
    println!("{}", Model::of(Arc::new(Smooth)).fit(&resolve("us-macro")?)?);
    Ok(())
}
