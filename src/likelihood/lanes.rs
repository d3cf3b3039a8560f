//! A block of samples in lane order (p, q, m): what the pass works on when there are samples
//! enough to fill the vectors.

use super::share::Share;
use super::{Point, Sums};
use crate::family::{DofFamily, Elliptical, MatrixWeights, Scratch};
use crate::kronecker::Side;
use crate::linalg::gram::Gram;
use crate::linalg::kernel::{LANES, Mode};
use crate::linalg::{Aligned, Triangle, as_matrix, as_matrix_mut, gemm, load, vectors, zeros};
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// Doubles that stay in a core's first- or second-level cache between loading and whitening.
const NEAR_DOUBLES: usize = 16 * 1024;

/// Memory of one thread for one block, and the scatters that grow while blocks go by.
#[derive(Debug)]
pub(super) struct Lanes {
    p: usize,
    q: usize,
    /// Samples in the block.
    m: usize,
    /// Lanes of the block: m rounded up.
    inner: usize,
    white: Aligned,
    psi: Aligned,
    psi_is_white: bool,
    weights: Aligned,
    row_panels: Vec<f64>,
    col_panels: Vec<f64>,
    scratch: Scratch,
    row_gram: Gram,
    col_gram: Gram,
}

impl Lanes {
    pub(super) fn new(block: usize, p: usize, q: usize) -> Self {
        let inner = block.next_multiple_of(LANES);
        Self {
            p,
            q,
            m: 0,
            inner,
            white: zeros(p * q * inner),
            psi: zeros(0),
            psi_is_white: true,
            weights: zeros(inner),
            row_panels: Vec::new(),
            col_panels: Vec::new(),
            scratch: Scratch::default(),
            row_gram: Gram::new(p),
            col_gram: Gram::new(q),
        }
    }

    /// Makes ready to whiten by the roots of a point.
    pub(super) fn prepare(&mut self, point: &Point, rows: bool, cols: bool) {
        if rows {
            point.row().pack(&mut self.row_panels);
        }
        if cols {
            point.col().pack(&mut self.col_panels);
        }
    }

    /// X − M of m samples, `stride` doubles apart in memory.
    pub(super) fn load(&mut self, samples: &[f64], stride: usize, m: usize, mean: &[f64]) {
        self.m = m;
        self.inner = m.next_multiple_of(LANES);
        load::load_lanes(samples, stride, mean, (m, self.inner), &mut self.white);
    }

    /// (X − M) L_B⁻ᵀ: rows are whitened while they are near.
    pub(super) fn load_white(
        &mut self,
        samples: &[f64],
        stride: usize,
        m: usize,
        mean: &[f64],
        point: &Point,
    ) {
        self.m = m;
        self.inner = m.next_multiple_of(LANES);
        let (q, inner) = (self.q, self.inner);
        let rows = (NEAR_DOUBLES / (q * inner)).max(1).next_multiple_of(4);
        for (i, mean) in mean.chunks(rows * q).enumerate() {
            let at = i * rows * q;
            let white = &mut self.white[at * inner..][..mean.len() * inner];
            load::load_lanes(&samples[at..], stride, mean, (m, inner), white);
            let mode = Mode { outer: mean.len() / q, d: q, inner };
            point.col().whiten_mode(white, mode, &mut self.col_panels);
        }
    }

    fn rows(&self) -> Mode {
        Mode { outer: 1, d: self.p, inner: self.q * self.inner }
    }

    fn cols(&self) -> Mode {
        Mode { outer: self.p, d: self.q, inner: self.inner }
    }

    pub(super) fn whiten_rows(&mut self, point: &Point) {
        let mode = self.rows();
        point.row().whiten_mode(&mut self.white, mode, &mut self.row_panels);
    }

    /// Ψ = Z; with weights both are √u Z, and their product is the scatter.
    pub(super) fn weigh_identity(&mut self, share: &Share<'_>) {
        self.psi_is_white = true;
        let Some(weights) = share.weights else { return };
        let (d, inner) = (self.p * self.q, self.inner);
        self.weights[..inner].fill(0.0);
        self.weights.iter_mut().zip(weights).for_each(|(to, u)| *to = u.sqrt());
        vectors::multiply_lanes(&mut self.white[..d * inner], &self.weights[..inner]);
    }

    /// Ψ = wZ, stored as √(uw) Z: its product with itself is the scatter.
    pub(super) fn weigh_scalar(&mut self, law: &dyn Elliptical, share: &Share<'_>, out: &mut Sums) {
        self.psi_is_white = true;
        let (d, inner) = (self.p * self.q, self.inner);
        vectors::squared_norms(&self.white[..d * inner], &mut self.weights[..inner]);
        for (i, slot) in self.weights[..self.m].iter_mut().enumerate() {
            let (radial, u) = (law.radial(*slot, d), share.weight(i));
            out.rho += u * radial.rho;
            out.law_weight += u * radial.weight;
            share.add_design(i, u * radial.weight, out);
            *slot = (u * radial.weight).sqrt();
        }
        self.weights[self.m..inner].fill(0.0);
        let white = &mut self.white[..d * inner];
        match share.design {
            None => {
                let sums = out.psi.as_slice_mut().unwrap_or_default();
                vectors::scale_lanes(white, &self.weights[..inner], sums);
            }
            Some(design) => {
                vectors::multiply_lanes(white, &self.weights[..inner]);
                add_blocks(white, design, Some(&self.weights), inner, out);
            }
        }
    }

    /// Any other Ψ: all lanes at once where the law can, else sample by sample.
    pub(super) fn weigh_matrix(
        &mut self,
        law: &dyn MatrixWeights,
        share: &Share<'_>,
        out: &mut Sums,
    ) {
        self.psi_is_white = false;
        let dim @ (p, q, inner) = (self.p, self.q, self.inner);
        self.psi.resize(p * q * inner, 0.0);
        let rho = &mut self.weights[..inner];
        let white = &self.white[..p * q * inner];
        let weight = law.weigh_lanes(white, dim, &mut self.psi, rho, &mut self.scratch);
        if let Some(weight) = weight {
            for (i, rho) in rho[..self.m].iter().enumerate() {
                out.rho += share.weight(i) * rho;
                out.law_weight += share.weight(i) * weight;
                share.add_design(i, share.weight(i) * weight, out);
            }
        } else {
            // Lanes without a sample stay zero.
            self.psi.fill(0.0);
            for i in 0..self.m {
                let z = lane(&self.white, i, dim);
                let psi = lane_mut(&mut self.psi, i, dim);
                let (rho, weight) = law.weigh(z, psi, &mut self.scratch);
                let u = share.weight(i);
                out.rho += u * rho;
                out.law_weight += u * weight;
                share.add_design(i, u * weight, out);
            }
        }
        if let Some(weights) = share.weights {
            self.weights[..inner].fill(0.0);
            self.weights[..weights.len()].copy_from_slice(weights);
            vectors::multiply_lanes(&mut self.psi[..p * q * inner], &self.weights[..inner]);
        }
        match share.design {
            None => {
                let sums = out.psi.as_slice_mut().unwrap_or_default();
                vectors::sum_lanes(&self.psi, inner, sums);
            }
            Some(design) => {
                add_blocks(&self.psi, design, None, inner, out);
                if !out.cross.is_empty() {
                    self.add_cross(share, out);
                }
            }
        }
    }

    /// The metric of matrix weights: Σ z zᵀ ⊗ Z Ψᵀ on the shorter side.
    fn add_cross(&self, share: &Share<'_>, out: &mut Sums) {
        let (p, q, inner) = (self.p, self.q, self.inner);
        let (s, t) = (p.min(q), p.max(q));
        let at =
            |a: usize, c: usize| if p <= q { (a * q + c) * inner } else { (c * q + a) * inner };
        let mut products = vec![0.0; s * s * inner];
        for a in 0..s {
            for b in 0..=a {
                let (low, high) = ((b * s + a) * inner, (a * s + b) * inner);
                let sum = &mut products[high..high + inner];
                for c in 0..t {
                    let z = &self.white[at(a, c)..][..inner];
                    let psi = &self.psi[at(b, c)..][..inner];
                    sum.iter_mut().zip(z.iter().zip(psi)).for_each(|(to, (x, y))| *to += x * y);
                }
                products.copy_within(high..high + inner, low);
            }
        }
        let mut one = ndarray::Array2::zeros((s, s));
        for i in 0..self.m {
            one.iter_mut().enumerate().for_each(|(k, to)| *to = products[k * inner + i]);
            share.add_cross(i, one.view(), out);
        }
    }

    pub(super) fn scatter_rows(&mut self) {
        let mode = self.rows();
        let psi = if self.psi_is_white { &self.white } else { &self.psi };
        self.row_gram.add(&self.white, psi, mode);
    }

    pub(super) fn scatter_columns(&mut self) {
        let mode = self.cols();
        let psi = if self.psi_is_white { &self.white } else { &self.psi };
        self.col_gram.add(&self.white, psi, mode);
    }

    /// Forgets the scatters that will be grown.
    pub(super) fn clear(&mut self, rows: bool, cols: bool) {
        if rows {
            self.row_gram.clear();
        }
        if cols {
            self.col_gram.clear();
        }
    }

    /// Adds the lower triangles of the scatters that were grown.
    pub(super) fn add_to(&self, rows: bool, cols: bool, out: &mut Sums) {
        if rows {
            self.row_gram.add_to(out.scatter_mut(Side::Rows).as_slice_mut().unwrap_or_default());
        }
        if cols {
            self.col_gram.add_to(out.scatter_mut(Side::Cols).as_slice_mut().unwrap_or_default());
        }
    }
}

impl Lanes {
    /// The summaries of every sample, sample after sample.
    pub(super) fn summarise(&mut self, family: &dyn DofFamily, out: &mut [f64]) {
        let width = family.summary_len(self.p, self.q);
        let dim @ (p, q, inner) = (self.p, self.q, self.inner);
        self.psi.resize((p * q * inner).max(width * inner), 0.0);
        let white = &self.white[..p * q * inner];
        if family.summarise_lanes(white, dim, &mut self.psi, &mut self.scratch) {
            for (i, slot) in out.chunks_exact_mut(width.max(1)).enumerate() {
                slot.iter_mut().enumerate().for_each(|(j, to)| *to = self.psi[j * inner + i]);
            }
        } else {
            for (i, slot) in out.chunks_exact_mut(width.max(1)).enumerate() {
                family.summarise(lane(&self.white, i, dim), slot, &mut self.scratch);
            }
        }
    }

    /// Z ← √u Z, and the sums grow by u Z.
    pub(super) fn scale(&mut self, weights: &[f64], sums: &mut [f64]) {
        let (d, inner) = (self.p * self.q, self.inner);
        self.weights[..inner].fill(0.0);
        self.weights.iter_mut().zip(weights).for_each(|(to, u)| *to = u.sqrt());
        vectors::scale_lanes(&mut self.white[..d * inner], &self.weights[..inner], sums);
    }

    /// The block in lane order, (p·q, lanes), and its number of lanes.
    pub(super) fn block(&self) -> (&[f64], usize) {
        (&self.white[..self.p * self.q * self.inner], self.inner)
    }
}

/// Blocks of ΣΨ: block k grows by the sum over the lanes of c_i z_ik times what is in the lane.
fn add_blocks(
    lanes: &[f64],
    design: ArrayView2<'_, f64>,
    scale: Option<&[f64]>,
    inner: usize,
    out: &mut Sums,
) {
    let m = design.ncols();
    let d = out.psi.len() / m;
    let mut left = ndarray::Array2::zeros((m, inner));
    for ((k, i), to) in left.indexed_iter_mut() {
        if i < design.nrows() {
            *to = design[[i, k]] * scale.map_or(1.0, |scale| scale[i]);
        }
    }
    let Some(psi) = out.psi.as_slice_mut() else { return };
    let full = Triangle::Full;
    let right = as_matrix(&lanes[..d * inner], d, inner);
    let to = as_matrix_mut(psi, m, d);
    gemm(1.0, (left.view(), full), (right.reversed_axes(), full), true, (to, full));
}

#[expect(clippy::expect_used, reason = "the last index is below p·q·inner")]
fn lane(block: &[f64], i: usize, (p, q, inner): (usize, usize, usize)) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((p, q).strides((q * inner, inner)), &block[i..]).expect("one lane")
}

#[expect(clippy::expect_used, reason = "the last index is below p·q·inner")]
fn lane_mut(
    block: &mut [f64],
    i: usize,
    (p, q, inner): (usize, usize, usize),
) -> ArrayViewMut2<'_, f64> {
    ArrayViewMut2::from_shape((p, q).strides((q * inner, inner)), &mut block[i..])
        .expect("one lane")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Root;
    use ndarray::Array2;

    /// Rows longer than what is kept near, rows that do not fill a group, lanes left over.
    #[test]
    fn whitening_while_loading_is_whitening() {
        for (m, p, q) in [(8, 2, 2100), (5, 7, 30), (19, 3, 4)] {
            let samples: Vec<f64> = (0..m * p * q).map(|i| (i as f64 * 0.37).sin()).collect();
            let lower = Array2::from_shape_fn((q, q), |(i, j)| match i.cmp(&j) {
                std::cmp::Ordering::Equal => 2.0,
                std::cmp::Ordering::Greater if i - j < 3 => 0.3,
                _ => 0.0,
            });
            let mean = Array2::from_elem((p, q), 0.25);
            let point = Point::new(mean, Root::scaled_identity(p, 1.0), Root::from_lower(lower));
            let mean: Vec<f64> = point.mean.iter().copied().collect();
            let mut lanes = Lanes::new(m, p, q);
            lanes.prepare(&point, false, true);
            lanes.load_white(&samples, p * q, m, &mean, &point);
            let (white, inner) = lanes.block();
            for i in 0..m {
                let sample = crate::linalg::as_matrix(&samples[i * p * q..], p, q);
                let expected = point.whiten((&sample - &point.mean).view());
                for (k, x) in expected.iter().enumerate() {
                    assert!((white[k * inner + i] - x).abs() < 1e-12, "({m}, {p}, {q})");
                }
            }
        }
    }
}
