//! Structures as serde writes and reads them: by name, and by value what a name does not hold.

use super::{Correlations, Positions, Structure};
use crate::Error;
use ndarray::Array2;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// What is written: `"ar1"`, or a name with the matrix that its file would have,
/// `{"known": [[1.0, 0.5], [0.5, 1.0]]}`, `{"exponential": [[0.0], [1.5]]}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Value(BTreeMap<String, Vec<Vec<f64>>>),
}

impl Serialize for Structure {
    /// # Errors
    /// A structure of the user's own cannot be written.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Known(matrix)
            | Self::Spatial(_, Positions::Given(matrix))
            | Self::Het(Correlations::Spatial(_, Positions::Given(matrix))) => {
                Written::Value(BTreeMap::from([(self.to_string(), rows_of(matrix))]))
            }
            Self::Custom(shape) => {
                let name = shape.name();
                return Err(S::Error::custom(format!("the structure {name} is not one of ours")));
            }
            named => Written::Name(named.to_string()),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Structure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Name(name) => name.parse(),
            Written::Value(map) => by_value(map),
        }
        .map_err(D::Error::custom)
    }
}

/// The one entry of the map, read as if the matrix came from a file.
fn by_value(map: BTreeMap<String, Vec<Vec<f64>>>) -> Result<Structure, Error> {
    let mut entries = map.into_iter();
    match (entries.next(), entries.next()) {
        (Some((name, rows)), None) => {
            let matrix = matrix_of(&rows)?;
            Structure::parse_with(&format!("{name}:value"), &|_| Ok(matrix.clone()))
        }
        _ => Err(Error::domain("a structure by value", "another map", "one name with a matrix")),
    }
}

fn rows_of(matrix: &Array2<f64>) -> Vec<Vec<f64>> {
    matrix.outer_iter().map(|row| row.to_vec()).collect()
}

fn matrix_of(rows: &[Vec<f64>]) -> Result<Array2<f64>, Error> {
    let (d, k) = (rows.len(), rows.first().map_or(0, Vec::len));
    match rows.iter().position(|row| row.len() != k) {
        Some(i) => {
            Err(Error::shape(format!("row {i} of a matrix"), format!("({k},)"), rows[i].len()))
        }
        None => Ok(Array2::from_shape_fn((d, k), |(i, j)| rows[i][j])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(structure: &Structure) -> String {
        let text = serde_json::to_string(structure).unwrap();
        let read: Structure = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        text
    }

    #[test]
    fn names_are_written_and_matrices_by_value() {
        for name in [
            "compound-symmetry",
            "factor:2",
            "het:ar1",
            "block:2,1",
            "exchangeable:a,b,a",
            "matern:3/2:labels",
            "het:gaussian:labels",
        ] {
            assert_eq!(again(&name.parse().unwrap()), format!("\"{name}\""));
        }
        let known = Structure::Known(ndarray::array![[1.0, 0.1], [0.1, 2.0]]);
        assert_eq!(again(&known), r#"{"known":[[1.0,0.1],[0.1,2.0]]}"#);
        let at = || Positions::line(&[0.0, 1.5]);
        let times = Structure::Spatial(crate::structure::Kernel::Matern52, at());
        assert_eq!(again(&times), r#"{"matern:5/2":[[0.0],[1.5]]}"#);
        assert_eq!(again(&times.heterogeneous().unwrap()), r#"{"het:matern:5/2":[[0.0],[1.5]]}"#);
        for bad in ["\"ar2\"", r#"{"known":[[1.0],[1.0,2.0]]}"#, r#"{"given":[[1.0]]}"#, "3", "{}"]
        {
            assert!(serde_json::from_str::<Structure>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_structure_of_the_users_own_is_refused() {
        let own = Structure::Custom(Structure::Ar1.shape());
        assert!(serde_json::to_string(&own).unwrap_err().to_string().contains("ar1"));
    }
}
