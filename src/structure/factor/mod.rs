//! Few common factors and a diagonal: A = ΛΛᵀ + Ψ.

mod profile;

use super::{
    IntervalScale, Parameter, ParameterKind, Shape, not_definite, solve_semidefinite, usable,
};
use crate::linalg::{LowRank, Root, matmul};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use profile::Profile;

/// A = ΛΛᵀ + Ψ with loadings Λ (d × K) and uniquenesses Ψ = diag(t²).
///
/// Λ is identified up to a rotation, which is fixed by zeros above its diagonal. Coordinates: Λ
/// row by row without those zeros, then t. K factors restrict a matrix of order d when
/// (d−K)² ≥ d+K; more of them are refused, because they are not identified and an unstructured
/// factor says the same.
///
/// The best for a scatter is found by Newton's method in t with the loadings profiled out, O(Kd³)
/// a step; there may be several local minima, and the descent starts from the lower of the
/// current point and a standard guess. A uniqueness that the likelihood drives to zero (a Heywood
/// case) is zero: t = 0 is a quadratic minimum, and the score counts it as stationary as long as
/// the likelihood would not rise with it. A stays positive definite with up to K such rows.
///
/// Λ and Ψ cannot always be told from their sum, and never cheaply: the roots of this structure
/// remember them.
///
/// # References
/// Jöreskog (1967), Psychometrika 32, 443–482; Ledermann (1937), Psychometrika 2, 85–93.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor {
    /// K, the number of factors, at least 1.
    pub factors: usize,
}

const WHAT: &str = "a factor-analytic factor";
/// Share of a variance below which a uniqueness counts as zero in the score.
const HELD: f64 = 1e-9;
/// Share of a variance below which a uniqueness in coordinates starts from zero: a search would
/// see little of t but its bend, and a matrix alone does not tell it from rounding.
const NEARLY: f64 = 1e-8;
/// Discrepancy below which a matrix counts as one of the structure.
const EXACT: f64 = 1e-11;

impl Factor {
    /// Loadings in row i that are not fixed at zero.
    fn width(&self, i: usize) -> usize {
        self.factors.min(i + 1)
    }

    fn n_loadings(&self, d: usize) -> usize {
        (0..d).map(|i| self.width(i)).sum()
    }

    /// Λ and t.
    fn decode(&self, coordinates: &[f64], d: usize) -> (Array2<f64>, Array1<f64>) {
        let mut loadings = Array2::zeros((d, self.factors));
        let mut values = coordinates.iter().copied();
        for i in 0..d {
            for k in 0..self.width(i) {
                loadings[[i, k]] = values.next().unwrap_or(0.0);
            }
        }
        (loadings, values.collect())
    }

    fn encode(&self, parts: &LowRank) -> Vec<f64> {
        let mut loadings = parts.loadings.clone();
        rotate_to_lower(&mut loadings);
        let rows = loadings.outer_iter().enumerate();
        let mut out: Vec<f64> = rows
            .flat_map(|(i, row)| row.iter().take(self.width(i)).copied().collect::<Vec<_>>())
            .collect();
        out.extend(parts.diagonal.iter().map(|x| x.sqrt()));
        out
    }

    /// Λ and Ψ of the factor-analytic matrix that is nearest in Kullback–Leibler divergence: of a
    /// matrix of the structure, its own.
    fn split(&self, matrix: ArrayView2<'_, f64>) -> Result<LowRank> {
        let profile = Profile::new(matrix, self.factors)?;
        let mut best = None;
        for start in profile.starts() {
            let spot = profile.descend(profile.at(start)?)?;
            let value = spot.value;
            if best.as_ref().is_none_or(|(lowest, _)| value < *lowest) {
                best = Some((value, spot));
            }
            if value < EXACT {
                break;
            }
        }
        match best {
            Some((_, spot)) => Ok(vanish(profile.parts(&spot)?, &matrix.diag().to_owned(), NEARLY)),
            None => Err(not_definite(WHAT, 1)),
        }
    }

    fn parts(&self, root: &Root) -> Result<LowRank> {
        match root.low_rank() {
            Some(parts) => Ok(parts.clone()),
            None => self.split(root.matrix().view()),
        }
    }

    /// The best parts for a scatter, from the better of the current ones and the guess.
    fn improve(&self, scatter: ArrayView2<'_, f64>, current: &LowRank) -> Result<LowRank> {
        let profile = Profile::new(scatter, self.factors)?;
        let mut starts = vec![profile.roots_of(&current.diagonal)];
        starts.extend(profile.starts().into_iter().take(1));
        profile.parts(&profile.lowest(starts)?)
    }
}

/// Zeros for uniquenesses below a share of their variances.
fn vanish(mut parts: LowRank, variances: &Array1<f64>, share: f64) -> LowRank {
    parts.diagonal.zip_mut_with(variances, |u, variance| {
        *u = if *u < share * variance { 0.0 } else { *u };
    });
    parts
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

/// Orthonormal columns that span those of a matrix; fewer where it lacks rank.
fn orthonormal(matrix: &Array2<f64>) -> Array2<f64> {
    let mut basis: Vec<Array1<f64>> = Vec::new();
    for column in matrix.columns() {
        let mut rest = column.to_owned();
        for _ in 0..2 {
            for b in &basis {
                let along = b.dot(&rest);
                rest.scaled_add(-along, b);
            }
        }
        let length = rest.dot(&rest).sqrt();
        if length > 1e-10 * column.dot(&column).sqrt() {
            basis.push(rest / length);
        }
    }
    Array2::from_shape_fn((matrix.nrows(), basis.len()), |(i, k)| basis[k][i])
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

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        Ok(self.encode(&self.split(matrix)?))
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let (loadings, t) = self.decode(coordinates, d);
        let common = matmul(loadings.view(), loadings.t());
        usable(WHAT, common + Array2::from_diag(&(&t * &t)))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let (loadings, t) = self.decode(coordinates, d);
        let (turn, along) = self.decode(direction, d);
        let half = matmul(turn.view(), loadings.t());
        Ok(&half + &half.t() + Array2::from_diag(&(t * along * 2.0)))
    }

    /// ∇_Λ = 2GΛ, ∇_t = 2 diag(G)∘t.
    fn pull_back(&self, coordinates: &[f64], gradient: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let d = gradient.nrows();
        let (loadings, t) = self.decode(coordinates, d);
        let in_loadings = matmul(gradient, loadings.view()) * 2.0;
        let mut out = Vec::with_capacity(coordinates.len());
        for i in 0..d {
            out.extend((0..self.width(i)).map(|k| in_loadings[[i, k]]));
        }
        out.extend(t.iter().zip(gradient.diag()).map(|(t, g)| 2.0 * t * g));
        Ok(out)
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let parts = self.improve(scatter, &self.split(current)?)?;
        Ok(Root::of_low_rank(WHAT, parts)?.matrix())
    }

    /// Smooth loadings: with none at all the loadings' derivative is zero.
    fn start(&self, d: usize) -> Result<Array2<f64>> {
        let loadings = Array2::from_shape_fn((d, self.factors), |(i, k)| {
            0.4 * (std::f64::consts::PI * (i as f64 + 0.5) * k as f64 / d as f64).cos()
        });
        usable(WHAT, matmul(loadings.view(), loadings.t()) + Array2::<f64>::eye(d))
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        Root::of_low_rank(what, self.split(matrix)?)
    }

    fn root_at(&self, what: &str, coordinates: &[f64], d: usize) -> Result<Root> {
        let (loadings, t) = self.decode(coordinates, d);
        Root::of_low_rank(what, LowRank { loadings, diagonal: &t * &t })
    }

    /// Nearly vanishing uniquenesses as zeros.
    fn coordinates_of(&self, root: &Root) -> Result<Vec<f64>> {
        let parts = vanish(self.parts(root)?, &variances(root), NEARLY);
        Ok(self.encode(&parts))
    }

    fn advance(&self, what: &str, scatter: ArrayView2<'_, f64>, current: &Root) -> Result<Root> {
        Root::of_low_rank(what, self.improve(scatter, &self.parts(current)?)?)
    }

    fn required_rank(&self, _d: usize) -> usize {
        self.factors + 1
    }

    fn tolerates_constants(&self) -> bool {
        false
    }

    /// With Q a basis of L⁻¹Λ and N = I − QQᵀ, moving Λ reaches all of W but NWN, and moving Ψ
    /// reaches of that the span of the N v vᵀ N, v the columns of L⁻¹: those that the loadings
    /// leave. Uniquenesses at zero that would fall are left out.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let LowRank { loadings, diagonal } = self.parts(root)?;
        let basis = orthonormal(&matmul(root.inverse(), loadings.view()));
        let annihilator = Array2::eye(root.order()) - matmul(basis.view(), basis.t());
        let mut columns = matmul(annihilator.view(), root.inverse());
        let half = matmul(annihilator.view(), whitened);
        let beyond = matmul(half.view(), annihilator.view());
        let mut along = (matmul(beyond.view(), columns.view()) * &columns).sum_axis(Axis(0));
        for (i, share) in (diagonal / variances(root)).iter().enumerate() {
            if *share <= HELD && along[i] < 0.0 {
                columns.column_mut(i).fill(0.0);
                along[i] = 0.0;
            }
        }
        let weights = solve_semidefinite(matmul(columns.t(), columns.view()).powi(2), &along)?;
        let reached = matmul((&columns * &weights).view(), columns.t());
        Ok(&whitened - &beyond + &reached)
    }

    /// Loadings of the correlations and the share of every variance that is unique.
    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let d = matrix.nrows();
        let Ok(coordinates) = self.coordinates(matrix) else {
            return Vec::new();
        };
        let (loadings, t) = self.decode(&coordinates, d);
        let mut out = Vec::new();
        for ((i, k), x) in loadings.indexed_iter().filter(|((i, k), _)| k <= i) {
            let value = x / matrix[[i, i]].sqrt();
            let loading = Parameter::new(ParameterKind::Loading, value, IntervalScale::Linear);
            out.push(loading.between(i, k));
        }
        for (i, t) in t.iter().enumerate() {
            let share = t * t / matrix[[i, i]];
            let kind = ParameterKind::Uniqueness;
            out.push(Parameter::new(kind, share, IntervalScale::Logit).at(i));
        }
        out
    }
}

/// The diagonal of L Lᵀ.
fn variances(root: &Root) -> Array1<f64> {
    root.lower().map(|x| x * x).sum_axis(Axis(1))
}
