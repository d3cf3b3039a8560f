//! Figures of a simulation study: error against n, one line per estimator.

use super::{Chart, Figure, Scale, Series};
use crate::Result;
use crate::study::{Scenario, Summary};

/// One figure for every setting of the design apart from n: the plotted measure against n on
/// logarithmic axes, with bars of ± 2 Monte-Carlo standard errors.
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
    settings.iter().enumerate().map(|(k, (s, list))| figure(summary, k, s, list)).collect()
}

fn figure(summary: &Summary, k: usize, s: &Scenario, list: &[usize]) -> Result<Figure> {
    let study = summary.study();
    let measure = study.plotted_measure();
    let label = measure.replace('_', " ");
    let title = format!("{}: {label} against n", study.name());
    let note = format!(
        "{} × {}, {}, rows {}, columns {}, contamination {}; bars: ± 2 standard errors",
        s.p, s.q, s.law, s.rows, s.cols, s.contamination
    );
    let axes = (("n (matrices)", Scale::Log), (label.as_str(), Scale::Log));
    let mut chart = Chart::new(&title, axes.0, axes.1).note(&note);
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
    chart.figure(&format!("error-{}", k + 1))
}
