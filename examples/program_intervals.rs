//! A fit with its intervals.

use kronfit::{Dof, Model, Result, Structure, resolve};

fn main() -> Result<()> {
    let sample = resolve("us-macro")?;
    let fit = Model::kronecker_t(Dof::Estimate).rows(Structure::Ar1).fit(&sample)?;
    println!("{fit}");
    for interval in fit.on(&sample)?.standard_errors()?.intervals(0.95)? {
        let (name, low, high) = (&interval.name, interval.low, interval.high);
        println!("{name}: {:.4} [{low:.4}, {high:.4}]", interval.estimate);
    }
    Ok(())
}
