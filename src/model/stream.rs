//! The likelihood of data that is read block by block: one read per pass.

use super::{Pass, Point, SampleSource, Source, Tangent, Want};
use crate::data::BlockReader;
use crate::family::{DofFamily, Law};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, ArrayView3, Axis};
use std::sync::Mutex;

/// Who watches a long read: (samples read, samples in all); `false` stops it.
pub type Progress<'a> = dyn Fn(usize, usize) -> bool + Sync + 'a;

/// A [`BlockReader`] as the source of the likelihood.
///
/// A pass cannot return an error: it is kept for [`StreamSource::take_error`], and the pass gives
/// NaN, at which every estimator stops.
pub struct StreamSource<'a> {
    reader: &'a dyn BlockReader,
    average: Array2<f64>,
    progress: &'a Progress<'a>,
    error: Mutex<Option<Error>>,
}

impl<'a> StreamSource<'a> {
    /// A source whose `average` (p × q) is known already.
    pub fn new(
        reader: &'a dyn BlockReader,
        average: Array2<f64>,
        progress: &'a Progress<'a>,
    ) -> Self {
        Self { reader, average, progress, error: Mutex::new(None) }
    }

    /// The first error that a pass met.
    pub fn take_error(&self) -> Option<Error> {
        self.error.lock().ok().and_then(|mut error| error.take())
    }

    /// One read; `false` when it failed.
    fn each(&self, visit: &mut dyn FnMut(&SampleSource<'_>)) -> bool {
        let result = watched(self.reader, self.progress, &mut |block| {
            visit(&SampleSource::of(block));
            Ok(())
        });
        match (result, self.error.lock()) {
            (Ok(()), _) => true,
            (Err(error), Ok(mut kept)) => {
                kept.get_or_insert(error);
                false
            }
            (Err(_), Err(_)) => false,
        }
    }
}

/// Reads everything once, telling how far it is.
///
/// # Errors
/// Of the reader, of `visit`, and [`Error::Interrupted`].
pub(crate) fn watched(
    reader: &dyn BlockReader,
    progress: &Progress<'_>,
    visit: &mut dyn FnMut(ArrayView3<'_, f64>) -> Result<()>,
) -> Result<()> {
    let (n, mut done) = (reader.dim().0, 0);
    reader.read(&mut |block| {
        done += block.len_of(Axis(0));
        visit(block)?;
        if progress(done, n) {
            Ok(())
        } else {
            Err(Error::Interrupted { reason: "while reading the data".to_owned() })
        }
    })
}

impl Source for StreamSource<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        self.reader.dim()
    }

    fn average(&self) -> ArrayView2<'_, f64> {
        self.average.view()
    }

    fn pass(&self, point: &Point, law: &dyn Law, want: Want, out: &mut Pass) {
        let (n, p, q) = self.dim();
        let mut sum = Pass::zeros(p, q);
        let mut part = Pass::zeros(p, q);
        let complete = self.each(&mut |block| {
            block.pass(point, law, want, &mut part);
            let share = block.dim().0 as f64 / n as f64;
            sum.row_scatter.scaled_add(share, &part.row_scatter);
            sum.col_scatter.scaled_add(share, &part.col_scatter);
            sum.psi_sum += &part.psi_sum;
            sum.rho_sum += part.rho_sum;
            sum.weight_sum += part.weight_sum;
        });
        if want != Want::Col {
            out.row_scatter = sum.row_scatter;
        }
        if want != Want::Row {
            out.col_scatter = sum.col_scatter;
        }
        out.psi_sum = sum.psi_sum;
        out.rho_sum = if complete { sum.rho_sum } else { f64::NAN };
        out.weight_sum = sum.weight_sum;
        if law.weighting().is_identity() {
            out.weight_sum = n as f64;
        }
    }

    fn curvature(&self, point: &Point, law: &dyn Law, direction: &Tangent, out: &mut Tangent) {
        let (_, p, q) = self.dim();
        let mut sum = Tangent::zeros(p, q);
        let mut part = Tangent::zeros(p, q);
        let complete = self.each(&mut |block| {
            block.curvature(point, law, direction, &mut part);
            sum.add(&part);
        });
        if !complete {
            sum.scale(f64::NAN);
        }
        *out = sum;
    }

    fn summaries(&self, point: &Point, family: &dyn DofFamily) -> Array1<f64> {
        let mut all = Vec::new();
        if !self.each(&mut |block| all.extend(block.summaries(point, family))) {
            all.fill(f64::NAN);
        }
        all.into()
    }
}
