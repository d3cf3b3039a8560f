//! Flip-flop under an argmin executor of one's own: with an observer of argmin, its time limit and
//! its count of iterations.
//!
//! `cargo run --example argmin_observer`

use kronfit::data::Sample;
use kronfit::estimate::{Ascent, FitOptions, Iterate, Method, Problem};
use kronfit::likelihood::SampleLikelihood;
use kronfit::model::{Dof, Model};
use kronfit::optim::argmin::core::observers::{Observe, ObserverMode};
use kronfit::optim::argmin::core::{Error, Executor, KV, State};
use kronfit::optim::{StepState, Steps};
use ndarray::Array3;
use std::time::Duration;

/// Prints what an observer sees: argmin's state, whose parameter is the whole iterate.
struct Printer;

impl Observe<StepState<Iterate>> for Printer {
    fn observe_init(
        &mut self,
        name: &str,
        state: &StepState<Iterate>,
        _: &KV,
    ) -> Result<(), Error> {
        println!("{name} from −ℓ = {:.4}", state.get_cost());
        Ok(())
    }

    fn observe_iter(&mut self, state: &StepState<Iterate>, told: &KV) -> Result<(), Error> {
        let score = told.get("score").and_then(|score| score.get_float()).unwrap_or(f64::NAN);
        println!("{:4}  −ℓ = {:.6}  score {score:.1e}", state.get_iter(), state.get_cost());
        if let Some(here) = state.get_param() {
            println!(
                "      tr A = {:.6}, ν = {:?}",
                here.point.row().matrix().diag().sum(),
                here.law.dof()
            );
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Data with some outlying matrices.
    let wobble = |i: usize, j: usize, k: usize| ((i * i + 7 * j + 3 * j * k + 5 * k) as f64).sin();
    let sample = Sample::new(Array3::from_shape_fn((40, 4, 3), |(i, j, k)| {
        wobble(i, j, k) * if i % 9 == 0 { 5.0 } else { 1.0 }
    }))?;

    let model = Model::kronecker_t(Dof::Fixed(4.0));
    let source = SampleLikelihood::new(&sample);
    let problem = Problem::new(&model, &source);
    let options = FitOptions { method: Method::FlipFlop, ..FitOptions::default() };
    let solver = Steps::new(Ascent::new(&problem, &options)?);
    let start = problem.start()?;
    let end = Executor::new(&problem, solver)
        .configure(|state| state.param(start).max_iters(1000))
        .timeout(Duration::from_secs(10))
        .add_observer(Printer, ObserverMode::Every(40))
        .run()?;

    println!("argmin says: {}", end.state.get_termination_status());
    println!("the verdict: {:?}", end.solver.method().termination());
    println!("the same by Model::fit: −ℓ = {:.6}", -model.fit(&sample)?.log_likelihood());
    Ok(())
}
