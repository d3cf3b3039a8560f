//! Standard errors, profiles, tests, outliers and comparisons as text.

use super::entries::entry_name;
use super::table::{Align, Table};
use super::table::{optional, plain};
use crate::inference::{
    Compared, Contributions, InformationKind, Interval, Outliers, Profile, StandardErrors,
    TestResult,
};
use std::fmt;

/// Rows of a table of intervals that are printed; the rest is in the JSON.
const MOST_ROWS: usize = 60;
/// Level of the intervals that are printed.
const LEVEL: f64 = 0.95;

fn number(x: f64) -> String {
    if x == 0.0 || (1e-3..1e6).contains(&x.abs()) { format!("{x:.4}") } else { format!("{x:.3e}") }
}

/// A p-value; never as zero.
fn p_text(p: f64) -> String {
    if p >= 1e-4 { format!("{p:.4}") } else { format!("{p:.1e}") }
}

/// Estimates with standard errors and intervals, a row each.
pub fn parameter_table(intervals: &[Interval]) -> Table {
    let right = Align::Right;
    let mut table = Table::new([
        ("parameter", Align::Left),
        ("estimate", right),
        ("std. error", right),
        ("low", right),
        ("high", right),
    ]);
    for interval in intervals {
        let Interval { name, estimate, standard_error, low, high, .. } = interval;
        table.row([
            name.clone(),
            number(*estimate),
            number(*standard_error),
            number(*low),
            number(*high),
        ]);
    }
    table
}

impl fmt::Display for StandardErrors {
    /// The page of a fit's standard errors: σ², ν, the structures' parameters, correlations and
    /// the mean, with 95 % Wald intervals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let information = match self.information {
            InformationKind::Observed => "observed information",
            InformationKind::Expected => "expected information",
        };
        let robust = if self.robust { ", sandwich (robust to the law)" } else { "" };
        writeln!(f, "Standard errors: {information}{robust}")?;
        writeln!(
            f,
            "95 % Wald intervals, symmetric in ln σ², ln ν, atanh of correlations and logit of shares\n"
        )?;
        let Ok(intervals) = self.intervals(LEVEL) else { return Ok(()) };
        let shown = &intervals[..intervals.len().min(MOST_ROWS)];
        write!(f, "{}", parameter_table(shown))?;
        if intervals.len() > shown.len() {
            writeln!(f, "  … and {} more, in the JSON", intervals.len() - shown.len())?;
        }
        for note in &self.notes {
            writeln!(f, "  • {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |x: Option<f64>, open: &str| x.map_or_else(|| open.to_owned(), number);
        let low = end(self.low, "the edge");
        let high = end(self.high, if self.name == "ν" { "∞" } else { "the edge" });
        writeln!(
            f,
            "Profile likelihood of {}: {} , {} % interval {low} to {high}",
            self.name,
            number(self.estimate),
            100.0 * self.level
        )?;
        for note in &self.notes {
            writeln!(f, "  • {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TestResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = {
            let mut letters = self.test.chars();
            let first = letters.next().map(char::to_uppercase);
            format!("{}{} test", first.into_iter().flatten().collect::<String>(), letters.as_str())
        };
        writeln!(f, "{title}\n{}", "═".repeat(title.chars().count()))?;
        writeln!(f, "  Null            {}", self.null)?;
        writeln!(f, "  Alternative     {}", self.alternative)?;
        writeln!(
            f,
            "  Log-likelihoods {:.6} and {:.6}",
            self.log_likelihoods.0, self.log_likelihoods.1
        )?;
        writeln!(f, "  Statistic       {:.6}  (2 × their difference)", self.statistic)?;
        writeln!(f, "  Reference       {}", self.reference.describe(self.df))?;
        if let Some(p) = self.p_value {
            writeln!(f, "  p-value         {}", p_text(p))?;
        }
        if let Some(c) = &self.corrected {
            writeln!(
                f,
                "  Corrected       {:.6} = statistic / {:.6}, p-value {}",
                c.statistic,
                c.factor,
                p_text(c.p_value)
            )?;
        }
        if let Some(b) = &self.bootstrap {
            let kind = if b.exact { "exact Monte Carlo" } else { "parametric bootstrap" };
            writeln!(
                f,
                "  Simulated       p-value {} ± {} ({kind}, {} samples, seed {}); 5 % critical \
                 value {:.4}",
                p_text(b.p_value),
                p_text(b.p_value_error),
                b.replicates,
                b.seed,
                b.critical_95
            )?;
            if b.failures > 0 {
                writeln!(
                    f,
                    "  • {} simulated samples had no estimate, counted as extreme",
                    b.failures
                )?;
            }
        }
        for note in &self.notes {
            writeln!(f, "  • {note}")?;
        }
        Ok(())
    }
}

/// Models side by side, in the order given; the reason of a row that has no fit follows it.
pub fn comparison_table(rows: &[Compared]) -> Table {
    let right = Align::Right;
    let mut table = Table::new([
        ("model", Align::Left),
        ("rows", Align::Left),
        ("columns", Align::Left),
        ("ν", right),
        ("ℓ", right),
        ("k", right),
        ("AIC", right),
        ("AICc", right),
        ("BIC", right),
        ("w(AIC)", right),
        ("w(BIC)", right),
        ("seconds", right),
        ("status", Align::Left),
    ]);
    for row in rows {
        let mut cells = vec![row.model.clone(), row.rows.clone(), row.cols.clone()];
        match &row.fit {
            Some(fit) => {
                let dof = match fit.dof {
                    Some(dof) => number(dof),
                    None if fit.dof_at_infinity => "∞".to_owned(),
                    None => String::new(),
                };
                cells.extend([
                    dof,
                    format!("{:.3}", fit.log_likelihood),
                    fit.n_parameters.to_string(),
                    format!("{:.2}", fit.aic),
                    fit.aicc.map_or_else(|| "–".to_owned(), |x| format!("{x:.2}")),
                    format!("{:.2}", fit.bic),
                    format!("{:.3}", fit.aic_weight),
                    format!("{:.3}", fit.bic_weight),
                ]);
            }
            None => cells.extend(std::iter::repeat_n("–".to_owned(), 8)),
        }
        cells.push(format!("{:.3}", row.seconds));
        cells.push(status(row));
        table.row(cells);
    }
    table
}

/// The numbers of [`comparison_table`] with all their digits, for other programs: what is missing
/// is empty, and what is infinite is `inf`.
pub fn comparison_csv(rows: &[Compared]) -> Table {
    let heads = [
        "model", "rows", "columns", "ν", "ℓ", "k", "AIC", "AICc", "BIC", "w(AIC)", "w(BIC)",
        "seconds", "status",
    ];
    let mut table = Table::new(heads.map(|head| (head, Align::Left)));
    for row in rows {
        let mut cells = vec![row.model.clone(), row.rows.clone(), row.cols.clone()];
        match &row.fit {
            Some(fit) => {
                let limit = (row.model != "gaussian").then_some(f64::INFINITY);
                cells.extend([
                    optional(fit.dof.or(limit)),
                    plain(fit.log_likelihood),
                    fit.n_parameters.to_string(),
                    plain(fit.aic),
                    optional(fit.aicc),
                    plain(fit.bic),
                    plain(fit.aic_weight),
                    plain(fit.bic_weight),
                ]);
            }
            None => cells.extend(std::iter::repeat_n(String::new(), 8)),
        }
        cells.push(plain(row.seconds));
        cells.push(status(row));
        table.row(cells);
    }
    table
}

fn status(row: &Compared) -> String {
    row.reason.clone().unwrap_or_else(|| "converged".to_owned())
}

/// Samples with the smallest p-values first, by name, or by zero-based index where there are no
/// names.
pub fn outlier_table(outliers: &Outliers, names: &[String], most: usize) -> Table {
    let right = Align::Right;
    let mut table = Table::new([
        ("sample", if names.is_empty() { right } else { Align::Left }),
        ("distance", right),
        ("statistic", right),
        ("p-value", right),
        ("Holm", right),
        ("BH", right),
    ]);
    for d in outliers.worst_first().into_iter().take(most) {
        table.row([
            entry_name(names, d.sample),
            number(d.distance),
            number(d.statistic),
            p_text(d.p_value),
            p_text(d.holm),
            p_text(d.benjamini_hochberg),
        ]);
    }
    table
}

/// Cells with row and column sums of one sample's distance.
pub fn contribution_table(
    contributions: &Contributions,
    row_names: &[String],
    col_names: &[String],
) -> Table {
    let cols = (0..contributions.cols.len()).map(|j| (entry_name(col_names, j), Align::Right));
    let head = [(String::new(), Align::Left)].into_iter().chain(cols);
    let mut table = Table::new(head.chain([("sum".to_owned(), Align::Right)]));
    for (i, row) in contributions.cells.outer_iter().enumerate() {
        let cells = row.iter().chain([&contributions.rows[i]]).map(|x| format!("{x:.2}"));
        table.row([entry_name(row_names, i)].into_iter().chain(cells));
    }
    let total = contributions.rows.sum();
    let sums = contributions.cols.iter().chain([&total]).map(|x| format!("{x:.2}"));
    table.row(["sum".to_owned()].into_iter().chain(sums));
    table
}

/// The curve of a profile likelihood with the cut and the interval.
///
/// # Errors
/// When the drawing backend fails.
#[cfg(feature = "plots")]
pub fn profile_figure(profile: &Profile, name: &str) -> crate::Result<super::plot::Figure> {
    use super::plot::{Chart, Scale, Series};
    let scale = if profile.name == "ν" { Scale::Log } else { Scale::Linear };
    let (top, curve) = (profile.log_likelihood, &profile.curve);
    let ends = curve.first().zip(curve.last()).map_or((0.0, 1.0), |(a, b)| (a.0, b.0));
    let mut chart = Chart::new(
        &format!("Profile likelihood of {}", profile.name),
        (&profile.name, scale),
        ("log-likelihood less its maximum", Scale::Linear),
    )
    .note(&format!("{} % interval where the curve is above the line", 100.0 * profile.level))
    .with(Series::reference("cut", [(ends.0, -profile.drop), (ends.1, -profile.drop)]));
    let ends = [(profile.low, "lower end"), (profile.high, "upper end")];
    for (end, label) in ends.into_iter().filter_map(|(end, label)| Some((end?, label))) {
        chart = chart.with(Series::reference(label, [(end, -2.0 * profile.drop), (end, 0.0)]));
    }
    let points = curve.iter().map(|(x, ell)| (*x, ell - top));
    chart.with(Series::line("profile", points)).figure(name)
}
