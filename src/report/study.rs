//! The summary of a study as tables of text.

use super::table::{Align, Table};
use crate::study::{Cell, Scenario, Summary};

/// What varies between scenarios, as columns.
type Column = (&'static str, fn(&Scenario) -> String);

const DESIGN: [Column; 7] = [
    ("n", |s| s.n.to_string()),
    ("p", |s| s.p.to_string()),
    ("q", |s| s.q.to_string()),
    ("law", |s| s.law.to_string()),
    ("rows", |s| s.rows.to_string()),
    ("cols", |s| s.cols.to_string()),
    ("contamination", |s| s.contamination.to_string()),
];

/// The printed tables of a summary.
#[derive(Debug)]
pub struct StudyTables<'a> {
    summary: &'a Summary,
}

impl<'a> StudyTables<'a> {
    /// The tables of a summary.
    pub fn new(summary: &'a Summary) -> Self {
        Self { summary }
    }

    /// Design columns that differ between scenarios (n always).
    fn columns(&self) -> Vec<Column> {
        let scenarios = self.summary.study().scenarios();
        let varies = |f: fn(&Scenario) -> String| {
            scenarios.windows(2).any(|pair| f(&pair[0]) != f(&pair[1]))
        };
        DESIGN.into_iter().filter(|(name, f)| *name == "n" || varies(*f)).collect()
    }

    fn table(&self, head: &[&str], cells: impl Fn(&Cell) -> Vec<String>) -> Table {
        let columns = self.columns();
        let design = columns.iter().map(|(name, _)| (*name, Align::Right));
        let rest = head.iter().map(|name| (*name, Align::Right));
        let mut table =
            Table::new(design.chain([("estimator", Align::Left)]).chain(rest).collect::<Vec<_>>());
        for (i, scenario) in self.summary.study().scenarios().iter().enumerate() {
            for (j, name) in self.summary.study().estimator_names().enumerate() {
                let mut row: Vec<String> = columns.iter().map(|(_, f)| f(scenario)).collect();
                row.push(name.to_owned());
                row.extend(cells(self.summary.cell(i, j)));
                table.row(row);
            }
        }
        table
    }

    /// Errors: mean ± Monte-Carlo standard error over the replicates that converged. Measures
    /// that no estimator has are left out.
    pub fn errors(&self) -> String {
        let study = self.summary.study();
        let all = || {
            let width = study.estimator_names().count();
            (0..study.scenarios().len() * width)
                .map(move |k| self.summary.cell(k / width, k % width))
        };
        let wanted = study.shown_measures();
        let is_there = |m: &&String| *m != "dof" && all().any(|c| c.mean(m).is_some());
        let shown: Vec<&String> = wanted.iter().filter(is_there).collect();
        let with_dof =
            wanted.iter().any(|m| m == "dof") && all().any(|c| c.dof_inverse_rmse().is_some());
        let heads: Vec<String> = shown.iter().map(|m| m.replace('_', " ")).collect();
        let mut head = vec!["converged", "iterations"];
        head.extend(heads.iter().map(String::as_str));
        if with_dof {
            head.extend(["ν bias", "ν RMSE", "1/ν RMSE", "ν̂ = ∞"]);
        }
        let blanks = study.coverage_level().is_some() && all().any(|c| c.without_intervals() > 0);
        if blanks {
            head.push("without intervals");
        }
        let table = self.table(&head, |cell| {
            let mut out = vec![
                format!("{}/{}", cell.converged(), cell.replicates()),
                cell.mean("iterations").map_or("–".to_owned(), |x| format!("{x:.1}")),
            ];
            out.extend(shown.iter().map(|measure| with_error(cell, measure)));
            if with_dof && cell.dof_inverse_rmse().is_some() {
                let numbers = [cell.dof_bias(), cell.dof_rmse(), cell.dof_inverse_rmse()];
                out.extend(numbers.map(|x| x.map_or("–".to_owned(), significant)));
                out.push(cell.dof_infinite().to_string());
            } else if with_dof {
                out.extend(["", "", "", ""].map(str::to_owned));
            }
            if blanks {
                out.push(cell.without_intervals().to_string());
            }
            out
        });
        format!(
            "{}: {} replicates, mean ± Monte-Carlo standard error over those that converged\n{}{}{table}",
            study.name(),
            study.replicates(),
            self.fixed(),
            study.coverage_level().map_or(String::new(), |level| format!(
                "coverage: share of the true parameters inside their intervals of nominal level {level}\n"
            ))
        )
    }

    /// Milliseconds per estimation; no two runs agree on them.
    pub fn times(&self) -> String {
        let table = self.table(&["milliseconds"], |cell| {
            let scaled = |x: Option<f64>| x.map(|x| 1e3 * x);
            vec![pair(scaled(cell.mean("seconds")), scaled(cell.standard_error("seconds")))]
        });
        format!("time of one estimation\n{table}")
    }

    /// The design columns that do not vary, in one line.
    fn fixed(&self) -> String {
        let columns = self.columns();
        let Some(first) = self.summary.study().scenarios().first() else { return String::new() };
        let parts: Vec<String> = DESIGN
            .into_iter()
            .filter(|(name, _)| columns.iter().all(|(shown, _)| shown != name))
            .map(|(name, f)| format!("{name} = {}", f(first)))
            .collect();
        if parts.is_empty() { String::new() } else { format!("everywhere: {}\n", parts.join(", ")) }
    }
}

fn with_error(cell: &Cell, measure: &str) -> String {
    pair(cell.mean(measure), cell.standard_error(measure))
}

fn pair(mean: Option<f64>, error: Option<f64>) -> String {
    match (mean, error) {
        (None, _) => "–".to_owned(),
        (Some(mean), None) => significant(mean),
        (Some(mean), Some(error)) => format!("{} ± {}", significant(mean), significant(error)),
    }
}

/// Three significant digits, plain where that is short.
fn significant(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e4).contains(&size) {
        format!("{x:.2e}")
    } else {
        let digits = (2 - size.log10().floor() as i32).max(0) as usize;
        format!("{x:.digits$}")
    }
}
