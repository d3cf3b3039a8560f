//! `kronfit outliers`: distances, their p-values, and what they are made of.

use super::Done;
use super::data::DataArgs;
use super::model::{HowArgs, ModelArgs};
use super::progress::{FitProgress, say};
use crate::data::Sample;
use crate::estimate::{Fit, Method};
use crate::inference::Outliers;
use crate::report::plot::{Chart, Figure, Scale, Series, write_figures};
use crate::report::{contribution_table, outlier_table, to_json};
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
    let (fit, sample, found) = judged(args, quiet)?;
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&page(args, &fit, &sample, &found)?)?;
    }
    if let Some(path) = &args.json {
        let json = to_json(&record(args, &fit, &sample, &found)?)?;
        if json_on_stdout { say(&json)? } else { io::write_text(path, &json)? }
    }
    if let Some(path) = &args.csv {
        io::write_text(path, &csv(&found))?;
    }
    if let Some(folder) = &args.plot {
        write_figures(folder, &[quantile_plot(&found)?, index_plot(&found, args.alpha)?])?;
    }
    Ok(if fit.is_converged() { Done::Fully } else { Done::NotConverged })
}

/// The fit, the data in its order of rows and columns, and what was found.
fn judged(args: &OutliersArgs, quiet: bool) -> Result<(Fit, Sample, Outliers)> {
    if let Some(path) = &args.fit {
        let fit = Fit::load(path)?;
        let sample = fit.matched(&args.data.load()?)?;
        let found = fit.outliers_in(&sample)?;
        return Ok((fit, sample, found));
    }
    let model = args.model.model()?;
    let sample = args.data.load()?;
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
        outlier_table(found, args.worst)
    );
    for index in examined(found, args.alpha) {
        let parts = fit.contributions(sample, index)?;
        let _ = write!(
            text,
            "\nSample {}: distance by cell, (A⁻¹YB⁻¹) ∘ Y; a negative cell agrees with its \
             neighbours\n{}",
            index + 1,
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
        "row_names": sample.row_names(),
        "col_names": sample.col_names(),
        "notes": found.notes,
    }))
}

/// Samples are numbered from 0, as in the JSON and in the arrays.
fn csv(found: &Outliers) -> String {
    let mut text = String::from("sample,distance,statistic,p_value,holm,benjamini_hochberg\n");
    for d in &found.distances {
        let _ = writeln!(
            text,
            "{},{},{},{},{},{}",
            d.sample, d.distance, d.statistic, d.p_value, d.holm, d.benjamini_hochberg
        );
    }
    text
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

fn index_plot(found: &Outliers, alpha: f64) -> Result<Figure> {
    let points =
        found.distances.iter().map(|d| ((d.sample + 1) as f64, -d.p_value.max(1e-300).log10()));
    let (n, cut) = (found.distances.len() as f64, -(alpha / found.distances.len() as f64).log10());
    Chart::new("Distances by sample", ("sample", Scale::Linear), ("−log₁₀ p-value", Scale::Linear))
        .with(Series::reference(&format!("{alpha} over n (Bonferroni)"), [(1.0, cut), (n, cut)]))
        .with(Series::points("samples", points))
        .figure("outliers-index")
}
