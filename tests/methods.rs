//! Methods against each other: the same maximum, and how many passes it took.

mod common;

use kronfit::data::Sample;
use kronfit::estimate::{Fit, FitOptions, Method, Silent};
use kronfit::model::{Dof, Mean, Model};
use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(seed: u64, shape: (usize, usize, usize)) -> Array3<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array3::from_shape_simple_fn(shape, || StandardNormal.sample(&mut rng))
}

fn fit(model: &Model, sample: &Sample, method: Method, tol: f64) -> Fit {
    let options = FitOptions { method, tol, ..FitOptions::default() };
    model.fit_with(sample, &options, &mut Silent).expect("a fit")
}

/// Factors of condition 10^(2·decades) on both sides.
fn spread(mut x: Array3<f64>, decades: f64) -> Array3<f64> {
    let (_, p, q) = x.dim();
    let at = |i: usize, d: usize| 10f64.powf(decades * (i as f64 / (d - 1).max(1) as f64 - 0.5));
    x.indexed_iter_mut().for_each(|((_, i, j), v)| *v *= at(i, p) * at(j, q));
    x
}

/// The rows of the book's table (`--nocapture` prints them).
#[test]
fn auto_is_never_far_from_the_best_for_the_gaussian() {
    let cases: [(&str, (usize, usize, usize), f64); 8] = [
        ("easy", (100, 10, 10), 0.0),
        ("n=3 40x30", (3, 40, 30), 0.0),
        ("n=2 11x10", (2, 11, 10), 0.0),
        ("n=2 21x20", (2, 21, 20), 0.0),
        ("n=3 50x20", (3, 50, 20), 0.0),
        ("n=11 60x6", (11, 60, 6), 0.0),
        ("ill n=20 15x12", (20, 15, 12), 3.0),
        ("ill n=4 20x15", (4, 20, 15), 3.0),
    ];
    for (name, shape, decades) in cases {
        let sample = Sample::new(spread(normal(7, shape), decades)).expect("a sample");
        row(name, &Model::gaussian().mean(Mean::Zero), &sample);
    }
}

#[test]
fn auto_is_never_far_from_the_best_for_the_t_laws() {
    let cases: [(&str, Model, (usize, usize, usize)); 8] = [
        ("k-t 1 n=50 8x6", Model::kronecker_t(Dof::Fixed(1.0)), (50, 8, 6)),
        ("k-t 1 n=4 15x12", Model::kronecker_t(Dof::Fixed(1.0)), (4, 15, 12)),
        ("k-t 1 n=2 11x10", Model::kronecker_t(Dof::Fixed(1.0)), (2, 11, 10)),
        ("m-t 3 n=50 8x6", Model::matrix_t(Dof::Fixed(3.0)), (50, 8, 6)),
        ("m-t 3 n=4 15x12", Model::matrix_t(Dof::Fixed(3.0)), (4, 15, 12)),
        ("m-t 30 n=40 10x10", Model::matrix_t(Dof::Fixed(30.0)), (40, 10, 10)),
        ("m-t est n=50 8x6", Model::matrix_t(Dof::Estimate), (50, 8, 6)),
        ("m-t est n=6 8x6", Model::matrix_t(Dof::Estimate), (6, 8, 6)),
    ];
    for (name, model, shape) in cases {
        let mut x = normal(7, shape);
        for (i, mut m) in x.outer_iter_mut().enumerate() {
            m *= 1.0 + (i % 5) as f64;
        }
        let sample = Sample::new(x).expect("a sample");
        row(name, &model.mean(Mean::Zero), &sample);
    }
}

/// Passes to score 1e-9 by every method: auto needs at most twice as many as the best, and at
/// least five times fewer than flip-flop where that needs more than 200 sweeps.
fn row(name: &str, model: &Model, sample: &Sample) {
    let methods = [Method::FlipFlop, Method::Newton, Method::Auto, Method::Joint];
    let fits = methods.map(|method| fit(model, sample, method, 1e-9));
    let cells = fits.each_ref().map(|fit| match fit.is_converged() {
        true => format!("{} / {}", fit.iterations(), fit.passes()),
        false => format!("({} / {})", fit.iterations(), fit.passes()),
    });
    println!("| {name} | {} |", cells.join(" | "));
    let [flip_flop, _, auto, _] = &fits;
    assert!(auto.is_converged(), "{name}: {:?}", auto.termination());
    for fit in fits.iter().filter(|fit| fit.is_converged()) {
        assert!(auto.passes() <= 2 * fit.passes(), "{name}: {} by {}", fit.passes(), fit.method());
        let gap = (fit.log_likelihood() - auto.log_likelihood()).abs();
        assert!(
            gap <= 1e-10 * auto.log_likelihood().abs(),
            "{name}: {} off by {gap:e}",
            fit.method()
        );
    }
    if flip_flop.iterations() > 200 {
        assert!(5 * auto.passes() <= flip_flop.passes(), "{name}: {}", auto.passes());
    }
}
