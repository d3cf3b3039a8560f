//! Fits against optima found by other software (see `tests/golden/README.md`).

mod common;

use kronfit::estimate::{FitOptions, Method, Silent};
use kronfit::model::{Dof, Mean, Model};

/// Matrix-normal cases with a free or zero mean.
#[test]
fn matrix_normal_optima() {
    let mut compared = 0;
    for (dataset, name, optimum) in common::golden_fits() {
        let mean = match name.as_str() {
            "normal" => Mean::Free,
            "normal__mean=zero" => Mean::Zero,
            _ => continue,
        };
        let sample = common::golden_sample(&dataset);
        let fit = Model::gaussian().mean(mean).fit(&sample).expect("a fit");
        optimum.compare(&fit, 1e-8, 1e-6, &format!("{dataset}/{name}"));
        compared += 1;
    }
    assert_eq!(compared, 11);
}

/// Matrix-t cases with unstructured factors, ν given or estimated.
#[test]
fn matrix_t_optima() {
    let (mut compared, mut limits) = (0, 0);
    for (dataset, name, optimum) in common::golden_fits() {
        let (dof, mean) = match name.split_once("__") {
            None => (name.as_str(), Mean::Free),
            Some((dof, "mean=zero")) => (dof, Mean::Zero),
            Some(_) => continue,
        };
        let dof = match dof.strip_prefix("t_nu") {
            Some(dof) => Dof::Fixed(dof.parse().expect("a number")),
            None if dof == "t_est" => Dof::Estimate,
            None => continue,
        };
        let what = format!("{dataset}/{name}");
        if optimum.log_likelihood().is_none() && optimum.value["nu"].as_str() != Some("inf") {
            // No interior maximum: see the tests below.
            continue;
        }
        let sample = common::golden_sample(&dataset);
        let fit = Model::matrix_t(dof).mean(mean).fit(&sample).expect("a fit");
        println!(
            "{what}: {:?}, {} sweeps, {} passes, score {:.1e}, ν = {:?}, ℓ = {:.8}",
            fit.termination(),
            fit.iterations(),
            fit.passes(),
            fit.score(),
            fit.dof(),
            fit.log_likelihood()
        );
        if optimum.value["nu"].as_str() == Some("inf") {
            assert!(fit.dof_at_infinity() && fit.is_converged(), "{what}: ν = {:?}", fit.dof());
            let supremum = optimum.value["loglik_supremum"].as_f64().expect("a number");
            let off = (fit.log_likelihood() - supremum) / supremum.abs();
            assert!(off.abs() < 1e-8, "{what}: {off:e}");
            limits += 1;
        } else {
            optimum.compare(&fit, 1e-8, 1e-6, &what);
            let reference = optimum.value["nu"].as_f64().expect("ν");
            let found = fit.dof().expect("ν");
            assert!((found / reference - 1.0).abs() < 1e-5, "{what}: ν = {found}");
            compared += 1;
        }
    }
    assert!(compared >= 25 && limits == 4, "{compared} {limits}");
}

fn fit_without_maximum(method: Method) -> kronfit::estimate::Fit {
    let options = FitOptions { method, ..FitOptions::default() };
    let sample = common::golden_sample("thr_4_10_4");
    Model::matrix_t(Dof::Fixed(3.0)).fit_with(&sample, &options, &mut Silent).expect("a fit")
}

/// The likelihood has no interior maximum: the fit must not claim one.
#[test]
fn no_maximum_no_claim_by_flip_flop() {
    let fit = fit_without_maximum(Method::FlipFlop);
    assert!(!fit.is_converged(), "{:?}", fit.termination());
}

#[test]
fn no_maximum_no_claim_by_the_default_method() {
    let fit = fit_without_maximum(Method::Auto);
    assert!(!fit.is_converged(), "{:?}", fit.termination());
}
