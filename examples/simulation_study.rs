//! A simulation study with an estimator of one's own: the flip-flop stopped after one sweep.
//!
//!     cargo run --release --example simulation_study

use kronfit::Result;
use kronfit::data::Sample;
use kronfit::estimate::{Factors, FitOptions};
use kronfit::linalg::Spd;
use kronfit::model::{Mean, Model};
use kronfit::report::StudyTables;
use kronfit::study::{Estimate, Estimator, ModelEstimator, RunOptions, Scenario, Study};
use ndarray::Array2;
use std::sync::Arc;

/// A₁ = Σ X_i X_iᵀ/(nq), B₁ = Σ X_iᵀ A₁⁻¹ X_i/(np): half of a second sweep is missing, and shows.
struct OneSweep;

impl Estimator for OneSweep {
    fn name(&self) -> &str {
        "one sweep"
    }

    fn estimate(&self, sample: &Sample) -> Result<Estimate> {
        let (n, p, q) = sample.dim();
        let mut row = Array2::<f64>::zeros((p, p));
        for x in sample.values().outer_iter() {
            row += &x.dot(&x.t());
        }
        row /= (n * q) as f64;
        let a = Spd::new("the first row factor", row.clone())?;
        let mut col = Array2::<f64>::zeros((q, q));
        for x in sample.values().outer_iter() {
            col += &x.t().dot(&a.solve(x));
        }
        col /= (n * p) as f64;
        Ok(Estimate::of(Factors { sigma2: 1.0, row, col }))
    }
}

fn main() -> Result<()> {
    let mle = ModelEstimator::new("mle", Model::gaussian().mean(Mean::Zero), FitOptions::default());
    let mut study = Study::new("one sweep against the maximum", 42, 200)
        .estimator(Arc::new(OneSweep))
        .estimator(Arc::new(mle));
    for n in [10, 40, 160] {
        let rows = "spread:20".parse()?;
        let cols = "ar1:0.8".parse()?;
        study = study.scenario(Scenario { rows, cols, ..Scenario::gaussian(n, 3, 4) });
    }
    let results = study.run_in_memory(&RunOptions::default())?;
    print!("{}", StudyTables::new(&results.summary()).errors());
    Ok(())
}
