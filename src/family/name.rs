//! The built-in laws by name, as command line, study files and records write them.

use super::{Gaussian, KroneckerT, Law, MatrixT, is_same_law};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A built-in law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LawName {
    /// Matrix normal.
    #[default]
    Gaussian,
    /// Elliptical t: vec X is multivariate t with scale A ⊗ B.
    KroneckerT,
    /// Matrix-variate t (determinant form).
    MatrixT,
}

impl LawName {
    /// Every built-in law.
    pub const ALL: [Self; 3] = [Self::Gaussian, Self::KroneckerT, Self::MatrixT];

    /// Name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "gaussian",
            Self::KroneckerT => "kronecker-t",
            Self::MatrixT => "matrix-t",
        }
    }

    /// Does the law have degrees of freedom?
    pub fn has_dof(self) -> bool {
        self != Self::Gaussian
    }

    /// The law, at a ν for those that have one.
    ///
    /// # Errors
    /// [`Error::Domain`] for a ν that is not a finite number > 0; [`Error::Unsupported`] for one
    /// that is missing or of no use.
    pub fn law(self, dof: Option<f64>) -> Result<Arc<dyn Law>> {
        match (self, dof) {
            (Self::Gaussian, None) => Ok(Arc::new(Gaussian)),
            (Self::KroneckerT, Some(dof)) => Ok(Arc::new(KroneckerT::new(dof)?)),
            (Self::MatrixT, Some(dof)) => Ok(Arc::new(MatrixT::new(dof)?)),
            (Self::Gaussian, Some(_)) => Err(no_dof()),
            (law, None) => Err(Error::Unsupported {
                what: format!("the degrees of freedom of the {law} law are missing"),
                remedy: "give ν".to_owned(),
            }),
        }
    }

    /// The built-in law that a law is, by the values of its density.
    pub fn of(law: &dyn Law) -> Option<Self> {
        let is = |name: &Self| match name.law(law.dof()) {
            Ok(built_in) => is_same_law(law, built_in.as_ref(), 2, 3),
            Err(_) => false,
        };
        Self::ALL.into_iter().find(is)
    }
}

/// What is wrong with a Gaussian that has a ν.
pub(crate) fn no_dof() -> Error {
    Error::Unsupported {
        what: "degrees of freedom are given, but the Gaussian has none".to_owned(),
        remedy: "leave them out, or choose the law kronecker-t or matrix-t".to_owned(),
    }
}

impl FromStr for LawName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|law| law.name() == text).ok_or_else(|| {
            let allowed = "gaussian, kronecker-t or matrix-t";
            Error::domain("the law", format!("\"{text}\""), allowed)
        })
    }
}

impl fmt::Display for LawName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
