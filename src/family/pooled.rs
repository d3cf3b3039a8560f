//! What a family over ν says of observations of several shapes together.

use super::DofFamily;
use super::dof::{DofEstimate, Summaries, estimate_dof};
use crate::Result;

impl Summaries {
    /// [`DofFamily::score`] of all observations.
    pub fn score(&self, family: &dyn DofFamily, dof: f64, dim: (usize, usize)) -> f64 {
        self.pooled(dim, |seen, p, q| family.score(dof, seen, p, q))
    }

    /// [`DofFamily::excess_at_infinity`] of all observations.
    pub fn excess_at_infinity(&self, family: &dyn DofFamily, dim: (usize, usize)) -> f64 {
        self.pooled(dim, |seen, p, q| family.excess_at_infinity(seen, p, q))
    }

    /// [`DofFamily::estimate`] for all observations.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`] when a summary is not a number.
    pub fn estimate(
        &self,
        family: &dyn DofFamily,
        start: f64,
        (p, q): (usize, usize),
    ) -> Result<DofEstimate> {
        if self.parts.is_empty() {
            return family.estimate(start, self, p, q);
        }
        let excess = self.excess_at_infinity(family, (p, q));
        estimate_dof(start, excess, |dof| self.score(family, dof, (p, q)))
    }
}
