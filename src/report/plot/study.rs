//! Figures of a simulation study: error against n, one line per estimator.

use super::{Chart, Figure, Scale, Series};
use crate::Result;
use crate::study::{Scenario, Summary};

/// One figure for every setting of the design apart from n: the plotted measure against n on
/// logarithmic axes, with bars of ± 2 Monte-Carlo standard errors. Where the study has coverage,
/// as many figures of it beside its nominal level.
///
/// # Errors
/// When the drawing backend fails.
pub fn study_figures(summary: &Summary) -> Result<Vec<Figure>> {
    let study = summary.study();
    let mut settings: Vec<(Scenario, Vec<usize>)> = Vec::new();
    for (i, scenario) in study.scenarios().iter().enumerate() {
        let setting = Scenario { n: 0, ..scenario.clone() };
        match settings.iter_mut().find(|(s, _)| *s == setting) {
            Some((_, list)) => list.push(i),
            None => settings.push((setting, vec![i])),
        }
    }
    // A design with a single n has nothing to show against n.
    settings.retain(|(_, list)| list.len() > 1);
    let mut measures = vec![study.plotted_measure()];
    if study.coverage_level().is_some() && !is_coverage(measures[0]) {
        measures.push("coverage");
    }
    let drawn = measures.into_iter().flat_map(|measure| {
        let each = settings.iter().enumerate();
        each.map(move |(k, (s, list))| figure(summary, measure, k, s, list))
    });
    drawn.collect()
}

fn is_coverage(measure: &str) -> bool {
    measure.starts_with("coverage")
}

fn figure(
    summary: &Summary,
    measure: &str,
    k: usize,
    s: &Scenario,
    list: &[usize],
) -> Result<Figure> {
    let study = summary.study();
    let label = measure.replace('_', " ");
    let title = format!("{}: {label} against n", study.name());
    let note = format!(
        "{} × {}, {}, rows {}, columns {}, contamination {}; bars: ± 2 standard errors",
        s.p, s.q, s.law, s.rows, s.cols, s.contamination
    );
    let (kind, scale) =
        if is_coverage(measure) { ("coverage", Scale::Linear) } else { ("error", Scale::Log) };
    let axes = (("n (matrices)", Scale::Log), (label.as_str(), scale));
    let mut chart = Chart::new(&title, axes.0, axes.1).note(&note);
    if let (true, Some(level)) = (is_coverage(measure), study.coverage_level()) {
        let ends = list.iter().map(|i| (study.scenarios()[*i].n as f64, level));
        let mut ends: Vec<_> = ends.collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        chart = chart.with(Series::reference(&format!("nominal {level}"), ends));
    }
    for (j, name) in study.estimator_names().enumerate() {
        let point = |i: &usize| {
            let cell = summary.cell(*i, j);
            let mean = cell.mean(measure).filter(|x| x.is_finite())?;
            let bar = 2.0 * cell.standard_error(measure).unwrap_or(0.0);
            Some((study.scenarios()[*i].n as f64, mean, mean - bar, mean + bar))
        };
        let mut points: Vec<_> = list.iter().filter_map(point).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !points.is_empty() {
            chart = chart.with(Series::error_bars(name, points));
        }
    }
    chart.figure(&format!("{kind}-{}", k + 1))
}
