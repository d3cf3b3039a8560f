//! Standard errors, tests and outliers against closed forms, reference numbers and simulation.

mod common;

use common::{golden_json, matrix, relative};
use kronfit::data::Sample;
use kronfit::estimate::{Fit, FitOptions};
use kronfit::family::Law;
use kronfit::inference::{
    BootstrapOptions, ErrorOptions, Gradient, Information, InformationKind, ProfileOptions,
    SeparabilityOptions, Shared, equal_factors, nested_test, separability, separability_factor,
    simulate_fit, stream,
};
use kronfit::kronecker::Side;
use kronfit::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
use kronfit::linalg::{Root, Spd, cholesky_lower};
use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::{Shape, Structure, Unstructured};
use kronfit::{Error, Result};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, array, concatenate};
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

fn normal(seed: u64, (n, p, q): (usize, usize, usize)) -> Array3<f64> {
    let mut rng = stream(seed, 0);
    Array3::from_shape_simple_fn((n, p, q), || StandardNormal.sample(&mut rng))
}

fn chol(a: &Array2<f64>) -> Array2<f64> {
    cholesky_lower("a", a.view()).unwrap()
}

/// n draws of L_A Z L_Bᵀ w with w² an inverse gamma variate where `heavy`.
fn drawn(seed: u64, n: usize, a: &Array2<f64>, b: &Array2<f64>, heavy: bool) -> Sample {
    let (la, lb) = (chol(a), chol(b));
    let mut x = normal(seed, (n, a.nrows(), b.nrows()));
    let mut rng = stream(seed, 1);
    for mut x in x.outer_iter_mut() {
        let y = la.dot(&x).dot(&lb.t());
        let squares: f64 =
            (0..5).map(|_| StandardNormal.sample(&mut rng)).map(|z: f64| z * z).sum();
        x.assign(&(y * if heavy { (5.0 / squares).sqrt() } else { 1.0 }));
    }
    Sample::new(x).unwrap()
}

fn a3() -> Array2<f64> {
    array![[2.0, 0.5, 0.25], [0.5, 1.5, -0.25], [0.25, -0.25, 1.0]]
}

fn b4() -> Array2<f64> {
    Array2::from_shape_fn((4, 4), |(i, j)| 3.0 * 0.6_f64.powi(i.abs_diff(j) as i32))
}

/// An unstructured factor in its log-Cholesky coordinates instead of normal ones.
#[derive(Debug)]
struct Plain;

impl Shape for Plain {
    fn name(&self) -> String {
        "plain".to_owned()
    }
    fn n_parameters(&self, d: usize) -> usize {
        Unstructured.n_parameters(d)
    }
    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        Unstructured.coordinates(matrix)
    }
    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        Unstructured.matrix(coordinates, d)
    }
    fn push_forward(&self, c: &[f64], t: &[f64], d: usize) -> Result<Array2<f64>> {
        Unstructured.push_forward(c, t, d)
    }
    fn update(&self, s: ArrayView2<'_, f64>, _now: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(s.to_owned())
    }
}

fn plain() -> Structure {
    Structure::Custom(Arc::new(Plain))
}

/// The exact score in a fit's coordinates, at coordinates moved by `t` along the k-th.
struct Scores<'a> {
    fit: &'a Fit,
    source: SampleLikelihood<'a>,
    dim: (usize, usize, usize),
}

impl Scores<'_> {
    fn coordinates(&self) -> Vec<Vec<f64>> {
        let (model, point) = (self.fit.model(), self.fit.point());
        let row = model.row_structure().shape().coordinates(point.row().matrix().view()).unwrap();
        let col = model.col_structure().shape().coordinates(point.col().matrix().view()).unwrap();
        let (_, p, q) = self.dim;
        let mean = vec![0.0; model.mean_structure().n_parameters(p, q)];
        let dof = if model.estimates_dof() { self.fit.dof().map(f64::ln) } else { None };
        vec![row, col, mean, dof.into_iter().collect()]
    }

    fn at(&self, c: &[Vec<f64>]) -> (Point, Arc<dyn Law>) {
        let (model, fit) = (self.fit.model(), self.fit);
        let (_, p, q) = self.dim;
        let root = |s: &Structure, c: &[f64], d: usize| {
            Root::of("a factor", s.shape().matrix(c, d).unwrap().view()).unwrap()
        };
        let mut mean = fit.mean().to_owned();
        if let Some((left, right)) = model.mean_structure().design(p, q) {
            let theta =
                Array2::from_shape_vec((left.ncols(), right.nrows()), c[2].clone()).unwrap();
            mean = mean + left.dot(&theta).dot(&right);
        }
        let (row, col) = (model.row_structure(), model.col_structure());
        let point = Point::new(mean, root(row, &c[0], p), root(col, &c[1], q));
        let law: Arc<dyn Law> = match (c[3].first(), fit.dof()) {
            (Some(ln), _) => model.law().dof_family().unwrap().at(ln.exp()),
            (None, Some(dof)) => model.law().dof_family().unwrap().at(dof),
            (None, None) => Arc::new(kronfit::family::Gaussian),
        };
        (point, law)
    }

    fn log_likelihood(&self, c: &[Vec<f64>]) -> f64 {
        let (_, p, q) = self.dim;
        let (point, law) = self.at(c);
        let mut sums = Sums::zeros(p, q);
        self.source.sums(&point, &*law, Sides::Both, &mut sums).unwrap();
        sums.log_likelihood
    }

    fn score(&self, c: &[Vec<f64>]) -> Array1<f64> {
        let (_, p, q) = self.dim;
        let (point, law) = self.at(c);
        let mut sums = Sums::zeros(p, q);
        self.source.sums(&point, &*law, Sides::Both, &mut sums).unwrap();
        let raw = |side: Side| {
            let (root, g) = (point.factor(side), sums.mean_scatter(side).unwrap());
            let excess = (&*g - &Array2::<f64>::eye(g.nrows())) * (0.5 * sums.unit(side));
            root.inverse().t().dot(&excess).dot(&root.inverse())
        };
        let model = self.fit.model();
        let row = raw(Side::Rows);
        let col = raw(Side::Cols);
        let mut out = model.row_structure().shape().pull_back(&c[0], row.view()).unwrap();
        out.extend(model.col_structure().shape().pull_back(&c[1], col.view()).unwrap());
        if let Some((left, right)) = model.mean_structure().design(p, q) {
            let g = point.row().inverse().t().dot(&sums.psi).dot(&point.col().inverse());
            out.extend(left.t().dot(&g).dot(&right.t()).iter());
        }
        if !c[3].is_empty() {
            let slope = richardson(0.05, |t| {
                let mut moved = c.to_vec();
                moved[3][0] += t;
                Array1::from_elem(1, self.log_likelihood(&moved))
            });
            out.push(slope[0]);
        }
        Array1::from_vec(out)
    }
}

fn richardson(h: f64, f: impl Fn(f64) -> Array1<f64>) -> Array1<f64> {
    let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    let (a, b, c) = (central(h), central(0.5 * h), central(0.25 * h));
    let fine = (&c * 4.0 - &b) / 3.0;
    let coarse = (&b * 4.0 - &a) / 3.0;
    (fine * 16.0 - coarse) / 15.0
}

/// The largest difference in units of the information's own diagonal.
fn information_gap(fit: &Fit, sample: &Sample) -> f64 {
    let information = Information::observed(&fit.on(sample).unwrap()).unwrap();
    let scores = Scores { fit, source: SampleLikelihood::new(sample), dim: sample.dim() };
    let base = scores.coordinates();
    let j = information.matrix();
    let (mut k, mut worst) = (0, 0.0_f64);
    for part in 0..4 {
        for i in 0..base[part].len() {
            let h = 0.2 * (sample.dim().0 as f64 / j[[k, k]]).sqrt().min(0.5);
            let slope = richardson(h, |t| {
                let mut moved = base.clone();
                moved[part][i] += t;
                scores.score(&moved)
            });
            for (l, s) in slope.iter().enumerate() {
                worst = worst.max((j[[l, k]] + s).abs() / (j[[l, l]] * j[[k, k]]).sqrt());
            }
            k += 1;
        }
    }
    assert_eq!(k, j.nrows());
    worst
}

fn named(name: &str) -> Structure {
    if name == "plain" { plain() } else { name.parse().unwrap() }
}

/// The reach of the issue: information = −(differenced score), to 1e-7, for laws × structures ×
/// means.
#[test]
fn information_is_minus_the_slope_of_the_score() {
    type Make = fn() -> Model;
    let laws: [(&str, Make); 5] = [
        ("gaussian", Model::gaussian),
        ("kronecker-t", || Model::kronecker_t(Dof::Estimate)),
        ("kronecker-t fixed", || Model::kronecker_t(Dof::Fixed(3.0))),
        ("matrix-t", || Model::matrix_t(Dof::Estimate)),
        ("matrix-t fixed", || Model::matrix_t(Dof::Fixed(6.0))),
    ];
    let linear = Mean::Linear {
        left: array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]],
        right: array![[1.0, 2.0, 0.0, 1.0]],
    };
    let cells = [
        ("plain", "plain", Mean::Free),
        ("ar1", "plain", Mean::Rows),
        ("compound-symmetry", "toeplitz", Mean::Scalar),
        ("diagonal", "correlation", linear),
        ("identity", "factor:1", Mean::Zero),
        ("plain", "ar1", Mean::Cols),
    ];
    let sample = drawn(3, 60, &a3(), &b4(), true);
    for (law, model) in laws {
        for (rows, cols, mean) in cells.clone() {
            let model = model().rows(named(rows)).cols(named(cols)).mean(mean.clone());
            let fit = model.fit(&sample).unwrap();
            let what = format!("{law}, {rows}, {cols}, {}", mean.name());
            assert!(fit.is_converged(), "{what}: {:?}", fit.termination());
            let gap = information_gap(&fit, &sample);
            println!("{what}: {gap:.1e}");
            assert!(gap < 1e-7, "{what}: {gap:e}");
        }
    }
}

/// Normal coordinates and log-Cholesky coordinates are two ways to the same errors.
#[test]
fn standard_errors_do_not_depend_on_coordinates() {
    let sample = drawn(4, 50, &a3(), &b4(), true);
    for model in
        [Model::gaussian(), Model::kronecker_t(Dof::Estimate), Model::matrix_t(Dof::Estimate)]
    {
        let own = model.fit(&sample).unwrap();
        let other = model.clone().rows(plain()).cols(plain()).fit(&sample).unwrap();
        for robust in [false, true] {
            let options = ErrorOptions { robust, ..ErrorOptions::default() };
            let a = own.on(&sample).unwrap().standard_errors_with(options).unwrap();
            let b = other.on(&sample).unwrap().standard_errors_with(options).unwrap();
            assert!((a.sigma2 / b.sigma2 - 1.0).abs() < 1e-5, "{} {}", a.sigma2, b.sigma2);
            assert!(relative(&a.row_cov, &b.row_cov) < 1e-5);
            assert!(relative(&a.col_correlation, &b.col_correlation) < 1e-5);
            assert!(relative(&a.mean, &b.mean) < 1e-5);
            if let (Some(x), Some(y)) = (a.dof, b.dof) {
                assert!((x / y - 1.0).abs() < 1e-4, "{x} {y}");
            }
        }
    }
}

/// ±√(pq) L_A E_ij L_Bᵀ over all i, j: its maximum likelihood estimate is A ⊗ B exactly.
fn perfect(a: &Array2<f64>, b: &Array2<f64>) -> Sample {
    let (p, q) = (a.nrows(), b.nrows());
    let (la, lb) = (chol(a), chol(b));
    let mut x = Array3::zeros((2 * p * q, p, q));
    for (k, mut x) in x.outer_iter_mut().enumerate() {
        let (cell, sign) = (k / 2, if k % 2 == 0 { 1.0 } else { -1.0 });
        let mut unit = Array2::zeros((p, q));
        unit[[cell / q, cell % q]] = sign * ((p * q) as f64).sqrt();
        x.assign(&la.dot(&unit).dot(&lb.t()));
    }
    Sample::new(x).unwrap()
}

fn golden(id: &str) -> serde_json::Value {
    let all = golden_json("maths.json");
    let cases = all["cases"].as_array().unwrap();
    cases.iter().find(|c| c["id"] == id).unwrap().clone()
}

/// Reference numbers M1.4: covariances under det A = const and under tr A = const.
#[test]
fn expected_information_meets_the_reference() {
    let case = golden("M1.4");
    let (a, b) = (matrix(&case["inputs"]["A"]), matrix(&case["inputs"]["B"]));
    let sample = perfect(&a, &b);
    let fit = Model::gaussian().mean(Mean::Zero).fit(&sample).unwrap();
    let options = ErrorOptions { information: InformationKind::Expected, robust: false };
    let errors = fit.on(&sample).unwrap().standard_errors_with(options).unwrap();
    // The reference has n = 4.
    let shrink = (4.0 / sample.dim().0 as f64).sqrt();
    let by_trace = matrix(&case["outputs"]["cov_vechA_trace"]);
    let by_det = matrix(&case["outputs"]["cov_vechA_det"]);
    let det = Spd::new("A", a.clone()).unwrap().ln_det().exp();
    let inverse = Spd::new("A", a.clone()).unwrap().inverse();
    let unit = (det).powf(-1.0 / 3.0);
    let mut k = 0;
    for i in 0..3 {
        for j in 0..=i {
            let expected = by_trace[[k, k]].sqrt() * shrink * 3.0 / a.diag().sum();
            assert!((errors.row_cov[[i, j]] / expected - 1.0).abs() < 1e-9, "{i} {j}");
            // f = A_ij |A|^(−1/3), at A = σ²Â: f does not see the scale.
            let scaled = fit.row_cov() * fit.sigma2();
            let c = scaled[[0, 0]] / a[[0, 0]];
            let mut gradient = Gradient::zeros(3, 2);
            gradient.row[[i, j]] += 0.5;
            gradient.row[[j, i]] += 0.5;
            gradient.row = (gradient.row - &inverse * (a[[i, j]] / 3.0)) * (unit / c);
            let found = errors.of(&gradient).unwrap();
            let expected = by_det[[k, k]].sqrt() * shrink * unit;
            assert!((found / expected - 1.0).abs() < 1e-9, "{i} {j}: {found} {expected}");
            k += 1;
        }
    }
    // A function that A ⊗ B does not determine is refused.
    let mut gradient = Gradient::zeros(3, 2);
    gradient.row[[0, 0]] = 1.0;
    assert!(matches!(errors.of(&gradient), Err(Error::Degenerate { .. })));
}

/// se(r) = (1 − r²)/√(nq), the mean's A ⊗ B/n, and with the covariances under det A = const
/// Var ln σ̂² = (2 tr A²/tr²A − 2/p)/(nq) + (2 tr B²/tr²B)/(np).
#[test]
fn gaussian_closed_forms() {
    let sample = drawn(8, 40, &a3(), &b4(), false);
    let fit = Model::gaussian().fit(&sample).unwrap();
    let options = ErrorOptions { information: InformationKind::Expected, robust: false };
    let errors = fit.on(&sample).unwrap().standard_errors_with(options).unwrap();
    let (n, p, q) = sample.dim();
    let (a, b) = (fit.row_cov(), fit.col_cov());
    let spread = |m: &Array2<f64>| 2.0 * (m * m).sum() / m.diag().sum().powi(2);
    let (nf, pf, qf) = (n as f64, p as f64, q as f64);
    let exact = ((spread(a) - 2.0 / pf) / (nf * qf) + spread(b) / (nf * pf)).sqrt();
    assert!((errors.sigma2 / fit.sigma2() / exact - 1.0).abs() < 1e-9);
    for i in 0..p {
        for j in 0..i {
            let r2 = a[[i, j]].powi(2) / (a[[i, i]] * a[[j, j]]);
            let exact = (1.0 - r2) / ((n * q) as f64).sqrt();
            assert!((errors.row_correlation[[i, j]] / exact - 1.0).abs() < 1e-9);
        }
        for j in 0..q {
            let exact = (fit.sigma2() * a[[i, i]] * b[[j, j]] / n as f64).sqrt();
            assert!((errors.mean[[i, j]] / exact - 1.0).abs() < 1e-9);
        }
    }
}

/// E s sᵀ = I: the scores of many simulated samples add up to the expected information.
#[test]
fn expected_information_of_the_kronecker_t_is_the_covariance_of_its_scores() {
    let b = array![[1.0, 0.4], [0.4, 2.0]];
    let sample = drawn(5, 30_000, &array![[1.0, -0.3], [-0.3, 0.5]], &b, true);
    let fit = Model::kronecker_t(Dof::Estimate).fit(&sample).unwrap();
    let expected = Information::expected(&fit).unwrap();
    let observed = Information::observed(&fit.on(&sample).unwrap()).unwrap();
    let scores = expected.scores(&fit.on(&sample).unwrap()).unwrap();
    let sums = scores.sum_axis(Axis(0));
    let outer = scores.t().dot(&scores);
    let i = expected.matrix();
    for ((r, c), x) in i.indexed_iter() {
        let unit = (i[[r, r]] * i[[c, c]]).sqrt();
        assert!((x - outer[[r, c]]).abs() < 0.05 * unit, "{r} {c}: {x} {}", outer[[r, c]]);
        assert!((x - observed.matrix()[[r, c]]).abs() < 0.05 * unit, "{r} {c}");
    }
    for (s, d) in sums.iter().zip(i.diag()) {
        assert!(s.abs() < 1e-4 * d.sqrt(), "{sums}");
    }
}

/// Spread of simulated estimates against the standard errors, and coverage.
fn wald_study(model: &Model, replicates: usize, n: usize) -> Vec<(String, f64, f64)> {
    let truth = drawn(21, 400, &a3(), &array![[1.0, 0.5], [0.5, 2.0]], true);
    let true_fit = model.fit(&truth).unwrap();
    let draws = |r: usize| {
        let big = simulate_fit(&true_fit, &mut stream(22, r)).unwrap();
        let range = ndarray::Slice::from(0..n);
        Sample::new(big.values().slice_axis(Axis(0), range).to_owned()).unwrap()
    };
    let center = true_fit.on(&truth).unwrap().standard_errors().unwrap().intervals(0.95).unwrap();
    let mut all: Vec<Vec<(f64, f64, bool)>> = vec![Vec::new(); center.len()];
    for r in 0..replicates {
        let sample = draws(r);
        let fit = model.fit(&sample).unwrap();
        let intervals =
            fit.on(&sample).unwrap().standard_errors().unwrap().intervals(0.95).unwrap();
        if intervals.len() < center.len() {
            continue; // ν̂ = ∞
        }
        for ((slot, i), c) in all.iter_mut().zip(&intervals).zip(&center) {
            slot.push((i.estimate, i.standard_error, i.low <= c.estimate && c.estimate <= i.high));
        }
    }
    let summary = |values: &Vec<(f64, f64, bool)>| {
        let m = values.len() as f64;
        let mean = values.iter().map(|v| v.0).sum::<f64>() / m;
        let sd = (values.iter().map(|v| (v.0 - mean).powi(2)).sum::<f64>() / (m - 1.0)).sqrt();
        let se = (values.iter().map(|v| v.1 * v.1).sum::<f64>() / m).sqrt();
        (se / sd, values.iter().filter(|v| v.2).count() as f64 / m)
    };
    center.iter().zip(&all).map(|(c, v)| (c.name.clone(), summary(v).0, summary(v).1)).collect()
}

#[test]
fn wald_intervals_cover_and_errors_match_the_spread() {
    let replicates = 300;
    for model in [Model::gaussian(), Model::gaussian().rows(Structure::Ar1).mean(Mean::Cols)] {
        for (name, ratio, coverage) in wald_study(&model, replicates, 150) {
            // 4 Monte-Carlo errors: sd of a spread 1/√(2m), of a coverage √(0.05·0.95/m).
            assert!((ratio - 1.0).abs() < 4.0 / (600.0_f64).sqrt(), "{name}: se/sd {ratio}");
            assert!(
                (coverage - 0.95).abs() < 4.0 * (0.0475_f64 / 300.0).sqrt(),
                "{name}: {coverage}"
            );
        }
    }
}

#[test]
fn separability_meets_the_reference() {
    let case = golden("M7.1");
    let values: Vec<Vec<Vec<f64>>> = serde_json::from_value(case["inputs"]["X"].clone()).unwrap();
    let x = Array3::from_shape_fn((7, 2, 2), |(i, r, c)| values[i][r][c]);
    let sample = Sample::new(x).unwrap();
    let fit = FitOptions { tol: 1e-11, ..FitOptions::default() };
    let options = SeparabilityOptions { mean: Mean::Zero, fit: fit.clone(), ..Default::default() };
    let result = separability(&sample, &options).unwrap();
    let out = &case["outputs"];
    assert!((result.statistic / out["lrt_sep"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert_eq!(result.df as u64, out["df"].as_u64().unwrap());
    let factor = result.corrected.unwrap().factor;
    assert!((factor / out["bartlett_c"].as_f64().unwrap() - 1.0).abs() < 1e-10);
    let model = Model::gaussian().mean(Mean::Zero);
    let null = model.clone().rows(Structure::Diagonal);
    let diagonal = nested_test(&sample, &null, &model, &fit, None).unwrap();
    assert!((diagonal.statistic / out["lrt_diagA"].as_f64().unwrap() - 1.0).abs() < 1e-7);
    assert_eq!(diagonal.df as u64, out["df_diag"].as_u64().unwrap());
}

#[test]
fn parameter_counts_meet_the_reference() {
    for row in golden("M7.3")["outputs"]["table"].as_array().unwrap() {
        let (p, q) = (row[0].as_u64().unwrap() as usize, row[1].as_u64().unwrap() as usize);
        let mean = match row[2].as_str().unwrap() {
            "zero" => Mean::Zero,
            "scalar" => Mean::Scalar,
            "row" => Mean::Rows,
            "col" => Mean::Cols,
            "free" => Mean::Free,
            // Row plus column effects are not of the form CΘD.
            _ => continue,
        };
        let model = Model::gaussian().mean(mean);
        assert_eq!(model.n_parameters(p, q) as u64, row[3].as_u64().unwrap());
        assert_eq!(Model::kronecker_t(Dof::Estimate).mean(Mean::Zero).n_parameters(p, q), {
            Model::gaussian().mean(Mean::Zero).n_parameters(p, q) + 1
        });
    }
}

/// The statistic does not see X ↦ PXQᵀ + K: this is what makes the simulation exact.
#[test]
fn separability_is_invariant() {
    let sample = drawn(31, 14, &a3(), &array![[1.0, 0.5], [0.5, 2.0]], false);
    let (p, q) = (
        array![[1.0, 2.0, 0.0], [0.0, 3.0, -1.0], [0.5, 0.0, 1.0]],
        array![[5.0, 1.0], [0.0, 0.1]],
    );
    let mut moved = sample.values().to_owned();
    for mut x in moved.outer_iter_mut() {
        let y = p.dot(&x).dot(&q.t()) + 3.0;
        x.assign(&y);
    }
    let run = |s: &Sample| separability(s, &SeparabilityOptions::default()).unwrap().statistic;
    let (a, b) = (run(&sample), run(&Sample::new(moved).unwrap()));
    assert!((a / b - 1.0).abs() < 1e-8, "{a} {b}");
}

/// Size of the corrected and of the simulated 5 % test at small n, where χ² alone has 40 %.
#[test]
fn separability_holds_its_size_at_small_n() {
    let (n, p, q, replicates) = (9, 2, 3, 600);
    let factor = separability_factor(n, p, q, &Mean::Free).unwrap();
    assert!(factor > 1.3, "{factor}");
    let (mut plain, mut corrected) = (0, 0);
    let mut statistics = Vec::new();
    for r in 0..replicates {
        let a = array![[1.0, 0.7], [0.7, 2.0]];
        let sample = drawn(4000 + r, n, &a, &a3(), false);
        let result = separability(&sample, &SeparabilityOptions::default()).unwrap();
        plain += usize::from(result.p_value.unwrap() < 0.05);
        corrected += usize::from(result.corrected.unwrap().p_value < 0.05);
        statistics.push(result.statistic);
    }
    let share = |count: usize| count as f64 / replicates as f64;
    assert!(share(plain) > 0.2, "{}", share(plain));
    assert!((share(corrected) - 0.05).abs() < 0.03, "{}", share(corrected));
    // The exact Monte-Carlo law: its critical value cuts off 5 % of what was drawn with other
    // factors.
    let simulation = BootstrapOptions::new(600, 9);
    let options = SeparabilityOptions { bootstrap: Some(simulation), ..Default::default() };
    let sample = drawn(1, n, &Array2::eye(2), &Array2::eye(3), false);
    let critical = separability(&sample, &options).unwrap().bootstrap.unwrap();
    assert!(critical.exact);
    let above = statistics.iter().filter(|t| **t > critical.critical_95).count();
    assert!((share(above) - 0.05).abs() < 0.035, "{}", share(above));
}

/// With a structured mean the unstructured maximum has a closed form; it is above every other
/// member of the hypothesis, and equals the free one when the mean's design is the whole space.
#[test]
fn unstructured_likelihood_with_structured_means() {
    use kronfit::inference::unstructured_log_likelihood as ell;
    let sample = drawn(6, 30, &a3(), &array![[1.0, 0.5], [0.5, 2.0]], false);
    let all = Mean::Linear { left: Array2::eye(3), right: Array2::eye(2) };
    assert!((ell(&sample, &all).unwrap() - ell(&sample, &Mean::Free).unwrap()).abs() < 1e-9);
    let (free, rows, scalar) = (
        ell(&sample, &Mean::Free).unwrap(),
        ell(&sample, &Mean::Rows).unwrap(),
        ell(&sample, &Mean::Scalar).unwrap(),
    );
    let zero = ell(&sample, &Mean::Zero).unwrap();
    assert!(free > rows && rows > scalar && scalar > zero);
    // One column: the Kronecker model is the unstructured one, fitted by iteration.
    let column =
        Sample::new(sample.values().slice_axis(Axis(2), (0..1).into()).to_owned()).unwrap();
    let fit = Model::gaussian().mean(Mean::Scalar).fit(&column).unwrap();
    assert!((fit.log_likelihood() - ell(&column, &Mean::Scalar).unwrap()).abs() < 1e-7);
}

#[test]
fn nonsense_is_refused() {
    let sample = drawn(7, 12, &a3(), &b4(), false);
    let refused = separability(&sample, &SeparabilityOptions::default());
    assert!(matches!(refused, Err(Error::TooFewSamples { required: 13, .. })), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("--project"));
    let one_row = Sample::new(normal(1, (20, 1, 3))).unwrap();
    assert!(separability(&one_row, &SeparabilityOptions::default()).is_err());
    // Not nested, other data, same model, not converged.
    let fit_of = |sample: &Sample| Model::gaussian().fit(sample).unwrap();
    let fit = |model: Model| model.fit(&sample).unwrap();
    let ar1 = fit(Model::gaussian().rows(Structure::Ar1));
    let cs = fit(Model::gaussian().rows(Structure::CompoundSymmetry));
    let full = fit(Model::gaussian());
    let on = |fit| Fit::on(fit, &sample).unwrap();
    assert!(on(&ar1).likelihood_ratio(&on(&full)).is_ok());
    assert!(on(&ar1).likelihood_ratio(&on(&cs)).is_err());
    assert!(on(&full).likelihood_ratio(&on(&ar1)).is_err());
    assert!(on(&full).likelihood_ratio(&on(&full)).is_err());
    let other = drawn(8, 12, &a3(), &b4(), false);
    assert!(full.on(&other).is_err());
    let elsewhere = fit_of(&other);
    let refused = on(&ar1).likelihood_ratio(&elsewhere.on(&other).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("different data"), "{refused}");
    let short = FitOptions { max_iter: 1, ..FitOptions::default() };
    let stopped =
        Model::gaussian().fit_with(&sample, &short, &mut kronfit::estimate::Silent).unwrap();
    assert!(!stopped.is_converged());
    assert!(stopped.on(&sample).unwrap().standard_errors().is_err());
    assert!(on(&stopped).likelihood_ratio(&on(&full)).is_err());
}

/// Too few samples for the full test: the projected one runs, and needs a bootstrap.
#[test]
fn projected_separability() {
    let sample = drawn(7, 12, &a3(), &b4(), false);
    let with = |bootstrap| SeparabilityOptions {
        bootstrap,
        projection: Some((2, 2)),
        ..Default::default()
    };
    assert!(separability(&sample, &with(None)).is_err());
    let result = separability(&sample, &with(Some(BootstrapOptions::new(99, 1)))).unwrap();
    assert!(result.p_value.is_none() && result.best_p_value().unwrap() > 0.0);
}

/// Columns of 1: the test is the classical comparison of covariance matrices,
/// T = n ln|S| − Σ n_g ln|S_g| with pooled S.
#[test]
fn equal_factors_is_the_classical_test_for_vectors() {
    let one = Array2::eye(1);
    let groups = [drawn(1, 25, &a3(), &one, false), drawn(2, 40, &Array2::eye(3), &one, false)];
    let result = equal_factors(&groups, Shared::Both, &FitOptions::default(), None).unwrap();
    let scatter = |s: &Sample| {
        let flat = s.values().index_axis(Axis(2), 0).to_owned();
        let centred = &flat - &flat.mean_axis(Axis(0)).unwrap();
        centred.t().dot(&centred)
    };
    let ln_det = |m: Array2<f64>| Spd::new("S", m).unwrap().ln_det();
    let (s1, s2) = (scatter(&groups[0]), scatter(&groups[1]));
    let exact =
        65.0 * ln_det((&s1 + &s2) / 65.0) - 25.0 * ln_det(s1 / 25.0) - 40.0 * ln_det(s2 / 40.0);
    assert!((result.statistic / exact - 1.0).abs() < 1e-8, "{} {exact}", result.statistic);
    assert_eq!(result.df, 6);
}

/// Shared rows: nothing to find when the groups differ in B and scale only; found when A differs.
#[test]
fn equal_rows_with_other_columns() {
    let b = array![[1.0, 0.5], [0.5, 2.0]];
    let same =
        [drawn(1, 60, &a3(), &b, false), drawn(2, 60, &(a3() * 7.0), &Array2::eye(2), false)];
    let run = |groups: &[Sample], shared| {
        equal_factors(groups, shared, &FitOptions::default(), None).unwrap()
    };
    let rows = run(&same, Shared::Rows);
    assert_eq!(rows.df, 5);
    assert!(rows.p_value.unwrap() > 1e-3, "{rows:?}");
    assert!(run(&same, Shared::Cols).p_value.unwrap() < 1e-4);
    assert!(run(&same, Shared::Both).statistic >= rows.statistic);
    let turned: Vec<Sample> = same.iter().map(Sample::transposed).collect();
    let cols = run(&turned, Shared::Cols);
    assert!((cols.statistic / rows.statistic - 1.0).abs() < 1e-6);
}

#[test]
fn gaussian_against_t_is_a_boundary_test() {
    let options = FitOptions::default();
    let heavy = drawn(3, 80, &a3(), &b4(), true);
    let t = Model::kronecker_t(Dof::Estimate);
    let found = nested_test(&heavy, &Model::gaussian(), &t, &options, None).unwrap();
    assert_eq!(found.reference, kronfit::inference::Reference::BoundaryMixture);
    assert_eq!(found.df, 1);
    assert!(found.p_value.unwrap() < 1e-6);
    let light = drawn(3, 80, &a3(), &b4(), false);
    let none = nested_test(&light, &Model::gaussian(), &t, &options, None).unwrap();
    assert!(none.p_value.unwrap() > 0.01, "{none:?}");
}

#[test]
fn profiles_end_where_the_likelihood_has_dropped() {
    let options = ProfileOptions { points: 5, ..ProfileOptions::default() };
    let sample = drawn(3, 80, &a3(), &b4(), true);
    let model = Model::kronecker_t(Dof::Estimate);
    let fit = model.fit(&sample).unwrap();
    let profile = fit.on(&sample).unwrap().profile_dof(&options).unwrap();
    let (low, high) = (profile.low.unwrap(), profile.high.unwrap());
    assert!(low < profile.estimate && profile.estimate < high);
    for end in [low, high] {
        let ell = Model::kronecker_t(Dof::Fixed(end)).fit(&sample).unwrap().log_likelihood();
        let drop = fit.log_likelihood() - ell;
        assert!((drop - 0.5 * 3.841_458_820_694_124).abs() < 1e-4, "{end}: {drop}");
    }
    // The Wald interval on the log scale is near.
    let errors = fit.on(&sample).unwrap().standard_errors().unwrap();
    let wald = errors.intervals(0.95).unwrap().into_iter().find(|i| i.name == "ν").unwrap();
    assert!((wald.low / low).ln().abs() < 0.25 && (wald.high / high).ln().abs() < 0.5);
    // ν̂ = ∞ gives a one-sided interval.
    let light =
        Sample::new(concatenate(Axis(0), &[perfect(&a3(), &b4()).values()]).unwrap()).unwrap();
    let gaussian = model.fit(&light).unwrap();
    assert!(gaussian.dof_at_infinity());
    let profile = gaussian.on(&light).unwrap().profile_dof(&options).unwrap();
    assert!(profile.low.unwrap() > 1.0 && profile.high.is_none());

    let ar1 = Model::gaussian().cols(Structure::Ar1).fit(&sample).unwrap();
    let profile = ar1.on(&sample).unwrap().profile_rho(Side::Cols, &options).unwrap();
    let errors = ar1.on(&sample).unwrap().standard_errors().unwrap();
    let wald =
        errors.intervals(0.95).unwrap().into_iter().find(|i| i.name.starts_with("rho")).unwrap();
    assert!((profile.low.unwrap() - wald.low).abs() < 0.02, "{profile:?} {wald:?}");
    assert!((profile.high.unwrap() - wald.high).abs() < 0.02, "{profile:?} {wald:?}");
    assert!(ar1.on(&sample).unwrap().profile_rho(Side::Rows, &options).is_err());
}

/// Contributions add up to the distance, distances to npq, and p-values are uniform under every
/// law at large n (Kolmogorov–Smirnov at about 0.1 %).
#[test]
fn distances_have_their_laws() {
    let models =
        [Model::gaussian(), Model::kronecker_t(Dof::Fixed(4.0)), Model::matrix_t(Dof::Fixed(5.0))];
    for model in models {
        let seed = drawn(9, 60, &a3(), &b4(), true);
        let start = model.fit(&seed).unwrap();
        let parts: Vec<Sample> =
            (0..40).map(|r| simulate_fit(&start, &mut stream(5, r)).unwrap()).collect();
        let views: Vec<_> = parts.iter().map(Sample::values).collect();
        let sample = Sample::new(concatenate(Axis(0), &views).unwrap()).unwrap();
        let fit = model.fit(&sample).unwrap();
        let found = fit.on(&sample).unwrap().outliers().unwrap();
        let n = sample.dim().0;
        let mut p: Vec<f64> = found.distances.iter().map(|d| d.p_value).collect();
        p.sort_by(f64::total_cmp);
        let gap = |(k, p): (usize, &f64)| {
            (p - k as f64 / n as f64).abs().max((p - (k + 1) as f64 / n as f64).abs())
        };
        let ks = p.iter().enumerate().map(gap).fold(0.0, f64::max);
        assert!(ks < 1.95 / (n as f64).sqrt(), "{}: {ks}", model.law().name());
        for d in found.distances.iter().take(20) {
            let parts = fit.on(&sample).unwrap().contributions(d.sample).unwrap();
            for total in [parts.cells.sum(), parts.rows.sum(), parts.cols.sum()] {
                assert!((total / d.distance - 1.0).abs() < 1e-9);
            }
        }
        if model.law().name() == "gaussian" {
            let total: f64 = found.distances.iter().map(|d| d.distance).sum();
            assert!((total / (n * 12) as f64 - 1.0).abs() < 1e-6);
        }
    }
}

#[test]
fn planted_outlier_is_found_with_its_cell() {
    let mut x = drawn(9, 100, &a3(), &b4(), false).values().to_owned();
    x[[17, 1, 2]] += 15.0;
    let sample = Sample::new(x).unwrap();
    let fit = Model::gaussian().fit(&sample).unwrap();
    let found = fit.on(&sample).unwrap().outliers().unwrap();
    assert_eq!(found.worst_first()[0].sample, 17);
    assert!(found.distances[17].holm < 1e-4);
    let cells = fit.on(&sample).unwrap().contributions(17).unwrap().cells;
    let largest = cells.indexed_iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    assert_eq!(largest, (1, 2));
}

/// A bootstrap gives the same numbers on any number of threads.
#[test]
fn bootstrap_does_not_depend_on_threads() {
    let sample =
        drawn(9, 12, &array![[1.0, 0.3], [0.3, 1.0]], &array![[1.0, 0.0], [0.0, 2.0]], false);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = SeparabilityOptions {
            bootstrap: Some(BootstrapOptions::new(60, 2)),
            ..Default::default()
        };
        pool.install(|| separability(&sample, &options).unwrap())
    };
    assert_eq!(run(1), run(4));
}
