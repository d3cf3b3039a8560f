//! One pass over the data: what is done to every block, at one point.

use super::lanes::Lanes;
use super::plan::{Plan, Worker};
use super::share::{Block, Data, Share};
use super::stacked::Buffers;
use super::{Point, Sides, Sums};
use crate::family::{Law, Weighting};
use crate::kronecker::Side;
use crate::linalg::mirror_lower;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis, CowArray, Ix2};

/// What is to be done at one point.
pub(super) struct Task<'a> {
    pub(super) data: Data<'a>,
    pub(super) plan: Plan,
    pub(super) point: &'a Point,
    /// What every sample is taken less, in row-major order.
    pub(super) mean: CowArray<'a, f64, Ix2>,
    pub(super) law: &'a dyn Law,
    pub(super) sides: Sides,
    /// With Ψ = Z the row scatter can be whitened on its own side afterwards, p × p instead of
    /// data-sized (and likewise the column scatter).
    whiten_own_side: bool,
    /// Is B = I, as at the start?
    columns_are_white: bool,
}

impl<'a> Task<'a> {
    pub(super) fn new(
        data: Data<'a>,
        plan: Plan,
        (point, mean): (&'a Point, CowArray<'a, f64, Ix2>),
        law: &'a dyn Law,
        sides: Sides,
    ) -> Self {
        let whiten_own_side = !law.weighting().is_identity();
        let columns_are_white = point.col().is_identity();
        Self { data, plan, point, mean, law, sides, whiten_own_side, columns_are_white }
    }

    /// One chunk's share of a pass.
    pub(super) fn chunk(&self, chunk: usize, worker: &mut Worker, out: &mut Sums) {
        out.clear(self.sides);
        out.shape_for(self.data.covariates(), self.law);
        let Worker { lanes, stacked } = worker;
        let (rows, cols) = (self.sides.has(Side::Rows), self.sides.has(Side::Cols));
        if let Some(lanes) = lanes {
            lanes.clear(rows, cols);
            lanes.prepare(self.point, self.whitens_rows(), self.whitens_columns());
        }
        for block in self.plan.blocks(self.data.n(), chunk) {
            let share = self.data.share(block);
            match (&mut *lanes, &mut *stacked) {
                (Some(lanes), _) if block.lanes => self.lanes(block, &share, lanes, out),
                (_, Some(stacked)) => {
                    self.block(self.data.view(block), &share, stacked, out);
                }
                _ => {}
            }
        }
        if let Some(lanes) = lanes {
            lanes.add_to(rows, cols, out);
        }
    }

    /// Does the pass whiten the rows?
    fn whitens_rows(&self) -> bool {
        self.whiten_own_side || self.sides.has(Side::Cols)
    }

    /// And the columns?
    fn whitens_columns(&self) -> bool {
        !self.columns_are_white && (self.whiten_own_side || self.sides.has(Side::Rows))
    }

    /// One lane-ordered block's share.
    fn lanes(&self, block: Block, share: &Share<'_>, lanes: &mut Lanes, out: &mut Sums) {
        let mean = self.mean.as_slice().unwrap_or_default();
        let samples = self.data.from(block.at);
        if self.whitens_columns() {
            lanes.load_white(samples, self.data.stride, block.m, mean, self.point);
        } else {
            lanes.load(samples, self.data.stride, block.m, mean);
        }
        if self.whitens_rows() {
            lanes.whiten_rows(self.point);
        }
        match self.law.weighting() {
            Weighting::Identity => lanes.weigh_identity(share),
            Weighting::Elliptical(law) => lanes.weigh_scalar(law, share, out),
            Weighting::Matrix(law) => lanes.weigh_matrix(law, share, out),
        }
        if self.sides.has(Side::Rows) {
            lanes.scatter_rows();
        }
        if self.sides.has(Side::Cols) {
            lanes.scatter_columns();
        }
    }

    fn block(
        &self,
        block: ArrayView3<'_, f64>,
        share: &Share<'_>,
        buffers: &mut Buffers,
        out: &mut Sums,
    ) {
        let m = buffers.load(block, self.mean.view());
        if self.whitens_columns() {
            buffers.whiten_columns(self.point, m);
        }
        if self.whitens_rows() {
            buffers.whiten_rows(self.point, m);
        }
        self.weigh(buffers, m, share, out);
        if self.sides.has(Side::Rows) {
            buffers.scatter_rows(m, out.scatter_mut(Side::Rows));
        }
        if self.sides.has(Side::Cols) {
            buffers.scatter_columns(m, out.scatter_mut(Side::Cols));
        }
    }

    /// After this, the scatter is the product of the buffers `white` and `psi` (which may be one
    /// and the same), and the scalar sums have grown.
    fn weigh(&self, buffers: &mut Buffers, m: usize, share: &Share<'_>, out: &mut Sums) {
        match self.law.weighting() {
            Weighting::Identity => {
                buffers.psi_is_white = true;
                if share.weights.is_some() {
                    (0..m).for_each(|i| buffers.scale_sample(i, m, share.weight(i).sqrt()));
                }
            }
            Weighting::Elliptical(law) => {
                buffers.psi_is_white = true;
                for i in 0..m {
                    let z = buffers.sample(i, m);
                    let radial = law.radial(z.iter().map(|x| x * x).sum(), z.len());
                    let weight = share.weight(i) * radial.weight;
                    out.rho += share.weight(i) * radial.rho;
                    out.law_weight += weight;
                    share.spread(i, weight, z, &mut out.psi);
                    share.add_design(i, weight, out);
                    // √w on each side of the scatter is w on one.
                    buffers.scale_sample(i, m, weight.sqrt());
                }
            }
            Weighting::Matrix(law) => {
                buffers.psi_is_white = false;
                for i in 0..m {
                    let (rho, weight) = buffers.weigh_sample(i, m, law, share, out);
                    out.rho += share.weight(i) * rho;
                    out.law_weight += share.weight(i) * weight;
                    share.add_design(i, share.weight(i) * weight, out);
                }
            }
        }
    }

    /// Full matrices from triangles; for Ψ = Z, with the sum of what was not whitened yet in `psi`,
    /// everything that it and the scatters imply.
    pub(super) fn finish(&self, identity: bool, out: &mut Sums) {
        for side in Side::BOTH {
            if self.sides.has(side) {
                mirror_lower(&mut out.scatter_mut(side).view_mut());
            }
        }
        if !identity {
            return;
        }
        if let Sides::One(side) = self.sides {
            self.point.factor(side).whiten_in_place(out.scatter_mut(side));
        }
        out.rho = 0.5 * out.inner();
        out.law_weight = out.weight;
        self.point.whiten_in_place(&mut out.psi);
    }
}

/// Mean square of every cell around a mean, with weights.
pub(super) fn mean_squares(data: &Data<'_>, mean: ArrayView2<'_, f64>, step: usize) -> Array2<f64> {
    let mean = mean.as_standard_layout();
    let mut squares = vec![0.0; mean.len()];
    let mut total = 0.0;
    for (i, x) in data.values.axis_iter(Axis(0)).enumerate().step_by(step) {
        let u = data.weights.map_or(1.0, |weights| weights[i]);
        total += u;
        let x = x.as_standard_layout();
        let (x, mean) = (x.as_slice().unwrap_or_default(), mean.as_slice().unwrap_or_default());
        let pairs = x.iter().zip(mean);
        squares.iter_mut().zip(pairs).for_each(|(s, (x, m))| *s += u * (x - m) * (x - m));
    }
    Array2::from_shape_fn(mean.dim(), |(i, k)| squares[i * mean.ncols() + k] / total)
}
