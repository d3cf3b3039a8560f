//! Fits of data with missing cells against optima found by other software (see
//! `tests/golden/missing/README.md`).

use kronfit::data::{Names, Sample};
use kronfit::estimate::Fit;
use kronfit::kronecker::Side;
use kronfit::likelihood::Incomplete;
use kronfit::model::{Dof, Mean, Model};
use ndarray::{Array2, Array3};
use ndarray_npy::read_npy;
use serde_json::Value;
use std::path::Path;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/missing")
}

fn sample(name: &str) -> Sample {
    let values: Array3<f64> =
        read_npy(folder().join("data").join(format!("{name}.npy"))).expect("a golden array");
    Sample::incomplete(values, Names::default(), name).expect("a golden sample")
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).expect("a matrix");
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn model(key: &str) -> Model {
    let (law, mean) = key.split_once("__mean=").expect("law and mean");
    let model = match law {
        "gaussian" => Model::gaussian(),
        "kronecker-t_nu4" => Model::kronecker_t(Dof::Fixed(4.0)),
        "kronecker-t_est" => Model::kronecker_t(Dof::Estimate),
        "matrix-t_nu5" => Model::matrix_t(Dof::Fixed(5.0)),
        "matrix-t_est" => Model::matrix_t(Dof::Estimate),
        _ => panic!("{law}"),
    };
    model.mean(if mean == "free" { Mean::Free } else { Mean::Zero })
}

fn norm(x: &Array2<f64>) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// What is wrong with a fit, if anything.
fn faults(name: &str, fit: &Fit, optimum: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let rough = name.starts_with("ill");
    if !fit.is_converged() {
        faults.push(format!("{:?} at score {:.1e}", fit.termination(), fit.score()));
    }
    let limit = optimum["dof"].as_str() == Some("inf");
    let value = optimum[if limit { "loglik_supremum" } else { "loglik" }].as_f64().expect("ℓ");
    let off = (fit.log_likelihood() - value).abs() / value.abs();
    if off > if rough { 1e-8 } else { 1e-9 } {
        faults.push(format!("ℓ {} is not {value}: {off:.1e}", fit.log_likelihood()));
    }
    if limit || name.starts_with("murray") {
        return faults;
    }
    let unit = fit.sigma2();
    let sigma = optimum["sigma2"].as_f64().expect("σ²");
    let gap = |ours: &Array2<f64>, theirs: &Array2<f64>| norm(&(ours - theirs)) / norm(theirs);
    let rows = gap(fit.cov(Side::Rows), &matrix(&optimum["row_cov"]));
    let cols = gap(fit.cov(Side::Cols), &matrix(&optimum["col_cov"]));
    let scale = (unit / sigma - 1.0).abs();
    if rows.max(cols).max(scale) > 1e-6 {
        faults.push(format!("factors off by {rows:.1e}, {cols:.1e}, scale {scale:.1e}"));
    }
    let mean = (&fit.mean() - &matrix(&optimum["mean_matrix"]))
        .iter()
        .fold(0.0_f64, |m, x| m.max(x.abs()));
    if mean > 1e-6 * sigma.sqrt() {
        faults.push(format!("mean off by {mean:.1e}"));
    }
    if let (Some(ours), Some(theirs)) = (fit.dof(), optimum["dof"].as_f64())
        && (ours / theirs - 1.0).abs() > 1e-5
    {
        faults.push(format!("ν {ours} is not {theirs}"));
    }
    faults
}

/// Conditional means and scales.
fn imputation_faults(sample: &Sample, fit: &Fit, optimum: &Value) -> Vec<String> {
    let Some(wanted) = optimum["imputed"].as_array() else { return Vec::new() };
    let posteriors =
        Incomplete::new(sample).unwrap().posteriors(fit.point(), fit.law()).expect("posteriors");
    let mut faults = Vec::new();
    for cell in wanted {
        let at = |k: usize| cell[k].as_u64().expect("an index") as usize;
        let posterior = posteriors.iter().find(|one| one.sample == at(0)).expect("the sample");
        let k = posterior.cells.iter().position(|c| *c == [at(1), at(2)]).expect("the cell");
        let (mean, scale) = (cell[3].as_f64().expect("mean"), cell[4].as_f64().expect("scale"));
        let off = ((posterior.mean[k] - mean) / scale)
            .abs()
            .max((posterior.scale[k] / scale - 1.0).abs());
        let sd = match (posterior.standard_deviation(k), cell[5].as_f64()) {
            (Some(ours), Some(theirs)) => (ours / theirs - 1.0).abs(),
            (None, None) => 0.0,
            _ => f64::INFINITY,
        };
        if off.max(sd) > 1e-5 {
            faults.push(format!("{cell}: {} ± {}", posterior.mean[k], posterior.scale[k]));
        }
    }
    faults.truncate(2);
    faults
}

fn compare(wanted: impl Fn(&str) -> bool) -> usize {
    let text = std::fs::read_to_string(folder().join("fits_missing.json")).expect("the file");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let (mut count, mut faulty) = (0, Vec::new());
    for (name, set) in all.as_object().expect("sets") {
        let sample = sample(name);
        for (key, optimum) in set["fits"].as_object().expect("fits") {
            if !wanted(key) {
                continue;
            }
            count += 1;
            let fit = match model(key).fit(&sample) {
                Ok(fit) => fit,
                Err(error) => {
                    faulty.push(format!("{name} {key}: {error}"));
                    continue;
                }
            };
            let mut wrong = faults(name, &fit, optimum);
            if wrong.is_empty() && !name.starts_with("murray") && optimum["dof"] != "inf" {
                wrong.extend(imputation_faults(&sample, &fit, optimum));
            }
            println!("{name} {key}: {} passes, {}", fit.passes(), fit.method());
            if !wrong.is_empty() {
                faulty.push(format!("{name} {key}: {}", wrong.join("; ")));
            }
        }
    }
    assert!(faulty.is_empty(), "{} of {count}:\n{}", faulty.len(), faulty.join("\n"));
    count
}

#[test]
fn gaussian_optima() {
    assert!(compare(|key| key.starts_with("gaussian")) > 20);
}

#[test]
fn kronecker_t_optima() {
    assert!(compare(|key| key.starts_with("kronecker-t_nu4")) > 20);
}

#[test]
fn kronecker_t_optima_with_estimated_dof() {
    assert!(compare(|key| key.starts_with("kronecker-t_est")) > 20);
}

#[test]
fn matrix_t_optima() {
    assert!(compare(|key| key.starts_with("matrix-t_nu5")) > 5);
}

#[test]
fn matrix_t_optima_with_estimated_dof() {
    assert!(compare(|key| key.starts_with("matrix-t_est")) > 5);
}

/// What cannot be identified is refused by name.
#[test]
fn what_is_never_observed_is_refused() {
    let refusal = |name: &str, mean: Mean| {
        Model::gaussian().mean(mean).fit(&sample(name)).map(|fit| fit.log_likelihood())
    };
    let text = |name: &str| refusal(name, Mean::Free).unwrap_err().to_string();
    assert!(text("err_cell_never_20_3_4").contains("cell (1, 2)"));
    let zero = refusal("err_cell_never_20_3_4", Mean::Zero).expect("a fit");
    assert!((zero + 376.920720).abs() < 1e-6, "{zero}");
    assert!(text("err_row_never_20_3_3").contains("row 2"));
    assert!(text("err_all_missing_5_2_2").contains("no observed cell"));
    assert!(text("err_islands_30_4_4").contains("islands"));
}

#[test]
fn a_maximum_at_the_boundary_is_not_a_convergence() {
    for mean in [Mean::Free, Mean::Zero] {
        let fit = Model::gaussian().mean(mean).fit(&sample("err_boundary_60_3_1")).expect("a fit");
        assert!(!fit.is_converged(), "{:?} {}", fit.termination(), fit.log_likelihood());
    }
}
