//! The same bits whatever threads OpenBLAS has.
#![cfg(feature = "cli")]

use std::path::Path;
use std::process::Command;

fn output(dir: &Path, threads: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_kronfit"))
        .current_dir(dir)
        .env("OPENBLAS_NUM_THREADS", threads)
        .args(args)
        .output()
        .expect("runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.stdout.is_empty(), "{args:?}: {error}");
    output.stdout
}

/// Standard output without the lines that hold times.
fn timeless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let timed = |line: &&str| !line.contains("seconds") && !line.contains(" passes over the data");
    text.lines().filter(timed).collect::<Vec<_>>().join("\n")
}

#[test]
fn blas_threads_change_no_bit() {
    let dir = tempfile::tempdir().unwrap();
    let fit = ["fit", "us-macro", "--json", "-"];
    let with =
        |more: &[&'static str]| -> Vec<&'static str> { fit.iter().chain(more).copied().collect() };
    let commands = [
        with(&["--method", "newton"]),
        with(&["--method", "joint"]),
        with(&["--model", "matrix-t", "--method", "newton"]),
        with(&["--rows", "factor:1", "--se"]),
        with(&["--rows", "toeplitz", "--cols", "correlation", "--se"]),
        with(&["--model", "kronecker-t", "--rows", "ar1", "--se"]),
        vec!["test", "us-macro", "rows=ar1", "--bootstrap", "20"],
        vec!["test", "us-macro", "separability"],
        vec!["outliers", "us-macro", "--model", "matrix-t"],
    ];
    for args in commands {
        let one = timeless(&output(dir.path(), "1", &args));
        let two = timeless(&output(dir.path(), "2", &args));
        assert_eq!(one, two, "{args:?}");
    }
}
