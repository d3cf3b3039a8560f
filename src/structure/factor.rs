//! Few common factors and a diagonal: A = ΛΛᵀ + Ψ.

use super::descent::{Place, Terrain};
use super::{
    Shape, descent, flattened, not_definite, project_on, solve_gram, usable, whitened_tangent,
};
use crate::linalg::{Root, matmul, symmetric_eigen};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2};

/// A = ΛΛᵀ + Ψ with loadings Λ (d × K) and uniquenesses Ψ = diag(e^ψ).
///
/// Λ is identified up to a rotation, which is fixed by zeros above its diagonal. Coordinates: Λ
/// row by row without those zeros, then ψ. K factors restrict a matrix of order d when
/// (d−K)² ≥ d+K; more of them are refused, because they are not identified and an unstructured
/// factor says the same. A uniqueness that the likelihood drives to zero (a Heywood case) is
/// held at 1e-9 of its variance, which counts as stationary.
///
/// The best for a scatter is found by descent, from loadings that are best for given
/// uniquenesses: with Ψ^(−1/2)SΨ^(−1/2) = Q diag(l) Qᵀ these are Ψ^(1/2) Q_K (l_K − 1)₊^(1/2).
/// There may be several local minima; the lower of two starts is taken. Where the factors are weak
/// (loadings near zero), they are hardly told from the uniquenesses and fits end slowly.
///
/// # References
/// Jöreskog (1967), Psychometrika 32, 443–482; Ledermann (1937), Psychometrika 2, 85–93.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor {
    /// K, the number of factors, at least 1.
    pub factors: usize,
}

const WHAT: &str = "a factor-analytic factor";
/// Share of a variance at which a falling uniqueness is held.
const FLOOR: f64 = 1e-9;
/// Share of a variance below which a uniqueness counts as held.
const HELD: f64 = 1e-8;
/// Smallest share of a direction's information in the metric of the descent: with small loadings,
/// loadings and uniquenesses are nearly redundant.
const DAMPING: f64 = 1e-2;
/// Rounds of loadings and uniquenesses in turn before the descent starts.
const ROUNDS: usize = 5;

impl Factor {
    /// Loadings in row i that are not fixed at zero.
    fn width(&self, i: usize) -> usize {
        self.factors.min(i + 1)
    }

    fn n_loadings(&self, d: usize) -> usize {
        (0..d).map(|i| self.width(i)).sum()
    }

    /// Λ and Ψ's diagonal.
    fn decode(&self, coordinates: &[f64], d: usize) -> (Array2<f64>, Array1<f64>) {
        let mut loadings = Array2::zeros((d, self.factors));
        let mut values = coordinates.iter().copied();
        for i in 0..d {
            for k in 0..self.width(i) {
                loadings[[i, k]] = values.next().unwrap_or(0.0);
            }
        }
        (loadings, values.map(f64::exp).collect())
    }

    fn encode(&self, mut loadings: Array2<f64>, uniquenesses: &Array1<f64>) -> Vec<f64> {
        rotate_to_lower(&mut loadings);
        let rows = loadings.outer_iter().enumerate();
        let mut out: Vec<f64> = rows
            .flat_map(|(i, row)| row.iter().take(self.width(i)).copied().collect::<Vec<_>>())
            .collect();
        out.extend(uniquenesses.iter().map(|x| x.ln()));
        out
    }

    /// Loadings best for given uniquenesses.
    fn loadings_for(
        &self,
        scatter: ArrayView2<'_, f64>,
        uniquenesses: &Array1<f64>,
    ) -> Result<Array2<f64>> {
        let d = scatter.nrows();
        let scale = uniquenesses.mapv(f64::sqrt);
        let scaled =
            Array2::from_shape_fn((d, d), |(i, j)| scatter[[i, j]] / (scale[i] * scale[j]));
        let eigen = symmetric_eigen("a scaled scatter", scaled.view())?;
        Ok(Array2::from_shape_fn((d, self.factors), |(i, k)| {
            let at = d - 1 - k;
            scale[i] * eigen.vectors[[i, at]] * (eigen.values[at] - 1.0).max(0.0).sqrt()
        }))
    }

    /// Coordinates to start the descent from.
    fn guess(&self, scatter: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let diagonal = scatter.diag();
        if let Some(i) = diagonal.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
            return Err(not_definite(WHAT, i + 1));
        }
        let d = scatter.nrows();
        let share = 1.0 - self.factors as f64 / (2.0 * d as f64);
        let mut uniquenesses = match Root::of("a scatter", scatter) {
            // 1/(S⁻¹)_ii: what is left of a row after regression on all the others.
            Ok(root) => {
                let columns = root.inverse().to_owned();
                columns.columns().into_iter().map(|c| share / c.dot(&c)).collect()
            }
            Err(_) => diagonal.mapv(|x| 0.5 * x),
        };
        let mut loadings = self.loadings_for(scatter, &uniquenesses)?;
        for _ in 0..ROUNDS {
            for (i, u) in uniquenesses.iter_mut().enumerate() {
                let common: f64 = loadings.row(i).iter().map(|x| x * x).sum();
                *u = (diagonal[i] - common).max(0.005 * diagonal[i]);
            }
            loadings = self.loadings_for(scatter, &uniquenesses)?;
        }
        Ok(self.encode(loadings, &uniquenesses))
    }
}

/// Rotates the columns of Λ so that its upper triangle is zero and its diagonal is not negative.
fn rotate_to_lower(loadings: &mut Array2<f64>) {
    let (d, k) = loadings.dim();
    for i in 0..k.min(d) {
        for j in i + 1..k {
            let (a, b) = (loadings[[i, i]], loadings[[i, j]]);
            let length = a.hypot(b);
            if length == 0.0 {
                continue;
            }
            let (c, s) = (a / length, b / length);
            for row in 0..d {
                let (x, y) = (loadings[[row, i]], loadings[[row, j]]);
                loadings[[row, i]] = c * x + s * y;
                loadings[[row, j]] = c * y - s * x;
            }
            loadings[[i, j]] = 0.0;
        }
        if loadings[[i, i]] < 0.0 {
            loadings.column_mut(i).mapv_inplace(|x| -x);
        }
    }
}

/// The factor model with its uniquenesses held from below.
struct Held {
    shape: Factor,
    order: usize,
    /// ln of the smallest uniqueness of every row.
    floors: Vec<f64>,
}

impl Held {
    fn new(shape: Factor, scatter: ArrayView2<'_, f64>, share: f64) -> Self {
        let floors = scatter.diag().iter().map(|s| (share * s).ln()).collect();
        Self { shape, order: scatter.nrows(), floors }
    }

    /// The whitened tangents, without those of held uniquenesses.
    fn tangent(&self, place: &Place) -> Result<Array2<f64>> {
        let mut basis = whitened_tangent(&self.shape, &place.variables.to_vec(), &place.root)?;
        for (i, floor) in self.floors.iter().enumerate() {
            let at = self.first() + i;
            if place.variables[at] <= *floor && place.gradient[at] == 0.0 {
                basis.row_mut(at).fill(0.0);
            }
        }
        Ok(basis)
    }

    fn first(&self) -> usize {
        self.shape.n_loadings(self.order)
    }
}

impl Terrain for Held {
    fn matrix(&self, variables: &Array1<f64>) -> Result<Array2<f64>> {
        self.shape.matrix(&variables.to_vec(), self.order)
    }

    fn settle(&self, variables: &mut Array1<f64>) {
        let first = self.first();
        for (i, floor) in self.floors.iter().enumerate() {
            variables[first + i] = variables[first + i].max(*floor);
        }
    }

    /// Zero for a held uniqueness that would fall.
    fn gradient(&self, variables: &Array1<f64>, in_matrix: &Array2<f64>) -> Result<Array1<f64>> {
        let mut out = self.shape.pull_back(&variables.to_vec(), in_matrix.view())?;
        let first = self.first();
        for (i, floor) in self.floors.iter().enumerate() {
            if variables[first + i] <= *floor && out[first + i] > 0.0 {
                out[first + i] = 0.0;
            }
        }
        Ok(Array1::from(out))
    }

    fn precondition(&self, place: &Place, gradient: &Array1<f64>) -> Result<Array1<f64>> {
        let basis = self.tangent(place)?;
        solve_gram(&basis, gradient, DAMPING)
    }
}

impl Shape for Factor {
    fn name(&self) -> String {
        format!("factor:{}", self.factors)
    }

    fn check(&self, d: usize) -> Result<()> {
        let restricts = |k: usize| k < d && (d - k) * (d - k) >= d + k;
        if self.factors >= 1 && restricts(self.factors) {
            return Ok(());
        }
        let most = (1..d).take_while(|&k| restricts(k)).last();
        let allowed = match most {
            Some(most) => format!("between 1 and {most} for order {d}; beyond it use unstructured"),
            None => format!("left away: no number of factors restricts a matrix of order {d}"),
        };
        Err(Error::domain("the number of factors", self.factors, allowed))
    }

    fn n_parameters(&self, d: usize) -> usize {
        self.n_loadings(d) + d
    }

    /// The factor-analytic matrix nearest in Kullback–Leibler divergence: of a matrix of the
    /// structure, itself.
    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let order = matrix.nrows();
        let start = Array1::from(self.guess(matrix)?);
        let terrain = Held::new(*self, matrix, 1e-4 * FLOOR);
        let found = descent::descend(&terrain, matrix, start)?.to_vec();
        let (loadings, uniquenesses) = self.decode(&found, order);
        Ok(self.encode(loadings, &uniquenesses))
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let (loadings, uniquenesses) = self.decode(coordinates, d);
        if let Some(i) = uniquenesses.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
            return Err(not_definite(WHAT, i + 1));
        }
        let common = matmul(loadings.view(), loadings.t());
        usable(WHAT, common + Array2::from_diag(&uniquenesses))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let (loadings, uniquenesses) = self.decode(coordinates, d);
        let split = self.n_loadings(d).min(direction.len());
        let (turn, _) = self.decode(&direction[..split], d);
        let half = matmul(turn.view(), loadings.t());
        let mut out = &half + &half.t();
        for (i, t) in direction[split..].iter().enumerate() {
            out[[i, i]] += t * uniquenesses[i];
        }
        Ok(out)
    }

    /// ∇_Λ = 2GΛ, ∇_ψ = diag(G)∘e^ψ.
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = gradient.nrows();
        let (loadings, uniquenesses) = self.decode(coordinates, d);
        let in_loadings = matmul(gradient, loadings.view()) * 2.0;
        let mut out = Vec::with_capacity(coordinates.len());
        for i in 0..d {
            out.extend((0..self.width(i)).map(|k| in_loadings[[i, k]]));
        }
        out.extend(uniquenesses.iter().zip(gradient.diag()).map(|(u, g)| u * g));
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let mut starts = vec![self.coordinates(current)?];
        starts.extend(self.guess(scatter));
        let order = scatter.nrows();
        let start = descent::lowest(WHAT, scatter, starts, |start| self.matrix(start, order))?;
        let terrain = Held::new(*self, scatter, FLOOR);
        let found = descent::descend(&terrain, scatter, Array1::from(start))?;
        terrain.matrix(&found)
    }

    /// Smooth loadings: with none at all the loadings' derivative is zero.
    fn start(&self, d: usize) -> Result<Array2<f64>> {
        let loadings = Array2::from_shape_fn((d, self.factors), |(i, k)| {
            0.4 * (std::f64::consts::PI * (i as f64 + 0.5) * k as f64 / d as f64).cos()
        });
        self.matrix(&self.encode(loadings, &Array1::ones(d)), d)
    }

    fn required_rank(&self, _d: usize) -> usize {
        self.factors + 1
    }

    fn tolerates_constants(&self) -> bool {
        false
    }

    /// As the default, without the uniquenesses that are held and would fall.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let matrix = root.matrix();
        let coordinates = self.coordinates(matrix.view())?;
        let mut basis = whitened_tangent(self, &coordinates, root)?;
        let flat = flattened(whitened)?;
        let first = self.n_loadings(root.order());
        for (i, variance) in matrix.diag().iter().enumerate() {
            let mut tangent = basis.row_mut(first + i);
            if coordinates[first + i].exp() <= HELD * variance && tangent.dot(&flat) < 0.0 {
                tangent.fill(0.0);
            }
        }
        project_on(&basis, &flat)
    }

    /// Loadings of the correlations and the share of every variance that is unique.
    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<(String, f64)> {
        let d = matrix.nrows();
        let Ok(coordinates) = self.coordinates(matrix) else {
            return Vec::new();
        };
        let (loadings, uniquenesses) = self.decode(&coordinates, d);
        let mut out = Vec::new();
        for ((i, k), x) in loadings.indexed_iter().filter(|((i, k), _)| k <= i) {
            out.push((format!("loading[{i},{k}]"), x / matrix[[i, i]].sqrt()));
        }
        for (i, u) in uniquenesses.iter().enumerate() {
            out.push((format!("uniqueness[{i}]"), u / matrix[[i, i]]));
        }
        out
    }
}
