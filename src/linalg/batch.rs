//! Small symmetric problems of many samples at once, one sample per vector lane.
//!
//! Data is lane-ordered as in [`super::kernel`]: entry (i, k) of the samples' s × t matrices Y
//! fills one vector, so factorising eight 10 × 10 matrices costs little more than one.

use super::Aligned;
use pulp::{Arch, Simd, WithSimd};

/// Y of a lane-ordered block (p, q, inner), or its transpose, whichever has fewer rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Rows of Y, at most its columns.
    pub s: usize,
    /// Columns of Y.
    pub t: usize,
    flipped: bool,
    inner: usize,
}

/// Columns that are carried through a triangular solve side by side.
const SIDE: usize = 4;
/// Products of pivots beyond this are logged before they overflow.
const LARGE: f64 = 1e100;
/// Most sweeps of the Jacobi iteration; five or six are usual.
const MOST_SWEEPS: usize = 30;

impl Short {
    /// For a block (p, q, inner).
    pub fn of(p: usize, q: usize, inner: usize) -> Self {
        Self { s: p.min(q), t: p.max(q), flipped: p > q, inner }
    }

    /// Place of the vectors of entry (i, k), in doubles.
    #[inline(always)]
    fn at(self, i: usize, k: usize) -> usize {
        (if self.flipped { k * self.s + i } else { i * self.t + k }) * self.inner
    }

    /// W = factor · (I + YYᵀ)⁻¹Y in the layout of the block, and ln|I + YYᵀ| of every lane.
    pub fn solve_shifted(
        self,
        block: &[f64],
        factor: f64,
        out: &mut [f64],
        ln_det: &mut [f64],
        scratch: &mut Aligned,
    ) {
        Arch::new().dispatch(SolveShifted { short: self, block, factor, out, ln_det, scratch });
    }

    /// The eigenvalues of YYᵀ of every lane: `out[j·inner + lane]`, in no particular order.
    pub fn squared_singular_values(self, block: &[f64], out: &mut [f64], scratch: &mut Aligned) {
        Arch::new().dispatch(Eigenvalues { short: self, block, out, scratch });
    }

    /// Copies one vector of lanes of Y, row-major.
    #[inline(always)]
    fn copy_in<S: Simd>(self, block: &[f64], lane: usize, y: &mut [S::f64s]) {
        for i in 0..self.s {
            for k in 0..self.t {
                let from = self.at(i, k) + lane;
                let (vector, _) = S::as_simd_f64s(&block[from..from + S::F64_LANES]);
                y[i * self.t + k] = vector[0];
            }
        }
    }
}

/// Lower triangle of YYᵀ, row-major s × s.
#[inline(always)]
fn gram<S: Simd>(simd: S, y: &[S::f64s], (s, t): (usize, usize), out: &mut [S::f64s]) {
    for i in 0..s {
        let left = &y[i * t..][..t];
        let mut j = 0;
        while j <= i {
            // Rows beyond the diagonal are computed for nothing and overwritten or ignored.
            if j + SIDE <= s {
                let mut sums = [simd.splat_f64s(0.0); SIDE];
                let rows = &y[j * t..][..SIDE * t];
                for k in 0..t {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.mul_add_f64s(left[k], rows[v * t + k], *sum);
                    }
                }
                out[i * s + j..i * s + j + SIDE].copy_from_slice(&sums);
                j += SIDE;
            } else {
                let mut sum = simd.splat_f64s(0.0);
                for (a, b) in left.iter().zip(&y[j * t..][..t]) {
                    sum = simd.mul_add_f64s(*a, *b, sum);
                }
                out[i * s + j] = sum;
                j += 1;
            }
        }
    }
}

struct SolveShifted<'a> {
    short: Short,
    block: &'a [f64],
    factor: f64,
    out: &'a mut [f64],
    ln_det: &'a mut [f64],
    scratch: &'a mut Aligned,
}

impl WithSimd for SolveShifted<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { short, block, factor, out, ln_det, scratch } = self;
        let Short { s, t, inner, .. } = short;
        let lanes = S::F64_LANES;
        scratch.resize((s * t + s * s + 2 * s) * lanes, 0.0);
        let (memory, _) = S::as_mut_simd_f64s(scratch);
        let (y, rest) = memory.split_at_mut(s * t);
        let (lower, rest) = rest.split_at_mut(s * s);
        let (excess, inverse) = rest.split_at_mut(s);
        let factor = simd.splat_f64s(factor);
        for lane in (0..inner).step_by(lanes) {
            short.copy_in::<S>(block, lane, y);
            gram(simd, y, (s, t), lower);
            factor_shifted(simd, lower, s, excess, inverse);
            log_of_pivots::<S>(excess, &mut ln_det[lane..lane + lanes]);
            solve(simd, lower, inverse, (s, t), y);
            for i in 0..s {
                for k in 0..t {
                    let to = short.at(i, k) + lane;
                    let (vector, _) = S::as_mut_simd_f64s(&mut out[to..to + lanes]);
                    vector[0] = simd.mul_f64s(factor, y[i * t + k]);
                }
            }
        }
    }
}

/// The Cholesky factor of I + G in place of G.
///
/// The identity is never added: elimination keeps G' = pivots − 1, so that the logarithm is exact
/// also where G is tiny. G' stays positive semidefinite; rounding that says otherwise is cut off.
#[inline(always)]
fn factor_shifted<S: Simd>(
    simd: S,
    g: &mut [S::f64s],
    s: usize,
    excess: &mut [S::f64s],
    inverse: &mut [S::f64s],
) {
    let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
    for k in 0..s {
        let more = simd.max_f64s(g[k * s + k], zero);
        excess[k] = more;
        inverse[k] = simd.div_f64s(one, simd.sqrt_f64s(simd.add_f64s(one, more)));
        for i in k + 1..s {
            g[i * s + k] = simd.mul_f64s(g[i * s + k], inverse[k]);
        }
        for i in k + 1..s {
            let factor = simd.neg_f64s(g[i * s + k]);
            for j in k + 1..=i {
                g[i * s + j] = simd.mul_add_f64s(factor, g[j * s + k], g[i * s + j]);
            }
        }
    }
}

/// Σ ln(1 + e_k) as one logarithm: Π(1 + e_k) − 1 grows without cancellation.
#[inline(always)]
fn log_of_pivots<S: Simd>(excess: &[S::f64s], out: &mut [f64]) {
    out.fill(0.0);
    let width = out.len();
    for (lane, to) in out.iter_mut().enumerate() {
        let mut product = 0.0_f64;
        for vector in excess {
            let e = lanes_of::<S>(vector)[..width][lane];
            product += e + product * e;
            if product > LARGE {
                *to += product.ln_1p();
                product = 0.0;
            }
        }
        *to += product.ln_1p();
    }
}

/// The lanes of a vector.
#[inline(always)]
fn lanes_of<S: Simd>(vector: &S::f64s) -> &[f64] {
    pulp::bytemuck::cast_slice(std::slice::from_ref(vector))
}

/// Y ← (L Lᵀ)⁻¹ Y with the diagonal of L inverted.
#[inline(always)]
fn solve<S: Simd>(
    simd: S,
    lower: &[S::f64s],
    inverse: &[S::f64s],
    (s, t): (usize, usize),
    y: &mut [S::f64s],
) {
    let mut k = 0;
    while k < t {
        if k + SIDE <= t {
            solve_columns::<S, SIDE>(simd, lower, inverse, (s, t), k, y);
            k += SIDE;
        } else {
            solve_columns::<S, 1>(simd, lower, inverse, (s, t), k, y);
            k += 1;
        }
    }
}

#[inline(always)]
fn solve_columns<S: Simd, const N: usize>(
    simd: S,
    lower: &[S::f64s],
    inverse: &[S::f64s],
    (s, t): (usize, usize),
    at: usize,
    y: &mut [S::f64s],
) {
    for i in 0..s {
        let mut row: [S::f64s; N] = std::array::from_fn(|v| y[i * t + at + v]);
        for j in 0..i {
            let factor = simd.neg_f64s(lower[i * s + j]);
            let done = &y[j * t + at..][..N];
            for v in 0..N {
                row[v] = simd.mul_add_f64s(factor, done[v], row[v]);
            }
        }
        for v in 0..N {
            y[i * t + at + v] = simd.mul_f64s(row[v], inverse[i]);
        }
    }
    for i in (0..s).rev() {
        let mut row: [S::f64s; N] = std::array::from_fn(|v| y[i * t + at + v]);
        for j in i + 1..s {
            let factor = simd.neg_f64s(lower[j * s + i]);
            let done = &y[j * t + at..][..N];
            for v in 0..N {
                row[v] = simd.mul_add_f64s(factor, done[v], row[v]);
            }
        }
        for v in 0..N {
            y[i * t + at + v] = simd.mul_f64s(row[v], inverse[i]);
        }
    }
}

struct Eigenvalues<'a> {
    short: Short,
    block: &'a [f64],
    out: &'a mut [f64],
    scratch: &'a mut Aligned,
}

impl WithSimd for Eigenvalues<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { short, block, out, scratch } = self;
        let Short { s, t, inner, .. } = short;
        let lanes = S::F64_LANES;
        scratch.resize((s * t + s * s) * lanes, 0.0);
        let (memory, _) = S::as_mut_simd_f64s(scratch);
        let (y, g) = memory.split_at_mut(s * t);
        for lane in (0..inner).step_by(lanes) {
            short.copy_in::<S>(block, lane, y);
            gram(simd, y, (s, t), g);
            jacobi(simd, g, s);
            for j in 0..s {
                let to = j * inner + lane;
                let (vector, _) = S::as_mut_simd_f64s(&mut out[to..to + lanes]);
                vector[0] = simd.max_f64s(g[j * s + j], simd.splat_f64s(0.0));
            }
        }
    }
}

/// Cyclic Jacobi rotations on the lower triangle until every lane is diagonal to rounding.
///
/// # References
/// Golub & Van Loan (2013), Matrix Computations, section 8.5.
#[inline(always)]
fn jacobi<S: Simd>(simd: S, g: &mut [S::f64s], s: usize) {
    for _ in 0..MOST_SWEEPS {
        let (mut off, mut all) = (simd.splat_f64s(0.0), simd.splat_f64s(f64::MIN_POSITIVE));
        for i in 0..s {
            for j in 0..i {
                off = simd.mul_add_f64s(g[i * s + j], g[i * s + j], off);
            }
            all = simd.mul_add_f64s(g[i * s + i], g[i * s + i], all);
        }
        // Off-diagonal entries move eigenvalues by their squares: 1e-22 is far below rounding.
        if simd.reduce_max_f64s(simd.div_f64s(off, all)) <= 1e-22 {
            return;
        }
        for b in 1..s {
            for a in 0..b {
                rotate(simd, g, s, a, b);
            }
        }
    }
}

/// Zeroes entry (b, a), a < b.
#[inline(always)]
fn rotate<S: Simd>(simd: S, g: &mut [S::f64s], s: usize, a: usize, b: usize) {
    let one = simd.splat_f64s(1.0);
    let cross = g[b * s + a];
    let difference = simd.sub_f64s(g[b * s + b], g[a * s + a]);
    // t = 2c·sign(δ) / (|δ| + √(δ² + 4c²)) has no cancellation; the tiny number is for 0/0.
    let twice = simd.add_f64s(cross, cross);
    let root =
        simd.sqrt_f64s(simd.mul_add_f64s(twice, twice, simd.mul_f64s(difference, difference)));
    let size = simd.abs_f64s(difference);
    let bottom = simd.add_f64s(simd.add_f64s(size, root), simd.splat_f64s(f64::MIN_POSITIVE));
    let positive = simd.less_than_or_equal_f64s(simd.splat_f64s(0.0), difference);
    let signed = simd.select_f64s(positive, twice, simd.neg_f64s(twice));
    let t = simd.div_f64s(signed, bottom);
    let c = simd.div_f64s(one, simd.sqrt_f64s(simd.mul_add_f64s(t, t, one)));
    let sn = simd.mul_f64s(t, c);
    let shift = simd.mul_f64s(t, cross);
    g[a * s + a] = simd.sub_f64s(g[a * s + a], shift);
    g[b * s + b] = simd.add_f64s(g[b * s + b], shift);
    g[b * s + a] = simd.splat_f64s(0.0);
    let minus = simd.neg_f64s(sn);
    for k in 0..s {
        if k == a || k == b {
            continue;
        }
        let (at_a, at_b) = (lower_at(s, a, k), lower_at(s, b, k));
        let (x, y) = (g[at_a], g[at_b]);
        g[at_a] = simd.mul_add_f64s(c, x, simd.mul_f64s(minus, y));
        g[at_b] = simd.mul_add_f64s(c, y, simd.mul_f64s(sn, x));
    }
}

#[inline(always)]
fn lower_at(s: usize, i: usize, k: usize) -> usize {
    if i > k { i * s + k } else { k * s + i }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Spd, symmetric_eigen};
    use ndarray::Array2;

    fn block(p: usize, q: usize, inner: usize, scale: f64) -> Vec<f64> {
        (0..p * q * inner).map(|i| scale * ((i as f64 + 0.3) * 0.7391).sin()).collect()
    }

    fn lane(block: &[f64], (p, q, inner): (usize, usize, usize), lane: usize) -> Array2<f64> {
        Array2::from_shape_fn((p, q), |(i, j)| block[(i * q + j) * inner + lane])
    }

    #[test]
    fn every_lane_is_solved_as_by_itself() {
        for dim in [(3, 5, 16), (5, 3, 8), (1, 4, 8), (6, 6, 24), (9, 2, 8)] {
            let (p, q, inner) = dim;
            for scale in [1e-4, 1.0, 1e40] {
                let z = block(p, q, inner, scale);
                let (mut out, mut ln_det) = (vec![0.0; z.len()], vec![0.0; inner]);
                Short::of(p, q, inner).solve_shifted(
                    &z,
                    2.5,
                    &mut out,
                    &mut ln_det,
                    &mut super::super::zeros(0),
                );
                if scale > 1e3 {
                    assert!(ln_det.iter().all(|x| x.is_finite()));
                    continue;
                }
                for (l, ln_det) in ln_det.iter().enumerate() {
                    let z = lane(&z, dim, l);
                    let shifted =
                        Spd::new("I + ZZᵀ", z.dot(&z.t()) + Array2::<f64>::eye(p)).unwrap();
                    let expected = shifted.solve(z.view()) * 2.5;
                    let off = &lane(&out, dim, l) - &expected;
                    assert!(off.iter().all(|x| x.abs() < 1e-13 * scale), "{dim:?}");
                    let relative = ln_det / shifted.ln_det() - 1.0;
                    assert!(
                        relative.abs() < if scale < 1.0 { 1e-7 } else { 1e-13 },
                        "{relative:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn small_logarithms_are_exact() {
        // One row: ln(1 + ‖y‖²).
        let z = block(1, 4, 8, 1e-9);
        let (mut out, mut ln_det) = (vec![0.0; z.len()], vec![0.0; 8]);
        Short::of(1, 4, 8).solve_shifted(
            &z,
            1.0,
            &mut out,
            &mut ln_det,
            &mut super::super::zeros(0),
        );
        for (l, value) in ln_det.iter().enumerate() {
            let squares: f64 = (0..4).map(|k| z[k * 8 + l].powi(2)).sum();
            assert!((value / squares.ln_1p() - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn every_lane_has_its_eigenvalues() {
        for dim in [(3, 5, 16), (7, 2, 8), (1, 4, 8), (10, 12, 8)] {
            let (p, q, inner) = dim;
            let z = block(p, q, inner, 1.0);
            let short = Short::of(p, q, inner);
            let mut out = vec![0.0; short.s * inner];
            short.squared_singular_values(&z, &mut out, &mut super::super::zeros(0));
            for l in 0..inner {
                let z = lane(&z, dim, l);
                let gram = if p <= q { z.dot(&z.t()) } else { z.t().dot(&z) };
                let expected = symmetric_eigen("a Gram matrix", gram.view()).unwrap().values;
                let mut found: Vec<f64> = (0..short.s).map(|j| out[j * inner + l]).collect();
                found.sort_by(f64::total_cmp);
                let largest = expected[short.s - 1];
                for (x, y) in found.iter().zip(&expected) {
                    assert!((x - y).abs() < 1e-13 * largest, "{dim:?}: {x} against {y}");
                }
            }
        }
    }
}
