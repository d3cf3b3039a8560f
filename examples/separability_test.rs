//! Size and power of the separability test: χ², corrected and exact Monte Carlo, at 5 %.
//!
//! Run with `cargo run --release --example separability_test -- [REPLICATES [FOLDER]]`; with a
//! folder, the power curve is drawn there. The book has 2000 replicates, where 300 (the default)
//! need seconds.

use kronfit::data::Sample;
use kronfit::inference::{BootstrapOptions, SeparabilityOptions, separability, stream};
use kronfit::report::plot::{Chart, Scale, Series, write_figures};
use kronfit::report::{Align, Table};
use kronfit::{Error, Result};
use ndarray::Array3;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::path::Path;

/// n standard normal p × q matrices; the first and the last cell share a part of size `extra`,
/// which no Kronecker product explains.
fn sample(
    seed: u64,
    replicate: usize,
    (n, p, q): (usize, usize, usize),
    extra: f64,
) -> Result<Sample> {
    let mut rng = stream(seed, replicate);
    let mut x = Array3::from_shape_simple_fn((n, p, q), || StandardNormal.sample(&mut rng));
    for mut one in x.outer_iter_mut() {
        let common: f64 = StandardNormal.sample(&mut rng);
        one[[0, 0]] += extra * common;
        one[[p - 1, q - 1]] += extra * common;
    }
    Sample::new(x)
}

/// Shares of rejections at 5 % by χ², by the corrected statistic, and by the exact critical value.
fn rejections(dim: (usize, usize, usize), extra: f64, replicates: usize) -> Result<[f64; 3]> {
    // The law of the statistic under the null depends on (n, p, q) alone: one critical value
    // serves all samples.
    let simulation = BootstrapOptions::new(4 * replicates, 99);
    let options = SeparabilityOptions { bootstrap: Some(simulation), ..Default::default() };
    let reference = separability(&sample(1, 0, dim, 0.0)?, &options)?;
    let critical = reference.bootstrap.map_or(f64::NAN, |b| b.critical_95);
    let one = |r: usize| -> Result<[bool; 3]> {
        let result = separability(&sample(2, r, dim, extra)?, &SeparabilityOptions::default())?;
        Ok([
            result.p_value.is_some_and(|p| p < 0.05),
            result.corrected.is_some_and(|c| c.p_value < 0.05),
            result.statistic > critical,
        ])
    };
    let all: Vec<[bool; 3]> = (0..replicates).into_par_iter().map(one).collect::<Result<_>>()?;
    Ok([0, 1, 2].map(|k| all.iter().filter(|x| x[k]).count() as f64 / replicates as f64))
}

fn main() -> Result<()> {
    let replicates = match std::env::args().nth(1).map(|text| text.parse::<usize>()) {
        None => 300,
        Some(Ok(count)) if count > 0 => count,
        Some(_) => return Err(Error::domain("REPLICATES", "given", "a positive number")),
    };
    println!("Size of the nominal 5 % test, free mean, {replicates} samples per row");
    let error = (0.05 * 0.95 / replicates as f64).sqrt();
    println!(
        "(Monte-Carlo standard error {error:.4}; critical values from {} samples)\n",
        4 * replicates
    );
    let right = Align::Right;
    let head = || {
        [
            ("n", right),
            ("p × q", right),
            ("extra", right),
            ("χ²", right),
            ("corrected", right),
            ("exact", right),
        ]
    };
    let mut table = Table::new(head());
    let row = |dim: (usize, usize, usize), extra: f64, table: &mut Table| -> Result<[f64; 3]> {
        let shares = rejections(dim, extra, replicates)?;
        let cells = shares.map(|x| format!("{x:.4}"));
        let names = [dim.0.to_string(), format!("{} × {}", dim.1, dim.2), format!("{extra}")];
        table.row(names.into_iter().chain(cells));
        Ok(shares)
    };
    for dim in [
        (6, 2, 2),
        (10, 2, 2),
        (25, 2, 2),
        (8, 2, 3),
        (12, 2, 3),
        (30, 2, 3),
        (12, 3, 3),
        (20, 3, 3),
        (50, 3, 3),
    ] {
        row(dim, 0.0, &mut table)?;
    }
    println!("{table}");
    println!("Power: two cells share a part with standard deviation `extra`\n");
    let mut table = Table::new(head());
    let mut curve = Vec::new();
    for extra in [0.0, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3] {
        curve.push((extra, row((30, 2, 3), extra, &mut table)?));
    }
    println!("{table}");
    if let Some(folder) = std::env::args().nth(2) {
        let of = |k: usize| curve.iter().map(move |(x, shares)| (*x, shares[k]));
        let power = Chart::new(
            "Power of the separability test, n = 30, 2 × 3",
            ("standard deviation of the shared part", Scale::Linear),
            ("share of rejections at 5 %", Scale::Linear),
        )
        .with(Series::reference("5 %", [(0.0, 0.05), (1.3, 0.05)]))
        .with(Series::line("corrected", of(1)).and_points())
        .with(Series::line("exact Monte Carlo", of(2)).and_points())
        .figure("separability-power")?;
        write_figures(Path::new(&folder), &[power])?;
    }
    Ok(())
}
