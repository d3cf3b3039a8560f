//! What people read of a fit: the printed page and the JSON record.

mod coefficients;
mod entries;
#[cfg(feature = "plots")]
pub mod html;
mod inference;
mod json;
#[cfg(feature = "plots")]
pub mod plot;
mod saved;
mod study;
mod table;
mod text;

#[cfg(feature = "plots")]
pub use inference::profile_figure;
pub use inference::{
    comparison_csv, comparison_table, contribution_table, outlier_table, parameter_table,
};
pub use json::{CoefficientRecord, DataRecord, FitRecord, to_json};
pub use study::StudyTables;
pub use table::{Align, Table, optional, plain};
