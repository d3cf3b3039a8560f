//! The discrepancy ln|A| + tr(A⁻¹S) of A = ΛΛᵀ + Ψ with the loadings profiled out: a function of
//! the d uniquenesses alone, with its gradient and exact Hessian from one eigendecomposition.
//!
//! With S scaled to unit variances, T = Ψ^(1/2) and T⁻¹ST⁻¹ = V diag(l) Vᵀ the best loadings are
//! T V_K (l_K − 1)^(1/2), of the K largest l those above 1. With x = 2 ln t and sums over the
//! other eigenpairs, E = Σ v vᵀ and F = Σ l v vᵀ,
//!
//! ∂f/∂x = diag(E − F),
//! ∂²f/∂x∂xᵀ = ½ diag(E − F) + E∘(3F − E)/2 + Σ_k (v_k v_kᵀ)∘Σ_m c_km v_m v_mᵀ with
//! c_km = ½(1 − l_m)(l_k + 3l_m)/(l_k − l_m), k among the factors.
//!
//! The steps are taken in t, in which f has a quadratic minimum where a uniqueness is driven to
//! zero (a Heywood case). There TS⁻¹T, whose eigenvalues are 1/l, keeps the digits that T⁻¹ST⁻¹
//! would lose.
//!
//! # References
//! Jöreskog (1967), Psychometrika 32, 443–482; Clarke (1970), British Journal of Mathematical and
//! Statistical Psychology 23, 43–52 (second derivatives).

use super::super::not_definite;
use super::WHAT;
use crate::Result;
use crate::linalg::{LowRank, Root, matmul, symmetric_eigen};
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

const MAX_STEPS: usize = 100;
/// The square of the gradient's length in the metric of the Hessian at which f is at its minimum.
const TOLERANCE: f64 = 1e-24;
/// Longest step of the root of a uniqueness, in units of the standard deviation.
const LONGEST: f64 = 0.3;
/// Condition of the correlations (from the Cholesky factor) beyond which S counts as singular.
const SINGULAR: f64 = 1e-11;
/// Eigenvalue l beyond which a uniqueness is so small that l has few digits.
const LARGE: f64 = 1e6;

/// One scatter.
pub(super) struct Profile {
    factors: usize,
    /// √S_ii.
    scale: Array1<f64>,
    /// The scatter scaled to a unit diagonal.
    scatter: Array2<f64>,
    /// Its inverse, unless it is singular.
    inverse: Option<Array2<f64>>,
    /// Smallest t, taken for zero.
    floor: f64,
}

/// What is known at some uniquenesses.
pub(super) struct Spot {
    t: Array1<f64>,
    /// f up to a constant; of a regular S it is 0 where A = S.
    pub(super) value: f64,
    /// l, descending, and the eigenvectors.
    latent: Array1<f64>,
    vectors: Array2<f64>,
    /// Factors with l > 1.
    top: usize,
}

impl Profile {
    pub(super) fn new(scatter: ArrayView2<'_, f64>, factors: usize) -> Result<Self> {
        if let Some(i) = scatter.diag().iter().position(|x| !(*x > 0.0 && x.is_finite())) {
            return Err(not_definite(WHAT, i + 1));
        }
        let scale = scatter.diag().mapv(f64::sqrt);
        let scaled =
            Array2::from_shape_fn(scatter.dim(), |(i, j)| scatter[[i, j]] / (scale[i] * scale[j]));
        let regular = Root::of("a scatter", scaled.view())
            .ok()
            .filter(|root| root.diagonal().iter().all(|x| x * x > SINGULAR));
        let inverse = regular.map(|root| matmul(root.inverse().t(), root.inverse()));
        let floor = if inverse.is_some() { 1e-6 } else { 1e-4 };
        Ok(Self { factors, scale, scatter: scaled, inverse, floor })
    }

    /// t of given uniquenesses.
    pub(super) fn roots_of(&self, diagonal: &Array1<f64>) -> Array1<f64> {
        diagonal.mapv(f64::sqrt) / &self.scale
    }

    /// Starts: what is left of a row after regression on all the others, one half, and each row
    /// in turn almost without a part of its own.
    pub(super) fn starts(&self) -> Vec<Array1<f64>> {
        let d = self.scale.len();
        let share = 1.0 - self.factors as f64 / (2.0 * d as f64);
        let half = Array1::from_elem(d, 0.5_f64.sqrt());
        let mut starts = vec![half.clone()];
        if let Some(inverse) = &self.inverse {
            starts.insert(0, inverse.diag().mapv(|x| (share / x).sqrt()));
        }
        for i in 0..d {
            let mut start = half.clone();
            start[i] = 0.05;
            starts.push(start);
        }
        starts
    }

    pub(super) fn at(&self, t: Array1<f64>) -> Result<Spot> {
        let t = t.mapv(|x| x.abs().max(self.floor));
        let d = t.len();
        let scaled = Array2::from_shape_fn((d, d), |(i, j)| match &self.inverse {
            Some(inverse) => inverse[[i, j]] * t[i] * t[j],
            None => self.scatter[[i, j]] / (t[i] * t[j]),
        });
        let eigen = symmetric_eigen("a scaled scatter", scaled.view())?;
        let (latent, vectors) = match self.inverse {
            // Rounding may leave an eigenvalue that is not positive.
            Some(_) => (eigen.values.mapv(|x| 1.0 / x.max(f64::MIN_POSITIVE)), eigen.vectors),
            None => {
                let turned = eigen.vectors.slice_axis(Axis(1), Slice::new(0, None, -1)).to_owned();
                (eigen.values.iter().rev().map(|x| x.max(0.0)).collect(), turned)
            }
        };
        let top = latent.iter().take(self.factors).take_while(|l| **l > 1.0).count();
        let rest = latent.iter().skip(top);
        let value = match self.inverse {
            Some(_) => rest.map(|l| l - 1.0 - l.ln()).sum(),
            None => {
                let common = latent.iter().take(top).map(|l| l.ln() + 1.0 - l).sum::<f64>();
                latent.sum() + common + 2.0 * t.mapv(f64::ln).sum()
            }
        };
        Ok(Spot { t, value, latent, vectors, top })
    }

    /// The lowest of some starts, and down from there.
    pub(super) fn lowest(&self, starts: Vec<Array1<f64>>) -> Result<Spot> {
        let spots = starts.into_iter().filter_map(|t| self.at(t).ok());
        spots
            .filter(|spot| spot.value.is_finite())
            .min_by(|a, b| a.value.total_cmp(&b.value))
            .ok_or_else(|| not_definite(WHAT, self.scale.len()))
            .and_then(|start| self.descend(start))
    }

    /// The minimum below a start: Newton's method, and again as long as a uniqueness that it left
    /// at zero would rather rise.
    pub(super) fn descend(&self, start: Spot) -> Result<Spot> {
        let mut here = self.newton(start)?;
        for _ in 0..self.scale.len() {
            match self.release(&here) {
                Some(next) => here = self.newton(next)?,
                None => break,
            }
        }
        Ok(here)
    }

    /// No step rises by more than rounding; uniquenesses at zero stay there.
    fn newton(&self, start: Spot) -> Result<Spot> {
        let mut here = start;
        let mut before = f64::INFINITY;
        for _ in 0..MAX_STEPS {
            let (mut gradient, mut hessian) = self.derivatives(&here);
            self.hold(&here.t, &mut gradient, &mut hessian);
            let step = newton_step(&gradient, hessian.view())?;
            let slope = -gradient.dot(&step);
            let rounding = 1e-14 * (1.0 + here.value.abs());
            // Where f is flat to rounding the steps have to become shorter: to two thirds each
            // where a matrix of the structure has no uniqueness at all.
            if !(slope > TOLERANCE) || slope <= rounding && slope > 0.5 * before {
                break;
            }
            before = slope;
            match self.search(&here, &step, slope, rounding) {
                Some(next) => here = next,
                None => break,
            }
        }
        Ok(here)
    }

    /// A lower point with one of the vanishing uniquenesses larger: at zero f has no slope in t.
    fn release(&self, here: &Spot) -> Option<Spot> {
        let (gradient, _) = self.derivatives(here);
        let wants = |i: &usize| here.t[*i] <= self.floor && gradient[*i] < 0.0;
        let enough = 1e-14 * (1.0 + here.value.abs());
        (0..here.t.len()).filter(wants).find_map(|i| {
            let sizes = (0..14).map(|k| LONGEST * 0.5_f64.powi(k));
            let mut spots = sizes.filter_map(|size| {
                let mut t = here.t.clone();
                t[i] = size;
                self.at(t).ok()
            });
            spots.find(|spot| spot.value < here.value - enough)
        })
    }

    fn hold(&self, t: &Array1<f64>, gradient: &mut Array1<f64>, hessian: &mut Array2<f64>) {
        for i in (0..t.len()).filter(|i| t[*i] <= self.floor) {
            gradient[i] = 0.0;
            hessian.row_mut(i).fill(0.0);
            hessian.column_mut(i).fill(0.0);
            hessian[[i, i]] = 1.0;
        }
    }

    fn search(&self, here: &Spot, step: &Array1<f64>, slope: f64, rounding: f64) -> Option<Spot> {
        let longest = step.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let mut share = (LONGEST / longest).min(1.0);
        for _ in 0..40 {
            if let Ok(next) = self.at(&here.t + &(step * share)) {
                let fall = here.value - next.value;
                if fall >= 1e-4 * share * slope || slope <= rounding && fall.abs() <= rounding {
                    return Some(next);
                }
            }
            share *= 0.4;
        }
        None
    }

    /// Gradient and Hessian in t.
    fn derivatives(&self, spot: &Spot) -> (Array1<f64>, Array2<f64>) {
        let d = spot.t.len();
        let rest = spot.vectors.slice_axis(Axis(1), Slice::from(spot.top..));
        let latent = spot.latent.slice_axis(Axis(0), Slice::from(spot.top..));
        let weighted = |w: Array1<f64>| matmul((&rest * &w).view(), rest.t());
        let plain = weighted(Array1::ones(latent.len()));
        let scaled = weighted(latent.to_owned());
        let mut bent = &plain * &(&scaled * 1.5 - &plain * 0.5);
        for (k, v) in spot.vectors.columns().into_iter().take(spot.top).enumerate() {
            let weight = |l: &f64| {
                let ratio = l / spot.latent[k];
                0.5 * (1.0 - l) * (1.0 + 3.0 * ratio) / (1.0 - ratio).max(f64::EPSILON)
            };
            bent += &(weighted(latent.mapv(|l| weight(&l))) * v * v.insert_axis(Axis(1)));
        }
        let logarithmic = Array1::from_shape_fn(d, |i| plain[[i, i]] - scaled[[i, i]]);
        let t = &spot.t;
        let gradient = &logarithmic * 2.0 / t;
        let hessian = Array2::from_shape_fn((d, d), |(i, j)| {
            // ½·4 from the logarithms, −2 from the bend of ln t: nothing is left on the diagonal.
            4.0 * bent[[i, j]] / (t[i] * t[j])
        });
        (gradient, hessian)
    }

    /// Λ and Ψ, uniquenesses at the floor as zeros.
    pub(super) fn parts(&self, spot: &Spot) -> Result<LowRank> {
        let t = &spot.t;
        let held = |t: f64| t <= self.floor;
        let diagonal = t.mapv(|t| if held(t) { 0.0 } else { t * t });
        let strong = spot.latent.iter().take(spot.top).any(|l| *l > LARGE);
        let mut loadings = if strong { self.common(spot, &diagonal)? } else { self.plain(spot) };
        loadings *= &self.scale.view().insert_axis(Axis(1));
        Ok(LowRank { loadings, diagonal: diagonal * &self.scale * &self.scale })
    }

    /// Loadings from ΛΛᵀ = S − Ψ + T Σ(1 − l)v vᵀ T, which has no large l in it.
    fn common(&self, spot: &Spot, diagonal: &Array1<f64>) -> Result<Array2<f64>> {
        let rest = spot.vectors.slice_axis(Axis(1), Slice::from(spot.top..));
        let weights = spot.latent.slice_axis(Axis(0), Slice::from(spot.top..)).mapv(|l| 1.0 - l);
        let t = spot.t.view().insert_axis(Axis(1));
        let rest = &rest * &t;
        let residual = matmul((&rest * &weights).view(), rest.t());
        let common = &self.scatter + &residual - Array2::from_diag(diagonal);
        let eigen = symmetric_eigen("the common part of a scatter", common.view())?;
        let last = spot.t.len() - 1;
        Ok(Array2::from_shape_fn((last + 1, self.factors), |(i, k)| match k < spot.top {
            true => eigen.vectors[[i, last - k]] * eigen.values[last - k].max(0.0).sqrt(),
            false => 0.0,
        }))
    }

    /// T V_K (l_K − 1)^(1/2).
    fn plain(&self, spot: &Spot) -> Array2<f64> {
        Array2::from_shape_fn((spot.t.len(), self.factors), |(i, k)| match k < spot.top {
            true => spot.t[i] * spot.vectors[[i, k]] * (spot.latent[k] - 1.0).sqrt(),
            false => 0.0,
        })
    }
}

/// −|H|⁻¹g: Newton's step where H is positive definite, downhill everywhere.
fn newton_step(gradient: &Array1<f64>, hessian: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    let eigen = symmetric_eigen("the curvature of a discrepancy", hessian)?;
    let largest = eigen.values.iter().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
    Ok(-eigen.map(|x| 1.0 / x.abs().max(1e-12 * largest)).dot(gradient))
}
