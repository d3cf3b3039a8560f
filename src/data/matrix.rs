//! A matrix with names, and matching by name.

use super::sample::Sample;
use crate::text::label;
use crate::{Error, Result};
use ndarray::{Array2, Axis};
use std::collections::HashMap;

/// A matrix whose rows and columns may have names: a known factor, a known mean, a design.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedMatrix {
    /// The numbers.
    pub values: Array2<f64>,
    /// Names of the rows; empty when there are none.
    pub row_names: Vec<String>,
    /// Names of the columns; empty when there are none.
    pub col_names: Vec<String>,
    /// Where it came from, for messages.
    pub source: String,
}

impl NamedMatrix {
    /// The matrix with rows and columns in the order of these names. A side that has no names here
    /// or there keeps its order.
    ///
    /// ```
    /// use kronfit::data::NamedMatrix;
    /// use ndarray::arr2;
    /// let names = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
    /// let known = NamedMatrix {
    ///     values: arr2(&[[1.0, 0.5], [0.5, 2.0]]),
    ///     row_names: names(&["b", "a"]),
    ///     col_names: names(&["b", "a"]),
    ///     source: "A.csv".to_owned(),
    /// };
    /// let data = names(&["a", "b"]);
    /// assert_eq!(known.matched(&data, &data)?, arr2(&[[2.0, 0.5], [0.5, 1.0]]));
    /// let error = known.matched(&names(&["a", "c"]), &[]).unwrap_err().to_string();
    /// assert!(error.starts_with("the row names of A.csv do not agree with those of the data"));
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Names`] when the names are not the same set.
    pub fn matched(&self, rows: &[String], cols: &[String]) -> Result<Array2<f64>> {
        let subject = |side: &str| format!("the {side} names of {}", self.source);
        let row_order = order_of(&subject("row"), &self.row_names, "the data", rows)?;
        let col_order = order_of(&subject("column"), &self.col_names, "the data", cols)?;
        let mut values = self.values.clone();
        for (axis, order) in [(Axis(0), row_order), (Axis(1), col_order)] {
            if let Some(order) = order {
                values = values.select(axis, &order);
            }
        }
        Ok(values)
    }
}

impl Sample {
    /// The same matrices with rows and columns in the order of these names, which are those of
    /// `whose`. A side that has no names here or there keeps its order.
    ///
    /// # Errors
    /// [`Error::Names`] when the names are not the same set.
    pub fn matched(&self, rows: &[String], cols: &[String], whose: &str) -> Result<Self> {
        let subject = |side: &str| format!("the {side} names of {}", self.source());
        let row_order = order_of(&subject("row"), self.row_names(), whose, rows)?;
        let col_order = order_of(&subject("column"), self.col_names(), whose, cols)?;
        Ok(self.reordered(row_order.as_deref(), col_order.as_deref()))
    }
}

/// Positions of the `wanted` names among `names`; `None` where nothing has to move.
///
/// # Errors
/// [`Error::Names`] when the two are not the same set, or a name is there twice.
fn order_of(
    subject: &str,
    names: &[String],
    whose: &str,
    wanted: &[String],
) -> Result<Option<Vec<usize>>> {
    if names.is_empty() || wanted.is_empty() || names == wanted {
        return Ok(None);
    }
    let index = |names: &[String]| -> HashMap<String, usize> {
        names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect()
    };
    let (ours, theirs) = (index(names), index(wanted));
    let only = |of: &[String], not: &HashMap<String, usize>| -> Vec<String> {
        of.iter().filter(|name| !not.contains_key(*name)).map(|name| label(name)).collect()
    };
    let distinct = ours.len() == names.len() && theirs.len() == wanted.len();
    let position = |name: &String| ours.get(name).copied().filter(|_| distinct);
    match wanted.iter().map(position).collect::<Option<Vec<_>>>() {
        Some(order) if order.len() == names.len() => Ok(Some(order)),
        _ => Err(Error::Names {
            what: subject.to_owned(),
            whose: whose.to_owned(),
            here: only(names, &theirs),
            there: only(wanted, &ours),
        }),
    }
}
