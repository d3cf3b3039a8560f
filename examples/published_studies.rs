//! The studies in `studies/`, run in memory and set beside what theory says.
//!
//!     cargo run --release --example published_studies -- [full] [STUDY|all [DIR]]
//!
//! A study is existence, efficiency, robustness or coverage. With a folder the figures are written
//! there. `full` takes the replicates of the study files, as the book does; without it there are
//! fewer, and it is a matter of seconds.

use kronfit::model::{Existence, existence};
use kronfit::report::plot::{study_figures, write_figures};
use kronfit::report::{Align, StudyTables, Table};
use kronfit::study::{RunOptions, Study, Summary};
use kronfit::{Error, Result};
use std::path::Path;

const STUDIES: [&str; 4] = ["existence", "efficiency", "robustness", "coverage"];

fn main() -> Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let full = words.first().is_some_and(|word| word == "full");
    if full {
        words.remove(0);
    }
    let wanted = words.first().map_or("all", String::as_str);
    if wanted != "all" && !STUDIES.contains(&wanted) {
        let allowed = format!("all, {}", STUDIES.join(", "));
        return Err(Error::domain("the study", format!("\"{wanted}\""), allowed));
    }
    for name in STUDIES.into_iter().filter(|name| wanted == "all" || wanted == *name) {
        let summary = run(name, full, words.get(1).map(Path::new))?;
        let text = match name {
            "existence" => existence_table(&summary),
            "efficiency" => efficiency_table(&summary),
            _ => StudyTables::new(&summary).errors(),
        };
        print!("{text}");
    }
    Ok(())
}

/// Replicates without `full`, where the study file has more.
const FEW: usize = 20;

fn run(name: &str, full: bool, folder: Option<&Path>) -> Result<Summary> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("studies").join(format!("{name}.toml"));
    let mut study = Study::read(&path)?;
    let all = study.replicates();
    if !full && all > FEW {
        study = study.with_replicates(FEW.max(all / 25));
        println!("{name}: {} of {all} replicates; `full` runs them all", study.replicates());
    }
    let summary = study.run_in_memory(&RunOptions::default())?.summary();
    if let Some(folder) = folder {
        let mut figures = study_figures(&summary)?;
        figures.iter_mut().for_each(|f| f.name = format!("{name}-{}", f.name));
        write_figures(folder, &figures)?;
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
    let replicates = summary.study().replicates();
    format!("mean squared error over the Cramér–Rao bound, {replicates} replicates\n{table}")
}
