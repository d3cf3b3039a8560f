//! `kronfit robust`: the matrix MCD, its distances, and where the plain fit would have hidden them.

use super::Done;
use super::data::{DataArgs, require_distinct};
use super::progress::{CountProgress, print, say};
use crate::data::{Sample, name_of};
use crate::estimate::{Mcd, McdFit, Trimmed};
use crate::family::{DistanceLaw, Gaussian};
use crate::inference::{Contributions, holm};
use crate::likelihood::{Likelihood, SampleLikelihood};
use crate::model::Model;
use crate::report::plot::{Chart, Figure, Scale, Series, write_figures};
use crate::report::{Align, Table, contribution_table, plain, to_json};
use crate::{Error, Result, io};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct RobustArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Share of the samples to trust: 0.5 stands the most outliers, 1 is maximum likelihood.
    #[arg(long, value_name = "ALPHA", default_value_t = 0.5)]
    alpha: f64,
    /// Random starts of the search.
    #[arg(long, value_name = "N", default_value_t = 50)]
    starts: usize,
    /// Seed of the starts.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many samples to list.
    #[arg(long, value_name = "K", default_value_t = 10)]
    worst: usize,
    /// Write everything as JSON to a file, or to standard output with - (instead of the report).
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Write all distances, one line per sample, to a CSV file.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Write a plot of robust against classical distances (SVG and PNG) to a folder.
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
}

/// Level at which samples are called outliers, after Holm.
const LEVEL: f64 = 0.05;
/// Quantile of the distances that is drawn.
const QUANTILE: f64 = 0.975;

/// What is told about the samples.
struct Judged {
    sample: Sample,
    found: McdFit,
    /// Squared distances under the plain maximum likelihood fit.
    classical: Vec<f64>,
    p_values: Vec<f64>,
    holm: Vec<f64>,
    /// The 97.5 % quantile of χ².
    cut: f64,
    /// From the largest robust distance on.
    worst: Vec<usize>,
}

impl Judged {
    fn new(sample: Sample, found: McdFit) -> Result<Self> {
        let (_, p, q) = sample.dim();
        let law = DistanceLaw::ChiSquared(p * q);
        let fit = Model::gaussian().fit(&sample)?;
        let mut classical = Vec::with_capacity(sample.dim().0);
        SampleLikelihood::new(&sample).each(fit.point(), &Gaussian, &mut |seen| {
            classical.push(seen.distance);
            Ok(())
        })?;
        let distances = &found.reweighted().squared_distances;
        let p_values: Vec<f64> = distances.iter().map(|d| law.p_value(*d)).collect();
        let mut worst: Vec<usize> = (0..distances.len()).collect();
        worst.sort_by(|&i, &j| distances[j].total_cmp(&distances[i]).then(i.cmp(&j)));
        let (holm, cut) = (holm(&p_values), law.quantile(QUANTILE)?);
        Ok(Self { sample, found, classical, p_values, holm, cut, worst })
    }

    fn distances(&self) -> &[f64] {
        &self.found.reweighted().squared_distances
    }

    fn name(&self, i: usize) -> String {
        name_of(self.sample.sample_names(), i)
    }

    /// Numbers of the samples beyond the quantile, robustly and classically.
    fn beyond(&self) -> (usize, usize) {
        let count = |all: &[f64]| all.iter().filter(|d| **d > self.cut).count();
        (count(self.distances()), count(&self.classical))
    }

    /// The samples called outliers.
    fn called(&self) -> impl Iterator<Item = usize> {
        self.worst.iter().copied().filter(|i| self.holm[*i] < LEVEL)
    }
}

pub(super) fn run(args: &RobustArgs, quiet: bool) -> Result<Done> {
    require_distinct(
        &args.data.file().into_iter().collect::<Vec<_>>(),
        &[
            ("--json", args.json.as_deref()),
            ("--csv", args.csv.as_deref()),
            ("--plot", args.plot.as_deref()),
        ],
    )?;
    let mcd = Mcd::new().alpha(args.alpha).starts(args.starts, args.seed);
    mcd.subset_size((1, 1, 1)).map_err(|error| match error {
        Error::Domain { value, allowed, .. } => Error::domain("--alpha", value, allowed),
        other => other,
    })?;
    if args.starts == 0 {
        return Err(Error::domain("--starts", 0, "at least 1"));
    }
    let sample = args.data.load_alike()?;
    let progress = CountProgress::new(quiet, None, "parts of the search");
    let found = mcd.fit_watched(&sample, &|done, total| progress.of(done, total));
    progress.finish();
    let judged = Judged::new(sample, found?)?;
    let json_on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !quiet && !json_on_stdout {
        say(&page(args, &judged)?)?;
    }
    if let Some(path) = &args.json {
        let json = to_json(&record(args, &judged))?;
        if json_on_stdout { print(&json)? } else { io::write_text(path, &json)? }
    }
    if let Some(path) = &args.csv {
        io::write_text(path, &csv(&judged)?)?;
    }
    if let Some(folder) = &args.plot {
        write_figures(folder, &[comparison(&judged)?])?;
    }
    let found = &judged.found;
    let converged = found.raw().fit.is_converged() && found.reweighted().fit.is_converged();
    Ok(if converged { Done::Fully } else { Done::NotConverged })
}

fn page(args: &RobustArgs, judged: &Judged) -> Result<String> {
    let Judged { sample, found, .. } = judged;
    let ((n, p, q), (robust, classical)) = (sample.dim(), judged.beyond());
    let called = judged.called().count();
    let mut text = format!(
        "Minimum covariance determinant of {}: n = {n} samples of {p} × {q}\n  subset      h = {} \
         (alpha {})\n  objective   {:.8}  (q ln|A| + p ln|B|)\n  search      {} starts, {} distinct \
         subsets; {} of {} polished starts agree\n  reweighted  {} samples kept, consistency {:.6}, \
         sigma2 {} with it\n  distances   {robust} beyond the 97.5 % quantile of χ²({}), {:.1} \
         expected, {classical} under the plain fit\n  outliers    {called} by Holm at {LEVEL}\n\n{}",
        sample.source(),
        found.h(),
        args.alpha,
        found.objective(),
        found.tried(),
        found.distinct(),
        found.agree(),
        found.polished(),
        found.reweighted().samples.len(),
        found.reweighted().consistency,
        number(found.reweighted().consistency * found.reweighted().fit.sigma2()),
        p * q,
        0.025 * n as f64,
        table(judged, args.worst),
    );
    for index in judged.worst.iter().take(called.clamp(1, 3)) {
        let parts = contributions(judged, *index)?;
        let _ = write!(
            text,
            "\nSample {}: robust distance by cell, (A⁻¹YB⁻¹) ∘ Y\n{}",
            judged.name(*index),
            contribution_table(&parts, sample.row_names(), sample.col_names())
        );
    }
    for note in found.notes() {
        let _ = writeln!(text, "  • {note}");
    }
    Ok(text)
}

fn number(x: f64) -> String {
    if (1e-3..1e6).contains(&x) { format!("{x:.6}") } else { format!("{x:.6e}") }
}

/// Where a robust distance comes from.
fn contributions(judged: &Judged, index: usize) -> Result<Contributions> {
    let Trimmed { fit, consistency, .. } = judged.found.reweighted();
    let Contributions { cells, rows, cols } = fit.contributions(&judged.sample, index)?;
    Ok(Contributions {
        cells: cells / *consistency,
        rows: rows / *consistency,
        cols: cols / *consistency,
    })
}

fn table(judged: &Judged, most: usize) -> Table {
    let right = ["robust distance", "plain distance", "p-value", "Holm"];
    let heads = right.map(|head| (head, Align::Right));
    let mut table = Table::new([("sample", Align::Left)].into_iter().chain(heads));
    for &i in judged.worst.iter().take(most) {
        table.row([
            judged.name(i),
            format!("{:.3}", judged.distances()[i]),
            format!("{:.3}", judged.classical[i]),
            format!("{:.3e}", judged.p_values[i]),
            format!("{:.3e}", judged.holm[i]),
        ]);
    }
    table
}

fn csv(judged: &Judged) -> Result<String> {
    let heads = ["sample", "name", "robust_distance", "plain_distance", "p_value", "holm", "kept"];
    let mut table = Table::new(heads.map(|head| (head, Align::Left)));
    for (i, distance) in judged.distances().iter().enumerate() {
        let name = judged.sample.sample_names().get(i).cloned().unwrap_or_default();
        let kept = judged.found.reweighted().samples.binary_search(&i).is_ok();
        let numbers = [*distance, judged.classical[i], judged.p_values[i], judged.holm[i]];
        let numbers = numbers.map(plain).into_iter();
        table.row([i.to_string(), name].into_iter().chain(numbers).chain([kept.to_string()]));
    }
    table.to_csv()
}

/// Factors of a fit without the consistency factor, which stands beside them.
fn part(of: &Trimmed) -> Value {
    let rows = |m: ndarray::ArrayView2<'_, f64>| {
        m.outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>()
    };
    json!({
        "mean": rows(of.fit.mean()),
        "sigma2": of.fit.sigma2(),
        "row_cov": rows(of.fit.row_cov().view()),
        "col_cov": rows(of.fit.col_cov().view()),
        "consistency": of.consistency,
        "kept": of.samples,
        "squared_distances": of.squared_distances,
    })
}

fn record(args: &RobustArgs, judged: &Judged) -> Value {
    let Judged { sample, found, .. } = judged;
    let (n, p, q) = sample.dim();
    json!({
        "kronfit": crate::VERSION,
        "data": sample.source(),
        "n": n,
        "p": p,
        "q": q,
        "alpha": args.alpha,
        "seed": args.seed,
        "h": found.h(),
        "objective": found.objective(),
        "subset": found.subset(),
        "raw": part(found.raw()),
        "reweighted": part(found.reweighted()),
        "squared_distances": judged.distances(),
        "plain_squared_distances": judged.classical,
        "p_values": judged.p_values,
        "holm": judged.holm,
        "outliers": judged.called().collect::<Vec<_>>(),
        "starts": {
            "tried": found.tried(),
            "distinct": found.distinct(),
            "polished": found.polished(),
            "agree": found.agree(),
        },
        "sample_names": sample.sample_names(),
        "row_names": sample.row_names(),
        "col_names": sample.col_names(),
        "notes": found.notes(),
    })
}

/// Robust against classical distances: what lies high and left is hidden from the plain fit.
fn comparison(judged: &Judged) -> Result<Figure> {
    let cut = judged.cut.sqrt();
    let distance = |x: &f64| x.max(0.0).sqrt();
    let all = judged.classical.iter().map(distance).zip(judged.distances().iter().map(distance));
    let (called, rest): (Vec<_>, Vec<_>) =
        all.enumerate().partition(|(i, _)| judged.holm[*i] < LEVEL);
    let points = |part: Vec<(usize, (f64, f64))>| part.into_iter().map(|(_, point)| point);
    let top = |x: &[f64]| x.iter().map(distance).fold(cut, f64::max);
    let (right, high) = (top(&judged.classical), top(judged.distances()));
    let named: Vec<String> = judged.called().take(3).map(|i| judged.name(i)).collect();
    let note = if named.is_empty() {
        "no sample is called an outlier".to_owned()
    } else {
        format!("farthest: {}", named.join(", "))
    };
    Chart::new(
        "Robust and plain distances",
        ("distance from the maximum likelihood fit", Scale::Linear),
        ("distance from the robust fit", Scale::Linear),
    )
    .note(&note)
    .with(Series::reference("97.5 % quantile", [(0.0, cut), (right, cut)]))
    .with(Series::reference("97.5 % quantile, plain", [(cut, 0.0), (cut, high)]))
    .with(Series::points("samples", points(rest)))
    .with(Series::points("outliers (Holm)", points(called)))
    .figure("robust-distances")
}
