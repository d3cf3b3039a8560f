//! The units of a fit. Rows in volts beside rows in tesla, or data of size 1e-110, lose digits and
//! end in false verdicts; so such data are fitted in units of their own robust scales,
//! X' = C⁻¹ (X) D⁻¹, and the result is taken back:
//!
//! ```text
//! M = C M' D,   A = C A' C,   B = D B' D,   ℓ = ℓ' − Σ over observed cells of ln(c_i d_j)
//! ```
//!
//! Units are powers of two: nothing is rounded on either way.

use super::climb::Outcome;
use super::options::{Observer, Step};
use crate::data::{Robust, Sample};
use crate::kronecker::{BySide, Side};
use crate::model::Model;
use crate::{Error, Result};
use ndarray::Array1;

/// log₂ of the ratio of two units of one side, and of the overall scale, that need no change.
const PLAIN: (f64, f64) = (10.0, 60.0);
/// Scales of a cell whose squares are numbers, as ln.
const SQUARABLE: f64 = 345.0;

/// c_i and d_j.
#[derive(Debug)]
pub(super) struct Units(BySide<Array1<f64>>);

impl Units {
    /// The units in which a model is to be fitted; `None` for those of the data.
    ///
    /// # Errors
    /// [`Error::Degenerate`] where the squares of the data over- or underflow in every unit that the
    /// result could be given in.
    pub(super) fn of(model: &Model, look: &Robust, source: &str) -> Result<Option<Self>> {
        let cell = look.ln_scale();
        let ends = look.ln_scales.iter().map(|part| {
            part.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)))
        });
        let (low, high) = ends.fold((0.0, 0.0), |(a, b), (low, high)| (a + low, b + high));
        if !(low > -SQUARABLE && high < SQUARABLE) {
            let verb = if high < SQUARABLE { "underflow" } else { "overflow" };
            return Err(Error::Degenerate {
                what: format!(
                    "a typical deviation in {source} is {:.0e}: squares {verb}",
                    cell.exp()
                ),
                remedy: "rescale the data".to_owned(),
            });
        }
        let level = |side: Side| {
            let part = &look.ln_scales[side];
            part.sum() / part.len() as f64
        };
        let exponents = BySide::of(|side| {
            let part = &look.ln_scales[side];
            let free = model.structure(side).has_free_units();
            let log2 = |x: f64| (x / std::f64::consts::LN_2).round();
            part.mapv(|x| log2(if free { x } else { level(side) }))
        });
        let spread = |part: &Array1<f64>| {
            part.iter().fold(f64::MIN, |m, x| m.max(*x))
                - part.iter().fold(f64::MAX, |m, x| m.min(*x))
        };
        let plain = exponents.iter().all(|part| spread(part) <= PLAIN.0)
            && cell.abs() <= PLAIN.1 * std::f64::consts::LN_2;
        Ok((!plain).then(|| Self(BySide::of(|side| exponents[side].mapv(f64::exp2)))))
    }

    /// The model for data in these units; `None` where a structure has none.
    pub(super) fn model(&self, model: &Model) -> Option<Model> {
        model.in_units(&self.0)
    }

    /// The data in these units.
    pub(super) fn sample(&self, sample: &Sample) -> Sample {
        let inverse = |side: Side| self.0[side].mapv(f64::recip);
        sample.scaled(&inverse(Side::Rows), &inverse(Side::Cols))
    }

    /// −Σ u ln(c_i d_j) over the observed cells of a sample, all of which together weigh `weight`.
    pub(super) fn ln_jacobian(&self, sample: &Sample, weight: f64) -> f64 {
        let (_, p, q) = sample.dim();
        let (rows, cols) = (self.0[Side::Rows].mapv(f64::ln), self.0[Side::Cols].mapv(f64::ln));
        if !sample.has_missing() {
            return -weight * (q as f64 * rows.sum() + p as f64 * cols.sum());
        }
        let seen = sample.values();
        let seen = seen.indexed_iter().filter(|(_, x)| !x.is_nan());
        -seen.map(|((_, i, j), _)| rows[i] + cols[j]).sum::<f64>()
    }

    /// Takes what was found back to the units of the data; `jacobian` is [`Units::ln_jacobian`].
    pub(super) fn restore(&self, outcome: &mut Outcome, jacobian: f64) {
        let (rows, cols) = (&self.0[Side::Rows], &self.0[Side::Cols]);
        let iterate = &mut outcome.iterate;
        let mean = iterate.point.mean.indexed_iter_mut();
        // Coefficients of covariates are blocks of p rows.
        mean.for_each(|((i, j), x)| *x *= rows[i % rows.len()] * cols[j]);
        for side in Side::BOTH {
            iterate.point.factors[side].scale_rows(self.0[side].view());
        }
        iterate.point.balance();
        iterate.sums.log_likelihood += jacobian;
        outcome.trace.iter_mut().for_each(|step| step.log_likelihood += jacobian);
    }
}

/// Sees ℓ in the units of the data.
pub(super) struct Shifted<'o> {
    pub(super) observer: &'o mut dyn Observer,
    pub(super) jacobian: f64,
}

impl Observer for Shifted<'_> {
    fn step(&mut self, step: &Step) -> bool {
        let log_likelihood = step.log_likelihood + self.jacobian;
        self.observer.step(&Step { log_likelihood, ..*step })
    }
}
