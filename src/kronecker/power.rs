//! The nearest Kronecker product of a covariance that exists only as a map.

use super::nearest::{inner, norm, orientation};
use crate::linalg::require_finite;
use crate::{Error, Result};
use ndarray::Array2;

/// When the power iteration stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerIteration {
    /// Largest change of the unit left factor (Frobenius) that counts as converged.
    pub tolerance: f64,
    /// Largest number of steps.
    pub max_steps: usize,
}

impl Default for PowerIteration {
    fn default() -> Self {
        Self { tolerance: 1e-13, max_steps: 1000 }
    }
}

/// What the power iteration found; F ⊗ G is close to the nearest Kronecker product when
/// `converged`.
#[derive(Debug, Clone, PartialEq)]
pub struct MapNearest {
    /// F (m × m), ‖F‖ = ‖G‖, signed as in [`NearestKronecker`](super::NearestKronecker).
    pub left: Array2<f64>,
    /// G (n × n).
    pub right: Array2<f64>,
    /// σ₁ = ‖F ⊗ G‖.
    pub singular_value: f64,
    /// Steps taken.
    pub steps: usize,
    /// Whether the change fell below the tolerance.
    pub converged: bool,
}

/// The nearest Kronecker product of a C known through R(C) as a linear map, by power iteration.
///
/// `forward` takes G (the shape of `start`) to the matrix of R(C) vec(G), `backward` takes F to
/// that of R(C)ᵀ vec(F). For a sample covariance C = (1/n) Σ vec(X_i) vec(X_i)ᵀ these are
/// G ↦ (1/n) Σ X_i G X_iᵀ and F ↦ (1/n) Σ X_iᵀ F X_i: C itself is never formed. The error falls by
/// (σ₂/σ₁)² per step; a positive definite `start` (the identity) stays positive semi-definite.
///
/// # Errors
/// [`Error::Degenerate`] when the map sends the start to zero, [`Error::NonFinite`] when it
/// produces NaN or infinities, [`Error::Shape`] when `backward` gives another shape than `start`.
pub fn nearest_kronecker_of_map(
    forward: impl Fn(&Array2<f64>) -> Array2<f64>,
    backward: impl Fn(&Array2<f64>) -> Array2<f64>,
    start: Array2<f64>,
    options: PowerIteration,
) -> Result<MapNearest> {
    let (mut right, _) = unit(start.clone())?;
    let (mut left, mut size) = unit(forward(&right))?;
    let (mut steps, mut converged) = (0, false);
    while steps < options.max_steps && !converged {
        steps += 1;
        (right, _) = unit(backward(&left))?;
        if right.dim() != start.dim() {
            return Err(Error::shape(
                "the result of the backward map",
                format!("{:?}", start.dim()),
                right.dim(),
            ));
        }
        let previous = left;
        (left, size) = unit(forward(&right))?;
        if left.dim() != previous.dim() {
            let expected = format!("{:?}", previous.dim());
            return Err(Error::shape("the result of the forward map", expected, left.dim()));
        }
        // ‖u − v‖² of unit vectors from their difference, not from 2 − 2⟨u, v⟩.
        let aligned = inner(&left, &previous).signum();
        let change = &left - &(&previous * aligned);
        converged = norm(change.iter().copied()) <= options.tolerance;
    }
    let scale = orientation(&left) * size.sqrt();
    Ok(MapNearest {
        left: left * scale,
        right: right * scale,
        singular_value: size,
        steps,
        converged,
    })
}

fn unit(matrix: Array2<f64>) -> Result<(Array2<f64>, f64)> {
    require_finite("the image of the map", &matrix)?;
    let size = norm(matrix.iter().copied());
    if size == 0.0 {
        return Err(Error::Degenerate {
            what: "the power iteration met a zero matrix".to_owned(),
            remedy: "start from another matrix".to_owned(),
        });
    }
    Ok((matrix / size, size))
}
