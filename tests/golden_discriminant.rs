//! Discriminant analysis against fits and posteriors found by other software.

mod common;

use common::{golden_dir, golden_json, matrix, relative};
use kronfit::data::Sample;
use kronfit::estimate::FitOptions;
use kronfit::io;
use kronfit::model::{Dof, Model};
use kronfit::{Discriminant, Priors, Rule, Shared};
use ndarray::{Array1, Array2, Array3, Axis};
use serde_json::Value;

/// Matrices with their labels.
type Data = (Array3<f64>, Vec<String>);

fn read(name: &str) -> Data {
    if name.starts_with("digits") {
        let all = io::resolve("digits").expect("digits");
        let labels = io::read_text_array("digits", "labels", all.dim().0).expect("labels");
        let values = match name {
            "digits_cols1to6" => all.values().slice_axis(Axis(2), (1..7).into()).to_owned(),
            _ => all.values().to_owned(),
        };
        return (values, labels);
    }
    let file = |end: &str| golden_dir().join("discriminant").join(format!("{name}{end}.npy"));
    let labels: Array1<i64> = ndarray_npy::read_npy(file(".labels")).expect("labels");
    let values = ndarray_npy::read_npy(file("")).expect("data");
    (values, labels.iter().map(i64::to_string).collect())
}

/// The training samples (0), or those of the test: every third.
fn part(data: &Data, test: bool) -> (Sample, Vec<String>) {
    let rows: Vec<usize> = (0..data.1.len()).filter(|i| (i % 3 == 0) == test).collect();
    let sample = Sample::new(data.0.select(Axis(0), &rows)).expect("a sample");
    (sample, rows.iter().map(|&i| data.1[i].clone()).collect())
}

fn discriminant(name: &str, entry: &Value) -> Discriminant {
    let law = name.split('-').next().expect("a law");
    let dof = entry["nu"].as_f64().map_or(Dof::Estimate, Dof::Fixed);
    let model = match &law[..2] {
        "ga" => Model::gaussian(),
        "kt" => Model::kronecker_t(dof),
        "mt" => Model::matrix_t(dof),
        other => panic!("{other}"),
    };
    let shared = match entry["model"].as_str().expect("a model") {
        "lda" => Shared::Both,
        "proportional" => Shared::Proportional,
        "common-rows" => Shared::Rows,
        "common-cols" => Shared::Cols,
        "qda" => Shared::Nothing,
        other => panic!("{other}"),
    };
    let options = FitOptions { tol: 1e-10, ..FitOptions::default() };
    Discriminant::new(model, shared).options(&options)
}

fn compare(data: &Data, what: &str, name: &str, entry: &Value) {
    let ((train, labels), (test, truth)) = (part(data, false), part(data, true));
    let rule = discriminant(name, entry).fit(&train, &labels).expect("a rule");
    assert!(rule.is_converged(), "{what}: score {:e}", rule.score());
    let expected = entry["loglik"].as_f64().expect("ℓ");
    let gap = (rule.log_likelihood() - expected) / expected.abs();
    let posterior = rule.log_posterior(&test).expect("posteriors");
    let reference = matrix(&entry["log_posterior_first20"]);
    let worst = worst_posterior(&posterior, &reference);
    println!("{what}: {} sweeps, ℓ {gap:.1e}, posteriors {worst:.1e}", rule.iterations());
    assert!(gap.abs() <= 1e-9, "{what}: ℓ off by {gap:e}");
    assert!(worst <= 1e-7, "{what}: posteriors off by {worst:e}");
    if let Some(k) = entry["n_parameters"].as_u64() {
        assert_eq!(rule.n_parameters() as u64, k, "{what}");
    }
    let predicted: Vec<usize> =
        serde_json::from_value(entry["predicted"].clone()).expect("predicted");
    let names = rule.predict(&test).expect("predictions");
    let same = names.iter().zip(&predicted).all(|(a, k)| *a == rule.classes()[*k].name);
    assert!(same, "{what}: predictions differ");
    let judged = rule.judge(&test, &truth).expect("a judgement");
    let errors = (judged.error * truth.len() as f64).round() as u64;
    assert_eq!(errors, entry["test_errors"].as_u64().expect("errors"), "{what}");
    let loss = entry["test_log_loss"].as_f64().expect("log loss");
    assert!((judged.log_loss / loss - 1.0).abs() <= 1e-7, "{what}: log loss {}", judged.log_loss);
    compare_classes(&rule, what, entry);
}

/// Largest difference of posteriors, and of their logarithms where those are not far below.
fn worst_posterior(found: &Array2<f64>, reference: &Array2<f64>) -> f64 {
    found.iter().zip(reference).fold(0.0, |m: f64, (a, b)| {
        m.max((a.exp() - b.exp()).abs()).max((a - b).abs() / b.abs().max(1.0))
    })
}

fn compare_classes(rule: &Rule, what: &str, entry: &Value) {
    let classes = entry["classes"].as_array().expect("classes");
    assert_eq!(rule.classes().len(), classes.len());
    for (class, reference) in rule.classes().iter().zip(classes) {
        let close = |a: &Array2<f64>, key: &str| {
            let gap = relative(a, &matrix(&reference[key]));
            assert!(gap < 1e-6, "{what}: {key} of {} off by {gap:e}", class.name);
        };
        close(&class.mean, "mean");
        close(&class.factors.row, "row_cov");
        close(&class.factors.col, "col_cov");
        let sigma2 = reference["sigma2"].as_f64().expect("σ²");
        assert!((class.factors.sigma2 / sigma2 - 1.0).abs() < 1e-6, "{what}: σ²");
        if let (Some(a), Some(b)) = (class.dof, reference["nu"].as_f64()) {
            assert!((a / b - 1.0).abs() < 1e-5, "{what}: ν {a} {b}");
        }
    }
}

#[test]
fn rules_of_other_software() {
    let all = golden_json("discriminant/discriminant.json");
    let mut compared = 0;
    for (data, entry) in all.as_object().expect("an object") {
        let values = read(data);
        for (name, reference) in entry["fits"].as_object().expect("fits") {
            compare(&values, &format!("{data} {name}"), name, reference);
            compared += 1;
        }
    }
    assert_eq!(compared, 24);
}

fn small() -> (Sample, Vec<String>) {
    part(&read("lda3_90_3_4"), false)
}

/// For the Gaussian with everything in common, the scores are linear in the matrix.
#[test]
fn weight_maps_are_the_rule() {
    let (sample, labels) = small();
    let rule = Discriminant::new(Model::gaussian(), Shared::Both)
        .priors(Priors::Given(vec![("0".into(), 0.2), ("1".into(), 0.5), ("2".into(), 0.3)]))
        .fit(&sample, &labels)
        .expect("a rule");
    let maps = rule.weight_maps().expect("a linear rule");
    let posterior = rule.log_posterior(&sample).expect("posteriors");
    for (x, row) in sample.values().outer_iter().zip(posterior.outer_iter()) {
        let score = |k: usize| (&maps[k].weights * &x).sum() + maps[k].offset;
        for k in 1..3 {
            assert!((score(k) - score(0) - (row[k] - row[0])).abs() < 1e-10);
        }
        assert!((row.iter().map(|x| x.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
    }
    let own = Discriminant::new(Model::gaussian(), Shared::Rows).fit(&sample, &labels);
    assert!(own.expect("a rule").weight_maps().is_none());
}

/// The more is free, the higher the likelihood; far matrices are seen.
#[test]
fn families_are_nested_and_far_is_far() {
    let (sample, labels) = part(&read("rows3_150_4_3"), false);
    let ell = |shared| {
        let rule = Discriminant::new(Model::gaussian(), shared).fit(&sample, &labels);
        rule.expect("a rule").log_likelihood()
    };
    let [both, proportional, rows, cols, nothing] = Shared::ALL.map(ell);
    assert!(both < proportional && proportional < rows.min(cols) && rows.max(cols) < nothing);
    let rule = Discriminant::new(Model::gaussian(), Shared::Both).fit(&sample, &labels).unwrap();
    let far = Sample::new(sample.values().to_owned() * 0.0 + 1e4).unwrap();
    let p = rule.nearest(&far).expect("p-values").expect("a known law");
    assert!(p.iter().all(|p| *p < 1e-12));
    assert!(rule.log_posterior(&far).unwrap().iter().all(|x| x.is_finite()));
    let near = rule.nearest(&sample).unwrap().unwrap();
    assert!(near.iter().filter(|p| **p > 0.05).count() > 80);
}

/// Same seed, same folds; confusion and error agree; held-out samples are harder.
#[test]
fn cross_validation_is_seeded_and_honest() {
    let (sample, labels) = small();
    let classes = Discriminant::new(Model::gaussian(), Shared::Nothing);
    let run = |seed| classes.cross_validate(&sample, &labels, 5, seed).expect("a validation");
    let (a, b, c) = (run(1), run(1), run(2));
    assert_eq!(a, b);
    assert_ne!(a.prediction.log_loss, c.prediction.log_loss);
    let confusion = &a.prediction.confusion;
    let right: usize = (0..3).map(|k| confusion[k][k]).sum();
    assert_eq!(confusion.iter().flatten().sum::<usize>(), 60);
    assert!((a.prediction.error - (60 - right) as f64 / 60.0).abs() < 1e-15);
    let own = classes.fit(&sample, &labels).unwrap().judge(&sample, &labels).unwrap();
    assert!(own.log_loss < a.prediction.log_loss && own.brier < a.prediction.brier);
}

/// One sentence for each bad input.
#[test]
fn bad_classes_are_refused() {
    let (sample, labels) = small();
    let gaussian = |shared| Discriminant::new(Model::gaussian(), shared);
    let refused = |classes: &Discriminant, labels: &[String]| {
        classes.fit(&sample, labels).expect_err("refused").to_string()
    };
    let both = gaussian(Shared::Both);
    assert!(refused(&both, &labels[1..]).contains("one label for each of the 60 samples"));
    assert!(refused(&both, &vec!["a".to_owned(); 60]).contains("number of classes is 1"));
    let mut odd = labels.clone();
    odd[7] = "odd".to_owned();
    assert!(refused(&both, &odd).contains("the class \"odd\" has one sample"));
    odd[7] = String::new();
    assert!(refused(&both, &odd).contains("the label of sample 7 is empty"));
    let given = |a: f64, b: f64, name: &str| {
        let priors = vec![("0".into(), a), ("1".into(), b), (name.to_owned(), 0.5)];
        gaussian(Shared::Both).priors(Priors::Given(priors))
    };
    assert!(refused(&given(0.0, 0.5, "2"), &labels).contains("the prior of class \"0\" is 0"));
    assert!(refused(&given(0.3, 0.5, "2"), &labels).contains("the sum of the priors is 1.3"));
    assert!(refused(&given(0.3, 0.2, "9"), &labels).contains("has a prior, but no sample"));
    // Two samples of 3 × 4 are too few for factors of their own.
    odd[7] = "odd".to_owned();
    odd[8] = "odd".to_owned();
    for shared in [Shared::Nothing, Shared::Rows] {
        let said = refused(&gaussian(shared), &odd);
        assert!(said.contains("the class \"odd\" of the sample: n = 2 samples"), "{said}");
    }
    assert!(gaussian(Shared::Proportional).fit(&sample, &odd).is_ok());
    assert!(both.cross_validate(&sample, &labels, 1, 1).is_err());
    assert!(both.cross_validate(&sample, &odd, 5, 1).is_err());
}
