//! The Kronecker t law: vec X is a multivariate t with scale A ⊗ B.

use super::dof::{self, BearingParts, DofBearing, Summaries};
use super::weighting::squared_norm;
use super::{
    DistanceLaw, DofFamily, DofInformation, Elliptical, ExpectedInformation, Gaussian, Law,
    Margins, Radial, Sampler, Scratch, Weighting,
};
use crate::Result;
use crate::special::{
    chi_difference, digamma_difference, ln_gamma_excess, log_ratio_minus, trigamma,
};
use ndarray::ArrayView2;
use std::sync::Arc;

/// Elliptical t with ν degrees of freedom on p × q matrices, d = pq.
///
/// ln f(X) = lnΓ((ν+d)/2) − lnΓ(ν/2) − (d/2) ln(νπ) − (q/2) ln|A| − (p/2) ln|B|
/// − ((ν+d)/2) ln(1 + δ/ν), with δ = tr\[A⁻¹(X−M)B⁻¹(X−M)ᵀ\].
///
/// Mean M (ν > 1); Cov(vec_rows X) = ν/(ν−2) · (A ⊗ B) (ν > 2).
///
/// # References
/// Lange, Little & Taylor (1989), JASA 84, 881–896; Kent, Tyler & Vardi (1994),
/// Communications in Statistics – Simulation 23, 441–453.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KroneckerT {
    dof: f64,
}

impl KroneckerT {
    /// The law with ν = `dof`.
    ///
    /// # Errors
    /// [`crate::Error::Domain`] unless ν is a finite number > 0.
    pub fn new(dof: f64) -> Result<Self> {
        dof::require_dof(dof)?;
        Ok(Self { dof })
    }

    /// Without the check, for a ν that is checked later or was found inside the domain.
    pub(crate) fn unchecked(dof: f64) -> Self {
        Self { dof }
    }
}

impl Elliptical for KroneckerT {
    fn radial(&self, delta: f64, d: usize) -> Radial {
        let total = self.dof + d as f64;
        let weight = total / (self.dof + delta);
        Radial {
            rho: 0.5 * total * (delta / self.dof).ln_1p(),
            weight,
            slope: -weight / (self.dof + delta),
        }
    }
}

impl Law for KroneckerT {
    fn name(&self) -> &str {
        "kronecker-t"
    }

    fn title(&self) -> &str {
        "Kronecker t (elliptical)"
    }

    fn weighting(&self) -> Weighting<'_> {
        Weighting::Elliptical(self)
    }

    /// The rates are 0 and the eigenvalues of X ⊗ I + I ⊗ V, whose squares sum to 1.
    fn curvature_decay(&self, _p: usize, _q: usize) -> Option<f64> {
        Some(std::f64::consts::SQRT_2)
    }

    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        let h = 0.5 * (p * q) as f64;
        ln_gamma_excess(0.5 * self.dof, h) - h * std::f64::consts::TAU.ln()
    }

    /// ((ν+d)/2) \[ψ((ν+d)/2) − ψ(ν/2)\].
    fn mean_rho(&self, p: usize, q: usize) -> Option<f64> {
        let h = 0.5 * (p * q) as f64;
        Some((0.5 * self.dof + h) * digamma_difference(0.5 * self.dof, h))
    }

    fn sampler(&self) -> Option<&dyn Sampler> {
        Some(self)
    }

    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        (self.dof > 2.0).then(|| self.dof / (self.dof - 2.0))
    }

    fn has_mean(&self, _p: usize, _q: usize) -> bool {
        self.dof > 1.0
    }

    fn distance_law(&self, p: usize, q: usize) -> Option<DistanceLaw> {
        Some(DistanceLaw::Fisher(p * q, self.dof))
    }

    /// Location and scatter (ν+d)/(ν+d+2), trace 1/(ν+d+2); with ν, −tr W/(ν+d)(ν+d+2).
    fn expected_information(&self, p: usize, q: usize) -> Option<ExpectedInformation> {
        let d = (p * q) as f64;
        let (total, beyond) = (self.dof + d, self.dof + d + 2.0);
        Some(ExpectedInformation {
            location: total / beyond,
            scatter: total / beyond,
            trace: 1.0 / beyond,
            dof: Some(DofInformation {
                own: own_information(self.dof, d),
                with_trace: -1.0 / (total * beyond),
            }),
        })
    }

    fn margins(&self) -> Margins {
        Margins::Cells
    }

    fn dof(&self) -> Option<f64> {
        Some(self.dof)
    }

    fn dof_family(&self) -> Option<&dyn DofFamily> {
        Some(self)
    }
}

/// Expected information of one sample on ν (multivariate t in d dimensions), where rounding leaves
/// some of it:
/// ¼[ψ'(ν/2) − ψ'((ν+d)/2)] − d/2ν² − d/ν(ν+d) + d/ν² − d(d+2)/2ν²(ν+d+2).
fn own_information(dof: f64, d: f64) -> Option<f64> {
    let total = dof + d;
    let square = dof * dof;
    let gammas = 0.25 * (trigamma(0.5 * dof) - trigamma(0.5 * total));
    let value = gammas + 0.5 * d / square
        - d / (dof * total)
        - 0.5 * d * (d + 2.0) / (square * (total + 2.0));
    (value > 1e-9 * gammas).then_some(value)
}

impl DofFamily for KroneckerT {
    fn pole(&self, on: f64, of: f64, p: usize, q: usize) -> Option<f64> {
        Some(on * (p * q) as f64 / (of - on))
    }

    fn tie_pole(&self, length: usize, count: usize, left: f64, p: usize, q: usize) -> f64 {
        (length * count) as f64 / left - (p * q) as f64
    }

    fn at(&self, dof: f64) -> Arc<dyn Law> {
        Arc::new(Self { dof })
    }

    fn limit(&self) -> Arc<dyn Law> {
        Arc::new(Gaussian)
    }

    fn scale_unit(&self, _dof: f64) -> f64 {
        1.0
    }

    fn summary_len(&self, _p: usize, _q: usize) -> usize {
        1
    }

    fn summarise(&self, z: ArrayView2<'_, f64>, out: &mut [f64], _scratch: &mut Scratch) {
        if let Some(slot) = out.first_mut() {
            *slot = squared_norm(z);
        }
    }

    /// χ((ν+d)/2) − χ(ν/2) + mean(ln(1+u) − u), u = (d−δ)/(ν+δ).
    fn score(&self, dof: f64, seen: &Summaries, p: usize, q: usize) -> f64 {
        let d = (p * q) as f64;
        chi_difference(0.5 * dof, 0.5 * d) + seen.mean(1, |g| log_ratio_minus(dof, d, g))
    }

    fn bearing(
        &self,
        dof: f64,
        mean_rho: f64,
        mean_inner: f64,
        p: usize,
        q: usize,
    ) -> Option<DofBearing> {
        Some(DofBearing::of(dof, mean_rho, mean_inner, (1, p * q)))
    }

    fn bearing_parts(
        &self,
        dof: f64,
        mean_rho: f64,
        mean_inner: f64,
        p: usize,
        q: usize,
    ) -> Option<BearingParts> {
        Some(BearingParts::of(dof, mean_rho, mean_inner, (1, p * q)))
    }

    /// mean((δ−d)²)/2 − d.
    fn excess_at_infinity(&self, seen: &Summaries, p: usize, q: usize) -> f64 {
        let d = (p * q) as f64;
        0.5 * seen.mean(1, |g| (g - d).powi(2)) - d
    }
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
        let exact = own_information(nu, 1.0).unwrap();
        assert!((sum / exact - 1.0).abs() < 1e-5, "{sum} {exact}");
    }
}
