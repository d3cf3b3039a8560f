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
mod stream;
mod three_step;
mod together;
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
pub(crate) use together::{Common, Together};
pub use tyler::{Tyler, TylerFit};

use crate::data::Sample;
use crate::kronecker::Side;
use crate::likelihood::{Labels, Likelihood, SampleLikelihood};
use crate::model::{Mean, Model, least_dof};
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
        if let Some(placed) = self.placed(sample)? {
            return placed.fit_with(sample, options, observer);
        }
        options.validate()?;
        sample.require_complete()?;
        let clock = Instant::now();
        let (_, p, q) = sample.dim();
        self.check(p, q)?;
        for (what, d) in [("the row factor", p), ("the column factor", q)] {
            linalg::require_room(what, &[d, d], 4)?;
        }
        let samples = SampleLikelihood::new(sample);
        let warnings = self.promised(&samples, options)?;
        let problem = Problem::new(self, &samples);
        let moments = warm::by_moments(self, sample.dim(), options)?;
        if moments && !sample.has_one_mean() && options.source == DataSource::Moments {
            return Err(Error::Unsupported {
                what: "a fit from moments with covariates or precision weights".to_owned(),
                remedy: "use the source samples or auto".to_owned(),
            });
        }
        let mut start = match warm::start(self, sample) {
            Some(start) => start,
            None => problem.first()?,
        };
        let of_moments;
        let problem = if moments && sample.has_one_mean() {
            of_moments = warm::moments(self, sample, &mut start.point)?;
            start.passes = 0;
            Problem::new(self, &of_moments)
        } else {
            problem
        };
        let labels = samples.labels();
        let fit = self.climb_from(&problem, start, labels, options, (warnings, clock), observer)?;
        Ok(fit.made_of(sample))
    }

    /// Fits the model to any likelihood: data kept or weighed in a way of one's own.
    ///
    /// # Errors
    /// As [`Model::fit_with`], and what the likelihood says.
    ///
    /// ```
    /// use kronfit::estimate::{FitOptions, Silent};
    /// use kronfit::{io, likelihood::SampleLikelihood, model::Model};
    /// let sample = io::resolve("us-macro")?;
    /// let twice = vec![2.0; 49];
    /// let likelihood = SampleLikelihood::new(&sample).weighted(&twice)?;
    /// let fit = Model::gaussian().fit_on(&likelihood, &FitOptions::default(), &mut Silent)?;
    /// let plain = Model::gaussian().fit(&sample)?;
    /// assert!((fit.log_likelihood() - 2.0 * plain.log_likelihood()).abs() < 1e-6);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn fit_on(
        &self,
        likelihood: &dyn Likelihood,
        options: &FitOptions,
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        options.validate()?;
        let clock = Instant::now();
        let (_, p, q) = likelihood.dim();
        self.check(p, q)?;
        let warnings = self.promised(likelihood, options)?;
        let problem = Problem::new(self, likelihood);
        let start = problem.first()?;
        let labels = likelihood.labels();
        self.climb_from(&problem, start, labels, options, (warnings, clock), observer)
    }

    /// What the data promise about a maximum, or refuse.
    fn promised(&self, likelihood: &dyn Likelihood, options: &FitOptions) -> Result<Vec<String>> {
        let mut promised = named(likelihood.existence(self), likelihood.labels().source, options)?;
        let least = self.pole(likelihood);
        if let (false, Some(dof), Some(least)) = (self.estimates_dof(), self.law().dof(), least)
            && dof <= least
        {
            let what = format!(
                "the {} likelihood has no maximum at ν = {dof} here: it grows without bound where \
                 the coefficients pass through as many samples as there are covariates",
                self.law().name()
            );
            let remedy = format!("choose ν > {least:.3}, fewer covariates, or the Gaussian");
            if !options.force {
                return Err(Error::Degenerate { what, remedy });
            }
            promised.push(format!("{what}; {remedy}; forced all the same"));
        }
        Ok(promised)
    }

    /// The ν below which a likelihood with covariates has a pole, where there is one.
    fn pole(&self, likelihood: &dyn Likelihood) -> Option<f64> {
        let rank = likelihood.covariates()?;
        let (_, p, q) = likelihood.dim();
        if *self.mean_structure() != Mean::Free {
            return None;
        }
        least_dof(self.law().as_ref(), likelihood.weight(), rank, p, q).filter(|least| *least > 0.0)
    }

    /// Looks at the start where that was not done yet, and climbs.
    fn climb_from(
        &self,
        problem: &Problem<'_>,
        mut start: Iterate,
        labels: Labels<'_>,
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
        if let (true, Some(dof), Some(least)) =
            (self.estimates_dof(), outcome.iterate.law.dof(), self.pole(problem.likelihood))
            && dof <= least
        {
            warnings.push(format!(
                "the estimate ν = {dof:.3} lies below {least:.3}, where the likelihood grows without \
                 bound as the coefficients pass through samples: fix a larger ν"
            ));
        }
        for side in Side::BOTH {
            warnings.extend(problem.shapes[side].note(outcome.iterate.point.factor(side)));
        }
        let likelihood = problem.likelihood;
        Ok(Fit::new(self, likelihood, labels, outcome, warnings, seconds, certificate))
    }
}

/// What was promised about a maximum, with the name of the data; a warning where it is forced.
fn named(promised: Result<Vec<String>>, source: &str, options: &FitOptions) -> Result<Vec<String>> {
    match promised {
        Err(error @ Error::TooFewSamples { .. }) if options.force => {
            Ok(vec![format!("{error}; forced all the same")])
        }
        Err(Error::TooFewSamples { n, required, p, q, because, .. }) => {
            let what = source.to_owned();
            Err(Error::TooFewSamples { what, n, required, p, q, because })
        }
        promised => promised,
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
