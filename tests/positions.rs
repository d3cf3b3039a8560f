//! Structures of given positions: the global minimum, the edge at independence, labels, times.

use kronfit::Error;
use kronfit::data::Sample;
use kronfit::estimate::{FitOptions, Method, Silent};
use kronfit::linalg::{Root, matmul};
use kronfit::model::{Mean, Model};
use kronfit::structure::{IntervalScale, Kernel, ParameterKind, Positions, Structure};
use ndarray::{Array2, Array3};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const TIMES: [f64; 7] = [0.0, 0.5, 0.6, 2.0, 3.7, 4.0, 7.0];
const KERNELS: [Kernel; 4] =
    [Kernel::Exponential, Kernel::Matern32, Kernel::Matern52, Kernel::Gaussian];

fn at(kernel: Kernel, times: &[f64]) -> Structure {
    Structure::Spatial(kernel, Positions::line(times))
}

/// The textbook form.
fn correlation(kernel: Kernel, distance: f64, range: f64) -> f64 {
    let x = distance / range;
    match kernel {
        Kernel::Exponential => (-x).exp(),
        Kernel::Matern32 => (1.0 + 3f64.sqrt() * x) * (-(3f64.sqrt()) * x).exp(),
        Kernel::Matern52 => {
            (1.0 + 5f64.sqrt() * x + 5.0 * x * x / 3.0) * (-(5f64.sqrt()) * x).exp()
        }
        _ => (-0.5 * x * x).exp(),
    }
}

fn matrix(kernel: Kernel, times: &[f64], range: f64) -> Array2<f64> {
    let d = times.len();
    Array2::from_shape_fn((d, d), |(i, j)| correlation(kernel, (times[i] - times[j]).abs(), range))
}

fn normal(rows: usize, cols: usize, rng: &mut ChaCha8Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, cols), || StandardNormal.sample(rng))
}

/// n samples of p × q with these row correlations and AR(1) columns.
fn simulate(rows: &Array2<f64>, n: usize, q: usize, rng: &mut ChaCha8Rng) -> Sample {
    let cols = Array2::from_shape_fn((q, q), |(i, j)| 0.4_f64.powi(i.abs_diff(j) as i32));
    let [a, b] = [rows, &cols].map(|x| Root::of("a truth", x.view()).unwrap().lower().to_owned());
    let p = rows.nrows();
    let mut values = Array3::zeros((n, p, q));
    for mut x in values.outer_iter_mut() {
        x.assign(&a.dot(&normal(p, q, rng)).dot(&b.t()));
    }
    Sample::new(values).unwrap()
}

/// ln|A| + tr(A⁻¹S) at the best scale.
fn profile(correlations: &Array2<f64>, scatter: &Array2<f64>) -> Option<f64> {
    let root = Root::of("correlations", correlations.view()).ok()?;
    let d = scatter.nrows() as f64;
    let variance = root.whiten(scatter.view()).diag().sum() / d;
    Some(root.ln_det() + d * variance.ln() + d)
}

#[test]
fn updates_are_global_minima() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for kernel in KERNELS {
        let structure = at(kernel, &TIMES);
        let shape = structure.shape();
        for m in [2, 5, 20] {
            for range in [0.1, 1.0, 5.0] {
                let root = Root::of("a truth", matrix(kernel, &TIMES, range).view()).unwrap();
                let x = root.lower().dot(&normal(TIMES.len(), m, &mut rng));
                let scatter = matmul(x.view(), x.t()) / m as f64;
                let start = shape.start(TIMES.len()).unwrap();
                let found = shape.update(scatter.view(), start.view()).unwrap();
                let value = profile(&(&found / found[[0, 0]]), &scatter).unwrap();
                let scan = (0..4000).filter_map(|i| {
                    profile(&matrix(kernel, &TIMES, 10f64.powf(-3.0 + 0.0015 * i as f64)), &scatter)
                });
                let best = scan.fold(f64::INFINITY, f64::min);
                assert!(value <= best + 1e-9, "{kernel:?}, {m}, {range}: {value} for {best}");
            }
        }
    }
}

/// Neighbours with negative correlations: the best is independence, exactly, for every method.
#[test]
fn independence_is_an_edge_that_is_reached() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let truth = Array2::from_shape_fn((5, 5), |(i, j)| (-0.5_f64).powi(i.abs_diff(j) as i32));
    let sample = simulate(&truth, 60, 3, &mut rng);
    let times = [0.0, 1.0, 2.0, 3.5, 4.5];
    for kernel in KERNELS {
        for het in [false, true] {
            let plain = at(kernel, &times);
            let rows = if het { plain.heterogeneous().unwrap() } else { plain };
            let smaller = if het { Structure::Diagonal } else { Structure::Identity };
            let without = Model::gaussian().rows(smaller).fit(&sample).unwrap();
            for method in [Method::Auto, Method::FlipFlop, Method::Joint, Method::Newton] {
                let options = FitOptions { method, ..FitOptions::default() };
                let model = Model::gaussian().rows(rows.clone());
                let what = format!("{rows} by {method}");
                let fit = model.fit_with(&sample, &options, &mut Silent).expect(&what);
                assert!(fit.is_converged(), "{what}: {:?} {:e}", fit.termination(), fit.score());
                let gap = fit.log_likelihood() - without.log_likelihood();
                assert!(gap.abs() < 1e-9 * without.log_likelihood().abs(), "{what}: {gap:e}");
                assert!(fit.warnings().iter().any(|w| w.contains("range of zero")), "{what}");
                let errors = fit.on(&sample).unwrap().standard_errors().unwrap();
                assert!(errors.sigma2 > 0.0, "{what}");
            }
        }
    }
}

/// At integer times the exponential is an AR(1) whose ρ is positive.
#[test]
fn equal_steps_are_an_autoregression() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let times: Vec<f64> = (0..8).map(f64::from).collect();
    let sample = simulate(&matrix(Kernel::Exponential, &times, 2.0), 30, 3, &mut rng);
    for (a, b) in [
        (at(Kernel::Exponential, &times), Structure::Ar1),
        (
            at(Kernel::Exponential, &times).heterogeneous().unwrap(),
            Structure::Ar1.heterogeneous().unwrap(),
        ),
    ] {
        let fits = [a, b].map(|rows| Model::gaussian().rows(rows).fit(&sample).unwrap());
        let gap = fits[0].log_likelihood() - fits[1].log_likelihood();
        assert!(gap.abs() < 1e-9, "{gap:e}");
        let apart = (fits[0].row_cov() - fits[1].row_cov()).mapv(f64::abs);
        assert!(apart.iter().all(|x| *x < 1e-7), "{apart}");
        let rho = fits.each_ref().map(|fit| {
            let report = fit.model().row_structure().shape().report(fit.row_cov().view());
            report.iter().find(|x| x.kind == ParameterKind::Correlation).unwrap().value
        });
        assert!((rho[0] - rho[1]).abs() < 1e-8, "{rho:?}");
    }
}

/// Unequal times with a known ρ: it lies inside its interval, and the errors shrink with n.
#[test]
fn a_known_truth_is_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let truth = 0.7_f64;
    let range = -1.0 / truth.ln();
    let sample = simulate(&matrix(Kernel::Exponential, &TIMES, range), 300, 4, &mut rng);
    let fit = Model::gaussian().rows(at(Kernel::Exponential, &TIMES)).fit(&sample).unwrap();
    let intervals = fit.on(&sample).unwrap().standard_errors().unwrap().intervals(0.999).unwrap();
    for (name, value, scale) in
        [("rho (rows)", truth, IntervalScale::Logit), ("range (rows)", range, IntervalScale::Log)]
    {
        let interval = intervals.iter().find(|x| x.name == name).expect(name);
        assert!(interval.contains(value) && interval.scale == scale, "{interval:?}");
        assert!(interval.standard_error < 0.1 * interval.estimate, "{interval:?}");
    }
    assert!(!intervals.iter().any(|x| x.name.starts_with("row correlation")));
}

#[test]
fn labels_are_positions() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let rows = matrix(Kernel::Matern32, &[0.0, 1.0, 5.0, 7.0], 3.0);
    let sample = simulate(&rows, 30, 3, &mut rng);
    let named = |labels: [&str; 4]| {
        let labels = labels.map(str::to_owned).to_vec();
        Sample::named(sample.values().to_owned(), labels, Vec::new(), "here").unwrap()
    };
    let given = at(Kernel::Matern32, &[0.0, 1.0, 5.0, 7.0]);
    let reference = Model::gaussian().rows(given).fit(&sample).unwrap();
    let asked = Model::gaussian().rows("matern:3/2:labels".parse().unwrap());
    for labels in [["0", "1", "5", "7.0"], ["2024-02-27", "2024-02-28", "2024-03-03", "2024-03-05"]]
    {
        let named = named(labels);
        let fit = asked.fit(&named).unwrap();
        assert!((fit.log_likelihood() - reference.log_likelihood()).abs() < 1e-9, "{labels:?}");
        fit.on(&named).unwrap().standard_errors().unwrap();
    }
    assert!(matches!(asked.fit(&sample), Err(Error::Unsupported { .. })));
    assert!(matches!(asked.fit(&named(["a", "b", "c", "d"])), Err(Error::Domain { .. })));
    assert!(matches!(asked.fit(&named(["1", "2", "3", "1"])), Err(Error::Domain { .. })));
}

#[test]
fn a_smooth_kernel_says_when_it_is_singular() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let times: Vec<f64> = (0..8).map(f64::from).collect();
    let sample = simulate(&matrix(Kernel::Gaussian, &times, 6.0), 40, 3, &mut rng);
    let fit = Model::gaussian().rows(at(Kernel::Gaussian, &times)).mean(Mean::Zero).fit(&sample);
    let fit = fit.unwrap();
    assert!(fit.warnings().iter().any(|w| w.contains("condition")), "{:?}", fit.warnings());
    let other = Model::gaussian().rows(at(Kernel::Matern52, &times)).fit(&sample).unwrap();
    assert!(!other.warnings().iter().any(|w| w.contains("condition")));
}

#[test]
fn chains_are_whitened_by_recursion() {
    let scattered = [0.0, 3.0, 1.0];
    for (times, recursive) in [(&TIMES[..], true), (&scattered[..], false)] {
        let shape = at(Kernel::Exponential, times).shape();
        let start = shape.start(times.len()).unwrap();
        let root = shape.root("A", start.view()).unwrap();
        assert_eq!(root.is_recursive(), recursive);
        let gap = (root.matrix() - &start).mapv(f64::abs);
        assert!(gap.iter().all(|x| *x < 1e-14));
    }
}

/// What a chain of order one keeps of a scatter: variances and neighbours; what it gives up is
/// beyond the first off-diagonal of the inverse.
#[test]
fn antedependence_selects_covariances() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let x = normal(6, 9, &mut rng);
    let scatter = matmul(x.view(), x.t());
    let shape = Structure::Antedependence.shape();
    let found = shape.update(scatter.view(), Array2::eye(6).view()).unwrap();
    let inverse = {
        let root = Root::of("A", found.view()).unwrap();
        matmul(root.inverse().t(), root.inverse())
    };
    for i in 0..6_usize {
        for j in 0..6 {
            match i.abs_diff(j) {
                0 | 1 => assert!((found[[i, j]] - scatter[[i, j]]).abs() < 1e-12 * scatter[[0, 0]]),
                _ => assert!(inverse[[i, j]].abs() < 1e-12, "{}", inverse[[i, j]]),
            }
        }
    }
}
