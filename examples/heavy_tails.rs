//! Heavy tails: three laws on two datasets, the samples that they weigh down, and Tyler's estimate.
//!
//! Run with `cargo run --release --example heavy_tails`.

use kronfit::data::Sample;
use kronfit::estimate::{Fit, FitOptions, Tyler};
use kronfit::family::Scratch;
use kronfit::model::{Dof, Mean, Model};
use kronfit::{Result, io};
use ndarray::{Array2, ArrayView2, Axis};

fn main() -> Result<()> {
    // Samples are the years from 1960 on.
    show("us-macro", &|i| (1960 + i).to_string())?;
    show("simulated-t", &|i| format!("#{i}"))
}

fn show(name: &str, label: &dyn Fn(usize) -> String) -> Result<()> {
    let sample = io::resolve(name)?;
    let (n, p, q) = sample.dim();
    println!("{name}: {n} matrices of {p} × {q}\n");
    // ANCHOR: laws
    let gaussian = Model::gaussian().fit(&sample)?;
    let kronecker = Model::kronecker_t(Dof::Estimate).fit(&sample)?;
    let matrix = Model::matrix_t(Dof::Estimate).fit(&sample)?;
    // ANCHOR_END: laws
    println!("  law           log-likelihood    k       ν        AIC");
    for fit in [&gaussian, &kronecker, &matrix] {
        println!(
            "  {:<12} {:>15.3} {:>4} {:>7} {:>10.1}",
            fit.model().law().name(),
            fit.log_likelihood(),
            fit.n_parameters(),
            fit.dof().map_or("–".to_owned(), |dof| format!("{dof:.3}")),
            fit.aic()
        );
    }
    outlying(&sample, &kronecker, &matrix, label);
    directions(&sample, &gaussian, &kronecker, &matrix)
}

// ANCHOR: weights
/// The weight of one sample, ⟨Z, Ψ(Z)⟩ / ‖Z‖² with Z the whitened sample: w of the Kronecker t,
/// an average over the directions of Z for the matrix t.
fn weight(fit: &Fit, x: ArrayView2<'_, f64>) -> f64 {
    let z = fit.point().whiten((&x - &fit.mean()).view());
    let mut psi = Array2::zeros(z.dim());
    fit.law().weighting().weigh(z.view(), psi.view_mut(), &mut Scratch::default());
    (&z * &psi).sum() / (&z * &z).sum()
}
// ANCHOR_END: weights

/// Weights relative to the median sample.
fn relative_weights(sample: &Sample, fit: &Fit) -> Vec<f64> {
    let weights: Vec<f64> = sample.values().outer_iter().map(|x| weight(fit, x)).collect();
    let mut sorted = weights.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    weights.iter().map(|w| w / median).collect()
}

/// The five samples that the Kronecker t trusts least, and what the matrix t makes of them.
fn outlying(sample: &Sample, kronecker: &Fit, matrix: &Fit, label: &dyn Fn(usize) -> String) {
    let (by_kronecker, by_matrix) =
        (relative_weights(sample, kronecker), relative_weights(sample, matrix));
    let mut order: Vec<usize> = (0..by_kronecker.len()).collect();
    order.sort_by(|&i, &j| by_kronecker[i].total_cmp(&by_kronecker[j]));
    println!("\n  The five most outlying samples; weights relative to the median sample's");
    println!("  sample   kronecker-t   matrix-t");
    for &i in order.iter().take(5) {
        println!("  {:<8} {:>11.3} {:>10.3}", label(i), by_kronecker[i], by_matrix[i]);
    }
}

/// Tyler's scatter around the location of the Kronecker t, beside the correlations of the fits.
fn directions(sample: &Sample, gaussian: &Fit, kronecker: &Fit, matrix: &Fit) -> Result<()> {
    // ANCHOR: tyler
    let center = Mean::Known(kronecker.mean().to_owned());
    let tyler = Tyler::new().center(center).fit(sample, &FitOptions::default())?;
    // ANCHOR_END: tyler
    println!("\n  Average correlation of neighbouring rows");
    for (name, a) in [
        ("gaussian", gaussian.row_cov()),
        ("kronecker-t", kronecker.row_cov()),
        ("matrix-t", matrix.row_cov()),
        ("tyler", tyler.row_scatter()),
    ] {
        println!("  {name:<12} {:.3}", neighbours(a));
    }
    println!();
    Ok(())
}

fn neighbours(a: &Array2<f64>) -> f64 {
    let d = a.len_of(Axis(0));
    let correlation = |i: usize| a[[i, i + 1]] / (a[[i, i]] * a[[i + 1, i + 1]]).sqrt();
    (0..d - 1).map(correlation).sum::<f64>() / (d - 1) as f64
}
