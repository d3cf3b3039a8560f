//! Observations: a sample of n matrices, p × q each, with names.

mod sample;

pub use sample::Sample;
