//! Observations: a sample of n matrices, p × q each, with names.

mod blocks;
mod fingerprint;
mod matrix;
mod names;
mod sample;
mod values;

pub use blocks::BlockReader;
pub use matrix::NamedMatrix;
pub use names::{Names, name_of};
pub use sample::Sample;
pub use values::SharedValues;
