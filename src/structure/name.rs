//! Structures by name, as the command line and the study files write them.

use super::Structure;
use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

const NAMES: &str = "unstructured, diagonal, identity, ar1, compound-symmetry or known:FILE";

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
            _ => Err(Error::domain("the structure", format!("\"{text}\""), NAMES)),
        }
    }
}

impl fmt::Display for Structure {
    /// The name that [`FromStr`] reads; `known` for a known factor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shape().name())
    }
}
