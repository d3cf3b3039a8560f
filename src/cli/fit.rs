//! `kronfit fit`: read, fit, report.

use super::Done;
use super::data::DataArgs;
use super::progress::{FitProgress, ReadProgress, say};
use crate::data::Sample;
use crate::estimate::{
    Certify, Coordinates, DataSource, Fit, FitOptions, Method, Normalisation, Step,
};
use crate::io::{self, NpyBlocks};
use crate::model::{Dof, Mean, Model};
use crate::optim::{Optimizer, Settings};
use crate::report::html::html;
use crate::report::plot::{Progress, convergence, figures, write_figures};
use crate::report::{Align, FitRecord, Table};
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
    match text.strip_prefix("known:") {
        Some(file) => Ok(Structure::Known(io::read_matrix(Path::new(file))?)),
        None => text.parse(),
    }
}

pub(super) fn mean(text: &str) -> Result<Mean> {
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
    /// Method: auto, flip-flop, newton, joint or three-step; with several, separated by commas,
    /// the first is reported and all are compared.
    #[arg(long, value_name = "METHOD", value_delimiter = ',', default_value = Method::default().name())]
    method: Vec<Method>,
    #[command(flatten)]
    how: HowArgs,
    /// Read the data in blocks, for a .npy file (or a folder of them) larger than memory.
    #[arg(long, conflicts_with_all = ["plot", "report", "key"])]
    stream: bool,
    /// Normalisation of σ², A and B in the JSON: trace, det, first-row, first-col or all-cols.
    #[arg(long, value_name = "RULE", default_value = Normalisation::default().name())]
    normalise: Normalisation,
    /// Write the fit as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write the figures (SVG and PNG) into a folder.
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
    /// Write report and figures as one self-contained HTML file.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write every iteration (log-likelihood, score, passes, seconds) to a CSV file.
    #[arg(long, value_name = "FILE.csv")]
    trace: Option<PathBuf>,
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

/// The data, in memory or not.
enum Input {
    Memory(Sample),
    Stream(NpyBlocks),
}

impl Input {
    fn fit(&self, model: &Model, options: &FitOptions, quiet: bool) -> Result<Fit> {
        let mut progress = FitProgress::new(quiet);
        let fit = match self {
            Self::Memory(sample) => model.fit_with(sample, options, &mut progress),
            Self::Stream(blocks) => {
                let reading = ReadProgress::new(quiet);
                let fit = model
                    .fit_stream(blocks, options, &mut progress, &|done, n| reading.block(done, n));
                reading.finish();
                fit
            }
        };
        progress.finish();
        fit
    }
}

pub(super) fn run(args: &FitArgs, quiet: bool) -> Result<Done> {
    let model = args.model.model()?;
    let data = if args.stream {
        Input::Stream(NpyBlocks::open(Path::new(&args.data.data))?)
    } else {
        Input::Memory(args.data.load()?)
    };
    let fits = args
        .method
        .iter()
        .map(|&method| Ok((method, data.fit(&model, &args.how.options(method), quiet)?)))
        .collect::<Result<Vec<_>>>()?;
    let Some((_, fit)) = fits.first() else { return Ok(Done::Fully) };
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&fit.to_string())?;
        if fits.len() > 1 {
            say(&format!("\nMethods\n{}", comparison(&fits)))?;
        }
    }
    if let Some(path) = &args.json {
        let json = FitRecord::new(fit, args.normalise).to_json()?;
        if json_on_stdout { say(&json)? } else { io::write_text(path, &json)? }
    }
    if let Some(path) = &args.trace {
        io::write_text(path, &trace_csv(&fits))?;
    }
    if let Input::Memory(sample) = &data {
        draw(args, sample, &fits)?;
    }
    let all = fits.iter().all(|(_, fit)| fit.is_converged());
    Ok(if all { Done::Fully } else { Done::NotConverged })
}

/// Figures and HTML report, where they were asked for.
fn draw(args: &FitArgs, sample: &Sample, fits: &[(Method, Fit)]) -> Result<()> {
    let Some((_, fit)) = fits.first() else { return Ok(()) };
    if args.plot.is_none() && args.report.is_none() {
        return Ok(());
    }
    let mut all = figures(fit, Some(sample))?;
    if fits.len() > 1 {
        let traces: Vec<_> = fits.iter().map(|(m, fit)| (m.name(), fit.trace())).collect();
        let compared = convergence(&traces, Progress::Passes)?;
        all.retain(|old| compared.iter().all(|new| new.name != old.name));
        all.extend(compared);
    }
    if let Some(folder) = &args.plot {
        write_figures(folder, &all)?;
    }
    if let Some(path) = &args.report {
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        io::write_text(path, &html(fit, &command, &all))?;
    }
    Ok(())
}

fn comparison(fits: &[(Method, Fit)]) -> Table {
    let right = ["log-likelihood", "score", "iterations", "passes", "seconds"];
    let heads = [("method", Align::Left)].into_iter().chain(right.map(|h| (h, Align::Right)));
    let mut table = Table::new(heads.chain([("ended", Align::Left)]));
    for (method, fit) in fits {
        table.row([
            method.name().to_owned(),
            format!("{:.8}", fit.log_likelihood()),
            format!("{:.1e}", fit.score()),
            fit.iterations().to_string(),
            fit.passes().to_string(),
            format!("{:.4}", fit.seconds()),
            fit.termination().name().to_owned(),
        ]);
    }
    table
}

fn trace_csv(fits: &[(Method, Fit)]) -> String {
    let mut text = String::from("method,iteration,passes,seconds,log_likelihood,score,dof\n");
    for (method, fit) in fits {
        for step in fit.trace() {
            let Step { iteration, passes, seconds, log_likelihood, score, dof } = step;
            let dof = dof.map_or(String::new(), |x| x.to_string());
            text.push_str(&format!(
                "{},{iteration},{passes},{seconds},{log_likelihood},{score},{dof}\n",
                method.name()
            ));
        }
    }
    text
}
