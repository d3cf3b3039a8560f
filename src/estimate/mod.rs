//! Estimators: from a model and a sample to a [`Fit`].

mod anderson;
mod auto;
mod certificate;
mod degenerate;
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
mod tyler;
mod units;
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

use crate::data::{Robust, Sample};
use crate::likelihood::SampleLikelihood;
use crate::model::{Mean, Model, Pole};
use crate::optim::{Optimizer, Settings};
use crate::{Error, Result};
use ndarray::Array2;
use std::time::Instant;
use units::{Shifted, Units};

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
        let mut warnings = self.count_warnings(sample.source(), sample.dim(), options)?;
        let pole = self.pole_of_sample(sample);
        match self.check_pole(pole.as_ref(), sample.source()) {
            Err(error) if options.force => warnings.push(format!("{error}; forced all the same")),
            checked => checked?,
        }
        warnings.extend(degenerate::symmetric(sample));
        let look = self.robust_look(sample);
        warnings.extend(look.as_ref().and_then(|look| look.warning(sample)));
        let setting = Setting { model: self, sample, units: None, pole: pole.as_ref(), look: None };
        let units = match &look {
            Some(look) => Units::of(self, look, sample.source())?,
            None => None,
        };
        let in_units = units.as_ref().and_then(|units| units.model(self));
        match (&units, &in_units) {
            (Some(units), Some(model)) => {
                let scaled = units.sample(sample);
                let look = model.robust_look(&scaled);
                let setting = Setting { units: Some((units, units.ln_jacobian(sample))), ..setting };
                model.fit_in_units(&scaled, look, setting, options, (warnings, clock), observer)
            }
            _ => self.fit_in_units(sample, look, setting, options, (warnings, clock), observer),
        }
    }

    /// Medians and scales of the data around what the mean can be.
    fn robust_look(&self, sample: &Sample) -> Option<Robust> {
        let (_, p, q) = sample.dim();
        match self.mean_structure() {
            Mean::Zero => Robust::of(sample, Some(&Array2::zeros((p, q)))),
            Mean::Known(mean) => Robust::of(sample, Some(mean)),
            _ => Robust::of(sample, None),
        }
    }

    /// The fit of this model to a sample, both in units in which the data have no extremes.
    fn fit_in_units(
        &self,
        sample: &Sample,
        look: Option<Robust>,
        setting: Setting<'_>,
        options: &FitOptions,
        beginning: (Vec<String>, Instant),
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        let samples = SampleLikelihood::new(sample);
        let wild = look.clone().filter(Robust::is_wild);
        let problem = Problem::new(self, &samples).starting_at(wild.clone()).above(setting.pole);
        let setting = Setting { look: look.as_ref(), ..setting };
        let moments = warm::by_moments(self, sample.dim(), options)?;
        let thinned = if wild.is_none() { warm::start(self, sample) } else { None };
        let mut start = match thinned {
            Some(start) => start,
            None => problem.first()?,
        };
        let of_moments;
        let problem = if moments {
            of_moments = warm::moments(self, sample, &mut start.point)?;
            start.passes = 0;
            Problem::new(self, &of_moments).starting_at(wild).above(setting.pole)
        } else {
            problem
        };
        self.climb_from(&problem, start, setting, options, beginning, observer)
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
        setting: Setting<'_>,
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
        let jacobian = setting.units.map_or(0.0, |(_, jacobian)| jacobian);
        let mut observer = Shifted { observer, jacobian };
        let outcome = run(problem, start, options, &mut observer, clock);
        crate::linalg::release();
        let mut outcome = outcome?;
        let retry = options.method == Method::Auto
            && match outcome.termination {
                Termination::Unbounded => !self.law().weighting().is_identity(),
                Termination::Stalled => true,
                _ => false,
            };
        if retry && let Some(found) = second_look(problem, setting, options, &mut observer, clock) {
            outcome = found;
        }
        let seconds = clock.elapsed().as_secs_f64();
        let certificate = certificate::certify(problem, &mut outcome, options.certificate)?;
        let (n, p, q) = problem.dim();
        if certificate.is_some_and(|c| c.unique) {
            // Seen beats counted.
            let counted = crate::model::not_unique(n, p, q);
            warnings.retain(|warning| *warning != counted);
        }
        if certificate.is_some_and(|c| !c.unique) && warnings.is_empty() {
            match climb::spread(&outcome.iterate) {
                // Flat and almost singular: the score vanished on the way to infinity.
                spread if spread > climb::FAR => outcome.termination = Termination::Unbounded,
                _ => warnings.push(certificate::NOT_UNIQUE.to_owned()),
            }
        }
        warnings.extend(outcome.termination.warnings(outcome.iterate.score.worst()));
        warnings.extend(dof::warnings(problem, &outcome.iterate));
        warnings.extend(degenerate::reasons(setting.sample, self, outcome.termination));
        if let Some((units, jacobian)) = setting.units {
            units.restore(&mut outcome, jacobian);
        }
        Ok(Fit::new(setting.model, setting.sample, outcome, warnings, seconds, certificate))
    }
}

/// What a fit is of, in the units of the data.
#[derive(Clone, Copy)]
struct Setting<'a> {
    model: &'a Model,
    sample: &'a Sample,
    /// The units in which it is fitted, with what they are worth in ℓ.
    units: Option<(&'a Units, f64)>,
    /// Where the likelihood is unbounded in ν.
    pole: Option<&'a Pole>,
    /// Medians and scales in the units of the fit.
    look: Option<&'a Robust>,
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

/// Another method from a robust start, where the default one found no maximum: `None` where that
/// found none either.
fn second_look(
    problem: &Problem<'_>,
    setting: Setting<'_>,
    options: &FitOptions,
    observer: &mut dyn Observer,
    clock: Instant,
) -> Option<climb::Outcome> {
    let look = setting.look.cloned();
    let again = Problem::new(problem.model, problem.likelihood).starting_at(look).above(setting.pole);
    for method in [Method::Newton, Method::FlipFlop] {
        let max_iter = options.max_iter.min(SECOND_LOOK);
        let options = FitOptions { method, max_iter, ..options.clone() };
        let mut start = again.first().ok()?;
        again.complete(&mut start).ok()?;
        match run(&again, start, &options, observer, clock) {
            Ok(outcome) if outcome.termination.is_converged() => return Some(outcome),
            _ => {}
        }
    }
    None
}

/// Most iterations of a second look.
const SECOND_LOOK: usize = 500;

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
