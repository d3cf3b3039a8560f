//! Observations: a sample of n matrices, p × q each, with names.

mod blocks;
mod fingerprint;
mod matrix;
mod names;
mod robust;
mod sample;

pub use blocks::BlockReader;
pub use matrix::NamedMatrix;
pub use names::{Names, name_of};
pub(crate) use robust::Robust;
pub use sample::Sample;
