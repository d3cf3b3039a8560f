//! How the estimates vary together: the covariance of everything that has an interval.

use super::standard_errors::{Delta, StandardErrors, block};
use crate::Result;
use crate::kronecker::{BySide, Side};
use crate::linalg::matmul;
use ndarray::{Array1, Array2};

impl StandardErrors {
    /// Asymptotic covariance of the estimates in the order of [`StandardErrors::intervals`], by
    /// the delta method: G V Gᵀ with V = [`StandardErrors::covariance`] and one gradient in each
    /// row of G. Its diagonal holds the squares of the standard errors.
    ///
    /// # Errors
    /// When a structure cannot be differentiated.
    pub fn parameter_covariance(&self) -> Result<Array2<f64>> {
        let rows = self.gradients()?;
        let mut all = Array2::zeros((rows.len(), self.basis.covariance.nrows()));
        all.outer_iter_mut().zip(&rows).for_each(|(mut to, row)| to.assign(row));
        Ok(matmul(matmul(all.view(), self.basis.covariance.view()).view(), all.t()))
    }

    /// One gradient for every interval, in the same order.
    fn gradients(&self) -> Result<Vec<Array1<f64>>> {
        let (frame, e) = (&self.basis.information.frame, &self.estimates);
        let (len, (_, dof_at, _)) = (frame.len(), frame.offsets());
        let deltas = BySide::try_of(|side| {
            let (factor, at) = (&frame.factors[side], frame.start(side));
            Delta::new(factor, block(&self.basis.covariance, at, factor.len()))
        })?;
        let placed = |at: usize, part: &mut dyn Iterator<Item = f64>| {
            let mut out = Array1::zeros(len);
            out.iter_mut().skip(at).zip(part).for_each(|(to, x)| *to = x);
            out
        };
        let mut scales = deltas.iter().flat_map(|d| d.ln_scale.iter()).map(|x| e.sigma2 * x);
        let mut out = vec![placed(0, &mut scales)];
        if let (Some(dof), Some(_)) = (e.dof, self.dof) {
            out.push(placed(dof_at, &mut std::iter::once(dof)));
        }
        let own = BySide::new(&e.row_parameters, &e.col_parameters);
        for side in Side::BOTH {
            let (at, jacobian) =
                (frame.start(side), deltas[side].parameter_jacobian(own[side].len())?);
            out.extend(jacobian.columns().into_iter().map(|c| placed(at, &mut c.iter().copied())));
        }
        let correlations = BySide::new(&self.row_correlation, &self.col_correlation);
        for side in Side::BOTH {
            if own[side].iter().any(|parameter| parameter.kind.is_of_correlations()) {
                continue;
            }
            let (at, errors) = (frame.start(side), correlations[side]);
            let (jacobian, d) = (deltas[side].correlation_jacobian(), errors.nrows());
            let below = (1..d).flat_map(|i| (0..i).map(move |j| (i, j)));
            for (i, j) in below.filter(|at| errors[*at] > 0.0) {
                out.push(placed(at, &mut jacobian.column(i * d + j).iter().copied()));
            }
        }
        out.extend(self.mean_gradients());
        Ok(out)
    }

    /// Of the entries of M = CΘD by Θ, row by row.
    fn mean_gradients(&self) -> Vec<Array1<f64>> {
        let frame = &self.basis.information.frame;
        let Some((left, right)) = frame.mean.as_ref().filter(|_| self.estimates.has_mean) else {
            return Vec::new();
        };
        // The frame holds both designs whitened.
        let left = matmul(frame.factors[Side::Rows].root.lower(), left.view());
        let right = matmul(right.view(), frame.factors[Side::Cols].root.lower().t());
        let (at, len) = (frame.offsets().0, frame.len());
        let mut out = Vec::new();
        for c in left.rows() {
            for d in right.columns() {
                let mut gradient = Array1::zeros(len);
                let weights = c.iter().flat_map(|x| d.iter().map(move |y| x * y));
                gradient.iter_mut().skip(at).zip(weights).for_each(|(to, x)| *to = x);
                out.push(gradient);
            }
        }
        out
    }
}
