//! Structured fits against optima found by other software (see `tests/golden/README.md`).

mod common;

use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::Structure;

fn structure(name: &str) -> Structure {
    match name {
        "AR(1)" => Structure::Ar1,
        "CS" => Structure::CompoundSymmetry,
        "cor" => Structure::Correlation,
        "I" => Structure::Identity,
        "diag" => Structure::Diagonal,
        other => panic!("an unknown structure {other}"),
    }
}

/// The model of a name like `normal__U=AR(1)__V=CS`, on top of its law.
fn structured(mut model: Model, name: &str) -> Model {
    for part in name.split("__").skip(1) {
        model = match part.split_once('=').expect("key=value") {
            ("U", value) => model.rows(structure(value)),
            ("V", value) => model.cols(structure(value)),
            ("mean", "row") => model.mean(Mean::Rows),
            ("mean", "col") => model.mean(Mean::Cols),
            ("mean", value) => model.mean(value.parse().expect("a mean")),
            other => panic!("unknown {other:?}"),
        };
    }
    model
}

/// The worst errors over all named cases: (cases, ℓ relative, Σ relative).
fn compare(law: impl Fn(&str) -> Option<Model>) -> (usize, f64, f64) {
    let (mut cases, mut worst_likelihood, mut worst_sigma) = (0, 0.0_f64, 0.0_f64);
    for (dataset, name, optimum) in common::golden_fits() {
        let first = name.split("__").next().expect("a law");
        let Some(model) = law(first).filter(|_| name.contains("__")) else {
            continue;
        };
        let sample = common::golden_sample(&dataset);
        let fit = structured(model, &name).fit(&sample).expect("a fit");
        let what = format!("{dataset}/{name}");
        optimum.compare(&fit, 1e-8, 1e-5, &what);
        let reference = optimum.log_likelihood().expect("a log-likelihood");
        let gap = ((fit.log_likelihood() - reference) / reference).abs();
        let sigma = ndarray::linalg::kron(
            &common::matrix(&optimum.value["U"]),
            &common::matrix(&optimum.value["V"]),
        );
        let off = common::relative(&common::covariance(&fit), &sigma);
        println!("{what}: ℓ {gap:.1e}, Σ {off:.1e}, {} iterations", fit.iterations());
        worst_likelihood = worst_likelihood.max(gap);
        worst_sigma = worst_sigma.max(off);
        // Their count of parameters is ours.
        let count = optimum.value["nparam"].as_u64().expect("a count");
        assert_eq!(fit.n_parameters() as u64, count, "{what}: parameters");
        cases += 1;
    }
    println!("worst of {cases}: ℓ {worst_likelihood:.1e}, Σ {worst_sigma:.1e}");
    (cases, worst_likelihood, worst_sigma)
}

#[test]
fn matrix_normal_structures_and_means() {
    let (cases, _, _) = compare(|law| (law == "normal").then(Model::gaussian));
    assert_eq!(cases, 15);
}

/// The law of `t_nu6` or `t_est`: the determinant form of the matrix t.
fn matrix_t(law: &str) -> Option<Model> {
    match law.strip_prefix("t_")? {
        "est" => Some(Model::matrix_t(Dof::Estimate)),
        fixed => Some(Model::matrix_t(Dof::Fixed(fixed.strip_prefix("nu")?.parse().ok()?))),
    }
}

#[test]
fn matrix_t_structures_and_means() {
    let (cases, _, _) = compare(matrix_t);
    assert_eq!(cases, 28);
}
