//! The degrees of freedom as a parameter: exact scores in ln ν, their slopes, and the expected
//! information of the Kronecker t.

use super::fitted::gradient;
use super::frame::Frame;
use super::richardson;
use crate::estimate::Fit;
use crate::family::DofFamily;
use crate::likelihood::{Likelihood, Sides, Sums};
use crate::special::trigamma;
use crate::{Error, Result};
use ndarray::{Array1, ArrayView1};

/// d ln u / d ln ν for the scale unit u of a family (a power of ν).
pub(super) fn scale_power(family: &dyn DofFamily, dof: f64) -> f64 {
    (family.scale_unit(2.0 * dof) / family.scale_unit(dof)).ln() / std::f64::consts::LN_2
}

/// ∂ℓ/∂ln ν at fixed A, B, M from the summaries of some samples and the trace Σ⟨Z, Ψ⟩ over them.
///
/// The family's score holds A/u fixed, so that A = uA₀ moves along: what that adds is taken off.
pub(super) fn dof_score(
    family: &dyn DofFamily,
    dof: f64,
    summaries: ArrayView1<'_, f64>,
    trace: f64,
    (n, p, q): (usize, usize, usize),
) -> f64 {
    let held = 0.5 * n as f64 * dof * family.score(dof, summaries, p, q);
    held - 0.5 * scale_power(family, dof) * (trace - (n * p * q) as f64)
}

/// The family of a fit's law.
pub(super) fn family_of(fit: &Fit) -> Result<&dyn DofFamily> {
    fit.law().dof_family().ok_or_else(|| Error::Unsupported {
        what: format!("the law {} has no degrees of freedom", fit.law().name()),
        remedy: "choose a t law".to_owned(),
    })
}

/// −∂/∂ln ν of the whole score (coordinates of the frame, ln ν last): the last column of the
/// observed information.
pub(super) fn column(
    fit: &Fit,
    frame: &Frame,
    likelihood: &dyn Likelihood,
    dof: f64,
) -> Result<Array1<f64>> {
    let dim @ (_, p, q) = likelihood.dim();
    let family = family_of(fit)?;
    let raw = likelihood.summaries(fit.point(), family)?.values;
    let mut sums = Sums::zeros(p, q);
    let slope = richardson::slope(0.1, |t| {
        let at = dof * t.exp();
        let law = family.at(at);
        likelihood.sums(fit.point(), law.as_ref(), Sides::Both, &mut sums)?;
        let mut score = frame.contract(&gradient(&sums)?)?;
        let summaries = &raw * family.scale_unit(at);
        let last = score.len() - 1;
        score[last] = dof_score(family, at, summaries.view(), sums.inner(), dim);
        Ok(score)
    })?;
    Ok(-slope)
}

/// Expected information of one sample on ν (multivariate t in d dimensions):
/// ¼[ψ'(ν/2) − ψ'((ν+d)/2)] − d/2ν² − d/ν(ν+d) + d/ν² − d(d+2)/2ν²(ν+d+2).
///
/// # Errors
/// [`Error::Degenerate`] where ν is so large that rounding leaves nothing.
pub(super) fn expected_dof(dof: f64, d: f64) -> Result<f64> {
    let total = dof + d;
    let square = dof * dof;
    let gammas = 0.25 * (trigamma(0.5 * dof) - trigamma(0.5 * total));
    let value = gammas + 0.5 * d / square
        - d / (dof * total)
        - 0.5 * d * (d + 2.0) / (square * (total + 2.0));
    if value > 1e-9 * gammas {
        return Ok(value);
    }
    Err(Error::Degenerate {
        what: format!("the expected information on ν is lost in rounding at ν = {dof:.3e}"),
        remedy: "use the observed information".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// d = 1, ν = 3 by quadrature of the squared score over the density.
    #[test]
    fn expected_information_on_dof_is_the_mean_squared_score() {
        let nu = 3.0_f64;
        let ln_gamma = statrs::function::gamma::ln_gamma;
        let l = |nu: f64, x: f64| {
            ln_gamma(0.5 * (nu + 1.0))
                - ln_gamma(0.5 * nu)
                - 0.5 * (nu * std::f64::consts::PI).ln()
                - 0.5 * (nu + 1.0) * (x * x / nu).ln_1p()
        };
        // x = sinh u makes the tails short; the trapezoid rule is then exact to many digits.
        let (mut sum, h) = (0.0, 0.01);
        for k in -2500..=2500 {
            let u = f64::from(k) * h;
            let x = u.sinh();
            let score = (l(nu + 1e-4, x) - l(nu - 1e-4, x)) / 2e-4;
            sum += score * score * l(nu, x).exp() * u.cosh() * h;
        }
        let exact = expected_dof(nu, 1.0).unwrap();
        assert!((sum / exact - 1.0).abs() < 1e-5, "{sum} {exact}");
    }
}
