//! Choose among structures by BIC and keep the winner.

use kronfit::{FitOptions, Model, Result, Structure, compare, resolve};

fn main() -> Result<()> {
    let sample = resolve("us-macro")?;
    let structures = ["unstructured", "diagonal", "ar1", "compound-symmetry", "factor:1"];
    let mut models = Vec::new();
    for name in structures {
        models.push(Model::gaussian().cols(name.parse()?).rows(Structure::Ar1));
    }
    let table = compare(&sample, &models, &FitOptions::default(), &mut |_| true);
    let bic = |i: &usize| table[*i].fit.map_or(f64::INFINITY, |fit| fit.bic);
    for (name, i) in structures.iter().zip(0..) {
        println!("{name:<20} BIC {:.1}", bic(&i));
    }
    let best = (0..models.len()).min_by(|i, j| bic(i).total_cmp(&bic(j))).unwrap_or(0);
    models[best].fit(&sample)?.save(std::env::temp_dir().join("best.json"))
}
