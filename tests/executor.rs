//! Flip-flop, Newton and the default policy as solvers under argmin's executor.

use kronfit::data::Sample;
use kronfit::estimate::{Ascent, FitOptions, Iterate, Method, Problem, Silent, Termination};
use kronfit::likelihood::SampleLikelihood;
use kronfit::model::{Dof, Mean, Model};
use kronfit::optim::argmin::core::observers::{Observe, ObserverMode};
use kronfit::optim::argmin::core::{Error, Executor, KV, State, TerminationReason};
use kronfit::optim::{StepState, Steps};
use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn sample(seed: u64, shape: (usize, usize, usize)) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut x = Array3::from_shape_simple_fn(shape, || StandardNormal.sample(&mut rng));
    x.outer_iter_mut().enumerate().for_each(|(i, mut m)| m *= 1.5_f64.powi(i as i32 % 6));
    Sample::new(x).expect("a sample")
}

/// (−ℓ by the state, score by the key-value store) of every iteration.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<(f64, f64)>>>);

impl Recorder {
    fn seen(&self) -> Vec<(f64, f64)> {
        self.0.lock().expect("a list").clone()
    }

    fn note(&self, state: &StepState<Iterate>, told: &KV) {
        let score = told.get("score").and_then(|score| score.get_float());
        self.0.lock().expect("a list").push((state.get_cost(), score.expect("a score")));
    }
}

impl Observe<StepState<Iterate>> for Recorder {
    fn observe_init(
        &mut self,
        _: &str,
        state: &StepState<Iterate>,
        told: &KV,
    ) -> Result<(), Error> {
        self.note(state, told);
        Ok(())
    }

    fn observe_iter(&mut self, state: &StepState<Iterate>, told: &KV) -> Result<(), Error> {
        self.note(state, told);
        Ok(())
    }
}

#[test]
fn an_executor_of_ones_own_makes_the_same_fit() {
    let models = [
        Model::gaussian(),
        Model::kronecker_t(Dof::Fixed(3.0)).mean(Mean::Rows),
        Model::matrix_t(Dof::Estimate).mean(Mean::Zero),
        Model::gaussian().rows("ar1".parse().expect("a structure")),
    ];
    for (seed, model) in models.iter().enumerate() {
        let data = sample(seed as u64, (12, 4, 3));
        let source = SampleLikelihood::new(&data);
        let problem = Problem::new(model, &source);
        for method in [Method::FlipFlop, Method::Newton, Method::Auto] {
            if method == Method::Newton && !problem.is_unstructured() {
                continue;
            }
            let options = FitOptions { method, ..FitOptions::default() };
            let fit = model.fit_with(&data, &options, &mut Silent).expect("a fit");
            let recorder = Recorder::default();
            let solver = Steps::new(Ascent::new(&problem, &options).expect("a method"));
            let start = problem.start().expect("a start");
            let end = Executor::new(&problem, solver)
                .configure(|state| state.param(start))
                .add_observer(recorder.clone(), ObserverMode::Always)
                .run()
                .expect("an end");
            assert_eq!(end.solver.method().termination(), Some(Termination::Score));
            let reason = end.state.get_termination_reason();
            assert_eq!(reason, Some(&TerminationReason::SolverConverged));
            let seen = recorder.seen();
            assert_eq!(seen.len(), fit.trace().len(), "{method}");
            // The verdict looks at the last point once more, at both factors; the start of a fit
            // is looked at on the row side only, that of an executor of one's own on both.
            for (step, (cost, score)) in fit.trace().iter().zip(seen).rev().skip(1) {
                assert_eq!(step.log_likelihood, -cost, "{method}");
                assert!(step.score == score || (step.iteration == 0 && step.score <= score));
            }
            let last = end.state.into_param().expect("a point");
            assert_eq!(last.log_likelihood(), fit.log_likelihood());
            assert_eq!(last.point.row().matrix(), fit.point().row().matrix());
        }
    }
}

#[test]
fn the_rules_of_argmin_apply() {
    let data = sample(7, (2, 11, 10));
    let model = Model::gaussian().mean(Mean::Zero);
    let source = SampleLikelihood::new(&data);
    let problem = Problem::new(&model, &source);
    for method in [Method::FlipFlop, Method::Newton, Method::Auto] {
        let options = FitOptions { method, ..FitOptions::default() };
        let executor = || {
            let solver = Steps::new(Ascent::new(&problem, &options).expect("a method"));
            let start = problem.start().expect("a start");
            Executor::new(&problem, solver).configure(|state| state.param(start))
        };
        let limited = executor().configure(|state| state.max_iters(3)).run().expect("an end");
        assert_eq!(
            limited.state.get_termination_reason(),
            Some(&TerminationReason::MaxItersReached)
        );
        assert_eq!(limited.solver.method().termination(), None);
        assert_eq!(limited.solver.method().trace().len(), 4);
        let timed = executor().timeout(Duration::ZERO).run().expect("an end");
        assert_eq!(timed.state.get_termination_reason(), Some(&TerminationReason::Timeout));
        assert_eq!(timed.state.get_iter(), 1);
    }
}

/// Fails on its second step, as a user's own structure might.
#[derive(Debug)]
struct Broken;

impl kronfit::structure::Shape for Broken {
    fn name(&self) -> String {
        "broken".to_owned()
    }

    fn n_parameters(&self, _: usize) -> usize {
        1
    }

    fn coordinates(&self, matrix: ndarray::ArrayView2<'_, f64>) -> kronfit::Result<Vec<f64>> {
        Ok(vec![matrix[[0, 0]].ln()])
    }

    fn matrix(&self, theta: &[f64], d: usize) -> kronfit::Result<ndarray::Array2<f64>> {
        Ok(ndarray::Array2::eye(d) * theta[0].exp())
    }

    fn push_forward(
        &self,
        theta: &[f64],
        direction: &[f64],
        d: usize,
    ) -> kronfit::Result<ndarray::Array2<f64>> {
        Ok(ndarray::Array2::eye(d) * (theta[0].exp() * direction[0]))
    }

    fn update(
        &self,
        _: ndarray::ArrayView2<'_, f64>,
        _: ndarray::ArrayView2<'_, f64>,
    ) -> kronfit::Result<ndarray::Array2<f64>> {
        Err(broken())
    }
}

fn broken() -> kronfit::Error {
    kronfit::Error::Singular { what: "a structure that is broken on purpose".to_owned() }
}

#[test]
fn errors_of_steps_come_out_as_they_are() {
    let data = sample(3, (9, 3, 2));
    let model = Model::gaussian().rows(kronfit::structure::Structure::Custom(Arc::new(Broken)));
    let options = FitOptions { method: Method::FlipFlop, ..FitOptions::default() };
    let fit = model.fit_with(&data, &options, &mut Silent);
    assert_eq!(fit.err(), Some(broken()));
    let source = SampleLikelihood::new(&data);
    let problem = Problem::new(&model, &source);
    let solver = Steps::new(Ascent::new(&problem, &options).expect("a method"));
    let start = problem.start().expect("a start");
    let end = Executor::new(&problem, solver).configure(|state| state.param(start)).run();
    let error = end.err().expect("a failure").downcast::<kronfit::Error>();
    assert_eq!(error.ok(), Some(broken()));
}

#[test]
fn searches_are_not_steps() {
    let data = sample(1, (9, 3, 2));
    let source = SampleLikelihood::new(&data);
    let model = Model::gaussian();
    let structured = Model::gaussian().rows("ar1".parse().expect("a structure"));
    for (model, method) in
        [(&model, Method::Joint), (&model, Method::ThreeStep), (&structured, Method::Newton)]
    {
        let options = FitOptions { method, ..FitOptions::default() };
        let refused = Ascent::new(&Problem::new(model, &source), &options).err();
        assert!(matches!(refused, Some(kronfit::Error::Unsupported { .. })), "{method}");
    }
    let options = FitOptions { tol: 2.0, ..FitOptions::default() };
    assert!(Ascent::new(&Problem::new(&model, &source), &options).is_err());
}
