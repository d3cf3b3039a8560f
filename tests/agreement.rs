//! All methods find the same maximum, and say so honestly when there is none.

mod common;

use kronfit::data::Sample;
use kronfit::estimate::{Certify, Coordinates, Fit, FitOptions, Method, Silent, Termination};
use kronfit::model::{Dof, Mean, Model};
use kronfit::optim::{self, Evaluation, Failure, Objective, Optimizer, Settings, Stop};
use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(seed: u64, shape: (usize, usize, usize)) -> Array3<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array3::from_shape_simple_fn(shape, || StandardNormal.sample(&mut rng))
}

/// Normal matrices with radii of very different size, so that every t law has a finite ν.
fn heavy(seed: u64, shape: (usize, usize, usize)) -> Sample {
    let mut x = normal(seed, shape);
    for (i, mut m) in x.outer_iter_mut().enumerate() {
        m *= 1.5_f64.powi(i as i32 % 6) * 0.5;
    }
    Sample::new(x).expect("a sample")
}

fn options(method: Method, tol: f64) -> FitOptions {
    FitOptions { method, tol, certificate: Certify::Skip, ..FitOptions::default() }
}

fn with(optimizer: Optimizer, coordinates: Coordinates, tol: f64) -> FitOptions {
    let search = Settings { optimizer, ..Settings::default() };
    FitOptions { search, coordinates, ..options(Method::Joint, tol) }
}

fn fit(model: &Model, sample: &Sample, options: &FitOptions) -> Fit {
    model.fit_with(sample, options, &mut Silent).expect("a fit")
}

fn same(one: &Fit, two: &Fit, what: &str) {
    assert!(two.is_converged(), "{what}: {:?} at score {:e}", two.termination(), two.score());
    let gap = (one.log_likelihood() - two.log_likelihood()).abs() / one.log_likelihood().abs();
    assert!(gap <= 1e-10, "{what}: log-likelihoods differ by {gap:e}");
    let off = common::relative(&common::covariance(one), &common::covariance(two));
    assert!(off <= 1e-7, "{what}: Σ differs by {off:e}");
}

#[test]
fn two_hundred_random_problems() {
    let laws = [
        Model::gaussian(),
        Model::kronecker_t(Dof::Fixed(1.0)),
        Model::matrix_t(Dof::Fixed(3.0)),
        Model::kronecker_t(Dof::Estimate),
        Model::matrix_t(Dof::Estimate),
    ];
    let shapes = [(8, 3, 2), (6, 3, 4), (7, 2, 2), (12, 4, 3), (9, 1, 3)];
    let means = [Mean::Zero, Mean::Free, Mean::Rows, Mean::Scalar];
    let solvers = [Optimizer::Lbfgs, Optimizer::TrustRegion, Optimizer::Cg];
    let charts = [Coordinates::Geodesic, Coordinates::LogEuclidean, Coordinates::LogCholesky];
    for seed in 0..200 {
        let model = laws[seed % 5].clone().mean(means[seed / 5 % 4].clone());
        let (n, p, q) = shapes[seed / 20 % 5];
        // With a free mean on top of one sample a Kronecker t of small ν has no maximum: 1/n of
        // the sample must not outweigh ν/(ν + pq).
        let crowd = model.law().name() == "kronecker-t" && seed / 5 % 4 == 1;
        let sample = heavy(seed as u64, (if crowd { 60 } else { n }, p, q));
        let (p, q) = (sample.dim().1, sample.dim().2);
        let newton = fit(&model, &sample, &options(Method::Newton, 1e-10));
        assert!(newton.is_converged(), "{seed}: {:?}", newton.termination());
        let name = format!(
            "{seed}: {} ν {:?} {p} × {q}, mean {}",
            model.law().name(),
            newton.dof(),
            model.mean_structure().name()
        );
        same(&newton, &fit(&model, &sample, &options(Method::FlipFlop, 1e-9)), &name);
        same(&newton, &fit(&model, &sample, &options(Method::Auto, 1e-9)), &name);
        let (solver, chart) = (solvers[seed % 3], charts[seed / 3 % 3]);
        let what = format!("{name}, {solver}, {chart}");
        same(&newton, &fit(&model, &sample, &with(solver, chart, 1e-9)), &what);
    }
}

#[test]
fn golden_optima_by_every_method() {
    let mut compared = 0;
    for (dataset, name, optimum) in common::golden_fits() {
        let law = match name.split("__").next().unwrap_or_default() {
            "normal" => Model::gaussian(),
            "t_nu5" => Model::matrix_t(Dof::Fixed(5.0)),
            _ => continue,
        };
        let model = match name.split_once("__").map(|(_, rest)| rest) {
            None => law,
            Some("mean=zero") => law.mean(Mean::Zero),
            _ => continue,
        };
        if !optimum.is_unique() || dataset.starts_with("big") {
            continue;
        }
        let sample = common::golden_sample(&dataset);
        for method in [Method::FlipFlop, Method::Newton, Method::Auto, Method::Joint] {
            let fit = fit(&model, &sample, &options(method, 1e-9));
            optimum.compare(&fit, 1e-10, 1e-7, &format!("{dataset}/{name} by {}", method.name()));
            compared += 1;
        }
    }
    assert!(compared >= 24, "only {compared} comparisons");
}

#[test]
fn structured_factors_by_every_method() {
    for (rows, cols) in
        [("ar1", "unstructured"), ("compound-symmetry", "diagonal"), ("identity", "ar1")]
    {
        for law in [Model::gaussian(), Model::matrix_t(Dof::Fixed(4.0))] {
            let model = law
                .rows(rows.parse().expect("a structure"))
                .cols(cols.parse().expect("a structure"));
            let sample = heavy(3, (15, 4, 3));
            let reference = fit(&model, &sample, &options(Method::Newton, 1e-10));
            assert_eq!(reference.method(), "newton");
            let what = format!("{} {rows} {cols}", model.law().name());
            assert!(reference.is_converged(), "{what}: {:?}", reference.termination());
            same(&reference, &fit(&model, &sample, &options(Method::FlipFlop, 1e-9)), &what);
            same(&reference, &fit(&model, &sample, &options(Method::Auto, 1e-9)), &what);
            same(&reference, &fit(&model, &sample, &options(Method::Joint, 1e-8)), &what);
        }
    }
}

/// Fewer samples than any maximum needs, forced: no method may claim one.
#[test]
fn unbounded_likelihoods_end_honestly() {
    for model in
        [Model::gaussian(), Model::kronecker_t(Dof::Fixed(1.0)), Model::matrix_t(Dof::Fixed(3.0))]
    {
        for (seed, shape) in [(1, (2, 6, 2)), (2, (3, 4, 14)), (3, (1, 3, 2))] {
            let model = model.clone().mean(Mean::Zero);
            let sample = Sample::new(normal(seed, shape)).expect("a sample");
            for method in [Method::FlipFlop, Method::Newton, Method::Auto, Method::Joint] {
                let options = FitOptions { force: true, max_iter: 3000, ..options(method, 1e-8) };
                let what = format!("{} {shape:?} by {}", model.law().name(), method.name());
                match model.fit_with(&sample, &options, &mut Silent) {
                    Ok(fit) => {
                        assert!(!fit.is_converged(), "{what}: {:?}", fit.termination());
                        assert!(!fit.warnings().is_empty(), "{what}");
                    }
                    Err(error) => assert!(!error.to_string().is_empty(), "{what}"),
                }
            }
        }
    }
}

/// The start is the identity: these data are 1e12 away from it in condition.
#[test]
fn far_starts_are_reached_or_given_up() {
    for spread in [6.0, -6.0] {
        let mut x = normal(4, (20, 4, 3));
        x.indexed_iter_mut()
            .for_each(|((_, i, _), v)| *v *= 10f64.powf(spread * (i as f64 / 3.0 - 0.5)));
        let sample = Sample::new(x).expect("a sample");
        for model in [Model::gaussian(), Model::matrix_t(Dof::Fixed(3.0))] {
            let reference = fit(&model, &sample, &options(Method::FlipFlop, 1e-10));
            assert!(reference.is_converged());
            for method in [Method::Newton, Method::Auto, Method::Joint] {
                let fit = fit(&model, &sample, &options(method, 1e-8));
                assert!(fit.is_converged(), "{}: {:?}", method.name(), fit.termination());
                let gap = (fit.log_likelihood() - reference.log_likelihood()).abs();
                assert!(gap <= 1e-10 * reference.log_likelihood().abs(), "{}", method.name());
            }
        }
    }
}

#[test]
fn three_step_says_what_it_is() {
    let sample = heavy(1, (30, 3, 4));
    let fit = fit(&Model::gaussian(), &sample, &options(Method::ThreeStep, 1e-8));
    assert_eq!(fit.termination(), Termination::ThreeStep);
    assert_eq!(fit.iterations(), 2);
    assert!(fit.warnings().iter().any(|w| w.contains("not the maximum")), "{:?}", fit.warnings());
    let best = self::fit(&Model::gaussian(), &sample, &options(Method::Auto, 1e-8));
    assert!(fit.log_likelihood() < best.log_likelihood());
    assert!(fit.log_likelihood() > best.log_likelihood() - 5.0);
}

#[test]
fn limits_and_observers_stop_every_method() {
    let sample = Sample::new(normal(2, (2, 11, 10))).expect("a sample");
    let model = Model::gaussian().mean(Mean::Zero);
    for method in [Method::FlipFlop, Method::Newton, Method::Auto, Method::Joint] {
        let mut seen = 0;
        let mut stop = |_: &kronfit::estimate::Step| {
            seen += 1;
            seen < 4
        };
        let fit = model.fit_with(&sample, &options(method, 1e-9), &mut stop).expect("a fit");
        assert_eq!(fit.termination(), Termination::Interrupted, "{}", method.name());
        assert_eq!(fit.trace().len(), 4, "{}", method.name());
        let options = FitOptions { time_limit: Some(1e-9), ..options(method, 1e-12) };
        let fit = self::fit(&model, &sample, &options);
        assert_eq!(fit.termination(), Termination::TimeLimit, "{}", method.name());
        let options = FitOptions { max_iter: 3, time_limit: None, ..options };
        let fit = self::fit(&model, &sample, &options);
        assert_eq!(fit.termination(), Termination::MaxIterations, "{}", method.name());
        assert!(fit.iterations() <= 3 && fit.trace().len() == 4, "{}", method.name());
    }
}

/// x⁴ − 2x², undefined in various ways beyond a wall.
struct Walled {
    wall: f64,
    how: fn() -> Result<f64, Failure>,
}

impl Objective for Walled {
    fn dim(&self) -> usize {
        2
    }

    fn evaluate(&self, x: &[f64]) -> Result<Evaluation, Failure> {
        let beyond = x[0] > self.wall;
        let nothing = if beyond { (self.how)()? } else { 0.0 };
        let value = x[0].powi(4) - 2.0 * x[0].powi(2) + 3.0 * x[1] * x[1] + nothing;
        let gradient = vec![4.0 * x[0].powi(3) - 4.0 * x[0] + nothing, 6.0 * x[1]];
        let score = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        Ok(Evaluation { value, gradient, score })
    }
}

#[test]
fn walls_of_nan_infinity_and_failure_neither_hang_nor_convince() {
    let kinds: [fn() -> Result<f64, Failure>; 3] =
        [|| Ok(f64::NAN), || Ok(f64::INFINITY), || Err(Failure::Infeasible)];
    for optimizer in [Optimizer::Lbfgs, Optimizer::Cg, Optimizer::Steepest, Optimizer::TrustRegion]
    {
        for how in kinds {
            let settings = Settings { optimizer, ..Settings::default() };
            // The minimum at 1 is inside of the domain.
            let inside = Walled { wall: 1.05, how };
            let found =
                optim::minimise(inside, &[0.3, 2.0], &settings, (1e-7, 500), &mut |_, _| true);
            let found = found.expect("a minimum");
            assert_eq!(found.stop, Stop::Score, "{optimizer}: {found:?}");
            assert!((found.x[0] - 1.0).abs() < 1e-6, "{optimizer}: {found:?}");
            // The minimum is behind the wall.
            let behind = Walled { wall: 0.9, how };
            let found =
                optim::minimise(behind, &[0.3, 0.1], &settings, (1e-7, 500), &mut |_, _| true);
            let found = found.expect("a point");
            assert_ne!(found.stop, Stop::Score, "{optimizer}: {found:?}");
            assert!(found.x[0] <= 0.9 && found.evaluation.score > 1e-7);
        }
        let settings = Settings { optimizer, ..Settings::default() };
        let outside = Walled { wall: 0.0, how: kinds[2] };
        assert!(
            optim::minimise(outside, &[0.3, 0.0], &settings, (1e-7, 9), &mut |_, _| true).is_err()
        );
    }
}
