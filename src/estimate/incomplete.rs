//! Fits of samples with missing cells: the same climb, but −ℓ is not convex there. So the curvature
//! at the end is looked at, a saddle is left both ways, and several starts can be asked for.

use super::certificate::{NOT_UNIQUE, tridiagonal, without_scale};
use super::climb::Outcome;
use super::fit::MissingCells;
use super::iterate::Iterate;
use super::newton::{Geodesic, Local};
use super::options::{DataSource, FitOptions, Method, Observer, Termination};
use super::problem::Problem;
use super::{Fit, dof, run};
use crate::data::Sample;
use crate::family::stream;
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Incomplete, Likelihood, Point, Tangent};
use crate::linalg::{Root, matmul};
use crate::model::Model;
use crate::{Error, Result};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::time::Instant;

/// Starts where the observed cells are few.
const STARTS_WHERE_FEW: usize = 8;
/// Most Hessian products for a look at the curvature.
const PRODUCTS: usize = 120;
/// Curvature, as a share of the complete data's, that is flat.
const FLAT: f64 = 1e-7;
/// Most saddles that are left on one way.
const SADDLES: usize = 3;
/// Purpose of the generators of random starts.
const PURPOSE: u64 = 7;
/// Relative difference of ℓ below which two ends are one.
const SAME: f64 = 1e-7;

/// Fits a model to a sample with missing cells.
pub(super) fn fit(
    model: &Model,
    sample: &Sample,
    options: &FitOptions,
    observer: &mut dyn Observer,
) -> Result<Fit> {
    let clock = Instant::now();
    let (all, p, q) = sample.dim();
    model.check(p, q)?;
    refuse(options)?;
    let likelihood = Incomplete::new(sample)?;
    let mut warnings = match likelihood.existence(model) {
        Err(error @ Error::TooFewSamples { .. }) if options.force => {
            vec![format!("{error}; forced all the same")]
        }
        warnings => warnings?,
    };
    let problem = Problem::new(model, &likelihood);
    let count =
        options.starts.unwrap_or_else(|| if few(&likelihood) { STARTS_WHERE_FEW } else { 1 });
    let (mut outcome, mut ends) =
        best_of(&problem, count, options, observer, clock, &mut warnings)?;
    if dof::is_at_infinity(model, &outcome.iterate) {
        // At the limit the Gaussian's own starts count, too.
        let gaussian = limit(model);
        let problem = Problem::new(&gaussian, &likelihood);
        let other = best_of(&problem, count, options, observer, clock, &mut warnings);
        if let Ok((found, others)) = other
            && is_better(&found, &outcome)
        {
            (outcome, ends) = (found, others);
        }
    }
    crate::linalg::release();
    warnings.extend(other_maxima(&ends));
    warnings.extend(outcome.termination.warnings(outcome.iterate.score.worst()));
    warnings.extend(dof::warnings(&problem, &outcome.iterate));
    let (n, ..) = likelihood.dim();
    let missing = MissingCells {
        missing: sample.n_missing(),
        observed: likelihood.observed_cells(),
        patterns: likelihood.n_patterns(),
        empty_samples: all - n,
    };
    let seconds = clock.elapsed().as_secs_f64();
    let labels = likelihood.labels();
    let fit = Fit::new(model, &likelihood, labels, outcome, warnings, seconds, None);
    Ok(fit.made_of(sample).with_missing(n, missing))
}

/// The model with the Gaussian in the place of its law.
fn limit(model: &Model) -> Model {
    Model::gaussian()
        .rows(model.row_structure().clone())
        .cols(model.col_structure().clone())
        .mean(model.mean_structure().clone())
}

/// The best end of several starts, and ℓ at all that converged.
fn best_of(
    problem: &Problem<'_>,
    count: usize,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
    warnings: &mut Vec<String>,
) -> Result<(Outcome, Vec<f64>)> {
    let first = problem.first()?;
    let mut best: Option<Outcome> = None;
    let mut ends: Vec<f64> = Vec::new();
    let mut failed = None;
    for k in 0..count.max(1) {
        let start = match k {
            0 => first.clone(),
            _ => match random_start(problem, &first, k) {
                Ok(start) => start,
                Err(_) => continue,
            },
        };
        match climb_out(problem, start, options, observer, clock, warnings) {
            Ok(end) => {
                if end.termination.is_converged() {
                    ends.push(end.iterate.log_likelihood());
                }
                let better = best.as_ref().is_none_or(|best| is_better(&end, best));
                if better {
                    best = Some(end);
                }
            }
            Err(error) => failed = failed.or(Some(error)),
        }
        if best.as_ref().is_some_and(|end| end.termination == Termination::Interrupted) {
            break;
        }
    }
    match (best, failed) {
        (Some(outcome), _) => Ok((outcome, ends)),
        (None, Some(error)) => Err(error),
        (None, None) => Err(problem_without_start()),
    }
}

/// What is defined for complete samples only.
fn refuse(options: &FitOptions) -> Result<()> {
    let refused = |what: &str, remedy: &str| {
        Err(Error::Unsupported { what: what.to_owned(), remedy: remedy.to_owned() })
    };
    if options.source == DataSource::Moments {
        return refused(
            "moments of a sample with missing cells (every pattern of holes has its own)",
            "use the source samples or auto",
        );
    }
    if options.method == Method::ThreeStep {
        return refused("three-step with missing cells", "use the method auto");
    }
    Ok(())
}

fn problem_without_start() -> Error {
    Error::Degenerate {
        what: "no starting point gave an estimate".to_owned(),
        remedy: "look at the data, or choose a model with fewer parameters".to_owned(),
    }
}

/// Are the observed cells so few that several maxima are likely?
fn few(likelihood: &Incomplete<'_>) -> bool {
    let (_, p, q) = likelihood.dim();
    let (p, q) = (p as f64, q as f64);
    (likelihood.observed_cells() as f64) < 4.0 * (p * p + q * q + p * q)
}

/// One that converged before one that did not, then the higher one.
fn is_better(end: &Outcome, best: &Outcome) -> bool {
    let key = |end: &Outcome| (end.termination.is_converged(), end.iterate.log_likelihood());
    let ((done, value), (was_done, was)) = (key(end), key(best));
    if done != was_done { done } else { value > was }
}

/// What the reader has to know of the other ends.
fn other_maxima(ends: &[f64]) -> Option<String> {
    let best = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lower = |x: &&f64| best - **x > SAME * (1.0 + best.abs());
    let lower = ends.iter().filter(lower).count();
    (lower > 0).then(|| {
        format!(
            "{lower} of {} starts ended in lower maxima: with missing cells the likelihood has \
             several, and nothing promises that this is the highest",
            ends.len()
        )
    })
}

/// Random factors around the start's: B = I-like Wisharts with few degrees of freedom.
fn random_start(problem: &Problem<'_>, first: &Iterate, k: usize) -> Result<Iterate> {
    let mut rng = stream(0, k as u64, PURPOSE, 0);
    let factors = BySide::try_of(|side| {
        let root = first.point.factor(side);
        let d = root.order();
        if !problem.shapes[side].is_unstructured() {
            return Ok(root.clone());
        }
        let z = Array2::<f64>::from_shape_simple_fn((d, d + 2), || StandardNormal.sample(&mut rng));
        let wishart = matmul(z.view(), z.t()) / (d + 2) as f64;
        Root::of("a random start", root.unwhiten(wishart.view()).view())
    })?;
    let point = Point { mean: first.point.mean.clone(), factors };
    let mut start = Iterate::new(point, first.law.clone());
    if problem.model.estimates_dof() {
        start.score.dof = f64::INFINITY;
    }
    problem.evaluate(&mut start)?;
    Ok(start)
}

/// To a stationary point, and out of it where it is a saddle.
fn climb_out(
    problem: &Problem<'_>,
    start: Iterate,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
    warnings: &mut Vec<String>,
) -> Result<Outcome> {
    let mut outcome = run(problem, start, options, observer, clock)?;
    for _ in 0..SADDLES {
        if outcome.termination != Termination::Score || !problem.is_unstructured() {
            return Ok(outcome);
        }
        let Some((curvature, direction)) = lowest_curvature(problem, &outcome.iterate)? else {
            return Ok(outcome);
        };
        if curvature >= -FLAT {
            if curvature < FLAT {
                note(warnings, NOT_UNIQUE);
            }
            return Ok(outcome);
        }
        let mut ends = Vec::new();
        for sign in [1.0, -1.0] {
            if let Some(start) = off(problem, &outcome.iterate, &direction, sign)? {
                ends.push(run(problem, start, options, observer, clock)?);
            }
        }
        let Some(end) = ends.into_iter().reduce(|a, b| if is_better(&b, &a) { b } else { a })
        else {
            outcome.termination = Termination::Stalled;
            return Ok(outcome);
        };
        note(warnings, "a stationary point on the way was a saddle; it was left both ways");
        let Outcome { iterations, mut trace, .. } = outcome;
        trace.extend(end.trace);
        outcome = Outcome { iterations: iterations + end.iterations, trace, ..end };
    }
    Ok(outcome)
}

fn note(warnings: &mut Vec<String>, text: &str) {
    if !warnings.iter().any(|known| known == text) {
        warnings.push(text.to_owned());
    }
}

/// The highest of some points along a direction, if it is higher than the iterate.
fn off(
    problem: &Problem<'_>,
    iterate: &Iterate,
    direction: &Tangent,
    sign: f64,
) -> Result<Option<Iterate>> {
    let path = Geodesic::new(&iterate.point, direction)?;
    let longest = path.length().max(f64::MIN_POSITIVE);
    let mut best: Option<Iterate> = None;
    for size in [1.0, 0.5, 0.25, 0.1, 0.03, 0.01] {
        let mut trial = iterate.clone();
        trial.point = path.at(sign * size / longest)?;
        trial.stride = 0.0;
        problem.evaluate(&mut trial)?;
        let known = best.as_ref().unwrap_or(iterate).log_likelihood();
        if trial.log_likelihood() > known {
            best = Some(trial);
        }
    }
    if problem.model.estimates_dof()
        && let Some(best) = &mut best
    {
        best.score.dof = f64::INFINITY;
    }
    Ok(best)
}

/// The smallest eigenvalue of −D²ℓ over factors and mean and its direction, in units of the Gaussian's
/// information of complete data, by Lanczos' method with full reorthogonalisation. `None` where
/// there is no second derivative.
pub(super) fn lowest_curvature(
    problem: &Problem<'_>,
    iterate: &Iterate,
) -> Result<Option<(f64, Tangent)>> {
    let (_, p, q) = problem.dim();
    let mut iterate = iterate.clone();
    let local = Local::at(problem, &iterate)?;
    let space = Space { p, q, means: problem.model.mean_structure().design(p, q).is_some() };
    let mut basis = vec![space.start()];
    if basis[0].norm() == 0.0 {
        return Ok(None);
    }
    let length = basis[0].norm();
    basis[0].scale(1.0 / length);
    let (mut alpha, mut beta): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    loop {
        let k = alpha.len();
        let product = match local.curvature(problem, &mut iterate, &space.scaled(&basis[k])) {
            Err(Error::Unsupported { .. }) => return Ok(None),
            product => product?,
        };
        let mut w = space.free(space.scaled(&product));
        alpha.push(w.dot(&basis[k]));
        for _ in 0..2 {
            for u in &basis {
                w.add_scaled(-w.dot(u), u);
            }
        }
        w = space.free(w);
        let norm = w.norm();
        let eigen = tridiagonal(&alpha, &beta)?;
        let (value, vector) = (eigen.values[0], eigen.vectors.column(0).to_owned());
        let residual = norm * vector[k].abs();
        let settled = k >= 12 && residual <= 1e-3 * value.abs();
        if settled || norm < 1e-10 || k + 1 >= PRODUCTS {
            let mut direction = Tangent::zeros(p, q);
            for (c, u) in vector.iter().zip(&basis) {
                direction.add_scaled(*c, u);
            }
            return Ok(Some((value, space.scaled(&direction))));
        }
        w.scale(1.0 / norm);
        beta.push(norm);
        basis.push(w);
    }
}

/// Coordinates in which the Gaussian's information of complete data is the identity.
struct Space {
    p: usize,
    q: usize,
    means: bool,
}

impl Space {
    fn scaled(&self, v: &Tangent) -> Tangent {
        let unit = |d: usize| (2.0 * d as f64).sqrt();
        let factors = BySide::new(
            &v.factors[Side::Rows] * unit(self.p),
            &v.factors[Side::Cols] * unit(self.q),
        );
        let mean = if self.means { ((self.p * self.q) as f64).sqrt() } else { 0.0 };
        Tangent { factors, mean: &v.mean * mean }
    }

    /// Symmetric and without the redundant scale.
    fn free(&self, v: Tangent) -> Tangent {
        without_scale(v)
    }

    fn start(&self) -> Tangent {
        let mut rng = stream(0, 0, PURPOSE, 0);
        let mut normal = |rows, cols| {
            Array2::<f64>::from_shape_simple_fn((rows, cols), || StandardNormal.sample(&mut rng))
        };
        let factors = BySide::new(normal(self.p, self.p), normal(self.q, self.q));
        let mean = normal(self.p, self.q) * if self.means { 1.0 } else { 0.0 };
        self.free(Tangent { factors, mean })
    }
}
