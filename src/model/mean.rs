//! Mean structures: one formula for all of them.
//!
//! Every mean here is M = K + C Θ D with fixed C (p × a) and D (b × q).

use crate::linalg::{Spd, matmul, require_finite};
use crate::{Error, Result};
use ndarray::Array2;

/// What the mean matrix M may be.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Mean {
    /// Every entry is free.
    #[default]
    Free,
    /// M = 0.
    Zero,
    /// M is known.
    Known(Array2<f64>),
    /// One mean per row: M = μ 1ᵀ.
    Rows,
    /// One mean per column: M = 1 μᵀ.
    Cols,
    /// One number: M = μ 1 1ᵀ.
    Scalar,
    /// A growth curve M = C Θ D with given C (p × a) of full column rank and D (b × q) of full
    /// row rank.
    Linear {
        /// C (p × a).
        left: Array2<f64>,
        /// D (b × q).
        right: Array2<f64>,
    },
}

impl Mean {
    /// Name as the command line and the reports write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Zero => "zero",
            Self::Known(_) => "known",
            Self::Rows => "rows",
            Self::Cols => "cols",
            Self::Scalar => "scalar",
            Self::Linear { .. } => "linear",
        }
    }

    /// Number of free parameters in M.
    pub fn n_parameters(&self, p: usize, q: usize) -> usize {
        self.design(p, q).map_or(0, |(c, d)| c.ncols() * d.nrows())
    }

    /// C and D, or `None` when nothing is estimated.
    pub fn design(&self, p: usize, q: usize) -> Option<(Array2<f64>, Array2<f64>)> {
        let (eye, ones) = (Array2::eye, Array2::ones);
        match self {
            Self::Zero | Self::Known(_) => None,
            Self::Free => Some((eye(p), eye(q))),
            Self::Rows => Some((eye(p), ones((1, q)))),
            Self::Cols => Some((ones((p, 1)), eye(q))),
            Self::Scalar => Some((ones((p, 1)), ones((1, q)))),
            Self::Linear { left, right } => Some((left.clone(), right.clone())),
        }
    }

    pub(super) fn check(&self, p: usize, q: usize) -> Result<()> {
        match self {
            Self::Known(mean) if mean.dim() != (p, q) => {
                Err(Error::shape("the known mean", format!("({p}, {q})"), mean.dim()))
            }
            Self::Known(mean) => require_finite("the known mean", mean),
            Self::Linear { left, right } => check_design(left, right, p, q),
            _ => Ok(()),
        }
    }

    /// Samples that the mean costs, where that is known exactly.
    pub(super) fn samples_spent(&self) -> usize {
        usize::from(matches!(self, Self::Free))
    }

    /// Samples that the mean costs at most.
    pub(super) fn samples_spent_at_most(&self) -> usize {
        usize::from(!matches!(self, Self::Zero | Self::Known(_)))
    }

    /// Columns of the row scatter's data, and rows of the column scatter's, that the mean can
    /// always make vanish: those of D where C spans everything, and those of C where D does.
    pub(super) fn dimensions_spent(&self, p: usize, q: usize) -> (usize, usize) {
        self.design(p, q).map_or((0, 0), |(left, right)| {
            let (a, b) = (left.ncols(), right.nrows());
            (if a == p { b } else { 0 }, if b == q { a } else { 0 })
        })
    }

    pub(super) fn because(&self) -> &'static str {
        match self {
            Self::Free => " (the free mean costs one; fix the mean or collect more samples)",
            _ => " (or choose a structure with fewer parameters)",
        }
    }
}

fn check_design(left: &Array2<f64>, right: &Array2<f64>, p: usize, q: usize) -> Result<()> {
    require_finite("the left design C of the mean", left)?;
    require_finite("the right design D of the mean", right)?;
    if left.nrows() != p || left.ncols() == 0 || left.ncols() > p {
        let expected = format!("{p} rows and at most as many columns");
        return Err(Error::shape("the left design C of the mean", expected, left.dim()));
    }
    if right.ncols() != q || right.nrows() == 0 || right.nrows() > q {
        let expected = format!("{q} columns and at most as many rows");
        return Err(Error::shape("the right design D of the mean", expected, right.dim()));
    }
    Spd::new("CᵀC of the mean's left design", matmul(left.t(), left.view()))?;
    Spd::new("DDᵀ of the mean's right design", matmul(right.view(), right.t()))?;
    Ok(())
}

impl std::str::FromStr for Mean {
    type Err = Error;

    /// Every mean without numbers of its own; a known or linear mean is made from its matrices.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "free" => Ok(Self::Free),
            "zero" => Ok(Self::Zero),
            "rows" => Ok(Self::Rows),
            "cols" => Ok(Self::Cols),
            "scalar" => Ok(Self::Scalar),
            _ => Err(Error::domain(
                "the mean",
                format!("\"{text}\""),
                "free, zero, rows, cols or scalar",
            )),
        }
    }
}

impl std::fmt::Display for Mean {
    /// [`Mean::name`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
