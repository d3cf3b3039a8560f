//! `kronfit core`: between separable and unstructured.

use super::Done;
use super::data::DataArgs;
use super::progress::say;
use super::shrink::rule;
use crate::Result;
use crate::estimate::{FitOptions, Normalisation};
use crate::inference::core;
use crate::io;
use crate::model::Mean;
use crate::report::{FitRecord, to_json};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct CoreArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Mean: free or zero.
    #[arg(long, value_name = "MEAN", default_value = "free")]
    mean: Mean,
    /// Shrinkage of the separable part, as for `kronfit fit`; none: maximum likelihood.
    #[arg(long, value_name = "RULE", default_value = "auto")]
    shrink: String,
    /// Write the result as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
}

/// What is written.
#[derive(Serialize)]
struct Record {
    weight: f64,
    dof: usize,
    separable: bool,
    core_eigenvalues: Vec<f64>,
    covariance: Vec<Vec<f64>>,
    fit: FitRecord,
}

pub(super) fn run(args: &CoreArgs, quiet: bool) -> Result<Done> {
    let sample = args.data.load()?;
    let options = FitOptions { shrink: rule(&args.shrink)?, ..FitOptions::default() };
    let core = core(&sample, &args.mean, &options)?;
    let to_stdout = args.json.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if !quiet && !to_stdout {
        let (n, p, q) = sample.dim();
        say(&format!(
            "Core shrinkage of {}: n = {n} samples of {p} × {q}\n  \
             weight of A ⊗ B  {:.4}  (1: separable, 0: unstructured)\n  \
             core eigenvalues {:.4} to {:.4} around 1, {} degrees of freedom\n  {}",
            sample.source(),
            core.weight,
            core.eigenvalues.last().copied().unwrap_or(f64::NAN),
            core.eigenvalues.first().copied().unwrap_or(f64::NAN),
            core.dof,
            if core.separable {
                "as far as these data tell, the covariance is separable"
            } else {
                "the data depart from a separable covariance; see also kronfit test separability"
            }
        ))?;
    }
    if let Some(path) = &args.json {
        let record = Record {
            weight: core.weight,
            dof: core.dof,
            separable: core.separable,
            core_eigenvalues: core.eigenvalues,
            covariance: core.covariance.outer_iter().map(|row| row.to_vec()).collect(),
            fit: FitRecord::new(&core.fit, Normalisation::Trace),
        };
        let json = to_json(&record)?;
        if to_stdout { say(&json)? } else { io::write_text(path, &json)? }
    }
    Ok(Done::Fully)
}
