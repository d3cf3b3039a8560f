//! Correlation that falls with the distance between given positions: A_ij = σ²k(|t_i − t_j|/range).

mod kernel;
mod line;
mod plain;
mod scaled;
mod search;

pub use kernel::Kernel;

use super::{
    IntervalScale, Parameter, ParameterKind, Positions, Shape, not_definite, project_scale,
    project_scale_and, usable,
};
use crate::Result;
use crate::linalg::{Root, symmetric_eigen};
use line::Line;
use ndarray::{Array2, ArrayView2};
use plain::Plain;
use std::sync::OnceLock;

/// A_ij = σ²k(|t_i − t_j|/range) with a [`Kernel`] k and positions t.
///
/// Coordinates are (ln σ², u), where φ = tanh²u is the correlation of the two nearest positions; at
/// d = 1 there is no range and the one coordinate is ln σ². φ = 0 is independence, which belongs to
/// the structure: it is where a scatter leads whose neighbours are not positively correlated, and
/// an ordinary quadratic minimum in u.
///
/// The best for a scatter has σ² = tr(R⁻¹S)/d; what is left is a function of the range, whose
/// lowest value on a grid is followed to a minimum. Positions on a line that rise or fall make the
/// exponential a Markov chain: update and whitening are O(d) then. Other kernels cost O(d³).
///
/// There may be several local maxima of the whole likelihood: the family is not geodesically
/// convex.
///
/// # References
/// Stein (1999), Interpolation of Spatial Data, ch. 2; Jones (1993), Longitudinal Data with Serial
/// Correlation, ch. 3.
#[derive(Debug, Clone)]
pub struct Spatial {
    kernel: Kernel,
    positions: Positions,
    layout: OnceLock<Result<Layout>>,
}

const WHAT: &str = "a factor of given positions";
/// Correlation of the nearest below which it counts as none in the score.
const HELD: f64 = 1e-9;
/// −ln of the correlation of the nearest beyond which there is none.
const NONE: f64 = 45.0;
/// Condition number from which a note says so.
const SINGULAR: f64 = 1e10;
/// Correlation of the nearest that a fit starts from.
const START: f64 = 0.5;

/// The distances, in units of the smallest one.
#[derive(Debug, Clone)]
struct Layout {
    nearest: f64,
    ratios: Array2<f64>,
    /// Is the matrix the covariance of a Markov chain?
    chain: bool,
}

impl Layout {
    fn new(kernel: Kernel, positions: &Positions) -> Result<Self> {
        let at = positions.given()?;
        let d = at.nrows();
        positions.check(d)?;
        let distance = |i: usize, j: usize| {
            let pairs = at.row(i).into_iter().zip(at.row(j));
            pairs.fold(0.0_f64, |sum, (a, b)| sum.hypot(a - b))
        };
        let mut ratios = Array2::zeros((d, d));
        let mut nearest = f64::INFINITY;
        for i in 0..d {
            for j in 0..i {
                let distance = distance(i, j);
                nearest = nearest.min(distance);
                ratios[[i, j]] = distance;
                ratios[[j, i]] = distance;
            }
        }
        ratios /= nearest;
        let chain = kernel == Kernel::Exponential && positions.steps().is_some();
        Ok(Self { nearest, ratios, chain })
    }

    fn order(&self) -> usize {
        self.ratios.nrows()
    }

    /// Symmetric, with the given diagonal and f(distance ratio) beside it.
    fn assemble(&self, diagonal: f64, f: impl Fn(f64) -> f64) -> Array2<f64> {
        let d = self.order();
        let mut out = Array2::from_elem((d, d), diagonal);
        for i in 0..d {
            for j in 0..i {
                let value = f(self.ratios[[i, j]]);
                out[[i, j]] = value;
                out[[j, i]] = value;
            }
        }
        out
    }
}

/// u of the correlation φ = e^(−y) of the nearest: tanh²u = φ.
fn coordinate_of(y: f64) -> f64 {
    let t = (-0.5 * y).exp();
    0.5 * (t.ln_1p() - (-(-0.5 * y).exp_m1()).ln())
}

/// −ln φ of u, infinite at u = 0.
fn fall_of(u: f64) -> f64 {
    let u = u.abs();
    if u > 1.0 { 4.0 * (-2.0 * u).exp().atanh() } else { -2.0 * u.tanh().ln() }
}

impl Spatial {
    /// Of a kernel and positions, which are looked at in [`Shape::check`].
    pub fn new(kernel: Kernel, positions: Positions) -> Self {
        Self { kernel, positions, layout: OnceLock::new() }
    }

    fn layout(&self) -> Result<&Layout> {
        let made = self.layout.get_or_init(|| Layout::new(self.kernel, &self.positions));
        made.as_ref().map_err(Clone::clone)
    }

    /// The layout, of order d.
    fn layout_of(&self, d: usize) -> Result<&Layout> {
        let layout = self.layout()?;
        if layout.order() != d {
            self.positions.check(d)?;
        }
        Ok(layout)
    }

    /// (σ², scaled distance of the nearest): x = ∞ is independence, as at d = 1.
    fn decoded(&self, coordinates: &[f64]) -> (f64, f64) {
        let variance = coordinates.first().map_or(1.0, |x| x.exp());
        let x = coordinates.get(1).map_or(f64::INFINITY, |u| self.kernel.inverse(fall_of(*u)));
        (variance, x)
    }

    /// (σ², x) of a matrix of the structure, or of one with its mean variance and mean
    /// correlation: of neighbours in a chain, of all pairs elsewhere.
    fn parameters(&self, matrix: ArrayView2<'_, f64>) -> Result<(f64, f64)> {
        let d = matrix.nrows();
        let variance = matrix.diag().sum() / d as f64;
        if !(variance > 0.0 && variance.is_finite()) {
            return Err(not_definite(WHAT, 1));
        }
        if d == 1 {
            return Ok((variance, f64::INFINITY));
        }
        let layout = self.layout_of(d)?;
        let pair = |i: usize, j: usize| (layout.ratios[[i, j]], matrix[[i, j]] / variance);
        let pairs: Vec<(f64, f64)> = if layout.chain {
            (1..d).map(|i| pair(i, i - 1)).collect()
        } else {
            (1..d).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| pair(i, j)).collect()
        };
        Ok((variance, search::match_mean(self.kernel, &pairs)))
    }

    fn assemble(&self, variance: f64, x: f64, d: usize) -> Result<Array2<f64>> {
        if d == 1 {
            return usable(WHAT, Array2::from_elem((1, 1), variance));
        }
        let correlation = |r: f64| self.kernel.value(x * r);
        if x.is_nan() || correlation(1.0) >= 1.0 {
            return Err(not_definite(WHAT, 2));
        }
        usable(WHAT, self.layout_of(d)?.assemble(variance, |r| variance * correlation(r)))
    }

    /// Is the correlation of the nearest as good as none?
    fn is_independent(&self, x: f64) -> bool {
        self.kernel.value(x) <= HELD
    }

    /// ∂R/∂φ with φ the correlation of the nearest.
    fn tangent(&self, x: f64, d: usize) -> Result<Array2<f64>> {
        Ok(self.layout_of(d)?.assemble(0.0, |r| self.kernel.ratio(x, r)))
    }
}

/// ∂φ/∂u = 2 tanh u (1 − tanh²u).
fn rate(coordinates: &[f64]) -> f64 {
    coordinates.get(1).map_or(0.0, |u| 2.0 * u.tanh() / u.cosh().powi(2))
}

impl Shape for Spatial {
    fn name(&self) -> String {
        let name = self.kernel.name();
        if self.positions == Positions::Labels { format!("{name}:labels") } else { name.to_owned() }
    }

    /// There have to be d different positions.
    fn check(&self, d: usize) -> Result<()> {
        self.positions.check(d)
    }

    fn distances(&self, d: usize) -> Option<Array2<f64>> {
        let layout = self.layout_of(d).ok().filter(|_| d > 1)?;
        Some(&layout.ratios * layout.nearest)
    }

    fn n_parameters(&self, d: usize) -> usize {
        d.min(2)
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let (variance, x) = self.parameters(matrix)?;
        let mut out = vec![variance.ln()];
        if matrix.nrows() > 1 {
            out.push(coordinate_of(self.kernel.fall(x)));
        }
        Ok(out)
    }

    /// Correlations that are as good as none as none: a search would see little of u but its bend.
    fn coordinates_of(&self, root: &Root) -> Result<Vec<f64>> {
        let mut out = self.coordinates(root.matrix().view())?;
        if let Some(u) = out.get_mut(1)
            && (-fall_of(*u)).exp() <= HELD
        {
            *u = 0.0;
        }
        Ok(out)
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> Result<Array2<f64>> {
        let (variance, x) = self.decoded(coordinates);
        self.assemble(variance, x, d)
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> Result<Array2<f64>> {
        let (variance, x) = self.decoded(coordinates);
        let scale = variance * direction.first().copied().unwrap_or(0.0);
        if d == 1 {
            return Ok(Array2::from_elem((1, 1), scale));
        }
        let turn = variance * direction.get(1).copied().unwrap_or(0.0) * rate(coordinates);
        let change = |r: f64| scale * self.kernel.value(x * r) + turn * self.kernel.ratio(x, r);
        Ok(self.layout_of(d)?.assemble(scale, change))
    }

    fn update(
        &self,
        scatter: ArrayView2<'_, f64>,
        current: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let d = scatter.nrows();
        let size = scatter.diag().sum();
        if !(size > 0.0 && size.is_finite()) {
            return Err(not_definite(WHAT, 1));
        }
        if d == 1 {
            return self.assemble(size, f64::INFINITY, 1);
        }
        let mean = size / d as f64;
        let known = (self.parameters(current)?.1, d as f64 * mean.ln());
        let layout = self.layout_of(d)?;
        let found = if layout.chain {
            search::lowest(self.kernel, layout, &Line::new(layout, scatter), known)?
        } else {
            search::lowest(self.kernel, layout, &Plain::new(self.kernel, layout, scatter), known)?
        };
        let (variance, x) = found.map_or((mean, f64::INFINITY), |(x, look)| (look.variance, x));
        self.assemble(variance, x, d)
    }

    fn start(&self, d: usize) -> Result<Array2<f64>> {
        self.assemble(1.0, self.kernel.inverse(-START.ln()), d)
    }

    fn root(&self, what: &str, matrix: ArrayView2<'_, f64>) -> Result<Root> {
        let d = matrix.nrows();
        if d == 1 || !self.layout_of(d)?.chain {
            return Root::of(what, matrix);
        }
        let (variance, x) = self.parameters(matrix)?;
        let ratios = &self.layout()?.ratios;
        let steps: Vec<f64> = (1..d).map(|i| x * ratios[[i, i - 1]]).collect();
        let innovation = |step: &f64| (-variance * (-2.0 * step).exp_m1()).sqrt();
        let deviations: Vec<f64> =
            std::iter::once(variance.sqrt()).chain(steps.iter().map(innovation)).collect();
        let regressions: Vec<f64> = steps.iter().map(|step| (-step).exp()).collect();
        Root::of_markov(what, &deviations, &regressions)
    }

    /// The range, and for the exponential the correlation at distance one.
    fn report(&self, matrix: ArrayView2<'_, f64>) -> Vec<Parameter> {
        let (d, parameters) = (matrix.nrows(), self.parameters(matrix));
        let (Ok((_, x)), Ok(layout)) = (parameters, self.layout()) else { return Vec::new() };
        if d == 1 {
            return Vec::new();
        }
        let range = layout.nearest * self.kernel.unit() / x;
        let mut out = vec![Parameter::new(ParameterKind::Range, range, IntervalScale::Log)];
        if self.kernel == Kernel::Exponential {
            let rho = (-1.0 / range).exp();
            out.insert(0, Parameter::new(ParameterKind::Correlation, rho, IntervalScale::Logit));
        }
        out
    }

    fn note(&self, root: &Root) -> Option<String> {
        let matrix = root.matrix();
        let (_, x) = self.parameters(matrix.view()).ok().filter(|_| matrix.nrows() > 1)?;
        if self.is_independent(x) {
            return Some(format!(
                "the {} factor has a range of zero: its neighbours are not positively correlated, \
                 and the range has no standard error",
                self.kernel.name()
            ));
        }
        if self.kernel != Kernel::Gaussian {
            return None;
        }
        let condition = symmetric_eigen(WHAT, matrix.view()).ok()?.condition();
        (!(condition < SINGULAR)).then(|| {
            format!(
                "the gaussian (squared exponential) factor has condition {condition:.0e}: it is \
                 near to singular and its last digits are lost; matern:5/2 is smooth too and \
                 keeps them"
            )
        })
    }

    /// The tangent space is spanned by A (whitened: I) and ∂A/∂φ. Where φ is zero and would fall,
    /// the scale alone is left.
    fn project(&self, root: &Root, whitened: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let d = root.order();
        if d == 1 {
            return Ok(project_scale(whitened));
        }
        let (variance, x) = self.parameters(root.matrix().view())?;
        let mut rest = root.whiten((self.tangent(x, d)? * variance).view());
        let mean = rest.diag().sum() / d as f64;
        rest.diag_mut().iter_mut().for_each(|x| *x -= mean);
        let along: f64 = rest.iter().zip(&whitened).map(|(a, b)| a * b).sum();
        if self.is_independent(x) && along < 0.0 {
            return Ok(project_scale(whitened));
        }
        Ok(project_scale_and(whitened, &rest))
    }
}
