//! Factors, mean and ln ν as one vector.

use crate::likelihood::Tangent;

/// A vector in the space of all parameters.
#[derive(Debug, Clone)]
pub(super) struct Full {
    pub(super) tangent: Tangent,
    pub(super) ln_dof: f64,
}

impl Full {
    pub(super) fn dot(&self, other: &Self) -> f64 {
        self.tangent.dot(&other.tangent) + self.ln_dof * other.ln_dof
    }

    /// Becomes the other one, in the memory that is there.
    pub(super) fn assign(&mut self, other: &Self) {
        self.tangent.assign(&other.tangent);
        self.ln_dof = other.ln_dof;
    }

    pub(super) fn add_scaled(&mut self, c: f64, other: &Self) {
        self.tangent.add_scaled(c, &other.tangent);
        self.ln_dof += c * other.ln_dof;
    }

    pub(super) fn scale(&mut self, c: f64) {
        self.tangent.scale(c);
        self.ln_dof *= c;
    }
}
