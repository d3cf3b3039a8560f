//! The figures of one fit.

use super::chart::{Chart, Scale, Series};
use super::distances::{Distances, distances};
use super::fade::fades;
use super::heat_map::HeatMap;
use super::{Figure, Progress};
use crate::Result;
use crate::data::Sample;
use crate::estimate::{Fit, Step};
use crate::family::beta_quantile;
use crate::linalg::symmetric_eigen;
use ndarray::{Array2, ArrayView2};

/// Every figure of a fit: factors and their correlations, mean, eigenvalues, and with the
/// sample correlations by distance and distances of the samples, convergence.
///
/// # Errors
/// [`crate::Error::Shape`] when the sample is not the fit's; [`crate::Error::Lapack`] when
/// eigenvalues cannot be computed.
pub fn figures(fit: &Fit, sample: Option<&Sample>) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    let sides = [
        ("row", "A, rows", "rows", fit.row_cov(), fit.row_names()),
        ("col", "B, columns", "columns", fit.col_cov(), fit.col_names()),
    ];
    for (name, title, axis, matrix, names) in sides {
        out.push(factor(fit, name, title, axis, matrix.view(), names)?);
        if matrix.nrows() > 1 {
            out.push(correlation(name, title, axis, matrix.view(), names)?);
        }
    }
    if fit.covariates().is_empty() {
        out.push(mean(fit, fit.mean(), "Mean M", "mean")?);
    }
    for (k, name) in fit.covariates().iter().enumerate() {
        let title = format!("Coefficient of {name}");
        out.push(mean(fit, fit.theta(k), &title, &format!("coefficient-{k}"))?);
    }
    out.push(eigenvalues(fit)?);
    if let Some(sample) = sample {
        out.extend(fades(fit, sample)?);
    }
    if let Some(distances) = sample.map(|s| distances(fit, s)).transpose()?.flatten() {
        out.push(qq(&distances)?);
    }
    out.extend(convergence(&[(fit.method(), fit.trace())], Progress::Iterations)?);
    Ok(out)
}

fn is_scale(fit: &Fit) -> bool {
    fit.dof().is_some()
}

fn factor(
    fit: &Fit,
    name: &str,
    title: &str,
    axis: &str,
    values: ArrayView2<'_, f64>,
    names: &[String],
) -> Result<Figure> {
    let what = if is_scale(fit) { "Scale" } else { "Covariance" };
    let d = values.nrows();
    HeatMap {
        title: format!("{what} factor {title}"),
        note: format!(
            "trace {d}; {} of vec_rows X is σ²·(A ⊗ B), σ² = {}",
            what.to_lowercase(),
            rounded(fit.sigma2())
        ),
        values,
        row_names: names,
        col_names: names,
        axes: (axis, axis),
        centre: 0.0,
        reach: None,
    }
    .figure(&format!("{name}-factor"))
}

fn correlation(
    name: &str,
    title: &str,
    axis: &str,
    values: ArrayView2<'_, f64>,
    names: &[String],
) -> Result<Figure> {
    let deviations: Vec<f64> = values.diag().iter().map(|x| x.sqrt()).collect();
    let correlations = Array2::from_shape_fn(values.dim(), |(i, j)| {
        values[[i, j]] / (deviations[i] * deviations[j])
    });
    HeatMap {
        title: format!("Correlations of {title}"),
        note: "whatever the normalisation".to_owned(),
        values: correlations.view(),
        row_names: names,
        col_names: names,
        axes: (axis, axis),
        centre: 0.0,
        reach: Some(1.0),
    }
    .figure(&format!("{name}-correlation"))
}

/// The mean, with colours centred at zero; at the grand mean where zero is far from all entries.
fn mean(fit: &Fit, values: ArrayView2<'_, f64>, title: &str, name: &str) -> Result<Figure> {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let far = low * high > 0.0 && high - low < 0.5 * low.abs().max(high.abs());
    let (centre, note) = if far && high > low {
        let centre = values.mean().unwrap_or(0.0);
        (centre, format!("colours centred at the average entry, {}", rounded(centre)))
    } else {
        (0.0, "colours centred at zero".to_owned())
    };
    HeatMap {
        title: format!("{title} ({})", fit.model().mean_structure().name()),
        note,
        values,
        row_names: fit.row_names(),
        col_names: fit.col_names(),
        axes: ("rows", "columns"),
        centre,
        reach: None,
    }
    .figure(name)
}

fn eigenvalues(fit: &Fit) -> Result<Figure> {
    let label = "eigenvalue (trace = order)";
    let mut chart =
        Chart::new("Eigenvalues of the factors", ("rank", Scale::Linear), (label, Scale::Log));
    for (name, matrix) in [("A, rows", fit.row_cov()), ("B, columns", fit.col_cov())] {
        let eigen = symmetric_eigen("a fitted factor", matrix.view())?;
        let values: Vec<f64> = eigen.values.iter().rev().copied().collect();
        let points = values.iter().enumerate().map(|(i, x)| ((i + 1) as f64, *x));
        let name = format!("{name} (condition {})", rounded(eigen.condition()));
        chart = chart.with(Series::line(&name, points).and_points());
    }
    chart.figure("eigenvalues")
}

/// Four decimals, or scientific notation where they would say little.
fn rounded(value: f64) -> String {
    let plain = value == 0.0 || (1e-2..1e7).contains(&value.abs());
    let text = if plain { format!("{value:.4}") } else { format!("{value:.4e}") };
    match text.strip_prefix('-') {
        Some(size) => format!("−{size}"),
        None => text,
    }
}

/// Most points of a QQ plot; of more, an even choice by rank is shown, with both ends.
const POINTS: usize = 1500;

/// Distances against the quantiles of their law, with a pointwise 95 % band of order statistics.
fn qq(distances: &Distances) -> Result<Figure> {
    let Distances { values, reference } = distances;
    let n = values.len();
    let shown: Vec<usize> = match n {
        0..=POINTS => (0..n).collect(),
        _ => (0..POINTS).map(|k| k * (n - 1) / (POINTS - 1)).collect(),
    };
    let mut points = Vec::with_capacity(shown.len());
    let mut band = Vec::with_capacity(shown.len());
    for i in shown {
        let expected = reference.quantile((i as f64 + 0.5) / n as f64)?;
        points.push((expected, values[i]));
        // The i-th of n uniform order statistics is Beta(i + 1, n − i).
        let (a, b) = ((i + 1) as f64, (n - i) as f64);
        let low = reference.quantile(beta_quantile(a, b, 0.025)?)?;
        let high = reference.quantile(beta_quantile(a, b, 0.975)?)?;
        band.push((expected, low, high));
    }
    let diagonal: Vec<(f64, f64)> = band.iter().map(|(x, ..)| (*x, *x)).collect();
    let scale = if reference.is_heavy_tailed() { Scale::Log } else { Scale::Linear };
    let note = match n {
        0..=POINTS => format!("n = {n}; band for known parameters: estimates pull points inwards"),
        _ => format!("{POINTS} of n = {n} shown; band for known parameters"),
    };
    Chart::new(
        "Distances against their law",
        (&format!("quantile of {}", reference.law_name()), scale),
        (reference.statistic_name(), scale),
    )
    .note(&note)
    .with(Series::band("pointwise 95 % band", band))
    .with(Series::reference("equal", diagonal))
    .with(Series::points("samples", points))
    .figure("qq")
}

/// Score and log-likelihood gap of one or more fits to the same data, each (label, trace).
///
/// The gap is measured from the best log-likelihood that any of them reached. Gaps within rounding
/// of zero, that of the best point among them, have no place on a log axis and are left out.
///
/// # Errors
/// When the drawing backend fails.
pub fn convergence(traces: &[(&str, &[Step])], progress: Progress) -> Result<Vec<Figure>> {
    let all = || traces.iter().flat_map(|(_, steps)| steps.iter());
    let best =
        all().map(|s| s.log_likelihood).filter(|x| x.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let x = (progress.label(), Scale::Linear);
    let score = "score max(|G_A − I|, |G_B − I|, mean, ν)";
    let mut scores = Chart::new("Convergence: score", x, (score, Scale::Log));
    let gap = "ℓ(best) − ℓ";
    let mut gaps = Chart::new("Convergence: log-likelihood", x, (gap, Scale::Log))
        .note(&format!("best log-likelihood {}; gaps below rounding are left out", rounded(best)));
    for (label, steps) in traces {
        let of = |f: &dyn Fn(&Step) -> f64| {
            steps.iter().map(|s| (progress.of(s), f(s))).collect::<Vec<_>>()
        };
        let mark = |s: Series| if steps.len() <= 100 { s.and_points() } else { s };
        scores = scores.with(mark(Series::line(label, of(&|s| s.score))));
        gaps = gaps.with(mark(Series::line(
            label,
            of(&|s| above_rounding(best - s.log_likelihood, best)),
        )));
    }
    Ok(vec![scores.figure("convergence-score")?, gaps.figure("convergence-likelihood")?])
}

/// The gap, or zero where it is only rounding of the log-likelihood.
fn above_rounding(gap: f64, log_likelihood: f64) -> f64 {
    if gap > 4.0 * f64::EPSILON * log_likelihood.abs() { gap } else { 0.0 }
}
