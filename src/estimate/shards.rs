//! Fits to data whose parts are elsewhere.

use super::options::{FitOptions, Observer};
use super::problem::Problem;
use super::{Fit, Setting, warm};
use crate::Result;
use crate::data::Sample;
use crate::likelihood::{Likelihood, SampleLikelihood, ShardLikelihood, Shards};
use crate::model::{Mean, Model};
use std::time::Instant;

impl Model {
    /// Fits the model to shards: the Gaussian in two rounds of questions (the average, the moments of
    /// samples that a fit to `part` whitens), the t laws in one round per pass.
    ///
    /// `part` is some of the data, whatever is at hand, from which the fit starts.
    ///
    /// # Errors
    /// As [`Model::fit`], and what the shards say.
    pub fn fit_shards(
        &self,
        shards: &dyn Shards,
        part: &Sample,
        options: &FitOptions,
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        options.validate()?;
        let clock = Instant::now();
        let dim @ (n, p, q) = shards.dim();
        self.check(p, q)?;
        let warnings = super::named(self.check_count(n, p, q), shards.name(), options)?;
        let near = SampleLikelihood::new(part);
        let all = ShardLikelihood::new(shards)?;
        let started = match warm::on(self, &near) {
            Some(start) => Ok(start),
            None => Problem::new(self, &near).start(),
        };
        let mut start = match started {
            Ok(start) => start,
            // A part may be constant where the whole is not.
            Err(_) => Problem::new(self, &all).start()?,
        };
        start.passes = 0;
        let setting = Setting { model: self, units: None, pole: None, look: None };
        let about = (near.labels(), setting);
        let mut fit = if warm::by_moments(self, dim, options)? {
            let moments = all.moments(&start.point)?.likelihood()?;
            if *self.mean_structure() == Mean::Free {
                start.point.mean.assign(&moments.average()?);
            }
            let problem = Problem::new(self, &moments);
            self.climb_from(&problem, start, about, options, (warnings, clock), observer)?
        } else {
            let problem = Problem::new(self, &all);
            self.climb_from(&problem, start, about, options, (warnings, clock), observer)?
        };
        fit.stands_for(n, shards.name().to_owned());
        Ok(fit)
    }
}
