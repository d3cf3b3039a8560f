//! Mean structures: one formula for all of them.
//!
//! Every mean here is M = K + C Θ D with fixed C (p × a) and D (b × q). Given weights, the
//! maximiser is a generalised least-squares mean, one step away from any starting value:
//! in whitened coordinates, with R = ΣΨ, C̃ = L_A⁻¹C, D̃ = D L_B⁻ᵀ and metrics H (rows), T (columns),
//!
//! ```text
//! Δ̃ = C̃ (C̃ᵀHC̃)⁻¹ C̃ᵀ R D̃ᵀ (D̃TD̃ᵀ)⁻¹ D̃ / w ,     M ← M + L_A Δ̃ L_Bᵀ
//! ```

use super::Point;
use crate::linalg::{Root, Spd, Temp, matmul, require_finite, solve_in_place};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

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

    /// A member of the structure to start from: the average for a free mean, the plain
    /// least-squares fit of the average otherwise.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] when a given C or D lacks full rank.
    pub fn start(&self, average: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let (p, q) = average.dim();
        match self {
            Self::Free => Ok(average.to_owned()),
            Self::Known(mean) => Ok(mean.clone()),
            Self::Zero => Ok(Array2::zeros((p, q))),
            _ => {
                let identity = Point {
                    mean: Array2::zeros((p, q)),
                    row: crate::linalg::Root::scaled_identity(p, 1.0),
                    col: crate::linalg::Root::scaled_identity(q, 1.0),
                };
                let step = mean_step(self, &identity, average, &MeanMetric::Weight(1.0))?;
                Ok(Array2::clone(&step))
            }
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

/// How the samples' weights add up, in whitened coordinates.
#[derive(Debug, Clone, PartialEq)]
pub enum MeanMetric {
    /// Scalar weights: their sum.
    Weight(f64),
    /// Weights on the row side: ΣS_i (p × p).
    Row(Temp),
    /// Weights on the column side: ΣT_i (q × q).
    Col(Temp),
}

/// The whitened step Δ̃ (p × q) of the mean, zero for a mean that is not estimated, in matrix memory
/// that comes back.
///
/// `psi_sum` is R = ΣΨ in the whitened coordinates of `point`.
///
/// # Errors
/// [`Error::NotPositiveDefinite`] when the design lacks rank in these coordinates.
pub fn mean_step(
    mean: &Mean,
    point: &Point,
    psi_sum: ArrayView2<'_, f64>,
    metric: &MeanMetric,
) -> Result<Temp> {
    let (p, q) = psi_sum.dim();
    if *mean == Mean::Free {
        return free_step(psi_sum, metric);
    }
    let Some((left, right)) = mean.design(p, q) else {
        return Ok(Temp::zeros((p, q)));
    };
    let (row_metric, col_metric, weight) = match metric {
        MeanMetric::Weight(w) => (None, None, *w),
        MeanMetric::Row(h) => (Some(&**h), None, 1.0),
        MeanMetric::Col(t) => (None, Some(&**t), 1.0),
    };
    let half = solve_side(&point.row, left.view(), row_metric, psi_sum)?;
    let whole = solve_side(&point.col, right.t(), col_metric, half.t())?;
    let mut step = Temp::of(whole.t());
    *step /= weight;
    Ok(step)
}

/// H⁻¹R or R T⁻¹.
fn free_step(psi_sum: ArrayView2<'_, f64>, metric: &MeanMetric) -> Result<Temp> {
    match metric {
        MeanMetric::Weight(w) => {
            let mut step = Temp::of(psi_sum);
            *step /= *w;
            Ok(step)
        }
        MeanMetric::Row(h) => solved(h, psi_sum),
        MeanMetric::Col(t) => Ok(Temp::of(solved(t, psi_sum.t())?.t())),
    }
}

/// H⁻¹ X.
fn solved(metric: &Array2<f64>, x: ArrayView2<'_, f64>) -> Result<Temp> {
    let mut solved = Temp::of(x);
    solve_in_place(NORMAL, &mut symmetric(metric), &mut solved)?;
    Ok(solved)
}

/// What errors call it.
const NORMAL: &str = "the normal matrix of the mean";

/// C̃ (C̃ᵀHC̃)⁻¹ C̃ᵀ X with C̃ = L⁻¹C, and H = I when it is not given; a square C drops out.
fn solve_side(
    root: &Root,
    design: ArrayView2<'_, f64>,
    metric: Option<&Array2<f64>>,
    x: ArrayView2<'_, f64>,
) -> Result<Temp> {
    if design.is_square() {
        return metric.map_or_else(|| Ok(Temp::of(x)), |h| solved(h, x));
    }
    let design = design.as_standard_layout().into_owned();
    let mut white = Array2::zeros(design.dim());
    if let (Some(from), Some(to)) = (design.as_slice(), white.as_slice_mut()) {
        root.whiten_left(from, design.ncols(), to);
    }
    let normal = match metric {
        Some(h) => matmul(white.t(), matmul(h.view(), white.view()).view()),
        None => matmul(white.t(), white.view()),
    };
    let solved = solved(&normal, matmul(white.t(), x).view())?;
    Ok(matmul(white.view(), solved.view()).into())
}

fn symmetric(matrix: &Array2<f64>) -> Temp {
    let mut copy = Temp::of(matrix.view());
    crate::linalg::symmetrise(&mut copy);
    copy
}
