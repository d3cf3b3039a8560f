//! Methods against each other: the same maximum, and how many passes it took.

mod common;

use kronfit::data::Sample;
use kronfit::estimate::{Fit, FitOptions, Method, Silent};
use kronfit::model::{Mean, Model};
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

#[test]
#[ignore = "a table, not a test"]
fn table() {
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
        print!("{name:16}");
        for method in [Method::FlipFlop, Method::Newton, Method::Auto] {
            let fit = fit(&Model::gaussian().mean(Mean::Zero), &sample, method, 1e-9);
            print!(
                " | {:?} {} it {} passes {:.3}s score {:.1e}",
                fit.termination(),
                fit.iterations(),
                fit.passes(),
                fit.seconds(),
                fit.score()
            );
        }
        println!();
    }
}
