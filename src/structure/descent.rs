//! Guaranteed descent of f(A) = ln|A| + tr(A⁻¹S) inside a structure that has no closed form.
//!
//! Limited-memory quasi-Newton steps whose first metric is the Fisher information at the current
//! point: with S near A that alone is Newton's method, and it does not depend on the coordinates.
//! Steps that do not lower f are shortened, so that f never rises by more than rounding.

use super::{Shape, flattened, not_definite, solve_gram, whitened_tangent};
use crate::Result;
use crate::linalg::{Root, matmul, symmetrise};
use ndarray::{Array1, Array2, ArrayView2};
use std::collections::VecDeque;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 12;
const MAX_STEPS: usize = 200;
/// Length of the gradient in the Fisher metric at which a point counts as the minimum: f is
/// above it by half the square of this.
const TOLERANCE: f64 = 1e-11;
/// Steps are shortened to at least this.
const SHORTEST: f64 = 1e-12;

/// How a structure is walked in: where a vector of variables is, and what is downhill there.
pub(super) trait Terrain {
    /// The matrix of some variables.
    fn matrix(&self, variables: &Array1<f64>) -> Result<Array2<f64>>;

    /// Brings variables that left their range back to it.
    fn settle(&self, _variables: &mut Array1<f64>) {}

    /// The gradient of f in the variables, from G = ∂f/∂A.
    fn gradient(&self, variables: &Array1<f64>, in_matrix: &Array2<f64>) -> Result<Array1<f64>>;

    /// F⁻¹g with the Fisher information F of the variables where A = L Lᵀ.
    fn precondition(&self, place: &Place, gradient: &Array1<f64>) -> Result<Array1<f64>>;
}

/// A point with what is known there.
pub(super) struct Place {
    pub(super) variables: Array1<f64>,
    pub(super) root: Root,
    value: f64,
    pub(super) gradient: Array1<f64>,
}

/// f at the matrix A = L Lᵀ.
pub(super) fn objective(root: &Root, scatter: ArrayView2<'_, f64>) -> f64 {
    root.ln_det() + root.whiten(scatter).diag().sum()
}

/// G = ∂f/∂A = L⁻ᵀ (I − L⁻¹SL⁻ᵀ) L⁻¹.
pub(super) fn gradient_in_matrix(root: &Root, scatter: ArrayView2<'_, f64>) -> Array2<f64> {
    let excess = Array2::eye(root.order()) - root.whiten(scatter);
    let half = matmul(root.inverse().t(), excess.view());
    matmul(half.view(), root.inverse())
}

/// The variables of a point at least as low as `start`, a stationary one where rounding allows.
///
/// # Errors
/// When `start` itself is not positive definite, or f falls without end.
pub(super) fn descend(
    terrain: &dyn Terrain,
    scatter: ArrayView2<'_, f64>,
    start: Array1<f64>,
) -> Result<Array1<f64>> {
    let mut here = look(terrain, scatter, start)?;
    let mut memory: VecDeque<(Array1<f64>, Array1<f64>)> = VecDeque::new();
    for _ in 0..MAX_STEPS {
        let natural = terrain.precondition(&here, &here.gradient)?;
        if here.gradient.dot(&natural).max(0.0).sqrt() <= TOLERANCE {
            break;
        }
        let direction = -two_loop(terrain, &here, &memory)?;
        let (direction, slope) = match here.gradient.dot(&direction) {
            slope if slope < 0.0 => (direction, slope),
            _ => {
                memory.clear();
                let slope = -here.gradient.dot(&natural);
                (-natural, slope)
            }
        };
        match advance(terrain, scatter, &here, &direction, slope) {
            Some(next) => {
                remember(&mut memory, &here, &next);
                here = next;
            }
            None if memory.is_empty() => break,
            None => memory.clear(),
        }
    }
    Ok(here.variables)
}

fn look(
    terrain: &dyn Terrain,
    scatter: ArrayView2<'_, f64>,
    mut variables: Array1<f64>,
) -> Result<Place> {
    terrain.settle(&mut variables);
    let matrix = terrain.matrix(&variables)?;
    let root = Root::of("a structured factor", matrix.view())?;
    let value = objective(&root, scatter);
    if !value.is_finite() {
        return Err(not_definite("a structured factor", root.order()));
    }
    let gradient = terrain.gradient(&variables, &gradient_in_matrix(&root, scatter))?;
    Ok(Place { variables, root, value, gradient })
}

/// The first point on the way that lowers f enough. Where f is flat to rounding, the slope at the
/// new point decides instead: it has to have flattened.
fn advance(
    terrain: &dyn Terrain,
    scatter: ArrayView2<'_, f64>,
    here: &Place,
    direction: &Array1<f64>,
    slope: f64,
) -> Option<Place> {
    let rounding = 1e-14 * (1.0 + here.value.abs());
    let mut step = 1.0;
    while step > SHORTEST {
        if let Ok(next) = look(terrain, scatter, &here.variables + &(direction * step)) {
            let fall = here.value - next.value;
            let flat =
                fall.abs() <= rounding && next.gradient.dot(direction).abs() <= 0.5 * slope.abs();
            if fall >= -1e-4 * step * slope && fall > 0.0 || flat {
                return Some(next);
            }
        }
        step *= if step == 1.0 { 0.5 } else { 0.3 };
    }
    None
}

fn remember(memory: &mut VecDeque<(Array1<f64>, Array1<f64>)>, here: &Place, next: &Place) {
    let moved = &next.variables - &here.variables;
    let change = &next.gradient - &here.gradient;
    if moved.dot(&change) > 0.0 {
        memory.push_back((moved, change));
        if memory.len() > MEMORY {
            memory.pop_front();
        }
    } else {
        memory.clear();
    }
}

/// The quasi-Newton image of the gradient (Nocedal 1980), with the Fisher metric in the middle.
fn two_loop(
    terrain: &dyn Terrain,
    here: &Place,
    memory: &VecDeque<(Array1<f64>, Array1<f64>)>,
) -> Result<Array1<f64>> {
    let mut q = here.gradient.clone();
    let mut weights = Vec::with_capacity(memory.len());
    for (moved, change) in memory.iter().rev() {
        let weight = moved.dot(&q) / moved.dot(change);
        q.scaled_add(-weight, change);
        weights.push(weight);
    }
    let mut image = terrain.precondition(here, &q)?;
    for ((moved, change), weight) in memory.iter().zip(weights.iter().rev()) {
        let back = change.dot(&image) / moved.dot(change);
        image.scaled_add(weight - back, moved);
    }
    Ok(image)
}

/// Any structure, in its coordinates.
pub(super) struct InCoordinates<'a, S: Shape + ?Sized> {
    pub(super) shape: &'a S,
    pub(super) order: usize,
}

impl<S: Shape + ?Sized> Terrain for InCoordinates<'_, S> {
    fn matrix(&self, variables: &Array1<f64>) -> Result<Array2<f64>> {
        self.shape.matrix(&variables.to_vec(), self.order)
    }

    fn gradient(&self, variables: &Array1<f64>, in_matrix: &Array2<f64>) -> Result<Array1<f64>> {
        self.shape.pull_back(&variables.to_vec(), in_matrix.view()).map(Array1::from)
    }

    /// The Fisher information of f is the Gram matrix of the whitened tangents.
    fn precondition(&self, place: &Place, gradient: &Array1<f64>) -> Result<Array1<f64>> {
        let basis = whitened_tangent(self.shape, &place.variables.to_vec(), &place.root)?;
        solve_gram(&basis, gradient)
    }
}

/// A structure that is a linear space of matrices, in the entries of A themselves.
pub(super) struct InEntries<'a, S: Shape + ?Sized> {
    pub(super) shape: &'a S,
    pub(super) order: usize,
    /// The orthogonal projection of a symmetric matrix on the space.
    pub(super) onto: fn(&mut Array2<f64>),
}

impl<S: Shape + ?Sized> InEntries<'_, S> {
    fn square(&self, variables: &Array1<f64>) -> Array2<f64> {
        Array2::from_shape_fn((self.order, self.order), |(i, j)| variables[i * self.order + j])
    }

    fn within(&self, mut matrix: Array2<f64>) -> Array2<f64> {
        symmetrise(&mut matrix);
        (self.onto)(&mut matrix);
        matrix
    }
}

impl<S: Shape + ?Sized> Terrain for InEntries<'_, S> {
    fn matrix(&self, variables: &Array1<f64>) -> Result<Array2<f64>> {
        Ok(self.square(variables))
    }

    /// Rounding must not lead out of the space, where f is lower.
    fn settle(&self, variables: &mut Array1<f64>) {
        let within = self.within(self.square(variables));
        variables.iter_mut().zip(&within).for_each(|(to, from)| *to = *from);
    }

    fn gradient(&self, _variables: &Array1<f64>, in_matrix: &Array2<f64>) -> Result<Array1<f64>> {
        flattened(self.within(in_matrix.clone()).view())
    }

    /// L P(LᵀgL) Lᵀ with the structure's own projection P.
    fn precondition(&self, place: &Place, gradient: &Array1<f64>) -> Result<Array1<f64>> {
        let lower = place.root.lower();
        let inner = matmul(matmul(lower.t(), self.square(gradient).view()).view(), lower);
        let part = self.shape.project(&place.root, inner.view())?;
        flattened(place.root.unwhiten(part.view()).view())
    }
}

/// The lowest of the starts, those that are not positive definite passed over.
///
/// # Errors
/// When none is left, or the scatter has no size.
pub(super) fn lowest<T>(
    what: &str,
    scatter: ArrayView2<'_, f64>,
    starts: impl IntoIterator<Item = T>,
    matrix: impl Fn(&T) -> Result<Array2<f64>>,
) -> Result<T> {
    let size = scatter.diag().sum();
    if !(size > 0.0 && size.is_finite()) {
        return Err(not_definite(what, 1));
    }
    let height = |start: &T| -> Option<f64> {
        let root = Root::of("a start", matrix(start).ok()?.view()).ok()?;
        Some(objective(&root, scatter)).filter(|f| f.is_finite())
    };
    starts
        .into_iter()
        .filter_map(|start| Some((height(&start)?, start)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, start)| start)
        .ok_or_else(|| not_definite(what, scatter.nrows()))
}

/// [`Shape::update`] by descent in the structure's coordinates, from the lowest of the starts.
pub(super) fn update_in_coordinates<S: Shape + ?Sized>(
    shape: &S,
    scatter: ArrayView2<'_, f64>,
    starts: Vec<Vec<f64>>,
) -> Result<Array2<f64>> {
    let order = scatter.nrows();
    let what = format!("the {} factor", shape.name());
    let start = lowest(&what, scatter, starts, |start| shape.matrix(start, order))?;
    let terrain = InCoordinates { shape, order };
    let found = descend(&terrain, scatter, Array1::from(start))?;
    shape.matrix(&found.to_vec(), order)
}

/// [`Shape::update`] of a linear structure by descent in the entries, from the lowest of the
/// starts.
pub(super) fn update_in_entries<S: Shape + ?Sized>(
    shape: &S,
    scatter: ArrayView2<'_, f64>,
    starts: Vec<Array2<f64>>,
    onto: fn(&mut Array2<f64>),
) -> Result<Array2<f64>> {
    let order = scatter.nrows();
    let what = format!("the {} factor", shape.name());
    let start = lowest(&what, scatter, starts, |start| Ok(start.clone()))?;
    let terrain = InEntries { shape, order, onto };
    let found = descend(&terrain, scatter, flattened(start.view())?)?;
    Ok(terrain.square(&found))
}
