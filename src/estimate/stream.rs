//! Fits to data that does not fit in memory.

use super::options::{FitOptions, Observer};
use super::problem::Problem;
use super::{Fit, Setting, warm};
use crate::Result;
use crate::data::{BlockReader, Sample};
use crate::likelihood::{
    Likelihood, Moments, Progress, SampleLikelihood, StreamLikelihood, watched,
};
use crate::model::{Mean, Model};
use ndarray::{Array2, Array3, Axis, concatenate};
use std::time::Instant;

/// Numbers of the part of the sample that is kept in memory for the start.
const KEPT_DOUBLES: usize = 1 << 20;

impl Model {
    /// Fits the model to data that is read in blocks: the Gaussian in two reads (one for a part of
    /// the samples to whiten by, one for the moments), the other laws in one read per pass.
    ///
    /// `progress` sees every block of every read and may stop the fit.
    ///
    /// # Errors
    /// As [`Model::fit`], and what the reader says.
    pub fn fit_stream(
        &self,
        reader: &dyn BlockReader,
        options: &FitOptions,
        observer: &mut dyn Observer,
        progress: &Progress<'_>,
    ) -> Result<Fit> {
        options.validate()?;
        let clock = Instant::now();
        let dim @ (n, p, q) = reader.dim();
        self.check(p, q)?;
        let warnings = super::named(self.check_count(n, p, q), &reader.name(), options)?;
        let (kept, average) = first_read(reader, progress)?;
        // The part alone gives the start: near the optimum, or at least its scale.
        let part = SampleLikelihood::new(&kept);
        let mut start = match warm::on(self, &part) {
            Some(start) => start,
            None => Problem::new(self, &part).start()?,
        };
        start.passes = 0;
        let setting = Setting { model: self, units: None, pole: None, look: None };
        let about = (part.labels(), setting);
        let mut fit = if warm::by_moments(self, dim, options)? {
            let mut moments = Moments::new(start.point.clone());
            watched(reader, progress, &mut |block| {
                moments.observe_checked(block, None);
                Ok(())
            })?;
            let moments = moments.likelihood()?;
            if *self.mean_structure() == Mean::Free {
                start.point.mean.assign(&moments.average()?);
            }
            let problem = Problem::new(self, &moments);
            self.climb_from(&problem, start, about, options, (warnings, clock), observer)?
        } else {
            let stream = StreamLikelihood::new(reader, average, progress);
            let problem = Problem::new(self, &stream);
            self.climb_from(&problem, start, about, options, (warnings, clock), observer)?
        };
        fit.stands_for(n, reader.name());
        Ok(fit)
    }
}

/// Every few samples, as many as fit, and the average of all.
fn first_read(reader: &dyn BlockReader, progress: &Progress<'_>) -> Result<(Sample, Array2<f64>)> {
    let (n, p, q) = reader.dim();
    let step = (n * p * q).div_ceil(KEPT_DOUBLES).min(n.div_ceil(64)).max(1);
    let mut parts: Vec<Array3<f64>> = Vec::new();
    let mut sum = Array2::zeros((p, q));
    let mut seen = 0;
    watched(reader, progress, &mut |block| {
        sum += &block.sum_axis(Axis(0));
        let m = block.len_of(Axis(0));
        let first = (step - seen % step) % step;
        for i in (first..m).step_by(step) {
            parts.push(block.index_axis(Axis(0), i).insert_axis(Axis(0)).to_owned());
        }
        seen += m;
        Ok(())
    })?;
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let kept = concatenate(Axis(0), &views)
        .map_err(|error| crate::Error::shape("the samples read", "matrices of one shape", error))?;
    let kept = Sample::named(kept, Vec::new(), Vec::new(), reader.name())?;
    Ok((kept, sum / n as f64))
}
