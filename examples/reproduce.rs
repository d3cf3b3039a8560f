//! Reference results of other software, recomputed: the optima in `tests/golden` and the fits of
//! `us-macro` that were made with NumPy and SciPy.
//!
//! Run with `cargo run --release --example reproduce`, from a clone or an unpacked package.

use kronfit::data::Sample;
use kronfit::estimate::Fit;
use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::Structure;
use kronfit::{Error, Result, io};
use ndarray::{Array2, linalg::kron};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    optima()?;
    witness()
}

/// What came of the references of one dataset.
#[derive(Default)]
struct Tally {
    optima: usize,
    at_infinity: usize,
    without: usize,
    likelihood: f64,
    sigma: f64,
    dof: f64,
}

fn optima() -> Result<()> {
    println!("Optima found by an independent optimiser, checked positive curvature; worst");
    println!("relative differences of kronfit (ν̂ = ∞: supremum compared; —: no maximum claimed)\n");
    println!("  dataset          fits  ν̂ = ∞  no max.        ℓ        Σ        ν");
    let all = json("fits.json")?;
    let mut total = Tally::default();
    for (dataset, models) in all.as_object().into_iter().flatten() {
        let sample = io::resolve(&golden(&format!("data/{dataset}.npy")).to_string_lossy())?;
        let mut tally = Tally::default();
        for (name, reference) in models.as_object().into_iter().flatten() {
            compare(&sample, name, reference, &mut tally)?;
        }
        line(dataset, &tally);
        total.optima += tally.optima;
        total.at_infinity += tally.at_infinity;
        total.without += tally.without;
        total.likelihood = total.likelihood.max(tally.likelihood);
        total.sigma = total.sigma.max(tally.sigma);
        total.dof = total.dof.max(tally.dof);
    }
    line("all", &total);
    println!();
    Ok(())
}

fn line(name: &str, tally: &Tally) {
    println!(
        "  {name:<16} {:>4} {:>7} {:>8} {:>8.0e} {:>8.0e} {:>8.0e}",
        tally.optima, tally.at_infinity, tally.without, tally.likelihood, tally.sigma, tally.dof
    );
}

// ANCHOR: compare
fn compare(sample: &Sample, name: &str, reference: &Value, tally: &mut Tally) -> Result<()> {
    let fit = model(name)?.fit(sample)?;
    let relative = |ours: f64, theirs: f64| ((ours - theirs) / theirs).abs();
    if let Some(supremum) = reference["loglik_supremum"].as_f64() {
        assert!(fit.dof_at_infinity(), "{name}: ν = {:?}", fit.dof());
        tally.at_infinity += 1;
        tally.likelihood = tally.likelihood.max(relative(fit.log_likelihood(), supremum));
        return Ok(());
    }
    let Some(optimum) = reference["loglik"].as_f64() else {
        assert!(!fit.is_converged(), "{name}: no maximum is known");
        tally.without += 1;
        return Ok(());
    };
    tally.optima += 1;
    tally.likelihood = tally.likelihood.max(relative(fit.log_likelihood(), optimum));
    // Where the maximiser is not unique, only ℓ means something.
    if reference["U"].is_array() {
        let sigma = kron(&matrix(&reference["U"]), &matrix(&reference["V"]));
        tally.sigma = tally.sigma.max(distance(&covariance(&fit), &sigma));
    }
    if let (Some(ours), Some(theirs)) = (fit.dof(), reference["nu"].as_f64()) {
        tally.dof = tally.dof.max(relative(ours, theirs));
    }
    Ok(())
}
// ANCHOR_END: compare

/// The model behind a name like `t_est__U=CS__V=AR(1)`.
fn model(name: &str) -> Result<Model> {
    let mut parts = name.split("__");
    let law = parts.next().unwrap_or_default();
    let mut model = match law.strip_prefix("t_nu") {
        Some(dof) => Model::matrix_t(Dof::Fixed(dof.parse().map_err(|_| unknown(name))?)),
        None if law == "t_est" => Model::matrix_t(Dof::Estimate),
        None => Model::gaussian(),
    };
    for part in parts {
        model = match part.split_once('=') {
            Some(("U", value)) => model.rows(structure(value)?),
            Some(("V", value)) => model.cols(structure(value)?),
            Some(("mean", "row")) => model.mean(Mean::Rows),
            Some(("mean", "col")) => model.mean(Mean::Cols),
            Some(("mean", "scalar")) => model.mean(Mean::Scalar),
            Some(("mean", "zero")) => model.mean(Mean::Zero),
            _ => return Err(unknown(part)),
        };
    }
    Ok(model)
}

fn structure(name: &str) -> Result<Structure> {
    Ok(match name {
        "AR(1)" => Structure::Ar1,
        "CS" => Structure::CompoundSymmetry,
        "cor" => Structure::Correlation,
        "I" => Structure::Identity,
        "diag" => Structure::Diagonal,
        other => return Err(unknown(other)),
    })
}

fn unknown(name: &str) -> Error {
    Error::domain("the name of a reference", name, "law__mean=…__U=…__V=…")
}

fn witness() -> Result<()> {
    println!("us-macro by kronfit and by datasets/witness.py (NumPy, SciPy)\n");
    println!("  law             log-likelihood     by witness        ν  by witness        Σ");
    let witness = json("us_macro_witness.json")?;
    let sample = io::resolve("us-macro")?;
    for model in
        [Model::gaussian(), Model::kronecker_t(Dof::Estimate), Model::matrix_t(Dof::Estimate)]
    {
        let fit = model.fit(&sample)?;
        let name = model.law().name();
        let theirs = &witness[name];
        let sigma = kron(&matrix(&theirs["row_scale_trace_p"]), &matrix(&theirs["col_scale"]));
        let dof = |dof: Option<f64>| dof.map_or("–".to_owned(), |dof| format!("{dof:.6}"));
        println!(
            "  {name:<12} {:>17.8} {:>14.8} {:>8} {:>11} {:>8.0e}",
            fit.log_likelihood(),
            theirs["log_likelihood"].as_f64().unwrap_or(f64::NAN),
            dof(fit.dof()),
            dof(theirs["dof"].as_f64()),
            distance(&covariance(&fit), &sigma)
        );
    }
    Ok(())
}

fn covariance(fit: &Fit) -> Array2<f64> {
    kron(fit.row_cov(), fit.col_cov()) * fit.sigma2()
}

fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let size = |m: &Array2<f64>| m.iter().map(|x| x * x).sum::<f64>().sqrt();
    size(&(a - b)) / size(b)
}

fn matrix(rows: &Value) -> Array2<f64> {
    let number = |i: usize, j: usize| rows[i][j].as_f64().unwrap_or(f64::NAN);
    let (p, q) = (rows.as_array().map_or(0, Vec::len), rows[0].as_array().map_or(0, Vec::len));
    Array2::from_shape_fn((p, q), |(i, j)| number(i, j))
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn json(name: &str) -> Result<Value> {
    let path = golden(name);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::file(&path, e))?;
    serde_json::from_str(&text).map_err(|e| Error::file(&path, e))
}
