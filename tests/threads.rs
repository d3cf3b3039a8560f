//! The same bits on any number of threads.

use kronfit::data::Sample;
use kronfit::estimate::{DataSource, FitOptions, Silent};
use kronfit::family::{Gaussian, KroneckerT, Law, MatrixT};
use kronfit::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
use kronfit::linalg::Root;
use kronfit::model::Model;
use ndarray::{Array2, Array3};

fn sample(n: usize, p: usize, q: usize) -> Sample {
    let values = Array3::from_shape_fn((n, p, q), |(i, r, c)| {
        let t = (i * 97 + r * 11 + c * 5) as f64;
        (t * 0.7123).sin() + 0.6 * (t * t * 0.013).cos() + 0.2 * (r as f64 - c as f64)
    });
    Sample::new(values).expect("a finite sample")
}

fn point(p: usize, q: usize) -> Point {
    let root = |d: usize| {
        Root::from_lower(Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Equal => 1.0 + 0.1 * i as f64,
            std::cmp::Ordering::Greater => 0.05 * ((i + j) as f64).sin(),
            std::cmp::Ordering::Less => 0.0,
        }))
    };
    Point::new(Array2::from_elem((p, q), 0.1), root(p), root(q))
}

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    pool.install(work)
}

#[test]
fn passes_have_the_same_bits() {
    let laws: [&dyn Law; 3] =
        [&Gaussian, &KroneckerT::new(4.0).expect("ν > 0"), &MatrixT::new(4.0).expect("ν > 0")];
    // Lanes; lanes of large matrices; stacked.
    for (n, p, q) in [(3000, 7, 9), (40, 60, 50), (5, 120, 110)] {
        let (sample, point) = (sample(n, p, q), point(p, q));
        for law in laws {
            let run = |threads| {
                on(threads, || {
                    let source = SampleLikelihood::new(&sample);
                    let mut out = Sums::zeros(p, q);
                    source.sums(&point, law, Sides::Both, &mut out).unwrap();
                    // A second pass reuses the memory of the first.
                    let first = out.clone();
                    source.sums(&point, law, Sides::Both, &mut out).unwrap();
                    assert_eq!(first, out);
                    out
                })
            };
            let one = run(1);
            assert_eq!(one, run(2), "{} ({n}, {p}, {q})", law.name());
            assert_eq!(one, run(3), "{} ({n}, {p}, {q})", law.name());
        }
    }
}

#[test]
fn fits_have_the_same_bits() {
    let sample = sample(2500, 6, 5);
    for source in [DataSource::Samples, DataSource::Moments] {
        let options = FitOptions { source, ..FitOptions::default() };
        let run = |threads| {
            on(threads, || {
                let fit =
                    Model::gaussian().fit_with(&sample, &options, &mut Silent).expect("a fit");
                assert!(fit.is_converged());
                (fit.log_likelihood(), fit.row_cov().clone(), fit.col_cov().clone())
            })
        };
        let one = run(1);
        assert_eq!(one, run(2), "{}", source.name());
        assert_eq!(one, run(3), "{}", source.name());
    }
}

/// Samples and moments are two ways to one maximum.
#[test]
fn moments_and_samples_agree() {
    for (n, p, q) in [(2500, 6, 5), (60, 4, 4)] {
        let sample = sample(n, p, q);
        let run = |source| {
            let options = FitOptions { source, tol: 1e-11, ..FitOptions::default() };
            Model::gaussian().fit_with(&sample, &options, &mut Silent).expect("a fit")
        };
        let (a, b) = (run(DataSource::Samples), run(DataSource::Moments));
        assert!(a.is_converged() && b.is_converged());
        assert!((a.log_likelihood() / b.log_likelihood() - 1.0).abs() < 1e-12);
        let off =
            |x: &Array2<f64>, y: &Array2<f64>| (x - y).iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        assert!(off(a.row_cov(), b.row_cov()) < 1e-9 && off(a.col_cov(), b.col_cov()) < 1e-9);
        assert!(off(&a.mean().to_owned(), &b.mean().to_owned()) < 1e-11);
    }
}
