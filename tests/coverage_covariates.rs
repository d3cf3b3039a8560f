//! Do intervals cover what they promise, and do tests reject as often as they should, in small
//! samples?

use kronfit::data::{Design, Sample};
use kronfit::estimate::FitOptions;
use kronfit::family::{Gaussian, MatrixDistribution, stream};
use kronfit::inference::linear_hypothesis;
use kronfit::model::Model;
use ndarray::{Array2, Array3, Axis};
use std::sync::Arc;

const RUNS: u64 = 400;
const SHAPE: (usize, usize, usize) = (14, 2, 3);

fn design() -> Design {
    let (n, _, _) = SHAPE;
    let matrix = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { (i % 5) as f64 });
    Design::columns(vec!["1".into(), "dose".into()], matrix).expect("a design")
}

/// Correlated errors around a mean of 1 + 0 · dose.
fn sample(run: u64) -> Sample {
    let (n, p, q) = SHAPE;
    let errors = MatrixDistribution::standard(Arc::new(Gaussian), p, q);
    let errors = errors.simulate(n, &mut stream(11, 0, 77, run)).expect("errors");
    let left = Array2::from_shape_fn((p, p), |(i, j)| if i >= j { 1.0 + i as f64 } else { 0.0 });
    let right = Array2::from_shape_fn((q, q), |(i, j)| if i <= j { 0.7 } else { 0.0 });
    let mut values = Array3::zeros((n, p, q));
    for (mut to, x) in values.axis_iter_mut(Axis(0)).zip(errors.values().outer_iter()) {
        to.assign(&(left.dot(&x).dot(&right) + 1.0));
    }
    Sample::new(values).and_then(|s| s.with_design(design())).expect("a sample")
}

#[test]
fn intervals_cover_and_tests_have_their_size() {
    let (_, p, q) = SHAPE;
    let (mut covered, mut rejected, mut crude) = (0, 0, 0);
    for run in 0..RUNS {
        let sample = sample(run);
        let fit = Model::gaussian().fit(&sample).expect("a fit");
        let found =
            fit.on(&sample).and_then(|fitted| fitted.coefficients(0.95)).expect("intervals");
        for (term, truth) in found.terms.iter().zip([1.0, 0.0]) {
            let cells = term.lower.iter().zip(&term.upper);
            covered += cells.filter(|(low, high)| **low <= truth && truth <= **high).count();
        }
        let options = FitOptions::default();
        let test = linear_hypothesis(&sample, &Model::gaussian(), &["dose"], &options, None);
        let test = test.expect("a test");
        rejected += usize::from(test.corrected.expect("a correction").p_value < 0.05);
        crude += usize::from(test.p_value.expect("χ²") < 0.05);
    }
    let coverage = covered as f64 / (RUNS as usize * 2 * p * q) as f64;
    let size = rejected as f64 / RUNS as f64;
    // Monte-Carlo errors: about 0.006 for the coverage (cells are correlated), 0.011 for the size.
    assert!((0.93..0.97).contains(&coverage), "{coverage}");
    assert!((0.02..0.09).contains(&size), "{size}");
    // What the correction is for.
    assert!(crude > rejected + 10, "{crude} {rejected}");
}
