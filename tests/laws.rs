//! The laws by themselves: derivatives, normalisation, moments, sampling, entropy.

use kronfit::family::{Gaussian, KroneckerT, Law, MatrixDistribution, MatrixT, Scratch};
use kronfit::linalg::Spd;
use ndarray::{Array2, array, linalg::kron};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, StudentsT};
use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

fn laws(dof: f64) -> [Arc<dyn Law>; 2] {
    [Arc::new(KroneckerT::new(dof).unwrap()), Arc::new(MatrixT::new(dof).unwrap())]
}

fn normals(p: usize, q: usize, rng: &mut ChaCha8Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((p, q), || StandardNormal.sample(rng))
}

fn rho(law: &dyn Law, z: &Array2<f64>) -> f64 {
    law.weighting().rho(z.view())
}

fn psi(law: &dyn Law, z: &Array2<f64>) -> Array2<f64> {
    let mut psi = Array2::zeros(z.dim());
    law.weighting().weigh(z.view(), psi.view_mut(), &mut Scratch::default());
    psi
}

/// Romberg's table on central differences of f along H, as a matrix.
fn difference(f: impl Fn(f64) -> Array2<f64>, step: f64) -> Array2<f64> {
    const LEVELS: usize = 4;
    let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    let mut table: Vec<Array2<f64>> =
        (0..LEVELS).map(|k| central(step / 2.0_f64.powi(k as i32))).collect();
    for level in 1..LEVELS {
        let factor = 4.0_f64.powi(level as i32);
        for k in 0..LEVELS - level {
            table[k] = (&table[k + 1] * factor - &table[k]) / (factor - 1.0);
        }
    }
    table[0].clone()
}

fn norm(x: &Array2<f64>) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[test]
fn derivatives_pass_their_gate() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for dof in [1e-3, 0.5, 4.0, 1e6] {
        for law in laws(dof) {
            for (p, q) in [(1, 1), (1, 4), (3, 2), (2, 5), (4, 4)] {
                // Typical whitened samples of the matrix t are of size √(q/ν).
                let size =
                    if law.name() == "matrix-t" && dof > 10.0 { dof.sqrt().recip() } else { 1.0 };
                let z = normals(p, q, &mut rng) * size;
                let h = normals(p, q, &mut rng) * size;
                let what = format!("{} ν = {dof}, {p}×{q}", law.name());
                let step = 0.04 * norm(&z) / norm(&h);
                let inner = (&psi(&*law, &z) * &h).sum();
                let along = difference(|t| array![[rho(&*law, &(&z + &(&h * t)))]], step);
                let scale = norm(&psi(&*law, &z)) * norm(&h);
                assert!((inner - along[[0, 0]]).abs() < 1e-8 * scale, "Ψ, {what}");

                let mut exact = Array2::zeros((p, q));
                let scratch = &mut Scratch::default();
                law.weighting().weigh_derivative(z.view(), h.view(), exact.view_mut(), scratch);
                let approximate = difference(|t| psi(&*law, &(&z + &(&h * t))), step);
                let off = norm(&(&exact - &approximate)) / norm(&exact);
                assert!(off < 1e-8, "DΨ, {what}: {off:.1e}");
            }
        }
    }
}

fn distribution(law: Arc<dyn Law>, mean: Array2<f64>) -> MatrixDistribution {
    let (p, q) = mean.dim();
    let row = Array2::from_shape_fn((p, p), |(i, j)| 0.6_f64.powi(i.abs_diff(j) as i32) * 1.5);
    let col = Array2::from_shape_fn((q, q), |(i, j)| (-0.4_f64).powi(i.abs_diff(j) as i32) * 0.8);
    let (row, col) = (Spd::new("A", row).unwrap(), Spd::new("B", col).unwrap());
    MatrixDistribution::new(law, mean, row, col).unwrap()
}

/// Nodes and weights of the trapezoidal rule after x = c sinh(π/2 sinh t): doubly exponential.
fn nodes(step: f64, reach: f64) -> Vec<(f64, f64)> {
    let count = (reach / step).round() as i32;
    (-count..=count)
        .map(|k| step * f64::from(k))
        .map(|t| {
            let inner = FRAC_PI_2 * t.sinh();
            (inner.sinh(), step * FRAC_PI_2 * t.cosh() * inner.cosh())
        })
        .collect()
}

#[test]
fn densities_integrate_to_one() {
    for dof in [0.5, 1.0, 3.0, 20.0] {
        for law in laws(dof) {
            let one = distribution(law.clone(), array![[0.3]]);
            let total: f64 = nodes(0.02, 5.0)
                .iter()
                .map(|(x, w)| w * one.ln_pdf(array![[*x]].view()).unwrap().exp())
                .sum();
            assert!((total - 1.0).abs() < 1e-9, "{} {dof}: {total}", law.name());
        }
    }
    for law in laws(3.0) {
        for flip in [false, true] {
            let mean = if flip { array![[0.3], [-0.1]] } else { array![[0.3, -0.1]] };
            let two = distribution(law.clone(), mean);
            let grid = nodes(0.06, 3.6);
            let mut total = 0.0;
            for (x, v) in &grid {
                for (y, w) in &grid {
                    let at = if flip { array![[*x], [*y]] } else { array![[*x, *y]] };
                    total += v * w * two.ln_pdf(at.view()).unwrap().exp();
                }
            }
            assert!((total - 1.0).abs() < 1e-7, "{}: {total}", law.name());
        }
    }
}

#[test]
fn two_by_two_matrix_t_integrates_to_one() {
    let law = distribution(Arc::new(MatrixT::new(6.0).unwrap()), Array2::zeros((2, 2)));
    // Trapezoidal rule after x = sinh t in every entry.
    let grid: Vec<(f64, f64)> = (-12..=12)
        .map(|k| 0.25 * f64::from(k))
        .map(|t: f64| (0.5 * t.sinh(), 0.25 * 0.5 * t.cosh()))
        .collect();
    let mut total = 0.0;
    for (a, u) in &grid {
        for (b, v) in &grid {
            for (c, w) in &grid {
                for (d, x) in &grid {
                    let at = array![[*a, *b], [*c, *d]];
                    total += u * v * w * x * law.ln_pdf(at.view()).unwrap().exp();
                }
            }
        }
    }
    assert!((total - 1.0).abs() < 1e-4, "{total}");
}

#[test]
fn one_column_matrix_t_is_a_rescaled_kronecker_t() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let dof = 3.5;
    let row = Spd::new("A", array![[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.7]]).unwrap();
    let scaled = Spd::new("A/ν", &row.matrix() / dof).unwrap();
    let new = |law: Arc<dyn Law>, row: Spd| {
        MatrixDistribution::new(law, Array2::zeros((3, 1)), row, Spd::identity(1)).unwrap()
    };
    let [kronecker, matrix] = laws(dof);
    let (kronecker, matrix) = (new(kronecker, scaled), new(matrix, row));
    for _ in 0..20 {
        let x = normals(3, 1, &mut rng) * 3.0;
        let (a, b) = (kronecker.ln_pdf(x.view()).unwrap(), matrix.ln_pdf(x.view()).unwrap());
        assert!((a - b).abs() < 1e-12 * a.abs().max(1.0), "{a} {b}");
    }
    assert!((kronecker.entropy().unwrap() - matrix.entropy().unwrap()).abs() < 1e-12);
}

/// √n times the Kolmogorov–Smirnov distance; above 1.95 with probability 0.001.
fn kolmogorov_smirnov(mut values: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap = values.iter().enumerate().fold(0.0_f64, |worst, (i, x)| {
        let f = cdf(*x);
        worst.max((f - i as f64 / n).abs()).max(((i + 1) as f64 / n - f).abs())
    });
    gap * n.sqrt()
}

/// tr[A⁻¹(X−M)B⁻¹(X−M)ᵀ] by plain solves.
fn distance(law: &MatrixDistribution, row: &Spd, col: &Spd, x: &Array2<f64>) -> f64 {
    let y = x - &law.location();
    let left = row.solve(y.view());
    let right = col.solve(y.t());
    (&left * &right.t()).sum()
}

#[test]
fn distances_and_entries_have_their_distributions() {
    let (p, q, dof, n) = (2, 3, 2.5, 4000);
    let mean = array![[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]];
    let row = Spd::new("A", array![[2.0, 0.6], [0.6, 1.0]]).unwrap();
    let col = Spd::new("B", array![[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]]).unwrap();
    let new = |law: Arc<dyn Law>| {
        MatrixDistribution::new(law, mean.clone(), row.clone(), col.clone()).unwrap()
    };
    let draw = |law: &MatrixDistribution| -> Vec<Array2<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..n).map(|_| law.draw(&mut rng).unwrap()).collect()
    };
    let d = (p * q) as f64;

    let law = new(Arc::new(Gaussian));
    let chi = ChiSquared::new(d).unwrap();
    let distances = draw(&law).iter().map(|x| distance(&law, &row, &col, x)).collect();
    assert!(kolmogorov_smirnov(distances, |x| chi.cdf(x)) < 1.95);

    let law = new(Arc::new(KroneckerT::new(dof).unwrap()));
    let f = FisherSnedecor::new(d, dof).unwrap();
    let distances = draw(&law).iter().map(|x| distance(&law, &row, &col, x) / d).collect();
    assert!(kolmogorov_smirnov(distances, |x| f.cdf(x)) < 1.95);

    // Both orientations of the matrix t: the Bartlett factor sits on the smaller side.
    let student = StudentsT::new(0.0, 1.0, dof).unwrap();
    let wide = new(Arc::new(MatrixT::new(dof).unwrap()));
    let tall = MatrixDistribution::new(
        Arc::new(MatrixT::new(dof).unwrap()),
        mean.t().to_owned(),
        col.clone(),
        row.clone(),
    )
    .unwrap();
    let (wide, tall) = (draw(&wide), draw(&tall));
    for i in 0..p {
        for j in 0..q {
            let scale = (row.matrix()[[i, i]] * col.matrix()[[j, j]] / dof).sqrt();
            let entry = |x: f64| (x - mean[[i, j]]) / scale;
            let values = wide.iter().map(|x| entry(x[[i, j]])).collect();
            assert!(kolmogorov_smirnov(values, |x| student.cdf(x)) < 1.95, "({i}, {j})");
            let values = tall.iter().map(|x| entry(x[[j, i]])).collect();
            assert!(kolmogorov_smirnov(values, |x| student.cdf(x)) < 1.95, "twin ({i}, {j})");
        }
    }
}

#[test]
fn moments_and_entropy_match_simulation() {
    let n = 20_000;
    let mean = array![[1.0, -2.0], [0.0, 3.0], [0.5, 0.5]];
    let mut all: Vec<Arc<dyn Law>> = laws(9.0).to_vec();
    all.push(Arc::new(Gaussian));
    for law in all {
        let law = distribution(law, mean.clone());
        let (row, col) = law.covariance().unwrap();
        let covariance = kron(&row, &col);
        let mut sum = Array2::<f64>::zeros((6, 6));
        let (mut ln_sum, mut ln_squares) = (0.0, 0.0);
        let drawn = law.simulate(n, &mut ChaCha8Rng::seed_from_u64(4)).unwrap();
        let densities = law.ln_pdf_all(drawn.values()).unwrap();
        for (x, ln_pdf) in drawn.values().outer_iter().zip(densities) {
            let flat: Vec<f64> = (&x - &mean).iter().copied().collect();
            for i in 0..6 {
                for j in 0..6 {
                    sum[[i, j]] += flat[i] * flat[j] / n as f64;
                }
            }
            ln_sum += ln_pdf / n as f64;
            ln_squares += ln_pdf * ln_pdf / n as f64;
        }
        let name = law.law().name();
        for ((i, j), found) in sum.indexed_iter() {
            // Fourth moments at ν = 9 are at most (ν−2)/(ν−4) = 1.4 times the Gaussian's.
            let square = covariance[[i, i]] * covariance[[j, j]] + covariance[[i, j]].powi(2);
            let error = 5.0 * (1.4 * square * 2.0 / n as f64).sqrt();
            assert!((found - covariance[[i, j]]).abs() < error, "{name} ({i}, {j}): {found}");
        }
        let error = 5.0 * ((ln_squares - ln_sum * ln_sum) / n as f64).sqrt();
        assert!((law.entropy().unwrap() + ln_sum).abs() < error, "{name}");
    }
}

#[test]
fn moments_exist_where_they_exist() {
    for (dof, mean, covariance) in [(0.5, false, false), (1.5, true, false), (2.5, true, true)] {
        for law in laws(dof) {
            let law = distribution(law, Array2::zeros((2, 2)));
            assert_eq!((law.mean().is_some(), law.covariance().is_some()), (mean, covariance));
        }
    }
}

#[test]
fn bad_input_is_refused() {
    for bad in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        assert!(KroneckerT::new(bad).is_err() && MatrixT::new(bad).is_err());
    }
    let law = distribution(Arc::new(Gaussian), Array2::zeros((2, 3)));
    assert!(law.ln_pdf(Array2::zeros((3, 2)).view()).is_err());
    assert!(law.ln_pdf(Array2::from_elem((2, 3), f64::NAN).view()).is_err());
    let wrong = MatrixDistribution::new(
        Arc::new(Gaussian),
        Array2::zeros((2, 3)),
        Spd::identity(3),
        Spd::identity(2),
    );
    assert!(wrong.is_err());
    // A column-major point is the same point.
    let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].reversed_axes();
    let copy = x.as_standard_layout().into_owned();
    assert_eq!(law.ln_pdf(x.view()).unwrap(), law.ln_pdf(copy.view()).unwrap());
}
