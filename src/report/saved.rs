//! Saved fits: the JSON record of a fit, read back.

use super::json::{DataRecord, FORMAT, FitRecord};
use crate::estimate::{End, Factors, Fit, FitParts, Normalisation};
use crate::family::Law;
use crate::likelihood::Point;
use crate::linalg::{Root, Spd, require_finite};
use crate::model::serial::matrix_of;
use crate::model::{Dof, Model, ModelSpec};
use crate::structure::Structure;
use crate::{Error, Result, io};
use ndarray::Array2;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// Relative distance from its structure at which a factor is not of it.
const OUTSIDE: f64 = 1e-6;

/// What is read of a record.
#[derive(Deserialize)]
struct Saved {
    spec: Option<ModelSpec>,
    model: String,
    n: usize,
    p: usize,
    q: usize,
    normalisation: Normalisation,
    sigma2: f64,
    row_cov: Vec<Vec<f64>>,
    col_cov: Vec<Vec<f64>>,
    mean: Vec<Vec<f64>>,
    dof: Option<f64>,
    row_names: Vec<String>,
    col_names: Vec<String>,
    data: DataRecord,
    #[serde(flatten)]
    end: End,
}

/// What a file says of itself, whatever else it holds.
#[derive(Deserialize)]
struct Heading {
    kronfit: Option<String>,
    format: Option<u32>,
}

impl Fit {
    /// Writes the fit as JSON, as `kronfit fit --json` does: whole or not at all.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a law or a structure of the user's own, which could not be
    /// loaded; [`Error::File`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.model().spec()?;
        self.require_one_mean()?;
        io::write_text(path.as_ref(), &FitRecord::new(self, Normalisation::Trace).to_json()?)
    }

    /// Reads a fit that [`Fit::save`] or `kronfit fit --json` wrote. The trace is not kept.
    ///
    /// ```
    /// use kronfit::{estimate::Fit, io, model::Model};
    /// let sample = io::resolve("us-macro")?;
    /// let fit = Model::gaussian().rows("ar1".parse()?).fit(&sample)?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("fit.json");
    /// fit.save(&path)?;
    /// let loaded = Fit::load(&path)?;
    /// assert_eq!(loaded.mean(), fit.mean());
    /// let densities = loaded.distribution().ln_pdf_all(sample.values())?;
    /// assert!((densities.sum() - fit.log_likelihood()).abs() < 1e-9);
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Parse`] saying what is wrong with the file: not there, not a fit,
    /// of another version, without its model, or with factors that contradict it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::file(path, "there is no such file"),
            std::io::ErrorKind::InvalidData => Error::file(path, "is not a text file (UTF-8)"),
            _ => Error::file(path, e),
        })?;
        Self::from_json(&text, path)
    }

    /// [`Fit::load`] from text; `path` stands for the file in messages.
    ///
    /// # Errors
    /// As [`Fit::load`].
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        let fault = |e: serde_json::Error| {
            let reason = e.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            let reason = format!("is not a fit that can be loaded: {reason}");
            Error::Parse { path: path.to_owned(), line: e.line() as u64, reason }
        };
        require_version(&serde_json::from_str(text).map_err(fault)?, path)?;
        let saved: Saved = serde_json::from_str(text).map_err(fault)?;
        saved.restore().map_err(|error| Error::file(path, format!("is not a valid fit: {error}")))
    }
}

fn require_version(heading: &Heading, path: &Path) -> Result<()> {
    let Some(version) = &heading.kronfit else {
        let reason = "is not a fit: it does not say by which version of kronfit it was written; \
                      give the file of `kronfit fit --json`";
        return Err(Error::file(path, reason));
    };
    match heading.format {
        Some(FORMAT) => Ok(()),
        Some(format) => Err(Error::file(
            path,
            format!(
                "was written by kronfit {version} in format {format}, and this version reads format \
                 {FORMAT}; use a newer kronfit"
            ),
        )),
        None => Err(Error::file(
            path,
            format!(
                "is not a fit that can be loaded (written by kronfit {version}): fits before format \
                 {FORMAT} do not hold their model; fit again with --json"
            ),
        )),
    }
}

impl Saved {
    fn restore(self) -> Result<Fit> {
        let Some(spec) = &self.spec else {
            return Err(Error::Unsupported {
                what: format!("its law \"{}\" or a structure is not a built-in one", self.model),
                remedy: "only a program that has them can use this fit".to_owned(),
            });
        };
        let model = spec.model()?;
        let law = law_of(&model, spec, self.dof)?;
        let (p, q) = (self.p, self.q);
        model.check(p, q)?;
        let row = matrix("row_cov", &self.row_cov, (p, p))?;
        let col = matrix("col_cov", &self.col_cov, (q, q))?;
        if self.mean.is_empty() {
            return Err(Error::Unsupported {
                what: "a saved fit with covariates".to_owned(),
                remedy: "fit again: what comes after such a fit needs its data".to_owned(),
            });
        }
        let mean = matrix("mean", &self.mean, (p, q))?;
        for (what, names, d) in
            [("row_names", &self.row_names, p), ("col_names", &self.col_names, q)]
        {
            if !names.is_empty() && names.len() != d {
                return Err(Error::shape(what, format!("{d} names"), names.len()));
            }
        }
        if !(self.sigma2 > 0.0 && self.sigma2.is_finite()) {
            return Err(Error::domain("sigma2", self.sigma2, "a positive number"));
        }
        let ln_det = |what, m: &Array2<f64>| Spd::new(what, m.clone()).map(|spd| spd.ln_det());
        let ln_dets = (ln_det("row_cov", &row)?, ln_det("col_cov", &col)?);
        let written = Factors { sigma2: self.sigma2, row, col };
        let factors = match self.normalisation {
            Normalisation::Trace => written,
            _ => written.normalised(Normalisation::Trace, ln_dets),
        };
        let row_scaled = &factors.row * factors.sigma2;
        let row = root("row_cov", &row_scaled, &spec.rows)?;
        let col = root("col_cov", &factors.col, &spec.cols)?;
        let point = Point::new(mean, row, col);
        Ok(Fit::of_parts(FitParts {
            model,
            law,
            factors,
            point,
            dim: (self.n, p, q),
            names: (self.row_names, self.col_names),
            source: self.data.source,
            content_hash: self.data.content_hash,
            end: self.end,
        }))
    }
}

/// The fitted law: at the ν that was found, or the limit where that was ∞.
fn law_of(model: &Model, spec: &ModelSpec, dof: Option<f64>) -> Result<Arc<dyn Law>> {
    match (spec.dof, dof) {
        (Some(Dof::Estimate), None) => {
            let family = model.law().dof_family();
            Ok(family.map_or_else(|| model.law().clone(), |family| family.limit()))
        }
        (Some(Dof::Fixed(given)), found) if found != Some(given) => {
            let found = found.map_or("null".to_owned(), |dof| dof.to_string());
            Err(Error::domain("dof", found, format!("the ν = {given} that the model gives")))
        }
        (_, dof) => spec.law.law(dof),
    }
}

fn matrix(what: &str, rows: &[Vec<f64>], shape: (usize, usize)) -> Result<Array2<f64>> {
    let found = (rows.len(), rows.first().map_or(0, Vec::len));
    let expected = format!("{} × {}", shape.0, shape.1);
    let matrix = matrix_of(rows).map_err(|reason| Error::shape(what, &expected, reason))?;
    if found != shape {
        return Err(Error::shape(what, expected, found));
    }
    require_finite(what, &matrix)?;
    Ok(matrix)
}

/// The root of a factor that is of its structure.
fn root(what: &str, factor: &Array2<f64>, structure: &Structure) -> Result<Root> {
    let shape = structure.shape();
    let nearest = shape.matrix(&shape.coordinates(factor.view())?, factor.nrows())?;
    let size = factor.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let gap = (factor - &nearest).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    // The scale of a factor is always free.
    let scaled = |a: &Array2<f64>| a * (factor.diag().sum() / a.diag().sum());
    let gap = gap.min((factor - &scaled(&nearest)).iter().fold(0.0_f64, |m, x| m.max(x.abs())));
    if !(gap <= OUTSIDE * size) {
        return Err(Error::Unsupported {
            what: format!("{what} is not of the structure {structure} that the model gives"),
            remedy: "the file was changed after it was written; fit again".to_owned(),
        });
    }
    shape.root(what, factor.view())
}
