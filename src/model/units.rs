//! A model in other units: X'_ij = X_ij/(c_i d_j).

use super::{Mean, Model};
use crate::kronecker::{BySide, Side};
use ndarray::{Array1, Array2, Axis};

impl Model {
    /// The same set of laws for X' = C⁻¹ X D⁻¹ with diagonal C and D (`units` holds their diagonals):
    /// known matrices and designs move along. `None` where a structure cannot.
    pub(crate) fn in_units(&self, units: &BySide<Array1<f64>>) -> Option<Self> {
        let mut model = self.clone();
        for side in Side::BOTH {
            let structure = self.structure(side).in_units(&units[side])?;
            model = model.with(side, structure);
        }
        Some(model.mean(self.mean.in_units(units)))
    }
}

impl Mean {
    /// The means C⁻¹ M D⁻¹.
    fn in_units(&self, units: &BySide<Array1<f64>>) -> Self {
        let (rows, cols) = (&units[Side::Rows], &units[Side::Cols]);
        match self {
            Self::Free | Self::Zero => self.clone(),
            Self::Known(mean) => {
                let mut mean = mean.clone();
                mean.indexed_iter_mut().for_each(|((i, j), x)| *x /= rows[i] * cols[j]);
                Self::Known(mean)
            }
            Self::Rows if is_uniform(cols) => Self::Rows,
            Self::Cols if is_uniform(rows) => Self::Cols,
            Self::Scalar if is_uniform(rows) && is_uniform(cols) => Self::Scalar,
            _ => match self.design(rows.len(), cols.len()) {
                // A square design spans everything, and so does the identity.
                Some((left, right)) => {
                    Self::Linear { left: lowered(left, rows), right: lowered_right(right, cols) }
                }
                None => self.clone(),
            },
        }
    }
}

/// C⁻¹ X, or the identity, which spans the same, for a square X.
fn lowered(left: Array2<f64>, units: &Array1<f64>) -> Array2<f64> {
    if left.is_square() {
        return Array2::eye(units.len());
    }
    left / units.view().insert_axis(Axis(1))
}

/// X D⁻¹, or the identity for a square X.
fn lowered_right(right: Array2<f64>, units: &Array1<f64>) -> Array2<f64> {
    if right.is_square() { Array2::eye(units.len()) } else { right / units }
}

/// Is one unit all there is?
pub(crate) fn is_uniform(units: &Array1<f64>) -> bool {
    units.iter().all(|unit| *unit == units[0])
}
