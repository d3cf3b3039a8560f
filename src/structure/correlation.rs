//! Equal variances and any correlations: A = σ²R with R a correlation matrix.

use super::{Parameter, Shape, descent, not_definite, usable};
use crate::Result;
use crate::linalg::{Root, Spd, cholesky_lower, matmul, symmetrise};
use ndarray::{Array1, Array2, ArrayView2};

/// A = σ²R with R_ii = 1.
///
/// Coordinates: ln σ², then atanh of the canonical partial correlations z_ij (j < i), row by row.
/// Row i of the Cholesky factor of R is L_ij = z_ij √(Π_{l<j}(1 − z_il²)), a point of a sphere.
/// The best for a scatter is found by descent: there is no closed form.
///
/// # References
/// Lewandowski, Kurowicka & Joe (2009), J. Multivariate Analysis 100, 1989–2001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Correlation;

const WHAT: &str = "a correlation factor";

/// One row of L with z = tanh θ, and (length before each entry, z, 1 − z²).
struct SphereRow {
    entries: Vec<f64>,
    factors: Vec<(f64, f64, f64)>,
}

impl SphereRow {
    fn new(theta: &[f64]) -> Self {
        let mut length = 1.0;
        let mut entries = Vec::with_capacity(theta.len() + 1);
        let mut factors = Vec::with_capacity(theta.len());
        for x in theta {
            let (z, cosh) = (x.tanh(), x.cosh());
            entries.push(z * length);
            factors.push((length, z, 1.0 / (cosh * cosh)));
            length /= cosh;
        }
        entries.push(length);
        Self { entries, factors }
    }
}

/// The coordinates of row i (i of them) in the list that starts with ln σ².
fn row_of(coordinates: &[f64], i: usize) -> &[f64] {
    let first = 1 + i * i.saturating_sub(1) / 2;
    coordinates.get(first..first + i).unwrap_or(&[])
}

fn lower_of(coordinates: &[f64], d: usize) -> Array2<f64> {
    let mut lower = Array2::zeros((d, d));
    for i in 0..d {
        let row = SphereRow::new(row_of(coordinates, i));
        row.entries.iter().enumerate().for_each(|(j, x)| lower[[i, j]] = *x);
    }
    lower
}

fn variance_of(coordinates: &[f64]) -> f64 {
    coordinates.first().map_or(1.0, |x| x.exp())
}

/// D^(−1/2) A D^(−1/2)·(tr A/d): the matrix of the structure with A's correlations.
fn nearest(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let diagonal = matrix.diag();
    if let Some(i) = diagonal.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
        return Err(not_definite(WHAT, i + 1));
    }
    let mean = diagonal.sum() / diagonal.len() as f64;
    let scale: Array1<f64> = diagonal.mapv(|x| (mean / x).sqrt());
    let mut out = matrix.to_owned();
    for ((i, j), x) in out.indexed_iter_mut() {
        *x = if i == j { mean } else { *x * scale[i] * scale[j] };
    }
    Ok(out)
}

impl Shape for Correlation {
    fn name(&self) -> String {
        "correlation".to_owned()
    }

    fn n_parameters(&self, d: usize) -> usize {
        1 + d * d.saturating_sub(1) / 2
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let near = nearest(matrix)?;
        let variance = near[[0, 0]];
        let lower = cholesky_lower(WHAT, (near / variance).view())?;
        let mut out = vec![variance.ln()];
        for i in 1..lower.nrows() {
            // Lengths from the far end: a sum of squares, not a difference from one.
            let mut rest = vec![lower[[i, i]].powi(2); i + 1];
            for j in (0..i).rev() {
                rest[j] = rest[j + 1] + lower[[i, j]].powi(2);
            }
            for j in 0..i {
                // atanh(l/√(l² + t²)) = asinh(l/t), which does not cancel near ±1.
                out.push((lower[[i, j]] / rest[j + 1].sqrt()).asinh());
            }
        }
        Ok(out)
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let lower = lower_of(coordinates, d);
        let variance = variance_of(coordinates);
        if let Some(i) = lower.diag().iter().position(|x| !(*x > 0.0)) {
            return Err(not_definite(WHAT, i + 1));
        }
        let mut out = matmul(lower.view(), lower.t()) * variance;
        out.diag_mut().fill(variance);
        usable(WHAT, out)
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let variance = variance_of(coordinates);
        let lower = lower_of(coordinates, d);
        let mut step = Array2::zeros((d, d));
        for i in 0..d {
            let row = SphereRow::new(row_of(coordinates, i));
            // The relative change of the length so far.
            let mut change = 0.0;
            for (j, (t, (length, z, rate))) in
                row_of(direction, i).iter().zip(&row.factors).enumerate()
            {
                step[[i, j]] = t * rate * length + row.entries[j] * change;
                change -= t * z;
            }
            step[[i, i]] = row.entries[i] * change;
        }
        let half = matmul(step.view(), lower.t());
        let mut out = (&half + &half.t()) * variance;
        let scale = direction.first().copied().unwrap_or(0.0) * variance;
        out.scaled_add(scale, &matmul(lower.view(), lower.t()));
        Ok(out)
    }

    /// ∇_L = 2σ² tril(G L), then backwards along the sphere of every row.
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = gradient.nrows();
        let variance = variance_of(coordinates);
        let lower = lower_of(coordinates, d);
        let in_lower = matmul(gradient, lower.view()) * (2.0 * variance);
        let along: f64 = in_lower.iter().zip(&lower).map(|(g, l)| g * l).sum();
        let mut out = vec![0.5 * along];
        for i in 1..d {
            let row = SphereRow::new(row_of(coordinates, i));
            // Σ_{l>j} ∇_il L_il: what the length after j is worth.
            let mut beyond = in_lower[[i, i]] * row.entries[i];
            let mut part = vec![0.0; i];
            for (j, (length, z, rate)) in row.factors.iter().enumerate().rev() {
                part[j] = in_lower[[i, j]] * rate * length - z * beyond;
                beyond += in_lower[[i, j]] * row.entries[j];
            }
            out.extend(part);
        }
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let mut starts = vec![current.to_owned()];
        starts.extend(nearest(scatter));
        descent::update_in_entries(self, scatter, starts, |matrix| {
            let mean = matrix.diag().sum() / matrix.nrows() as f64;
            matrix.diag_mut().fill(mean);
        })
    }

    /// d − 1: below it singular matrices of equal variances hold the whole scatter.
    fn required_rank(&self, d: usize) -> usize {
        d.saturating_sub(1).max(1)
    }

    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let unit = matrix[[0, 0]];
        let pairs = (1..matrix.nrows()).flat_map(|i| (0..i).map(move |j| (i, j)));
        pairs.map(|(i, j)| Parameter::correlation(matrix[[i, j]] / unit).between(i, j)).collect()
    }

    /// What the structure cannot do is change the variances apart: the normal space is spanned by
    /// Lᵀ D L with trace-free diagonal D, whose Gram matrix is A∘A.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let d = root.order();
        if d == 1 {
            return Ok(whitened.to_owned());
        }
        let matrix = root.matrix();
        let mut gram = matrix.mapv(|x| x * x);
        symmetrise(&mut gram);
        let gram = Spd::new("the normal space of a correlation factor", gram)?;
        let moved = root.unwhiten(whitened);
        let mut rhs = Array2::ones((d, 2));
        rhs.column_mut(0).assign(&moved.diag());
        let solved = gram.solve(rhs.view());
        // The multiplier of the trace makes the weights sum to zero.
        let multiplier = solved.column(0).sum() / solved.column(1).sum();
        let weights = &solved.column(0) - &(&solved.column(1) * multiplier);
        let lower = root.lower();
        let mut weighted = lower.to_owned();
        for (mut row, w) in weighted.outer_iter_mut().zip(&weights) {
            row *= *w;
        }
        let mut out = &whitened - &matmul(lower.t(), weighted.view());
        symmetrise(&mut out);
        Ok(out)
    }
}
