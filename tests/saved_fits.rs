//! Saved fits: what is loaded is what was fitted, and what cannot be loaded says why.

use kronfit::data::{Names, Sample};
use kronfit::estimate::{Fit, Normalisation};
use kronfit::inference::score;
use kronfit::model::{Mean, Model, ModelSpec};
use kronfit::report::FitRecord;
use kronfit::structure::Structure;
use kronfit::{Error, io};
use ndarray::{Array2, Axis};
use serde_json::{Value, json};
use std::path::Path;

fn sample() -> Sample {
    io::resolve("us-macro").unwrap()
}

fn fit(spec: &str, sample: &Sample) -> Fit {
    spec.parse::<ModelSpec>().unwrap().model().unwrap().fit(sample).unwrap()
}

fn again(fit: &Fit) -> Fit {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fit.json");
    fit.save(&path).unwrap();
    Fit::load(&path).unwrap()
}

fn assert_same(fit: &Fit, loaded: &Fit, sample: &Sample) {
    let what = fit.model().to_string();
    assert_eq!(loaded.model().to_string(), what);
    assert_eq!(loaded.row_cov(), fit.row_cov(), "{what}");
    assert_eq!(loaded.col_cov(), fit.col_cov(), "{what}");
    assert_eq!((loaded.mean(), loaded.sigma2()), (fit.mean(), fit.sigma2()), "{what}");
    assert_eq!((loaded.dof(), loaded.dof_at_infinity()), (fit.dof(), fit.dof_at_infinity()));
    assert_eq!(loaded.aic(), fit.aic(), "{what}");
    assert_eq!((loaded.dim(), loaded.source()), (fit.dim(), fit.source()));
    assert_eq!((loaded.row_names(), loaded.col_names()), (fit.row_names(), fit.col_names()));
    assert_eq!(loaded.termination(), fit.termination());
    assert_eq!((loaded.method(), loaded.passes()), (fit.method(), fit.passes()));
    assert_eq!(loaded.warnings(), fit.warnings());
    assert_eq!(loaded.certificate(), fit.certificate());
    assert_eq!(loaded.content_hash(), Some(sample.content_hash().as_str()));
    assert_eq!(loaded.to_string(), fit.to_string());
    let total = loaded.distribution().ln_pdf_all(sample.values()).unwrap().sum();
    let gap = (total - fit.log_likelihood()).abs();
    assert!(gap < 1e-9 * total.abs(), "{what}: {gap:e}");
    // What hangs on the fit works on the loaded one.
    let errors = |fit: &Fit| fit.on(sample).unwrap().standard_errors().unwrap().sigma2;
    assert!((errors(fit) / errors(loaded) - 1.0).abs() < 1e-6, "{what}");
}

#[test]
fn loaded_fits_are_the_fits() {
    let sample = sample();
    for spec in [
        "law=gaussian",
        "law=kronecker-t rows=ar1 cols=correlation mean=cols",
        "law=matrix-t",
        "law=matrix-t dof=4 rows=toeplitz cols=factor:2 mean=rows",
        "law=gaussian rows=compound-symmetry cols=factor:3 mean=scalar",
        "law=kronecker-t dof=3.25 rows=identity cols=diagonal",
    ] {
        let fit = fit(spec, &sample);
        assert_same(&fit, &again(&fit), &sample);
    }
}

#[test]
fn matrices_of_the_model_are_kept() {
    let sample = sample();
    let known = Array2::from_shape_fn((4, 4), |(i, j)| 0.3_f64.powi(i.abs_diff(j) as i32));
    let left = Array2::from_shape_fn((4, 2), |(i, k)| (i as f64 / 3.0).powi(k as i32));
    let mean = Mean::Linear { left, right: Array2::eye(8) };
    let fit = Model::gaussian().rows(Structure::Known(known)).mean(mean).fit(&sample).unwrap();
    assert_same(&fit, &again(&fit), &sample);
}

#[test]
fn an_infinite_dof_stays_infinite() {
    // Normal by construction: ν̂ = ∞ for some seed.
    let normal = fit("law=gaussian", &sample()).distribution();
    let found = (0..20).find_map(|seed| {
        let drawn = normal.simulate(60, &mut kronfit::inference::stream(seed, 0)).unwrap();
        let fit = fit("law=kronecker-t", &drawn);
        fit.dof_at_infinity().then_some((fit, drawn))
    });
    let (fit, drawn) = found.expect("a sample without heavy tails");
    let loaded = again(&fit);
    assert!(loaded.dof_at_infinity() && loaded.dof().is_none());
    assert_eq!(score(&loaded, &drawn).unwrap().reference.unwrap(), "δ ~ χ²(32)");
}

#[test]
fn every_normalisation_loads_to_the_same_fit() {
    let sample = sample();
    let fit = fit("law=matrix-t", &sample);
    for rule in ["trace", "det", "first-row", "first-col", "all-cols"] {
        let rule: Normalisation = rule.parse().unwrap();
        let json = FitRecord::new(&fit, rule).to_json().unwrap();
        let loaded = Fit::from_json(&json, Path::new("fit.json")).unwrap();
        assert!((loaded.sigma2() / fit.sigma2() - 1.0).abs() < 1e-13);
        let gap = (loaded.row_cov() - fit.row_cov()).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        assert!(gap < 1e-13, "{gap:e}");
    }
}

#[test]
fn scores_are_those_of_the_fit() {
    let sample = sample();
    let fit = fit("law=kronecker-t", &sample);
    let scores = score(&again(&fit), &sample).unwrap();
    let found = fit.on(&sample).unwrap().outliers().unwrap();
    assert_eq!(scores.reference.as_deref(), Some(found.reference.as_str()));
    for (s, d) in scores.samples.iter().zip(&found.distances) {
        assert!((s.distance / d.distance - 1.0).abs() < 1e-9);
        assert!((s.p_value.unwrap() / d.p_value - 1.0).abs() < 1e-8);
    }
    assert!((scores.log_likelihood - fit.log_likelihood()).abs() < 1e-8);
    let csv = scores.to_csv().unwrap();
    assert_eq!(csv.lines().count(), 50);
    assert!(csv.starts_with("sample,log_density,distance,p_value\n"));
}

/// The same sample with columns in another order.
fn reversed(sample: &Sample, rename: Option<&str>) -> Sample {
    let q = sample.dim().2;
    let order: Vec<usize> = (0..q).rev().collect();
    let mut cols: Vec<String> = order.iter().map(|&j| sample.col_names()[j].clone()).collect();
    if let Some(name) = rename {
        cols[0] = name.to_owned();
    }
    let values = sample.values().select(Axis(2), &order);
    Sample::named(values, sample.row_names().to_vec(), cols, "new.npz")
        .and_then(|new| new.with_sample_names(sample.sample_names().to_vec()))
        .unwrap()
}

#[test]
fn rows_and_columns_are_matched_by_name() {
    let sample = sample();
    let fit = fit("law=gaussian", &sample);
    let same = score(&fit, &reversed(&sample, None)).unwrap();
    assert_eq!(same, score(&fit, &sample).unwrap());
    let found = fit.outliers_in(&reversed(&sample, None)).unwrap();
    assert_eq!(found.distances, fit.on(&sample).unwrap().outliers().unwrap().distances);
    let error = score(&fit, &reversed(&sample, Some("gold"))).unwrap_err();
    assert!(matches!(error, Error::Names { .. }), "{error}");
    let text = error.to_string();
    let last = sample.col_names().last().unwrap();
    assert!(text.contains("gold") && text.contains(last), "{text}");
    // Without names the order is the order.
    let bare = Sample::new(sample.values().to_owned()).unwrap();
    assert_eq!(score(&fit, &bare).unwrap().log_likelihood, same.log_likelihood);
    let narrow =
        Sample::new(sample.values().slice_axis(Axis(2), (0..3).into()).to_owned()).unwrap();
    assert!(matches!(score(&fit, &narrow), Err(Error::Shape { .. })));
    let mut holes = sample.values().to_owned();
    holes[[3, 1, 2]] = f64::NAN;
    let holes = Sample::incomplete(holes, Names::default(), "holes").unwrap();
    assert!(matches!(score(&fit, &holes), Err(Error::Missing { .. })));
}

fn refused(value: &Value, says: &str) {
    let error = Fit::from_json(&value.to_string(), Path::new("fit.json")).unwrap_err().to_string();
    assert!(error.starts_with("fit.json") && error.contains(says), "{says}: {error}");
}

#[test]
fn files_that_are_no_fits_say_what_is_wrong() {
    let sample = sample();
    let fit = fit("law=matrix-t dof=5 rows=ar1", &sample);
    let text = FitRecord::new(&fit, Normalisation::Trace).to_json().unwrap();
    let good: Value = serde_json::from_str(&text).unwrap();
    assert!(Fit::from_json(&good.to_string(), Path::new("fit.json")).is_ok());
    let with = |key: &str, value: Value| {
        let mut changed = good.clone();
        changed[key] = value;
        changed
    };
    let without = |key: &str| {
        let mut changed = good.clone();
        changed.as_object_mut().unwrap().remove(key);
        changed
    };
    refused(&json!({"a": 1}), "does not say by which version");
    refused(&json!([1, 2]), "is not a fit");
    refused(&without("format"), "fit again with --json");
    refused(&with("format", json!(7)), "use a newer kronfit");
    refused(&with("spec", Value::Null), "is not a built-in one");
    refused(&with("spec", json!({"law": "huber"})), "huber");
    refused(&with("mean", json!([[1.0, 2.0]])), "mean has shape (1, 2)");
    refused(&with("col_cov", json!([[1.0, 2.0], [3.0]])), "differ in length");
    refused(&with("dof", json!(6.0)), "the ν = 5 that the model gives");
    refused(&with("sigma2", json!(-1.0)), "a positive number");
    refused(&with("termination", json!("tired")), "tired");
    refused(&without("sigma2"), "sigma2");
    let mut broken = good.clone();
    broken["row_cov"][0][1] = json!(0.0);
    broken["row_cov"][1][0] = json!(0.0);
    refused(&broken, "not of the structure ar1");
    broken["row_cov"][0][1] = json!(1.5);
    refused(&broken, "not symmetric");
    let truncated = &text[..text.len() / 2];
    let error = Fit::from_json(truncated, Path::new("fit.json")).unwrap_err();
    assert!(matches!(error, Error::Parse { line, .. } if line > 5), "{error}");
    assert!(matches!(Fit::load("nowhere/fit.json"), Err(Error::File { .. })));
}

#[test]
fn a_simulated_truth_comes_back() {
    let sample = sample();
    let fit = fit("law=matrix-t", &sample);
    let truth = again(&fit).distribution();
    let drawn = truth.simulate(4000, &mut kronfit::inference::stream(5, 0)).unwrap();
    assert_eq!(drawn.col_names(), sample.col_names());
    let refit = fit_again(&drawn);
    assert!((refit.dof().unwrap() / fit.dof().unwrap() - 1.0).abs() < 0.1);
    let gap = (refit.row_cov() - fit.row_cov()).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!(gap < 0.1, "{gap}");
}

fn fit_again(sample: &Sample) -> Fit {
    fit("law=matrix-t", sample)
}

#[cfg(feature = "cli")]
mod command_line {
    use super::*;
    use std::process::{Command, Output};

    fn kronfit(dir: &Path, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_kronfit"))
            .current_dir(dir)
            .args(args)
            .output()
            .expect("runs")
    }

    fn done(dir: &Path, args: &[&str]) -> String {
        let output = kronfit(dir, args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn fit_then_score_then_outliers_then_simulate() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        done(at, &["fit", "us-macro", "--model", "kronecker-t", "--json", "fit.json"]);
        let page = done(at, &["score", "us-macro", "--fit", "fit.json", "--csv", "scores.csv"]);
        assert!(page.contains("law=kronecker-t dof=estimate"), "{page}");
        let csv = std::fs::read_to_string(at.join("scores.csv")).unwrap();
        let scored: Value = serde_json::from_str(&done(
            at,
            &["score", "us-macro", "--fit", "fit.json", "--json", "-"],
        ))
        .unwrap();
        let samples = scored["samples"].as_array().unwrap();
        assert_eq!(samples.len(), 49);
        let fitted: Value =
            serde_json::from_str(&std::fs::read_to_string(at.join("fit.json")).unwrap()).unwrap();
        let gap =
            scored["log_likelihood"].as_f64().unwrap() - fitted["log_likelihood"].as_f64().unwrap();
        assert!(gap.abs() < 1e-8, "{gap:e}");
        for (line, s) in csv.lines().skip(1).zip(samples) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells[1].parse::<f64>().unwrap(), s["log_density"].as_f64().unwrap());
            assert_eq!(cells[3].parse::<f64>().unwrap(), s["p_value"].as_f64().unwrap());
        }
        let direct = done(at, &["outliers", "us-macro", "--model", "kronecker-t", "--json", "-"]);
        let judged = done(at, &["outliers", "us-macro", "--fit", "fit.json", "--json", "-"]);
        let worst = |text: &str| {
            let value: Value = serde_json::from_str(text).unwrap();
            value["distances"][15]["p_value"].as_f64().unwrap()
        };
        assert!((worst(&direct) / worst(&judged) - 1.0).abs() < 1e-8);
        let simulate = |file: &str| {
            let args = ["simulate", "--fit", "fit.json", "-n", "30", "--seed", "4", "-o", file];
            done(at, &args);
            io::load(
                at.join(file).to_str().unwrap(),
                &io::ReadOptions { key: Some("x".into()), ..Default::default() },
            )
            .unwrap()
        };
        let (a, b) = (simulate("a.npz"), simulate("b.npz"));
        assert_eq!(a.values(), b.values());
        assert_eq!(a.dim(), (30, 4, 8));
        assert_eq!(a.col_names(), sample().col_names());
        done(at, &["score", "a.npz", "--fit", "fit.json"]);
    }

    #[test]
    fn a_fit_and_a_model_are_one_too_many() {
        let folder = tempfile::tempdir().unwrap();
        for args in [
            ["outliers", "us-macro", "--fit", "fit.json", "--model", "gaussian"],
            ["outliers", "us-macro", "--fit", "fit.json", "--tol", "1e-6"],
            ["simulate", "-n3", "--fit", "fit.json", "--rows", "ar1:0.5"],
        ] {
            let output = kronfit(folder.path(), &args);
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{text}");
            assert!(text.contains("cannot be used with"), "{text}");
        }
        let output = kronfit(folder.path(), &["score", "us-macro", "--fit", "fit.json"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(text, "error: fit.json: there is no such file\n");
    }
}
