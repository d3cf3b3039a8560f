//! Differences of log-gamma and digamma that stay exact where the plain forms cancel.
//!
//! The t laws need lnΓ(x+h) − lnΓ(x) and ψ(x+h) − ψ(x) from x near 0 to x ~ 10⁹. Both come from
//! Stirling's series, whose differences are formed term by term; below its range the recurrence
//! Γ(x+1) = xΓ(x) lifts x.
//!
//! # References
//! NIST Digital Library of Mathematical Functions, 5.5.1, 5.11.1 and 5.11.2.

/// Smallest x at which the eight terms below reach full double precision.
const STIRLING: f64 = 12.0;

/// B_2k / (2k (2k−1)): the coefficients of x^{1−2k} in the remainder of Stirling's formula.
const LN_GAMMA: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3617.0 / 122_400.0,
];

/// ln(1+u) − u with u = (a−b)/(x+b), for x + a, x + b > 0: without cancellation for small u, for
/// u near −1 (b ≫ x + a), and for x much larger than a and b.
pub fn log_ratio_minus(x: f64, a: f64, b: f64) -> f64 {
    let u = (a - b) / (x + b);
    if u < -0.5 { ((x + a) / (x + b)).ln() - u } else { log1p_minus(u) }
}

/// ln(1+u) − u without cancellation for small u, for u > −1.
pub fn log1p_minus(u: f64) -> f64 {
    if u.abs() >= 0.2 {
        return u.ln_1p() - u;
    }
    // ln(1+u) = 2 artanh r with r = u/(2+u), and 2r − u = −ru.
    let r = u / (2.0 + u);
    let square = r * r;
    let mut series = 0.0;
    for k in (1..=10).rev() {
        series = series * square + 1.0 / f64::from(2 * k + 1);
    }
    2.0 * r * square * series - r * u
}

/// (x+h)^−k − x^−k for h > −x.
fn power_difference(x: f64, h: f64, k: f64) -> f64 {
    (-k * (h / x).ln_1p()).exp_m1() / x.powf(k)
}

/// Steps of the recurrence that lift x into the range of Stirling's series.
fn lift(x: f64) -> usize {
    if x < STIRLING { (STIRLING - x).ceil() as usize } else { 0 }
}

/// lnΓ(x+h) − lnΓ(x) − h ln x for x > 0, h ≥ 0: the part that vanishes as x → ∞.
pub fn ln_gamma_excess(x: f64, h: f64) -> f64 {
    let steps = lift(x);
    let y = x + steps as f64;
    let t = h / y;
    let mut series = 0.0;
    for (k, coefficient) in LN_GAMMA.iter().enumerate().rev() {
        series += coefficient * power_difference(y, h, (2 * k + 1) as f64);
    }
    let high = (y + h - 0.5) * log1p_minus(t) + (h - 0.5) * t + series;
    if steps == 0 {
        return high;
    }
    let ratios: f64 = (0..steps).map(|k| (h / (x + k as f64)).ln_1p()).sum();
    high + h * (steps as f64 / x).ln_1p() - ratios
}

/// χ(x+h) − χ(x) with χ(x) = ψ(x) − ln x, for x > 0, h ≥ 0.
pub fn chi_difference(x: f64, h: f64) -> f64 {
    let steps = lift(x);
    let y = x + steps as f64;
    let mut series = -0.5 * power_difference(y, h, 1.0);
    for (k, coefficient) in LN_GAMMA.iter().enumerate().rev() {
        let order = (2 * k + 1) as f64;
        series -= order * coefficient * power_difference(y, h, order + 1.0);
    }
    if steps == 0 {
        return series;
    }
    let ratios: f64 = (0..steps).map(|k| x + k as f64).map(|x| h / (x * (x + h))).sum();
    series + (h / y).ln_1p() - (h / x).ln_1p() + ratios
}

/// ψ(x+h) − ψ(x) for x > 0, h ≥ 0.
pub fn digamma_difference(x: f64, h: f64) -> f64 {
    (h / x).ln_1p() + chi_difference(x, h)
}

/// ψ'(x), x > 0: recurrence up to 20, then the asymptotic series.
pub fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 20.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let s = 1.0 / (x * x);
    let series =
        s * (1.0 / 6.0 - s * (1.0 / 30.0 - s * (1.0 / 42.0 - s * (1.0 / 30.0 - s * 5.0 / 66.0))));
    sum + (1.0 + 0.5 / x + series) / x
}

/// lnΓ_p(a + h) − lnΓ_p(a) for the multivariate gamma function of order p, a > (p−1)/2, h ≥ 0.
pub fn ln_multigamma_difference(p: usize, a: f64, h: f64) -> f64 {
    let terms = (0..p).map(|j| a - 0.5 * j as f64);
    terms.map(|x| ln_gamma_excess(x, h) + h * x.ln()).sum()
}

/// ψ_p(a + h) − ψ_p(a) for the multivariate digamma function of order p, a > (p−1)/2, h ≥ 0.
pub fn multidigamma_difference(p: usize, a: f64, h: f64) -> f64 {
    (0..p).map(|j| digamma_difference(a - 0.5 * j as f64, h)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::gamma::{digamma, ln_gamma};

    fn close(a: f64, b: f64, tol: f64, what: &str) {
        assert!((a - b).abs() <= tol * b.abs().max(1e-300), "{what}: {a:e} against {b:e}");
    }

    #[test]
    fn differences_match_the_plain_forms_where_those_are_exact() {
        for x in [1e-3, 0.02, 0.5, 1.0, 3.7, 11.9, 12.0, 12.1, 40.0] {
            for h in [0.5, 1.0, 6.0, 200.0] {
                let plain = ln_gamma(x + h) - ln_gamma(x) - h * x.ln();
                let size = ln_gamma(x + h).abs().max((h * x.ln()).abs()).max(1.0);
                let excess = ln_gamma_excess(x, h);
                assert!((excess - plain).abs() < 1e-13 * size, "lnΓ at {x}, {h}");
                let plain = digamma(x + h) - digamma(x);
                close(digamma_difference(x, h), plain, 3e-13, &format!("ψ at {x}, {h}"));
            }
        }
    }

    #[test]
    fn trigamma_at_known_points() {
        let pi2 = std::f64::consts::PI.powi(2);
        assert!((trigamma(1.0) - pi2 / 6.0).abs() < 1e-14);
        assert!((trigamma(0.5) - pi2 / 2.0).abs() < 1e-13);
    }

    #[test]
    fn half_and_whole_steps_have_closed_forms() {
        for x in [1e-3, 0.3, 5.0, 100.0, 1e6, 1e9, 1e12] {
            // Γ(x+1) = xΓ(x); ψ(x+1) = ψ(x) + 1/x.
            assert!(ln_gamma_excess(x, 1.0).abs() < 1e-14, "{x}");
            close(digamma_difference(x, 1.0), 1.0 / x, 1e-14, "ψ");
            // Γ(x+3)/Γ(x) = x(x+1)(x+2).
            close(
                ln_gamma_excess(x, 3.0) + 1.0,
                (1.0 / x).ln_1p() + (2.0 / x).ln_1p() + 1.0,
                1e-14,
                "Γ",
            );
            // ψ(x+2) − ψ(x) − ln(1+2/x) = 1/x + 1/(x+1) − ln(1+2/x), expanded for large x.
            if x >= 1e6 {
                close(chi_difference(x, 2.0), 1.0 / x.powi(2), 4.0 / x, "χ");
            }
        }
    }

    #[test]
    fn log1p_minus_matches_its_series() {
        for u in [-0.19_f64, -1e-3, 1e-9, 1e-4, 0.1, 0.199] {
            let series: f64 = (2..60).rev().map(|k| -(-u).powi(k) / f64::from(k)).sum();
            close(log1p_minus(u), series, 1e-15, &format!("{u}"));
        }
        close(log1p_minus(3.0), 4.0_f64.ln() - 3.0, 1e-15, "3");
    }

    /// u = −1 + 10⁻¹⁴ as a number keeps two digits of 1 + u.
    #[test]
    fn ratios_keep_their_digits_where_u_cannot() {
        for b in [1e3_f64, 1e9, 1e14, 1e30] {
            let exact = 3.0_f64.ln() - (1.0 + b).ln() + (b - 2.0) / (1.0 + b);
            close(log_ratio_minus(1.0, 2.0, b), exact, 1e-15, &format!("b = {b:e}"));
        }
        close(log_ratio_minus(1e9, 2.0, 5.0), -0.5 * (3e-9_f64).powi(2), 1e-8, "large x");
    }
}
