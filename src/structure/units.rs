//! Structures in other units: A' = C⁻¹ A C⁻¹ with a diagonal C.

use super::Structure;
use ndarray::Array1;

impl Structure {
    /// Does every diagonal C take matrices of the structure to matrices of a structure?
    pub(crate) fn has_free_units(&self) -> bool {
        matches!(self, Self::Unstructured | Self::Diagonal | Self::Factor(_) | Self::Known(_))
    }

    /// Can some of the variances shrink to 0 while the others stay?
    pub(crate) fn has_own_scales(&self) -> bool {
        matches!(self, Self::Unstructured | Self::Diagonal | Self::Factor(_))
    }

    /// The structure of C⁻¹ A C⁻¹ (`units` is the diagonal of C); `None` where there is none.
    pub(crate) fn in_units(&self, units: &Array1<f64>) -> Option<Self> {
        match self {
            // Every structure is a cone.
            _ if units.iter().all(|unit| *unit == units[0]) => Some(self.clone()),
            Self::Known(matrix) => {
                let mut matrix = matrix.clone();
                matrix.indexed_iter_mut().for_each(|((i, j), x)| *x /= units[i] * units[j]);
                Some(Self::Known(matrix))
            }
            _ => self.has_free_units().then(|| self.clone()),
        }
    }
}
