//! Register-tiled kernels for data whose fastest index runs over samples.
//!
//! A block of m samples is kept as an array (p, q, m): the sample index is contiguous and m is a
//! multiple of [`LANES`]. Seen along one mode it is (outer, d, inner): (1, p, q·m) for the rows
//! and (p, q, m) for the columns, so one pair of kernels serves both sides, every vector load is
//! full, and no matrix is too small: whitening is a triangular product from the left, a scatter is
//! a Gram matrix of long rows.
//!
//! The sums run in an order that depends on the shapes and the instruction set only.

use pulp::{Arch, Simd, WithSimd};

/// The inner length of lane-ordered data is a multiple of this many doubles.
pub const LANES: usize = 8;

/// An array (outer, d, inner) seen along its middle axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Product of the axes before.
    pub outer: usize,
    /// Length of the axis.
    pub d: usize,
    /// Product of the axes after, a multiple of [`LANES`].
    pub inner: usize,
}

impl Mode {
    pub(super) fn len(self) -> usize {
        self.outer * self.d * self.inner
    }
}

/// A lower triangular L (d × d, row-major) as [`lower_times`] wants it: panels of a tile's rows,
/// transposed. `panels` grows once to d² + d doubles or so.
pub fn pack_lower(lower: &[f64], d: usize, panels: &mut Vec<f64>) {
    Arch::new().dispatch(PackLower { lower, d, panels });
}

struct PackLower<'a> {
    lower: &'a [f64],
    d: usize,
    panels: &'a mut Vec<f64>,
}

impl WithSimd for PackLower<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if S::REGISTER_COUNT >= 32 {
            pack_panels::<6>(self.lower, self.d, self.panels);
        } else {
            pack_panels::<4>(self.lower, self.d, self.panels);
        }
    }
}

/// X ← L X along one mode, in place, for an L from [`pack_lower`].
pub fn lower_times(panels: &[f64], x: &mut [f64], mode: Mode) {
    Arch::new().dispatch(LowerTimes { panels, x: &mut x[..mode.len()], mode });
}

struct LowerTimes<'a> {
    panels: &'a [f64],
    x: &'a mut [f64],
    mode: Mode,
}

impl WithSimd for LowerTimes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, 6, 4>(simd);
        } else {
            self.run::<S, 4, 3>(simd);
        }
    }
}

impl LowerTimes<'_> {
    /// Tiles of R rows by V vectors, from the last rows up: a tile reads only rows that were not
    /// yet overwritten.
    #[inline(always)]
    fn run<S: Simd, const R: usize, const V: usize>(self, simd: S) {
        let Self { panels, x, mode } = self;
        let (vectors, _) = S::as_mut_simd_f64s(x);
        let (d, width) = (mode.d, mode.inner / S::F64_LANES);
        if width < V {
            scattered::<S, R, V>(simd, panels, vectors, (d, width));
            return;
        }
        for part in vectors.chunks_exact_mut((d * width).max(1)) {
            let mut at = 0;
            while at + V <= width {
                strip::<S, R, V>(simd, panels, part, (d, width), Adjacent(at));
                at += V;
            }
            match width - at {
                3 => strip::<S, R, 3>(simd, panels, part, (d, width), Adjacent(at)),
                2 => strip::<S, R, 2>(simd, panels, part, (d, width), Adjacent(at)),
                1 => strip::<S, R, 1>(simd, panels, part, (d, width), Adjacent(at)),
                _ => {}
            }
        }
    }
}

/// Rows shorter than a tile: the columns of all outer parts are numbered through.
#[inline(always)]
fn scattered<S: Simd, const R: usize, const V: usize>(
    simd: S,
    panels: &[f64],
    x: &mut [S::f64s],
    (d, width): (usize, usize),
) {
    let columns = x.len() / d.max(1);
    let mut places = Places([0; V]);
    // (place in its part, first vector of the part)
    let (mut column, mut part) = (0, 0);
    let mut filled = 0;
    for _ in 0..columns {
        places.0[filled] = part + column;
        filled += 1;
        column += 1;
        if column == width {
            (column, part) = (0, part + d * width);
        }
        if filled == V {
            strip::<S, R, V>(simd, panels, x, (d, width), places);
            filled = 0;
        }
    }
    for place in &places.0[..filled] {
        strip::<S, R, 1>(simd, panels, x, (d, width), Adjacent(*place));
    }
}

/// Where the V vectors of a strip's first row are.
trait Columns<const V: usize>: Copy {
    fn load<T: Copy>(self, x: &[T]) -> [T; V];
    fn store<T: Copy>(self, row: [T; V], x: &mut [T]);
    fn down(self, vectors: usize) -> Self;
}

/// Side by side from here on.
#[derive(Clone, Copy)]
struct Adjacent(usize);

impl<const V: usize> Columns<V> for Adjacent {
    #[inline(always)]
    fn load<T: Copy>(self, x: &[T]) -> [T; V] {
        let part = &x[self.0..self.0 + V];
        std::array::from_fn(|v| part[v])
    }

    #[inline(always)]
    fn store<T: Copy>(self, row: [T; V], x: &mut [T]) {
        x[self.0..self.0 + V].copy_from_slice(&row);
    }

    #[inline(always)]
    fn down(self, vectors: usize) -> Self {
        Self(self.0 + vectors)
    }
}

/// Each at a place of its own.
#[derive(Clone, Copy)]
struct Places<const V: usize>([usize; V]);

impl<const V: usize> Columns<V> for Places<V> {
    #[inline(always)]
    fn load<T: Copy>(self, x: &[T]) -> [T; V] {
        self.0.map(|place| x[place])
    }

    #[inline(always)]
    fn store<T: Copy>(self, row: [T; V], x: &mut [T]) {
        for v in 0..V {
            x[self.0[v]] = row[v];
        }
    }

    #[inline(always)]
    fn down(self, vectors: usize) -> Self {
        Self(self.0.map(|place| place + vectors))
    }
}

/// L as panels of R rows, transposed: for each k the R entries of column k. The first panel holds
/// the d mod R rows that are left over, padded with zeros.
fn pack_panels<const R: usize>(lower: &[f64], d: usize, panels: &mut Vec<f64>) {
    panels.clear();
    let head = d % R;
    let mut first = 0;
    while first < d {
        let rows = if first == 0 && head > 0 { head } else { R };
        for k in 0..first + rows {
            for r in 0..R {
                panels.push(if r < rows && k <= first + r {
                    lower[(first + r) * d + k]
                } else {
                    0.0
                });
            }
        }
        first += rows;
    }
}

/// V columns of vectors, all rows.
#[inline(always)]
fn strip<S: Simd, const R: usize, const V: usize>(
    simd: S,
    panels: &[f64],
    x: &mut [S::f64s],
    (d, width): (usize, usize),
    columns: impl Columns<V>,
) {
    let (panels, _) = panels.as_chunks::<R>();
    let mut end = panels.len();
    let mut last = d;
    while last >= R {
        let panel = &panels[end - last..end];
        tile::<S, R, R, V>(simd, panel, x, (last - R, width), columns);
        end -= last;
        last -= R;
    }
    let panel = &panels[end - last..end];
    match last {
        1 => tile::<S, R, 1, V>(simd, panel, x, (0, width), columns),
        2 => tile::<S, R, 2, V>(simd, panel, x, (0, width), columns),
        3 => tile::<S, R, 3, V>(simd, panel, x, (0, width), columns),
        4 => tile::<S, R, 4, V>(simd, panel, x, (0, width), columns),
        5 => tile::<S, R, 5, V>(simd, panel, x, (0, width), columns),
        _ => {}
    }
}

/// T rows from `first` on: X[first..first+T] ← panel · X[..first+T].
#[inline(always)]
fn tile<S: Simd, const R: usize, const T: usize, const V: usize>(
    simd: S,
    panel: &[[f64; R]],
    x: &mut [S::f64s],
    (first, width): (usize, usize),
    columns: impl Columns<V>,
) {
    let mut sums = [[simd.splat_f64s(0.0); V]; T];
    let (above, own) = panel.split_at(first);
    let Some(own) = own.first_chunk::<T>() else { return };
    let mut from = columns;
    for column in above {
        let row = from.load(x);
        for r in 0..T {
            let factor = simd.splat_f64s(column[r]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_f64s(factor, row[v], sums[r][v]);
            }
        }
        from = from.down(width);
    }
    let mut to = from;
    for (t, column) in own.iter().enumerate() {
        let row = from.load(x);
        for r in t..T {
            let factor = simd.splat_f64s(column[r]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_f64s(factor, row[v], sums[r][v]);
            }
        }
        from = from.down(width);
    }
    for row in sums {
        to.store(row, x);
        to = to.down(width);
    }
}

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
    fn triangular_product_is_the_naive_one() {
        for d in 1..15 {
            for (outer, inner) in [(1, 8), (3, 16), (2, 40), (1, 104)] {
                let mode = Mode { outer, d, inner };
                let lower = values(d * d, 0.3);
                let before = values(mode.len(), 1.7);
                let mut x = before.clone();
                let mut panels = Vec::new();
                pack_lower(&lower, d, &mut panels);
                lower_times(&panels, &mut x, mode);
                for o in 0..outer {
                    for i in 0..d {
                        for c in 0..inner {
                            let naive: f64 = (0..=i)
                                .map(|k| lower[i * d + k] * before[(o * d + k) * inner + c])
                                .sum();
                            let got = x[(o * d + i) * inner + c];
                            assert!((got - naive).abs() < 1e-13, "d {d} ({outer}, {inner})");
                        }
                    }
                }
            }
        }
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
