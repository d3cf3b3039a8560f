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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(len: usize, seed: f64) -> Vec<f64> {
        (0..len).map(|i| ((i as f64 + seed) * 0.7391).sin()).collect()
    }

    /// By the instructions of this processor, and by those of others.
    #[test]
    fn triangular_product_is_the_naive_one() {
        product_is_naive(|lower, d, x, mode| {
            let mut panels = Vec::new();
            pack_lower(lower, d, &mut panels);
            lower_times(&panels, x, mode);
        });
        product_is_naive(|lower, d, x, mode| by(pulp::Scalar, lower, d, x, mode));
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            product_is_naive(|lower, d, x, mode| by(simd, lower, d, x, mode));
        }
    }

    fn by<S: Simd>(simd: S, lower: &[f64], d: usize, x: &mut [f64], mode: Mode) {
        let mut panels = Vec::new();
        simd.vectorize(PackLower { lower, d, panels: &mut panels });
        simd.vectorize(LowerTimes { panels: &panels, x, mode });
    }

    fn product_is_naive(product: impl Fn(&[f64], usize, &mut [f64], Mode)) {
        for d in 1..15 {
            for (outer, inner) in [(1, 8), (3, 16), (2, 40), (7, 24), (1, 104)] {
                let mode = Mode { outer, d, inner };
                let lower = values(d * d, 0.3);
                let before = values(mode.len(), 1.7);
                let mut x = before.clone();
                product(&lower, d, &mut x, mode);
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
}
