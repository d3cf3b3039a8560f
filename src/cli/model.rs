//! The arguments that say which model to fit and how, shared by the commands that fit.

use crate::data::Names;
use crate::estimate::{Certify, Coordinates, DataSource, FitOptions, Method};
use crate::family::LawName;
use crate::model::{Model, ModelSpec};
use crate::optim::{Optimizer, Settings};
use crate::{Error, Result};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::Path;

/// The laws, as the command line names them.
pub(super) fn law_names() -> impl TypedValueParser<Value = LawName> {
    PossibleValuesParser::new(LawName::ALL.map(LawName::name))
        .try_map(|name| name.parse::<LawName>())
}

/// Errors of the library speak of its parts; here a part is a flag.
pub(super) fn at_flag<T>(flag: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Domain { value, allowed, .. } => {
            Error::Domain { what: flag.to_owned(), value, allowed }
        }
        other => other,
    })
}

/// The model's arguments, shared by the commands that fit.
#[derive(Debug, Args)]
pub(super) struct ModelArgs {
    /// Law of the observations.
    #[arg(long, value_name = "LAW", default_value = "gaussian", value_parser = law_names())]
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
    /// The specification for data with these names; matrices from files are matched to them.
    pub(super) fn spec(&self, names: &Names) -> Result<ModelSpec> {
        let mut spec = ModelSpec::new(self.model);
        if let Some(dof) = &self.dof {
            at_flag("--dof", spec.set("dof", dof))?;
        }
        for (key, flag, text) in [
            ("rows", "--rows", &self.rows),
            ("cols", "--cols", &self.cols),
            ("mean", "--mean", &self.mean),
        ] {
            at_flag(flag, spec.set_for(key, text, names))?;
        }
        Ok(spec)
    }

    /// The model for data with these names.
    pub(super) fn model(&self, names: &Names) -> Result<Model> {
        self.spec(names)?.model()
    }

    /// The files that the model is read from.
    pub(super) fn files(&self) -> Vec<&Path> {
        // known:FILE, exponential:FILE, matern:3/2:FILE; what names no file does no harm.
        let sides = [&self.rows, &self.cols].into_iter();
        let known = sides.filter_map(|s| s.rsplit_once(':')).map(|(_, file)| file);
        let linear = self.mean.strip_prefix("linear:").and_then(|files| files.split_once(','));
        let designs = linear.into_iter().flat_map(|(left, right)| [left, right]);
        known.chain(designs).chain([self.mean.as_str()]).map(Path::new).collect()
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
    /// Starting points where cells are missing: the likelihood may have several maxima [default: 1,
    /// or 8 where few cells are observed].
    #[arg(long, value_name = "K")]
    starts: Option<usize>,
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
            starts: self.starts,
            force: self.force,
            shrink: None,
        }
    }
}
