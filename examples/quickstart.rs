//! Read a sample of matrices, fit the matrix normal, read the fit.
//!
//! Run with `cargo run --release --example quickstart`.

use kronfit::{Result, io, model::Model};

fn main() -> Result<()> {
    // ANCHOR: fit
    // 49 years of the US economy, each a matrix of 4 quarters × 8 indicators.
    // A path to your own .npy, .npz or .csv file goes in the same place.
    let sample = io::resolve("us-macro")?;
    let fit = Model::gaussian().fit(&sample)?;
    println!("{fit}");
    // ANCHOR_END: fit

    // ANCHOR: use
    // Cov(vec_rows X) = σ² · (A ⊗ B): rows by rows, columns by columns.
    let (a, b) = (fit.row_cov(), fit.col_cov());
    let name = |i: usize| fit.row_names().get(i).cloned().unwrap_or_else(|| format!("row {i}"));
    println!("Correlations between quarters (rows):");
    for i in 0..a.nrows() {
        for j in 0..i {
            let r = a[[i, j]] / (a[[i, i]] * a[[j, j]]).sqrt();
            println!("  {} and {}: {r:.3}", name(i), name(j));
        }
    }
    let variance = fit.sigma2() * a[[0, 0]] * b[[0, 0]];
    println!("Variance of {} in the first column: {variance:.4}", name(0));
    // ANCHOR_END: use
    Ok(())
}
