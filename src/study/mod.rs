//! Simulation: one sample from a known truth, and studies of estimators on many of them.
//!
//! A [`Study`] is a factorial design (sizes × laws × structures × contamination: the
//! [`Scenario`]s) × estimators × replicates. Replicate r of scenario s is drawn from the ChaCha20
//! stream r of the key (seed, s), and every estimator sees the same sample, so differences
//! between estimators are paired. Nothing depends on the number of threads, on the order in which
//! replicates finish, or on how the work was shared out to machines.
//!
//! Estimators of the user's own take part through [`Estimator`]:
//!
//! ```
//! use kronfit::data::Sample;
//! use kronfit::study::{Estimate, Estimator, ModelEstimator, RunOptions, Scenario, Study};
//! use kronfit::estimate::Factors;
//! use ndarray::Array2;
//! use std::sync::Arc;
//!
//! struct Identity;
//! impl Estimator for Identity {
//!     fn name(&self) -> &str { "identity" }
//!     fn estimate(&self, sample: &Sample) -> kronfit::Result<Estimate> {
//!         let (_, p, q) = sample.dim();
//!         Ok(Estimate::of(Factors { sigma2: 1.0, row: Array2::eye(p), col: Array2::eye(q) }))
//!     }
//! }
//! let study = Study::new("example", 1, 5)
//!     .scenario(Scenario::gaussian(20, 3, 2))
//!     .estimator(Arc::new(Identity))
//!     .estimator(Arc::new(ModelEstimator::gaussian("mle")));
//! let results = study.run_in_memory(&RunOptions::default())?;
//! // The truth is the identity: the first estimator makes no error at all.
//! let summary = results.summary();
//! assert_eq!(summary.cell(0, 0).mean("frobenius").unwrap(), 0.0);
//! assert!(summary.cell(0, 1).mean("frobenius").unwrap() > 0.0);
//! # Ok::<(), kronfit::Error>(())
//! ```

mod contamination;
mod coverage;
mod design;
mod estimator;
mod factor;
mod file;
mod folder;
mod journal;
mod measures;
mod noise;
mod results;
mod row;
mod runner;
mod simulate;
mod summary;
mod target;

pub use crate::family::stream;
pub use contamination::{Contamination, ContaminationKind};
pub use design::{LawSpec, Scenario, Study};
pub use estimator::{Estimate, Estimator, ModelEstimator, TylerEstimator};
pub use factor::FactorSpec;
pub use folder::{Ended, merge};
pub use measures::{MEASURES, Measured};
pub use results::Results;
pub use row::Row;
pub use runner::{Progress, RunOptions, Shard};
pub use simulate::{Simulated, Truth};
pub use summary::{Cell, Summary};
pub use target::Target;
