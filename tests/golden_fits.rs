//! Fits against optima found by other software (see `tests/golden/README.md`).

mod common;

use kronfit::model::Model;

/// Matrix-normal cases with a free or zero mean.
#[test]
fn matrix_normal_optima() {
    let mut compared = 0;
    for (dataset, name, optimum) in common::golden_fits() {
        let mean = match name.as_str() {
            "normal" => kronfit::model::Mean::Free,
            "normal__mean=zero" => kronfit::model::Mean::Zero,
            _ => continue,
        };
        let sample = common::golden_sample(&dataset);
        let fit = Model::gaussian().mean(mean).fit(&sample).expect("a fit");
        optimum.compare(&fit, 1e-8, 1e-6, &format!("{dataset}/{name}"));
        compared += 1;
    }
    assert_eq!(compared, 11);
}
