//! Fits to data in parts: the same maximum as in one piece, and the same bits whoever has the parts.

use kronfit::data::Sample;
use kronfit::estimate::{FitOptions, Method, Silent};
use kronfit::likelihood::{Question, Shards};
use kronfit::model::{Dof, Mean, Model};
use kronfit::{Error, Result};
use ndarray::{Array3, ArrayView3, Axis, Slice};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Parts in this process; every question and every answer goes through text and plain numbers.
struct Parts {
    parts: Vec<Array3<f64>>,
    dim: (usize, usize, usize),
    asked: AtomicUsize,
}

impl Parts {
    fn of(x: ArrayView3<'_, f64>, size: usize) -> Self {
        let parts = x.axis_chunks_iter(Axis(0), size).map(|part| part.to_owned()).collect();
        Self { parts, dim: x.dim(), asked: AtomicUsize::new(0) }
    }
}

impl Shards for Parts {
    fn dim(&self) -> (usize, usize, usize) {
        self.dim
    }

    fn name(&self) -> &str {
        "parts"
    }

    fn ask(&self, question: &Question) -> Result<Vec<f64>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let again = Question::from_text(&question.to_text()?)?;
        assert_eq!(&again, question);
        let answers = self.parts.iter().map(|part| again.answer(part.view()));
        let answers = answers.collect::<Result<Vec<_>>>()?;
        if matches!(question, Question::Summaries { .. }) {
            return Ok(answers.concat());
        }
        let mut sum = vec![0.0; answers[0].len()];
        for answer in &answers {
            sum.iter_mut().zip(answer).for_each(|(to, x)| *to += x);
        }
        Ok(sum)
    }
}

fn sample(n: usize, p: usize, q: usize, seed: u64) -> Sample {
    use kronfit::family::KroneckerT;
    use kronfit::study::Truth;
    let row = ndarray::Array2::from_shape_fn((p, p), |(i, j)| 0.6_f64.powi(i.abs_diff(j) as i32));
    let col =
        ndarray::Array2::from_shape_fn((q, q), |(i, j)| if i == j { 1.0 + i as f64 } else { 0.3 });
    let law = std::sync::Arc::new(KroneckerT::new(6.0).unwrap());
    let mean = ndarray::Array2::from_shape_fn((p, q), |(i, k)| i as f64 - k as f64);
    Truth::new(law, mean, row, col).unwrap().simulate(n, seed).unwrap().sample
}

/// Every `step`-th sample.
fn every(values: ArrayView3<'_, f64>, step: isize) -> Array3<f64> {
    values.slice_axis(Axis(0), Slice::from(..).step_by(step)).to_owned()
}

#[test]
fn parts_have_the_maximum_of_the_whole() {
    let models = [
        Model::gaussian(),
        Model::gaussian().rows("ar1".parse().unwrap()),
        Model::kronecker_t(Dof::Fixed(4.0)),
        Model::kronecker_t(Dof::Estimate),
        Model::matrix_t(Dof::Estimate).cols("diagonal".parse().unwrap()),
        Model::kronecker_t(Dof::Fixed(4.0)).mean(Mean::Rows),
    ];
    let x = sample(600, 4, 3, 1);
    let options = FitOptions::default();
    for model in models {
        let whole = model.fit(&x).unwrap();
        for size in [600, 170, 41] {
            let parts = Parts::of(x.values(), size);
            let near = Sample::new(every(x.values(), 5)).unwrap();
            let fit = model.fit_shards(&parts, &near, &options, &mut Silent).unwrap();
            assert!(fit.is_converged(), "{}", fit.termination().name());
            let gap = (fit.log_likelihood() - whole.log_likelihood()).abs();
            assert!(gap < 1e-8 * whole.log_likelihood().abs(), "{size}: {gap}");
            assert_eq!(fit.dim(), (600, 4, 3));
            let gap = (fit.row_cov() - whole.row_cov()).mapv(f64::abs).sum();
            assert!(gap < 1e-5, "{size}: {gap}");
        }
    }
}

#[test]
fn newton_and_joint_work_on_parts() {
    let x = sample(300, 3, 3, 2);
    let model = Model::matrix_t(Dof::Fixed(5.0));
    let whole = model.fit(&x).unwrap();
    for method in [Method::Newton, Method::Joint] {
        let options = FitOptions { method, ..FitOptions::default() };
        let fit = model.fit_shards(&Parts::of(x.values(), 90), &x, &options, &mut Silent).unwrap();
        assert!(fit.is_converged());
        assert!((fit.log_likelihood() - whole.log_likelihood()).abs() < 1e-6);
    }
}

#[test]
fn a_gaussian_needs_two_rounds() {
    let x = sample(2000, 3, 3, 3);
    let parts = Parts::of(x.values(), 300);
    let near = Sample::new(every(x.values(), 10)).unwrap();
    let fit =
        Model::gaussian().fit_shards(&parts, &near, &FitOptions::default(), &mut Silent).unwrap();
    assert!(fit.is_converged());
    assert_eq!(parts.asked.load(Ordering::Relaxed), 2);
}

#[test]
fn bad_shards_are_named() {
    let x = sample(100, 3, 3, 4);
    let mut parts = Parts::of(x.values(), 30);
    parts.parts[2][[4, 1, 2]] = f64::NAN;
    let error = Model::gaussian().fit_shards(&parts, &x, &FitOptions::default(), &mut Silent);
    let Err(Error::NonFinite { index, .. }) = error else { panic!("{error:?}") };
    assert_eq!(index, [4, 1, 2]);
    let error = Question::from_text("what?").unwrap_err().to_string();
    assert!(error.contains("same version"), "{error}");
}
