//! `kronfit outliers`: distances, their p-values, and what they are made of.

use super::Done;
use super::data::{DataArgs, require_distinct};
use super::model::{HowArgs, ModelArgs};
use super::progress::{FitProgress, print, say};
use crate::data::{Sample, name_of};
use crate::estimate::{Fit, Method};
use crate::inference::Outliers;
use crate::report::plot::{Chart, Figure, Scale, Series, write_figures};
use crate::report::{Align, Table, contribution_table, outlier_table, plain, to_json};
use crate::{Error, Result, io};
use clap::Args;
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct OutliersArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    how: HowArgs,
    /// Judge the data by this fit (a file that `kronfit fit --json` wrote) instead of fitting them.
    /// Rows and columns are matched by name where both have names.
    #[arg(long, value_name = "FIT.json", conflicts_with_all = ["ModelArgs", "HowArgs"])]
    fit: Option<PathBuf>,
    /// How many samples to list, and how many of them to take apart.
    #[arg(long, value_name = "K", default_value_t = 10)]
    worst: usize,
    /// Adjusted p-value (Holm) below which a sample is called an outlier.
    #[arg(long, value_name = "ALPHA", default_value_t = 0.05)]
    alpha: f64,
    /// Write everything as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write all distances, one line per sample, to a CSV file.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Write a quantile plot and an index plot (SVG and PNG) to a folder.
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
}

pub(super) fn run(args: &OutliersArgs, quiet: bool) -> Result<Done> {
    if !(args.alpha > 0.0 && args.alpha < 1.0) {
        return Err(Error::domain("--alpha", args.alpha, "between 0 and 1"));
    }
    require_distinct(
        &args
            .data
            .file()
            .into_iter()
            .chain(args.fit.as_deref())
            .chain(args.model.files())
            .collect::<Vec<_>>(),
        &[
            ("--json", args.json.as_deref()),
            ("--csv", args.csv.as_deref()),
            ("--plot", args.plot.as_deref()),
        ],
    )?;
    let (fit, sample, found) = judged(args, quiet)?;
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&page(args, &fit, &sample, &found)?)?;
    }
    if let Some(path) = &args.json {
        let json = to_json(&record(args, &fit, &sample, &found)?)?;
        if json_on_stdout { print(&json)? } else { io::write_text(path, &json)? }
    }
    if let Some(path) = &args.csv {
        io::write_text(path, &csv(&found, sample.sample_names())?)?;
    }
    if let Some(folder) = &args.plot {
        let names = sample.sample_names();
        write_figures(folder, &[quantile_plot(&found)?, index_plot(&found, names, args.alpha)?])?;
    }
    Ok(if fit.is_converged() { Done::Fully } else { Done::NotConverged })
}

/// The fit, the data in its order of rows and columns, and what was found.
fn judged(args: &OutliersArgs, quiet: bool) -> Result<(Fit, Sample, Outliers)> {
    if let Some(path) = &args.fit {
        let fit = Fit::load(path)?;
        let sample = fit.matched(&args.data.load_alike()?)?;
        let found = fit.outliers_in(&sample)?;
        return Ok((fit, sample, found));
    }
    let sample = args.data.load_alike()?;
    let model = args.model.model(sample.names())?;
    let mut progress = FitProgress::new(quiet);
    let fit = model.fit_with(&sample, &args.how.options(Method::default()), &mut progress);
    progress.finish();
    let fit = fit?;
    let found = fit.on(&sample)?.outliers()?;
    Ok((fit, sample, found))
}

/// Samples that are taken apart: those called outliers, at least the first, at most 3.
fn examined(found: &Outliers, alpha: f64) -> Vec<usize> {
    let worst = found.worst_first();
    let called = worst.iter().filter(|d| d.holm < alpha).count();
    worst.iter().take(called.clamp(1, 3)).map(|d| d.sample).collect()
}

fn page(args: &OutliersArgs, fit: &Fit, sample: &Sample, found: &Outliers) -> Result<String> {
    let (n, p, q) = sample.dim();
    let called = found.distances.iter().filter(|d| d.holm < args.alpha).count();
    let discovered = found.distances.iter().filter(|d| d.benjamini_hochberg < args.alpha).count();
    let mut text = format!(
        "Distances of {}: n = {n} samples of {p} × {q}, {} model\n  reference  {}\n  outliers   \
         {called} by Holm, {discovered} by Benjamini–Hochberg, at {}\n\n{}",
        sample.source(),
        fit.model().law().name(),
        found.reference,
        args.alpha,
        outlier_table(found, sample.sample_names(), args.worst)
    );
    for index in examined(found, args.alpha) {
        let parts = fit.contributions(sample, index)?;
        let _ = write!(
            text,
            "\nSample {}: distance by cell, (A⁻¹YB⁻¹) ∘ Y; a negative cell agrees with its \
             neighbours\n{}",
            name_of(sample.sample_names(), index),
            contribution_table(&parts, sample.row_names(), sample.col_names())
        );
    }
    for note in &found.notes {
        let _ = writeln!(text, "  • {note}");
    }
    Ok(text)
}

fn record(
    args: &OutliersArgs,
    fit: &Fit,
    sample: &Sample,
    found: &Outliers,
) -> Result<serde_json::Value> {
    let mut parts = Vec::new();
    for index in examined(found, args.alpha) {
        let c = fit.contributions(sample, index)?;
        parts.push(json!({
            "sample": index,
            "name": sample.sample_names().get(index),
            "cells": c.cells.outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
            "rows": c.rows.to_vec(),
            "cols": c.cols.to_vec(),
        }));
    }
    Ok(json!({
        "kronfit": crate::VERSION,
        "model": fit.model().law().name(),
        "dof": fit.dof(),
        "converged": fit.is_converged(),
        "reference": found.reference,
        "alpha": args.alpha,
        "distances": found.distances,
        "contributions": parts,
        "sample_names": sample.sample_names(),
        "row_names": sample.row_names(),
        "col_names": sample.col_names(),
        "notes": found.notes,
    }))
}

/// Samples are numbered from 0, as in the JSON and in the arrays, and named where they have names.
fn csv(found: &Outliers, names: &[String]) -> Result<String> {
    let heads =
        ["sample", "name", "distance", "statistic", "p_value", "holm", "benjamini_hochberg"];
    let mut table = Table::new(heads.map(|head| (head, Align::Left)));
    for d in &found.distances {
        let numbers = [d.distance, d.statistic, d.p_value, d.holm, d.benjamini_hochberg].map(plain);
        let name = names.get(d.sample).cloned().unwrap_or_default();
        table.row([d.sample.to_string(), name].into_iter().chain(numbers));
    }
    table.to_csv()
}

fn quantile_plot(found: &Outliers) -> Result<Figure> {
    let points = found.normal_quantiles();
    let ends = points.first().zip(points.last()).map_or(Vec::new(), |(a, b)| {
        let (low, high) = (a.0.min(a.1), b.0.max(b.1));
        vec![(low, low), (high, high)]
    });
    Chart::new(
        "Distances on the normal scale",
        ("expected normal quantile", Scale::Linear),
        ("Φ⁻¹(1 − p-value)", Scale::Linear),
    )
    .note(&format!("reference: {}", found.reference))
    .with(Series::reference("perfect fit", ends))
    .with(Series::points("samples", points))
    .figure("outliers-qq")
}

/// The worst samples by name, for a figure.
fn worst_named(found: &Outliers, names: &[String]) -> String {
    const NAMED: usize = 3;
    let worst = found.worst_first();
    let named = worst.iter().take(NAMED).map(|d| name_of(names, d.sample));
    named.collect::<Vec<_>>().join(", ")
}

/// Where the samples stand along an axis: at their names where these are numbers that grow, as
/// years do, else at their indices.
fn positions(names: &[String], n: usize) -> (Vec<f64>, &'static str) {
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    let grow = |x: &Vec<f64>| x.len() == n && x.windows(2).all(|w| w[0] < w[1]);
    match numbers.filter(grow).filter(|x| x.iter().all(|x| x.is_finite())) {
        Some(numbers) => (numbers, "sample"),
        None => ((0..n).map(|i| i as f64).collect(), "sample (from 0)"),
    }
}

fn index_plot(found: &Outliers, names: &[String], alpha: f64) -> Result<Figure> {
    let n = found.distances.len();
    let (at, axis) = positions(names, n);
    let points = found.distances.iter().map(|d| (at[d.sample], -d.p_value.max(1e-300).log10()));
    let cut = -(alpha / n as f64).log10();
    let ends = at.first().zip(at.last()).map_or((0.0, 1.0), |(a, b)| (*a, *b));
    Chart::new("Distances by sample", (axis, Scale::Linear), ("−log₁₀ p-value", Scale::Linear))
        .note(&format!("smallest p-values: {}", worst_named(found, names)))
        .with(Series::reference(
            &format!("{alpha} over n (Bonferroni)"),
            [(ends.0, cut), (ends.1, cut)],
        ))
        .with(Series::points("samples", points))
        .figure("outliers-index")
}
