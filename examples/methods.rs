//! Flip-flop against Newton against the joint search against the default, on samples from easy
//! to hard.
//!
//! All climb the same likelihood; a pass over the data is the common measure of work.
//! Run with `cargo run --release --example methods`.

use kronfit::Result;
use kronfit::data::Sample;
use kronfit::estimate::{Certify, Fit, FitOptions, Method, Silent};
use kronfit::family::MatrixDistribution;
use kronfit::linalg::Spd;
use kronfit::model::{Dof, Mean, Model};
use ndarray::{Array2, Array3};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

const METHODS: [Method; 5] =
    [Method::Auto, Method::FlipFlop, Method::Newton, Method::Joint, Method::ThreeStep];

fn main() -> Result<()> {
    let gaussian = Model::gaussian().mean(Mean::Zero);
    show("Easy: Gaussian, n = 200 of 6 × 4", &gaussian, &noise(200, 6, 4)?)?;
    let ill = ill_conditioned(200, 6, 4, 1e8)?;
    show("Ill-conditioned: the same noise, A and B of condition about 1e8", &gaussian, &ill)?;
    let threshold = "At the existence threshold: Gaussian, n = 3 of 11 × 5 (p/q + q/p = 2.65)";
    show(threshold, &gaussian, &noise(3, 11, 5)?)?;
    let heavy = Model::matrix_t(Dof::Fixed(3.0)).mean(Mean::Zero);
    let law = heavy.law().clone();
    let (a, b) = (Spd::identity(15), Spd::identity(12));
    let law = MatrixDistribution::new(law, Array2::zeros((15, 12)), a, b)?;
    let sample = law.simulate(4, &mut ChaCha12Rng::seed_from_u64(4))?;
    show("Heavy tails and few samples: matrix t, ν = 3, n = 4 of 15 × 12", &heavy, &sample)
}

// ANCHOR: show
fn show(title: &str, model: &Model, sample: &Sample) -> Result<()> {
    let fit = |method| {
        let options = FitOptions { method, certificate: Certify::Force, ..FitOptions::default() };
        model.fit_with(sample, &options, &mut Silent)
    };
    let fits = METHODS.into_iter().map(fit).collect::<Result<Vec<Fit>>>()?;
    // ANCHOR_END: show
    let best = fits.iter().map(Fit::log_likelihood).fold(f64::NEG_INFINITY, f64::max);
    println!("{title}; log-likelihood {best:.6}\n");
    println!("  method      iterations  passes  seconds  below best    score  distance  ended");
    for (method, fit) in METHODS.iter().zip(&fits) {
        println!(
            "  {:<11} {:>10} {:>7} {:>8.4} {:>11.1e} {:>8.1e} {:>9}  {}",
            method.name(),
            fit.iterations(),
            fit.passes(),
            fit.seconds(),
            best - fit.log_likelihood(),
            fit.score(),
            distance(fit),
            ended(fit)
        );
    }
    if let Some(certificate) = fits[0].certificate() {
        let unique = if certificate.unique { "unique" } else { "not unique" };
        println!("\n  Curvature at the maximum {:.2e}: {unique}.", certificate.curvature);
    }
    println!();
    Ok(())
}

/// The certificate's bound on the distance to the exact maximum, where there is one.
fn distance(fit: &Fit) -> String {
    let bound = fit.certificate().and_then(|certificate| certificate.distance);
    bound.map_or("–".to_owned(), |bound| format!("{bound:.1e}"))
}

fn ended(fit: &Fit) -> String {
    match fit.method().split_once(", ") {
        Some((_, later)) => format!("{}, with {later}", fit.termination().name()),
        None => fit.termination().name().to_owned(),
    }
}

fn noise(n: usize, p: usize, q: usize) -> Result<Sample> {
    let mut rng = ChaCha12Rng::seed_from_u64(n as u64);
    Sample::new(Array3::from_shape_simple_fn((n, p, q), || StandardNormal.sample(&mut rng)))
}

/// The same noise, L_A Z L_Bᵀ with lower triangular roots whose columns fade out.
fn ill_conditioned(n: usize, p: usize, q: usize, condition: f64) -> Result<Sample> {
    let root = |d: usize| {
        let fade = move |j: usize| condition.powf(-0.5 * j as f64 / (d - 1) as f64);
        Array2::from_shape_fn((d, d), |(i, j)| if j <= i { fade(j) } else { 0.0 })
    };
    let (left, right) = (root(p), root(q));
    let mut values = noise(n, p, q)?.values().to_owned();
    for mut x in values.outer_iter_mut() {
        let mixed = left.dot(&x).dot(&right.t());
        x.assign(&mixed);
    }
    Sample::new(values)
}
