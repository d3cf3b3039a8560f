//! The likelihood as a function of one vector of free numbers: both factors, the mean and ν.

use super::coordinates::{Chart, Coordinates, Spot};
use super::iterate::Iterate;
use super::problem::Problem;
use crate::family::Law;
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Point, Sums, Tangent};
use crate::linalg::{Spd, matmul};
use crate::optim::{Evaluation, Failure, Objective};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// −ℓ per scalar observation, −ℓ/(npq), around a point: the vector 0 is that point.
///
/// The vector holds the row factor without the scale (that is in the column factor), the column
/// factor, the mean and ln ν, each where it is estimated; [`Objective::dim`] is the number of
/// free parameters. Values are relative to the point, so that rounding does not hide small
/// differences more than it must.
///
/// Any argmin solver runs on it through [`crate::optim::ArgminProblem`].
///
/// ```
/// use kronfit::estimate::{Coordinates, JointProblem, Problem};
/// use kronfit::likelihood::SampleLikelihood;
/// use kronfit::model::Model;
/// use kronfit::optim::{self, Objective, Settings};
/// # use kronfit::data::Sample;
/// # let x = ndarray::Array3::from_shape_fn((9, 2, 2), |(i, j, k)| ((7 * i + 3 * j + 5 * k) as f64).sin());
/// # let sample = Sample::new(x)?;
/// let model = Model::gaussian();
/// let source = SampleLikelihood::new(&sample);
/// let problem = Problem::new(&model, &source);
/// let start = problem.start()?;
/// let joint = JointProblem::new(&problem, &start, Coordinates::LogEuclidean)?;
/// let found = optim::minimise(
///     &joint, &vec![0.0; joint.dim()], &Settings::default(), (1e-6, 200), &mut |_, _| true)?;
/// let best = joint.iterate_at(&found.x)?;
/// assert!((best.log_likelihood() - model.fit(&sample)?.log_likelihood()).abs() < 1e-6);
/// # Ok::<(), kronfit::Error>(())
/// ```
pub struct JointProblem<'a> {
    problem: &'a Problem<'a>,
    base: Iterate,
    charts: BySide<Chart>,
    origins: BySide<Vec<f64>>,
    reflection: Vec<f64>,
    /// M = M₀ + left · Θ · right, orthonormal in whitened coordinates.
    mean: Option<(Array2<f64>, Array2<f64>)>,
    /// How its blocks are mixed, see [`mix`].
    mix: Option<Array2<f64>>,
    reference: f64,
    passes: Cell<usize>,
    latest: RefCell<Option<Look>>,
}

/// All that is known at one vector.
struct Look {
    x: Vec<f64>,
    iterate: Iterate,
    spots: BySide<Spot>,
    /// The gradient in whitened coordinates.
    whitened: Tangent,
    gradient: Vec<f64>,
    /// The Hessian's column for ln ν, where somebody asked for it.
    column: Option<Vec<f64>>,
}

impl<'a> JointProblem<'a> {
    /// The likelihood around `base`.
    ///
    /// # Errors
    /// When the factors of `base` have no coordinates, or the mean's design lacks rank.
    pub fn new(problem: &'a Problem<'a>, base: &Iterate, coordinates: Coordinates) -> Result<Self> {
        let charts = BySide::try_of(|side| {
            Chart::new(&problem.shapes[side], coordinates, base.point.factor(side))
        })?;
        let scale = charts[Side::Rows].scale_direction()?;
        Ok(Self {
            problem,
            base: base.clone(),
            origins: BySide::try_of(|side| charts[side].coordinates(base.point.factor(side)))?,
            charts,
            reflection: reflection(scale),
            mean: mean_basis(problem, &base.point)?,
            mix: mix(&base.sums)?,
            reference: base.log_likelihood(),
            passes: Cell::new(0),
            latest: RefCell::default(),
        })
    }

    /// Passes over the data so far.
    pub fn passes(&self) -> usize {
        self.passes.get()
    }

    /// The point that a vector stands for, with its likelihood and score.
    ///
    /// # Errors
    /// [`Error::Domain`] where the vector is outside of the domain.
    pub fn iterate_at(&self, x: &[f64]) -> Result<Iterate> {
        match self.visit(x) {
            Ok(()) => {}
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::Infeasible) => {
                return Err(Error::domain("the likelihood's vector", "infeasible", "feasible"));
            }
        }
        let latest = self.latest.borrow();
        latest
            .as_ref()
            .map(|look| look.iterate.clone())
            .ok_or_else(|| Error::domain("the likelihood's vector", "unknown", "evaluated before"))
    }

    fn observations(&self) -> f64 {
        self.problem.observations()
    }

    fn estimates_dof(&self) -> bool {
        self.problem.model.estimates_dof()
            && self.base.law.dof().is_some()
            && !self.problem.is_at_floor(&self.base)
    }

    fn lengths(&self) -> (usize, usize, usize) {
        let one = self.mean.as_ref().map_or(0, |(l, r)| l.ncols() * r.nrows());
        let mean = one * self.base.point.blocks();
        (self.origins[Side::Rows].len() - 1, self.origins[Side::Cols].len(), mean)
    }

    /// (row, column, mean, ln ν) parts of a vector; the row part with the scale put back as 0.
    fn parts<'v>(&self, x: &'v [f64]) -> (Vec<f64>, &'v [f64], &'v [f64], f64) {
        let (r, c, m) = self.lengths();
        let mut row = vec![0.0];
        row.extend_from_slice(&x[..r]);
        let row = reflect(&self.reflection, row);
        (row, &x[r..r + c], &x[r + c..r + c + m], x.get(r + c + m).copied().unwrap_or(0.0))
    }

    fn assemble(&self, row: Vec<f64>, col: Vec<f64>, mean: &Array2<f64>, dof: f64) -> Vec<f64> {
        let row = reflect(&self.reflection, row);
        let mut out = row.get(1..).unwrap_or_default().to_vec();
        out.extend(col);
        if let Some((left, right)) = &self.mean {
            let mean = across(self.mix.as_ref().map(|mix| mix.t()), mean);
            for block in mean.axis_chunks_iter(Axis(0), left.nrows()) {
                out.extend(matmul(matmul(left.t(), block).view(), right.t()));
            }
        }
        if self.estimates_dof() {
            out.push(dof);
        }
        out
    }

    fn mean_change(&self, theta: &[f64]) -> Array2<f64> {
        let mut change = Array2::zeros(self.base.point.mean.dim());
        let Some((left, right)) = &self.mean else { return change };
        let (a, b) = (left.ncols(), right.nrows());
        for (mut block, theta) in
            change.axis_chunks_iter_mut(Axis(0), left.nrows()).zip(theta.chunks_exact(a * b))
        {
            let theta = crate::linalg::as_matrix(theta, a, b);
            block.assign(&matmul(matmul(left.view(), theta).view(), right.view()));
        }
        across(self.mix.as_ref().map(|mix| mix.view()), &change)
    }

    /// The law at ln ν = ln ν₀ + shift, and the factor on B that goes with it.
    fn law(&self, shift: f64) -> Result<(Arc<dyn Law>, f64)> {
        let base = &self.base.law;
        match (base.dof_family(), base.dof()) {
            (Some(family), Some(from)) if self.estimates_dof() => {
                let dof = from * shift.exp();
                if !(dof.is_finite() && dof >= self.problem.floor) {
                    return Err(Error::domain("ν", dof, "finite and not below its lower end"));
                }
                Ok((family.at(dof), family.scale_unit(dof) / family.scale_unit(from)))
            }
            _ => Ok((base.clone(), 1.0)),
        }
    }

    /// Makes sure that `latest` is what is known at x.
    fn visit(&self, x: &[f64]) -> std::result::Result<(), Failure> {
        if self.latest.borrow().as_ref().is_some_and(|look| look.x == x) {
            return Ok(());
        }
        let look = self.look(x)?;
        *self.latest.borrow_mut() = Some(look);
        Ok(())
    }

    fn look(&self, x: &[f64]) -> std::result::Result<Look, Failure> {
        self.problem.require_time()?;
        if x.len() != self.dim() {
            return Err(Failure::Fatal(Error::shape(
                "a vector of parameters",
                self.dim().to_string(),
                x.len(),
            )));
        }
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
        let (row, col, mean, shift) = self.parts(x);
        let spots = BySide::new(
            self.charts[Side::Rows].at(&sum(&self.origins[Side::Rows], &row))?,
            self.charts[Side::Cols].at(&sum(&self.origins[Side::Cols], col))?,
        );
        let (law, ratio) = self.law(shift)?;
        let mut iterate = self.base.clone();
        iterate.law = law;
        iterate.point = Point {
            mean: &self.base.point.mean + &self.mean_change(mean),
            factors: BySide::of(|side| spots[side].root.clone()),
        };
        iterate.point.factors[Side::Cols].scale(ratio);
        iterate.passes = 0;
        let dof = self.dof_slope(&mut iterate)?;
        if self.estimates_dof() {
            iterate.score.dof = dof.abs() * self.observations() / self.problem.weight();
        }
        self.problem.evaluate(&mut iterate)?;
        self.passes.set(self.passes.get() + iterate.passes);
        let whitened = whitened_gradient(&iterate)?;
        let gradient = self.assemble(
            self.pull_back(&spots, &whitened, Side::Rows)?,
            self.pull_back(&spots, &whitened, Side::Cols)?,
            &dual_mean(&iterate.point, &whitened.mean),
            dof,
        );
        Ok(Look { x: x.to_vec(), iterate, spots, whitened, gradient, column: None })
    }

    fn pull_back(&self, spots: &BySide<Spot>, whitened: &Tangent, side: Side) -> Result<Vec<f64>> {
        self.charts[side].pull_back(&spots[side], whitened.factors[side].view())
    }

    /// ∂(−ℓ/npq)/∂ ln ν with the factors' coordinates held fixed.
    fn dof_slope(&self, iterate: &mut Iterate) -> Result<f64> {
        let law = iterate.law.clone();
        match (law.dof_family(), law.dof()) {
            (Some(family), Some(dof)) if self.estimates_dof() => {
                let (_, p, q) = self.problem.dim();
                iterate.passes += 1;
                let seen = self.problem.likelihood.summaries(&iterate.point, family)?;
                let seen = seen.scaled(family.scale_unit(dof));
                Ok(-0.5 * dof * seen.score(family, dof, (p, q)) / (p * q) as f64)
            }
            _ => Ok(0.0),
        }
    }

    /// The exact product for the factors and the mean.
    fn product(&self, look: &Look, v: &[f64]) -> Result<Vec<f64>> {
        let (row, col, mean, _) = self.parts(v);
        let point = &look.iterate.point;
        let steps = BySide::new(&row[..], col);
        let direction = Tangent {
            factors: BySide::try_of(|side| {
                self.charts[side].push_forward(&look.spots[side], steps[side])
            })?,
            mean: point.whiten(self.mean_change(mean).view()),
        };
        let mut bent = Tangent::at(point);
        self.problem.curvature(&mut look.iterate.clone(), &direction, &mut bent)?;
        self.passes.set(self.passes.get() + 1);
        bent.scale(1.0 / self.observations());
        // From the geodesic to the straight line in A: − ½(WX + XW).
        for side in Side::BOTH {
            let (w, x) = (&look.whitened.factors[side], &direction.factors[side]);
            straighten(&mut bent.factors[side], w, x);
        }
        let (row, col) = BySide::try_of(|side| -> Result<Vec<f64>> {
            let (spot, whitened) = (&look.spots[side], look.whitened.factors[side].view());
            let along = self.pull_back(&look.spots, &bent, side)?;
            let bend = self.charts[side].bend(spot, steps[side], whitened)?;
            Ok(along.iter().zip(&bend).map(|(a, b)| a + b).collect())
        })?
        .into_pair();
        Ok(self.assemble(row, col, &dual_mean(point, &bent.mean), 0.0))
    }

    /// The Hessian's column for ln ν, by differences of the gradient.
    fn dof_column(&self, x: &[f64]) -> std::result::Result<Vec<f64>, Failure> {
        let h = 2e-3;
        let at = |t: f64| {
            let mut moved = x.to_vec();
            if let Some(last) = moved.last_mut() {
                *last += t;
            }
            self.look(&moved).map(|look| look.gradient)
        };
        let (a, b, c, d) = (at(h)?, at(-h)?, at(2.0 * h)?, at(-2.0 * h)?);
        let slope = |i: usize| (8.0 * (a[i] - b[i]) - (c[i] - d[i])) / (12.0 * h);
        Ok((0..x.len()).map(slope).collect())
    }
}

impl Objective for JointProblem<'_> {
    fn dim(&self) -> usize {
        let (r, c, m) = self.lengths();
        r + c + m + usize::from(self.estimates_dof())
    }

    fn evaluate(&self, x: &[f64]) -> std::result::Result<Evaluation, Failure> {
        self.visit(x)?;
        let latest = self.latest.borrow();
        let Some(look) = latest.as_ref() else { return Err(Failure::Infeasible) };
        let value = (self.reference - look.iterate.log_likelihood()) / self.observations();
        let score = look.iterate.score.worst();
        Ok(Evaluation { value, gradient: look.gradient.clone(), score })
    }

    fn hessian_product(&self, x: &[f64], v: &[f64]) -> std::result::Result<Vec<f64>, Failure> {
        self.visit(x)?;
        let mut latest = self.latest.borrow_mut();
        let Some(look) = latest.as_mut() else { return Err(Failure::Infeasible) };
        let mut product = self.product(look, v)?;
        if self.estimates_dof() {
            if look.column.is_none() {
                look.column = Some(self.dof_column(x)?);
            }
            if let (Some(column), Some((dof, rest))) = (&look.column, v.split_last()) {
                let along: f64 = column.iter().zip(rest).map(|(c, v)| c * v).sum();
                product.iter_mut().zip(column).for_each(|(to, c)| *to += c * dof);
                if let Some(last) = product.last_mut() {
                    *last += along;
                }
            }
        }
        Ok(product)
    }
}

/// The gradient of −ℓ/Σu·pq in whitened coordinates; the mean's part is not projected.
///
/// # Errors
/// Where a side was not measured.
pub(super) fn whitened_gradient(iterate: &Iterate) -> Result<Tangent> {
    let (p, q) = iterate.point.dim();
    let factors = BySide::try_of(|side| -> Result<Array2<f64>> {
        let scatter = iterate.measured(side)?;
        let d = scatter.nrows();
        Ok((Array2::eye(d) - &*scatter) / (2.0 * d as f64))
    })?;
    Ok(Tangent { factors, mean: &iterate.sums.psi / -(iterate.sums.weight * (p * q) as f64) })
}

/// L_A⁻ᵀ G L_B⁻¹: a gradient by the whitened mean as one by the mean.
fn dual_mean(point: &Point, whitened: &Array2<f64>) -> Array2<f64> {
    let mut out = whitened.clone();
    for mut block in out.axis_chunks_iter_mut(Axis(0), point.row().order()) {
        let half = matmul(point.row().inverse().t(), block.view());
        block.assign(&matmul(half.view(), point.col().inverse()));
    }
    out
}

/// L (m × m) with L Lᵀ = (Σ u w z zᵀ / Σ u w)⁻¹, so that covariates of any units and angles are
/// moved along alike; `None` without covariates.
fn mix(sums: &Sums) -> Result<Option<Array2<f64>>> {
    if sums.design.is_empty() {
        return Ok(None);
    }
    let metric = &sums.design / sums.law_weight;
    let spd = Spd::new("the normal matrix of the design", metric)?;
    Ok(Some(spd.inverse_lower().t().to_owned()))
}

/// A matrix (m × m) across m blocks.
pub(super) fn across(matrix: Option<ArrayView2<'_, f64>>, blocks: &Array2<f64>) -> Array2<f64> {
    let Some(matrix) = matrix else { return blocks.clone() };
    let flat = blocks.as_standard_layout();
    let (m, d) = (matrix.nrows(), blocks.len() / matrix.nrows());
    let flat = crate::linalg::as_matrix(flat.as_slice().unwrap_or_default(), m, d);
    let joined = matmul(matrix, flat);
    let mut out = blocks.clone();
    out.iter_mut().zip(&joined).for_each(|(to, x)| *to = *x);
    out
}

fn straighten(bent: &mut Array2<f64>, w: &Array2<f64>, x: &Array2<f64>) {
    let product = matmul(w.view(), x.view());
    *bent -= &((&product + &product.t()) * 0.5);
}

/// The vector v of the Householder reflection I − 2vvᵀ/vᵀv that sends u to a multiple of e₁.
fn reflection(mut u: Vec<f64>) -> Vec<f64> {
    let norm = u.iter().map(|x| x * x).sum::<f64>().sqrt();
    if let Some(first) = u.first_mut() {
        *first += norm.copysign(*first);
    }
    u
}

fn reflect(v: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    let norm: f64 = v.iter().map(|a| a * a).sum();
    if norm > 0.0 {
        let along: f64 = v.iter().zip(&x).map(|(a, b)| a * b).sum();
        x.iter_mut().zip(v).for_each(|(x, a)| *x -= 2.0 * along / norm * a);
    }
    x
}

/// left and right with M = M₀ + left Θ right, orthonormal in the whitened coordinates of the
/// point and with the unit that makes the curvature about 1.
fn mean_basis(problem: &Problem<'_>, point: &Point) -> Result<Option<(Array2<f64>, Array2<f64>)>> {
    let (_, p, q) = problem.dim();
    let Some((left, right)) = problem.model.mean_structure().design(p, q) else {
        return Ok(None);
    };
    let orthonormal = |design: ArrayView2<'_, f64>| -> Result<Array2<f64>> {
        let normal = matmul(design.t(), design);
        let spd = Spd::new("the normal matrix of the mean", normal)?;
        Ok(matmul(design, spd.inverse_lower().t()))
    };
    let left = orthonormal(matmul(point.row().inverse(), left.view()).view())?;
    let right = orthonormal(matmul(right.view(), point.col().inverse().t()).t())?;
    let unit = ((p * q) as f64).sqrt();
    let left = matmul(point.row().lower(), left.view()) * unit;
    let right = matmul(point.col().lower(), right.view()).t().as_standard_layout().into_owned();
    Ok(Some((left, right)))
}
