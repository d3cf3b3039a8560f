//! Where the numbers of a sample are kept.

use ndarray::{Array3, ArrayView3};
use std::fmt::Debug;
use std::sync::Arc;

/// Row-major numbers (n, p, q) that somebody else keeps: another language's array, a mapped file.
pub trait SharedValues: Debug + Send + Sync {
    /// The numbers, the same at every call.
    fn view(&self) -> ArrayView3<'_, f64>;
}

/// Numbers of one's own, or of somebody else.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Own(Array3<f64>),
    Shared(Arc<dyn SharedValues>),
}

impl Values {
    /// Own numbers, row-major.
    pub(super) fn own(values: Array3<f64>) -> Self {
        let row_major = values.is_standard_layout();
        Self::Own(if row_major { values } else { values.as_standard_layout().into_owned() })
    }

    pub(super) fn view(&self) -> ArrayView3<'_, f64> {
        match self {
            Self::Own(values) => values.view(),
            Self::Shared(values) => values.view(),
        }
    }
}
