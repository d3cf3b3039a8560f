//! How a law weighs a whitened sample: ρ, Ψ = ∂ρ/∂Z, and the derivative of Ψ.

use crate::linalg::{Aligned, zeros};
use ndarray::{ArrayView2, ArrayViewMut2};

/// How Ψ(Z) is made of Z: the one thing that every law has to say, with its derivative.
///
/// What a variant carries is all that likelihood, estimators, certificates and standard errors
/// need of ρ, so a law cannot leave part of it out.
#[derive(Clone, Copy)]
pub enum Weighting<'a> {
    /// ρ = ½‖Z‖² and Ψ(Z) = Z: the matrix normal, under whatever name.
    Identity,
    /// ρ is a function of δ = ‖Z‖², so that Ψ(Z) = w Z with one number w per sample.
    Elliptical(&'a dyn Elliptical),
    /// Ψ(Z) is any other matrix of the shape of Z with Z Ψᵀ and Zᵀ Ψ symmetric.
    Matrix(&'a dyn MatrixWeights),
}

/// ρ, weight and slope of an elliptical law at one squared radius δ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Radial {
    /// ρ(δ).
    pub rho: f64,
    /// w = 2 dρ/dδ.
    pub weight: f64,
    /// dw/dδ.
    pub slope: f64,
}

/// A law whose ρ depends on the squared radius alone.
pub trait Elliptical: Send + Sync {
    /// ρ, w and dw/dδ as functions of δ = ‖Z‖² in d = pq dimensions.
    fn radial(&self, delta: f64, d: usize) -> Radial;
}

/// A law whose weights are matrices, or that does not factor through δ.
pub trait MatrixWeights: Send + Sync {
    /// Writes Ψ(Z) into `psi` (which arrives with unspecified contents) and gives
    /// (ρ(Z), w).
    ///
    /// With Ψ = SZ, w is a bound on the eigenvalues of S: the mean moves by ΣΨ/Σw, which then never
    /// overshoots. Laws with [`TwoSided`](super::TwoSided) steps move it otherwise, and may say 1.
    fn weigh(
        &self,
        z: ArrayView2<'_, f64>,
        psi: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    ) -> (f64, f64);

    /// Writes the derivative DΨ(Z)\[H\] into `out`: the exact second order of the law.
    fn weigh_derivative(
        &self,
        z: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
        out: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    );

    /// [`MatrixWeights::weigh`] for all samples of a lane-ordered block (p, q, lanes) at once, where
    /// the law can: Ψ of every lane into `psi`, ρ into `rho`. Gives w, one for all; `None`: do it
    /// sample by sample.
    fn weigh_lanes(
        &self,
        _z: &[f64],
        _dim: (usize, usize, usize),
        _psi: &mut [f64],
        _rho: &mut [f64],
        _scratch: &mut Scratch,
    ) -> Option<f64> {
        None
    }
}

/// Memory that a law may use while it weighs; it grows once and is then reused.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// Free for the law's own use.
    pub buffer: Aligned,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { buffer: zeros(0) }
    }
}

pub(super) fn squared_norm(z: ArrayView2<'_, f64>) -> f64 {
    z.iter().map(|x| x * x).sum()
}

impl Weighting<'_> {
    /// Is Ψ(Z) = Z, and the law the Gaussian?
    pub fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    /// Are the weights matrices?
    pub fn is_matrix(&self) -> bool {
        matches!(self, Self::Matrix(_))
    }

    /// Writes Ψ(Z) into `psi` and gives (ρ(Z), w) for one whitened sample.
    pub fn weigh(
        &self,
        z: ArrayView2<'_, f64>,
        mut psi: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    ) -> (f64, f64) {
        match self {
            Self::Identity => {
                psi.assign(&z);
                (0.5 * squared_norm(z), 1.0)
            }
            Self::Elliptical(law) => {
                let radial = law.radial(squared_norm(z), z.len());
                psi.zip_mut_with(&z, |to, from| *to = radial.weight * from);
                (radial.rho, radial.weight)
            }
            Self::Matrix(law) => law.weigh(z, psi, scratch),
        }
    }

    /// Writes DΨ(Z)\[H\] into `out`: H, wH + 2 (dw/dδ) ⟨Z, H⟩ Z, or what the law says.
    pub fn weigh_derivative(
        &self,
        z: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
        mut out: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    ) {
        match self {
            Self::Identity => out.assign(&h),
            Self::Elliptical(law) => {
                let radial = law.radial(squared_norm(z), z.len());
                let inner: f64 = z.iter().zip(&h).map(|(a, b)| a * b).sum();
                out.assign(&z);
                out *= 2.0 * radial.slope * inner;
                out.scaled_add(radial.weight, &h);
            }
            Self::Matrix(law) => law.weigh_derivative(z, h, out, scratch),
        }
    }

    /// ρ(Z) of one whitened sample.
    pub fn rho(&self, z: ArrayView2<'_, f64>) -> f64 {
        match self {
            Self::Identity => 0.5 * squared_norm(z),
            Self::Elliptical(law) => law.radial(squared_norm(z), z.len()).rho,
            Self::Matrix(law) => {
                let mut psi = ndarray::Array2::zeros(z.dim());
                law.weigh(z, psi.view_mut(), &mut Scratch::default()).0
            }
        }
    }
}
