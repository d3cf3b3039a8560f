//! The numbers of the book's worked analysis that the command line does not print: standard
//! errors of the chosen model and the profile likelihood of ν.
//!
//! Run with `cargo run --example us_macro [FOLDER FOR THE FIGURE]`.

use kronfit::inference::{ErrorOptions, ProfileOptions};
use kronfit::model::{Dof, Model};
use kronfit::report::plot::write_figures;
use kronfit::report::{parameter_table, profile_figure};
use kronfit::structure::Structure;
use kronfit::{Result, io};
use std::path::Path;

fn main() -> Result<()> {
    let sample = io::load("us-macro", &io::ReadOptions::default())?;
    // ANCHOR: errors
    let model = Model::kronecker_t(Dof::Estimate).rows(Structure::CompoundSymmetry);
    let fit = model.fit(&sample)?;
    let fitted = fit.on(&sample)?;
    let errors = fitted.standard_errors()?;
    let robust =
        fitted.standard_errors_with(ErrorOptions { robust: true, ..ErrorOptions::default() })?;
    // ANCHOR_END: errors
    let wanted = ["σ²", "ν", "rho", "column correlation"];
    let chosen = |errors: &kronfit::inference::StandardErrors| -> Result<Vec<_>> {
        let all = errors.intervals(0.95)?;
        Ok(all.into_iter().filter(|i| wanted.iter().any(|w| i.name.starts_with(w))).collect())
    };
    println!("Observed information, 95 % Wald intervals\n\n{}", parameter_table(&chosen(&errors)?));
    let first: Vec<_> = chosen(&robust)?.into_iter().take(3).collect();
    println!("Sandwich\n\n{}", parameter_table(&first));
    let profile = fitted.profile_dof(&ProfileOptions::default())?;
    print!("{profile}");
    if let Some(folder) = std::env::args().nth(1) {
        write_figures(Path::new(&folder), &[profile_figure(&profile, "profile-dof")?])?;
    }
    Ok(())
}
