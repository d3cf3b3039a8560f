//! Classify new matrices with two fits: to which class is the log-density larger?

use kronfit::{Model, Result, Structure, resolve};

fn main() -> Result<()> {
    // The first and the second half of the years stand for two classes.
    let sample = resolve("us-macro")?;
    let years = sample.values();
    let half = |range: std::ops::Range<usize>| {
        let part = years.slice_axis(kronfit::ndarray::Axis(0), range.into()).to_owned();
        let model = Model::gaussian().cols(Structure::Factor(1)).rows(Structure::Ar1);
        model.fit(&kronfit::Sample::new(part)?).map(|fit| fit.distribution())
    };
    let (early, late) = (half(0..25)?, half(25..49)?);
    for (i, x) in years.outer_iter().enumerate() {
        let gap = late.ln_pdf(x)? - early.ln_pdf(x)?;
        println!("year {i}: {} (by {:.1})", if gap > 0.0 { "late" } else { "early" }, gap.abs());
    }
    Ok(())
}
