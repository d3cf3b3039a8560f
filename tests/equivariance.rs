//! Laws that every fit must obey, whatever the data: equivariance, transposition, and the
//! ordinary covariance estimate for vectors.

mod common;

use common::{covariance, relative};
use kronfit::data::Sample;
use kronfit::estimate::Fit;
use kronfit::model::{Mean, Model};
use ndarray::{Array1, Array2, Array3, Axis, linalg::kron};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn random_matrix(rng: &mut ChaCha8Rng, rows: usize, cols: usize) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, cols), || normal(rng))
}

/// Samples with dense, moderately conditioned row and column covariance.
fn random_sample(rng: &mut ChaCha8Rng, n: usize, p: usize, q: usize) -> Array3<f64> {
    let (row, col) = (invertible(rng, p), invertible(rng, q));
    let mut x = Array3::zeros((n, p, q));
    for mut sample in x.outer_iter_mut() {
        sample.assign(&row.dot(&random_matrix(rng, p, q)).dot(&col.t()));
    }
    x
}

fn invertible(rng: &mut ChaCha8Rng, d: usize) -> Array2<f64> {
    random_matrix(rng, d, d) + Array2::<f64>::eye(d) * (1.0 + d as f64)
}

fn fit(model: &Model, x: Array3<f64>) -> Fit {
    let fit = model.fit(&Sample::new(x).expect("finite data")).expect("a fit");
    assert!(fit.is_converged(), "{:?} at {:e}", fit.termination(), fit.score());
    fit
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// X → C X Dᵀ + K moves the estimate along: A → CACᵀ, B → DBDᵀ, and ℓ by the Jacobian.
    #[test]
    fn affine_equivariance(seed in any::<u64>(), p in 1usize..6, q in 1usize..6, extra in 0usize..20) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let n = p + q + 4 + extra;
        let x = random_sample(rng, n, p, q);
        let (c, d) = (invertible(rng, p), invertible(rng, q));
        let k = random_matrix(rng, p, q) * 10.0;
        let mut moved = x.clone();
        for (mut to, from) in moved.outer_iter_mut().zip(x.outer_iter()) {
            to.assign(&(c.dot(&from).dot(&d.t()) + &k));
        }
        let model = Model::gaussian();
        let (before, after) = (fit(&model, x), fit(&model, moved));
        let map = kron(&c, &d);
        let expected = map.dot(&covariance(&before)).dot(&map.t());
        prop_assert!(relative(&covariance(&after), &expected) < 1e-6);
        let expected_mean = c.dot(&before.mean()).dot(&d.t()) + &k;
        prop_assert!(relative(&after.mean().to_owned(), &expected_mean) < 1e-10);
        // ln|det(C ⊗ D)| from the covariances themselves, by eigenvalues.
        let jacobian = 0.5 * (ln_det(&expected) - ln_det(&covariance(&before)));
        let shift = after.log_likelihood() - before.log_likelihood();
        prop_assert!((shift + n as f64 * jacobian).abs() < 1e-7 * after.log_likelihood().abs().max(1.0));
    }

    /// Transposing the data swaps A and B.
    #[test]
    fn transposition_swaps_the_factors(seed in any::<u64>(), p in 1usize..7, q in 1usize..7) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let sample = Sample::new(random_sample(rng, p + q + 3, p, q)).expect("finite data");
        let straight = Model::gaussian().fit(&sample).expect("a fit");
        let turned = Model::gaussian().fit(&sample.transposed()).expect("a fit");
        prop_assert!(relative(turned.row_cov(), straight.col_cov()) < 1e-6);
        prop_assert!(relative(turned.col_cov(), straight.row_cov()) < 1e-6);
        let gap = (turned.log_likelihood() - straight.log_likelihood()).abs();
        prop_assert!(gap < 1e-8 * straight.log_likelihood().abs().max(1.0));
    }

    /// With one row (or one column) the model is the ordinary multivariate normal.
    #[test]
    fn vectors_give_the_ordinary_covariance(seed in any::<u64>(), d in 1usize..8, column in any::<bool>(), zero in any::<bool>()) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let n = d + 5;
        let x = if column { random_sample(rng, n, d, 1) } else { random_sample(rng, n, 1, d) };
        let vectors: Vec<Array1<f64>> = x.outer_iter().map(|m| m.iter().copied().collect()).collect();
        let center = if zero { Array1::<f64>::zeros(d) } else {
            vectors.iter().fold(Array1::<f64>::zeros(d), |s, v| s + v) / n as f64
        };
        let mut expected = Array2::<f64>::zeros((d, d));
        for v in &vectors {
            let y = (v - &center).insert_axis(Axis(1));
            expected = expected + y.dot(&y.t()) / n as f64;
        }
        let mean = if zero { Mean::Zero } else { Mean::Free };
        let fitted = fit(&Model::gaussian().mean(mean), x);
        prop_assert!(relative(&covariance(&fitted), &expected) < 1e-10);
    }
}

fn ln_det(m: &Array2<f64>) -> f64 {
    // Gaussian elimination, so that the check shares nothing with the library.
    let mut a = m.clone();
    let d = a.nrows();
    let mut sum = 0.0;
    for k in 0..d {
        sum += a[[k, k]].ln();
        for i in k + 1..d {
            let f = a[[i, k]] / a[[k, k]];
            for j in k..d {
                a[[i, j]] -= f * a[[k, j]];
            }
        }
    }
    sum
}

/// The log-likelihood reported is the sum of dense normal log-densities.
#[test]
fn log_likelihood_is_the_dense_one() {
    let rng = &mut ChaCha8Rng::seed_from_u64(11);
    let (n, p, q) = (12, 3, 2);
    let x = random_sample(rng, n, p, q);
    let fitted = fit(&Model::gaussian(), x.clone());
    let sigma = covariance(&fitted);
    let d = p * q;
    let mut total = -0.5 * n as f64 * (d as f64 * std::f64::consts::TAU.ln() + ln_det(&sigma));
    for sample in x.outer_iter() {
        let y: Array1<f64> = (&sample - &fitted.mean()).iter().copied().collect();
        total -= 0.5 * y.dot(&solve(&sigma, &y));
    }
    assert!((total - fitted.log_likelihood()).abs() < 1e-10 * total.abs());
}

fn solve(m: &Array2<f64>, rhs: &Array1<f64>) -> Array1<f64> {
    let d = rhs.len();
    let mut a = m.clone();
    let mut b = rhs.clone();
    for k in 0..d {
        for i in k + 1..d {
            let f = a[[i, k]] / a[[k, k]];
            for j in k..d {
                a[[i, j]] -= f * a[[k, j]];
            }
            b[i] -= f * b[k];
        }
    }
    for k in (0..d).rev() {
        let tail: f64 = (k + 1..d).map(|j| a[[k, j]] * b[j]).sum();
        b[k] = (b[k] - tail) / a[[k, k]];
    }
    b
}

/// Same bits on any number of threads.
#[test]
fn threads_do_not_change_a_bit() {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let sample = Sample::new(random_sample(rng, 3000, 9, 7)).expect("finite data");
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| Model::gaussian().fit(&sample).expect("a fit"))
    };
    let one = with(1);
    for threads in [2, 3, 5] {
        let many = with(threads);
        assert_eq!(one.log_likelihood().to_bits(), many.log_likelihood().to_bits());
        assert_eq!(one.row_cov(), many.row_cov());
        assert_eq!(one.col_cov(), many.col_cov());
    }
}
