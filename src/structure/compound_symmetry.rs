//! Equal variances and one common correlation: A = a(I − J/d) + b J/d.

use super::het::EqualVariances;
use super::{Parameter, Shape, not_definite, project_scale, project_scale_and, usable};
use crate::Result;
use crate::linalg::Root;
use ndarray::{Array2, ArrayView2};

/// Compound symmetry: variance σ² and common correlation ρ in (−1/(d−1), 1).
///
/// J is the matrix of ones; a = σ²(1 − ρ) is an eigenvalue d − 1 times, b = σ²(1 + (d−1)ρ) once.
/// Coordinates are (ln a, ln b); at d = 1 there is no ρ and the one coordinate is ln b. The best
/// for a scatter S is b = 1ᵀS1/d, a = (tr S − b)/(d − 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompoundSymmetry;

const WHAT: &str = "a compound-symmetry factor";

/// The two eigenvalues (a, b) of the nearest matrix of the structure; a = b at d = 1.
fn eigenvalues(matrix: ArrayView2<'_, f64>) -> Result<(f64, f64)> {
    let d = matrix.nrows() as f64;
    let b = matrix.sum() / d;
    // tr S − b from deviations, which does not cancel when b dominates.
    let a = if matrix.nrows() == 1 { b } else { spread(matrix) / (d - 1.0) };
    if a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite() {
        Ok((a, b))
    } else {
        Err(not_definite(WHAT, if b > 0.0 { 2 } else { 1 }))
    }
}

/// tr(S (I − J/d)) = Σ_{i<j} (S_ii + S_jj − 2 S_ij)/d, all terms non-negative.
fn spread(matrix: ArrayView2<'_, f64>) -> f64 {
    let d = matrix.nrows();
    let mut sum = 0.0;
    for (i, row) in matrix.outer_iter().enumerate() {
        for j in 0..i {
            sum += (matrix[[i, i]] - row[j]) + (matrix[[j, j]] - row[j]);
        }
    }
    sum / d as f64
}

/// (a, b) from coordinates.
fn decoded(coordinates: &[f64]) -> (f64, f64) {
    match coordinates {
        [a, b] => (a.exp(), b.exp()),
        _ => {
            let b = coordinates.iter().sum::<f64>().exp();
            (b, b)
        }
    }
}

/// a(I − J/d) + b J/d for any two numbers.
fn assemble(a: f64, b: f64, d: usize) -> Array2<f64> {
    let off = (b - a) / d as f64;
    let mut out = Array2::from_elem((d, d), off);
    out.diag_mut().fill(a + off);
    out
}

impl Shape for CompoundSymmetry {
    fn name(&self) -> String {
        "compound-symmetry".to_owned()
    }

    fn n_parameters(&self, d: usize) -> usize {
        d.min(2)
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (a, b) = eigenvalues(matrix)?;
        Ok(if matrix.nrows() == 1 { vec![b.ln()] } else { vec![a.ln(), b.ln()] })
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let (a, b) = decoded(coordinates);
        usable(WHAT, assemble(a, b, d))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let (a, b) = decoded(coordinates);
        Ok(match direction {
            [s, t] => assemble(s * a, t * b, d),
            _ => assemble(0.0, direction.iter().sum::<f64>() * b, d),
        })
    }

    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (a, b) = decoded(coordinates);
        let along_ones = gradient.sum() / gradient.nrows() as f64;
        Ok(match coordinates {
            [_, _] => vec![a * spread(gradient), b * along_ones],
            _ => vec![b * along_ones],
        })
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let (a, b) = eigenvalues(scatter)?;
        usable(WHAT, assemble(a, b, scatter.nrows()))
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        let (a, b) = eigenvalues(matrix)?;
        Root::of_compound_symmetry(what, a, b, matrix.nrows())
    }

    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        if matrix.nrows() == 1 {
            return Vec::new();
        }
        vec![Parameter::correlation(matrix[[0, 1]] / matrix[[0, 0]])]
    }

    /// The tangent space is spanned by A and J: whitened, I and uuᵀ with u = L⁻¹1.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let d = root.order();
        if d == 1 {
            return Ok(project_scale(whitened));
        }
        let mut u = vec![0.0; d];
        root.whiten_left(&vec![1.0; d], 1, &mut u);
        let mean = u.iter().map(|x| x * x).sum::<f64>() / d as f64;
        let rest =
            Array2::from_shape_fn((d, d), |(i, j)| u[i] * u[j] - if i == j { mean } else { 0.0 });
        Ok(project_scale_and(whitened, &rest))
    }
}

/// The share of e^w in d − 1 + e^w: how ln a falls with w = ln(b/a) where σ² = 1.
fn share(w: f64, d: usize) -> f64 {
    1.0 / (1.0 + (d - 1) as f64 * (-w).exp())
}

/// With σ² = 1, w = ln(b/a) is left: a = d/(d − 1 + e^w).
impl EqualVariances for CompoundSymmetry {
    fn unit(&self, rest: &[f64], d: usize) -> Vec<f64> {
        let Some(w) = rest.first() else { return vec![0.0] };
        let ln_a = -(w.exp_m1() / d as f64).ln_1p();
        vec![ln_a, ln_a + w]
    }

    fn unit_step(&self, rest: &[f64], step: &[f64], d: usize) -> Vec<f64> {
        let (Some(w), Some(t)) = (rest.first(), step.first()) else { return vec![0.0] };
        let share = share(*w, d);
        vec![-share * t, (1.0 - share) * t]
    }

    fn rest_gradient(&self, rest: &[f64], all: &[f64], d: usize) -> Vec<f64> {
        let (Some(w), [a, b]) = (rest.first(), all) else { return Vec::new() };
        let share = share(*w, d);
        vec![(1.0 - share) * b - share * a]
    }

    fn rest(&self, all: Vec<f64>) -> Vec<f64> {
        match all[..] {
            [a, b] => vec![b - a],
            _ => Vec::new(),
        }
    }
}
