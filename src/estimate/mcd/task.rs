//! What all starts of a search share, and the fits that they make.

use super::exact;
use super::subset::Subset;
use crate::data::Sample;
use crate::likelihood::SampleLikelihood;
use crate::{Error, Result};
use ndarray::ArrayView3;

/// What all starts share.
pub(super) struct Search<'a> {
    pub(super) sample: &'a Sample,
    pub(super) whole: SampleLikelihood<'a>,
    pub(super) h: usize,
    /// Samples of a start.
    pub(super) first: usize,
}

impl Search<'_> {
    pub(super) fn values(&self) -> ArrayView3<'_, f64> {
        self.sample.values()
    }

    /// As [`Subset::moved`]; a subset without scatter is the finding of an exact fit.
    pub(super) fn moved(
        &self,
        from: &Subset,
        members: Vec<usize>,
        sweeps: usize,
    ) -> Result<Subset> {
        let kept = members.clone();
        from.moved(self.values(), members, sweeps).map_err(|e| exact::said(self.sample, &kept, e))
    }

    pub(super) fn refit(&self, subset: &mut Subset) -> Result<()> {
        let done = subset.refit(self.values());
        done.map_err(|e| exact::said(self.sample, &subset.members, e))
    }
}

/// Nothing where members are too different in size for a fit; findings and faults stay errors.
pub(super) fn usable(subset: Result<Subset>) -> Result<Option<Subset>> {
    match subset {
        Ok(subset) => Ok(Some(subset)),
        Err(Error::NotPositiveDefinite { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}
