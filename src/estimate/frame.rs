//! A structure's coordinates, straightened at one point.

use crate::Result;
use crate::linalg::{Root, matmul, symmetric_eigen};
use crate::structure::Shape;
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// More coordinates than this are taken as they are: the Gram matrix would cost more than it saves.
const LARGEST: usize = 600;
/// Smallest share of the largest information that a direction is credited with.
const DAMPING: f64 = 1e-6;

/// θ = θ₀ + T x with TᵀFT = I where F_kl = ⟨L⁻¹ ∂_kA L⁻ᵀ, L⁻¹ ∂_lA L⁻ᵀ⟩/2d at θ₀, the factor's block
/// of the Gaussian's expected information per scalar observation: at θ₀ every direction of x has
/// the same curvature, whatever the structure's own coordinates are like.
pub(super) struct Frame {
    origin: Array1<f64>,
    /// T; `None` for the identity.
    turn: Option<Array2<f64>>,
    /// The direction in x along which the factor grows, up to directions that hardly move it.
    growth: Vec<f64>,
}

impl Frame {
    pub(super) fn new(shape: &dyn Shape, root: &Root) -> Result<Self> {
        let d = root.order();
        let origin = shape.coordinates_of(root)?;
        if origin.len() > LARGEST {
            let growth = plain_growth(shape, root)?;
            return Ok(Self { origin: Array1::from(origin), turn: None, growth });
        }
        let mut basis = Array2::zeros((origin.len(), d * d));
        let mut unit = vec![0.0; origin.len()];
        for (k, mut row) in basis.outer_iter_mut().enumerate() {
            unit[k] = 1.0;
            let tangent = root.whiten(shape.push_forward(&origin, &unit, d)?.view());
            row.iter_mut().zip(tangent.iter()).for_each(|(to, from)| *to = *from);
            unit[k] = 0.0;
        }
        let turn = straighten(&basis, d)?;
        let identity = Array1::from_iter(Array2::<f64>::eye(d));
        let growth = turn.t().dot(&basis.dot(&identity)).to_vec();
        Ok(Self { origin: Array1::from(origin), turn: Some(turn), growth })
    }

    pub(super) fn len(&self) -> usize {
        self.origin.len()
    }

    pub(super) fn growth(&self) -> &[f64] {
        &self.growth
    }

    /// θ at x.
    pub(super) fn theta(&self, x: &[f64]) -> Vec<f64> {
        (&self.origin + &Array1::from(self.direction(x))).to_vec()
    }

    /// T x.
    pub(super) fn direction(&self, x: &[f64]) -> Vec<f64> {
        match &self.turn {
            Some(turn) => turn.dot(&ArrayView1::from(x)).to_vec(),
            None => x.to_vec(),
        }
    }

    /// Tᵀ g.
    pub(super) fn gradient(&self, gradient: Vec<f64>) -> Vec<f64> {
        match &self.turn {
            Some(turn) => turn.t().dot(&Array1::from(gradient)).to_vec(),
            None => gradient,
        }
    }
}

/// T from the rows L⁻¹ ∂_kA L⁻ᵀ; first to unit lengths, so that units do not matter.
fn straighten(basis: &Array2<f64>, d: usize) -> Result<Array2<f64>> {
    let gram = matmul(basis.view(), basis.t()) / (2.0 * d as f64);
    let scale = gram.diag().mapv(|x| if x > 0.0 { 1.0 / x.sqrt() } else { 1.0 });
    let scaled = gram * &scale * scale.view().insert_axis(Axis(1));
    let eigen = symmetric_eigen("the information of a structure", scaled.view())?;
    let largest = eigen.values.iter().fold(0.0_f64, |m, &x| m.max(x));
    let lengths = eigen.values.mapv(|x| 1.0 / x.max(DAMPING * largest).sqrt());
    Ok(&eigen.vectors * &lengths * &scale.insert_axis(Axis(1)))
}

/// d θ(eᶜA)/dc at c = 0.
fn plain_growth(shape: &dyn Shape, root: &Root) -> Result<Vec<f64>> {
    let matrix = root.matrix();
    let h = 1e-3_f64;
    let up = shape.coordinates((&matrix * h.exp()).view())?;
    let down = shape.coordinates((&matrix * (-h).exp()).view())?;
    Ok(up.iter().zip(&down).map(|(a, b)| (a - b) / (2.0 * h)).collect())
}
