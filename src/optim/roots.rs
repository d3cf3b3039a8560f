//! Roots of functions of one variable.

use crate::{Error, Result};

/// A root of f in [a, b], where f changes sign, to the relative accuracy `tol` (at least that of
/// the arithmetic). `what` names the equation in errors.
///
/// # Errors
/// [`Error::Domain`] when f has the same sign at both ends or a NaN is met.
///
/// # References
/// Brent (1973), Algorithms for Minimization without Derivatives, ch. 4.
///
/// ```
/// let root = kronfit::optim::brent("x² = 2", |x| x * x - 2.0, (0.0, 2.0), 1e-15)?;
/// assert!((root - 2f64.sqrt()).abs() < 1e-14);
/// # Ok::<(), kronfit::Error>(())
/// ```
pub fn brent(what: &str, f: impl Fn(f64) -> f64, (a, b): (f64, f64), tol: f64) -> Result<f64> {
    // b is the best point, c on the other side of the root, a the point before b.
    let (mut a, mut b) = (a, b);
    let (mut fa, mut fb) = (f(a), f(b));
    if fa.is_nan() || fb.is_nan() || fa * fb > 0.0 {
        let value = format!("{fa} and {fb} at {a} and {b}");
        return Err(Error::domain(format!("the equation {what}"), value, "of opposite signs"));
    }
    let (mut c, mut fc) = (a, fa);
    let (mut step, mut before) = (b - a, b - a);
    for _ in 0..300 {
        if fb * fc > 0.0 {
            (c, fc, step, before) = (a, fa, b - a, b - a);
        }
        if fc.abs() < fb.abs() {
            (a, b, c, fa, fb, fc) = (b, c, b, fb, fc, fb);
        }
        let accuracy = 2.0 * f64::EPSILON * b.abs() + 0.5 * tol * b.abs();
        let half = 0.5 * (c - b);
        if half.abs() <= accuracy || fb == 0.0 {
            return Ok(b);
        }
        let tried = if before.abs() >= accuracy && fa.abs() > fb.abs() {
            interpolated((a, fa), (b, fb), (c, fc), half)
        } else {
            None
        };
        match tried {
            Some(t)
                if 2.0 * t.abs() < (3.0 * half - accuracy.copysign(half)).abs()
                    && t.abs() < (0.5 * before).abs()
                    && t * half > 0.0 =>
            {
                (before, step) = (step, t)
            }
            _ => (step, before) = (half, half),
        }
        (a, fa) = (b, fb);
        b += if step.abs() > accuracy { step } else { accuracy.copysign(half) };
        fb = f(b);
        if fb.is_nan() {
            return Err(Error::domain(format!("the equation {what}"), fb, "a number"));
        }
    }
    Ok(b)
}

/// The step from b by the secant through two points, or the inverse parabola through three.
fn interpolated(
    (a, fa): (f64, f64),
    (b, fb): (f64, f64),
    (c, fc): (f64, f64),
    half: f64,
) -> Option<f64> {
    let s = fb / fa;
    let (p, q) = if a == c {
        (2.0 * half * s, 1.0 - s)
    } else {
        let (q, r) = (fa / fc, fb / fc);
        (s * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0)), (q - 1.0) * (r - 1.0) * (s - 1.0))
    };
    let q = if p > 0.0 { -q } else { q };
    (q != 0.0).then(|| p.abs() / q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_roots_fast_and_to_the_last_digit() {
        type Case = (fn(f64) -> f64, (f64, f64), f64);
        let cases: [Case; 5] = [
            (|x| x.cos() - x, (0.0, 1.0), 0.739_085_133_215_160_6),
            (|x| x.powi(3) - 1e-9, (-1.0, 2.0), 1e-3),
            (|x| x.exp() - 1e10, (0.0, 100.0), 10.0 * std::f64::consts::LN_10),
            (|x| (x - 1.0).powi(9), (0.0, 3.0), 1.0),
            (|x| x, (-1.0, 1.0), 0.0),
        ];
        for (f, interval, root) in cases {
            let calls = std::cell::Cell::new(0);
            let counted = |x| {
                calls.set(calls.get() + 1);
                f(x)
            };
            let found = brent("a test", counted, interval, 1e-15).unwrap();
            let allowed = if root == 1.0 { 1e-1 } else { 1e-14 };
            assert!((found - root).abs() <= allowed * (1.0 + root), "{found} for {root}");
            assert!(calls.get() < 200, "{} calls", calls.get());
        }
    }

    #[test]
    fn refuses_what_has_no_sign_change() {
        assert!(brent("a test", |x| x * x + 1.0, (-1.0, 1.0), 1e-12).is_err());
        assert!(brent("a test", |_| f64::NAN, (-1.0, 1.0), 1e-12).is_err());
    }
}
