//! The commands compare, test and outliers as a user meets them.
#![cfg(feature = "cli")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn kronfit(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kronfit")).current_dir(dir).args(args).output().expect("runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn compare_lists_models_and_failures() {
    let dir = tempfile::tempdir().unwrap();
    // known to fail: a factor structure with too many factors for 4 rows.
    let args = [
        "compare",
        "us-macro",
        "--models",
        "gaussian",
        "--structures",
        "unstructured,ar1,factor:3*unstructured",
        "--json",
        "-",
    ];
    let output = kronfit(dir.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rows = json(&output);
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 5);
    let (failed, fitted): (Vec<&Value>, Vec<&Value>) =
        rows.iter().partition(|r| r["reason"].is_string());
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["reason"].as_str().unwrap().contains("factor"), "{:?}", failed[0]);
    let weights: f64 = fitted.iter().map(|r| r["aic_weight"].as_f64().unwrap()).sum();
    assert!((weights - 1.0).abs() < 1e-12);
    let aic: Vec<f64> = fitted.iter().map(|r| r["aic"].as_f64().unwrap()).collect();
    assert!(aic.is_sorted());
    // More parameters, larger likelihood.
    let ell = |rows: &str, cols: &str| {
        let row = fitted.iter().find(|r| r["rows"] == rows && r["cols"] == cols).unwrap();
        row["log_likelihood"].as_f64().unwrap()
    };
    assert!(ell("unstructured", "unstructured") > ell("ar1", "unstructured"));
    assert!(ell("ar1", "unstructured") > ell("ar1", "ar1"));
    let table = kronfit(dir.path(), &["compare", "us-macro", "--models", "gaussian"]);
    assert!(text(&table.stdout).contains("w(AIC)"));
}

#[test]
fn tests_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let args =
        ["test", "us-macro", "separability", "--bootstrap", "20", "--seed", "4", "--json", "-"];
    let first = kronfit(dir.path(), &args);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let result = json(&first);
    assert_eq!(result["df"], 32 * 33 / 2 - 45);
    assert_eq!(result["bootstrap"]["replicates"], 20);
    assert_eq!(result["bootstrap"]["exact"], true);
    let one_thread = kronfit(dir.path(), &[&args[..], &["--threads", "1"]].concat());
    assert_eq!(first.stdout, one_thread.stdout);
    let report = kronfit(dir.path(), &["test", "us-macro", "rows=ar1"]);
    assert!(text(&report.stdout).contains("8 degrees of freedom"), "{}", text(&report.stdout));
    for bad in [
        vec!["test", "us-macro", "rows=nothing"],
        vec!["test", "us-macro", "nonsense"],
        vec!["test", "grunfeld", "separability"],
        vec!["test", "us-macro", "separability", "--rows", "ar1"],
        vec!["test", "us-macro", "rows=ar1", "--project", "2,2"],
    ] {
        let output = kronfit(dir.path(), &bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{bad:?}");
    }
}

#[test]
fn outliers_with_files() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["outliers", "us-macro", "--json", "o.json", "--csv", "o.csv", "--plot", "plots"];
    let output = kronfit(dir.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let record: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.path().join("o.json")).unwrap()).unwrap();
    let distances = record["distances"].as_array().unwrap();
    assert_eq!(distances.len(), 49);
    let total: f64 = distances.iter().map(|d| d["distance"].as_f64().unwrap()).sum();
    assert!((total / (49.0 * 32.0) - 1.0).abs() < 1e-6);
    let lines = std::fs::read_to_string(dir.path().join("o.csv")).unwrap();
    assert_eq!(lines.lines().count(), 50);
    for name in ["outliers-qq.svg", "outliers-index.svg"] {
        assert!(dir.path().join("plots").join(name).exists(), "{name}");
    }
    let bad = kronfit(dir.path(), &["outliers", "us-macro", "--alpha", "2"]);
    assert_eq!(bad.status.code(), Some(2));
}
