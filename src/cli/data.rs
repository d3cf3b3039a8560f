//! `kronfit datasets`, and the data arguments that commands share.

use super::Done;
use super::progress::say;
use crate::Result;
use crate::data::Sample;
use crate::io::{self, ReadOptions};
use crate::report::{Align, Table};
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

/// Lists the bundled datasets.
pub(super) fn list() -> Result<Done> {
    let mut table = Table::new([
        ("name", Align::Left),
        ("n × p × q", Align::Right),
        ("licence", Align::Left),
        ("what", Align::Left),
        ("source", Align::Left),
    ]);
    for dataset in io::datasets() {
        let (n, p, q) = dataset.shape;
        let shape = format!("{n} × {p} × {q}");
        table.row([dataset.name, &shape, dataset.licence, dataset.description, dataset.source]);
    }
    say(&table.to_string())?;
    Ok(Done::Fully)
}
