//! Coefficients of covariates with what is known of their errors.
//!
//! The expected information of Θ is κ (ZᵀWZ) ⊗ (A ⊗ B)⁻¹ and does not mix with A, B or ν, so that
//!
//! ```text
//! Var θ̂_kij = g_kk P_A,ii P_B,jj / κ,     g = (ZᵀWZ)⁻¹
//! ```
//!
//! with P_A = A for a free mean and C (CᵀA⁻¹C)⁻¹ Cᵀ for a mean CΘD (P_B likewise). κ is 1 for the
//! Gaussian. There the ratio of an estimate to its error has a law that does not depend on the
//! parameters; Student's t with f = (N−r)pq/(p+q−1) degrees of freedom is close to it, and exact
//! for p = 1 or q = 1, once the scale is divided by N − r instead of N.

use super::fitted::Fitted;
use super::frame::require_converged;
use super::outliers::{benjamini_hochberg, holm};
use crate::kronecker::Side;
use crate::linalg::{Qr, Spd, matmul};
use crate::{Error, Result};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, Zip};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Θ̂_k and its errors, cell by cell.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Coefficient {
    /// Name of the covariate; `mean` where there is none.
    pub name: String,
    /// Θ̂_k (p × q).
    pub theta: Array2<f64>,
    /// Standard errors from the expected information at the maximum.
    pub standard_error: Array2<f64>,
    /// Ends of the interval.
    pub lower: Array2<f64>,
    /// Ends of the interval.
    pub upper: Array2<f64>,
    /// P-values of θ_kij = 0, one cell at a time.
    pub p_value: Array2<f64>,
    /// The same, held together over the cells of this coefficient: the chance that any is called
    /// different from 0 by mistake (Holm).
    pub holm: Array2<f64>,
    /// The same: the expected share of mistakes among those called different from 0 (Benjamini and
    /// Hochberg).
    pub false_discovery: Array2<f64>,
}

/// All coefficients of a fit.
#[derive(Debug, Clone)]
pub struct Coefficients {
    /// One for every covariate.
    pub terms: Vec<Coefficient>,
    /// Coverage of the intervals.
    pub level: f64,
    /// Degrees of freedom of the t that the intervals come from; `None`: the normal (n → ∞).
    pub degrees: Option<f64>,
    /// What standard errors are multiplied by in intervals.
    inflation: f64,
    /// (ZᵀWZ)⁻¹ (m × m).
    gram: Array2<f64>,
    /// Variances of the rows and of the columns, over κ.
    cells: Array2<f64>,
    row_names: Vec<String>,
    col_names: Vec<String>,
}

impl Fitted<'_> {
    /// The whitened residuals Z_i = L_A⁻¹ (X_i − Σ_k z_ik Θ̂_k) L_B⁻ᵀ (n × p × q), which a fit that is
    /// right leaves without any pattern; with precision weights √w_i times as much.
    ///
    /// # Errors
    /// What the likelihood says of its observations.
    pub fn residuals(&self) -> Result<Array3<f64>> {
        let mut out = Array3::zeros(self.sample.dim());
        let fit = self.fit;
        self.likelihood.each(fit.point(), fit.law(), &mut |seen| {
            if let Some(white) = seen.white {
                out.index_axis_mut(Axis(0), seen.index).assign(&white);
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// The coefficients with standard errors and intervals of coverage `level`; of a fit without
    /// covariates those of its mean.
    ///
    /// ```
    /// use kronfit::{data::Design, io, model::Model};
    /// let sample = io::resolve("us-macro")?;
    /// let regime: Vec<&str> = (0..49).map(|i| if i < 25 { "before" } else { "after" }).collect();
    /// let sample = sample.with_design(Design::groups("regime", &regime)?)?;
    /// let fit = Model::gaussian().fit(&sample)?;
    /// let coefficients = fit.on(&sample)?.coefficients(0.95)?;
    /// assert_eq!(coefficients.terms[1].name, "regime=after");
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the mean is not estimated, the fit did not converge or the law has
    /// no closed information; [`Error::Domain`] for a level outside of (0, 1).
    pub fn coefficients(&self, level: f64) -> Result<Coefficients> {
        let (fit, sample) = (self.fit, self.sample);
        require_converged(fit, "standard errors of the coefficients")?;
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::domain("the level of an interval", level, "between 0 and 1"));
        }
        let (n, p, q) = sample.dim();
        let kappa = fit.law().location_information(p, q).ok_or_else(|| Error::Unsupported {
            what: format!("the law {} has no closed information on its mean", fit.law().name()),
            remedy: "use a bootstrap".to_owned(),
        })?;
        let design =
            fit.model().mean_structure().design(p, q).ok_or_else(|| Error::Unsupported {
                what: "a mean that is not estimated has no errors".to_owned(),
                remedy: "fit a free mean".to_owned(),
            })?;
        let mut z = match sample.design() {
            Some(design) => design.matrix().to_owned(),
            None => Array2::ones((n, 1)),
        };
        if let Some(weights) = sample.weights().values() {
            z.outer_iter_mut().zip(weights).for_each(|(mut row, w)| row *= w.sqrt());
        }
        let gram = Qr::of(z.view()).inverse_gram();
        let rows = spread(&fit.point().row().matrix(), design.0.view())?;
        let cols = spread(&fit.point().col().matrix(), design.1.t())?;
        let cells = Array2::from_shape_fn((p, q), |(i, j)| rows[i] * cols[j] / kappa);
        let (count, rank) = (self.likelihood.weight(), z.ncols() as f64);
        let exact = fit.law().weighting().is_identity() && !fit.dof_at_infinity();
        let degrees = exact.then(|| (count - rank) * (p * q) as f64 / (p + q - 1) as f64);
        let inflation = if exact { (count / (count - rank)).sqrt() } else { 1.0 };
        let (row_names, col_names) = (fit.row_names().to_vec(), fit.col_names().to_vec());
        let terms = Vec::new();
        let mut out =
            Coefficients { terms, level, degrees, inflation, gram, cells, row_names, col_names };
        for k in 0..z.ncols() {
            let name = fit.covariates().get(k).map_or("mean", String::as_str);
            let error = out.cells.mapv(|c| (out.gram[[k, k]] * c).sqrt());
            let term = out.judge(name, fit.theta(k), error)?;
            out.terms.push(term);
        }
        Ok(out)
    }
}

/// The diagonal of C (CᵀA⁻¹C)⁻¹ Cᵀ, of A itself for a square C.
fn spread(factor: &Array2<f64>, design: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    if design.is_square() {
        return Ok(factor.diag().to_owned());
    }
    let spd = Spd::new("a fitted factor", factor.clone())?;
    let mut normal = matmul(design.t(), spd.solve(design).view());
    crate::linalg::symmetrise(&mut normal);
    let inverse = Spd::new("the normal matrix of the mean", normal)?.inverse();
    Ok(matmul(matmul(design, inverse.view()).view(), design.t()).diag().to_owned())
}

impl Coefficients {
    fn judge(
        &self,
        name: &str,
        theta: ArrayView2<'_, f64>,
        standard_error: Array2<f64>,
    ) -> Result<Coefficient> {
        let wrong = |_| Error::domain("the degrees of freedom", self.degrees.unwrap_or(0.0), "> 0");
        let (quantile, tail): (f64, Box<dyn Fn(f64) -> f64>) = match self.degrees {
            Some(f) => {
                let law = StudentsT::new(0.0, 1.0, f).map_err(wrong)?;
                (law.inverse_cdf(0.5 + 0.5 * self.level), Box::new(move |x| law.sf(x)))
            }
            None => {
                let law = Normal::standard();
                (law.inverse_cdf(0.5 + 0.5 * self.level), Box::new(move |x| law.sf(x)))
            }
        };
        let half = &standard_error * (quantile * self.inflation);
        let p_value = Zip::from(theta).and(&standard_error).map_collect(|t, s| {
            if *s > 0.0 { 2.0 * tail((t / (s * self.inflation)).abs()) } else { f64::NAN }
        });
        let all: Vec<f64> = p_value.iter().copied().collect();
        let adjusted = |p_values: Vec<f64>| {
            let mut out = p_value.clone();
            out.iter_mut().zip(p_values).for_each(|(to, p)| *to = p);
            out
        };
        Ok(Coefficient {
            name: name.to_owned(),
            holm: adjusted(holm(&all)),
            false_discovery: adjusted(benjamini_hochberg(&all)),
            theta: theta.to_owned(),
            lower: &theta - &half,
            upper: &theta + &half,
            standard_error,
            p_value,
        })
    }

    /// The mean Σ_k z_k Θ̂_k of a sample with covariates z, with its standard errors and intervals.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of covariates.
    pub fn predict(&self, z: ArrayView1<'_, f64>) -> Result<Coefficient> {
        let m = self.terms.len();
        if z.len() != m {
            let expected = format!("{m}, one for each of the covariates of the fit");
            return Err(Error::shape("the covariates of a new sample", expected, z.len()));
        }
        let mut mean = Array2::zeros(self.cells.dim());
        for (z, term) in z.iter().zip(&self.terms) {
            mean.scaled_add(*z, &term.theta);
        }
        let variance = z.dot(&self.gram.dot(&z));
        self.judge("prediction", mean.view(), self.cells.mapv(|c| (variance * c).sqrt()))
    }

    /// One line per coefficient: term,row,col,estimate,standard_error,lower,upper,p_value,holm,false_discovery.
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "term,row,col,estimate,standard_error,lower,upper,p_value,holm,false_discovery\n",
        );
        for term in &self.terms {
            for ((i, j), theta) in term.theta.indexed_iter() {
                let at = [i, j];
                text.push_str(&format!(
                    "{},{},{},{theta},{},{},{},{},{},{}\n",
                    quoted(&term.name),
                    quoted(&label(&self.row_names, i)),
                    quoted(&label(&self.col_names, j)),
                    term.standard_error[at],
                    term.lower[at],
                    term.upper[at],
                    term.p_value[at],
                    term.holm[at],
                    term.false_discovery[at]
                ));
            }
        }
        text
    }

    /// Names of rows or columns; empty where there are none.
    pub fn names(&self, side: Side) -> &[String] {
        match side {
            Side::Rows => &self.row_names,
            Side::Cols => &self.col_names,
        }
    }
}

fn label(names: &[String], i: usize) -> String {
    names.get(i).cloned().unwrap_or_else(|| i.to_string())
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
