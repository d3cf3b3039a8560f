//! `kronfit robust` as a user meets it.
#![cfg(feature = "cli")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn robust(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kronfit"));
    command.current_dir(dir).arg("robust").args(args).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn page_files_and_figure() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["us-macro", "--starts", "10", "--json", "r.json", "--csv", "r.csv", "--plot", "f"];
    let output = robust(dir.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert!(page.contains("h = 26") && page.contains("polished starts agree"), "{page}");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(json["h"], 26);
    assert_eq!(json["subset"].as_array().unwrap().len(), 26);
    assert_eq!(json["starts"]["tried"], 10);
    for part in ["raw", "reweighted"] {
        for key in ["mean", "sigma2", "row_cov", "col_cov", "consistency"] {
            assert!(!json[part][key].is_null(), "{part} {key}");
        }
    }
    let distances = json["squared_distances"].as_array().unwrap();
    assert_eq!(distances.len(), 49);
    let csv = read("r.csv");
    assert_eq!(csv.lines().count(), 50);
    let first: f64 = csv.lines().nth(1).unwrap().split(',').nth(2).unwrap().parse().unwrap();
    assert!((first / distances[0].as_f64().unwrap() - 1.0).abs() < 1e-12);
    assert!(dir.path().join("f/robust-distances.svg").exists());
    assert!(dir.path().join("f/robust-distances.png").exists());
}

#[test]
fn threads_do_not_change_a_byte() {
    let dir = tempfile::tempdir().unwrap();
    let on = |threads: &str| {
        let args =
            ["us-macro", "--starts", "8", "--seed", "3", "--json", "-", "--threads", threads];
        text(&robust(dir.path(), &args).stdout)
    };
    assert_eq!(on("1"), on("2"));
}

#[test]
fn bad_input_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |args: &[&str], words: &str| {
        let output = robust(dir.path(), args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{said}");
    };
    refused(&["us-macro", "--alpha", "0.3"], "--alpha is 0.3");
    refused(&["us-macro", "--starts", "0"], "--starts is 0");
    let csv = |name: &str, value: &dyn Fn(usize, usize, usize) -> String, n: usize| {
        let mut lines = String::from("sample,row,col,value\n");
        for i in 0..n {
            for (r, c) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                lines += &format!("{i},{r},{c},{}\n", value(i, r, c));
            }
        }
        std::fs::write(dir.path().join(name), lines).unwrap();
    };
    let wave = |i: usize, r: usize, c: usize| ((7 * i + 3 * r + c) as f64 * 1.7).sin();
    csv("few.csv", &|i, r, c| wave(i, r, c).to_string(), 4);
    refused(&["few.csv"], "n = 4 samples of 2 × 2 are too few");
    csv("same.csv", &|i, r, c| wave(i / 20, r, c).to_string(), 30);
    refused(&["same.csv"], "20 of 30 matrices are identical");
    let hole =
        |i, r, c| if (i, r, c) == (5, 1, 0) { String::new() } else { wave(i, r, c).to_string() };
    csv("hole.csv", &hole, 30);
    refused(&["hole.csv"], "missing");
}
