//! Intensities of one factor from the eigenvalues of its moment.

use crate::Result;
use crate::optim::brent;
use crate::special::{ln_multigamma_difference, multidigamma_difference};

/// Logits of w that are looked at.
const LOGITS: (f64, f64, f64) = (-22.0, 11.0, 0.5);

/// w that maximises the evidence
///
/// ```text
/// E(w) = lnΓ_p((ν+N)/2) − lnΓ_p(ν/2) + (p/2)[ν ln w + N ln(1−w)] − ((ν+N)/2) Σ ln((1−w)c + w)
/// ν = Nw/(1−w) + p + 1
/// ```
///
/// the marginal likelihood of N vectors with these eigenvalues of their second moment under an
/// inverse-Wishart prior with mean w.
///
/// # Errors
/// Those of the search for a root.
pub(crate) fn evidence(eigenvalues: &[f64], vectors: f64) -> Result<f64> {
    let Some(evidence) = Evidence::new(eigenvalues, vectors) else { return Ok(1.0) };
    let (low, high, step) = LOGITS;
    let count = ((high - low) / step).round() as usize;
    let at = |k: usize| low + step * k as f64;
    let best = (0..=count)
        .map(|k| (k, evidence.at(at(k))))
        .fold((0, f64::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best })
        .0;
    let bracket = (at(best.saturating_sub(1)), at((best + 1).min(count)));
    let slope = |logit| evidence.slope(logit);
    let top = if slope(bracket.0) > 0.0 && slope(bracket.1) < 0.0 {
        brent("the slope of the evidence = 0", slope, bracket, 1e-15)?
    } else {
        at(best)
    };
    let whole = evidence.at_one();
    Ok(if whole >= evidence.at(top) { 1.0 } else { weight(top).0 })
}

/// w and 1 − w from the logit of w.
fn weight(logit: f64) -> (f64, f64) {
    (1.0 / (1.0 + (-logit).exp()), 1.0 / (1.0 + logit.exp()))
}

struct Evidence {
    /// Eigenvalues in units of their mean, those beyond the rank exactly 0.
    relative: Vec<f64>,
    vectors: f64,
}

impl Evidence {
    /// `None` for one dimension, where there is nothing to shrink.
    fn new(eigenvalues: &[f64], vectors: f64) -> Option<Self> {
        let p = eigenvalues.len();
        if p < 2 {
            return None;
        }
        let mut sorted = eigenvalues.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let mean = sorted.iter().sum::<f64>() / p as f64;
        let rank = if vectors < p as f64 { vectors as usize } else { p };
        let relative = sorted
            .iter()
            .enumerate()
            .map(|(j, c)| if j < rank { (c / mean).max(0.0) } else { 0.0 })
            .collect();
        Some(Self { relative, vectors })
    }

    fn dof(&self, logit: f64) -> f64 {
        self.vectors * logit.exp() + self.relative.len() as f64 + 1.0
    }

    /// Σ ln((1 − w)c + w).
    fn ln_mixed(&self, w: f64, rest: f64) -> f64 {
        self.relative.iter().map(|c| (rest * c + w).ln()).sum()
    }

    /// E.
    fn at(&self, logit: f64) -> f64 {
        let (w, rest) = weight(logit);
        let (n, p, dof) = (self.vectors, self.relative.len(), self.dof(logit));
        ln_multigamma_difference(p, 0.5 * dof, 0.5 * n)
            + 0.5 * p as f64 * (dof * w.ln() + n * rest.ln())
            - 0.5 * (dof + n) * self.ln_mixed(w, rest)
    }

    /// dE/dw.
    fn slope(&self, logit: f64) -> f64 {
        let (w, rest) = weight(logit);
        let (n, d, dof) = (self.vectors, self.relative.len(), self.dof(logit));
        let p = d as f64;
        let prior =
            multidigamma_difference(d, 0.5 * dof, 0.5 * n) + p * w.ln() - self.ln_mixed(w, rest);
        let pulls: f64 = self.relative.iter().map(|c| (1.0 - c) / (rest * c + w)).sum();
        0.5 * n / (rest * rest) * prior + 0.5 * p * (dof / w - n / rest) - 0.5 * (dof + n) * pulls
    }

    /// E(1).
    fn at_one(&self) -> f64 {
        0.5 * self.vectors * self.relative.len() as f64 * ((0.5 * self.vectors).ln() - 1.0)
    }
}

/// The oracle-approximating intensity of a moment of N vectors with these eigenvalues.
pub(super) fn oas(eigenvalues: &[f64], vectors: f64) -> f64 {
    let p = eigenvalues.len() as f64;
    let trace: f64 = eigenvalues.iter().sum();
    // In units of the trace: no overflow, and tr S = 1.
    let squares: f64 = eigenvalues.iter().map(|x| (x / trace) * (x / trace)).sum();
    let below = (vectors + 1.0 - 2.0 / p) * (squares - 1.0 / p);
    if below > 0.0 { (((1.0 - 2.0 / p) * squares + 1.0) / below).min(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_evidence() {
        let evidence = Evidence::new(&[3.0, 1.1, 0.4, 0.0], 3.0).unwrap();
        for logit in [-6.0, -1.0, 0.3, 4.0] {
            let h = 1e-4;
            let difference = (evidence.at(logit + h) - evidence.at(logit - h)) / (2.0 * h);
            let (w, rest) = weight(logit);
            let slope = evidence.slope(logit) * w * rest;
            assert!((difference - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{logit}");
        }
        let far = evidence.at(18.0);
        assert!((far / evidence.at_one() - 1.0).abs() < 1e-6, "{far}");
    }

    #[test]
    fn round_spectra_are_shrunk_wholly() {
        assert_eq!(evidence(&[1.0, 1.0, 1.0], 10.0).unwrap(), 1.0);
        assert_eq!(oas(&[1.0, 1.0, 1.0], 10.0), 1.0);
        assert_eq!(evidence(&[2.0], 10.0).unwrap(), 1.0);
        let w = evidence(&[50.0, 1.0, 0.1], 1000.0).unwrap();
        assert!(w > 0.0 && w < 0.1, "{w}");
    }
}
