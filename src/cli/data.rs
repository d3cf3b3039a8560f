//! `kronfit datasets`, and the data arguments that commands share.

use super::Done;
use super::progress::{complain, say};
use crate::data::{Names, Sample};
use crate::io::{self, Columns, ReadOptions};
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use std::path::Path;
use std::str::FromStr;

/// Where the sample comes from.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// A .npy (n,p,q), .npz or long .csv (sample,row,col,value) file, - for standard input, or the
    /// name of a bundled dataset (see `kronfit datasets`).
    #[arg(value_name = "DATA")]
    pub(super) data: String,
    /// Array of an .npz file [default: the only or the first 3-d array].
    #[arg(long, value_name = "NAME")]
    pub(super) key: Option<String>,
    /// Names of the columns of a .csv file, where they are others than sample,row,col,value: for
    /// instance sample=subject,row=channel.
    #[arg(long, value_name = "WHAT=NAME,…", default_value = "", hide_default_value = true)]
    pub(super) columns: ColumnNames,
    /// The .csv file has a line for each row of a sample: columns sample and row, and one for each
    /// column of the matrices.
    #[arg(long)]
    pub(super) wide: bool,
}

/// The columns of a csv file, from "sample=subject,row=channel".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ColumnNames(Columns);

impl FromStr for ColumnNames {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut columns = Columns::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let slot = match part.split_once('=') {
                Some(("sample", name)) => Some((&mut columns.sample, name)),
                Some(("row", name)) => Some((&mut columns.row, name)),
                Some(("col" | "column", name)) => Some((&mut columns.col, name)),
                Some(("value", name)) => Some((&mut columns.value, name)),
                _ => None,
            };
            match slot {
                Some((slot, name)) if !name.is_empty() && slot.is_none() => {
                    *slot = Some(name.to_owned());
                }
                _ => {
                    return Err(
                        "sample=NAME, row=NAME, col=NAME and value=NAME are needed, each at \
                                most once, separated by commas"
                            .to_owned(),
                    );
                }
            }
        }
        Ok(Self(columns))
    }
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

    /// The sample, complete, for commands that take all samples alike.
    pub(super) fn load_alike(&self) -> Result<Sample> {
        let sample = self.load()?;
        if io::read_beside(&self.data, sample.dim().0)? != io::Beside::default() {
            complain("note: the weights or covariates in the file are not used by this command");
        }
        Ok(sample)
    }

    /// The sample, with missing cells where they are welcome.
    pub(super) fn load_with(&self, missing: Missing) -> Result<Sample> {
        self.read(&self.data, self.key.clone(), missing)
    }

    /// Another sample, complete, that is read like this one.
    pub(super) fn load_other(&self, data: &str) -> Result<Sample> {
        self.read(data, None, Missing::Refuse)
    }

    fn read(&self, data: &str, key: Option<String>, missing: Missing) -> Result<Sample> {
        let options = ReadOptions { key, columns: self.columns.0.clone(), wide: self.wide };
        let sample = io::load(data, &options)?;
        for note in sample.notes() {
            complain(&format!("note: {note}"));
        }
        if missing == Missing::Refuse {
            sample.require_complete()?;
        }
        Ok(sample)
    }

    /// The file of the data, if it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        let bundled = io::datasets().iter().any(|dataset| dataset.name == self.data);
        (!bundled && self.data != "-").then(|| Path::new(&self.data))
    }
}

/// No names, for data that are not in memory.
pub(super) fn nameless() -> Names {
    Names::default()
}

/// Refuses outputs that would overwrite an input, or each other.
///
/// Each file comes with the words for it, such as `--json`.
pub(super) fn require_distinct(inputs: &[&Path], outputs: &[(&str, Option<&Path>)]) -> Result<()> {
    let mut seen: Vec<(std::path::PathBuf, String)> =
        inputs.iter().map(|path| (whole(path), "the input".to_owned())).collect();
    for (what, path) in outputs {
        let Some(path) = path.filter(|path| *path != Path::new("-") && !is_device(path)) else {
            continue;
        };
        let place = whole(path);
        if let Some((_, other)) = seen.iter().find(|(there, _)| same(there, &place)) {
            return Err(Error::file(
                path,
                format!("is both {other} and the output of {what}; give it another name"),
            ));
        }
        seen.push((place, format!("the output of {what}")));
    }
    Ok(())
}

fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// The path without links and dots, also of a file that is not there yet.
fn whole(path: &Path) -> std::path::PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name))
    })
}

/// Are two whole paths one file, also by hard links?
fn same(a: &Path, b: &Path) -> bool {
    if a == b {
        return true;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let number = |path: &Path| path.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
        number(a).is_some_and(|here| number(b) == Some(here))
    }
    #[cfg(not(unix))]
    false
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
