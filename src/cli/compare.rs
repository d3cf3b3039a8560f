//! `kronfit compare`: a grid of models on one sample.

use super::Done;
use super::data::{DataArgs, require_distinct};
use super::model::{HowArgs, at_flag, law_names};
use super::progress::{CountProgress, print, say};
use crate::data::Names;
use crate::estimate::Method;
use crate::family::LawName;
use crate::inference::order_used;
use crate::inference::{Order, compare, sort_compared};
use crate::model::spec::{mean_for, structure_for};
use crate::model::{Model, ModelSpec};
use crate::report::{comparison_csv, comparison_table, to_json};
use crate::structure::Structure;
use crate::{Error, Result, io};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Laws to compare, separated by commas; ν of the t laws is estimated.
    #[arg(long, value_name = "LAWS", value_delimiter = ',',
          default_values_t = LawName::ALL, value_parser = law_names())]
    models: Vec<LawName>,
    /// Structures to compare, separated by commas, each on the rows and on the columns. A pair
    /// like ar1*unstructured (rows*columns) stands for itself alone.
    #[arg(
        long,
        value_name = "STRUCTURES",
        value_delimiter = ',',
        default_value = "unstructured,diagonal,ar1"
    )]
    structures: Vec<String>,
    /// Mean of all models: free, zero, rows, cols, scalar, or a file with a p × q matrix.
    #[arg(long, value_name = "MEAN", default_value = "free")]
    mean: String,
    /// Order of the table: aic, bic, or grid (as listed).
    #[arg(long, value_name = "ORDER", default_value = "aic")]
    sort: Order,
    #[command(flatten)]
    how: HowArgs,
    /// Write the table as JSON to a file, or to standard output with - (instead of the table).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write the table as CSV to a file.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
}

/// Structures on rows × columns: every pair of the plain names, then the pairs given.
fn pairs(texts: &[String], names: &Names) -> Result<Vec<(Structure, Structure)>> {
    let (given, plain): (Vec<&String>, Vec<&String>) = texts.iter().partition(|t| t.contains('*'));
    let mut out = Vec::new();
    for rows in &plain {
        for cols in &plain {
            out.push((structure_for(rows, &names.rows)?, structure_for(cols, &names.cols)?));
        }
    }
    for pair in given {
        let (rows, cols) = pair.split_once('*').unwrap_or((pair, pair));
        out.push((structure_for(rows, &names.rows)?, structure_for(cols, &names.cols)?));
    }
    Ok(out)
}

pub(super) fn run(args: &CompareArgs, quiet: bool) -> Result<Done> {
    require_distinct(
        &args.data.file().into_iter().chain([Path::new(&args.mean)]).collect::<Vec<_>>(),
        &[("--json", args.json.as_deref()), ("--csv", args.csv.as_deref())],
    )?;
    let sample = args.data.load_alike()?;
    let mean = at_flag("--mean", mean_for(&args.mean, sample.names()))?;
    let mut models: Vec<Model> = Vec::new();
    for law in &args.models {
        for (rows, cols) in pairs(&args.structures, sample.names())? {
            let mean = mean.clone();
            models.push(ModelSpec { rows, cols, mean, ..ModelSpec::new(*law) }.model()?);
        }
    }
    let progress = CountProgress::new(quiet, Some(models.len()), "models");
    let mut rows = compare(&sample, &models, &args.how.options(Method::default()), &mut |done| {
        progress.at(done)
    });
    progress.finish();
    sort_compared(&mut rows, args.sort);
    let table = comparison_table(&rows);
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        let (n, p, q) = sample.dim();
        let orders = orders(&models, sample.names());
        say(&format!("{}: n = {n} samples of {p} × {q}\n{orders}\n{table}", sample.source()))?;
    }
    if let Some(path) = &args.json {
        let json = to_json(&rows)?;
        if json_on_stdout { print(&json)? } else { io::write_text(path, &json)? }
    }
    if let Some(path) = &args.csv {
        io::write_text(path, &comparison_csv(&rows).to_csv()?)?;
    }
    if rows.iter().all(|row| row.fit.is_none()) {
        return Err(Error::Unsupported {
            what: "no model could be fitted".to_owned(),
            remedy: "see the reasons in the table".to_owned(),
        });
    }
    let converged = rows.iter().all(|row| row.fit.is_none_or(|fit| fit.converged));
    Ok(if converged { Done::Fully } else { Done::NotConverged })
}

/// The order of rows and columns, a line each, where one of the models depends on it.
fn orders(models: &[Model], names: &Names) -> String {
    let rows = models.iter().find_map(|m| order_used("rows", m.row_structure(), &names.rows));
    let cols = models.iter().find_map(|m| order_used("columns", m.col_structure(), &names.cols));
    [rows, cols].into_iter().flatten().map(|order| format!("  {order}\n")).collect()
}
