//! Draw a fit: figures as SVG and PNG, and one HTML page with everything.
//!
//! Run with `cargo run --release --example figures -- [DIR]`.

use kronfit::model::{Dof, Model};
use kronfit::report::{html::html, plot};
use kronfit::{Result, io};
use std::path::PathBuf;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "out/figures".to_owned()));
    let sample = io::resolve("us-macro")?;
    for (name, model) in [
        ("us-macro", Model::gaussian()),
        ("us-macro-kronecker-t", Model::kronecker_t(Dof::Estimate)),
        ("us-macro-matrix-t", Model::matrix_t(Dof::Estimate)),
    ] {
        // ANCHOR: figures
        let fit = model.fit(&sample)?;
        let figures = plot::figures(&fit, Some(&sample))?;
        plot::write_figures(&folder.join(name), &figures)?;
        let page = html(&fit, "cargo run --release --example figures", &figures);
        io::write_text(&folder.join(format!("{name}.html")), &page)?;
        // ANCHOR_END: figures
        println!("{}/{name}.html", folder.display());
        for figure in &figures {
            println!("{}/{name}/{}.svg, .png: {}", folder.display(), figure.name, figure.title);
        }
    }
    Ok(())
}
