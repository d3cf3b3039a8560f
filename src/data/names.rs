//! Names of samples, rows and columns.

use crate::{Error, Result, text};

/// Names along the three axes of a sample; each list is empty where there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names of the n samples.
    pub samples: Vec<String>,
    /// Names of the p rows.
    pub rows: Vec<String>,
    /// Names of the q columns.
    pub cols: Vec<String>,
}

impl Names {
    /// Do the lists fit an array (n, p, q)?
    ///
    /// # Errors
    /// [`Error::Shape`] names the list of the wrong length.
    pub(super) fn check(&self, source: &str, (n, p, q): (usize, usize, usize)) -> Result<()> {
        let lists =
            [("sample", &self.samples, n), ("row", &self.rows, p), ("column", &self.cols, q)];
        for (what, names, length) in lists {
            if !names.is_empty() && names.len() != length {
                return Err(Error::shape(
                    format!("the list of {what} names of {source}"),
                    format!("{length} names"),
                    names.len(),
                ));
            }
        }
        Ok(())
    }

    /// A cell in words, by names, or by zero-based indices where there are no names.
    pub fn cell(&self, [sample, row, col]: [usize; 3]) -> [String; 3] {
        [name_of(&self.samples, sample), name_of(&self.rows, row), name_of(&self.cols, col)]
    }
}

/// Entry `index` by its name, or by its zero-based index where there is no name.
///
/// ```
/// use kronfit::data::name_of;
/// assert_eq!(name_of(&["a".to_owned()], 0), "a");
/// assert_eq!(name_of(&[], 7), "7");
/// ```
pub fn name_of(names: &[String], index: usize) -> String {
    names.get(index).map_or_else(|| index.to_string(), |name| text::label(name))
}
