//! Structures as serde writes and reads them: by name, and by value what a name does not hold.

use super::Structure;
use ndarray::Array2;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is written: `"ar1"`, or `{"known": [[1.0, 0.5], [0.5, 1.0]]}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Value(ByValue),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum ByValue {
    Known(Vec<Vec<f64>>),
}

impl Serialize for Structure {
    /// # Errors
    /// A structure of the user's own cannot be written.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Known(matrix) => Written::Value(ByValue::Known(rows_of(matrix))),
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
            Written::Name(name) => name.parse().map_err(D::Error::custom),
            Written::Value(ByValue::Known(rows)) => {
                matrix_of(rows).map(Self::Known).map_err(D::Error::custom)
            }
        }
    }
}

fn rows_of(matrix: &Array2<f64>) -> Vec<Vec<f64>> {
    matrix.outer_iter().map(|row| row.to_vec()).collect()
}

fn matrix_of(rows: Vec<Vec<f64>>) -> Result<Array2<f64>, &'static str> {
    let (d, k) = (rows.len(), rows.first().map_or(0, Vec::len));
    if rows.iter().any(|row| row.len() != k) {
        return Err("the rows of a matrix differ in length");
    }
    let values: Vec<f64> = rows.into_iter().flatten().collect();
    Array2::from_shape_vec((d, k), values).map_err(|_| "not a matrix")
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
    fn names_are_written_and_known_matrices_by_value() {
        assert_eq!(again(&Structure::CompoundSymmetry), "\"compound-symmetry\"");
        assert_eq!(again(&Structure::Factor(2)), "\"factor:2\"");
        let known = Structure::Known(ndarray::array![[1.0, 0.1], [0.1, 2.0]]);
        assert_eq!(again(&known), r#"{"known":[[1.0,0.1],[0.1,2.0]]}"#);
        for bad in ["\"ar2\"", r#"{"known":[[1.0],[1.0,2.0]]}"#, r#"{"given":[[1.0]]}"#, "3"] {
            assert!(serde_json::from_str::<Structure>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_structure_of_the_users_own_is_refused() {
        let own = Structure::Custom(Structure::Ar1.shape());
        assert!(serde_json::to_string(&own).unwrap_err().to_string().contains("ar1"));
    }
}
