//! Observations: a sample of n matrices, p × q each, with names.

mod blocks;
mod names;
mod sample;

pub use blocks::BlockReader;
pub use names::{Names, name_of};
pub use sample::Sample;
