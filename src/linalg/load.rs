//! Samples into lane order: an 8 × 8 transpose at a time, while the mean is taken off.

use super::kernel::LANES;
use pulp::Arch;

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
            load_eight(&rows, mean, inner, &mut out[lane..]);
        } else {
            for (at, center) in mean.iter().enumerate() {
                for s in 0..LANES {
                    let full = s < count;
                    out[at * inner + lane + s] =
                        if full { samples[(lane + s) * stride + at] - center } else { 0.0 };
                }
            }
        }
    }
}

/// Eight samples, eight entries at a time.
fn load_eight(rows: &[&[f64]; LANES], mean: &[f64], inner: usize, out: &mut [f64]) {
    let whole = mean.len() - mean.len() % LANES;
    match Arch::new() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(simd) => x86::load_tiles(simd, rows, &mean[..whole], inner, out),
        _ => load_tiles(rows, &mean[..whole], inner, out),
    }
    for at in whole..mean.len() {
        let column: [f64; LANES] = std::array::from_fn(|s| rows[s][at] - mean[at]);
        out[at * inner..][..LANES].copy_from_slice(&column);
    }
}

fn load_tiles(rows: &[&[f64]; LANES], mean: &[f64], inner: usize, out: &mut [f64]) {
    for at in (0..mean.len()).step_by(LANES) {
        let tile: [[f64; LANES]; LANES] = std::array::from_fn(|s| {
            let part = &rows[s][at..at + LANES];
            let center = &mean[at..at + LANES];
            std::array::from_fn(|e| part[e] - center[e])
        });
        for e in 0..LANES {
            let column: [f64; LANES] = std::array::from_fn(|s| tile[s][e]);
            out[(at + e) * inner..][..LANES].copy_from_slice(&column);
        }
    }
}

/// The same in registers of eight doubles.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::LANES;
    use pulp::x86::V4;
    use pulp::{Simd, WithSimd, cast, f64x8};
    use std::arch::x86_64::__m512d;

    pub(super) fn load_tiles(
        simd: V4,
        rows: &[&[f64]; LANES],
        mean: &[f64],
        inner: usize,
        out: &mut [f64],
    ) {
        Simd::vectorize(simd, Tiles { simd, rows, mean, inner, out });
    }

    struct Tiles<'a> {
        simd: V4,
        rows: &'a [&'a [f64]; LANES],
        mean: &'a [f64],
        inner: usize,
        out: &'a mut [f64],
    }

    impl WithSimd for Tiles<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self { simd, rows, mean, inner, out } = self;
            let (centers, _) = V4::as_simd_f64s(mean);
            let [r0, r1, r2, r3, r4, r5, r6, r7] = *rows;
            let rows = [
                V4::as_simd_f64s(r0).0,
                V4::as_simd_f64s(r1).0,
                V4::as_simd_f64s(r2).0,
                V4::as_simd_f64s(r3).0,
                V4::as_simd_f64s(r4).0,
                V4::as_simd_f64s(r5).0,
                V4::as_simd_f64s(r6).0,
                V4::as_simd_f64s(r7).0,
            ];
            let mut tile = [simd.splat_f64s(0.0); LANES];
            for (at, center) in centers.iter().enumerate() {
                for s in 0..LANES {
                    tile[s] = simd.sub_f64s(rows[s][at], *center);
                }
                let columns = transposed(simd, tile);
                for e in 0..LANES {
                    let to = &mut out[(at * LANES + e) * inner..][..LANES];
                    V4::as_mut_simd_f64s(to).0[0] = columns[e];
                }
            }
        }
    }

    /// Pairs of lanes, then pairs of pairs, then halves. No closures: they would not be compiled
    /// for these instructions.
    #[inline(always)]
    fn transposed(simd: V4, rows: [f64x8; LANES]) -> [f64x8; LANES] {
        let avx = simd.avx512f;
        // Quarter x of pairs[2j + parity] is entry 2x + parity of the rows 2j and 2j + 1.
        let mut pairs = rows;
        for j in (0..LANES).step_by(2) {
            let (a, b): (__m512d, __m512d) = (cast(rows[j]), cast(rows[j + 1]));
            pairs[j] = cast(avx._mm512_unpacklo_pd(a, b));
            pairs[j + 1] = cast(avx._mm512_unpackhi_pd(a, b));
        }
        // The even and the odd quarters of four rows, then of eight.
        let mut fours = pairs;
        for group in (0..LANES).step_by(4) {
            for parity in 0..2 {
                let (a, b) = (group + parity, group + 2 + parity);
                (fours[a], fours[b]) = quarters(simd, pairs[a], pairs[b]);
            }
        }
        let mut columns = fours;
        for e in 0..4 {
            (columns[e], columns[e + 4]) = quarters(simd, fours[e], fours[e + 4]);
        }
        columns
    }

    /// (a₀, a₂, b₀, b₂) and (a₁, a₃, b₁, b₃), in quarters of a register.
    #[inline(always)]
    fn quarters(simd: V4, a: f64x8, b: f64x8) -> (f64x8, f64x8) {
        let avx = simd.avx512f;
        let (a, b): (__m512d, __m512d) = (cast(a), cast(b));
        (
            cast(avx._mm512_shuffle_f64x2::<0b10_00_10_00>(a, b)),
            cast(avx._mm512_shuffle_f64x2::<0b11_01_11_01>(a, b)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(len: usize, seed: f64) -> Vec<f64> {
        (0..len).map(|i| ((i as f64 + seed) * 0.7391).sin()).collect()
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
    fn without_wide_registers_it_is_the_same() {
        let (k, inner) = (16, 24);
        let (samples, mean) = (values(LANES * k, 0.2), values(k, 5.0));
        let rows: [&[f64]; LANES] = std::array::from_fn(|s| &samples[s * k..][..k]);
        let (mut out, mut portable) = (vec![0.0; k * inner], vec![0.0; k * inner]);
        load_eight(&rows, &mean, inner, &mut out);
        load_tiles(&rows, &mean, inner, &mut portable);
        assert_eq!(out, portable);
    }
}
