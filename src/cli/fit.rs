//! `kronfit fit`: read, fit, report.

use super::Done;
use super::data::DataArgs;
use super::progress::{FitProgress, say};
use crate::estimate::{Fit, FitOptions, Method, Normalisation};
use crate::io;
use crate::model::{Dof, Mean, Model};
use crate::report::FitRecord;
use crate::structure::Structure;
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

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
    /// compound-symmetry, toeplitz, factor:K or known:FILE.
    #[arg(long, value_name = "STRUCTURE", default_value = "unstructured")]
    rows: String,
    /// Structure of the column factor B, as for --rows.
    #[arg(long, value_name = "STRUCTURE", default_value = "unstructured")]
    cols: String,
    /// Mean: free, zero, rows, cols, scalar, or a file with a p × q matrix.
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

impl LawName {
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

fn structure(text: &str) -> Result<Structure> {
    match text.strip_prefix("known:") {
        Some(file) => Ok(Structure::Known(io::read_matrix(Path::new(file))?)),
        None => text.parse(),
    }
}

fn mean(text: &str) -> Result<Mean> {
    match text {
        "free" => Ok(Mean::Free),
        "zero" => Ok(Mean::Zero),
        "rows" => Ok(Mean::Rows),
        "cols" => Ok(Mean::Cols),
        "scalar" => Ok(Mean::Scalar),
        file if Path::new(file).exists() => Ok(Mean::Known(io::read_matrix(Path::new(file))?)),
        other => {
            let allowed = "free, zero, rows, cols, scalar or the path of a p × q matrix";
            Err(Error::domain("--mean", format!("\"{other}\""), allowed))
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct FitArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    how: HowArgs,
    /// Normalisation of σ², A and B in the JSON: trace, det, first-row, first-col or all-cols.
    #[arg(long, value_name = "RULE", default_value = Normalisation::default().name())]
    normalise: Normalisation,
    /// Write the fit as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write every iteration (log-likelihood, score, passes, seconds) to a CSV file.
    #[arg(long, value_name = "FILE.csv")]
    trace: Option<PathBuf>,
}

/// How to climb, shared by the commands that fit.
#[derive(Debug, Args)]
pub(super) struct HowArgs {
    /// Method: auto, flip-flop, newton, joint or three-step.
    #[arg(long, value_name = "METHOD", default_value = Method::default().name())]
    method: Method,
    /// Stop when the score max(|G_A − I|, |G_B − I|) is at most this.
    #[arg(long, value_name = "TOL", default_value_t = FitOptions::default().tol)]
    tol: f64,
    /// Most iterations.
    #[arg(long, value_name = "N", default_value_t = FitOptions::default().max_iter)]
    max_iter: usize,
    /// Stop after this many seconds and report what was reached [default: no limit].
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<f64>,
    /// Fit even where there are too few samples for a maximum to exist.
    #[arg(long)]
    force: bool,
}

impl HowArgs {
    pub(super) fn options(&self) -> FitOptions {
        FitOptions {
            method: self.method,
            tol: self.tol,
            max_iter: self.max_iter,
            time_limit: self.time_limit,
            force: self.force,
            ..FitOptions::default()
        }
    }
}

pub(super) fn run(args: &FitArgs, quiet: bool) -> Result<Done> {
    let model = args.model.model()?;
    let sample = args.data.load()?;
    let mut progress = FitProgress::new(quiet);
    let fit = model.fit_with(&sample, &args.how.options(), &mut progress);
    progress.finish();
    let fit = fit?;
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&fit.to_string())?;
    }
    if let Some(path) = &args.json {
        let json = FitRecord::new(&fit, args.normalise).to_json()?;
        if json_on_stdout { say(&json)? } else { io::write_text(path, &json)? }
    }
    if let Some(path) = &args.trace {
        io::write_text(path, &trace_csv(&fit)?)?;
    }
    Ok(if fit.is_converged() { Done::Fully } else { Done::NotConverged })
}

fn trace_csv(fit: &Fit) -> Result<String> {
    let mut text = String::from("method,iteration,passes,seconds,log_likelihood,score,dof\n");
    for step in fit.trace() {
        let dof = step.dof.map_or(String::new(), |x| x.to_string());
        text.push_str(&format!(
            "{},{},{},{},{},{},{dof}\n",
            fit.method(),
            step.iteration,
            step.passes,
            step.seconds,
            step.log_likelihood,
            step.score
        ));
    }
    Ok(text)
}
