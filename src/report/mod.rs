//! What people read of a fit: the printed page and the JSON record.

mod json;
mod table;
mod text;

pub use json::FitRecord;
pub use table::{Align, Table};
