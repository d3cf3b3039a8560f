//! Draw a fit: figures as SVG and PNG, and one HTML page with everything.
//!
//! Run with `cargo run --release --example figures -- [DIR]`.

use kronfit::report::{html::html, plot};
use kronfit::{Result, io, model::Model};
use std::path::PathBuf;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "out/figures".to_owned()));
    // ANCHOR: figures
    let sample = io::resolve("us-macro")?;
    let fit = Model::gaussian().fit(&sample)?;
    let figures = plot::figures(&fit, Some(&sample))?;
    plot::write_figures(&folder.join("us-macro"), &figures)?;
    let page = html(&fit, "cargo run --release --example figures", &figures);
    io::write_text(&folder.join("us-macro.html"), &page)?;
    // ANCHOR_END: figures
    for figure in &figures {
        println!("{}/us-macro/{}.svg, .png: {}", folder.display(), figure.name, figure.title);
    }
    println!("{}/us-macro.html", folder.display());
    Ok(())
}
