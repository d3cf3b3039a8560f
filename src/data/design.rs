//! What explains the mean of every sample: covariates z_i with X_i = Σ_k z_ik Θ_k + E_i.

use crate::linalg::{Qr, require_finite};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis};

/// Covariates of n samples: a matrix (n × m) of full column rank, whose columns have names, some of
/// them together a term (the dummies of a categorical one).
///
/// ```
/// use kronfit::data::Design;
/// let dose = ndarray::array![[1.0, 0.5], [1.0, 1.5], [1.0, 2.0]];
/// let design = Design::columns(vec!["1".into(), "dose".into()], dose)?;
/// assert_eq!(design.names(), ["1", "dose"]);
/// let groups = Design::groups("drug", &["a", "b", "a"])?;
/// assert_eq!(groups.names(), ["drug=a", "drug=b"]);
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    matrix: Array2<f64>,
    names: Vec<String>,
    /// The term of every column.
    terms: Vec<String>,
}

impl Design {
    /// Every column a term of its own.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of names than columns, or none; [`Error::NonFinite`];
    /// [`Error::Degenerate`] naming a column that the others explain.
    pub fn columns(names: Vec<String>, matrix: Array2<f64>) -> Result<Self> {
        Self::of_terms(names.clone(), names, matrix)
    }

    /// An intercept: what a mean without covariates is.
    pub fn intercept(n: usize) -> Self {
        let names = vec!["1".to_owned()];
        Self { matrix: Array2::ones((n, 1)), terms: names.clone(), names }
    }

    /// One mean per group, one-hot, groups in the order in which they appear.
    ///
    /// # Errors
    /// [`Error::Shape`] without labels.
    pub fn groups(name: &str, labels: &[impl AsRef<str>]) -> Result<Self> {
        let mut found: Vec<&str> = Vec::new();
        for label in labels {
            if !found.contains(&label.as_ref()) {
                found.push(label.as_ref());
            }
        }
        let at = |(i, k): (usize, usize)| if labels[i].as_ref() == found[k] { 1.0 } else { 0.0 };
        let matrix = Array2::from_shape_fn((labels.len(), found.len()), at);
        let names = found.iter().map(|label| format!("{name}={label}")).collect();
        Self::of_terms(names, vec![name.to_owned(); found.len()], matrix)
    }

    /// Columns with their names and terms.
    pub(crate) fn of_terms(
        names: Vec<String>,
        terms: Vec<String>,
        matrix: Array2<f64>,
    ) -> Result<Self> {
        let (n, m) = matrix.dim();
        if m == 0 || n == 0 || names.len() != m {
            let expected = format!("at least one sample and {} named columns", names.len().max(1));
            return Err(Error::shape("the design", expected, (n, m)));
        }
        require_finite("the design", &matrix)?;
        if let Some(column) = Qr::of(matrix.view()).dependent() {
            let name = &names[column];
            let others: Vec<&str> =
                names.iter().filter(|other| *other != name).map(String::as_str).collect();
            let what = if matrix.column(column).iter().all(|x| *x == 0.0) {
                format!("the column \"{name}\" of the design is 0 everywhere")
            } else if n < m {
                format!("the design has {m} columns for {n} samples")
            } else {
                format!(
                    "the column \"{name}\" of the design is explained by the others ({})",
                    others.join(", ")
                )
            };
            let remedy = "leave it out: its coefficients cannot be told apart".to_owned();
            return Err(Error::Degenerate { what, remedy });
        }
        let matrix = if matrix.is_standard_layout() {
            matrix
        } else {
            matrix.as_standard_layout().into_owned()
        };
        Ok(Self { matrix, names, terms })
    }

    /// z (n × m).
    pub fn matrix(&self) -> ArrayView2<'_, f64> {
        self.matrix.view()
    }

    /// Names of the m columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns of some terms, by the name of a term or of a column.
    ///
    /// # Errors
    /// [`Error::Domain`] for a name that is not there.
    pub fn term(&self, names: &[&str]) -> Result<Vec<usize>> {
        let mut columns = Vec::new();
        for name in names {
            let is = |k: &usize| self.terms[*k] == *name || self.names[*k] == *name;
            let found: Vec<usize> = (0..self.names.len()).filter(is).collect();
            if found.is_empty() {
                let mut allowed = self.terms.clone();
                allowed.dedup();
                return Err(Error::domain(
                    "a term of the design",
                    format!("\"{name}\""),
                    format!("one of {}", allowed.join(", ")),
                ));
            }
            columns.extend(found);
        }
        columns.sort_unstable();
        columns.dedup();
        Ok(columns)
    }

    /// Without some columns; `None` where nothing is left.
    pub fn without(&self, columns: &[usize]) -> Option<Self> {
        let kept: Vec<usize> = (0..self.names.len()).filter(|k| !columns.contains(k)).collect();
        if kept.is_empty() {
            return None;
        }
        let pick = |all: &[String]| kept.iter().map(|&k| all[k].clone()).collect();
        let matrix = self.matrix.select(Axis(1), &kept).as_standard_layout().into_owned();
        Some(Self { matrix, names: pick(&self.names), terms: pick(&self.terms) })
    }
}
