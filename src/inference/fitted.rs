//! A fit together with its data: what everything that comes after an estimate hangs on.

use crate::data::Sample;
use crate::estimate::Fit;
use crate::kronecker::BySide;
use crate::likelihood::{self, Likelihood, Sides, Sums, Tangent};
use crate::{Error, Result};
use ndarray::Array2;

/// Relative difference of ℓ beyond which a sample is not the one that was fitted.
const SAME: f64 = 1e-7;

/// A fit with the sample that it was fitted to, checked once: standard errors, outliers, profiles and
/// tests are its methods.
pub struct Fitted<'a> {
    pub(super) fit: &'a Fit,
    pub(super) sample: &'a Sample,
    pub(super) likelihood: Box<dyn Likelihood + 'a>,
    /// Both scatters at the estimate.
    pub(super) sums: Sums,
}

impl std::fmt::Debug for Fitted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fitted").field("fit", self.fit).finish_non_exhaustive()
    }
}

impl Fit {
    /// The fit with its data, for everything that comes after the estimate.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when `sample` is not the one that was fitted: its log-likelihood at the
    /// estimate is computed anew.
    ///
    /// ```
    /// # use kronfit::{io, model::Model};
    /// let sample = io::resolve("us-macro")?;
    /// let fit = Model::gaussian().fit(&sample)?;
    /// let fitted = fit.on(&sample)?;
    /// println!("{}", fitted.standard_errors()?);
    /// assert_eq!(fitted.outliers()?.distances.len(), 49);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn on<'a>(&'a self, sample: &'a Sample) -> Result<Fitted<'a>> {
        let likelihood = likelihood::of_sample(sample)?;
        let dim @ (_, p, q) = likelihood.dim();
        let refuse = |what: String| {
            Err(Error::Unsupported { what, remedy: "pass the sample that was fitted".to_owned() })
        };
        if dim != self.dim() {
            return refuse(format!("the fit is of data {:?}, not {dim:?}", self.dim()));
        }
        let mut sums = Sums::zeros(p, q);
        likelihood.sums(self.point(), self.law(), Sides::Both, &mut sums)?;
        let (found, known) = (sums.log_likelihood, self.log_likelihood());
        if !((found - known).abs() <= SAME * sums.cells.max(known.abs())) {
            return refuse(format!(
                "the log-likelihood of this sample at the fit is {found:.6}, not {known:.6}"
            ));
        }
        Ok(Fitted { fit: self, sample, likelihood, sums })
    }
}

impl<'a> Fitted<'a> {
    /// The fit.
    pub fn fit(&self) -> &'a Fit {
        self.fit
    }

    /// The sample that was fitted.
    pub fn sample(&self) -> &'a Sample {
        self.sample
    }
}

/// The gradient of ℓ in whitened coordinates: (Σu q/2)(G_A − I), (Σu p/2)(G_B − I), ΣuΨ.
///
/// # Errors
/// [`Error::Unsupported`] where a side was not measured.
pub(super) fn gradient(sums: &Sums) -> Result<Tangent> {
    let factors = BySide::try_of(|side| -> Result<Array2<f64>> {
        let scatter = sums.mean_scatter(side).ok_or_else(|| Error::Unsupported {
            what: format!("the scatter of the {} was not measured", side.name()),
            remedy: "measure both sides".to_owned(),
        })?;
        Ok((&*scatter - &Array2::<f64>::eye(scatter.nrows())) * (0.5 * sums.unit(side)))
    })?;
    Ok(Tangent { factors, mean: sums.psi.clone() })
}
