//! Weights: frequencies are copies, precisions are another unit of measurement.

use kronfit::data::{Sample, Weights};
use kronfit::estimate::{DataSource, FitOptions, Method, Silent};
use kronfit::family::{Gaussian, KroneckerT, Law, MatrixT};
use kronfit::kronecker::Side;
use kronfit::likelihood::{
    Likelihood, Moments, Point, SampleLikelihood, Sides, Sums, Support, Tangent,
};
use kronfit::linalg::Root;
use kronfit::model::{Dof, Model};
use ndarray::{Array2, Array3, ArrayView2, Axis};

fn values(n: usize, p: usize, q: usize) -> Array3<f64> {
    Array3::from_shape_fn((n, p, q), |(i, j, k)| {
        let t = (i * 31 + j * 7 + k * 13) as f64;
        2.0 + (t * 0.617).sin() + 0.7 * (t * 1.13 + (i * j) as f64).cos() + 0.1 * (i * k % 5) as f64
    })
}

/// 0, 1, 2, 3, 0, …
fn frequencies(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7 + 1) % 4) as f64).collect()
}

fn replicated(values: &Array3<f64>, weights: &[f64]) -> Sample {
    let index: Vec<usize> =
        weights.iter().enumerate().flat_map(|(i, u)| std::iter::repeat_n(i, *u as usize)).collect();
    Sample::new(values.select(Axis(0), &index)).expect("a sample")
}

fn point(p: usize, q: usize) -> Point {
    let root = |d: usize, tilt: f64| {
        Root::from_lower(Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Equal => 1.0 + tilt * i as f64,
            std::cmp::Ordering::Greater => tilt * ((i + 2 * j) as f64).sin(),
            std::cmp::Ordering::Less => 0.0,
        }))
    };
    Point::new(Array2::from_elem((p, q), 1.7), root(p, 0.2), root(q, -0.1))
}

fn laws() -> [Box<dyn Law>; 3] {
    let kronecker = KroneckerT::new(4.0).expect("a law");
    let matrix = MatrixT::new(5.0).expect("a law");
    [Box::new(Gaussian), Box::new(kronecker), Box::new(matrix)]
}

fn close(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, what: &str) {
    assert_eq!(a.dim(), b.dim(), "{what}");
    let size = b.iter().fold(1e-300_f64, |m, x| m.max(x.abs()));
    for (x, y) in a.iter().zip(&b) {
        assert!((x - y).abs() <= 1e-12 * size, "{what}: {x} against {y}");
    }
}

/// In lanes, stacked, and with a tail.
const SHAPES: [(usize, usize, usize); 3] = [(150, 3, 4), (5, 4, 2), (83, 2, 2)];

#[test]
fn sums_with_frequencies_are_those_of_copies() {
    for (n, p, q) in SHAPES {
        let (values, weights) = (values(n, p, q), frequencies(n));
        let copies = replicated(&values, &weights);
        let copies = SampleLikelihood::new(&copies);
        let sample = Sample::new(values).expect("a sample");
        let weighted = SampleLikelihood::new(&sample).weighted(&weights).expect("weights");
        assert_eq!(weighted.weight(), copies.weight());
        let (x, y) = (weighted.average().unwrap(), copies.average().unwrap());
        close(x.view(), y.view(), "average");
        let squares = |l: &SampleLikelihood<'_>| l.squares(x.view(), false).unwrap();
        close(squares(&weighted).view(), squares(&copies).view(), "squares");
        for law in laws() {
            let point = point(p, q);
            let sums = |l: &dyn Likelihood, sides| {
                let mut sums = Sums::zeros(p, q);
                l.sums(&point, &*law, sides, &mut sums).expect("sums");
                sums
            };
            for sides in [Sides::Both, Sides::ROWS, Sides::COLS] {
                let (a, b) = (sums(&weighted, sides), sums(&copies, sides));
                for side in Side::BOTH.into_iter().filter(|side| sides.has(*side)) {
                    close(a.scatter(side).unwrap(), b.scatter(side).unwrap(), law.name());
                }
                close(a.psi.view(), b.psi.view(), law.name());
                for (x, y) in [
                    (a.log_likelihood, b.log_likelihood),
                    (a.rho, b.rho),
                    (a.law_weight, b.law_weight),
                    (a.weight, b.weight),
                    (a.cells, b.cells),
                ] {
                    assert!((x - y).abs() <= 1e-12 * y.abs(), "{} {sides:?} {x} {y}", law.name());
                }
            }
            let mut along = Tangent::zeros(p, q);
            along.factors[Side::Rows] =
                Array2::from_shape_fn((p, p), |(i, j)| (i + j) as f64 - 1.0);
            along.factors[Side::Cols] =
                Array2::from_shape_fn((q, q), |(i, j)| (i * j) as f64 - 0.5);
            along.mean = Array2::from_shape_fn((p, q), |(i, j)| i as f64 - 0.3 * j as f64);
            let bent = |l: &dyn Likelihood| {
                let mut out = Tangent::zeros(p, q);
                assert_eq!(l.curvature(&point, &*law, &along, &mut out).unwrap(), Support::Done);
                out
            };
            let (a, b) = (bent(&weighted), bent(&copies));
            close(a.mean.view(), b.mean.view(), "curvature of the mean");
            for side in Side::BOTH {
                close(a.factors[side].view(), b.factors[side].view(), "curvature");
            }
            if let Some(family) = law.dof_family() {
                let score = |l: &dyn Likelihood| {
                    let seen = l.summaries(&point, family).expect("summaries");
                    [family.score(3.0, &seen, p, q), family.excess_at_infinity(&seen, p, q)]
                };
                let (a, b) = (score(&weighted), score(&copies));
                for (x, y) in a.into_iter().zip(b) {
                    assert!((x - y).abs() <= 1e-12 * (1.0 + y.abs()), "ν: {x} {y}");
                }
            }
            let mut total = 0.0;
            weighted
                .each(&point, &*law, &mut |seen| {
                    total += seen.weight * seen.ln_density;
                    Ok(())
                })
                .expect("observations");
            let whole = sums(&weighted, Sides::Both).log_likelihood;
            assert!((total - whole).abs() <= 1e-11 * whole.abs(), "{total} {whole}");
        }
    }
}

#[test]
fn moments_with_frequencies_are_those_of_copies() {
    let (n, p, q) = (300, 3, 2);
    let (values, weights) = (values(n, p, q), frequencies(n));
    let copies = replicated(&values, &weights);
    let point = point(p, q);
    let (mut a, mut b) = (Moments::new(point.clone()), Moments::new(point.clone()));
    a.observe_weighted(values.view(), &weights).expect("weights");
    b.observe_all(copies.values()).expect("copies");
    let mut found = [Sums::zeros(p, q), Sums::zeros(p, q)];
    for (moments, sums) in [a, b].iter().zip(&mut found) {
        let likelihood = moments.likelihood().expect("moments");
        likelihood.sums(&point, &Gaussian, Sides::Both, sums).expect("sums");
    }
    let [a, b] = found;
    for side in Side::BOTH {
        close(a.scatter(side).unwrap(), b.scatter(side).unwrap(), "scatter");
    }
    assert!((a.log_likelihood - b.log_likelihood).abs() <= 1e-11 * b.log_likelihood.abs());
}

#[test]
fn fits_with_frequencies_are_those_of_copies() {
    let (n, p, q) = (90, 3, 2);
    let (values, weights) = (values(n, p, q), frequencies(n));
    let copies = replicated(&values, &weights);
    let sample = Sample::new(values)
        .and_then(|sample| sample.with_weights(Weights::Frequency(weights)))
        .expect("weights");
    let ar1 = || "ar1".parse().expect("a structure");
    let models = [
        Model::gaussian(),
        Model::gaussian().rows(ar1()),
        Model::kronecker_t(Dof::Estimate),
        Model::matrix_t(Dof::Fixed(6.0)),
        Model::matrix_t(Dof::Fixed(6.0)).cols("diagonal".parse().expect("a structure")),
    ];
    for model in models {
        for method in [Method::Auto, Method::FlipFlop, Method::Newton, Method::Joint] {
            let options = FitOptions { method, tol: 1e-9, ..FitOptions::default() };
            let a = model.fit_with(&sample, &options, &mut Silent).expect("a fit");
            let b = model.fit_with(&copies, &options, &mut Silent).expect("a fit");
            let what = format!("{} {method}", model.law().name());
            assert!(a.is_converged() && b.is_converged(), "{what}");
            let gap = (a.log_likelihood() - b.log_likelihood()).abs();
            assert!(gap <= 1e-9 * b.log_likelihood().abs(), "{what}: {gap:e}");
            assert!((a.bic() - b.bic()).abs() <= 1e-8 * b.bic().abs(), "{what}");
            close_to(a.mean(), b.mean(), 1e-7, &what);
            close_to(a.row_cov().view(), b.row_cov().view(), 1e-6, &what);
        }
    }
    for source in [DataSource::Samples, DataSource::Moments] {
        let options = FitOptions { source, ..FitOptions::default() };
        let fit = Model::gaussian().fit_with(&sample, &options, &mut Silent).expect("a fit");
        let plain = Model::gaussian().fit(&copies).expect("a fit");
        assert!((fit.log_likelihood() - plain.log_likelihood()).abs() < 1e-7, "{source:?}");
    }
}

fn close_to(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, tol: f64, what: &str) {
    for (x, y) in a.iter().zip(&b) {
        assert!((x - y).abs() <= tol * (1.0 + y.abs()), "{what}: {x} against {y}");
    }
}

/// ln f(X_i; M, A, B/w_i) written down for the multivariate normal and t.
#[test]
fn precision_weights_divide_the_covariance() {
    let (n, p, q) = (40, 2, 3);
    let precision: Vec<f64> = (0..n).map(|i| 0.3 + (i % 5) as f64).collect();
    let values = values(n, p, q);
    let sample = Sample::new(values.clone())
        .and_then(|sample| sample.with_weights(Weights::Precision(precision.clone())))
        .expect("weights");
    let models =
        [Model::gaussian(), Model::kronecker_t(Dof::Fixed(4.0)), Model::matrix_t(Dof::Fixed(5.0))];
    for model in models {
        let fit = model.fit(&sample).expect("a fit");
        assert!(fit.is_converged(), "{:?}", fit.termination());
        // The maximum of a likelihood that is added up sample by sample, each with its own factor.
        let at = |mean: &Array2<f64>| {
            let mut total = 0.0;
            for (x, w) in values.outer_iter().zip(&precision) {
                let one = Sample::new(x.to_owned().insert_axis(Axis(0))).expect("a sample");
                let mut point = fit.point().clone();
                point.mean = mean.clone();
                point.factors[Side::Cols].scale(1.0 / w);
                let mut sums = Sums::zeros(p, q);
                let likelihood = SampleLikelihood::new(&one);
                likelihood.sums(&point, fit.law(), Sides::Both, &mut sums).expect("sums");
                total += sums.log_likelihood;
            }
            total
        };
        let mean = fit.point().mean.clone();
        let best = at(&mean);
        assert!((best - fit.log_likelihood()).abs() < 1e-9 * best.abs(), "{best}");
        for index in [(0, 0), (1, 2)] {
            for step in [1e-3, -1e-3] {
                let mut moved = mean.clone();
                moved[index] += step;
                assert!(at(&moved) < best, "{}", model.law().name());
            }
        }
    }
}

#[test]
fn weights_that_are_none_are_refused_by_name() {
    let sample = Sample::new(values(5, 2, 2)).expect("a sample");
    let says = |weights: Weights| sample.clone().with_weights(weights).unwrap_err().to_string();
    let negative = says(Weights::Frequency(vec![1.0, 1.0, -2.0, 1.0, 1.0]));
    assert!(negative.contains("sample 2") && negative.contains("≥ 0"), "{negative}");
    let zero = says(Weights::Precision(vec![1.0, 0.0, 1.0, 1.0, 1.0]));
    assert!(zero.contains("sample 1") && zero.contains("> 0"), "{zero}");
    assert!(says(Weights::Frequency(vec![f64::NAN; 5])).contains("NaN"));
    assert!(says(Weights::Frequency(vec![0.0; 5])).contains("sum"));
    assert!(says(Weights::Frequency(vec![1.0; 4])).contains('5'));
    // Ten copies of two samples are two samples, and the mean takes one of them.
    let few = Sample::new(values(2, 4, 3)).expect("a sample");
    let few = few.with_weights(Weights::Frequency(vec![10.0, 10.0])).expect("weights");
    assert!(Model::gaussian().fit(&few).is_err());
}
