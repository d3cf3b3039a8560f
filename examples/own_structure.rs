//! A structure of one's own: a damped wave, A_ij = σ² ρ^|i−j| cos(ω(i−j)).
//!
//! Four methods and a name are all it takes: the update in the flip-flop, the score and the
//! gradients come from the defaults. The program simulates seasonal data and lets the structure
//! compete with the built-in ones. Run with `cargo run --example own_structure`.

use kronfit::Result;
use kronfit::data::Sample;
use kronfit::likelihood::Point;
use kronfit::linalg::Root;
use kronfit::model::Model;
use kronfit::structure::{IntervalScale, Parameter, Shape, Structure};
use ndarray::{Array2, Array3, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::PI;
use std::sync::Arc;

/// Coordinates: ln σ², logit ρ, logit(ω/π).
#[derive(Debug)]
struct DampedWave;

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn logit(x: f64) -> f64 {
    let x = x.clamp(1e-6, 1.0 - 1e-6);
    (x / (1.0 - x)).ln()
}

/// (σ², ρ, ω).
fn decode(theta: &[f64]) -> (f64, f64, f64) {
    (theta[0].exp(), logistic(theta[1]), PI * logistic(theta[2]))
}

fn toeplitz(d: usize, f: impl Fn(f64) -> f64) -> Array2<f64> {
    Array2::from_shape_fn((d, d), |(i, j)| f(i.abs_diff(j) as f64))
}

impl Shape for DampedWave {
    fn name(&self) -> String {
        "damped-wave".to_owned()
    }

    fn n_parameters(&self, _d: usize) -> usize {
        3
    }

    /// From the average correlations r₁ = ρ cos ω and r₂ = ρ² cos 2ω = 2r₁² − ρ².
    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = matrix.nrows();
        let lag =
            |k: usize| -> f64 { (k..d).map(|i| matrix[[i, i - k]]).sum::<f64>() / (d - k) as f64 };
        let (r1, r2) = (lag(1) / lag(0), lag(2) / lag(0));
        let rho = (2.0 * r1 * r1 - r2).max(1e-6).sqrt();
        let omega = (r1 / rho).clamp(-1.0, 1.0).acos();
        Ok(vec![lag(0).ln(), logit(rho), logit(omega / PI)])
    }

    fn matrix(&self, theta: &[f64], d: usize) -> Result<Array2<f64>> {
        let (variance, rho, omega) = decode(theta);
        Ok(toeplitz(d, |k| variance * rho.powf(k) * (omega * k).cos()))
    }

    fn push_forward(&self, theta: &[f64], direction: &[f64], d: usize) -> Result<Array2<f64>> {
        let (variance, rho, omega) = decode(theta);
        let rho_step = direction[1] * (1.0 - rho); // relative: dρ/ρ
        let omega_step = direction[2] * omega * (1.0 - omega / PI);
        Ok(toeplitz(d, |k| {
            let wave = (omega * k).cos() * (direction[0] + k * rho_step);
            variance * rho.powf(k) * (wave - k * omega_step * (omega * k).sin())
        }))
    }

    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let Ok(theta) = self.coordinates(matrix) else { return Vec::new() };
        let (_, rho, omega) = decode(&theta);
        vec![
            Parameter::named("damping", rho, IntervalScale::Logit),
            Parameter::named("period", 2.0 * PI / omega, IntervalScale::Log),
        ]
    }
}

/// 40 matrices of 16 time points × 3 series whose correlation swings with period 7.
fn simulate() -> Result<Sample> {
    let wave = DampedWave.matrix(&[0.0, logit(0.85), logit(2.0 / 7.0)], 16)?;
    let cols = toeplitz(3, |k| 0.5_f64.powf(k));
    let mean = Array2::zeros((16, 3));
    let point =
        Point::new(mean, Root::of("the wave", wave.view())?, Root::of("the series", cols.view())?);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut values = Array3::zeros((40, 16, 3));
    for mut x in values.outer_iter_mut() {
        let z = Array2::from_shape_simple_fn((16, 3), || StandardNormal.sample(&mut rng));
        x.assign(&point.unwhiten(z.view()));
    }
    Sample::new(values)
}

fn main() -> Result<()> {
    let sample = simulate()?;
    println!("truth: damping 0.85, period 7; 40 matrices of 16 × 3\n");
    println!("{:<16} {:>14} {:>6} {:>12}  own parameters", "rows", "log-lik", "k", "BIC");
    let own = Structure::Custom(Arc::new(DampedWave));
    let mut rivals = vec![own];
    for name in ["identity", "ar1", "toeplitz", "unstructured"] {
        rivals.push(name.parse()?);
    }
    for rows in rivals {
        let fit = Model::gaussian().rows(rows.clone()).fit(&sample)?;
        let own = rows.shape().report(fit.row_cov().view());
        let shown: Vec<String> =
            own.iter().take(3).map(|x| format!("{x} = {:.3}", x.value)).collect();
        println!(
            "{:<16} {:>14.4} {:>6} {:>12.2}  {}",
            rows.to_string(),
            fit.log_likelihood(),
            fit.n_parameters(),
            fit.bic(),
            shown.join(", ")
        );
    }
    Ok(())
}
