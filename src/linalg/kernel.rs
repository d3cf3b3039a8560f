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
/// Vectors per row that a Gram tile runs over before its accumulators are summed up.
const GRAM_RUN: usize = 40;

/// Rows of at most this many vectors are packed for a Gram matrix.
const SHORT_ROW: usize = 4;

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
    fn len(self) -> usize {
        self.outer * self.d * self.inner
    }
}

/// X ← L X along one mode, in place, for a lower triangular L (d × d, row-major).
///
/// `panels` is scratch memory that grows once to d² + d doubles or so.
pub fn lower_times(lower: &[f64], x: &mut [f64], mode: Mode, panels: &mut Vec<f64>) {
    Arch::new().dispatch(LowerTimes { lower, x: &mut x[..mode.len()], mode, panels });
}

struct LowerTimes<'a> {
    lower: &'a [f64],
    x: &'a mut [f64],
    mode: Mode,
    panels: &'a mut Vec<f64>,
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
        let Self { lower, x, mode, panels } = self;
        let d = mode.d;
        pack_panels::<R>(lower, d, panels);
        let (vectors, _) = S::as_mut_simd_f64s(x);
        let width = mode.inner / S::F64_LANES;
        for part in vectors.chunks_exact_mut(d * width) {
            let mut at = 0;
            while at + V <= width {
                strip::<S, R, V>(simd, panels, part, d, width, at);
                at += V;
            }
            while at < width {
                strip::<S, R, 1>(simd, panels, part, d, width, at);
                at += 1;
            }
        }
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

/// One column strip of V vectors, all rows.
#[inline(always)]
fn strip<S: Simd, const R: usize, const V: usize>(
    simd: S,
    panels: &[f64],
    x: &mut [S::f64s],
    d: usize,
    width: usize,
    at: usize,
) {
    let (panels, _) = panels.as_chunks::<R>();
    let mut end = panels.len();
    let mut last = d;
    while last >= R {
        let panel = &panels[end - last..end];
        tile::<S, R, R, V>(simd, panel, x, last - R, width, at);
        end -= last;
        last -= R;
    }
    let panel = &panels[end - last..end];
    match last {
        1 => tile::<S, R, 1, V>(simd, panel, x, 0, width, at),
        2 => tile::<S, R, 2, V>(simd, panel, x, 0, width, at),
        3 => tile::<S, R, 3, V>(simd, panel, x, 0, width, at),
        4 => tile::<S, R, 4, V>(simd, panel, x, 0, width, at),
        5 => tile::<S, R, 5, V>(simd, panel, x, 0, width, at),
        _ => {}
    }
}

/// T rows from `first` on: X[first..first+T] ← panel · X[..first+T].
#[inline(always)]
fn tile<S: Simd, const R: usize, const T: usize, const V: usize>(
    simd: S,
    panel: &[[f64; R]],
    x: &mut [S::f64s],
    first: usize,
    width: usize,
    at: usize,
) {
    let mut sums = [[simd.splat_f64s(0.0); V]; T];
    let (above, own) = panel.split_at(first);
    let mut from = at;
    for column in above {
        let row = load::<S, V>(x, from);
        for r in 0..T {
            let factor = simd.splat_f64s(column[r]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_f64s(factor, row[v], sums[r][v]);
            }
        }
        from += width;
    }
    for (t, column) in own.iter().enumerate().take(T) {
        let row = load::<S, V>(x, from);
        for r in t..T {
            let factor = simd.splat_f64s(column[r]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_f64s(factor, row[v], sums[r][v]);
            }
        }
        from += width;
    }
    let mut to = first * width + at;
    for row in sums {
        x[to..to + V].copy_from_slice(&row);
        to += width;
    }
}

#[inline(always)]
fn load<S: Simd, const V: usize>(x: &[S::f64s], from: usize) -> [S::f64s; V] {
    let part = &x[from..from + V];
    std::array::from_fn(|v| part[v])
}

/// A growing Gram matrix Σ X Yᵀ (d × d, lower triangle): one vector of partial sums per entry, so
/// that adding a block costs no horizontal sum.
#[derive(Debug, Clone)]
pub struct Gram {
    d: usize,
    sums: Vec<f64>,
    packed: Vec<f64>,
}

/// Rows of the square tiles of sums, for register files of 32 and of 16 vectors.
const TILES: (usize, usize) = (4, 3);

impl Gram {
    /// Zero, of order d.
    pub fn new(d: usize) -> Self {
        let tiles = |r: usize| d.div_ceil(r) * (d.div_ceil(r) + 1) / 2 * r * r;
        let sums = vec![0.0; LANES * tiles(TILES.0).max(tiles(TILES.1))];
        Self { d, sums, packed: Vec::new() }
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        self.sums.fill(0.0);
    }

    /// Adds X Yᵀ along one mode, summed over outer and inner; `mode.d` is the order d.
    pub fn add(&mut self, x: &[f64], y: &[f64], mode: Mode) {
        debug_assert_eq!(mode.d, self.d);
        let (x, y) = (&x[..mode.len()], &y[..mode.len()]);
        let Self { sums, packed, .. } = self;
        Arch::new().dispatch(AddGram { x, y, mode, sums, packed });
    }

    /// Adds the lower triangle to `out` (d × d, row-major).
    pub fn add_to(&self, out: &mut [f64]) {
        Arch::new().dispatch(SumGram { d: self.d, sums: &self.sums, out });
    }
}

struct AddGram<'a> {
    x: &'a [f64],
    y: &'a [f64],
    mode: Mode,
    sums: &'a mut [f64],
    packed: &'a mut Vec<f64>,
}

impl WithSimd for AddGram<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, { TILES.0 }>(simd);
        } else {
            self.run::<S, { TILES.1 }>(simd);
        }
    }
}

impl AddGram<'_> {
    /// Tiles of R × R sums over a run of vectors short enough for the rows to stay in the
    /// first-level cache.
    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: S) {
        let Self { x, y, mode, sums, packed } = self;
        let (x, _) = S::as_simd_f64s(x);
        let (y, _) = S::as_simd_f64s(y);
        let (sums, _) = S::as_mut_simd_f64s(sums);
        let width = mode.inner / S::F64_LANES;
        let step = width.min(GRAM_RUN);
        let outers = (GRAM_RUN / width.max(1)).max(1);
        let short = width <= SHORT_ROW && mode.outer > 1;
        if short {
            packed.resize(2 * mode.d * outers * width * S::F64_LANES, 0.0);
        }
        let (packed, _) = S::as_mut_simd_f64s(packed);
        let mut first = 0;
        while first < mode.outer {
            let last = (first + outers).min(mode.outer);
            if short {
                // Rows of one or two vectors are laid end to end, or the loops over them would
                // cost more than the sums.
                let long = (last - first) * width;
                let part = first * mode.d * width..last * mode.d * width;
                let (left, right) = packed.split_at_mut(mode.d * long);
                pack_rows::<S>(&x[part.clone()], mode.d, width, left);
                pack_rows::<S>(&y[part], mode.d, width, &mut right[..mode.d * long]);
                let run = Run { d: mode.d, width: long, outer: (0, 1), inner: (0, long) };
                run.all_tiles::<S, R>(simd, left, right, sums);
                first = last;
                continue;
            }
            let mut at = 0;
            while at < width {
                let to = (at + step).min(width);
                let run = Run { d: mode.d, width, outer: (first, last), inner: (at, to) };
                run.all_tiles::<S, R>(simd, x, y, sums);
                at = to;
            }
            first = last;
        }
    }
}

/// (outer, d, width) as (d, outer·width).
#[inline(always)]
fn pack_rows<S: Simd>(x: &[S::f64s], d: usize, width: usize, out: &mut [S::f64s]) {
    let long = out.len() / d;
    for (outer, part) in x.chunks_exact(d * width).enumerate() {
        if width == 1 {
            // A copy of one vector is a call otherwise.
            for (i, vector) in part.iter().enumerate() {
                out[i * long + outer] = *vector;
            }
            continue;
        }
        for (i, row) in part.chunks_exact(width).enumerate() {
            out[i * long + outer * width..][..width].copy_from_slice(row);
        }
    }
}

/// A part of the long rows.
#[derive(Clone, Copy)]
struct Run {
    d: usize,
    width: usize,
    outer: (usize, usize),
    inner: (usize, usize),
}

impl Run {
    #[inline(always)]
    fn all_tiles<S: Simd, const R: usize>(
        self,
        simd: S,
        x: &[S::f64s],
        y: &[S::f64s],
        sums: &mut [S::f64s],
    ) {
        let mut sums = sums.chunks_exact_mut(R * R);
        for i in (0..self.d).step_by(R) {
            let rows = R.min(self.d - i);
            for j in (0..=i).step_by(R) {
                let Some(sums) = sums.next() else { return };
                match (i == j, rows) {
                    (false, 1) => self.tile::<S, 1, R>(simd, x, y, (i, j), sums),
                    (false, 2) => self.tile::<S, 2, R>(simd, x, y, (i, j), sums),
                    (false, 3) if R > 3 => self.tile::<S, 3, R>(simd, x, y, (i, j), sums),
                    (false, 4) if R > 4 => self.tile::<S, 4, R>(simd, x, y, (i, j), sums),
                    (false, _) => self.tile::<S, R, R>(simd, x, y, (i, j), sums),
                    (true, 1) => self.corner::<S, 1>(simd, x, y, i, sums),
                    (true, 2) => self.corner::<S, 2>(simd, x, y, i, sums),
                    (true, 3) if R > 3 => self.corner::<S, 3>(simd, x, y, i, sums),
                    (true, 4) if R > 4 => self.corner::<S, 4>(simd, x, y, i, sums),
                    (true, _) => self.corner::<S, R>(simd, x, y, i, sums),
                }
            }
        }
    }

    /// Rows i.. of X against rows j.. of Y: T·R sums, row by row.
    #[inline(always)]
    fn tile<S: Simd, const T: usize, const R: usize>(
        self,
        simd: S,
        x: &[S::f64s],
        y: &[S::f64s],
        (i, j): (usize, usize),
        to: &mut [S::f64s],
    ) {
        let mut sums = [[simd.splat_f64s(0.0); R]; T];
        for outer in self.outer.0..self.outer.1 {
            let xs = self.rows::<S, T>(x, outer, i);
            let ys = self.rows::<S, R>(y, outer, j);
            for c in self.inner.0..self.inner.1 {
                let right: [S::f64s; R] = std::array::from_fn(|s| ys[s * self.width + c]);
                for r in 0..T {
                    let left = xs[r * self.width + c];
                    for s in 0..R {
                        sums[r][s] = simd.mul_add_f64s(left, right[s], sums[r][s]);
                    }
                }
            }
        }
        for (to, sum) in to.iter_mut().zip(sums.as_flattened()) {
            *to = simd.add_f64s(*to, *sum);
        }
    }

    /// The triangle where rows i.. of X meet rows i.. of Y: T·T sums, of which the lower ones
    /// are used.
    #[inline(always)]
    fn corner<S: Simd, const T: usize>(
        self,
        simd: S,
        x: &[S::f64s],
        y: &[S::f64s],
        i: usize,
        to: &mut [S::f64s],
    ) {
        let mut sums = [[simd.splat_f64s(0.0); T]; T];
        for outer in self.outer.0..self.outer.1 {
            let xs = self.rows::<S, T>(x, outer, i);
            let ys = self.rows::<S, T>(y, outer, i);
            for c in self.inner.0..self.inner.1 {
                let right: [S::f64s; T] = std::array::from_fn(|s| ys[s * self.width + c]);
                for r in 0..T {
                    let left = xs[r * self.width + c];
                    for s in 0..=r {
                        sums[r][s] = simd.mul_add_f64s(left, right[s], sums[r][s]);
                    }
                }
            }
        }
        for r in 0..T {
            for s in 0..=r {
                to[r * T + s] = simd.add_f64s(to[r * T + s], sums[r][s]);
            }
        }
    }

    /// Rows i..i+T of one outer part, in one slice.
    #[inline(always)]
    fn rows<S: Simd, const T: usize>(self, x: &[S::f64s], outer: usize, i: usize) -> &[S::f64s] {
        &x[(outer * self.d + i) * self.width..][..T * self.width]
    }
}

struct SumGram<'a> {
    d: usize,
    sums: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for SumGram<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let r = if S::REGISTER_COUNT >= 32 { TILES.0 } else { TILES.1 };
        let Self { d, sums, out } = self;
        let (sums, _) = S::as_simd_f64s(sums);
        let mut tiles = sums.chunks_exact(r * r);
        for i in (0..d).step_by(r) {
            let rows = r.min(d - i);
            for j in (0..=i).step_by(r) {
                let Some(tile) = tiles.next() else { return };
                let cols = if i == j { rows } else { r };
                for a in 0..rows {
                    for b in 0..if i == j { a + 1 } else { cols } {
                        out[(i + a) * d + j + b] += simd.reduce_sum_f64s(tile[a * cols + b]);
                    }
                }
            }
        }
    }
}

/// X − M of m samples, `stride` doubles apart, as lane-ordered (k, inner) with k the length of
/// `mean`; lanes from m on are filled with zeros.
pub fn load_lanes(
    samples: &[f64],
    stride: usize,
    mean: &[f64],
    (m, inner): (usize, usize),
    out: &mut [f64],
) {
    let k = mean.len();
    for lane in (0..inner).step_by(LANES) {
        let count = m.saturating_sub(lane).min(LANES);
        if count == LANES {
            let rows: [&[f64]; LANES] =
                std::array::from_fn(|s| &samples[(lane + s) * stride..][..k]);
            load_tile(&rows, mean, inner, &mut out[lane..]);
        } else {
            for (at, center) in mean.iter().enumerate() {
                for s in 0..LANES {
                    out[at * inner + lane + s] =
                        if s < count { samples[(lane + s) * stride + at] - center } else { 0.0 };
                }
            }
        }
    }
}

/// Eight samples at once, eight entries at a time: an 8 × 8 transpose in registers.
fn load_tile(rows: &[&[f64]; LANES], mean: &[f64], inner: usize, out: &mut [f64]) {
    let k = mean.len();
    let whole = k - k % LANES;
    let mut at = 0;
    while at < whole {
        let tile: [[f64; LANES]; LANES] = std::array::from_fn(|s| {
            let part = &rows[s][at..at + LANES];
            let center = &mean[at..at + LANES];
            std::array::from_fn(|e| part[e] - center[e])
        });
        for e in 0..LANES {
            let column: [f64; LANES] = std::array::from_fn(|s| tile[s][e]);
            out[(at + e) * inner..][..LANES].copy_from_slice(&column);
        }
        at += LANES;
    }
    while at < k {
        let column: [f64; LANES] = std::array::from_fn(|s| rows[s][at] - mean[at]);
        out[at * inner..][..LANES].copy_from_slice(&column);
        at += 1;
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
                lower_times(&lower, &mut x, mode, &mut Vec::new());
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
    fn gram_is_the_naive_one() {
        for d in 1..15 {
            for (outer, inner) in [(1, 8), (3, 16), (2, 40), (130, 8), (1, 1000)] {
                let mode = Mode { outer, d, inner };
                let (x, y) = (values(mode.len(), 0.1), values(mode.len(), 2.9));
                let mut out = vec![1.0; d * d];
                let mut gram = Gram::new(d);
                gram.add(&y, &y, mode);
                gram.clear();
                gram.add(&x, &y, mode);
                gram.add_to(&mut out);
                for i in 0..d {
                    for j in 0..d {
                        let at = |o: usize, r: usize, c: usize| (o * d + r) * inner + c;
                        let naive: f64 = (0..outer)
                            .flat_map(|o| (0..inner).map(move |c| (o, c)))
                            .map(|(o, c)| x[at(o, i, c)] * y[at(o, j, c)])
                            .sum();
                        let expected = if j <= i { 1.0 + naive } else { 1.0 };
                        let got = out[i * d + j];
                        assert!((got - expected).abs() < 1e-11, "d {d} ({outer}, {inner})");
                    }
                }
            }
        }
    }

    #[test]
    fn loading_transposes_and_centres() {
        for (m, k) in [(8_usize, 9_usize), (13, 16), (3, 5), (24, 7)] {
            let inner = m.div_ceil(LANES) * LANES;
            let (samples, mean) = (values(m * k, 0.2), values(k, 5.0));
            let mut out = vec![f64::NAN; k * inner];
            load_lanes(&samples, k, &mean, (m, inner), &mut out);
            for at in 0..k {
                for lane in 0..inner {
                    let expected = if lane < m { samples[lane * k + at] - mean[at] } else { 0.0 };
                    assert_eq!(out[at * inner + lane], expected);
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
