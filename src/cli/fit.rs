//! `kronfit fit`: read, fit, report.

use super::Done;
use super::data::{DataArgs, Missing, nameless, require_distinct};
use super::explain::ExplainArgs;
use super::model::{HowArgs, ModelArgs};
use super::progress::{CountProgress, FitProgress, print, say};
use super::shrink::ShrinkArgs;
use crate::data::Sample;
use crate::estimate::{Fit, FitOptions, Method, Normalisation, Step};
use crate::io::{self, NpyBlocks};
use crate::model::Model;
use crate::report::html::html;
use crate::report::plot::{Progress, convergence, figures, write_figures};
use crate::report::{Align, FitRecord, Table, optional, plain};
use crate::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct FitArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    explain: ExplainArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Method: auto, flip-flop, newton, joint or three-step; with several, separated by commas,
    /// the first is reported and all are compared.
    #[arg(long, value_name = "METHOD", value_delimiter = ',', default_value = Method::default().name())]
    method: Vec<Method>,
    #[command(flatten)]
    how: HowArgs,
    #[command(flatten)]
    shrink: ShrinkArgs,
    /// Cells without a value (NaN, NA, empty, lines that are not there): auto takes them as
    /// missing, refuse names the first of them.
    #[arg(long, value_name = "WHAT", default_value = "auto")]
    missing: Missing,
    /// Read the data in blocks, for a .npy file (or a folder of them) larger than memory.
    #[arg(long, conflicts_with_all = ["plot", "report", "key"])]
    stream: bool,
    /// Standard errors: σ², A, B, correlations, mean, ν (in the report and in the JSON).
    #[arg(long, conflicts_with = "stream")]
    se: bool,
    /// Normalisation of σ², A and B in the JSON: trace, det, first-row, first-col or all-cols.
    #[arg(long, value_name = "RULE", default_value = Normalisation::default().name())]
    normalise: Normalisation,
    /// Write the fit as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write the coefficients of covariates to a CSV file, a line for every cell.
    #[arg(long, value_name = "FILE.csv")]
    coefficients: Option<PathBuf>,
    /// Write the whitened residuals (n, p, q) to a .npy file.
    #[arg(long, value_name = "FILE.npy", conflicts_with = "stream")]
    residuals: Option<PathBuf>,
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

/// The data, in memory or not.
enum Input {
    Memory(Box<Sample>),
    Stream(NpyBlocks),
}

impl Input {
    fn fit(&self, model: &Model, options: &FitOptions, quiet: bool) -> Result<Fit> {
        let mut progress = FitProgress::new(quiet);
        let fit = match self {
            Self::Memory(sample) => model.fit_with(sample, options, &mut progress),
            Self::Stream(blocks) => {
                let reading = CountProgress::new(quiet, None, "samples read");
                let fit = model
                    .fit_stream(blocks, options, &mut progress, &|done, n| reading.of(done, n));
                reading.finish();
                fit
            }
        };
        progress.finish();
        fit
    }
}

pub(super) fn run(args: &FitArgs, quiet: bool) -> Result<Done> {
    require_distinct(
        &args
            .data
            .file()
            .into_iter()
            .chain(args.model.files())
            .chain(args.explain.files())
            .collect::<Vec<_>>(),
        &[
            ("--json", args.json.as_deref()),
            ("--trace", args.trace.as_deref()),
            ("--coefficients", args.coefficients.as_deref()),
            ("--residuals", args.residuals.as_deref()),
            ("--report", args.report.as_deref()),
            ("--plot", args.plot.as_deref()),
        ],
    )?;
    let (data, names) = if args.stream {
        if !args.explain.is_empty() {
            return Err(Error::Unsupported {
                what: "--stream with weights or covariates".to_owned(),
                remedy: "read the data into memory".to_owned(),
            });
        }
        (Input::Stream(NpyBlocks::open(Path::new(&args.data.data))?), nameless())
    } else {
        let sample = args.explain.apply(args.data.load_with(args.missing)?, &args.data.data)?;
        let names = sample.names().clone();
        (Input::Memory(Box::new(sample)), names)
    };
    let model = args.model.model(&names)?;
    let shrink = args.shrink.shrink()?;
    let fits = args
        .method
        .iter()
        .map(|&method| {
            let options = FitOptions { shrink: shrink.clone(), ..args.how.options(method) };
            Ok((method, data.fit(&model, &options, quiet)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let Some((_, fit)) = fits.first() else { return Ok(Done::Fully) };
    let errors = match &data {
        Input::Memory(sample) if args.se && fit.covariates().is_empty() => {
            Some(fit.on(sample)?.standard_errors()?)
        }
        _ => None,
    };
    let coefficients = match &data {
        Input::Memory(sample) if fit.is_converged() && !fit.covariates().is_empty() => {
            fit.on(sample)?.coefficients(0.95).ok()
        }
        _ => None,
    };
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&fit.to_string())?;
        if let Some(errors) = &errors {
            say(&format!("\n{errors}"))?;
        }
        if let Some(coefficients) = &coefficients {
            say(&format!("\n{coefficients}"))?;
        }
        if fits.len() > 1 {
            say(&format!("\nMethods\n{}", comparison(&fits)))?;
        }
    }
    if let Some(path) = &args.json {
        let mut record = FitRecord::new(fit, args.normalise);
        record.standard_errors = errors;
        if let Some(coefficients) = &coefficients {
            record.coefficients = coefficients.terms.iter().map(Into::into).collect();
        }
        let json = record.to_json()?;
        if json_on_stdout { print(&json)? } else { io::write_text(path, &json)? }
    }
    if let (Some(path), Input::Memory(sample)) = (&args.residuals, &data) {
        io::write_npy(path, &fit.on(sample)?.residuals()?)?;
    }
    if let (Some(path), Some(coefficients)) = (&args.coefficients, &coefficients) {
        io::write_text(path, &coefficients.to_csv())?;
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
            let numbers = [*log_likelihood, *score].map(plain).join(",");
            text.push_str(&format!(
                "{},{iteration},{passes},{seconds},{numbers},{}\n",
                method.name(),
                optional(*dof)
            ));
        }
    }
    text
}
