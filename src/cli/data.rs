//! `kronfit datasets`, and the data arguments that commands share.

use super::Done;
use super::progress::say;
use crate::Result;
use crate::data::Sample;
use crate::io::{self, ReadOptions};
use clap::Args;

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

impl DataArgs {
    pub(super) fn load(&self) -> Result<Sample> {
        io::load(&self.data, &ReadOptions { key: self.key.clone() })
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
