//! How many matrices does a maximum likelihood estimate need?
//!
//! Run with `cargo run --release --example existence_thresholds`.

use kronfit::Result;
use kronfit::data::Sample;
use kronfit::estimate::{FitOptions, Silent};
use kronfit::model::{Existence, Mean, Model, existence, required_samples};
use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

fn main() -> Result<()> {
    // ANCHOR: table
    println!("Matrices needed, known mean: e = exists from, u = unique from");
    println!("   p   q   p/q+q/p    e   u");
    for (p, q) in [(2, 2), (3, 2), (4, 2), (6, 4), (10, 3), (20, 20), (100, 10)] {
        let bound = p as f64 / q as f64 + q as f64 / p as f64;
        let exists = required_samples(p, q);
        let unique = (exists..).find(|&n| existence(n, p, q) == Existence::Unique);
        println!("{p:4}{q:4}{bound:10.3}{exists:5}{:4}", unique.unwrap_or(0));
    }
    // ANCHOR_END: table

    // ANCHOR: fits
    println!("\nGaussian noise of 5 × 2, known mean: what the fit says");
    for n in 1..=4 {
        let sample = noise(n, 5, 2)?;
        let options = FitOptions { max_iter: 2000, force: true, ..FitOptions::default() };
        let model = Model::gaussian().mean(Mean::Zero);
        let said = match model.fit_with(&sample, &options, &mut Silent) {
            Ok(fit) => format!(
                "{} after {} iterations, log-likelihood {:.3}",
                fit.termination().name(),
                fit.iterations(),
                fit.log_likelihood()
            ),
            Err(error) => error.to_string(),
        };
        println!("  n = {n} ({:?}): {said}", existence(n, 5, 2));
    }
    // ANCHOR_END: fits
    Ok(())
}

fn noise(n: usize, p: usize, q: usize) -> Result<Sample> {
    let mut rng = ChaCha12Rng::seed_from_u64(n as u64);
    Sample::new(Array3::from_shape_simple_fn((n, p, q), || StandardNormal.sample(&mut rng)))
}
