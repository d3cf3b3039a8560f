//! One specification of a model, that people write and files hold.

use super::{Dof, Mean, Model};
use crate::data::Names;
use crate::family::LawName;
use crate::io;
use crate::structure::Structure;
use crate::{Error, Result};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Law, ν, structures and mean of a model: what command line, study files, reports and saved fits
/// read and write.
///
/// ```
/// use kronfit::model::ModelSpec;
/// let spec: ModelSpec = "law=matrix-t rows=ar1 cols=factor:2".parse()?;
/// assert_eq!(spec.to_string(), "law=matrix-t dof=estimate rows=ar1 cols=factor:2 mean=free");
/// let model = spec.model()?;
/// assert!(model.estimates_dof());
/// assert_eq!(model.spec()?.to_string(), spec.to_string());
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// The law.
    #[serde(default)]
    pub law: LawName,
    /// ν, for the t laws; estimated when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dof: Option<Dof>,
    /// Structure of A.
    #[serde(default)]
    pub rows: Structure,
    /// Structure of B.
    #[serde(default)]
    pub cols: Structure,
    /// The mean.
    #[serde(default)]
    pub mean: Mean,
}

impl ModelSpec {
    /// The parts of a specification by name.
    pub const KEYS: [&'static str; 5] = ["law", "dof", "rows", "cols", "mean"];

    /// A law with unstructured factors and a free mean; ν, where there is one, is estimated.
    pub fn new(law: LawName) -> Self {
        Self { law, ..Self::default() }
    }

    /// Sets one part from text: `law`, `dof` (a number or `estimate`), `rows` and `cols` (a
    /// structure, some of them with a file as `known:FILE`), `mean` (a name, `linear:C,D` with two files, or the file of a
    /// p × q matrix).
    ///
    /// # Errors
    /// [`Error::Domain`] with what is allowed; what a file says.
    pub fn set(&mut self, key: &str, text: &str) -> Result<()> {
        self.set_for(key, text, &Names::default())
    }

    /// [`ModelSpec::set`] for data with these names: matrices from files that have names, too,
    /// are brought into the order of the data.
    ///
    /// # Errors
    /// As [`ModelSpec::set`]; [`Error::Names`] for a file with other names.
    pub fn set_for(&mut self, key: &str, text: &str, names: &Names) -> Result<()> {
        match key {
            "law" => self.law = text.parse()?,
            "dof" => self.dof = Some(text.parse()?),
            "rows" => self.rows = structure_for(text, &names.rows)?,
            "cols" => self.cols = structure_for(text, &names.cols)?,
            "mean" => self.mean = mean_for(text, names)?,
            _ => {
                let allowed = "law, dof, rows, cols or mean";
                return Err(Error::domain("a part of a model", format!("\"{key}\""), allowed));
            }
        }
        Ok(())
    }

    /// The model.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a Gaussian with degrees of freedom.
    pub fn model(&self) -> Result<Model> {
        let dof = self.dof.unwrap_or_default();
        let model = match self.law {
            LawName::Gaussian if self.dof.is_some() => return Err(crate::family::no_dof()),
            LawName::Gaussian => Model::gaussian(),
            LawName::KroneckerT => Model::kronecker_t(dof),
            LawName::MatrixT => Model::matrix_t(dof),
        };
        Ok(model.rows(self.rows.clone()).cols(self.cols.clone()).mean(self.mean.clone()))
    }
}

impl Model {
    /// The specification of this model.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a law or a structure of the user's own, which no file can hold.
    pub fn spec(&self) -> Result<ModelSpec> {
        let own = |what: String| Error::Unsupported {
            what: format!("{what} is not built in, and cannot be written down"),
            remedy: "make the model in a program".to_owned(),
        };
        let law = LawName::of(self.law.as_ref())
            .ok_or_else(|| own(format!("the law \"{}\"", self.law.name())))?;
        for structure in [&self.rows, &self.cols] {
            if matches!(structure, Structure::Custom(_)) {
                return Err(own(format!("the structure \"{structure}\"")));
            }
        }
        let (rows, cols, mean) = (self.rows.clone(), self.cols.clone(), self.mean.clone());
        Ok(ModelSpec { law, dof: self.dof(), rows, cols, mean })
    }

    /// ν as the model has it: given, estimated, or none.
    pub fn dof(&self) -> Option<Dof> {
        match self.estimate_dof {
            true => Some(Dof::Estimate),
            false => self.law.dof().map(Dof::Fixed),
        }
    }
}

impl FromStr for ModelSpec {
    type Err = Error;

    /// Parts like `rows=ar1`, in any order, with spaces between them; what is left out is the
    /// default.
    fn from_str(text: &str) -> Result<Self> {
        let mut spec = Self::default();
        for part in text.split_whitespace() {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                let allowed = "like law=matrix-t dof=5 rows=ar1 cols=unstructured mean=free";
                Error::domain("a part of a model", format!("\"{part}\""), allowed)
            })?;
            spec.set(key, value)?;
        }
        spec.model()?;
        Ok(spec)
    }
}

impl fmt::Display for ModelSpec {
    /// What [`FromStr`] reads; matrices are not written out (`known`, `linear`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dof = self.law.has_dof().then(|| self.dof.unwrap_or_default());
        parts(f, self.law.name(), dof, &[&self.rows, &self.cols, &self.mean])
    }
}

impl fmt::Display for Model {
    /// As its [`ModelSpec`], with the names of a law and structures of the user's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        parts(f, self.law.name(), self.dof(), &[&self.rows, &self.cols, &self.mean])
    }
}

fn parts(
    f: &mut fmt::Formatter<'_>,
    law: &str,
    dof: Option<Dof>,
    [rows, cols, mean]: &[&dyn fmt::Display; 3],
) -> fmt::Result {
    write!(f, "law={law}")?;
    if let Some(dof) = dof {
        write!(f, " dof={dof}")?;
    }
    write!(f, " rows={rows} cols={cols} mean={mean}")
}

impl FromStr for Dof {
    type Err = Error;

    /// A number, or `estimate`.
    fn from_str(text: &str) -> Result<Self> {
        match (text, text.parse()) {
            ("estimate", _) => Ok(Self::Estimate),
            (_, Ok(dof)) => Ok(Self::Fixed(dof)),
            _ => {
                let allowed = "a number or \"estimate\"";
                Err(Error::domain("the degrees of freedom ν", format!("\"{text}\""), allowed))
            }
        }
    }
}

impl fmt::Display for Dof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Estimate => f.write_str("estimate"),
            Self::Fixed(dof) => write!(f, "{dof}"),
        }
    }
}

/// A matrix from a file, with rows and columns in the order of these names where both have them.
fn matrix(file: &str, rows: &[String], cols: &[String]) -> Result<Array2<f64>> {
    io::read_named_matrix(Path::new(file))?.matched(rows, cols)
}

/// A structure from its name, with a file where the name has one.
///
/// # Errors
/// [`Error::Domain`] with the names; what the file says.
pub fn structure(text: &str) -> Result<Structure> {
    structure_for(text, &[])
}

/// [`structure`] of a side with these names: rows of a file (of a known matrix, its columns too)
/// that have names are brought into their order.
///
/// # Errors
/// As [`structure`]; [`Error::Names`] for a file with other names.
pub fn structure_for(text: &str, names: &[String]) -> Result<Structure> {
    let cols = if text.starts_with("known:") { names } else { &[] };
    Structure::parse_with(text, &|file| matrix(file, names, cols))
}

/// A mean from its name, from `linear:C,D` (two files), or from the file of a p × q matrix.
///
/// # Errors
/// [`Error::Domain`] with what is allowed; what a file says.
pub fn mean(text: &str) -> Result<Mean> {
    mean_for(text, &Names::default())
}

/// [`mean`] of data with these names: matrices that have names, too, are brought into their order
/// (C by its rows, D by its columns).
///
/// # Errors
/// As [`mean`]; [`Error::Names`] for a file with other names.
pub fn mean_for(text: &str, names: &Names) -> Result<Mean> {
    if let Ok(named) = text.parse() {
        return Ok(named);
    }
    if let Some(files) = text.strip_prefix("linear:") {
        return linear(files, names);
    }
    if Path::new(text).exists() {
        return Ok(Mean::Known(matrix(text, &names.rows, &names.cols)?));
    }
    let allowed = "free, zero, rows, cols, scalar, linear:C,D or the path of a p × q matrix";
    Err(Error::domain("the mean", format!("\"{text}\""), allowed))
}

/// A growth curve from "C,D".
fn linear(files: &str, names: &Names) -> Result<Mean> {
    let Some((left, right)) = files.split_once(',') else {
        let allowed = "linear:C,D with the files of the designs C (p × a) and D (b × q)";
        return Err(Error::domain("the mean", format!("\"linear:{files}\""), allowed));
    };
    let (left, right) = (matrix(left, &names.rows, &[])?, matrix(right, &[], &names.cols)?);
    Ok(Mean::Linear { left, right })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn text_round_trips() {
        for text in [
            "law=gaussian rows=unstructured cols=unstructured mean=free",
            "law=kronecker-t dof=estimate rows=ar1 cols=toeplitz mean=rows",
            "law=matrix-t dof=2.5 rows=identity cols=factor:2 mean=zero",
        ] {
            let spec: ModelSpec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
            assert_eq!(spec.model().unwrap().spec().unwrap().to_string(), text);
            let json = serde_json::to_string(&spec).unwrap();
            let read: ModelSpec = serde_json::from_str(&json).unwrap();
            assert_eq!(read.to_string(), text, "{json}");
        }
        assert_eq!("".parse::<ModelSpec>().unwrap().law, LawName::Gaussian);
    }

    #[test]
    fn matrices_are_in_the_json() {
        let spec = ModelSpec {
            rows: Structure::Known(array![[1.0, 0.1], [0.1, 2.0]]),
            mean: Mean::Linear { left: array![[1.0], [2.0]], right: array![[1.0, 1.0 / 3.0]] },
            ..ModelSpec::new(LawName::MatrixT)
        };
        let json = serde_json::to_string(&spec).unwrap();
        let read: ModelSpec = serde_json::from_str(&json).unwrap();
        assert_eq!(read.mean, spec.mean);
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn bad_specifications_say_what_is_allowed() {
        for (text, says) in [
            ("law=normal", "gaussian, kronecker-t or matrix-t"),
            ("law=gaussian dof=4", "the Gaussian has none"),
            ("law=matrix-t dof=many", "a number or \"estimate\""),
            ("rows=ar2", "compound-symmetry"),
            ("mean=medium", "free, zero"),
            ("ar1", "like law=matrix-t"),
            ("row=ar1", "law, dof, rows, cols or mean"),
        ] {
            let error = text.parse::<ModelSpec>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
