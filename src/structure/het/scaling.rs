//! The best variances beside given correlations.

use crate::linalg::{Root, Spd, matmul};
use ndarray::{Array1, Array2, ArrayView2};

/// Newton steps that are enough for any start: the function is self-concordant.
const MAX_STEPS: usize = 100;
/// Newton decrement at which the point counts as the minimum.
const TOLERANCE: f64 = 1e-13;

/// s that minimises 2Σ ln s_i + tr(R⁻¹D⁻¹SD⁻¹), D = diag(s), R = L Lᵀ; `None` where there is none.
///
/// In w = 1/s this is −2Σ ln w_i + wᵀ(R⁻¹∘S)w: strictly convex and self-concordant, so that damped
/// Newton steps reach the one minimum from everywhere.
///
/// # References
/// Marshall & Olkin (1968), Numerische Mathematik 12, 83–90.
pub(in crate::structure) fn best(root: &Root, scatter: ArrayView2<'_, f64>) -> Option<Array1<f64>> {
    let weights = matmul(root.inverse().t(), root.inverse()) * scatter;
    let mut w = scatter.diag().mapv(|x| 1.0 / x.sqrt());
    if !w.iter().all(|x| x.is_finite() && *x > 0.0) {
        return None;
    }
    w *= (w.len() as f64 / w.dot(&weights.dot(&w))).sqrt();
    for _ in 0..MAX_STEPS {
        let step = newton(&weights, &w)?;
        w = &w
            + &(&step.direction / (1.0 + if step.decrement > 0.25 { step.decrement } else { 0.0 }));
        if step.decrement < TOLERANCE {
            break;
        }
    }
    let s = w.mapv(f64::recip);
    s.iter().all(|x| x.is_finite() && *x > 0.0).then_some(s)
}

struct Step {
    direction: Array1<f64>,
    decrement: f64,
}

/// The Newton step of −2Σ ln w_i + wᵀKw in units of w: (I + WKW) y = 1 − WKw.
fn newton(weights: &Array2<f64>, w: &Array1<f64>) -> Option<Step> {
    let d = w.len();
    let mut hessian = Array2::from_shape_fn((d, d), |(i, j)| w[i] * weights[[i, j]] * w[j]);
    let gradient = hessian.sum_axis(ndarray::Axis(1)).mapv(|x| 1.0 - x);
    hessian.diag_mut().mapv_inplace(|x| x + 1.0);
    crate::linalg::symmetrise(&mut hessian);
    let solver = Spd::new("the Hessian of a scaling", hessian).ok()?;
    let y = solver.solve(gradient.view().insert_axis(ndarray::Axis(1))).column(0).to_owned();
    let decrement = (2.0 * y.dot(&gradient)).max(0.0).sqrt();
    Some(Step { direction: y * w, decrement })
}
