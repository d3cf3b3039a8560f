//! The degrees of freedom as a parameter: exact scores in ln ν and their slopes.

use super::fitted::gradient;
use super::frame::Frame;
use super::richardson;
use crate::estimate::Fit;
use crate::family::{DofFamily, Summaries};
use crate::likelihood::{Likelihood, Sides, Sums};
use crate::{Error, Result};
use ndarray::Array1;

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
    summaries: &Summaries,
    trace: f64,
    (weight, p, q): (f64, usize, usize),
) -> f64 {
    let held = 0.5 * weight * dof * summaries.score(family, dof, (p, q));
    held - 0.5 * scale_power(family, dof) * (trace - weight * (p * q) as f64)
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
    let (_, p, q) = likelihood.dim();
    let family = family_of(fit)?;
    let raw = likelihood.summaries(fit.point(), family)?;
    let mut sums = Sums::zeros(p, q);
    let slope = richardson::slope(0.1, |t| {
        let at = dof * t.exp();
        let law = family.at(at);
        likelihood.sums(fit.point(), law.as_ref(), Sides::Both, &mut sums)?;
        let mut score = frame.contract(&gradient(&sums)?)?;
        let summaries = raw.clone().scaled(family.scale_unit(at));
        let last = score.len() - 1;
        score[last] = dof_score(family, at, &summaries, sums.inner(), (sums.weight, p, q));
        Ok(score)
    })?;
    Ok(-slope)
}
