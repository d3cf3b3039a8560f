//! The range of least ln|R| + d ln tr(R⁻¹S), and the range with a given mean correlation.

use super::{Kernel, Layout, NONE, WHAT, not_definite};
use crate::Result;
use crate::optim::brent;

/// f at a range: the profile d ln(tr(R⁻¹S)/d) + ln|R| over σ², and its slope in ln x.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// f.
    pub(super) value: f64,
    /// df/d ln x with x = unit·(smallest distance)/range.
    pub(super) slope: f64,
    /// σ² = tr(R⁻¹S)/d.
    pub(super) variance: f64,
}

/// A scatter as seen by one way of computing f.
pub(super) trait Profile {
    /// f at x; `None` where R is not positive definite in double precision.
    fn at(&self, x: f64) -> Option<Look>;

    /// Factor between the x of the grid, cheap looks closer to each other than dear ones.
    fn stride(&self) -> f64;

    /// Smallest x of the grid.
    fn least(&self) -> f64;
}

/// x with the lowest f that is found from a grid over all ranges and from x = `now`; `None` for
/// independence, x = ∞, where f is `without`.
///
/// # Errors
/// Where f falls towards a singular R.
pub(super) fn lowest(
    kernel: Kernel,
    layout: &Layout,
    profile: &dyn Profile,
    (now, without): (f64, f64),
) -> Result<Option<(f64, Look)>> {
    let most = kernel.inverse(NONE);
    let mut grid: Vec<f64> = Vec::new();
    let mut x = most;
    while x > profile.least() {
        grid.push(x);
        x /= profile.stride();
    }
    if now < most && now > 0.0 {
        grid.push(now);
    }
    grid.sort_by(f64::total_cmp);
    let looks: Vec<(f64, Look)> =
        grid.into_iter().filter_map(|x| Some((x, profile.at(x)?))).collect();
    let finite = |look: &Look| look.value.is_finite() && look.slope.is_finite();
    let looks: Vec<(f64, Look)> = looks.into_iter().filter(|(_, look)| finite(look)).collect();
    let best = (0..looks.len()).min_by(|&a, &b| looks[a].1.value.total_cmp(&looks[b].1.value));
    let best = best.filter(|&i| looks[i].1.value < without);
    let Some(best) = best else { return Ok(None) };
    let (start, look) = looks[best];
    // Downhill, towards a neighbour that is not lower.
    let beside = if look.slope > 0.0 { best.checked_sub(1) } else { Some(best + 1) };
    match beside.and_then(|i| looks.get(i)) {
        Some(end) => descend(profile, (start, look), *end).map(Some),
        None if look.slope <= 0.0 => Ok(None),
        // The nearest are all but one variable, or R is singular to rounding.
        None => Err(not_definite(WHAT, layout.order())),
    }
}

/// The minimum between a point that falls towards `end` and `end`, which is not lower.
fn descend(
    profile: &dyn Profile,
    mut low: (f64, Look),
    mut end: (f64, Look),
) -> Result<(f64, Look)> {
    let falls = |(_, look): &(f64, Look), sign: f64| look.slope * sign < 0.0;
    let sign = (end.0 - low.0).signum();
    // Until the slope at the end rises, f has a minimum before it: halve.
    for _ in 0..60 {
        if !falls(&end, sign) {
            break;
        }
        let x = (low.0 * end.0).sqrt();
        let Some(look) = profile.at(x) else { break };
        if falls(&(x, look), sign) && look.value <= low.1.value {
            low = (x, look);
        } else {
            end = (x, look);
        }
    }
    let slope = |t: f64| profile.at(t.exp()).map_or(f64::NAN, |look| look.slope);
    let (a, b) = (low.0.ln(), end.0.ln());
    let x = if low.1.slope == 0.0 || falls(&end, sign) {
        low.0
    } else {
        brent("the range of a factor", slope, (a, b), f64::EPSILON)?.exp()
    };
    let found = profile.at(x).ok_or_else(|| not_definite(WHAT, 2))?;
    let rounding = 1e-13 * (1.0 + found.value.abs());
    Ok(if found.value <= low.1.value + rounding { (x, found) } else { low })
}

/// x at which Σk(x r) over pairs (r, correlation) equals the sum of the correlations; ∞ where that
/// is not positive.
pub(super) fn match_mean(kernel: Kernel, pairs: &[(f64, f64)]) -> f64 {
    let most = kernel.inverse(NONE);
    let total: f64 = pairs.iter().map(|(_, c)| c).sum();
    // As a sum of differences from one: long ranges keep their digits.
    let missing: f64 = pairs.iter().map(|(_, c)| 1.0 - c).sum();
    let excess = |t: f64| {
        let x = t.exp();
        let near = total > 0.5 * pairs.len() as f64;
        let sum: f64 = if near {
            pairs.iter().map(|(r, _)| (-kernel.fall(x * r)).exp_m1()).sum()
        } else {
            pairs.iter().map(|(r, _)| kernel.value(x * r)).sum()
        };
        sum + if near { missing } else { -total }
    };
    let furthest = pairs.iter().fold(1.0_f64, |m, (r, _)| m.max(*r));
    let (least, last) = ((1e-17 / furthest).ln(), most.ln());
    if !(excess(last) < 0.0) {
        return f64::INFINITY;
    }
    if !(excess(least) > 0.0) {
        return least.exp();
    }
    brent("a mean correlation", excess, (least, last), f64::EPSILON).map_or(most, f64::exp)
}
