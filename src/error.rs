//! The one error type: each variant is a fact that names the thing, the place and the remedy.

use crate::text;
use std::path::PathBuf;

/// Result with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong, as facts a caller can match on.
///
/// The printed sentence names what is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array does not have the dimensions that the operation needs.
    #[error("{what} has shape {found}, but {expected} is needed")]
    Shape {
        /// The array at fault.
        what: String,
        /// The shape that was needed.
        expected: String,
        /// The shape that was given.
        found: String,
    },
    /// A NaN or an infinity where a finite number is needed.
    #[error("{what} holds {value} at index {index:?}; remove or replace it")]
    NonFinite {
        /// The array at fault.
        what: String,
        /// The value found.
        value: f64,
        /// Zero-based index of the first such entry.
        index: Vec<usize>,
    },
    /// A missing cell where complete data are needed.
    #[error(
        "{what}: the value of sample {sample}, row {row}, col {col} is missing{}; fill it in, or leave the sample out",
        and_more(*count)
    )]
    Missing {
        /// Where the data came from.
        what: String,
        /// Name or zero-based index of the sample.
        sample: String,
        /// Name or zero-based index of the row.
        row: String,
        /// Name or zero-based index of the column.
        col: String,
        /// Number of missing cells.
        count: usize,
    },
    /// Names that must be the same set, in any order, are not.
    #[error(
        "{what} do not agree with those of {whose}{}; rename them, or leave the names out",
        difference(here, there)
    )]
    Names {
        /// The names at fault.
        what: String,
        /// What they are compared with.
        whose: String,
        /// Names that are only here.
        here: Vec<String>,
        /// Names that are only there.
        there: Vec<String>,
    },
    /// A matrix that must be symmetric positive definite is not.
    #[error("{what} is not positive definite (its leading minor of order {minor} is not positive)")]
    NotPositiveDefinite {
        /// The matrix at fault.
        what: String,
        /// Order of the first leading minor that is not positive.
        minor: usize,
    },
    /// A matrix that must be symmetric is not.
    #[error(
        "{what} is not symmetric: entries ({row}, {col}) and ({col}, {row}) differ by {difference:.3e}"
    )]
    NotSymmetric {
        /// The matrix at fault.
        what: String,
        /// Row of the worst pair.
        row: usize,
        /// Column of the worst pair.
        col: usize,
        /// Size of the difference.
        difference: f64,
    },
    /// Numbers that do not fit into the memory of the machine.
    #[error("{what} is {size}, more than there is room for ({room} in memory); make it smaller")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// Its size.
        size: String,
        /// The memory there is.
        room: String,
    },
    /// A matrix that must be inverted is singular.
    #[error("{what} is singular")]
    Singular {
        /// The matrix at fault.
        what: String,
    },
    /// Too few samples for the maximum likelihood estimate to exist.
    #[error(
        "{what}: n = {n} samples of {p} × {q} are too few, the likelihood has no maximum; at least n = {required} is needed{because}; or shrink the fit (--shrink auto), which then exists for every n beyond what the mean takes"
    )]
    TooFewSamples {
        /// Where the samples came from.
        what: String,
        /// Number of samples given.
        n: usize,
        /// Smallest number of samples for which the estimate exists.
        required: usize,
        /// Rows of a sample.
        p: usize,
        /// Columns of a sample.
        q: usize,
        /// Extra explanation, empty or starting with a space.
        because: String,
    },
    /// The data carry no information on a direction the model needs (constant rows, duplicates, …).
    #[error("{what}; {remedy}")]
    Degenerate {
        /// What was found, with its place.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A number outside of its domain.
    #[error("{what} is {value}, but must be {allowed}")]
    Domain {
        /// The quantity at fault.
        what: String,
        /// The value given.
        value: String,
        /// The values allowed.
        allowed: String,
    },
    /// A combination of options that does not make sense or is not available.
    #[error("{what}; {remedy}")]
    Unsupported {
        /// The combination at fault.
        what: String,
        /// What to use instead.
        remedy: String,
    },
    /// A file that could not be opened, read or created.
    #[error("{}: {reason}", text::path(path))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system or the format said, with the remedy.
        reason: String,
    },
    /// A fault at a position of a text file.
    #[error("{}:{line}: {reason}", text::path(path))]
    Parse {
        /// The file.
        path: PathBuf,
        /// One-based line.
        line: u64,
        /// What is wrong there, with the remedy.
        reason: String,
    },
    /// A LAPACK routine reported a failure that has no better name here.
    #[error("the linear algebra routine for {what} failed: {reason}")]
    Lapack {
        /// What was being computed.
        what: String,
        /// What the routine said.
        reason: String,
    },
    /// The work was stopped from outside (Ctrl-C, an observer, a time limit).
    #[error("stopped: {reason}")]
    Interrupted {
        /// Who stopped it.
        reason: String,
    },
}

/// How many more cells there are, in words.
fn and_more(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    }
}

/// Names that two lists do not share, in words.
fn difference(here: &[String], there: &[String]) -> String {
    const MOST: usize = 8;
    let list = |names: &[String]| {
        let more = names.len().saturating_sub(MOST);
        let shown = names[..names.len() - more].join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    };
    match (here.is_empty(), there.is_empty()) {
        (true, true) => " (a name is there twice)".to_owned(),
        (false, true) => format!(" (only here: {})", list(here)),
        (true, false) => format!(" (only there: {})", list(there)),
        (false, false) => format!(" (only here: {}; only there: {})", list(here), list(there)),
    }
}

impl Error {
    /// Shape error from anything that prints.
    pub fn shape(
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl std::fmt::Debug,
    ) -> Self {
        Self::Shape { what: what.into(), expected: expected.into(), found: format!("{found:?}") }
    }

    /// Domain error from anything that prints.
    pub fn domain(
        what: impl Into<String>,
        value: impl std::fmt::Display,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Domain { what: what.into(), value: value.to_string(), allowed: allowed.into() }
    }

    /// File error from anything that prints.
    pub fn file(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::File { path: path.into(), reason: reason.to_string() }
    }
}
