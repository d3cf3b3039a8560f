//! Directions in the space of all factors and means.

use super::Point;
use crate::kronecker::{BySide, Side};
use ndarray::{Array2, Zip};

/// A tangent vector (or a gradient) at a point, in whitened coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Tangent {
    /// X (p × p) and V (q × q), symmetric: A moves along L_A exp(tX) L_Aᵀ, B along L_B exp(tV) L_Bᵀ.
    pub factors: BySide<Array2<f64>>,
    /// Δ (p × q): M moves along M + t L_A Δ L_Bᵀ; one block per covariate (m·p × q).
    pub mean: Array2<f64>,
}

impl Tangent {
    /// The zero vector at p × q.
    pub fn zeros(p: usize, q: usize) -> Self {
        Self {
            factors: BySide::new(Array2::zeros((p, p)), Array2::zeros((q, q))),
            mean: Array2::zeros((p, q)),
        }
    }

    /// The zero vector at a point.
    pub fn at(point: &Point) -> Self {
        let (p, q) = point.dim();
        Self { mean: Array2::zeros(point.mean.dim()), ..Self::zeros(p, q) }
    }

    fn parts(&self) -> [&Array2<f64>; 3] {
        [&self.factors[Side::Rows], &self.factors[Side::Cols], &self.mean]
    }

    fn parts_mut(&mut self) -> impl Iterator<Item = &mut Array2<f64>> {
        self.factors.iter_mut().chain([&mut self.mean])
    }

    /// Sum of the entrywise products of all parts.
    pub fn dot(&self, other: &Self) -> f64 {
        self.parts().into_iter().zip(other.parts()).map(|(a, b)| inner(a, b)).sum()
    }

    /// √⟨v, v⟩.
    pub fn norm(&self) -> f64 {
        self.dot(self).sqrt()
    }

    /// v ← v + c·w.
    pub fn add_scaled(&mut self, c: f64, other: &Self) {
        self.parts_mut().zip(other.parts()).for_each(|(to, from)| to.scaled_add(c, from));
    }

    /// v ← c·v.
    pub fn scale(&mut self, c: f64) {
        self.parts_mut().for_each(|part| *part *= c);
    }

    /// v ← w, in the memory that is there.
    pub fn assign(&mut self, other: &Self) {
        self.parts_mut().zip(other.parts()).for_each(|(to, from)| to.assign(from));
    }
}

fn inner(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, x, y| sum + x * y)
}
