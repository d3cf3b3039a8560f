//! Structured factors: which shape of the row covariance do the data ask for?
//!
//! Every structure is fitted to the rows, the columns stay free; the table is sorted by BIC.
//! Run with `cargo run --release --example structured_covariance`.

use kronfit::data::Sample;
use kronfit::estimate::Fit;
use kronfit::model::{Dof, Model};
use kronfit::structure::Structure;
use kronfit::{Result, io};

const STRUCTURES: [&str; 8] = [
    "unstructured",
    "correlation",
    "toeplitz",
    "factor:1",
    "compound-symmetry",
    "ar1",
    "diagonal",
    "identity",
];

fn main() -> Result<()> {
    println!("us-macro, Kronecker t: how do the quarters of a year depend on each other?\n");
    compare(&io::resolve("us-macro")?, &Model::kronecker_t(Dof::Estimate))?;
    println!("simulated-t, matrix t: made with AR(1) rows, ρ = 0.6\n");
    compare(&io::resolve("simulated-t")?, &Model::matrix_t(Dof::Estimate))
}

// ANCHOR: compare
fn compare(sample: &Sample, law: &Model) -> Result<()> {
    let mut fits = Vec::new();
    for name in STRUCTURES {
        let rows: Structure = name.parse()?;
        fits.push((rows.clone(), law.clone().rows(rows).fit(sample)?));
    }
    fits.sort_by(|a, b| a.1.bic().total_cmp(&b.1.bic()));
    // ANCHOR_END: compare
    let best = fits[0].1.bic();
    println!("  rows               log-lik    k    ν    BIC − best  own parameters");
    for (rows, fit) in &fits {
        println!(
            "  {:<17} {:>9.2} {:>4} {:>5.2} {:>11.2}  {}",
            rows.to_string(),
            fit.log_likelihood(),
            fit.n_parameters(),
            fit.dof().unwrap_or(f64::INFINITY),
            fit.bic() - best,
            own_parameters(rows, fit)
        );
    }
    println!();
    Ok(())
}

/// What the structure says of itself, as far as it fits on a line.
fn own_parameters(rows: &Structure, fit: &Fit) -> String {
    let all = rows.shape().report(fit.row_cov().view());
    let shown: Vec<String> = all.iter().take(4).map(|x| format!("{x} {:.3}", x.value)).collect();
    let mut text = shown.join(", ");
    if all.len() > shown.len() {
        text.push_str(", …");
    }
    if fit.is_converged() { text } else { format!("not converged; {text}") }
}
