//! How far each sample is from the fitted mean, and the law those distances should follow.

use crate::data::Sample;
use crate::estimate::Fit;
use crate::family::DistanceLaw;
use crate::likelihood::{Likelihood, SampleLikelihood};
use crate::{Error, Result};

/// Distances, ascending, with their law.
pub(super) struct Distances {
    pub(super) values: Vec<f64>,
    pub(super) reference: DistanceLaw,
}

/// The distances of a sample under a fit; `None` for a law whose distances have no known law.
///
/// # Errors
/// [`Error::Shape`] when the sample is not of the fit's shape; what the law of the distances says.
pub(super) fn distances(fit: &Fit, sample: &Sample) -> Result<Option<Distances>> {
    let (_, p, q) = fit.dim();
    let (_, sp, sq) = sample.dim();
    if (sp, sq) != (p, q) {
        return Err(Error::shape(sample.source(), format!("{p} × {q} matrices"), (sp, sq)));
    }
    let Some(reference) = fit.law().distance_law(p, q) else { return Ok(None) };
    let mut values = Vec::with_capacity(sample.dim().0);
    let likelihood = SampleLikelihood::new(sample);
    likelihood.each(fit.point(), fit.law(), &mut |seen| {
        if let Some(white) = seen.white {
            values.push(reference.statistic(white)?);
        }
        Ok(())
    })?;
    values.sort_by(f64::total_cmp);
    Ok(Some(Distances { values, reference }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dof, Model};

    /// Data drawn from a matrix t law follow the reference of its fit, and not that of the
    /// Gaussian fit.
    #[test]
    fn distances_of_a_good_fit_follow_their_law() {
        let sample = crate::io::resolve("simulated-t").unwrap();
        let shares = |model: Model| {
            let fit = model.fit(&sample).unwrap();
            let Distances { values, reference } = distances(&fit, &sample).unwrap().unwrap();
            let below = |u: f64| {
                let quantile = reference.quantile(u).unwrap();
                values.iter().filter(|x| **x < quantile).count() as f64 / values.len() as f64
            };
            [0.25, 0.5, 0.75, 0.95].map(|u| (below(u) - u).abs()).into_iter().fold(0.0, f64::max)
        };
        assert!(shares(Model::matrix_t(Dof::Estimate)) < 0.08);
        assert!(shares(Model::gaussian()) > 0.15);
    }
}
