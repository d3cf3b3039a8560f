//! What people read of a fit: the printed page and the JSON record.

#[cfg(feature = "plots")]
pub mod html;
mod json;
#[cfg(feature = "plots")]
pub mod plot;
mod table;
mod text;

pub use json::FitRecord;
pub use table::{Align, Table};
