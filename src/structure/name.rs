//! Structures by name, as the command line and the study files write them.

use super::{Correlations, Kernel, Positions, Structure};
use crate::{Error, Result};
use ndarray::Array2;
use std::fmt;
use std::str::FromStr;

const NAMES: &str = "unstructured, diagonal, identity, correlation, ar1, compound-symmetry, \
                     toeplitz, antedependence, factor:K, block:K1,K2,…, exchangeable:LABELS, \
                     exponential:FILE|labels, matern:NU:FILE|labels with NU 1/2, 3/2 or 5/2, \
                     gaussian:FILE|labels, het: with ar1, compound-symmetry, toeplitz or one of \
                     the last three, or known:FILE";

impl Structure {
    /// The structure of a name; `read` gives the matrix of a file where the name has one: K of
    /// `known:FILE`, positions (a row for each entry) of `exponential:FILE`, `matern:NU:FILE`
    /// and `gaussian:FILE`.
    ///
    /// Lists are separated by commas or by plus signs: `block:2,3` is `block:2+3`.
    ///
    /// # Errors
    /// [`Error::Domain`] for a name that is none, and what `read` says.
    pub fn parse_with(text: &str, read: &dyn Fn(&str) -> Result<Array2<f64>>) -> Result<Self> {
        let unknown = || Error::domain("the structure", format!("\"{text}\""), NAMES);
        let Some((head, rest)) = text.split_once(':') else {
            return plain(text).ok_or_else(unknown);
        };
        match head {
            "known" => read(rest).map(Self::Known),
            "factor" => count(rest).map(Self::Factor).ok_or_else(unknown),
            "block" => {
                let sizes: Option<Vec<usize>> = list(rest).map(count).collect();
                sizes.map(Self::Block).ok_or_else(unknown)
            }
            "exchangeable" => {
                let labels: Vec<String> = list(rest).map(str::to_owned).collect();
                if labels.contains(&String::new()) {
                    return Err(unknown());
                }
                Ok(Self::Exchangeable(labels))
            }
            "het" => Self::parse_with(rest, read)?.heterogeneous().ok_or_else(unknown),
            _ => {
                let (kernel, place) = kernel(text).ok_or_else(unknown)?;
                let positions = match place {
                    "labels" => Positions::Labels,
                    file => Positions::Given(upright(read(file)?)),
                };
                Ok(Self::Spatial(kernel, positions))
            }
        }
    }

    /// The structure with free variances: D R D with the correlations R of this one. `None` where
    /// that is not one of ours.
    ///
    /// ```
    /// use kronfit::structure::Structure;
    /// assert_eq!(Structure::Ar1.heterogeneous().unwrap().to_string(), "het:ar1");
    /// assert_eq!(Structure::Correlation.heterogeneous().unwrap().to_string(), "unstructured");
    /// assert!(Structure::Factor(1).heterogeneous().is_none());
    /// ```
    pub fn heterogeneous(self) -> Option<Self> {
        Some(Self::Het(match self {
            Self::Ar1 => Correlations::Ar1,
            Self::CompoundSymmetry => Correlations::CompoundSymmetry,
            Self::Toeplitz => Correlations::Toeplitz,
            Self::Spatial(kernel, positions) => Correlations::Spatial(kernel, positions),
            Self::Correlation => return Some(Self::Unstructured),
            Self::Identity => return Some(Self::Diagonal),
            _ => return None,
        }))
    }

    /// Are its positions the labels of a sample?
    pub fn uses_labels(&self) -> bool {
        matches!(
            self,
            Self::Spatial(_, Positions::Labels)
                | Self::Het(Correlations::Spatial(_, Positions::Labels))
        )
    }

    /// The structure for entries with these labels: positions that are the labels become numbers.
    ///
    /// # Errors
    /// As [`Positions::from_labels`].
    pub fn with_labels(&self, labels: &[String]) -> Result<Self> {
        Ok(match self {
            Self::Spatial(kernel, Positions::Labels) => {
                Self::Spatial(*kernel, Positions::from_labels(labels)?)
            }
            Self::Het(Correlations::Spatial(kernel, Positions::Labels)) => {
                let positions = Positions::from_labels(labels)?;
                Self::Het(Correlations::Spatial(*kernel, positions))
            }
            other => other.clone(),
        })
    }
}

impl FromStr for Structure {
    type Err = Error;

    /// Every structure but those with a file, which the caller has to read:
    /// [`Structure::parse_with`].
    fn from_str(text: &str) -> Result<Self> {
        Self::parse_with(text, &|file| {
            let allowed = "read by the caller: no file is opened here";
            Err(Error::domain(format!("the file of the structure \"{text}\""), file, allowed))
        })
    }
}

/// Names without a colon.
fn plain(text: &str) -> Option<Structure> {
    Some(match text {
        "unstructured" => Structure::Unstructured,
        "diagonal" => Structure::Diagonal,
        "identity" => Structure::Identity,
        "ar1" => Structure::Ar1,
        "compound-symmetry" => Structure::CompoundSymmetry,
        "correlation" => Structure::Correlation,
        "toeplitz" => Structure::Toeplitz,
        "antedependence" => Structure::Antedependence,
        _ => return None,
    })
}

fn count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|count| *count > 0)
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '+']).map(str::trim)
}

/// The kernel of `exponential:…`, `matern:NU:…` or `gaussian:…`, and what follows it.
fn kernel(text: &str) -> Option<(Kernel, &str)> {
    let (head, rest) = text.split_once(':')?;
    let (kernel, place) = match head {
        "exponential" => (Kernel::Exponential, rest),
        "gaussian" => (Kernel::Gaussian, rest),
        "matern" => {
            let (smoothness, place) = rest.split_once(':')?;
            let kernel = match smoothness {
                "1/2" | "0.5" => Kernel::Exponential,
                "3/2" | "1.5" => Kernel::Matern32,
                "5/2" | "2.5" => Kernel::Matern52,
                _ => return None,
            };
            (kernel, place)
        }
        _ => return None,
    };
    (!place.is_empty()).then_some((kernel, place))
}

/// A row of numbers as a column: times may be written on one line.
fn upright(matrix: Array2<f64>) -> Array2<f64> {
    if matrix.nrows() == 1 { matrix.reversed_axes() } else { matrix }
}

impl fmt::Display for Structure {
    /// The name that [`FromStr`] reads; of a structure with a file, the name without it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shape().name())
    }
}
