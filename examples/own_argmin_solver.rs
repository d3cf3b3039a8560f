//! Any argmin solver on the likelihood: here four in ways that kronfit does not use itself.
//!
//! `JointProblem` is the likelihood as a function of one vector, `ArgminProblem` gives it argmin's
//! `CostFunction`, `Gradient` and (operator) `Hessian`. Solvers stop by rules of their own; the
//! score of the point that they return says how far they came. Run with
//! `cargo run --release --example own_argmin_solver`.

use kronfit::estimate::{Coordinates, JointProblem, Problem};
use kronfit::likelihood::SampleLikelihood;
use kronfit::model::{Dof, Mean, Model};
use kronfit::optim::argmin::core::{Executor, IterState};
use kronfit::optim::argmin::solver::conjugategradient::NonlinearConjugateGradient;
use kronfit::optim::argmin::solver::conjugategradient::beta::HestenesStiefel;
use kronfit::optim::argmin::solver::linesearch::condition::ArmijoCondition;
use kronfit::optim::argmin::solver::linesearch::{BacktrackingLineSearch, MoreThuenteLineSearch};
use kronfit::optim::argmin::solver::neldermead::NelderMead;
use kronfit::optim::argmin::solver::quasinewton::LBFGS;
use kronfit::optim::argmin::solver::trustregion::{Steihaug, TrustRegion};
use kronfit::optim::{ArgminProblem, HessianAt, Objective};
use kronfit::{Error, Result, io};

type Likelihood<'a> = ArgminProblem<&'a JointProblem<'a>>;
type Run = fn(Likelihood<'_>, Vec<f64>) -> Result<()>;

fn main() -> Result<()> {
    let sample = io::resolve("us-macro")?;
    let model = Model::kronecker_t(Dof::Fixed(8.0))
        .rows("compound-symmetry".parse()?)
        .cols("diagonal".parse()?)
        .mean(Mean::Scalar);
    let source = SampleLikelihood::new(&sample);
    let problem = Problem::new(&model, &source);
    let start = problem.start()?;
    let fit = model.fit(&sample)?;
    let joint = JointProblem::new(&problem, &start, Coordinates::default())?;
    println!(
        "{} free parameters; kronfit's own fit: ℓ = {:.6}, score {:.0e}, {} passes\n",
        joint.dim(),
        fit.log_likelihood(),
        fit.score(),
        fit.passes()
    );
    println!("solver                          log-likelihood    score  passes");
    let zero = vec![0.0; joint.dim()];
    let solvers: [(&str, Run); 4] = [
        ("trust region, plain Steihaug", trust_region),
        ("Hestenes–Stiefel", hestenes_stiefel),
        ("L-BFGS, backtracking", lbfgs_backtracking),
        ("Nelder–Mead, values only", nelder_mead),
    ];
    for (name, run) in solvers {
        let joint = JointProblem::new(&problem, &start, Coordinates::default())?;
        let likelihood = ArgminProblem::new(&joint);
        run(likelihood.clone(), zero.clone())?;
        // Whatever the solver says of its end: this is the best point that it looked at.
        let passes = joint.passes();
        let Some((x, _)) = likelihood.best() else { continue };
        let found = joint.iterate_at(&x)?;
        let score = found.score.worst();
        println!("{name:<30} {:>15.6} {score:>8.0e} {passes:>7}", found.log_likelihood());
    }
    Ok(())
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::domain("a solver setting", error, "in range")
}

// ANCHOR: trust-region
fn trust_region(likelihood: Likelihood<'_>, start: Vec<f64>) -> Result<()> {
    let inner = Steihaug::new().with_max_iters(30).with_epsilon(1e-9).map_err(refused)?;
    let solver = TrustRegion::new(inner).with_max_radius(4.0).map_err(refused)?;
    // A failed search ends the run with an error; the best point is known all the same.
    let _end = Executor::new(likelihood, solver)
        .configure(|state: IterState<Vec<f64>, Vec<f64>, (), HessianAt<_>, (), f64>| {
            state.param(start).max_iters(20)
        })
        .run();
    Ok(())
}
// ANCHOR_END: trust-region

fn hestenes_stiefel(likelihood: Likelihood<'_>, start: Vec<f64>) -> Result<()> {
    let search = MoreThuenteLineSearch::new().with_c(1e-4, 0.1).map_err(refused)?;
    let solver = NonlinearConjugateGradient::new(search, HestenesStiefel::new());
    let _end = Executor::new(likelihood, solver)
        .configure(|state: IterState<Vec<f64>, Vec<f64>, (), (), (), f64>| {
            state.param(start).max_iters(60)
        })
        .run();
    Ok(())
}

fn lbfgs_backtracking(likelihood: Likelihood<'_>, start: Vec<f64>) -> Result<()> {
    let search = BacktrackingLineSearch::new(ArmijoCondition::new(1e-4).map_err(refused)?);
    let solver = LBFGS::new(search, 7).with_tolerance_grad(1e-10).map_err(refused)?;
    let _end = Executor::new(likelihood, solver).configure(|s| s.param(start).max_iters(60)).run();
    Ok(())
}

fn nelder_mead(likelihood: Likelihood<'_>, start: Vec<f64>) -> Result<()> {
    let corner = |k: usize| {
        let mut x = start.clone();
        x[k] += 0.5;
        x
    };
    let simplex = (0..start.len()).map(corner).chain([start.clone()]).collect();
    let solver: NelderMead<Vec<f64>, f64> =
        NelderMead::new(simplex).with_sd_tolerance(1e-14).map_err(refused)?;
    let _end = Executor::new(likelihood, solver).configure(|s| s.max_iters(1000)).run();
    Ok(())
}
