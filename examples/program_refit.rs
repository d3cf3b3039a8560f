//! Simulate from a fit and fit again: how far does ν̂ move?

use kronfit::inference::stream;
use kronfit::{Dof, Model, Result, resolve};

fn main() -> Result<()> {
    let sample = resolve("us-macro")?;
    let model = Model::matrix_t(Dof::Estimate);
    let truth = model.fit(&sample)?.distribution();
    let mut rng = stream(1, 0);
    for n in [50, 200, 800] {
        let again = model.fit(&truth.simulate(n, &mut rng)?)?;
        println!("n = {n}: ν = {:.2?}, σ² = {:.3}", again.dof(), again.sigma2());
    }
    Ok(())
}
