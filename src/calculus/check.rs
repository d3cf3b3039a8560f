//! A checker for gradients and Hessian–vector products, for the sceptic.
//!
//! Every check compares a derivative given in closed form with one that sees only function values:
//! central differences at halved steps, extrapolated to step 0 (Richardson), with an error estimate
//! of its own. A second witness is the slope of the Taylor remainder,
//! |g(x + td) − g(x) − t g′(x)\[d\]| ~ t², which a wrong derivative turns into t¹.
//!
//! ```
//! use kronfit::calculus::check;
//! use ndarray::{Array1, array};
//!
//! let value = |x: &Array1<f64>| Ok(x[0].powi(3) * x[1].exp());
//! let x = array![1.5, 0.5];
//! let right = array![3.0 * 1.5_f64.powi(2) * 0.5_f64.exp(), 1.5_f64.powi(3) * 0.5_f64.exp()];
//! let report = check::gradient(value, &right, &x, &check::Settings::default())?;
//! assert!(report.passed(), "{report}");
//! let wrong = &right * 1.001;
//! assert!(!check::gradient(value, &wrong, &x, &check::Settings::default())?.passed());
//! # Ok::<(), kronfit::Error>(())
//! ```

use crate::{Error, Result};
use ndarray::Array1;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fmt;

/// How a derivative is checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Largest relative error that passes.
    pub tolerance: f64,
    /// First step along a direction of unit length, relative to max(1, ‖x‖); it is halved as long
    /// as the function fails there.
    pub step: f64,
    /// Number of halvings, 2 to 20.
    pub levels: usize,
    /// Number of random directions.
    pub directions: usize,
    /// Seed of the directions.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tolerance: 1e-8, step: 0.1, levels: 8, directions: 5, seed: 1 }
    }
}

impl Settings {
    fn validate(&self) -> Result<()> {
        let domain = |what: &str, value: f64, allowed: &str| Error::domain(what, value, allowed);
        if self.tolerance.is_nan() || self.tolerance <= 0.0 {
            return Err(domain("the tolerance", self.tolerance, "positive"));
        }
        if !(self.step > 0.0 && self.step.is_finite()) {
            return Err(domain("the step", self.step, "positive and finite"));
        }
        if !(2..=20).contains(&self.levels) {
            return Err(domain("the number of halvings", self.levels as f64, "from 2 to 20"));
        }
        match self.directions {
            0 => Err(domain("the number of directions", 0.0, "at least 1")),
            _ => Ok(()),
        }
    }
}

/// A derivative from function values alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The extrapolated derivative.
    pub value: Array1<f64>,
    /// Estimate of its error (Euclidean norm).
    pub error: f64,
}

/// One direction of a [`Report`].
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The derivative under test along the direction (a norm, for a Hessian–vector product).
    pub analytic: f64,
    /// The extrapolated one.
    pub numeric: f64,
    /// Their difference relative to the larger of both, but no less than 1 % of ‖gradient‖ (so
    /// that a direction across the gradient is not judged by its rounding).
    pub relative_error: f64,
    /// Estimated relative error of the extrapolated one.
    pub numeric_error: f64,
    /// Slope of the Taylor remainder, 2 or more for a right derivative; NaN when the remainder
    /// drowns in rounding at once, as for a linear function.
    pub taylor_slope: f64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One row per direction.
    pub rows: Vec<Row>,
    /// The tolerance that was asked for.
    pub tolerance: f64,
}

impl Report {
    /// The largest relative error; NaN when one of them is.
    pub fn worst(&self) -> f64 {
        let errors = || self.rows.iter().map(|row| row.relative_error);
        match errors().any(f64::is_nan) {
            true => f64::NAN,
            false => errors().fold(0.0, f64::max),
        }
    }

    /// Whether every direction is within the tolerance.
    pub fn passed(&self) -> bool {
        self.worst() <= self.tolerance
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>4} {:>23} {:>23} {:>9} {:>9} {:>6}",
            "dir", "analytic", "numeric", "rel.err", "±", "slope"
        )?;
        for (k, row) in self.rows.iter().enumerate() {
            writeln!(
                f,
                "{:>4} {:>23.15e} {:>23.15e} {:>9.1e} {:>9.1e} {:>6.2}",
                k + 1,
                row.analytic,
                row.numeric,
                row.relative_error,
                row.numeric_error,
                row.taylor_slope
            )?;
        }
        let verdict = if self.passed() { "passed" } else { "FAILED" };
        write!(f, "{verdict}: worst {:.1e}, allowed {:.1e}", self.worst(), self.tolerance)
    }
}

/// g′(0) for a curve g: R → Rᵐ by central differences at `step`/2ᵏ, k = 0..`levels`, and Richardson
/// extrapolation (Ridders' choice of the entry with the smallest error estimate).
///
/// # Errors
/// What the curve returns when it fails even at `step`/2²⁰; [`Error::NonFinite`] when it gives NaN.
pub fn derivative(
    mut curve: impl FnMut(f64) -> Result<Array1<f64>>,
    step: f64,
    levels: usize,
) -> Result<Estimate> {
    let mut step = step;
    let mut first = central(&mut curve, step);
    for _ in 0..20 {
        if first.is_ok() {
            break;
        }
        step *= 0.5;
        first = central(&mut curve, step);
    }
    let mut last_row = vec![first?];
    let mut best = Estimate { value: last_row[0].clone(), error: f64::INFINITY };
    for _ in 0..levels {
        step *= 0.5;
        let mut row = vec![central(&mut curve, step)?];
        require_same("a function value", &last_row[0], &row[0])?;
        let mut factor = 1.0;
        for coarse in &last_row {
            factor *= 4.0;
            let fine = &row[row.len() - 1];
            let next = fine + &((fine - coarse) / (factor - 1.0));
            let error = norm(&(&next - fine)).max(norm(&(&next - coarse)));
            if error < best.error {
                best = Estimate { value: next.clone(), error };
            }
            row.push(next);
        }
        last_row = row;
    }
    Ok(best)
}

fn central(curve: &mut impl FnMut(f64) -> Result<Array1<f64>>, step: f64) -> Result<Array1<f64>> {
    let (above, below) = (curve(step)?, curve(-step)?);
    require_same("a function value", &above, &below)?;
    let difference = above - below;
    crate::linalg::require_finite("a difference of function values", &difference)?;
    Ok(difference / (2.0 * step))
}

/// Checks `gradient`, claimed to be that of `value` at `at`.
///
/// # Errors
/// [`Error::Shape`] when the lengths differ, [`Error::Domain`] for senseless settings, and what
/// `value` returns.
pub fn gradient(
    value: impl Fn(&Array1<f64>) -> Result<f64>,
    gradient: &Array1<f64>,
    at: &Array1<f64>,
    settings: &Settings,
) -> Result<Report> {
    require_same("the gradient", at, gradient)?;
    let claim = |d: &Array1<f64>| Ok(Array1::from_elem(1, gradient.dot(d)));
    let curve = |x: &Array1<f64>| Ok(Array1::from_elem(1, value(x)?));
    compare(curve, claim, at, norm(gradient), settings)
}

/// Checks `product`, claimed to map d to the derivative of `gradient` at `at` along d.
///
/// # Errors
/// As for [`gradient`].
pub fn hessian_product(
    gradient: impl Fn(&Array1<f64>) -> Result<Array1<f64>>,
    product: impl Fn(&Array1<f64>) -> Result<Array1<f64>>,
    at: &Array1<f64>,
    settings: &Settings,
) -> Result<Report> {
    compare(gradient, product, at, 0.0, settings)
}

fn compare(
    function: impl Fn(&Array1<f64>) -> Result<Array1<f64>>,
    claim: impl Fn(&Array1<f64>) -> Result<Array1<f64>>,
    at: &Array1<f64>,
    scale: f64,
    settings: &Settings,
) -> Result<Report> {
    settings.validate()?;
    let step = settings.step * norm(at).max(1.0);
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let centre = function(at)?;
    let mut rows = Vec::with_capacity(settings.directions);
    for _ in 0..settings.directions {
        let direction = random_direction(&mut rng, at.len());
        let analytic = claim(&direction)?;
        require_same("the derivative", &centre, &analytic)?;
        let along = |t: f64| function(&(at + &(&direction * t)));
        let numeric = derivative(along, step, settings.levels)?;
        let floor = norm(&analytic).max(norm(&numeric.value)).max(0.01 * scale);
        let relative = |x: f64| if x == 0.0 { 0.0 } else { x / floor };
        rows.push(Row {
            relative_error: relative(norm(&(&analytic - &numeric.value))),
            numeric_error: relative(numeric.error),
            taylor_slope: taylor_slope(along, &centre, &analytic, step),
            analytic: signed(&analytic),
            numeric: signed(&numeric.value),
        });
    }
    Ok(Report { rows, tolerance: settings.tolerance })
}

/// Median slope of ln‖g(t) − g(0) − t g′‖ against ln t while the remainder is well above rounding.
fn taylor_slope(
    curve: impl Fn(f64) -> Result<Array1<f64>>,
    centre: &Array1<f64>,
    derivative: &Array1<f64>,
    step: f64,
) -> f64 {
    let mut remainders = Vec::new();
    let mut t = step;
    for _ in 0..16 {
        if let Ok(value) = curve(t) {
            let remainder = norm(&(&value - centre - &(derivative * t)));
            if remainder < 1e4 * f64::EPSILON * (norm(centre) + norm(&value)) {
                break;
            }
            remainders.push(remainder);
        }
        t *= 0.5;
    }
    let mut slopes: Vec<f64> = remainders.windows(2).map(|w| (w[0] / w[1]).log2()).collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(f64::NAN)
}

fn random_direction(rng: &mut ChaCha8Rng, length: usize) -> Array1<f64> {
    // Uniform on (−1, 1), then normalised: any direction that is not special will do.
    let direction = Array1::from_shape_simple_fn(length, || {
        (rng.next_u64() >> 11) as f64 * 2.0_f64.powi(-52) - 1.0
    });
    let size = norm(&direction);
    if size > 0.0 { direction / size } else { direction }
}

fn require_same(what: &str, expected: &Array1<f64>, found: &Array1<f64>) -> Result<()> {
    match expected.len() == found.len() {
        true => Ok(()),
        false => Err(Error::shape(what, format!("length {}", expected.len()), found.len())),
    }
}

fn signed(v: &Array1<f64>) -> f64 {
    if v.len() == 1 { v[0] } else { norm(v) }
}

fn norm(v: &Array1<f64>) -> f64 {
    v.dot(v).sqrt()
}
