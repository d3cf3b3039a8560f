//! Structures by name, as the command line and the study files write them.

use super::Structure;
use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

const NAMES: &str = "unstructured, diagonal, identity, correlation, ar1, compound-symmetry, \
                     toeplitz, factor:K or known:FILE";

impl FromStr for Structure {
    type Err = Error;

    /// Every structure but `known:FILE`, whose file the caller has to read.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "unstructured" => Ok(Self::Unstructured),
            "diagonal" => Ok(Self::Diagonal),
            "identity" => Ok(Self::Identity),
            "ar1" => Ok(Self::Ar1),
            "compound-symmetry" => Ok(Self::CompoundSymmetry),
            "correlation" => Ok(Self::Correlation),
            "toeplitz" => Ok(Self::Toeplitz),
            _ => factor(text)
                .ok_or_else(|| Error::domain("the structure", format!("\"{text}\""), NAMES)),
        }
    }
}

/// `factor:K` with K ≥ 1.
fn factor(text: &str) -> Option<Structure> {
    let count: usize = text.strip_prefix("factor:")?.parse().ok()?;
    (count > 0).then_some(Structure::Factor(count))
}

impl fmt::Display for Structure {
    /// The name that [`FromStr`] reads; `known` for a known factor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shape().name())
    }
}
