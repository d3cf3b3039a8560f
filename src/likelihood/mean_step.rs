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
use crate::kronecker::{BySide, Side};
use crate::linalg::{Root, Temp, matmul, solve_in_place, symmetric_eigen};
use crate::model::Mean;
use ndarray::{Array1, Array2, ArrayView2};

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
    /// One or two terms H ⊗ T: H on the rows, T on the columns.
    Sum(Vec<BySide<Array2<f64>>>),
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
    if let MeanMetric::Sum(terms) = metric {
        return sum_step(mean, point, psi_sum, terms);
    }
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
        MeanMetric::Sum(_) => (None, None, 1.0),
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
        MeanMetric::Sum(terms) => Ok(sylvester(terms, psi_sum)?.into()),
    }
}

/// C̃ Θ D̃ with Σ (C̃ᵀHC̃) Θ (D̃TD̃ᵀ) = C̃ᵀ R D̃ᵀ.
fn sum_step(
    mean: &Mean,
    point: &Point,
    psi_sum: ArrayView2<'_, f64>,
    terms: &[BySide<Array2<f64>>],
) -> Result<Temp> {
    let (p, q) = psi_sum.dim();
    if *mean == Mean::Free {
        return Ok(sylvester(terms, psi_sum)?.into());
    }
    let Some((left, right)) = mean.design(p, q) else {
        return Ok(Temp::zeros((p, q)));
    };
    let design =
        BySide::new(white_design(point.row(), left.view()), white_design(point.col(), right.t()));
    let (c, d) = (design[Side::Rows].view(), design[Side::Cols].view());
    let reduced: Vec<_> = terms
        .iter()
        .map(|term| BySide::of(|side| seen_through(design[side].view(), &term[side])))
        .collect();
    let right = matmul(matmul(c.t(), psi_sum).view(), d);
    let theta = sylvester(&reduced, right.view())?;
    Ok(matmul(matmul(c, theta.view()).view(), d.t()).into())
}

/// CᵀHC.
fn seen_through(c: ArrayView2<'_, f64>, h: &Array2<f64>) -> Array2<f64> {
    matmul(matmul(c.t(), h.view()).view(), c)
}

/// L⁻¹C; a square C spans everything, and so does the identity.
fn white_design(root: &Root, design: ArrayView2<'_, f64>) -> Array2<f64> {
    if design.is_square() {
        return Array2::eye(design.nrows());
    }
    let design = design.as_standard_layout().into_owned();
    let mut white = Array2::zeros(design.dim());
    if let (Some(from), Some(to)) = (design.as_slice(), white.as_slice_mut()) {
        root.whiten_left(from, design.ncols(), to);
    }
    white
}

/// Θ with Σ H Θ T = R for one or two terms.
fn sylvester(terms: &[BySide<Array2<f64>>], right: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let [first, second] = match terms {
        [] => return Ok(Array2::zeros(right.dim())),
        [one] => {
            let half = solved(&one[Side::Rows], right)?;
            return Ok(solved(&one[Side::Cols], half.t())?.t().to_owned());
        }
        [first, second, ..] => [first, second],
    };
    // WᵀHW = Λ, WᵀH'W = I and VᵀTV = I, VᵀT'V = Ω: then (Λ + Ω) Θ' = WᵀRV entry by entry.
    let (w, lambda) = pencil(&first[Side::Rows], &second[Side::Rows])?;
    let (v, omega) = pencil(&second[Side::Cols], &first[Side::Cols])?;
    let mut theta = matmul(matmul(w.t(), right).view(), v.view());
    theta.indexed_iter_mut().for_each(|((i, j), x)| *x /= lambda[i] + omega[j]);
    Ok(matmul(matmul(w.view(), theta.view()).view(), v.t()))
}

/// W and Λ with WᵀHW = Λ and WᵀGW = I.
fn pencil(h: &Array2<f64>, g: &Array2<f64>) -> Result<(Array2<f64>, Array1<f64>)> {
    let root = Root::of(NORMAL, symmetric(g).view())?;
    let eigen = symmetric_eigen(NORMAL, root.whiten(symmetric(h).view()).view())?;
    Ok((matmul(root.inverse().t(), eigen.vectors.view()), eigen.values))
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
