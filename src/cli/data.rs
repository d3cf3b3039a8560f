//! `kronfit datasets`, and the data arguments that commands share.

use super::Done;
use super::progress::say;
use crate::Result;
use crate::data::Sample;
use crate::io::{self, ReadOptions};
use clap::{Args, ValueEnum};

/// Where the sample comes from.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// A .npy (n,p,q), .npz or long .csv (sample,row,col,value) file, or the name of a bundled
    /// dataset (see `kronfit datasets`).
    #[arg(value_name = "DATA")]
    pub(super) data: String,
    /// Array of an .npz file [default: the only or the first 3-d array].
    #[arg(long, value_name = "NAME")]
    pub(super) key: Option<String>,
}

/// What is done about cells that hold no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Missing {
    /// The fit takes them as missing.
    #[default]
    Auto,
    /// They are an error.
    Refuse,
}

impl DataArgs {
    /// The sample, complete.
    pub(super) fn load(&self) -> Result<Sample> {
        self.load_with(Missing::Refuse)
    }

    /// The sample, with missing cells where they are welcome.
    pub(super) fn load_with(&self, missing: Missing) -> Result<Sample> {
        let options = ReadOptions { key: self.key.clone(), ..ReadOptions::default() };
        let sample = io::load(&self.data, &options)?;
        if missing == Missing::Refuse {
            sample.require_complete()?;
        }
        Ok(sample)
    }
}

/// Lists the bundled datasets, a short paragraph each.
pub(super) fn list() -> Result<Done> {
    let mut text = String::new();
    for dataset in io::datasets() {
        let (n, p, q) = dataset.shape;
        let io::Dataset { name, description, source, licence, .. } = dataset;
        text.push_str(&format!(
            "{name}  (n = {n} samples of {p} × {q})\n    {description}\n    source: {source}\n    \
             licence: {licence}\n\n"
        ));
    }
    text.push_str("Use a name where a file is expected: kronfit fit us-macro\n");
    say(&text)?;
    Ok(Done::Fully)
}
