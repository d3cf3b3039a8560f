//! What a statistician asks after the fit: standard errors, intervals, tests, outliers.
//!
//! ```
//! use kronfit::inference::{SeparabilityOptions, separability};
//! use kronfit::{io, model::Model};
//!
//! let sample = io::load("us-macro", &io::ReadOptions::default())?;
//! let fit = Model::gaussian().fit(&sample)?;
//! let errors = fit.on(&sample)?.standard_errors()?;
//! assert!(errors.sigma2 > 0.0);
//! let test = separability(&sample, &SeparabilityOptions::default())?;
//! assert_eq!(test.df, 32 * 33 / 2 - (10 + 36 - 1));
//! # Ok::<(), kronfit::Error>(())
//! ```

mod bootstrap;
mod coefficients;
mod compare;
mod core;
mod degrees;
mod discriminant;
mod fitted;
mod frame;
mod groups;
mod information;
mod likelihood_ratio;
mod linear_hypothesis;
mod order;
mod outliers;
mod parameters;
mod profile;
mod richardson;
mod score;
mod separability;
mod standard_errors;
mod test_result;

pub use crate::structure::IntervalScale;
pub use bootstrap::{BootstrapOptions, simulate_fit, stream};
pub use coefficients::{Coefficient, Coefficients};
pub use compare::{Compared, ComparedFit, Order, compare, sort_compared};
pub use core::{Core, core};
pub use discriminant::{
    Class, CrossValidation, Discriminant, Prediction, Priors, Rule, WeightMap, classes_of,
};
pub use fitted::Fitted;
pub use groups::{Shared, equal_factors};
pub use information::{Information, InformationKind};
pub use likelihood_ratio::nested_test;
pub use linear_hypothesis::linear_hypothesis;
pub use order::order_used;
pub use outliers::{Contributions, Distance, Outliers, benjamini_hochberg, holm};
pub use profile::{Profile, ProfileOptions};
pub use score::{SampleScore, Scores, score};
pub use separability::{
    SeparabilityOptions, separability, separability_factor, unstructured_log_likelihood,
};
pub use standard_errors::{ErrorOptions, Gradient, Interval, StandardErrors};
pub use test_result::{Bootstrap, Corrected, Reference, TestResult};
