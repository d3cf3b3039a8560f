//! A user's scalar function: divided differences from f, f′ and f″ alone.

use super::divided::{sort2, sort3};
use std::fmt;
use std::sync::Arc;

type Scalar = Arc<dyn Fn(f64) -> f64 + Send + Sync>;

/// A scalar function with its derivative, for
/// [`MatrixFunction::User`](super::MatrixFunction::User).
///
/// Divided differences come from whichever of two routes has the smaller error estimate: the
/// quotient, or Gauss–Legendre quadrature of f\[a,b\] = ∫₀¹ f′(a + t(b − a)) dt (and of f″ over the
/// triangle for three arguments). Close eigenvalues are therefore as accurate as f′ is; expect
/// 1e-14 relative, not a few ulp, for smooth functions.
///
/// ```
/// use kronfit::calculus::{MatrixFunction, UserFunction};
/// use ndarray::array;
///
/// let softplus = UserFunction::new("softplus", |x| x.exp().ln_1p(), |x| 1.0 / (1.0 + (-x).exp()));
/// let at = MatrixFunction::User(softplus).at("X", array![[0.0, 0.0], [0.0, 0.0]].view())?;
/// assert!((at.value()[[0, 0]] - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Clone)]
pub struct UserFunction {
    name: String,
    value: Scalar,
    derivative: Scalar,
    second: Option<Scalar>,
}

impl UserFunction {
    /// f and f′, finite on every spectrum they will meet; `name` stands for f in errors.
    pub fn new(
        name: &str,
        value: impl Fn(f64) -> f64 + Send + Sync + 'static,
        derivative: impl Fn(f64) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            value: Arc::new(value),
            derivative: Arc::new(derivative),
            second: None,
        }
    }

    /// Adds f″, which second derivatives and Hessian–vector products need.
    pub fn with_second(mut self, second: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        self.second = Some(Arc::new(second));
        self
    }

    /// Whether f″ is known.
    pub fn has_second(&self) -> bool {
        self.second.is_some()
    }

    pub(super) fn value(&self, x: f64) -> f64 {
        (self.value)(x)
    }
}

impl fmt::Debug for UserFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the function {}", self.name)
    }
}

/// f[a, b].
pub(super) fn first(function: &UserFunction, a: f64, b: f64) -> f64 {
    let (lo, hi) = sort2(a, b);
    let gap = hi - lo;
    if gap == 0.0 {
        return (function.derivative)(lo);
    }
    let (f_lo, f_hi) = ((function.value)(lo), (function.value)(hi));
    let quotient = (f_hi - f_lo) / gap;
    // f is trusted to 2 ulp at arguments that are themselves rounded.
    let quotient_error = 2.0 * f64::EPSILON * (f_lo.abs() + f_hi.abs()) / gap;
    if quotient_error <= 4.0 * f64::EPSILON * quotient.abs() {
        return quotient;
    }
    let along = |t: f64| (function.derivative)(lo + t * gap);
    let (coarse, fine) = (integrate(&GAUSS_10, along), integrate(&GAUSS_16, along));
    better((quotient, quotient_error), coarse, fine)
}

/// f[a, b, c]; NaN without f″.
pub(super) fn second(function: &UserFunction, a: f64, b: f64, c: f64) -> f64 {
    let Some(curvature) = &function.second else {
        return f64::NAN;
    };
    let (lo, mid, hi) = sort3(a, b, c);
    let spread = hi - lo;
    if spread == 0.0 {
        return 0.5 * curvature(lo);
    }
    let (upper, lower) = (first(function, hi, mid), first(function, mid, lo));
    let quotient = (upper - lower) / spread;
    let quotient_error = 4.0 * f64::EPSILON * (upper.abs() + lower.abs()) / spread;
    if quotient_error <= 16.0 * f64::EPSILON * quotient.abs() {
        return quotient;
    }
    // Hermite–Genocchi: the mean of f″ over a triangle, in the coordinates (t, ts).
    let triangle = |rule: &[(f64, f64)]| {
        integrate(rule, |t| {
            t * integrate(rule, |s| curvature(lo + t * ((mid - lo) + s * (hi - mid))))
        })
    };
    better((quotient, quotient_error), triangle(&GAUSS_10), triangle(&GAUSS_16))
}

fn better((quotient, quotient_error): (f64, f64), coarse: f64, fine: f64) -> f64 {
    let quadrature_error = (fine - coarse).abs() + 4.0 * f64::EPSILON * fine.abs();
    if quadrature_error <= quotient_error { fine } else { quotient }
}

/// ∫₀¹ g by a symmetric rule given by its positive nodes on (−1, 1).
fn integrate(rule: &[(f64, f64)], g: impl Fn(f64) -> f64) -> f64 {
    rule.iter().map(|&(x, w)| 0.5 * w * (g(0.5 * (1.0 - x)) + g(0.5 * (1.0 + x)))).sum()
}

/// Positive Gauss–Legendre nodes and weights of order 10.
const GAUSS_10: [(f64, f64); 5] = [
    (0.9739065285171717, 0.06667134430868814),
    (0.8650633666889845, 0.1494513491505806),
    (0.6794095682990244, 0.21908636251598204),
    (0.4333953941292472, 0.26926671930999635),
    (0.14887433898163122, 0.29552422471475287),
];

/// Positive Gauss–Legendre nodes and weights of order 16.
const GAUSS_16: [(f64, f64); 8] = [
    (0.9894009349916499, 0.027152459411754096),
    (0.9445750230732326, 0.062253523938647894),
    (0.8656312023878318, 0.09515851168249279),
    (0.755404408355003, 0.12462897125553388),
    (0.6178762444026438, 0.14959598881657674),
    (0.45801677765722737, 0.16915651939500254),
    (0.2816035507792589, 0.18260341504492358),
    (0.09501250983763744, 0.1894506104550685),
];
