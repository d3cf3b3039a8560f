//! ν and the mean as serde writes and reads them: by name, and by value what a name does not hold.

use super::{Dof, Mean};
use ndarray::Array2;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

type Rows = Vec<Vec<f64>>;

/// What is written of ν: `5.0` or `"estimate"`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenDof {
    Number(f64),
    Text(String),
}

impl Serialize for Dof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(dof) => WrittenDof::Number(*dof),
            Self::Estimate => WrittenDof::Text(self.to_string()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Dof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match WrittenDof::deserialize(deserializer)? {
            WrittenDof::Number(dof) => Ok(Self::Fixed(dof)),
            WrittenDof::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// What is written of a mean: `"free"`, `{"known": [[…]]}`, `{"linear": {"left": …, "right": …}}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenMean {
    Name(String),
    Value(ByValue),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum ByValue {
    Known(Rows),
    Linear { left: Rows, right: Rows },
}

impl Serialize for Mean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Known(mean) => WrittenMean::Value(ByValue::Known(rows_of(mean))),
            Self::Linear { left, right } => {
                let (left, right) = (rows_of(left), rows_of(right));
                WrittenMean::Value(ByValue::Linear { left, right })
            }
            named if named.name().parse::<Self>().is_ok_and(|read| read == *named) => {
                WrittenMean::Name(named.name().to_owned())
            }
            other => {
                let text = format!("the mean {other} cannot be written down");
                return Err(S::Error::custom(text));
            }
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Mean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let matrix = |rows: Rows| matrix_of(&rows).map_err(D::Error::custom);
        match WrittenMean::deserialize(deserializer)? {
            WrittenMean::Name(name) => name.parse().map_err(D::Error::custom),
            WrittenMean::Value(ByValue::Known(mean)) => Ok(Self::Known(matrix(mean)?)),
            WrittenMean::Value(ByValue::Linear { left, right }) => {
                Ok(Self::Linear { left: matrix(left)?, right: matrix(right)? })
            }
        }
    }
}

fn rows_of(matrix: &Array2<f64>) -> Rows {
    matrix.outer_iter().map(|row| row.to_vec()).collect()
}

/// A matrix from its rows.
pub(crate) fn matrix_of(rows: &[Vec<f64>]) -> Result<Array2<f64>, &'static str> {
    let (p, q) = (rows.len(), rows.first().map_or(0, Vec::len));
    if rows.iter().any(|row| row.len() != q) {
        return Err("the rows of a matrix differ in length");
    }
    Array2::from_shape_vec((p, q), rows.concat()).map_err(|_| "not a matrix")
}
