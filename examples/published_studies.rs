//! The studies in `studies/`, run in memory and set beside what theory says.
//!
//!     cargo run --release --example published_studies [existence|efficiency|robustness [DIR]]
//!
//! With a folder the figures are written there.

use kronfit::Result;
use kronfit::model::{Existence, existence};
use kronfit::report::plot::{study_figures, write_figures};
use kronfit::report::{Align, StudyTables, Table};
use kronfit::study::{RunOptions, Study, Summary};
use std::path::Path;

fn main() -> Result<()> {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|o| o == name);
    if wanted("existence") {
        print!("{}", existence_table(&run("existence")?));
    }
    if wanted("efficiency") {
        print!("{}", efficiency_table(&run("efficiency")?));
    }
    if wanted("robustness") {
        print!("{}", StudyTables::new(&run("robustness")?).errors());
    }
    Ok(())
}

fn run(name: &str) -> Result<Summary> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("studies").join(format!("{name}.toml"));
    let summary = Study::read(&path)?.run_in_memory(&RunOptions::default())?.summary();
    if let Some(folder) = std::env::args().nth(2) {
        let mut figures = study_figures(&summary)?;
        figures.iter_mut().for_each(|f| f.name = format!("{name}-{}", f.name));
        write_figures(Path::new(&folder), &figures)?;
    }
    Ok(summary)
}

/// Smallest n from which all replicates have a maximum, against the theorem.
fn existence_table(summary: &Summary) -> String {
    let head =
        ["p", "q", "n observed", "n by theory", "cells that agree"].map(|h| (h, Align::Right));
    let mut table = Table::new(head);
    let scenarios = summary.study().scenarios();
    let mut shapes: Vec<(usize, usize)> = scenarios.iter().map(|s| (s.p, s.q)).collect();
    shapes.dedup();
    let (mut agree_all, mut all) = (0, 0);
    for (p, q) in shapes {
        let cells: Vec<_> =
            scenarios.iter().enumerate().filter(|(_, s)| (s.p, s.q) == (p, q)).collect();
        let exists = |i: usize| summary.cell(i, 0).converged() == summary.cell(i, 0).replicates();
        let never = |i: usize| summary.cell(i, 0).converged() == 0;
        let says = |n: usize| existence(n, p, q) != Existence::None;
        let show = |n: Option<usize>| n.map_or("–".to_owned(), |n| n.to_string());
        let observed = cells.iter().find(|(i, _)| exists(*i)).map(|(_, s)| s.n);
        let theory = cells.iter().map(|(_, s)| s.n).find(|n| says(*n));
        let agree =
            cells.iter().filter(|(i, s)| if says(s.n) { exists(*i) } else { never(*i) }).count();
        agree_all += agree;
        all += cells.len();
        table.row([
            p.to_string(),
            q.to_string(),
            show(observed),
            show(theory),
            format!("{agree}/{}", cells.len()),
        ]);
    }
    format!(
        "existence of the maximum, known mean\n{table}in all: {agree_all} of {all} cells as the theorem says\n"
    )
}

/// n E‖Σ^(−1/2)(Σ̂ − Σ)Σ^(−1/2)‖² over the bound 2k: 1 is efficient.
fn efficiency_table(summary: &Summary) -> String {
    let names: Vec<&str> = summary.study().estimator_names().collect();
    let mut table = Table::new(
        [("n", Align::Right)].into_iter().chain(names.iter().map(|n| (*n, Align::Right))),
    );
    for (i, s) in summary.study().scenarios().iter().enumerate() {
        let bound = 2.0 * (s.p * (s.p + 1) / 2 + s.q * (s.q + 1) / 2 - 1) as f64 / s.n as f64;
        let ratio = |j: usize| {
            let cell = summary.cell(i, j);
            let (mean, error) = (cell.mean("whitened"), cell.standard_error("whitened"));
            match (mean, error) {
                (Some(m), Some(e)) => format!("{:.3} ± {:.3}", m / bound, e / bound),
                _ => "–".to_owned(),
            }
        };
        table.row([s.n.to_string()].into_iter().chain((0..names.len()).map(ratio)));
    }
    format!("mean squared error over the Cramér–Rao bound\n{table}")
}
