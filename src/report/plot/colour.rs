//! Colours that stay apart for colour-blind readers.

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) [u8; 3]);

impl Colour {
    /// Text and axes.
    pub(super) const INK: Self = Self([0x22, 0x22, 0x22]);
    /// Secondary text.
    pub(super) const GREY: Self = Self([0x66, 0x66, 0x66]);
    /// Grid lines.
    pub(super) const GRID: Self = Self([0xDD, 0xDD, 0xDD]);
    /// Bands behind lines.
    pub(super) const BAND: Self = Self([0xE6, 0xE6, 0xE6]);
    /// A number that is not finite.
    pub(super) const MISSING: Self = Self([0x88, 0x88, 0x88]);
    /// White.
    pub(super) const PAPER: Self = Self([0xFF, 0xFF, 0xFF]);
}

/// Colours of series, in order (Okabe and Ito 2008).
const SERIES: [[u8; 3]; 7] = [
    [0x00, 0x72, 0xB2],
    [0xD5, 0x5E, 0x00],
    [0x00, 0x9E, 0x73],
    [0xCC, 0x79, 0xA7],
    [0xE6, 0x9F, 0x00],
    [0x56, 0xB4, 0xE9],
    [0x22, 0x22, 0x22],
];

/// Colour of the i-th series.
pub(super) fn series(i: usize) -> Colour {
    Colour(SERIES[i % SERIES.len()])
}

/// Steps of the diverging scale on each side of its centre.
const STEPS: f64 = 100.0;

/// Diverging scale for t in \[−1, 1\]: blue below, white at 0, red-orange above.
///
/// Lightness and chroma are linear in |t| and the same on both sides (OKLab, Ottosson 2020), so
/// that equal distances from zero look equally strong; blue and red-orange differ for every common
/// colour blindness.
pub(super) fn diverging(t: f64) -> Colour {
    if t.is_nan() {
        return Colour::MISSING;
    }
    let t = (t.clamp(-1.0, 1.0) * STEPS).round() / STEPS;
    let strength = t.abs();
    let hue: f64 = if t < 0.0 { 255.0 } else { 38.0 };
    let lightness = 0.985 - 0.485 * strength;
    let chroma = 0.15 * strength.powf(0.8);
    let (sin, cos) = hue.to_radians().sin_cos();
    Colour(srgb([lightness, chroma * cos, chroma * sin]))
}

/// Is the colour so dark that text on it must be white?
pub(super) fn is_dark(t: f64) -> bool {
    t.abs() > 0.65
}

fn srgb([lightness, a, b]: [f64; 3]) -> [u8; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ];
    linear.map(|x| {
        let x = x.clamp(0.0, 1.0);
        let encoded = if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
        (255.0 * encoded).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(Colour(rgb): Colour) -> f64 {
        let linear = rgb.map(|x| {
            let x = f64::from(x) / 255.0;
            if x <= 0.040_45 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn the_scale_darkens_alike_on_both_sides() {
        assert!(luminance(diverging(0.0)) > 0.93);
        let mut last = 1.1;
        for k in 0..=10 {
            let t = f64::from(k) / 10.0;
            let (below, above) = (luminance(diverging(-t)), luminance(diverging(t)));
            assert!((below - above).abs() < 0.04, "{t}: {below} {above}");
            assert!(below < last);
            last = below;
        }
        assert_eq!(diverging(f64::NAN), Colour::MISSING);
        assert_eq!(diverging(7.0), diverging(1.0));
    }
}
