//! Standard errors against the spread of simulated estimates, and coverage of Wald intervals.
//!
//! Run with `cargo run --release --example wald_coverage -- [REPLICATES [N [LAW]]]`; the book has
//! 10 000 replicates, where 300 (the default) need seconds.

use kronfit::data::Sample;
use kronfit::estimate::Fit;
use kronfit::inference::{Interval, simulate_fit, stream};
use kronfit::model::{Dof, Mean, Model};
use kronfit::report::{Align, Table};
use kronfit::structure::Structure;
use kronfit::{Error, Result, io};
use ndarray::Axis;
use rayon::prelude::*;

/// One fit's intervals; `None` where ν̂ = ∞ (then there are fewer of them).
fn intervals(truth: &Fit, n: usize, replicate: usize) -> Result<Option<Vec<Interval>>> {
    let simulated = simulate_fit(truth, &mut stream(7, replicate))?;
    let first = ndarray::Slice::from(0..n);
    let sample = Sample::new(simulated.values().slice_axis(Axis(0), first).to_owned())?;
    let fit = truth.model().fit(&sample)?;
    if fit.dof_at_infinity() {
        return Ok(None);
    }
    Ok(Some(fit.on(&sample)?.standard_errors()?.intervals(0.95)?))
}

fn study(name: &str, model: Model, replicates: usize, n: usize, table: &mut Table) -> Result<()> {
    // A corner of the simulated-t data: the truth is a fit to it.
    let data = io::load("simulated-t", &io::ReadOptions::default())?;
    let small = data.values().slice_axis(Axis(1), ndarray::Slice::from(0..3)).to_owned();
    let small = small.slice_axis(Axis(2), ndarray::Slice::from(0..2)).to_owned();
    let data = Sample::new(small)?;
    if n > data.dim().0 {
        return Err(Error::domain("N", n, format!("at most {}", data.dim().0)));
    }
    let truth = model.fit(&data)?;
    let center = truth.on(&data)?.standard_errors()?.intervals(0.95)?;
    let all: Vec<Option<Vec<Interval>>> =
        (0..replicates).into_par_iter().map(|r| intervals(&truth, n, r)).collect::<Result<_>>()?;
    let lost = all.iter().filter(|x| x.is_none()).count();
    let kept: Vec<Vec<Interval>> = all.into_iter().flatten().collect();
    let m = kept.len() as f64;
    for (k, c) in center.iter().enumerate() {
        let column: Vec<&Interval> = kept.iter().filter_map(|x| x.get(k)).collect();
        let mean = column.iter().map(|i| i.estimate).sum::<f64>() / m;
        let spread =
            (column.iter().map(|i| (i.estimate - mean).powi(2)).sum::<f64>() / (m - 1.0)).sqrt();
        let error = (column.iter().map(|i| i.standard_error.powi(2)).sum::<f64>() / m).sqrt();
        let covered = column.iter().filter(|i| i.low <= c.estimate && c.estimate <= i.high).count();
        table.row([
            name.to_owned(),
            c.name.clone(),
            format!("{:.4}", c.estimate),
            format!("{mean:.4}"),
            format!("{spread:.4}"),
            format!("{error:.4}"),
            format!("{:.3}", error / spread),
            format!("{:.2}", 100.0 * covered as f64 / m),
        ]);
    }
    if lost > 0 {
        println!("{name}: {lost} samples with ν̂ = ∞ left out");
    }
    Ok(())
}

fn argument(at: usize, default: usize) -> Result<usize> {
    match std::env::args().nth(at).map(|text| text.parse()) {
        None => Ok(default),
        Some(Ok(value)) if value > 0 => Ok(value),
        Some(_) => Err(Error::domain("an argument", "given", "a positive number")),
    }
}

fn main() -> Result<()> {
    let (replicates, n) = (argument(1, 300)?, argument(2, 200)?);
    println!("{replicates} samples of n = {n} matrices of 3 × 2; 95 % intervals");
    println!(
        "Monte-Carlo standard errors: {:.3} of se/sd, {:.2} points of coverage\n",
        1.0 / (2.0 * replicates as f64).sqrt(),
        100.0 * (0.0475 / replicates as f64).sqrt()
    );
    let right = Align::Right;
    let mut table = Table::new([
        ("model", Align::Left),
        ("parameter", Align::Left),
        ("truth", right),
        ("mean", right),
        ("sd", right),
        ("se", right),
        ("se/sd", right),
        ("coverage %", right),
    ]);
    let only = std::env::args().nth(3);
    for (name, model) in [
        ("gaussian", Model::gaussian()),
        ("gaussian, ar1 rows", Model::gaussian().rows(Structure::Ar1).mean(Mean::Cols)),
        ("kronecker-t", Model::kronecker_t(Dof::Estimate)),
        ("matrix-t", Model::matrix_t(Dof::Estimate)),
    ] {
        if only.as_deref().is_none_or(|law| law == model.law().name()) {
            study(name, model, replicates, n, &mut table)?;
        }
    }
    println!("\n{table}");
    Ok(())
}
