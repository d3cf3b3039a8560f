//! The extension module `kronfit._core`: the library's values as Python objects, nothing else.
//!
//! What users call is in the package `kronfit` beside it, written in Python.

#![deny(missing_docs)]

mod convert;
mod data;
mod distribution;
mod errors;
mod fit;
mod inference;
mod model;
mod run;
mod shards;
mod study;

use pyo3::prelude::*;

/// The compiled part of kronfit.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::data::{Data, datasets};
    #[pymodule_export]
    use super::distribution::Distribution;
    #[pymodule_export]
    use super::fit::{Fit, fit};
    #[pymodule_export]
    use super::inference::{
        StandardErrors, compare, contributions, equal_factors, nested_test, outliers, profile,
        separability,
    };
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::shards::{answer, fit_shards};
    #[pymodule_export]
    use super::study::study;

    #[pymodule_export]
    const VERSION: &str = kronfit::VERSION;
}
