//! The smeared likelihood: gradient and Hessian against differences of ℓ, and what has to stay the
//! same.

use kronfit::data::Sample;
use kronfit::estimate::{FitOptions, Shrink, ShrinkRule, Silent};
use kronfit::family::{Gaussian, KroneckerT, Law, MatrixT};
use kronfit::kronecker::{BySide, Side};
use kronfit::likelihood::{
    Channel, Likelihood, Point, SampleLikelihood, Shrunk, Sides, Sums, Support, Tangent,
};
use kronfit::linalg::{Root, Spd, matmul, symmetric_eigen, symmetrise};
use kronfit::model::{Mean, Model};
use ndarray::{Array2, Array3};

fn wave(rows: usize, cols: usize, seed: f64) -> Array2<f64> {
    Array2::from_shape_fn((rows, cols), |(i, j)| {
        ((1 + 3 * i + 7 * j) as f64 * (0.7 + seed)).sin() + 0.3 * ((i * j) as f64 + seed).cos()
    })
}

fn spd(d: usize, seed: f64) -> Array2<f64> {
    let x = wave(d, d, seed);
    matmul(x.view(), x.t()) * 0.3 + Array2::<f64>::eye(d)
}

fn sample(n: usize, p: usize, q: usize) -> Sample {
    Sample::new(Array3::from_shape_fn((n, p, q), |(i, r, c)| {
        let t = (1 + 31 * i + 7 * r + 13 * c) as f64;
        (t * 0.617).sin() + 0.8 * (t * 1.13 + (i * r) as f64).cos()
    }))
    .expect("a sample")
}

fn moved(at: &Point, along: &Tangent, t: f64) -> Point {
    let mut point = at.clone();
    for side in Side::BOTH {
        let step = symmetric_eigen("x", along.factors[side].view()).expect("eigenvalues");
        point.factors[side].advance("x", step.map(|x| (t * x).exp()).view()).expect("a root");
    }
    point.mean.scaled_add(t, &at.unwhiten(along.mean.view()));
    point
}

#[test]
fn gradient_and_hessian_are_those_of_the_likelihood() {
    let (n, p, q) = (3, 4, 3);
    let (data, law_dof) = (sample(n, p, q), 4.0);
    let laws: [Box<dyn Law>; 3] = [
        Box::new(Gaussian),
        Box::new(KroneckerT::new(law_dof).expect("a law")),
        Box::new(MatrixT::new(law_dof).expect("a law")),
    ];
    let plain = SampleLikelihood::new(&data);
    let channels = BySide::new(
        Channel::new(0.3, Spd::new("T", spd(p, 0.2)).expect("a target")).expect("a channel"),
        Channel::new(0.15, Spd::new("T", spd(q, 0.4)).expect("a target")).expect("a channel"),
    );
    let shrunk = Shrunk::new(&plain, channels);
    let root = |d: usize, seed: f64| Root::of("x", spd(d, seed).view()).expect("a root");
    let at = Point::new(wave(p, q, 0.1) * 0.2, root(p, 0.5), root(q, 0.9));
    let mut along = Tangent {
        factors: BySide::new(wave(p, p, 0.3) * 0.4, wave(q, q, 0.6) * 0.4),
        mean: wave(p, q, 0.8) * 0.4,
    };
    along.factors.iter_mut().for_each(symmetrise);
    for law in laws {
        let value = |t: f64| {
            let mut sums = Sums::zeros(p, q);
            let point = moved(&at, &along, t);
            shrunk.sums(&point, law.as_ref(), Sides::ROWS, &mut sums).expect("sums");
            sums.log_likelihood
        };
        // Central differences, extrapolated twice.
        let extrapolated = |difference: &dyn Fn(f64) -> f64| {
            let [a, b, c] = [0.04, 0.02, 0.01].map(difference);
            let (first, second) = ((4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0);
            (16.0 * second - first) / 15.0
        };
        let slope = extrapolated(&|h| (value(h) - value(-h)) / (2.0 * h));
        let bend = extrapolated(&|h| (value(h) - 2.0 * value(0.0) + value(-h)) / (h * h));
        let mut sums = Sums::zeros(p, q);
        shrunk.sums(&at, law.as_ref(), Sides::Both, &mut sums).expect("sums");
        let mut score = (&sums.psi * &along.mean).sum();
        for side in Side::BOTH {
            let g = sums.mean_scatter(side).expect("a scatter");
            let excess = &*g - &Array2::<f64>::eye(g.nrows());
            score += 0.5 * sums.unit(side) * (excess * &along.factors[side]).sum();
        }
        let off = (slope / score - 1.0).abs();
        assert!(off < 1e-8, "{}: slope off by {off:e}", law.name());
        let mut product = Tangent::zeros(p, q);
        let done = shrunk.curvature(&at, law.as_ref(), &along, &mut product).expect("a Hessian");
        assert_eq!(done, Support::Done);
        let off = (-bend / along.dot(&product) - 1.0).abs();
        assert!(off < 1e-8, "{}: bend off by {off:e}", law.name());
        // Symmetric, so that one quadratic form after another fixes all of it.
        let mut other = Tangent { mean: wave(p, q, 0.35), ..along.clone() };
        other.factors[Side::Rows] = spd(p, 0.77);
        let mut image = Tangent::zeros(p, q);
        let _ = shrunk.curvature(&at, law.as_ref(), &other, &mut image).expect("a Hessian");
        let gap = (along.dot(&image) - other.dot(&product)).abs();
        assert!(gap < 1e-11 * other.norm() * product.norm(), "{}: {gap:e}", law.name());
    }
}

#[test]
fn one_sample_is_enough_with_a_known_mean() {
    let options = FitOptions { shrink: Some(Shrink::default()), ..FitOptions::default() };
    for (p, q) in [(50, 5), (5, 50)] {
        let data = sample(1, p, q);
        let model = Model::gaussian().mean(Mean::Zero);
        let fit = model.fit_with(&data, &options, &mut Silent).expect("a fit");
        assert!(fit.is_converged(), "{p} × {q}: {:?}", fit.termination());
        assert_eq!(fit.shrinkage().expect("shrinkage").rule, "oas");
    }
    let refused = Model::gaussian().fit_with(&sample(1, 3, 2), &options, &mut Silent);
    assert!(refused.expect_err("one sample, free mean").to_string().contains("free mean"));
}

#[test]
fn no_shrinkage_is_the_plain_fit_to_the_last_bit() {
    let data = sample(9, 3, 2);
    let none = Shrink::by(ShrinkRule::Fixed { rows: 0.0, cols: 0.0 });
    let options = FitOptions { shrink: Some(none), ..FitOptions::default() };
    let fit = Model::gaussian().fit_with(&data, &options, &mut Silent).expect("a fit");
    let plain = Model::gaussian().fit(&data).expect("a fit");
    assert_eq!(fit.log_likelihood(), plain.log_likelihood());
    assert_eq!((fit.row_cov(), fit.col_cov()), (plain.row_cov(), plain.col_cov()));
    assert!(fit.shrinkage().is_none());
}
