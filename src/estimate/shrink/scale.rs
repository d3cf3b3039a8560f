//! The scale of a shrunk estimate.

use crate::estimate::iterate::Iterate;
use crate::kronecker::Side;
use crate::likelihood::{Likelihood, Sides, Sums};
use crate::model::{Mean, Model};
use crate::optim::brent;
use crate::{Error, Result};

/// Logarithms of the scale that are searched, on either side.
const RANGE: f64 = 40.0;

/// What A ⊗ B is multiplied by, with a warning where the number is not to be trusted.
///
/// # Errors
/// Those of the likelihood.
pub(super) fn factor(
    iterate: &Iterate,
    plain: &dyn Likelihood,
    model: &Model,
    n: usize,
) -> Result<(f64, Option<String>)> {
    if iterate.law.weighting().is_matrix() {
        return calibrated(iterate, plain, n);
    }
    let free = *model.mean_structure() == Mean::Free;
    let gaussian = iterate.law.weighting().is_identity();
    Ok((if free && gaussian { (n + 1) as f64 / n as f64 } else { 1.0 }, None))
}

/// The law's own scale with the shapes held: Σ⟨Z, Ψ⟩ = npq.
fn calibrated(
    iterate: &Iterate,
    plain: &dyn Likelihood,
    n: usize,
) -> Result<(f64, Option<String>)> {
    let (p, q) = iterate.point.dim();
    let excess = |ln_scale: f64| {
        let mut point = iterate.point.clone();
        point.factors[Side::Cols].scale(ln_scale.exp());
        let mut sums = Sums::zeros(p, q);
        let measured = plain.sums(&point, iterate.law.as_ref(), Sides::ROWS, &mut sums);
        // A failure ends the search as not a number.
        measured.map_or(f64::NAN, |()| sums.inner() / (sums.weight * (p * q) as f64) - 1.0)
    };
    if !(excess(-RANGE) > 0.0 && excess(RANGE) < 0.0) {
        let warning = "the law's own scale has no maximum with these shapes (too little rank): σ² is \
                       that of the smeared likelihood";
        return Ok((1.0, Some(warning.to_owned())));
    }
    let ln_scale = brent("the scale of the law", excess, (-RANGE, RANGE), 1e-14);
    let ln_scale = ln_scale.map_err(|_| Error::NonFinite {
        what: "the scale of the law".to_owned(),
        value: f64::NAN,
        index: Vec::new(),
    })?;
    let warning = (n < 5).then(|| {
        format!(
            "with {n} samples after the mean the calibrated σ² of the matrix t tends to be too \
             small; the smeared one, which tends to be too large, is reported beside it"
        )
    });
    Ok((ln_scale.exp(), warning))
}
