//! What people read of a fit: the printed page and the JSON record.

#[cfg(feature = "plots")]
pub mod html;
mod json;
#[cfg(feature = "plots")]
pub mod plot;
mod study;
mod table;
mod text;

pub use json::FitRecord;
pub use study::StudyTables;
pub use table::{Align, Table};
