//! Datasets that come with the crate.

use super::npz::Npz;
use super::place::{Place, list};
use crate::data::Sample;
use crate::{Error, Result};
use serde::Serialize;
use std::io::Cursor;
use std::path::Path;

/// A dataset that comes with the crate; `datasets/README.md` has more on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Dataset {
    /// Name to read it by.
    pub name: &'static str,
    /// (n, p, q).
    pub shape: (usize, usize, usize),
    /// What samples, rows and columns are, with units.
    pub description: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Terms of use.
    pub licence: &'static str,
    /// File in the folder `datasets`.
    pub file: &'static str,
    #[serde(skip)]
    bytes: &'static [u8],
}

macro_rules! embedded {
    ($file:literal) => {
        include_bytes!(concat!("../../datasets/", $file))
    };
}

static DATASETS: [Dataset; 4] = [
    Dataset {
        name: "us-macro",
        shape: (49, 4, 8),
        description: "US economy: years 1960 to 2008 × quarters × growth of seven series (per \
                      cent per quarter) and change of unemployment (percentage points)",
        source: "Federal Reserve Bank of St. Louis, by way of statsmodels (macrodata)",
        licence: "public domain",
        file: "us-macro.npz",
        bytes: embedded!("us-macro.npz"),
    },
    Dataset {
        name: "digits",
        shape: (1797, 8, 8),
        description: "Handwritten digits: images × pixel rows × pixel columns (ink, 0 to 16); \
                      the digit itself is in the array labels",
        source: "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (1998), \
                 by way of scikit-learn (load_digits)",
        licence: "CC BY 4.0",
        file: "digits.npz",
        bytes: embedded!("digits.npz"),
    },
    Dataset {
        name: "grunfeld",
        shape: (11, 20, 3),
        description: "Investment: US firms × years 1935 to 1954 × gross investment, market value, \
                      capital stock (millions of 1947 dollars)",
        source: "Y. Grunfeld (1958), by way of statsmodels (grunfeld)",
        licence: "public domain",
        file: "grunfeld.npz",
        bytes: embedded!("grunfeld.npz"),
    },
    Dataset {
        name: "simulated-t",
        shape: (200, 6, 4),
        description: "Simulated matrix-variate t, 4 degrees of freedom, AR(1) rows with 0.6; the \
                      truth is in the arrays mean, row_scale, col_scale, dof",
        source: "datasets/make_simulated_t.py",
        licence: "CC0 1.0",
        file: "simulated-t.npz",
        bytes: embedded!("simulated-t.npz"),
    },
];

/// The bundled datasets.
///
/// ```
/// let names: Vec<_> = kronfit::io::datasets().iter().map(|d| d.name).collect();
/// assert_eq!(names, ["us-macro", "digits", "grunfeld", "simulated-t"]);
/// ```
pub fn datasets() -> &'static [Dataset] {
    &DATASETS
}

pub(super) fn find(name: &str) -> Option<&'static Dataset> {
    DATASETS.iter().find(|dataset| dataset.name == name)
}

/// Names for messages.
pub(super) fn names() -> String {
    list(&DATASETS.iter().map(|dataset| dataset.name.to_owned()).collect::<Vec<_>>())
}

/// The bundled dataset of that name.
///
/// # Errors
/// [`Error::Domain`] when there is none of that name.
///
/// ```
/// let sample = kronfit::io::read_dataset("us-macro")?;
/// assert_eq!(sample.dim(), (49, 4, 8));
/// assert_eq!(sample.row_names(), ["Q1", "Q2", "Q3", "Q4"]);
/// # Ok::<(), kronfit::Error>(())
/// ```
pub fn read_dataset(name: &str) -> Result<Sample> {
    find(name)
        .ok_or_else(|| {
            Error::domain(
                "the name of the dataset",
                super::place::shorten(name),
                format!("one of {}", names()),
            )
        })?
        .read(None)
}

impl Dataset {
    /// The file's bytes.
    pub(super) fn bytes(&self) -> &'static [u8] {
        self.bytes
    }

    /// The sample under `key`, or the first 3-d array.
    pub(super) fn read(&self, key: Option<&str>) -> Result<Sample> {
        let place = Place::file(Path::new(self.name));
        Npz::open(Cursor::new(self.bytes), self.bytes.len() as u64, place)?.sample(key)
    }
}
