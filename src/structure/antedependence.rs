//! Antedependence of order one: a Markov chain with its own variances and lag correlations.

use super::{Parameter, Shape, lags, not_definite, usable};
use crate::Result;
use crate::linalg::Root;
use ndarray::{Array2, ArrayView2};

/// Each entry depends on the one before it: x_0 = s_0z_0, x_i = φ_i x_{i−1} + s_i z_i.
///
/// A has its own variances and correlations of neighbours; the others are products of those,
/// and A⁻¹ is tridiagonal. AR(1) with free variances and a free correlation at every lag.
/// Coordinates: ln s_0², then φ_i and ln s_i² for i = 1 … d−1; the information of all of them is
/// diagonal. The best for a scatter S has its diagonal and its first off-diagonal:
/// φ_i = S_{i,i−1}/S_{i−1,i−1}, s_i² = S_ii − φ_i S_{i,i−1}.
///
/// Every update is the one minimum, but the matrices are not geodesically convex: the whole
/// likelihood may have several maxima.
///
/// # References
/// Gabriel (1962), Annals of Mathematical Statistics 33, 201–212; Zimmerman & Núñez-Antón (2010),
/// Antedependence Models for Longitudinal Data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Antedependence;

const WHAT: &str = "an antedependence factor";

/// φ_1 … φ_{d−1} and s_0² … s_{d−1}².
struct Chain {
    regressions: Vec<f64>,
    innovations: Vec<f64>,
}

impl Chain {
    fn decode(coordinates: &[f64]) -> Self {
        let mut innovations = vec![coordinates.first().map_or(1.0, |x| x.exp())];
        let mut regressions = Vec::new();
        for pair in coordinates.get(1..).unwrap_or(&[]).chunks_exact(2) {
            regressions.push(pair[0]);
            innovations.push(pair[1].exp());
        }
        Self { regressions, innovations }
    }

    /// Of the chain with the variances and lag-one covariances of a matrix.
    fn of(matrix: ArrayView2<'_, f64>) -> Result<Self> {
        let d = matrix.nrows();
        let mut out = Self { regressions: Vec::new(), innovations: vec![matrix[[0, 0]]] };
        for i in 1..d {
            let (before, cross) = (matrix[[i - 1, i - 1]], matrix[[i, i - 1]]);
            let regression = cross / before;
            out.regressions.push(regression);
            out.innovations.push(matrix[[i, i]] - regression * cross);
        }
        match out.innovations.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
            Some(i) => Err(not_definite(WHAT, i + 1)),
            None => Ok(out),
        }
    }

    fn encode(&self) -> Vec<f64> {
        let mut out = vec![self.innovations[0].ln()];
        for (regression, innovation) in self.regressions.iter().zip(&self.innovations[1..]) {
            out.extend([*regression, innovation.ln()]);
        }
        out
    }

    /// Row by row: A_ij = φ_i A_{i−1,j} for j < i, A_ii = s_i² + φ_i A_{i,i−1}.
    fn matrix(&self) -> Array2<f64> {
        let d = self.innovations.len();
        let mut out = Array2::zeros((d, d));
        out[[0, 0]] = self.innovations[0];
        for i in 1..d {
            let regression = self.regressions[i - 1];
            for j in 0..i {
                out[[i, j]] = regression * out[[i - 1, j]];
                out[[j, i]] = out[[i, j]];
            }
            out[[i, i]] = self.innovations[i] + regression * out[[i, i - 1]];
        }
        out
    }
}

impl Shape for Antedependence {
    fn name(&self) -> String {
        "antedependence".to_owned()
    }

    fn distances(&self, d: usize) -> Option<Array2<f64>> {
        Some(lags(d))
    }

    fn n_parameters(&self, d: usize) -> usize {
        (2 * d).saturating_sub(1)
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        Ok(Chain::of(matrix)?.encode())
    }

    fn matrix(&self, coordinates: &[f64], _d: usize) -> Result<Array2<f64>> {
        usable(WHAT, Chain::decode(coordinates).matrix())
    }

    /// The recursion of the matrix, differentiated.
    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let chain = Chain::decode(coordinates);
        let matrix = chain.matrix();
        let step = |k: usize| direction.get(k).copied().unwrap_or(0.0);
        let mut out = Array2::zeros((d, d));
        out[[0, 0]] = step(0) * chain.innovations[0];
        for i in 1..d {
            let (turn, regression) = (step(2 * i - 1), chain.regressions[i - 1]);
            for j in 0..i {
                out[[i, j]] = turn * matrix[[i - 1, j]] + regression * out[[i - 1, j]];
                out[[j, i]] = out[[i, j]];
            }
            out[[i, i]] = step(2 * i) * chain.innovations[i]
                + turn * matrix[[i, i - 1]]
                + regression * out[[i, i - 1]];
        }
        Ok(out)
    }

    /// The same recursion backwards: what an entry is worth goes to those it was made of.
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = gradient.nrows();
        let chain = Chain::decode(coordinates);
        let matrix = chain.matrix();
        let mut worth = Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Greater => gradient[[i, j]] + gradient[[j, i]],
            std::cmp::Ordering::Equal => gradient[[i, i]],
            std::cmp::Ordering::Less => 0.0,
        });
        let mut out = vec![0.0; (2 * d).saturating_sub(1)];
        for i in (1..d).rev() {
            let regression = chain.regressions[i - 1];
            let own = worth[[i, i]];
            out[2 * i] = own * chain.innovations[i];
            out[2 * i - 1] = own * matrix[[i, i - 1]];
            worth[[i, i - 1]] += own * regression;
            for j in 0..i {
                out[2 * i - 1] += worth[[i, j]] * matrix[[i - 1, j]];
                let passed = worth[[i, j]] * regression;
                worth[[i - 1, j]] += passed;
            }
        }
        out[0] = worth[[0, 0]] * chain.innovations[0];
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        usable(WHAT, Chain::of(scatter)?.matrix())
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        let chain = Chain::of(matrix)?;
        let deviations: Vec<f64> = chain.innovations.iter().map(|x| x.sqrt()).collect();
        Root::of_markov(what, &deviations, &chain.regressions)
    }

    /// Neighbours must not be multiples of each other: two dimensions.
    fn required_rank(&self, d: usize) -> usize {
        d.min(2)
    }

    fn tolerates_constants(&self) -> bool {
        false
    }

    /// Variances beside their mean, and the correlations of neighbours.
    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let mut out = Parameter::variances(matrix);
        for i in 1..matrix.nrows() {
            let size = (matrix[[i, i]] * matrix[[i - 1, i - 1]]).sqrt();
            out.push(Parameter::correlation(matrix[[i, i - 1]] / size).between(i, i - 1));
        }
        out
    }

    /// Moving ln s_i² reaches e_ie_iᵀ, and moving φ_i reaches e_iℓᵀ + ℓe_iᵀ with ℓ row i − 1 of L,
    /// all of them orthogonal: of row i below the diagonal the part along ℓ is left.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let lower = root.lower();
        let mut out = Array2::from_diag(&whitened.diag());
        for i in 1..root.order() {
            let row = lower.row(i - 1);
            let pairs = || row.iter().zip(whitened.row(i)).take(i);
            let length: f64 = pairs().map(|(x, _)| x * x).sum();
            let along = pairs().map(|(x, w)| x * w).sum::<f64>() / length;
            for (j, x) in row.iter().take(i).enumerate() {
                out[[i, j]] = along * x;
                out[[j, i]] = along * x;
            }
        }
        Ok(out)
    }
}
