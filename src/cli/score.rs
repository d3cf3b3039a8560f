//! `kronfit score`: densities, distances and p-values of new data under a saved fit.

use super::Done;
use super::data::{DataArgs, require_distinct};
use super::progress::{print, say};
use crate::data::name_of;
use crate::estimate::Fit;
use crate::inference::{Scores, score};
use crate::report::{Align, Table, to_json};
use crate::{Result, io};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ScoreArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The fit, a file that `kronfit fit --json` wrote. Rows and columns are matched by name where
    /// both have names.
    #[arg(long, value_name = "FIT.json")]
    fit: PathBuf,
    /// Write everything as JSON to a file, or to standard output with - (instead of the table).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write sample, log_density, distance and p_value, one line per sample, to a CSV file.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
}

/// Samples that are printed; files hold all of them.
const PRINTED: usize = 40;

pub(super) fn run(args: &ScoreArgs, quiet: bool) -> Result<Done> {
    require_distinct(
        &args.data.file().into_iter().chain([args.fit.as_path()]).collect::<Vec<_>>(),
        &[("--json", args.json.as_deref()), ("--csv", args.csv.as_deref())],
    )?;
    let fit = Fit::load(&args.fit)?;
    let sample = args.data.load_alike()?;
    let scores = score(&fit, &sample)?;
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        let (n, p, q) = sample.dim();
        let reference = scores.reference.as_deref().unwrap_or("not known");
        say(&format!(
            "{}: n = {n} samples of {p} × {q} under {} ({}, fitted to {})\n  reference  {reference}\n  \
             log-likelihood {:.6}\n\n{}",
            sample.source(),
            args.fit.display(),
            fit.model(),
            fit.source(),
            scores.log_likelihood,
            table(&scores, sample.sample_names())
        ))?;
        if n > PRINTED {
            say(&format!("({PRINTED} of {n} samples; --csv and --json hold all of them)\n"))?;
        }
    }
    if let Some(path) = &args.csv {
        io::write_text(path, &scores.to_csv()?)?;
    }
    if let Some(path) = &args.json {
        let record = json!({
            "kronfit": crate::VERSION,
            "fit": args.fit.display().to_string(),
            "model": fit.model().law().name(),
            "dof": fit.dof(),
            "data": sample.source(),
            "reference": scores.reference,
            "log_likelihood": scores.log_likelihood,
            "samples": scores.samples,
        });
        let json = to_json(&record)?;
        if json_on_stdout { print(&json)? } else { io::write_text(path, &json)? }
    }
    Ok(Done::Fully)
}

fn table(scores: &Scores, names: &[String]) -> Table {
    let right = ["log density", "distance", "p-value"].map(|head| (head, Align::Right));
    let mut table = Table::new([("sample", Align::Left)].into_iter().chain(right));
    for s in scores.samples.iter().take(PRINTED) {
        let name = name_of(names, s.sample);
        let p_value = s.p_value.map_or_else(|| "–".to_owned(), |p| format!("{p:.4e}"));
        table.row([name, format!("{:.6}", s.log_density), format!("{:.4}", s.distance), p_value]);
    }
    table
}
