//! Observations: a sample of n matrices, p × q each, with names.

mod blocks;
mod sample;

pub use blocks::BlockReader;
pub use sample::{Sample, SharedValues};
