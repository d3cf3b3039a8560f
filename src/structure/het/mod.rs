//! Free variances on a structure of equal ones: A = D R D with D diagonal and R a correlation
//! matrix of the structure.

mod descent;
pub(super) mod scaling;

use super::{Parameter, Shape, not_definite, solve_semidefinite, usable};
use crate::Result;
use crate::linalg::{Root, matmul};
use ndarray::{Array1, Array2, ArrayView2};
use std::sync::Arc;

/// A structure of equal variances, whose correlation matrices are had by leaving out σ².
///
/// The defaults are for coordinates that begin with ln σ².
pub(super) trait EqualVariances: Shape {
    /// The structure's coordinates with σ² = 1 and these others.
    fn unit(&self, rest: &[f64], _d: usize) -> Vec<f64> {
        std::iter::once(0.0).chain(rest.iter().copied()).collect()
    }

    /// The same for a direction at `rest`.
    fn unit_step(&self, _rest: &[f64], step: &[f64], d: usize) -> Vec<f64> {
        self.unit(step, d)
    }

    /// The gradient in the others from the one in all coordinates.
    fn rest_gradient(&self, _rest: &[f64], all: &[f64], _d: usize) -> Vec<f64> {
        all.get(1..).unwrap_or(&[]).to_vec()
    }

    /// The others of the structure's coordinates, those of a correlation matrix.
    fn rest(&self, mut all: Vec<f64>) -> Vec<f64> {
        all.split_off(1)
    }

    /// Directions that span what R can do at `rest`, and whether the first of them only goes
    /// forward: an edge of the structure.
    ///
    /// # Errors
    /// As [`Shape::push_forward`].
    fn tangents(&self, rest: &[f64], d: usize) -> Result<(Vec<Array2<f64>>, bool)> {
        let at = self.unit(rest, d);
        let mut unit = vec![0.0; rest.len()];
        let mut tangent = |k: usize| {
            unit[k] = 1.0;
            let step = self.unit_step(rest, &unit, d);
            unit[k] = 0.0;
            self.push_forward(&at, &step, d)
        };
        Ok(((0..rest.len()).map(&mut tangent).collect::<Result<_>>()?, false))
    }

    /// The best A for a scatter among D R D, at least as good as `current`; `None` where a
    /// descent in coordinates finds it.
    ///
    /// # Errors
    /// As [`Shape::update`].
    fn update_scaled(
        &self,
        _scatter: ArrayView2<'_, f64>,
        _current: ArrayView2<'_, f64>,
    ) -> Option<Result<Array2<f64>>> {
        None
    }
}

/// A = D R D, D = diag(s_1, …, s_d), with R a correlation matrix of another structure.
///
/// Coordinates: the ln s_i, then those of the other structure without its scale. The best for a
/// scatter is found by descent, in the metric of the information, whose block of D is
/// 2(I + R∘R⁻¹); with `correlation` inside it would be unstructured. The whole likelihood may
/// have several maxima.
#[derive(Debug, Clone)]
pub struct Het {
    inner: Arc<dyn EqualVariances>,
}

impl Het {
    pub(super) fn new(inner: Arc<dyn EqualVariances>) -> Self {
        Self { inner }
    }

    fn decode(&self, coordinates: &[f64], d: usize) -> Result<(Array1<f64>, Array2<f64>)> {
        let (logs, rest) = coordinates.split_at(d.min(coordinates.len()));
        let deviations: Array1<f64> = logs.iter().map(|x| x.exp()).collect();
        Ok((deviations, self.inner.matrix(&self.inner.unit(rest, d), d)?))
    }

    /// The root of R, and R's coordinates.
    fn split(&self, root: &Root) -> Result<(Root, Vec<f64>)> {
        let lower = root.lower();
        let deviations: Array1<f64> = lower.rows().into_iter().map(|x| x.dot(&x).sqrt()).collect();
        let mut root = root.clone();
        root.scale_rows(deviations.mapv(f64::recip).view());
        let rest = self.inner.rest(self.inner.coordinates_of(&root)?);
        Ok((root, rest))
    }
}

/// D M D.
fn scaled(matrix: ArrayView2<'_, f64>, deviations: &Array1<f64>) -> Array2<f64> {
    let mut out = matrix.to_owned();
    for ((i, j), x) in out.indexed_iter_mut() {
        *x *= deviations[i] * deviations[j];
    }
    out
}

/// (s, R) of any positive definite matrix.
fn standardised(what: &str, matrix: ArrayView2<'_, f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    let diagonal = matrix.diag();
    if let Some(i) = diagonal.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
        return Err(not_definite(what, i + 1));
    }
    let deviations = diagonal.mapv(f64::sqrt);
    let mut correlations = scaled(matrix, &deviations.mapv(f64::recip));
    correlations.diag_mut().fill(1.0);
    Ok((deviations, correlations))
}

/// diag(w) R + R diag(w), the change of R along changes w of ln s.
fn turned(matrix: &Array2<f64>, weights: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn(matrix.dim(), |(i, j)| matrix[[i, j]] * (weights[i] + weights[j]))
}

/// The information of (ln s, rest) where R = L Lᵀ has these tangents: 2(I + R∘R⁻¹) for ln s,
/// 2(R⁻¹Ṙ_k)_ii beside it, tr(R⁻¹Ṙ_kR⁻¹Ṙ_l) for the rest.
fn information(root: &Root, tangents: &[Array2<f64>]) -> Array2<f64> {
    let d = root.order();
    let matrix = root.matrix();
    let inverse = matmul(root.inverse().t(), root.inverse());
    let whitened: Vec<Array2<f64>> = tangents.iter().map(|t| root.whiten(t.view())).collect();
    let size = d + tangents.len();
    let mut out = Array2::zeros((size, size));
    for ((i, j), x) in matrix.indexed_iter() {
        out[[i, j]] = 2.0 * (x * inverse[[i, j]] + if i == j { 1.0 } else { 0.0 });
    }
    for (k, tangent) in tangents.iter().enumerate() {
        for i in 0..d {
            let cross = 2.0 * inverse.row(i).dot(&tangent.column(i));
            out[[i, d + k]] = cross;
            out[[d + k, i]] = cross;
        }
        for l in 0..=k {
            let cross = whitened[k].iter().zip(&whitened[l]).map(|(a, b)| a * b).sum();
            out[[d + k, d + l]] = cross;
            out[[d + l, d + k]] = cross;
        }
    }
    out
}

impl Shape for Het {
    fn name(&self) -> String {
        format!("het:{}", self.inner.name())
    }

    fn check(&self, d: usize) -> Result<()> {
        self.inner.check(d)
    }

    fn distances(&self, d: usize) -> Option<Array2<f64>> {
        self.inner.distances(d)
    }

    fn n_parameters(&self, d: usize) -> usize {
        (d + self.inner.n_parameters(d)).saturating_sub(1)
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (deviations, correlations) = standardised(&self.name(), matrix)?;
        let mut out: Vec<f64> = deviations.iter().map(|s| s.ln()).collect();
        out.extend(self.inner.rest(self.inner.coordinates(correlations.view())?));
        Ok(out)
    }

    fn coordinates_of(&self, root: &Root) -> Result<Vec<f64>> {
        let lower = root.lower();
        let mut out: Vec<f64> = lower.rows().into_iter().map(|x| 0.5 * x.dot(&x).ln()).collect();
        out.extend(self.split(root)?.1);
        Ok(out)
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let (deviations, correlations) = self.decode(coordinates, d)?;
        usable(&self.name(), scaled(correlations.view(), &deviations))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let (deviations, correlations) = self.decode(coordinates, d)?;
        let (grown, step) = direction.split_at(d);
        let rest = &coordinates[d..];
        let step = self.inner.unit_step(rest, step, d);
        let change = self.inner.push_forward(&self.inner.unit(rest, d), &step, d)?;
        Ok(scaled((turned(&correlations, grown) + change).view(), &deviations))
    }

    /// 2 Σ_j G_ij A_ij for ln s_i; the other structure's own from D G D.
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = gradient.nrows();
        let (deviations, correlations) = self.decode(coordinates, d)?;
        let inward = scaled(gradient, &deviations);
        let rest = &coordinates[d..];
        let own = inward.rows().into_iter().zip(correlations.rows());
        let mut out: Vec<f64> = own.map(|(g, r)| 2.0 * g.dot(&r)).collect();
        let all = self.inner.pull_back(&self.inner.unit(rest, d), inward.view())?;
        out.extend(self.inner.rest_gradient(rest, &all, d));
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.inner
            .update_scaled(scatter, current)
            .unwrap_or_else(|| descent::update(self, scatter, current))
    }

    fn start(&self, d: usize) -> Result<Array2<f64>> {
        Ok(standardised(&self.name(), self.inner.start(d)?.view())?.1)
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        let (deviations, correlations) = standardised(&self.name(), matrix)?;
        let mut root = self.inner.root(what, correlations.view())?;
        root.scale_rows(deviations.view());
        Ok(root)
    }

    fn required_rank(&self, d: usize) -> usize {
        self.inner.required_rank(d).max(2.min(d))
    }

    fn tolerates_constants(&self) -> bool {
        false
    }

    /// The other structure's parameters, and the variances beside their mean.
    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let Ok((_, correlations)) = standardised(&self.name(), matrix) else { return Vec::new() };
        let mut out = self.inner.report(correlations.view());
        out.extend(Parameter::variances(matrix));
        out
    }

    fn note(&self, root: &Root) -> Option<String> {
        self.inner.note(&self.split(root).ok()?.0)
    }

    /// By the normal equations of the tangents, which D scales out of: with W the whitened
    /// gradient and R = L Lᵀ, the right-hand sides are 2(L⁻ᵀWLᵀ)_ii and ⟨L⁻ᵀWL⁻¹, Ṙ_k⟩.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let d = root.order();
        let (root, rest) = self.split(root)?;
        let (tangents, edge) = self.inner.tangents(&rest, d)?;
        let half = matmul(root.inverse().t(), whitened);
        let own = matmul(half.view(), root.lower().t());
        let inward = matmul(half.view(), root.inverse());
        let inner = |t: &Array2<f64>| inward.iter().zip(t).map(|(a, b)| a * b).sum::<f64>();
        let rhs: Array1<f64> =
            own.diag().iter().map(|x| 2.0 * x).chain(tangents.iter().map(inner)).collect();
        let gram = information(&root, &tangents);
        let mut weights = solve_semidefinite(gram.clone(), &rhs)?;
        if edge && weights.get(d).is_some_and(|w| *w < 0.0) {
            // The edge is not crossed: what is left moves without the tangent that leads out.
            let (mut gram, mut rhs) = (gram, rhs);
            gram.row_mut(d).fill(0.0);
            gram.column_mut(d).fill(0.0);
            rhs[d] = 0.0;
            weights = solve_semidefinite(gram, &rhs)?;
        }
        let mut moved = turned(&root.matrix(), &weights.to_vec());
        for (tangent, weight) in tangents.iter().zip(weights.iter().skip(d)) {
            moved.scaled_add(*weight, tangent);
        }
        Ok(root.whiten(moved.view()))
    }
}
