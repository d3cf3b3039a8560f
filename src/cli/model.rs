//! The arguments that say which model to fit and how, shared by the commands that fit.

use crate::estimate::{Certify, Coordinates, DataSource, FitOptions, Method};
use crate::io;
use crate::model::{Dof, Mean, Model};
use crate::optim::{Optimizer, Settings};
use crate::structure::Structure;
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use std::path::Path;

/// The laws, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LawName {
    /// Matrix normal.
    Gaussian,
    /// Elliptical t: vec X is multivariate t with scale A ⊗ B.
    KroneckerT,
    /// Matrix-variate t (determinant form).
    MatrixT,
}

/// The model's arguments, shared by the commands that fit.
#[derive(Debug, Args)]
pub(super) struct ModelArgs {
    /// Law of the observations.
    #[arg(long, value_name = "LAW", default_value = "gaussian")]
    model: LawName,
    /// Degrees of freedom of a t law: a number, or estimate [default: estimate].
    #[arg(long, value_name = "NUMBER|estimate")]
    dof: Option<String>,
    /// Structure of the row factor A: unstructured, diagonal, identity, correlation, ar1,
    /// compound-symmetry, toeplitz, antedependence, factor:K, block:K1,K2,…, exchangeable:LABELS
    /// (a label for each row, separated by commas), known:FILE; by positions in a file or, with
    /// the word labels for FILE, in the row labels: exponential:FILE, matern:NU:FILE (NU 1/2, 3/2
    /// or 5/2), gaussian:FILE; with free variances: het:ar1, het:compound-symmetry, het:toeplitz,
    /// het:exponential:FILE, ….
    #[arg(long, value_name = "STRUCTURE", default_value = "unstructured")]
    rows: String,
    /// Structure of the column factor B, as for --rows.
    #[arg(long, value_name = "STRUCTURE", default_value = "unstructured")]
    cols: String,
    /// Mean: free, zero, rows, cols, scalar, a file with a p × q matrix, or linear:C,D for a
    /// growth curve M = C Θ D with the designs C (p × a) and D (b × q) in two files.
    #[arg(long, value_name = "MEAN", default_value = "free")]
    mean: String,
}

impl ModelArgs {
    pub(super) fn model(&self) -> Result<Model> {
        let model = self.model.model(self.dof()?)?;
        Ok(model.rows(structure(&self.rows)?).cols(structure(&self.cols)?).mean(mean(&self.mean)?))
    }
}

impl ModelArgs {
    fn dof(&self) -> Result<Option<Dof>> {
        match self.dof.as_deref() {
            None => Ok(None),
            Some("estimate") => Ok(Some(Dof::Estimate)),
            Some(text) => match text.parse::<f64>() {
                Ok(dof) => Ok(Some(Dof::Fixed(dof))),
                Err(_) => {
                    Err(Error::domain("--dof", format!("\"{text}\""), "a number or \"estimate\""))
                }
            },
        }
    }
}

impl ModelArgs {
    /// The mean as it was written.
    pub(super) fn mean_text(&self) -> &str {
        &self.mean
    }

    /// For work that is Gaussian with unstructured factors by its nature.
    pub(super) fn require_plain(&self, what: &str) -> Result<()> {
        let plain = self.model == LawName::Gaussian
            && self.dof.is_none()
            && self.rows == "unstructured"
            && self.cols == "unstructured";
        if plain {
            return Ok(());
        }
        Err(Error::Unsupported {
            what: format!("{what} is for the Gaussian with unstructured factors"),
            remedy: "leave out --model, --dof, --rows and --cols".to_owned(),
        })
    }
}

impl LawName {
    /// Every law.
    pub(super) const ALL: [Self; 3] = [Self::Gaussian, Self::KroneckerT, Self::MatrixT];

    /// The model of this law with unstructured factors; ν is estimated unless it is given.
    pub(super) fn model(self, dof: Option<Dof>) -> Result<Model> {
        match (self, dof) {
            (Self::Gaussian, None) => Ok(Model::gaussian()),
            (Self::Gaussian, Some(_)) => Err(Error::Unsupported {
                what: "--dof is given, but the Gaussian has no degrees of freedom".to_owned(),
                remedy: "leave it out, or choose --model kronecker-t or matrix-t".to_owned(),
            }),
            (Self::KroneckerT, dof) => Ok(Model::kronecker_t(dof.unwrap_or_default())),
            (Self::MatrixT, dof) => Ok(Model::matrix_t(dof.unwrap_or_default())),
        }
    }
}

pub(super) fn structure(text: &str) -> Result<Structure> {
    Structure::parse_with(text, &|file| io::read_matrix(Path::new(file)))
}

pub(super) fn mean(text: &str) -> Result<Mean> {
    if let Ok(named) = text.parse() {
        return Ok(named);
    }
    match text {
        design if design.starts_with("linear:") => linear(&design["linear:".len()..]),
        file if Path::new(file).exists() => Ok(Mean::Known(io::read_matrix(Path::new(file))?)),
        other => {
            let allowed = "free, zero, rows, cols, scalar, linear:C,D or the path of a p × q \
                           matrix";
            Err(Error::domain("--mean", format!("\"{other}\""), allowed))
        }
    }
}

/// A growth curve from "C,D", two files.
fn linear(files: &str) -> Result<Mean> {
    let Some((left, right)) = files.split_once(',') else {
        let allowed = "linear:C,D with the files of the designs C (p × a) and D (b × q)";
        return Err(Error::domain("--mean", format!("\"linear:{files}\""), allowed));
    };
    let read = |file: &str| io::read_matrix(Path::new(file));
    Ok(Mean::Linear { left: read(left)?, right: read(right)? })
}

/// How to climb, shared by the commands that fit.
#[derive(Debug, Args)]
pub(super) struct HowArgs {
    /// Stop when the score max(|G_A − I|, |G_B − I|) is at most this.
    #[arg(long, value_name = "TOL", default_value_t = FitOptions::default().tol)]
    tol: f64,
    /// Most iterations.
    #[arg(long, value_name = "N", default_value_t = FitOptions::default().max_iter)]
    max_iter: usize,
    /// Solver of the joint method: lbfgs, cg, steepest or trust-region.
    #[arg(long, value_name = "NAME", default_value = Optimizer::default().name())]
    optimizer: Optimizer,
    /// Coordinates of the joint method: geodesic, log-euclidean or log-cholesky.
    #[arg(long, value_name = "NAME", default_value = Coordinates::default().name())]
    coordinates: Coordinates,
    /// Certify the maximum (curvature, distance, uniqueness): auto, force or skip.
    #[arg(long, value_name = "WHEN", default_value = Certify::default().name())]
    certificate: Certify,
    /// Stop after this many seconds and report what was reached [default: no limit].
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<f64>,
    /// What the likelihood is computed from: auto, samples or moments (Gaussian only).
    #[arg(long, value_name = "SOURCE", default_value = DataSource::default().name())]
    source: DataSource,
    /// Fit even where there are too few samples for a maximum to exist.
    #[arg(long)]
    force: bool,
}

impl HowArgs {
    pub(super) fn options(&self, method: Method) -> FitOptions {
        FitOptions {
            method,
            tol: self.tol,
            max_iter: self.max_iter,
            search: Settings { optimizer: self.optimizer, ..Settings::default() },
            coordinates: self.coordinates,
            certificate: self.certificate,
            time_limit: self.time_limit,
            source: self.source,
            force: self.force,
        }
    }
}
