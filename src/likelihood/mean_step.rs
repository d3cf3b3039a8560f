//! The step of the mean: generalised least squares, one step away from any starting value.
//!
//! With M = K + C Θ D, in whitened coordinates R = ΣuΨ, C̃ = L_A⁻¹C, D̃ = D L_B⁻ᵀ and metrics H (rows),
//! T (columns),
//!
//! ```text
//! Δ̃ = C̃ (C̃ᵀHC̃)⁻¹ C̃ᵀ R D̃ᵀ (D̃TD̃ᵀ)⁻¹ D̃ / w ,     M ← M + L_A Δ̃ L_Bᵀ
//! ```

use super::Point;
use crate::Result;
use crate::linalg::{Root, Temp, matmul, solve_in_place};
use crate::model::Mean;
use ndarray::{Array2, ArrayView2};

/// A member of the structure to start from: the average for a free mean, the plain least-squares
/// fit of the average otherwise.
///
/// # Errors
/// [`crate::Error::NotPositiveDefinite`] when a given C or D lacks full rank.
pub fn mean_start(mean: &Mean, average: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let (p, q) = average.dim();
    match mean {
        Mean::Free => Ok(average.to_owned()),
        Mean::Known(mean) => Ok(mean.clone()),
        Mean::Zero => Ok(Array2::zeros((p, q))),
        _ => {
            let plain = Point::standard(p, q);
            let step = mean_step(mean, &plain, average, &MeanMetric::Weight(1.0))?;
            Ok(Array2::clone(&step))
        }
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
    let half = solve_side(point.row(), left.view(), row_metric, psi_sum)?;
    let whole = solve_side(point.col(), right.t(), col_metric, half.t())?;
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
