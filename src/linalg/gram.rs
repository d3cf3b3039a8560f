//! Gram matrices of lane-ordered data: the scatters of the likelihood pass.

use super::kernel::{LANES, Mode};
use super::{Aligned, zeros};
use pulp::{Arch, Simd, WithSimd};

/// Vectors per row that a tile runs over before its accumulators are put away.
const RUN: usize = 40;
/// Rows of tiles whose left operands stay in the first-level cache while the right ones go by.
const BAND: usize = 3;
/// Rows of at most this many vectors are packed: the loops over them would cost more than the
/// sums, and equal rows far apart would evict each other.
const SHORT_ROW: usize = 3;

/// A growing Gram matrix Σ X Yᵀ (d × d, lower triangle): one vector of partial sums per entry, so
/// that adding a block costs no horizontal sum.
#[derive(Debug, Clone)]
pub struct Gram {
    d: usize,
    sums: Aligned,
    packed: Aligned,
}

/// Rows of the square tiles of sums, for register files of 32 and of 16 vectors.
const TILES: (usize, usize) = (4, 3);

impl Gram {
    /// Zero, of order d.
    pub fn new(d: usize) -> Self {
        let tiles = |r: usize| d.div_ceil(r) * (d.div_ceil(r) + 1) / 2 * r * r;
        let len = LANES * tiles(TILES.0).max(tiles(TILES.1));
        Self { d, sums: zeros(len), packed: zeros(0) }
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
    packed: &'a mut Aligned,
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
    /// Tiles of R × R sums over a run of vectors short enough for the rows of a band to stay in
    /// the first-level cache.
    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: S) {
        let Self { x, y, mode, sums, packed } = self;
        // Then it is packed only once.
        let same = std::ptr::eq(x, y);
        let (x, _) = S::as_simd_f64s(x);
        let (y, _) = S::as_simd_f64s(y);
        let (sums, _) = S::as_mut_simd_f64s(sums);
        let (d, width) = (mode.d, mode.inner / S::F64_LANES);
        let outers = (RUN / width.max(1)).max(1);
        if width > SHORT_ROW || mode.outer == 1 {
            let step = width.min(RUN);
            for first in (0..mode.outer).step_by(outers) {
                let outer = (first, (first + outers).min(mode.outer));
                for at in (0..width).step_by(step.max(1)) {
                    let inner = (at, (at + step).min(width));
                    let run = Run { d, width, outer, inner };
                    for (i, j, at) in tiles(d, R) {
                        run.any_tile::<S, R>(simd, x, y, (i, j), &mut sums[at..at + R * R]);
                    }
                }
            }
            return;
        }
        let room = d.next_multiple_of(R) * outers * width;
        packed.resize(2 * room * S::F64_LANES, 0.0);
        let (packed, _) = S::as_mut_simd_f64s(packed);
        let (left, right) = packed.split_at_mut(room);
        for first in (0..mode.outer).step_by(outers) {
            let last = (first + outers).min(mode.outer);
            let (part, long) = (first * d * width..last * d * width, (last - first) * width);
            pack::<S, R>(&x[part.clone()], (d, width), long, left);
            if !same {
                pack::<S, R>(&y[part], (d, width), long, right);
            }
            let right: &[S::f64s] = if same { left } else { right };
            for (i, j, at) in tiles(d, R) {
                let (xs, _) = left[i * long..][..R * long].as_chunks::<R>();
                let (ys, _) = right[j * long..][..R * long].as_chunks::<R>();
                let kept = &mut sums[at..at + R * R];
                packed_tile::<S, R>(simd, xs, ys, (R.min(d - i), i == j), kept);
            }
        }
    }
}

/// The tiles on and below the diagonal: first row, first column and place of the sums. Left
/// operands are used again soon.
fn tiles(d: usize, r: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let count = d.div_ceil(r);
    (0..count).step_by(BAND).flat_map(move |band| {
        let end = (band + BAND).min(count);
        (0..end).flat_map(move |j| {
            (band.max(j)..end).map(move |i| (i * r, j * r, (i * (i + 1) / 2 + j) * r * r))
        })
    })
}

/// (outer, d, width) as tiles of R rows: (d/R, outer·width, R).
#[inline(always)]
fn pack<S: Simd, const R: usize>(
    x: &[S::f64s],
    (d, width): (usize, usize),
    long: usize,
    out: &mut [S::f64s],
) {
    match width {
        1 => pack_rows::<_, R, 1>(x, d, long, out),
        2 => pack_rows::<_, R, 2>(x, d, long, out),
        _ => pack_rows::<_, R, SHORT_ROW>(x, d, long, out),
    }
}

/// The same for rows of W vectors.
#[inline(always)]
fn pack_rows<T: Copy, const R: usize, const W: usize>(
    x: &[T],
    d: usize,
    long: usize,
    out: &mut [T],
) {
    let (rows, _) = x.as_chunks::<W>();
    for (outer, part) in rows.chunks_exact(d).enumerate() {
        let (tiles, rest) = part.as_chunks::<R>();
        let mut to = outer * W * R;
        for tile in tiles {
            let room = &mut out[to..to + W * R];
            for c in 0..W {
                for r in 0..R {
                    room[c * R + r] = tile[r][c];
                }
            }
            to += long * R;
        }
        for (r, row) in rest.iter().enumerate() {
            for c in 0..W {
                out[to + c * R + r] = row[c];
            }
        }
    }
}

/// One tile of packed rows, of which the first `rows` on the left are there; `corner` where the
/// diagonal goes through it.
#[inline(always)]
fn packed_tile<S: Simd, const R: usize>(
    simd: S,
    xs: &[[S::f64s; R]],
    ys: &[[S::f64s; R]],
    (rows, corner): (usize, bool),
    to: &mut [S::f64s],
) {
    match (corner, rows) {
        (false, 1) => packed_sums::<S, 1, R, R, false>(simd, xs, ys, to),
        (false, 2) => packed_sums::<S, 2, R, R, false>(simd, xs, ys, to),
        (false, 3) if R > 3 => packed_sums::<S, 3, R, R, false>(simd, xs, ys, to),
        (false, _) => packed_sums::<S, R, R, R, false>(simd, xs, ys, to),
        (true, 1) => packed_sums::<S, 1, 1, R, true>(simd, xs, ys, to),
        (true, 2) => packed_sums::<S, 2, 2, R, true>(simd, xs, ys, to),
        (true, 3) if R > 3 => packed_sums::<S, 3, 3, R, true>(simd, xs, ys, to),
        (true, _) => packed_sums::<S, R, R, R, true>(simd, xs, ys, to),
    }
}

/// T × C sums of packed rows; of a corner the lower triangle.
#[inline(always)]
fn packed_sums<S: Simd, const T: usize, const C: usize, const R: usize, const CORNER: bool>(
    simd: S,
    xs: &[[S::f64s; R]],
    ys: &[[S::f64s; R]],
    to: &mut [S::f64s],
) {
    let mut sums = [[simd.splat_f64s(0.0); C]; T];
    for (left, right) in xs.iter().zip(ys) {
        for r in 0..T {
            for s in 0..used::<C, CORNER>(r) {
                sums[r][s] = simd.mul_add_f64s(left[r], right[s], sums[r][s]);
            }
        }
    }
    put_away::<S, T, C, CORNER>(simd, &sums, to);
}

/// Sums of row r of a tile with C columns.
#[inline(always)]
fn used<const C: usize, const CORNER: bool>(r: usize) -> usize {
    if CORNER { r + 1 } else { C }
}

/// Adds the sums, row by row, to those that are kept.
#[inline(always)]
fn put_away<S: Simd, const T: usize, const C: usize, const CORNER: bool>(
    simd: S,
    sums: &[[S::f64s; C]; T],
    to: &mut [S::f64s],
) {
    for r in 0..T {
        for s in 0..used::<C, CORNER>(r) {
            to[r * C + s] = simd.add_f64s(to[r * C + s], sums[r][s]);
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
    fn any_tile<S: Simd, const R: usize>(
        self,
        simd: S,
        x: &[S::f64s],
        y: &[S::f64s],
        (i, j): (usize, usize),
        sums: &mut [S::f64s],
    ) {
        match (i == j, R.min(self.d - i)) {
            (false, 1) => self.tile::<S, 1, R, false>(simd, x, y, (i, j), sums),
            (false, 2) => self.tile::<S, 2, R, false>(simd, x, y, (i, j), sums),
            (false, 3) if R > 3 => self.tile::<S, 3, R, false>(simd, x, y, (i, j), sums),
            (false, _) => self.tile::<S, R, R, false>(simd, x, y, (i, j), sums),
            (true, 1) => self.tile::<S, 1, 1, true>(simd, x, y, (i, j), sums),
            (true, 2) => self.tile::<S, 2, 2, true>(simd, x, y, (i, j), sums),
            (true, 3) if R > 3 => self.tile::<S, 3, 3, true>(simd, x, y, (i, j), sums),
            (true, _) => self.tile::<S, R, R, true>(simd, x, y, (i, j), sums),
        }
    }

    /// T rows i.. of X against C rows j.. of Y, row by row; of a corner the lower triangle.
    #[inline(always)]
    fn tile<S: Simd, const T: usize, const C: usize, const CORNER: bool>(
        self,
        simd: S,
        x: &[S::f64s],
        y: &[S::f64s],
        (i, j): (usize, usize),
        to: &mut [S::f64s],
    ) {
        let mut sums = [[simd.splat_f64s(0.0); C]; T];
        for outer in self.outer.0..self.outer.1 {
            let xs = self.rows::<S::f64s, T>(x, outer, i);
            let ys = self.rows::<S::f64s, C>(y, outer, j);
            for c in 0..self.inner.1 - self.inner.0 {
                let right: [S::f64s; C] = std::array::from_fn(|s| ys[s][c]);
                for r in 0..T {
                    let left = xs[r][c];
                    for s in 0..used::<C, CORNER>(r) {
                        sums[r][s] = simd.mul_add_f64s(left, right[s], sums[r][s]);
                    }
                }
            }
        }
        put_away::<S, T, C, CORNER>(simd, &sums, to);
    }

    /// The run's part of the rows i..i+T.
    #[inline(always)]
    fn rows<T, const N: usize>(self, x: &[T], outer: usize, i: usize) -> [&[T]; N] {
        let long = self.inner.1 - self.inner.0;
        let first = (outer * self.d + i) * self.width + self.inner.0;
        std::array::from_fn(|r| &x[first + r * self.width..][..long])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(len: usize, seed: f64) -> Vec<f64> {
        (0..len).map(|i| ((i as f64 + seed) * 0.7391).sin()).collect()
    }

    /// By the instructions of this processor, and by those of others.
    #[test]
    fn gram_is_the_naive_one() {
        gram_is_naive(|gram, x, y, mode, out| {
            gram.add(y, y, mode);
            gram.clear();
            gram.add(x, y, mode);
            gram.add_to(out);
        });
        gram_is_naive(|gram, x, y, mode, out| by(pulp::Scalar, gram, (x, y), mode, out));
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            gram_is_naive(|gram, x, y, mode, out| by(simd, gram, (x, y), mode, out));
        }
    }

    fn by<S: Simd>(
        simd: S,
        gram: &mut Gram,
        (x, y): (&[f64], &[f64]),
        mode: Mode,
        out: &mut [f64],
    ) {
        let Gram { d, sums, packed } = gram;
        simd.vectorize(AddGram { x, y, mode, sums, packed });
        simd.vectorize(SumGram { d: *d, sums, out });
    }

    fn gram_is_naive(run: impl Fn(&mut Gram, &[f64], &[f64], Mode, &mut [f64])) {
        for d in 1..15 {
            for (outer, inner) in [(1, 8), (3, 16), (2, 40), (9, 24), (130, 8), (1, 1000)] {
                let mode = Mode { outer, d, inner };
                let (x, y) = (values(mode.len(), 0.1), values(mode.len(), 2.9));
                let mut out = vec![1.0; d * d];
                run(&mut Gram::new(d), &x, &y, mode, &mut out);
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
    fn one_operand_twice_is_its_copy() {
        for (outer, d, inner) in [(90, 9, 8), (30, 14, 24), (1, 6, 400)] {
            let mode = Mode { outer, d, inner };
            let x = values(mode.len(), 0.1);
            let sum = |y: &[f64]| {
                let (mut gram, mut out) = (Gram::new(d), vec![0.0; d * d]);
                gram.add(&x, y, mode);
                gram.add_to(&mut out);
                out
            };
            assert_eq!(sum(&x), sum(&x.clone()));
        }
    }
}
