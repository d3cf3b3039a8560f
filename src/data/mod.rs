//! Observations: a sample of n matrices, p × q each, with names.

mod blocks;
mod design;
mod fingerprint;
mod matrix;
mod names;
mod robust;
mod sample;
mod values;
mod weights;

pub use blocks::BlockReader;
pub use design::Design;
pub use matrix::NamedMatrix;
pub use names::{Names, name_of};
pub(crate) use robust::Robust;
pub use sample::Sample;
pub use values::SharedValues;
pub use weights::Weights;
pub(crate) use weights::check_weights;
