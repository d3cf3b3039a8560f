//! Sums, scalings and matrix–vector products, a register at a time.

use super::kernel::LANES;
use pulp::{Arch, Simd, WithSimd};

/// Σ x² of every lane of (k, inner), where inner is the length of `out`.
pub fn squared_norms(x: &[f64], out: &mut [f64]) {
    Arch::new().dispatch(SquaredNorms { x, out });
}

struct SquaredNorms<'a> {
    x: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for SquaredNorms<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (x, _) = S::as_simd_f64s(self.x);
        let (out, _) = S::as_mut_simd_f64s(self.out);
        let width = out.len();
        for (c, to) in out.iter_mut().enumerate() {
            // Four partial sums hide the latency of the additions.
            let mut sums = [simd.splat_f64s(0.0); 4];
            for (i, v) in x[c..].iter().step_by(width.max(1)).enumerate() {
                sums[i % 4] = simd.mul_add_f64s(*v, *v, sums[i % 4]);
            }
            let [a, b, c, d] = sums;
            *to = simd.add_f64s(simd.add_f64s(a, b), simd.add_f64s(c, d));
        }
    }
}

/// X ← X diag(w) for (k, inner), and sums ← sums + X diag(w²) 1 with the X from before.
pub fn scale_lanes(x: &mut [f64], weights: &[f64], sums: &mut [f64]) {
    Arch::new().dispatch(ScaleLanes { x, weights, sums });
}

struct ScaleLanes<'a> {
    x: &'a mut [f64],
    weights: &'a [f64],
    sums: &'a mut [f64],
}

impl WithSimd for ScaleLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (x, _) = S::as_mut_simd_f64s(self.x);
        let (weights, _) = S::as_simd_f64s(self.weights);
        for (row, sum) in x.chunks_exact_mut(weights.len().max(1)).zip(self.sums) {
            let mut total = simd.splat_f64s(0.0);
            for (v, w) in row.iter_mut().zip(weights) {
                *v = simd.mul_f64s(*v, *w);
                total = simd.mul_add_f64s(*v, *w, total);
            }
            *sum += simd.reduce_sum_f64s(total);
        }
    }
}

/// X ← X diag(w) for (k, inner).
pub fn multiply_lanes(x: &mut [f64], weights: &[f64]) {
    for row in x.chunks_exact_mut(weights.len().max(1)) {
        row.iter_mut().zip(weights).for_each(|(v, w)| *v *= w);
    }
}

/// sums ← sums + X 1 for (k, inner).
pub fn sum_lanes(x: &[f64], inner: usize, sums: &mut [f64]) {
    for (row, sum) in x.chunks_exact(inner.max(1)).zip(sums) {
        let mut partial = [0.0; LANES];
        for part in row.as_chunks::<LANES>().0 {
            partial.iter_mut().zip(part).for_each(|(to, v)| *to += v);
        }
        *sum += partial.iter().sum::<f64>();
    }
}

/// Rows x_r + y_r of `long` doubles, `stride` doubles apart in `block`, one after another; x alone
/// where there is no y. X and Y begin at the given places.
pub fn add_rows(
    block: &[f64],
    (x, y): (usize, Option<usize>),
    stride: usize,
    long: usize,
    out: &mut [f64],
) {
    Arch::new().dispatch(AddRows { block, x, y, stride, long, out });
}

struct AddRows<'a> {
    block: &'a [f64],
    x: usize,
    y: Option<usize>,
    stride: usize,
    long: usize,
    out: &'a mut [f64],
}

impl WithSimd for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { block, x, y, stride, long, out } = self;
        for (r, to) in out.chunks_exact_mut(long.max(1)).enumerate() {
            let (to, _) = S::as_mut_simd_f64s(to);
            let (xs, _) = S::as_simd_f64s(&block[x + r * stride..][..long]);
            let Some(y) = y else {
                to.copy_from_slice(xs);
                continue;
            };
            let (ys, _) = S::as_simd_f64s(&block[y + r * stride..][..long]);
            for ((to, x), y) in to.iter_mut().zip(xs).zip(ys) {
                *to = simd.add_f64s(*x, *y);
            }
        }
    }
}

/// Rx for a row-major R: `out[i]` = ⟨row i, x⟩.
pub fn rows_dot(matrix: &[f64], x: &[f64], out: &mut [f64]) {
    Arch::new().dispatch(RowsDot { matrix, x, out });
}

struct RowsDot<'a> {
    matrix: &'a [f64],
    x: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for RowsDot<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (xs, tail) = S::as_simd_f64s(self.x);
        for (row, to) in self.matrix.chunks_exact(self.x.len().max(1)).zip(self.out) {
            let (rows, row_tail) = S::as_simd_f64s(row);
            let mut sums = [simd.splat_f64s(0.0); 4];
            let ((a, a_rest), (b, b_rest)) = (rows.as_chunks::<4>(), xs.as_chunks::<4>());
            for (a, b) in a.iter().zip(b) {
                for v in 0..4 {
                    sums[v] = simd.mul_add_f64s(a[v], b[v], sums[v]);
                }
            }
            for (a, b) in a_rest.iter().zip(b_rest) {
                sums[0] = simd.mul_add_f64s(*a, *b, sums[0]);
            }
            let [a, b, c, d] = sums;
            let total = simd.add_f64s(simd.add_f64s(a, b), simd.add_f64s(c, d));
            let rest: f64 = row_tail.iter().zip(tail).map(|(a, b)| a * b).sum();
            *to = simd.reduce_sum_f64s(total) + rest;
        }
    }
}

/// Rᵀx for a row-major R: `out` ← Σ_i x_i · row i.
pub fn rows_combine(matrix: &[f64], x: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    Arch::new().dispatch(RowsCombine { matrix, x, out });
}

struct RowsCombine<'a> {
    matrix: &'a [f64],
    x: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for RowsCombine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.out.len().max(1);
        let (outs, out_tail) = S::as_mut_simd_f64s(self.out);
        for (row, x) in self.matrix.chunks_exact(width).zip(self.x) {
            let (rows, row_tail) = S::as_simd_f64s(row);
            let factor = simd.splat_f64s(*x);
            for (to, v) in outs.iter_mut().zip(rows) {
                *to = simd.mul_add_f64s(factor, *v, *to);
            }
            for (to, v) in out_tail.iter_mut().zip(row_tail) {
                *to += x * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(len: usize, seed: f64) -> Vec<f64> {
        (0..len).map(|i| ((i as f64 + seed) * 0.7391).sin()).collect()
    }

    #[test]
    fn lane_sums_and_matrix_vector_products_are_the_naive_ones() {
        let (k, inner) = (7, 24);
        let x = values(k * inner, 0.4);
        let mut norms = vec![0.0; inner];
        squared_norms(&x, &mut norms);
        let weights = values(inner, 9.1);
        let (mut scaled, mut sums, mut plain) = (x.clone(), vec![0.5; k], vec![0.5; k]);
        scale_lanes(&mut scaled, &weights, &mut sums);
        sum_lanes(&x, inner, &mut plain);
        let (mut dots, mut combined) = (vec![0.0; k], vec![0.0; inner]);
        rows_dot(&x, &weights, &mut dots);
        rows_combine(&x, &dots, &mut combined);
        let column = |c: usize| (0..k).map(move |i| i * inner + c);
        for c in 0..inner {
            let norm: f64 = column(c).map(|at| x[at] * x[at]).sum();
            assert!((norms[c] - norm).abs() < 1e-14);
            let combination: f64 = column(c).zip(&dots).map(|(at, d)| x[at] * d).sum();
            assert!((combined[c] - combination).abs() < 1e-13);
        }
        for i in 0..k {
            let row = &x[i * inner..][..inner];
            let dot: f64 = row.iter().zip(&weights).map(|(a, b)| a * b).sum();
            let weighted: f64 = row.iter().zip(&weights).map(|(a, w)| a * w * w).sum();
            assert!((dots[i] - dot).abs() < 1e-14);
            assert!((sums[i] - 0.5 - weighted).abs() < 1e-14);
            assert!((plain[i] - 0.5 - row.iter().sum::<f64>()).abs() < 1e-14);
            assert!((scaled[i * inner] - row[0] * weights[0]).abs() < 1e-16);
        }
    }
}
