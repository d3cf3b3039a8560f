//! The channel that smears one side of a second moment towards a target.
//!
//! ```text
//! D(M)  = (1 − a) M + (a/d) tr(T⁻¹M) T          on moments
//! D*(W) = (1 − a) W + (a/d) tr(TW) T⁻¹          on precisions, its adjoint
//! ```

use crate::linalg::{Root, Spd, Temp, cholesky_lower, invert_lower, matmul, symmetrise};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis, Zip};

/// D with its intensity a and its target T (d × d).
#[derive(Debug, Clone)]
pub struct Channel {
    intensity: f64,
    target: Spd,
}

impl Channel {
    /// The channel of intensity a towards T, of which only the shape matters.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 0 ≤ a ≤ 1.
    pub fn new(intensity: f64, target: Spd) -> Result<Self> {
        if !(0.0..=1.0).contains(&intensity) {
            return Err(Error::domain("a shrinkage intensity", intensity, "between 0 and 1"));
        }
        Ok(Self { intensity, target })
    }

    /// a.
    pub fn intensity(&self) -> f64 {
        self.intensity
    }

    /// T.
    pub fn target(&self) -> &Spd {
        &self.target
    }

    /// D(M).
    pub fn smear(&self, moment: ArrayView2<'_, f64>) -> Array2<f64> {
        let target = self.target.matrix();
        let d = target.nrows() as f64;
        let trace = self.target.solve(moment).diag().sum();
        let mut out = moment.to_owned() * (1.0 - self.intensity);
        out.scaled_add(self.intensity * trace / d, &target);
        out
    }

    /// The channel in the coordinates that a root whitens.
    pub(super) fn seen_by(&self, root: &Root) -> Result<WhiteChannel> {
        let d = root.order();
        let mut shape = Temp::of(self.target.matrix());
        root.whiten_in_place(&mut shape);
        // L_T⁻¹L, whose Gram matrix is LᵀT⁻¹L.
        let turn = matmul(self.target.inverse_lower().view(), root.lower());
        let inverse = matmul(turn.t(), turn.view());
        let weight = self.intensity / d as f64;
        let mut precision = &inverse * (weight * shape.diag().sum());
        precision.diag_mut().mapv_inplace(|x| x + 1.0 - self.intensity);
        symmetrise(&mut precision);
        Ok(WhiteChannel { keep: 1.0 - self.intensity, weight, shape, inverse, precision })
    }
}

/// A channel in whitened coordinates, with P = L⁻¹TL⁻ᵀ in the place of T.
#[derive(Debug)]
pub(super) struct WhiteChannel {
    /// 1 − a.
    keep: f64,
    /// a/d.
    weight: f64,
    /// P.
    shape: Temp,
    /// P⁻¹.
    inverse: Array2<f64>,
    /// K = D*(I) = Lᵀ D*(A⁻¹) L.
    pub(super) precision: Array2<f64>,
}

impl WhiteChannel {
    /// D(M).
    pub(super) fn smear(&self, moment: &Array2<f64>) -> Array2<f64> {
        mix(self.keep, moment, self.weight * inner(&self.inverse, moment), &self.shape)
    }

    /// D*(W).
    pub(super) fn adjoint(&self, precision: &Array2<f64>) -> Array2<f64> {
        mix(self.keep, precision, self.weight * inner(&self.shape, precision), &self.inverse)
    }

    /// C lower triangular with CCᵀ = K⁻¹, and C⁻¹.
    pub(super) fn turn(&self, what: &str) -> Result<Turn> {
        // K = UUᵀ with U upper triangular, from the Cholesky factor of K read backwards: C⁻¹ = Uᵀ.
        let lower = cholesky_lower(what, reversed(&self.precision).view())?;
        let inverse = reversed(&lower).t().as_standard_layout().into_owned();
        let there = invert_lower(inverse.view());
        Ok(Turn { there, back: inverse })
    }
}

/// The way from the coordinates of A to those of the smeared precision's inverse, L' = LC.
#[derive(Debug)]
pub(super) struct Turn {
    /// C.
    pub(super) there: Array2<f64>,
    /// C⁻¹.
    pub(super) back: Array2<f64>,
}

/// Rows and columns from the last to the first.
fn reversed(matrix: &Array2<f64>) -> Array2<f64> {
    let mut view = matrix.view();
    view.invert_axis(Axis(0));
    view.invert_axis(Axis(1));
    view.as_standard_layout().into_owned()
}

fn mix(keep: f64, x: &Array2<f64>, weight: f64, y: &Array2<f64>) -> Array2<f64> {
    Zip::from(x).and(y).map_collect(|x, y| keep * x + weight * y)
}

fn inner(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, a, b| sum + a * b)
}
