//! Fits with free variances, given positions, antedependence, blocks and groups against maxima
//! found by an independent program (`tests/golden/make_structures.py`), by every method.

mod common;

use kronfit::data::Sample;
use kronfit::estimate::{FitOptions, Method, Silent};
use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::Structure;
use ndarray::{Array2, Array3, linalg::kron};
use serde_json::Value;

fn sample(golden: &Value) -> Sample {
    let samples: Vec<Array2<f64>> =
        golden["data"].as_array().expect("samples").iter().map(common::matrix).collect();
    let (p, q) = samples[0].dim();
    let mut values = Array3::zeros((samples.len(), p, q));
    values.outer_iter_mut().zip(&samples).for_each(|(mut to, x)| to.assign(x));
    Sample::new(values).expect("a sample")
}

fn model(case: &Value, places: &Value) -> Model {
    let dof = || match case["nu"].as_f64() {
        Some(nu) => Dof::Fixed(nu),
        None => Dof::Estimate,
    };
    let law = match case["law"].as_str().expect("a law") {
        "gaussian" => Model::gaussian(),
        "kronecker-t" => Model::kronecker_t(dof()),
        "matrix-t" => Model::matrix_t(dof()),
        other => panic!("an unknown law {other}"),
    };
    let structure = |side: &str| {
        let name = case[side].as_str().expect("a name");
        Structure::parse_with(name, &|key| Ok(common::matrix(&places[key]))).expect("a structure")
    };
    law.rows(structure("rows")).cols(structure("cols")).mean(Mean::Zero)
}

#[test]
fn every_structure_on_every_side_under_every_law() {
    let golden = common::golden_json("structures.json");
    let sample = sample(&golden);
    let cases = golden["cases"].as_array().expect("cases");
    let (mut worst, mut apart) = (0.0_f64, 0.0_f64);
    for case in cases {
        let model = model(case, &golden["places"]);
        let reference = case["log_likelihood"].as_f64().expect("ℓ");
        let [row, col] = ["row", "col"].map(|side| common::matrix(&case[side]));
        let mut first = None;
        for method in [Method::Auto, Method::FlipFlop, Method::Joint, Method::Newton] {
            let what = format!("{} {} × {} by {method}", case["law"], case["rows"], case["cols"]);
            let options = FitOptions { method, ..FitOptions::default() };
            let fit = model.fit_with(&sample, &options, &mut Silent).expect("a fit");
            assert!(fit.is_converged(), "{what}: {:?} at {:e}", fit.termination(), fit.score());
            let found = fit.log_likelihood();
            let off = ((found - reference) / reference).abs();
            assert!(off < 1e-8, "{what}: {found} for {reference}");
            let gap = (found - *first.get_or_insert(found)).abs() / reference.abs();
            assert!(gap < 1e-9, "{what}: {gap:e} from the first method");
            let sigma = common::relative(&common::covariance(&fit), &kron(&row, &col));
            assert!(sigma < 1e-5, "{what}: Σ off by {sigma:e}");
            let count = case["parameters"].as_u64().expect("a count");
            assert_eq!(fit.n_parameters() as u64, count, "{what}: parameters");
            (worst, apart) = (worst.max(off), apart.max(gap));
        }
    }
    println!("{} cases: ℓ {worst:.1e}, methods {apart:.1e} apart", cases.len());
    assert_eq!(cases.len(), 78);
}
