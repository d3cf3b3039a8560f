//! The closing table of a derivation.

use std::fmt::Write;

/// One route: what it gave and what it cost.
pub(super) struct Route {
    /// What was done.
    pub(super) name: String,
    /// The number that all routes must agree on: a derivative along one direction, or a norm.
    pub(super) value: f64,
    /// Relative difference of the whole result (not just of `value`) from the reference.
    pub(super) difference: f64,
    /// Relative difference from Richardson-extrapolated finite differences.
    pub(super) finite: f64,
    /// Leading flop count.
    pub(super) flops: f64,
}

pub(super) fn render(reference: &str, routes: &[Route]) -> String {
    let width = routes.iter().map(|r| r.name.chars().count()).max().unwrap_or(0).max(5);
    let mut out = String::new();
    let mut line = |name: &str, rest: String| {
        let pad = " ".repeat(width.saturating_sub(name.chars().count()));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {name}{pad}  {rest}");
    };
    line(
        "route",
        format!("{:>22}  {:>10}  {:>10}  {:>9}", "value", "difference", "fin. diff.", "flops"),
    );
    for r in routes {
        let numbers = format!(
            "{:>22.15e}  {:>10}  {:>10}  {:>9}",
            r.value,
            error(r.difference),
            error(r.finite),
            count(r.flops)
        );
        line(&r.name, numbers);
    }
    let _ = writeln!(
        out,
        "  difference: relative, from {reference}; fin. diff.: relative, from extrapolated differences"
    );
    out
}

fn error(x: f64) -> String {
    match x {
        0.0 => "0".to_owned(),
        x if x.is_nan() => "–".to_owned(),
        x => format!("{x:.1e}"),
    }
}

fn count(flops: f64) -> String {
    match flops {
        x if x.is_nan() => "–".to_owned(),
        x if x < 1e4 => format!("{x:.0}"),
        x => format!("{x:.1e}"),
    }
}

/// ‖a − b‖/‖b‖ (Frobenius).
pub(super) fn relative(a: &ndarray::Array2<f64>, b: &ndarray::Array2<f64>) -> f64 {
    let size = |m: &ndarray::Array2<f64>| m.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (error, scale) = (size(&(a - b)), size(b));
    if error == 0.0 { 0.0 } else { error / scale }
}

/// |a − b|/max(|b|, floor).
pub(super) fn relative_number(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() / b.abs().max(f64::MIN_POSITIVE) }
}
