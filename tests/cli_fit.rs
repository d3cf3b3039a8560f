//! The command line as a user meets it: exit codes, exact messages, the JSON contract, and
//! nothing half-written.
#![cfg(feature = "cli")]

mod common;

use ndarray::{Array3, ArrayD};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn kronfit(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kronfit")).current_dir(dir).args(args).output().expect("runs")
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn write(dir: &Path, name: &str, values: &ArrayD<f64>) -> PathBuf {
    let path = dir.join(name);
    ndarray_npy::write_npy(&path, values).expect("a data file");
    path
}

fn wobble(n: usize, p: usize, q: usize) -> Array3<f64> {
    Array3::from_shape_fn((n, p, q), |(i, r, c)| {
        ((i * 37 + r * 11 + c * 5) as f64 * 0.7).sin() + ((i * r + c) as f64).cos()
    })
}

/// Runs a fit that must be refused, and gives what it said.
fn refused(values: &ArrayD<f64>, extra: &[&str]) -> String {
    let dir = temporary();
    write(dir.path(), "x.npy", values);
    let args = [&["fit", "x.npy", "--json", "fit.json"], extra].concat();
    let output = kronfit(dir.path(), &args);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!dir.path().join("fit.json").exists(), "nothing may be written");
    assert!(output.stdout.is_empty());
    stderr(&output)
}

#[test]
fn one_sample_is_too_few() {
    assert_eq!(
        refused(&wobble(1, 4, 3).into_dyn(), &[]),
        "error: x.npy: n = 1 samples of 4 × 3 are too few, the likelihood has no maximum; at \
         least n = 3 is needed (the free mean costs one; fix the mean or collect more samples); or \
         shrink the fit (--shrink auto), which then exists for every n beyond what the mean takes"
    );
}

#[test]
fn below_the_threshold() {
    assert_eq!(
        refused(&wobble(4, 10, 2).into_dyn(), &["--mean", "zero"]),
        "error: x.npy: n = 4 samples of 10 × 2 are too few, the likelihood has no maximum; at \
         least n = 5 is needed (or choose a structure with fewer parameters); or \
         shrink the fit (--shrink auto), which then exists for every n beyond what the mean takes"
    );
}

#[test]
fn constant_row() {
    let mut x = wobble(20, 3, 4);
    x.index_axis_mut(ndarray::Axis(1), 1).fill(2.5);
    assert_eq!(
        refused(&x.into_dyn(), &[]),
        "error: row 1 of x.npy does not vary; leave this row out: a constant has no covariance"
    );
}

#[test]
fn unknown_words() {
    let x = wobble(20, 3, 4).into_dyn();
    assert!(
        refused(&x, &["--mean", "medium"])
            .starts_with("error: --mean is \"medium\", but must be free, zero, rows, cols, scalar")
    );
    assert!(
        refused(&x, &["--tol", "0"]).contains("the tolerance is 0, but must be between 0 and 1")
    );
}

#[test]
fn missing_file() {
    let dir = temporary();
    let output = kronfit(dir.path(), &["fit", "nowhere.npy"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: nowhere.npy: "), "{}", stderr(&output));
}

#[test]
fn unwritable_output() {
    let dir = temporary();
    let output =
        kronfit(dir.path(), &["fit", "us-macro", "--quiet", "--json", "no/such/folder/x.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no/such/folder"), "{}", stderr(&output));
}

#[test]
fn the_json_contract() {
    let dir = temporary();
    let output = kronfit(dir.path(), &["fit", "us-macro", "--json", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON");
    for key in [
        "kronfit",
        "model",
        "n",
        "p",
        "q",
        "rows",
        "cols",
        "mean_structure",
        "method",
        "log_likelihood",
        "sigma2",
        "row_cov",
        "col_cov",
        "mean",
        "dof",
        "n_parameters",
        "aic",
        "aicc",
        "bic",
        "converged",
        "termination",
        "score",
        "iterations",
        "passes",
        "seconds",
        "certificate",
        "warnings",
        "standard_errors",
        "row_names",
        "col_names",
    ] {
        assert!(json.get(key).is_some(), "{key} is missing");
    }
    // The witness is an independent NumPy fit.
    let log_likelihood = json["log_likelihood"].as_f64().expect("a number");
    assert!((log_likelihood + 1_906.249_468_897_476).abs() < 1e-8, "{log_likelihood}");
    let trace = |key: &str| common::matrix(&json[key]).diag().sum();
    assert!((trace("row_cov") - 4.0).abs() < 1e-12 && (trace("col_cov") - 8.0).abs() < 1e-12);
    assert_eq!(json["row_names"][3], "Q4");
}

#[test]
fn normalisations_describe_the_same_covariance() {
    let dir = temporary();
    let sigma = |rule: &str| {
        let output = kronfit(dir.path(), &["fit", "us-macro", "--json", "-", "--normalise", rule]);
        let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let kron = ndarray::linalg::kron(
            &common::matrix(&json["row_cov"]),
            &common::matrix(&json["col_cov"]),
        );
        (kron * json["sigma2"].as_f64().expect("σ²"), json)
    };
    let (reference, _) = sigma("trace");
    for rule in ["det", "first-row", "first-col", "all-cols"] {
        let (other, json) = sigma(rule);
        assert!(common::relative(&other, &reference) < 1e-12, "{rule}");
        if rule != "det" {
            assert!((json["sigma2"].as_f64().expect("σ²") - 1.0).abs() < 1e-12, "{rule}");
        }
    }
}

#[test]
fn not_converged_is_exit_code_one_with_a_report() {
    let dir = temporary();
    let output = kronfit(
        dir.path(),
        &["fit", "us-macro", "--method", "flip-flop", "--max-iter", "2", "--json", "fit.json"],
    );
    assert_eq!(output.status.code(), Some(1));
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(page.contains("NOT converged (max-iterations)"), "{page}");
    let json = std::fs::read_to_string(dir.path().join("fit.json")).expect("JSON all the same");
    assert!(json.contains("\"converged\": false"));
}

#[test]
fn datasets_are_listed() {
    let dir = temporary();
    let output = kronfit(dir.path(), &["datasets"]);
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["us-macro", "digits", "grunfeld", "simulated-t"] {
        assert!(page.contains(name));
    }
}

/// Positions come from a file, one line for each row; what does not fit is said.
#[test]
fn positions_from_a_file() {
    let dir = temporary();
    write(dir.path(), "x.npy", &wobble(20, 4, 3).into_dyn());
    std::fs::write(dir.path().join("times.csv"), "0\n0.5\n2\n3.5\n").expect("times");
    let args = ["fit", "x.npy", "--rows", "exponential:times.csv", "--json", "-"];
    let output = kronfit(dir.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let fit: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(fit["rows"], "exponential");
    let parameters = fit["row_parameters"].as_array().expect("parameters");
    assert_eq!((&parameters[0][0], &parameters[1][0]), (&"rho".into(), &"range".into()));
    for (structure, part) in [
        ("exponential:labels", "there are none"),
        ("block:2,1", "must be positive numbers with the sum 4"),
        ("exchangeable:a,b", "4 labels, one for each entry"),
        ("het:factor:1", "must be unstructured"),
        ("matern:3/2:gone.csv", "no such file"),
    ] {
        let output = kronfit(dir.path(), &["fit", "x.npy", "--rows", structure]);
        assert_eq!(output.status.code(), Some(2), "{structure}");
        assert!(stderr(&output).contains(part), "{structure}: {}", stderr(&output));
    }
}
