//! Correlation as a function of distance.

/// How correlation falls with the distance, k(x) with x = distance / range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// e^(−x), the Matérn of ν = ½: continuous autoregression where positions are times.
    Exponential,
    /// (1 + √3x) e^(−√3x), the Matérn of ν = 3/2: once differentiable.
    Matern32,
    /// (1 + √5x + 5x²/3) e^(−√5x), the Matérn of ν = 5/2: twice differentiable.
    Matern52,
    /// e^(−x²/2), the squared exponential: all derivatives, and hardly ever a matrix that is
    /// positive definite in double precision where positions are close.
    Gaussian,
}

/// Distances up to this multiple of the smallest one are the smallest one, but for rounding.
const NEAREST: f64 = 1.0 + 1e-9;
/// Below this −ln k is found by its series: the closed form would cancel.
const SMALL: f64 = 1e-2;

impl Kernel {
    /// The name of the structure.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Matern32 => "matern:3/2",
            Self::Matern52 => "matern:5/2",
            Self::Gaussian => "gaussian",
        }
    }

    /// The factor between x and the argument of the formulas here: √(2ν) for Matérn.
    pub(super) fn unit(self) -> f64 {
        match self {
            Self::Exponential | Self::Gaussian => 1.0,
            Self::Matern32 => 3.0_f64.sqrt(),
            Self::Matern52 => 5.0_f64.sqrt(),
        }
    }

    /// −ln k at the scaled distance x = unit·distance/range ≥ 0, infinite at infinity.
    pub(super) fn fall(self, x: f64) -> f64 {
        if x == f64::INFINITY {
            return x;
        }
        match self {
            Self::Exponential => x,
            // x − ln(1 + x) = x²/2 − x³/3 + …
            Self::Matern32 if x < SMALL => {
                (2..12).rev().fold(0.0, |sum, n| 1.0 / f64::from(n) - x * sum) * x * x
            }
            Self::Matern32 => x - x.ln_1p(),
            // x − ln(1 + x + x²/3) = x²/6 − x⁴/36 + x⁵/45 − x⁶/81 + x⁷/189 − x⁸/648 + …
            Self::Matern52 if x < SMALL => {
                let rest = 1.0 / 45.0 - x * (1.0 / 81.0 - x * (1.0 / 189.0 - x / 648.0));
                x * x * (1.0 / 6.0 - x * x * (1.0 / 36.0 - x * rest))
            }
            Self::Matern52 => x - (x + x * x / 3.0).ln_1p(),
            Self::Gaussian => 0.5 * x * x,
        }
    }

    /// k(x).
    pub(super) fn value(self, x: f64) -> f64 {
        (-self.fall(x)).exp()
    }

    /// The x at which −ln k is y ≥ 0.
    pub(super) fn inverse(self, y: f64) -> f64 {
        match self {
            _ if y == 0.0 || y == f64::INFINITY => y,
            Self::Exponential => y,
            Self::Gaussian => (2.0 * y).sqrt(),
            Self::Matern32 | Self::Matern52 => {
                // −ln k is convex and rises: from the right, Newton's steps fall towards the root.
                let mut x = y + 6.0 * (1.0 + y).sqrt();
                for _ in 0..100 {
                    let next = x - (self.fall(x) - y) / self.rate(x);
                    if !(next < x && next > 0.0) {
                        break;
                    }
                    x = next;
                }
                x
            }
        }
    }

    /// d(−ln k)/dx.
    fn rate(self, x: f64) -> f64 {
        match self {
            Self::Exponential => 1.0,
            Self::Matern32 => x / (1.0 + x),
            Self::Matern52 => x * (1.0 + x) / (3.0 + 3.0 * x + x * x),
            Self::Gaussian => x,
        }
    }

    /// −x k'(x): the change of k along −ln x.
    pub(super) fn slope(self, x: f64) -> f64 {
        if x == f64::INFINITY { 0.0 } else { x * self.rate(x) * self.value(x) }
    }

    /// d k(rx) / d k(x) = r k'(rx)/k'(x) for r ≥ 1, finite for every x up to infinity: how the
    /// correlation at r times the distance moves with the one at the distance itself.
    pub(super) fn ratio(self, x: f64, r: f64) -> f64 {
        if x == f64::INFINITY {
            return if r < NEAREST { 1.0 } else { 0.0 };
        }
        match self {
            Self::Exponential => r * (-x * (r - 1.0)).exp(),
            Self::Matern32 => r * r * (-x * (r - 1.0)).exp(),
            Self::Matern52 => r * r * (1.0 + r * x) / (1.0 + x) * (-x * (r - 1.0)).exp(),
            Self::Gaussian => r * r * (-0.5 * x * x * (r * r - 1.0)).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kernel; 4] =
        [Kernel::Exponential, Kernel::Matern32, Kernel::Matern52, Kernel::Gaussian];

    #[test]
    fn the_textbook_forms() {
        for x in [0.0_f64, 0.3, 1.0, 4.0, 20.0] {
            let (a, b) = (3.0_f64.sqrt() * x, 5.0_f64.sqrt() * x);
            let expected = [
                (-x).exp(),
                (1.0 + a) * (-a).exp(),
                (1.0 + b + 5.0 * x * x / 3.0) * (-b).exp(),
                (-0.5 * x * x).exp(),
            ];
            for (kernel, value) in ALL.into_iter().zip(expected) {
                let found = kernel.value(kernel.unit() * x);
                assert!((found - value).abs() <= 1e-14 * value, "{kernel:?} at {x}");
            }
        }
    }

    #[test]
    fn series_and_closed_forms_meet() {
        for kernel in ALL {
            let (below, above) = (kernel.fall(SMALL * (1.0 - 1e-15)), kernel.fall(SMALL));
            assert!((below - above).abs() < 1e-11 * above, "{kernel:?}: {below:e} {above:e}");
        }
    }

    #[test]
    fn inverses_are_inverses() {
        for kernel in ALL {
            for y in [1e-14, 1e-6, 1e-3, 0.1, 1.0, 7.0, 45.0, 700.0] {
                let again = kernel.fall(kernel.inverse(y));
                assert!((again - y).abs() <= 1e-13 * y, "{kernel:?}: {again:e} for {y:e}");
            }
            assert_eq!(kernel.inverse(f64::INFINITY), f64::INFINITY);
            assert_eq!(kernel.inverse(0.0), 0.0);
        }
    }

    #[test]
    fn derivatives_are_slopes() {
        for kernel in ALL {
            for x in [0.003, 0.2, 1.0, 3.0, 11.0] {
                let central = |r: f64, h: f64| {
                    (kernel.value(r * (x + h)) - kernel.value(r * (x - h))) / (2.0 * h)
                };
                // Richardson's extrapolation: far out the kernels fall steeply.
                let h = 1e-4 * x;
                let slope = |r: f64| (4.0 * central(r, 0.5 * h) - central(r, h)) / 3.0;
                let relative = |a: f64, b: f64| (a - b).abs() / b.abs();
                assert!(relative(kernel.slope(x), -x * slope(1.0)) < 1e-6, "{kernel:?} at {x}");
                let ratio = kernel.ratio(x, 1.7);
                assert!(relative(ratio, slope(1.7) / slope(1.0)) < 1e-6, "{kernel:?} at {x}");
            }
        }
    }
}
