//! The update of D R D by descent in its coordinates.

use super::super::descent::{self, InCoordinates, Place, Terrain};
use super::{Het, information, scaling};
use crate::Result;
use crate::structure::{Shape, solve_semidefinite};
use ndarray::{Array1, Array2, ArrayView2};

/// The coordinates, with the information in closed form.
struct Scaled<'a> {
    shape: &'a Het,
    plain: InCoordinates<'a, Het>,
}

impl Terrain for Scaled<'_> {
    fn matrix(&self, variables: &Array1<f64>) -> Result<Array2<f64>> {
        self.plain.matrix(variables)
    }

    fn gradient(&self, variables: &Array1<f64>, in_matrix: &Array2<f64>) -> Result<Array1<f64>> {
        self.plain.gradient(variables, in_matrix)
    }

    fn precondition(&self, place: &Place, gradient: &Array1<f64>) -> Result<Array1<f64>> {
        let d = place.root.order();
        let mut root = place.root.clone();
        let inverse: Array1<f64> = place.variables.iter().take(d).map(|x| (-x).exp()).collect();
        root.scale_rows(inverse.view());
        let rest: Vec<f64> = place.variables.iter().skip(d).copied().collect();
        let (tangents, _) = self.shape.inner.tangents(&rest, d)?;
        solve_semidefinite(information(&root, &tangents), gradient)
    }
}

/// From the lower of the current matrix and the best variances for its correlations, and of the
/// scatter's own variances and correlations brought into the structure.
pub(super) fn update(
    shape: &Het,
    scatter: ArrayView2<'_, f64>,
    current: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    let order = scatter.nrows();
    let what = format!("the {} factor", shape.name());
    let now = shape.coordinates(current)?;
    let mut starts = vec![now.clone()];
    starts.extend(rescaled(shape, scatter, &now));
    if let Ok(moments) = shape.coordinates(scatter) {
        starts.extend(rescaled(shape, scatter, &moments));
    }
    let start = descent::lowest(&what, scatter, starts, |start| shape.matrix(start, order))?;
    let terrain = Scaled { shape, plain: InCoordinates { shape, order } };
    let found = descent::descend(&terrain, scatter, Array1::from(start))?;
    shape.matrix(&found.to_vec(), order)
}

/// The same correlations with the best variances for the scatter.
fn rescaled(shape: &Het, scatter: ArrayView2<'_, f64>, coordinates: &[f64]) -> Option<Vec<f64>> {
    let d = scatter.nrows();
    let matrix = shape.matrix(coordinates, d).ok()?;
    let (root, _) = shape.split(&shape.root("a start", matrix.view()).ok()?).ok()?;
    let deviations = scaling::best(&root, scatter)?;
    let mut out: Vec<f64> = deviations.iter().map(|s| s.ln()).collect();
    out.extend(coordinates.iter().skip(d));
    Some(out)
}
