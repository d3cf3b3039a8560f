//! Studies as a user meets them: the same files on any number of threads, in shards or whole,
//! after kill −9 or not; exact messages for bad study files; simulation with its truth.
#![cfg(feature = "cli")]

use kronfit::study::{RunOptions, Shard, Study};
use ndarray::{Array2, Array3, ArrayD};
use ndarray_npy::NpzReader;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const STUDY: &str = r#"
name = "small"
seed = 11
replicates = 12
plot = "shape_distance"

[design]
n = [6, 12]
p = 3
q = 2
law = ["gaussian", "kronecker-t"]
dof = 4
rows = "ar1:0.5"
contamination = ["none", "cellwise:0.1:5"]

[[estimator]]
law = "gaussian"
mean = "zero"

[[estimator]]
name = "t"
law = "kronecker-t"
dof = 4
mean = "free"

[[estimator]]
law = "tyler"
"#;

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kronfit"));
    command.current_dir(dir).args(args).env("OPENBLAS_NUM_THREADS", "1");
    command
}

fn kronfit(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().expect("runs")
}

fn done(dir: &Path, args: &[&str]) -> String {
    let output = kronfit(dir, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn folder(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("s.toml"), text).expect("a study file");
    dir
}

/// Every file that has no times in it; figures of coverage where the study has it.
fn result_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let texts = ["results.csv", "summary.csv", "summary.txt", "study.toml", "design.txt"];
    let figures = ["figures/error-1.svg", "figures/coverage-1.svg"];
    let there = figures.into_iter().filter(|name| dir.join(name).exists());
    texts
        .into_iter()
        .chain(there)
        .map(|name| (name.to_owned(), fs::read(dir.join(name)).expect(name)))
        .collect()
}

#[test]
fn threads_and_shards_give_the_same_files() {
    let dir = folder(&STUDY.replace("[design]", "coverage = 0.9\n[design]"));
    let at = dir.path();
    let printed = done(at, &["study", "s.toml", "-o", "one", "--threads", "1"]);
    assert!(printed.contains("small: 12 replicates") && printed.contains("12/12"), "{printed}");
    done(at, &["study", "s.toml", "-o", "two", "--threads", "2"]);
    let whole = result_files(&at.join("one"));
    assert_eq!(whole.len(), 7);
    assert_eq!(result_files(&at.join("two")), whole);
    for i in 1..=3 {
        let shard = format!("{i}/3");
        let text = done(at, &["study", "s.toml", "-o", &format!("s{i}"), "--shard", &shard]);
        assert!(text.starts_with(&format!("shard {shard}: 32 replicates in s{i};")), "{text}");
        assert!(!at.join(format!("s{i}/results.csv")).exists());
    }
    let early = kronfit(at, &["study", "merge", "s1", "s2", "-o", "early"]);
    assert_eq!(early.status.code(), Some(2));
    assert_eq!(
        stderr(&early),
        "error: early: cannot be written yet: 32 of 96 replicates are missing; finish the shards \
         with --resume, and name all of their folders"
    );
    done(at, &["study", "merge", "s3", "s1", "s2", "-o", "merged"]);
    assert_eq!(result_files(&at.join("merged")), whole);
    // 8 scenarios × 12 replicates × 3 estimators and a head.
    let rows = String::from_utf8(whole[0].1.clone()).expect("text");
    assert_eq!(rows.lines().count(), 1 + 8 * 12 * 3);
}

/// A study that takes a while: many replicates of fits to data without a tight tolerance.
fn long_study() -> String {
    STUDY.replace("replicates = 12", "replicates = 250").replace("n = [6, 12]", "n = [20, 60]")
}

#[test]
fn kill_nine_loses_nothing_that_matters() {
    let dir = folder(&long_study());
    let at = dir.path();
    let journal = at.join("killed/journal.csv");
    let lines = || fs::read_to_string(&journal).map_or(0, |t| t.lines().count());
    let mut rounds = 0;
    let mut before = 0;
    // Kill −9 again and again, each time somewhat later, and continue.
    for round in 0..3 {
        let mut child =
            command(at, &["study", "s.toml", "-o", "killed", "--resume", "--threads", "2"])
                .stdout(Stdio::null())
                .spawn()
                .expect("starts");
        let patience = Instant::now();
        while lines() < before + 200 + 37 * round && child.try_wait().expect("a child").is_none() {
            assert!(patience.elapsed() < Duration::from_secs(300), "no progress");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("SIGKILL");
        if !child.wait().expect("an end").success() {
            rounds += 1;
            // What was there is not lost by the next run.
            assert!(lines() >= before);
            assert!(!at.join("killed/results.csv").exists());
        }
        before = lines();
    }
    assert!(rounds >= 1, "the study was too short to be killed");
    done(at, &["study", "s.toml", "-o", "killed", "--resume"]);
    done(at, &["study", "s.toml", "-o", "whole", "--threads", "1"]);
    assert_eq!(result_files(&at.join("killed")), result_files(&at.join("whole")));
    // A finished study stays as it is, and what finished before was not computed again.
    let timings = fs::read(at.join("killed/timings.csv")).expect("timings");
    done(at, &["study", "s.toml", "-o", "killed", "--resume"]);
    assert_eq!(fs::read(at.join("killed/timings.csv")).expect("timings"), timings);
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_done_and_says_how_to_go_on() {
    let dir = folder(&long_study());
    let at = dir.path();
    let child = command(at, &["study", "s.toml", "-o", "out", "--threads", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let journal = at.join("out/journal.csv");
    let patience = Instant::now();
    while fs::metadata(&journal).map_or(0, |m| m.len()) == 0 {
        assert!(patience.elapsed() < Duration::from_secs(300), "no progress");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let text = stderr(&output);
    let kept = fs::read_to_string(&journal).expect("a journal").lines().count() / 3;
    assert_eq!(
        text,
        format!(
            "stopped: {kept} of 2000 replicates are done and kept in out; to continue: kronfit \
             study s.toml -o out --resume"
        )
    );
}

#[test]
fn folders_of_other_studies_are_refused() {
    let dir = folder(&STUDY.replace("replicates = 12", "replicates = 1"));
    let at = dir.path();
    done(at, &["study", "s.toml", "-o", "out", "--quiet"]);
    let again = kronfit(at, &["study", "s.toml", "-o", "out"]);
    assert_eq!(
        (again.status.code(), stderr(&again)),
        (
            Some(2),
            "error: out: holds results of this study; continue with --resume, or give another \
             folder"
                .to_owned()
        )
    );
    fs::write(at.join("s.toml"), STUDY.replace("seed = 11", "seed = 12")).expect("written");
    let other = kronfit(at, &["study", "s.toml", "-o", "out", "--resume"]);
    assert_eq!(
        stderr(&other),
        "error: out/design.txt: is of another study (it says \"seed 11\", this one \"seed 12\"); \
         give another folder"
    );
    let nothing = kronfit(at, &["study", "merge", "nowhere", "-o", "x"]);
    assert_eq!(stderr(&nothing), "error: nowhere/study.toml: there is no such file");
}

/// The message for a study file in which `from` is replaced by `to`.
fn fault(from: &str, to: &str) -> String {
    assert!(STUDY.contains(from), "{from}");
    let text = STUDY.replacen(from, to, 1);
    Study::from_toml(&text, Path::new("s.toml")).expect_err(to).to_string()
}

#[test]
fn bad_study_files_name_line_and_key() {
    let cases = [
        ("seed = 11", "seed = -1", "s.toml:3: seed: -1 is not a whole number of at least 0"),
        ("seed = 11", "", "s.toml:1: seed: missing; give a whole number"),
        (
            "replicates = 12",
            "replicates = 0",
            "s.toml:4: replicates: 0 is not a whole number of at least 1",
        ),
        (
            "replicates = 12",
            "replicats = 12",
            "s.toml:4: replicats: unknown key; use name, seed, replicates, target, plot, show, \
             coverage, design, estimator",
        ),
        (
            "n = [6, 12]",
            "n = [6,\n  0]",
            "s.toml:9: design.n: 0 is not a whole number of at least 1",
        ),
        (
            "n = [6, 12]",
            "n = []",
            "s.toml:8: design.n: a value of type array is not a whole number of at least 1",
        ),
        ("p = 3", "p = 2.5", "s.toml:9: design.p: 2.5 is not a whole number of at least 1"),
        (
            "\"gaussian\", \"kron",
            "\"normal\", \"kron",
            "s.toml:11: design.law: \"normal\" is not a law; use gaussian, kronecker-t or matrix-t",
        ),
        ("dof = 4\n", "dof = 0\n", "s.toml:12: design.dof: 0 is not a number greater than 0"),
        (
            "dof = 4\n",
            "",
            "s.toml:11: design.law: this law needs dof in [design], for instance dof = [3, 10]",
        ),
        (
            "ar1:0.5",
            "ar1:1.5",
            "s.toml:13: design.rows: the parameter of the factor ar1:1.5 of order 3 is 1.5, but \
             must be a correlation between -1 and 1, both excluded",
        ),
        (
            "cellwise:0.1:5",
            "cellwise:2",
            "s.toml:14: design.contamination: the fraction of the contamination is 2, but must be \
             between 0 and 1",
        ),
        (
            "mean = \"zero\"",
            "mean = \"none\"",
            "s.toml:18: estimator.mean: \"none\" is not a mean; use free, zero, rows, cols or \
             scalar",
        ),
        (
            "mean = \"zero\"",
            "dof = 3",
            "s.toml:18: estimator.dof: the Gaussian has no degrees of freedom; leave the key out",
        ),
        (
            "name = \"t\"",
            "name = \"tyler\"",
            "s.toml:26: estimator: there is another estimator named \"tyler\"; give them different \
             names",
        ),
        (
            "law = \"tyler\"",
            "law = \"tyler\"\nmean = \"free\"",
            "s.toml:28: estimator.mean: Tyler's estimator has no such choice; leave the key out",
        ),
        (
            "plot = \"shape_distance\"",
            "show = [\"stein\", \"mse\"]",
            "s.toml:5: show: \"mse\" is not a measure; use one of frobenius, frobenius_rows, \
             frobenius_cols, distance, shape_distance, kullback, stein, whitened, trace_ratio, \
             ln_det_ratio, mean_error, dof",
        ),
        (
            "plot = \"shape_distance\"",
            "coverage = 95",
            "s.toml:5: coverage: 95 is not true, false or a level between 0 and 1",
        ),
        (
            "plot = \"shape_distance\"",
            "coverage = \"yes\"",
            "s.toml:5: coverage: \"yes\" is not true, false or a level between 0 and 1",
        ),
        (
            "plot = \"shape_distance\"",
            "coverage = false\nshow = [\"stein\", \"coverage_mean\"]",
            "s.toml:6: show: \"coverage_mean\" is measured only where the study asks for it; add \
             coverage = true, or a level such as coverage = 0.9",
        ),
        (
            "plot = \"shape_distance\"",
            "coverage = true\nplot = \"mse\"",
            "s.toml:6: plot: \"mse\" is not a measure; use one of frobenius, frobenius_rows, \
             frobenius_cols, distance, shape_distance, kullback, stein, whitened, trace_ratio, \
             ln_det_ratio, mean_error, dof, coverage, coverage_scale, coverage_shape, \
             coverage_mean, coverage_dof",
        ),
        (
            "mean = \"zero\"",
            "robust = true",
            "s.toml:18: estimator.robust: is about intervals, and the study does not ask for \
             coverage; add coverage = true at the top",
        ),
        ("[design]", "[design", "s.toml:7: not TOML: unclosed table, expected `]`"),
    ];
    for (from, to, message) in cases {
        assert_eq!(fault(from, to), message);
    }
    let structure = fault("mean = \"zero\"", "rows = \"ar2\"");
    assert!(
        structure.starts_with("s.toml:18: estimator.rows: the structure is \"ar2\""),
        "{structure}"
    );
    let method = fault("mean = \"zero\"", "method = \"fast\"");
    assert!(method.starts_with("s.toml:18: estimator.method: the method is \"fast\""), "{method}");
}

#[test]
fn the_help_names_every_key() {
    let help = done(Path::new("."), &["study", "--help"]);
    for (from, to) in [
        ("seed = 11", "nonsense = 1"),
        ("[design]", "[design]\nnonsense = 1"),
        ("mean = \"zero\"", "nonsense = 1"),
    ] {
        let message = fault(from, to);
        let keys = message.split("unknown key; use ").nth(1).expect("a list of keys");
        for key in keys.split(", ") {
            let word = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()) == key;
            assert!(help.split_whitespace().any(word), "{key} in {help}");
        }
    }
}

#[test]
fn a_bad_study_file_leaves_nothing_behind() {
    let dir = folder("seed = 1\nreplicates = \"many\"\n");
    let output = kronfit(dir.path(), &["study", "s.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: s.toml:2: replicates: \"many\" is not a whole number of at least 1"
    );
    assert!(!dir.path().join("s-results").exists());
    for shard in ["0/3", "4/3", "x"] {
        let output = kronfit(dir.path(), &["study", "s.toml", "--shard", shard]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn every_study_of_the_repository_can_be_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("studies");
    let files = fs::read_dir(dir).expect("studies").map(|e| e.expect("an entry").path());
    let studies: Vec<_> = files.filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    assert!(studies.len() >= 3);
    for path in studies {
        let study = Study::read(&path).expect("a study");
        assert!(study.jobs() > 0, "{}", path.display());
    }
}

#[test]
fn errors_shrink_as_theory_says() {
    let text = "seed = 5\nreplicates = 400\n[design]\nn = [50, 200]\np = 2\nq = 3\n\
                [[estimator]]\nlaw = \"gaussian\"\nmean = \"zero\"\n";
    let study = Study::from_toml(text, Path::new("s.toml")).expect("a study");
    let summary = study.run_in_memory(&RunOptions::default()).expect("results").summary();
    // Cramér–Rao: n E‖Σ^(−1/2)(Σ̂ − Σ)Σ^(−1/2)‖² → 2k with k = 3 + 6 − 1 for 2 × 3 matrices.
    for (i, n) in [50.0, 200.0].into_iter().enumerate() {
        let cell = summary.cell(i, 0);
        let (mean, error) =
            (cell.mean("whitened").expect("a mean"), cell.standard_error("whitened").expect("one"));
        let bound = 2.0 * 8.0 / n;
        assert!(
            ((mean - bound) / error).abs() < 4.0 + 0.1 * bound / error,
            "{mean} {bound} {error}"
        );
    }
    let half = RunOptions { shard: Shard::new(1, 2).expect("a shard"), ..RunOptions::default() };
    assert_eq!(study.run_in_memory(&half).expect("a half").rows().len(), 400);
}

fn array(npz: &mut NpzReader<fs::File>, name: &str) -> ArrayD<f64> {
    npz.by_name(name).expect(name)
}

#[test]
fn simulate_writes_data_and_truth() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = dir.path();
    let base =
        ["simulate", "--model", "matrix-t", "--dof", "7", "-n", "300", "--p", "3", "--q", "2"];
    let rest = ["--rows", "ar1:0.6", "--cols", "diagonal:1,3", "--contaminate", "rowwise:0.1:20"];
    let run = |out: &str, threads: &str| {
        let tail = ["--seed", "18446744073709551615", "-o", out, "--threads", threads];
        done(at, &[&base[..], &rest[..], &tail[..]].concat())
    };
    let said = run("a.npz", "1");
    assert_eq!(
        said,
        "a.npz: n = 300 samples of 3 × 2 from matrix-t(7), seed 18446744073709551615\n"
    );
    run("b.npz", "2");
    let open =
        |name: &str| NpzReader::new(fs::File::open(at.join(name)).expect(name)).expect("npz");
    let (mut a, mut b) = (open("a.npz"), open("b.npz"));
    let x: Array3<f64> = a.by_name("x").expect("x");
    assert_eq!(x.into_dyn(), array(&mut b, "x"));
    assert_eq!(array(&mut a, "sigma2").sum(), 2.0);
    let row: Array2<f64> = a.by_name("row_cov").expect("row_cov");
    assert!((row[[0, 2]] - 0.36).abs() < 1e-15);
    assert_eq!(array(&mut a, "col_cov").into_raw_vec_and_offset().0, [0.5, 0.0, 0.0, 1.5]);
    assert_eq!(array(&mut a, "dof").sum(), 7.0);
    let share = array(&mut a, "contaminated").mean().expect("a mean");
    assert!((share - 0.1).abs() < 0.04, "{share}");
    // What was written can be fitted: x is found, and the mask is not mistaken for it.
    done(at, &["fit", "a.npz", "--quiet"]);
}

#[test]
fn simulate_says_what_is_missing() {
    let dir = tempfile::tempdir().expect("a folder");
    let refused = |args: &[&str]| {
        let tail = ["-n", "5", "--seed", "1", "-o", "x.npz"];
        let output = kronfit(dir.path(), &[&["simulate"], args, &tail].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!dir.path().join("x.npz").exists());
        stderr(&output)
    };
    assert_eq!(
        refused(&["--q", "2"]),
        "error: the size p of a matrix is not known; give --p, or a factor from a file with \
         --rows-cov"
    );
    assert_eq!(
        refused(&["--model", "matrix-t", "--p", "2", "--q", "2"]),
        "error: --dof is missing; a t law is simulated with given degrees of freedom, for instance \
         --dof 5"
    );
    assert_eq!(
        refused(&["--p", "2", "--q", "2", "--rows", "compound-symmetry:-1"]),
        "error: the parameter of the factor compound-symmetry:-1 of order 2 is -1, but must be a \
         correlation between -1 and 1, both excluded"
    );
}

/// Frozen numbers: the same seed gives the same sample on every machine and in every version. A
/// change here breaks studies that people have published.
#[test]
fn a_seed_is_a_sample_for_ever() {
    use kronfit::study::{LawSpec, Scenario};
    let scenario = Scenario {
        law: LawSpec::KroneckerT(3.0),
        rows: "ar1:0.5".parse().expect("a factor"),
        ..Scenario::gaussian(2, 2, 2)
    };
    let sample = scenario.truth().expect("a truth").simulate(2, 1).expect("a sample").sample;
    let expected = [
        0.14709152143641752,
        0.06203678556838921,
        -0.4638911818440399,
        0.3166023119043221,
        -0.3622900320890507,
        0.7910780141426254,
        -0.8506707857940978,
        0.9478083823248988,
    ];
    assert_eq!(sample.values().as_slice().expect("memory order"), expected);
}
