//! Estimators: from a model and a sample to a [`Fit`].

mod anderson;
mod auto;
mod certificate;
mod climb;
mod coordinates;
mod dof;
mod factors;
mod fit;
mod flip_flop;
mod frame;
mod full;
mod iterate;
mod joint;
mod joint_problem;
mod newton;
mod options;
mod problem;
mod shards;
mod stream;
mod three_step;
mod tyler;
mod warm;

pub use climb::Ascent;
pub use coordinates::Coordinates;
pub use factors::{Factors, Normalisation};
pub use fit::{Certificate, Fit};
pub(crate) use fit::{End, FitParts};
pub use iterate::{Iterate, Score};
pub use joint_problem::JointProblem;
pub use options::{Certify, DataSource, FitOptions, Method, Observer, Silent, Step, Termination};
pub use problem::Problem;
pub use tyler::{Tyler, TylerFit};

use crate::data::Sample;
use crate::likelihood::SampleLikelihood;
use crate::model::Model;
use crate::optim::{Optimizer, Settings};
use crate::{Error, Result, linalg};
use std::time::Instant;

impl Model {
    /// Fits the model by the default method, see [`FitOptions`].
    ///
    /// # Errors
    /// Where there is no usable estimate: too few samples, degenerate data, a structure that does
    /// not fit the shape. A fit that did not converge is not an error: ask
    /// [`Fit::is_converged`].
    ///
    /// ```
    /// use kronfit::{data::Sample, model::Model};
    /// use ndarray::array;
    /// // Two-by-one observations: the ordinary covariance MLE, here [[2, 1], [1, 2]]/2 exactly.
    /// let x = array![[[1.0], [1.0]], [[-1.0], [0.0]], [[0.0], [-1.0]], [[0.0], [0.0]]];
    /// let fit = Model::gaussian().fit(&Sample::new(x).unwrap()).unwrap();
    /// let covariance = fit.row_cov() * fit.sigma2();
    /// assert!((covariance[[0, 0]] - 0.5).abs() < 1e-12);
    /// assert!((covariance[[0, 1]] - 0.25).abs() < 1e-12);
    /// ```
    pub fn fit(&self, sample: &Sample) -> Result<Fit> {
        self.fit_with(sample, &FitOptions::default(), &mut Silent)
    }

    /// Fits the model with options and an observer, who sees every step and may stop the fit.
    ///
    /// # Errors
    /// As [`Model::fit`], and [`crate::Error::Domain`] for options out of range.
    pub fn fit_with(
        &self,
        sample: &Sample,
        options: &FitOptions,
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        options.validate()?;
        sample.require_complete()?;
        let clock = Instant::now();
        let (_, p, q) = sample.dim();
        self.check(p, q)?;
        for (what, d) in [("the row factor", p), ("the column factor", q)] {
            linalg::require_room(what, &[d, d], 4)?;
        }
        let warnings = self.count_warnings(sample.source(), sample.dim(), options)?;
        let samples = SampleLikelihood::new(sample);
        let problem = Problem::new(self, &samples);
        let moments = warm::by_moments(self, sample.dim(), options)?;
        let mut start = match warm::start(self, sample) {
            Some(start) => start,
            None => problem.first()?,
        };
        let of_moments;
        let problem = if moments {
            of_moments = warm::moments(self, sample, &mut start.point)?;
            start.passes = 0;
            Problem::new(self, &of_moments)
        } else {
            problem
        };
        self.climb_from(&problem, start, sample, options, (warnings, clock), observer)
    }

    /// What the number of samples says, or refuses.
    fn count_warnings(
        &self,
        what: &str,
        (n, p, q): (usize, usize, usize),
        options: &FitOptions,
    ) -> Result<Vec<String>> {
        match self.check_count(n, p, q) {
            Ok(warnings) => Ok(warnings),
            Err(error) if options.force => Ok(vec![format!("{error}; forced all the same")]),
            Err(Error::TooFewSamples { n, required, p, q, because, .. }) => {
                let what = what.to_owned();
                Err(Error::TooFewSamples { what, n, required, p, q, because })
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at the start where that was not done yet, and climbs.
    fn climb_from(
        &self,
        problem: &Problem<'_>,
        mut start: Iterate,
        sample: &Sample,
        options: &FitOptions,
        (mut warnings, clock): (Vec<String>, Instant),
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        if start.passes == 0 {
            problem.look(&mut start)?;
        }
        if !matches!(options.method, Method::Auto | Method::FlipFlop) {
            problem.complete(&mut start)?;
        }
        let outcome = run(problem, start, options, observer, clock);
        crate::linalg::release();
        let mut outcome = outcome?;
        let seconds = clock.elapsed().as_secs_f64();
        let certificate = certificate::certify(problem, &mut outcome, options.certificate)?;
        if certificate.is_some_and(|c| !c.unique) && warnings.is_empty() {
            match climb::spread(&outcome.iterate) {
                // Flat and almost singular: the score vanished on the way to infinity.
                spread if spread > climb::FAR => outcome.termination = Termination::Unbounded,
                _ => warnings.push(certificate::NOT_UNIQUE.to_owned()),
            }
        }
        warnings.extend(outcome.termination.warnings(outcome.iterate.score.worst()));
        warnings.extend(dof::warnings(self, &outcome.iterate));
        Ok(Fit::new(self, sample, outcome, warnings, seconds, certificate))
    }
}

/// The method of the options, from a start to its end.
fn run(
    problem: &Problem<'_>,
    start: Iterate,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Result<climb::Outcome> {
    if let Some(stepper) = stepper(problem, options) {
        return climb::climb(problem, start, stepper, options, observer, clock);
    }
    match options.method {
        Method::Newton => {
            // Structured factors have no geodesic product: Newton in their own coordinates.
            let search = Settings { optimizer: Optimizer::TrustRegion, ..options.search };
            let options = FitOptions { search, ..options.clone() };
            let outcome = joint::run(problem, start, &options, observer, clock)?;
            Ok(climb::Outcome { method: "newton", ..outcome })
        }
        Method::ThreeStep => three_step::run(problem, start, observer, clock),
        _ => joint::run(problem, start, options, observer, clock),
    }
}

/// The methods that go step by step; `None` for the others.
fn stepper(problem: &Problem<'_>, options: &FitOptions) -> Option<Box<dyn climb::Stepper>> {
    match options.method {
        Method::Auto => Some(Box::new(auto::Auto::new(problem, options.tol))),
        Method::FlipFlop => Some(Box::new(flip_flop::FlipFlop)),
        Method::Newton if problem.is_unstructured() => {
            Some(Box::new(newton::Newton::new(options.tol)))
        }
        Method::Newton | Method::Joint | Method::ThreeStep => None,
    }
}
