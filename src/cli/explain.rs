//! Weights and covariates of the samples, shared by the commands that fit.

use super::model::at_flag;
use crate::data::{Design, Sample, Weights};
use crate::io;
use crate::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};

/// What the samples count and what explains their means.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Frequency weights, one for each sample: it stands for so many of its like [default: the array
    /// weights of the .npz file, if there is one].
    #[arg(long, value_name = "FILE", conflicts_with = "precision_weights")]
    weights: Option<PathBuf>,
    /// Precision weights, one for each sample: its covariance is A ⊗ B divided by it [default: the
    /// array precision_weights of the .npz file, if there is one].
    #[arg(long, value_name = "FILE")]
    precision_weights: Option<PathBuf>,
    /// Covariates: a .npy matrix (n × m), taken as it is, or a .csv table with a header and a line for
    /// each sample; a column sample matches them by label [default: the array design of the .npz
    /// file, if there is one].
    #[arg(long, value_name = "FILE")]
    covariates: Option<PathBuf>,
    /// Which columns of the table explain the mean, and how: \"1 + dose + group\" (1 is the intercept,
    /// a:b and a*b are interactions) [default: the intercept and every column].
    #[arg(long, value_name = "FORMULA", requires = "covariates")]
    formula: Option<String>,
}

impl ExplainArgs {
    /// The files that are read.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.weights, &self.precision_weights, &self.covariates]
            .into_iter()
            .filter_map(|file| file.as_deref())
    }

    /// Is nothing asked for?
    pub(super) fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    /// The sample with its weights and covariates, from the flags or from beside the data.
    pub(super) fn apply(&self, mut sample: Sample, data: &str) -> Result<Sample> {
        let n = sample.dim().0;
        let beside = io::read_beside(data, n)?;
        let weights = match (&self.weights, &self.precision_weights) {
            (Some(file), _) => Weights::Frequency(vector(file, &sample)?),
            (_, Some(file)) => Weights::Precision(vector(file, &sample)?),
            (None, None) => match (beside.weights, beside.precision_weights) {
                (Some(_), Some(_)) => {
                    return Err(Error::Unsupported {
                        what: format!("{data} holds both weights and precision_weights"),
                        remedy: "keep one of the two arrays".to_owned(),
                    });
                }
                (Some(weights), None) => Weights::Frequency(weights.to_vec()),
                (None, Some(weights)) => Weights::Precision(weights.to_vec()),
                (None, None) => Weights::None,
            },
        };
        if weights != Weights::None {
            sample = sample.with_weights(weights)?;
        }
        let design = match &self.covariates {
            Some(file) => Some(self.design(file, &sample)?),
            None => beside.design.map(|matrix| named(matrix, beside.design_names)).transpose()?,
        };
        match design {
            Some(design) => sample.with_design(design),
            None => Ok(sample),
        }
    }

    fn design(&self, file: &Path, sample: &Sample) -> Result<Design> {
        let is_table = file.extension().is_none_or(|e| !(e == "npy" || e == "npz"));
        if !is_table {
            if self.formula.is_some() {
                return Err(Error::Unsupported {
                    what: format!("--formula with {}, whose columns have no names", file.display()),
                    remedy: "give a .csv table with a header, or leave the formula out".to_owned(),
                });
            }
            return named(io::read_matrix(file)?, Vec::new());
        }
        let table = io::read_sheet(file)?.matched(sample)?;
        let all = || {
            let columns = table.header().iter().map(String::as_str);
            ["1"].into_iter().chain(columns.filter(|name| *name != "sample")).collect::<Vec<_>>()
        };
        let formula = self.formula.clone().unwrap_or_else(|| all().join(" + "));
        at_flag("--formula", table.design(&formula))
    }
}

fn named(matrix: ndarray::Array2<f64>, names: Vec<String>) -> Result<Design> {
    let names = match names.is_empty() {
        true => (0..matrix.ncols()).map(|k| format!("z{k}")).collect(),
        false => names,
    };
    Design::columns(names, matrix)
}

/// One number for each sample: of a table with a column of labels those that match, else in order.
fn vector(file: &Path, sample: &Sample) -> Result<Vec<f64>> {
    let is_table = file.extension().is_none_or(|e| !(e == "npy" || e == "npz"));
    if is_table
        && let Ok(table) = io::read_sheet(file)
        && table.samples().is_some()
    {
        let table = table.matched(sample)?;
        let others: Vec<&String> = table.header().iter().filter(|h| *h != "sample").collect();
        return match others.as_slice() {
            [one] => Ok(table.numbers(one)?.to_vec()),
            _ => Err(Error::file(file, "needs one column of weights beside the column sample")),
        };
    }
    Ok(io::read_vector(file)?.to_vec())
}
