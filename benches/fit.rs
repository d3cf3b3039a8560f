//! Fits to score 1e-8 and their growth in n, p and q.
//!
//! `cargo bench --bench fit -- [cases|growth|file FILE.npy LAW|stream FILE.npy LAW]`
//! `KRONFIT_JSON=out.json` also writes the numbers down.

mod common;

use common::{best_seconds, gemm_peak, noise};
use kronfit::data::Sample;
use kronfit::estimate::{DataSource, Fit, FitOptions, Method, Silent};
use kronfit::io::NpyBlocks;
use kronfit::model::{Dof, Model};
use kronfit::report::plot::{Chart, Scale, Series, write_figures};
use ndarray::{Array2, Array3};
use serde_json::{Value, json};
use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let threads = std::env::var("KRONFIT_THREADS").ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("one pool");
    match words.first().map(String::as_str) {
        Some("file") => file(&words[1], &words[2], words.get(3).map(String::as_str)),
        Some("stream") => stream(&words[1], &words[2]),
        Some("growth") => write(json!({ "growth": growth() })),
        Some("cases") => write(json!({ "cases": cases() })),
        _ => write(json!({ "cases": cases(), "growth": growth() })),
    }
}

fn write(value: Value) {
    if let Ok(path) = std::env::var("KRONFIT_JSON") {
        std::fs::write(path, value.to_string()).expect("a writable path");
    }
}

/// X = L_A Z L_Bᵀ with AR(1) factors.
fn sample(n: usize, p: usize, q: usize, seed: u64) -> Sample {
    let root = |d: usize, rho: f64| {
        Array2::from_shape_fn((d, d), |(i, j)| {
            let power = |k: usize| rho.powi(k as i32);
            match (i >= j, j) {
                (false, _) => 0.0,
                (true, 0) => power(i),
                (true, _) => power(i - j) * (1.0 - rho * rho).sqrt(),
            }
        })
    };
    let (a, b) = (root(p, 0.7), root(q, -0.5));
    let mut values =
        Array3::from_shape_vec((n, p, q), noise(n * p * q, seed)).expect("npq numbers");
    for mut x in values.outer_iter_mut() {
        let colored = a.dot(&x).dot(&b.t());
        x.assign(&colored);
    }
    Sample::new(values).expect("a finite sample")
}

fn model(law: &str) -> Model {
    match law {
        "gaussian" => Model::gaussian(),
        "kronecker-t" => Model::kronecker_t(Dof::Estimate),
        "matrix-t" => Model::matrix_t(Dof::Estimate),
        "matrix-t-5" => Model::matrix_t(Dof::Fixed(5.0)),
        _ => panic!("unknown law {law}"),
    }
}

fn run(model: &Model, sample: &Sample, method: Method, source: DataSource) -> Fit {
    // Plain sweeps of the smallest sample need thousands.
    let options = FitOptions { method, source, max_iter: 100_000, ..FitOptions::default() };
    model.fit_with(sample, &options, &mut Silent).expect("a fit")
}

fn file(path: &str, law: &str, source: Option<&str>) {
    let values: Array3<f64> = ndarray_npy::read_npy(path).expect("an npy file");
    let sample = Sample::new(values).expect("a finite sample");
    let source = source.map_or(DataSource::Auto, |s| s.parse().expect("a source"));
    let model = model(law);
    let fit = run(&model, &sample, Method::Auto, source);
    let seconds = best_seconds(0.5, || drop(run(&model, &sample, Method::Auto, source)));
    println!(
        "{}",
        json!({ "seconds": seconds, "log_likelihood": fit.log_likelihood(), "score": fit.score(),
                "iterations": fit.iterations(), "converged": fit.is_converged(), "dof": fit.dof() })
    );
}

/// A file that need not fit in memory.
fn stream(path: &str, law: &str) {
    let reader = NpyBlocks::open(Path::new(path)).expect("an npy file");
    let options = FitOptions::default();
    let fit = model(law).fit_stream(&reader, &options, &mut Silent, &|_, _| true).expect("a fit");
    println!(
        "{law} {:?}: {:.1} s, score {:.1e}, {} iterations",
        fit.dim(),
        fit.seconds(),
        fit.score(),
        fit.iterations()
    );
}

const GAUSSIAN: [(usize, usize, usize); 6] =
    [(100, 10, 10), (1000, 20, 20), (10_000, 10, 10), (100, 100, 50), (50, 200, 200), (3, 40, 30)];
const MATRIX_T: [(usize, usize, usize); 3] = [(100, 5, 5), (500, 10, 10), (200, 30, 20)];

fn cases() -> Vec<Value> {
    println!("gemm peak, one thread: {:.1} Gflop/s", gemm_peak() / 1e9);
    let mut rows = Vec::new();
    for dim in GAUSSIAN {
        for source in [DataSource::Auto, DataSource::Samples, DataSource::Moments] {
            // Moments of large matrices would take gigabytes.
            if source != DataSource::Moments || dim.1 * dim.2 <= 400 {
                rows.push(case("gaussian", dim, Method::Auto, source));
            }
        }
        rows.push(case("gaussian", dim, Method::FlipFlop, DataSource::Samples));
    }
    for dim in MATRIX_T {
        for law in ["matrix-t-5", "matrix-t", "kronecker-t"] {
            for method in [Method::Auto, Method::FlipFlop] {
                rows.push(case(law, dim, method, DataSource::Auto));
            }
        }
    }
    rows
}

fn case(law: &str, (n, p, q): (usize, usize, usize), method: Method, source: DataSource) -> Value {
    let sample = if law == "gaussian" { sample(n, p, q, 7) } else { heavy(n, p, q) };
    let model = model(law);
    let fit = run(&model, &sample, method, source);
    let seconds = best_seconds(0.5, || drop(run(&model, &sample, method, source)));
    println!(
        "{law:12} ({n}, {p}, {q}) {:9} by {:8}: {:9.3} ms, {} iterations, {} passes, score {:.1e}{}",
        method.name(),
        source.name(),
        seconds * 1e3,
        fit.iterations(),
        fit.passes(),
        fit.score(),
        if fit.is_converged() { "" } else { "  NOT CONVERGED" }
    );
    json!({ "law": law, "n": n, "p": p, "q": q, "method": method.name(),
            "source": source.name(), "seconds": seconds,
            "iterations": fit.iterations(), "converged": fit.is_converged() })
}

/// The Gaussian sample with every matrix divided by a number of its own.
fn heavy(n: usize, p: usize, q: usize) -> Sample {
    let mut values = sample(n, p, q, 11).values().to_owned();
    let chi = noise(5 * n, 13);
    for (mut x, chi) in values.outer_iter_mut().zip(chi.chunks(5)) {
        x /= chi.iter().map(|c| 3.0 * c * c).sum::<f64>().sqrt();
    }
    Sample::new(values).expect("a finite sample")
}

/// One line of a growth figure.
struct Line {
    law: &'static str,
    source: DataSource,
    dims: Vec<(usize, usize, usize)>,
}

fn line(law: &'static str, source: DataSource, dims: &[(usize, usize, usize)]) -> Line {
    Line { law, source, dims: dims.to_vec() }
}

/// Seconds against n, p and q, with the slope of the last two points in log–log; figures into the
/// folder KRONFIT_PLOT.
fn growth() -> Vec<Value> {
    let by_n = [250, 1000, 4000, 16_000].map(|n| (n, 10, 10));
    let by_p = [8, 16, 32, 64, 128].map(|p| (200, p, p));
    let by_q = [4, 8, 16, 32, 64, 128].map(|q| (200, 10, q));
    let (samples, moments) = (DataSource::Samples, DataSource::Moments);
    let figures = [
        (
            "n",
            "Samples n, p = q = 10",
            vec![
                line("gaussian", samples, &by_n),
                line("gaussian", moments, &by_n),
                line("kronecker-t", samples, &by_n),
                line("matrix-t", samples, &by_n),
            ],
        ),
        (
            "p",
            "Order p = q, n = 200",
            vec![
                line("gaussian", samples, &by_p),
                line("kronecker-t", samples, &by_p[..4]),
                line("matrix-t", samples, &by_p[..4]),
            ],
        ),
        (
            "q",
            "Columns q, n = 200, p = 10",
            vec![
                line("gaussian", samples, &by_q),
                line("kronecker-t", samples, &by_q),
                line("matrix-t", samples, &by_q),
            ],
        ),
    ];
    let mut rows = Vec::new();
    let mut drawn = Vec::new();
    for (axis, label, lines) in figures {
        let x = (label, Scale::Log);
        let mut chart = Chart::new("Time of a whole fit, one thread", x, ("Seconds", Scale::Log));
        for line in lines {
            let (points, cells) = measure(axis, &line);
            let name = format!("{} by {}", line.law, line.source.name());
            chart = chart.with(Series::line(&name, points).and_points());
            rows.extend(cells);
        }
        drawn.push(chart.figure(&format!("growth-{axis}")).expect("a figure"));
    }
    if let Ok(folder) = std::env::var("KRONFIT_PLOT") {
        write_figures(Path::new(&folder), &drawn).expect("a writable folder");
    }
    rows
}

fn measure(axis: &str, line: &Line) -> (Vec<(f64, f64)>, Vec<Value>) {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut rows = Vec::new();
    for &(n, p, q) in &line.dims {
        let mut row = case(line.law, (n, p, q), Method::Auto, line.source);
        let seconds = row["seconds"].as_f64().unwrap_or(f64::NAN);
        let size = match axis {
            "n" => n,
            "p" => p,
            _ => q,
        } as f64;
        let slope = points.last().map(|(s, t)| (seconds / t).ln() / (size / s).ln());
        points.push((size, seconds));
        row["axis"] = json!(axis);
        row["slope"] = json!(slope);
        rows.push(row);
    }
    (points, rows)
}
