//! Simulated reference laws: one independent stream of random numbers per replicate, so that the
//! result is the same on any number of threads.

use super::test_result::Bootstrap;
use crate::data::Sample;
use crate::estimate::{Certify, Fit, FitOptions};
use crate::family::Generator;
use crate::family::random::BOOTSTRAP;
use crate::{Error, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Choices about a bootstrap.
#[derive(Clone, Copy)]
pub struct BootstrapOptions<'a> {
    /// Samples to simulate.
    pub replicates: usize,
    /// Seed; replicate r takes stream r.
    pub seed: u64,
    /// Told how many replicates are done; `false` stops the work.
    pub progress: Option<&'a (dyn Fn(usize) -> bool + Sync)>,
}

impl std::fmt::Debug for BootstrapOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BootstrapOptions")
            .field("replicates", &self.replicates)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl BootstrapOptions<'_> {
    /// So many replicates from a seed, in silence.
    pub fn new(replicates: usize, seed: u64) -> Self {
        Self { replicates, seed, progress: None }
    }
}

/// The random numbers of one replicate.
pub fn stream(seed: u64, replicate: usize) -> Generator {
    crate::family::stream(seed, 0, BOOTSTRAP, replicate as u64)
}

/// How replicates and restricted models are fitted: nobody reads their certificates.
pub(super) fn uncertified(options: &FitOptions) -> FitOptions {
    FitOptions { certificate: Certify::Skip, ..options.clone() }
}

/// A sample like the fitted one, from the fitted model.
///
/// # Errors
/// [`Error::Unsupported`] for a law that cannot be sampled.
pub fn simulate_fit(fit: &Fit, rng: &mut Generator) -> Result<Sample> {
    fit.distribution().simulate(fit.dim().0, rng)
}

/// Simulates the statistic and compares.
pub(super) fn bootstrap(
    observed: f64,
    options: &BootstrapOptions<'_>,
    exact: bool,
    statistic: impl Fn(&mut Generator) -> Result<f64> + Sync,
) -> Result<Bootstrap> {
    if options.replicates == 0 {
        return Err(Error::domain("the number of bootstrap replicates", 0, "at least 1"));
    }
    crate::linalg::require_room("the number of bootstrap replicates", &[options.replicates], 3)?;
    let done = AtomicUsize::new(0);
    let one = |replicate: usize| -> Result<Option<f64>> {
        let value = statistic(&mut stream(options.seed, replicate)).ok().filter(|x| x.is_finite());
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if options.progress.is_some_and(|progress| !progress(count)) {
            return Err(Error::Interrupted { reason: "the bootstrap was stopped".to_owned() });
        }
        Ok(value)
    };
    let values: Vec<Option<f64>> =
        (0..options.replicates).into_par_iter().map(one).collect::<Result<_>>()?;
    let failures = values.iter().filter(|v| v.is_none()).count();
    if 2 * failures > options.replicates {
        return Err(Error::Unsupported {
            what: format!(
                "{failures} of {} simulated samples gave no statistic",
                options.replicates
            ),
            remedy: "collect more samples or test a model with fewer parameters".to_owned(),
        });
    }
    let mut good: Vec<f64> = values.into_iter().flatten().collect();
    good.sort_by(f64::total_cmp);
    let above = good.iter().filter(|x| **x >= observed).count() + failures;
    let b = options.replicates as f64;
    let p_value = (1.0 + above as f64) / (1.0 + b);
    let at = ((0.95 * good.len() as f64).ceil() as usize).clamp(1, good.len()) - 1;
    Ok(Bootstrap {
        replicates: options.replicates,
        failures,
        p_value,
        p_value_error: (p_value * (1.0 - p_value) / b).sqrt(),
        critical_95: good[at],
        exact,
        seed: options.seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    fn square(rng: &mut Generator) -> Result<f64> {
        let x: f64 = StandardNormal.sample(rng);
        Ok(x * x)
    }

    #[test]
    fn tail_of_a_squared_normal_on_any_number_of_threads() {
        let options = BootstrapOptions::new(20_000, 3);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap(3.841_458_8, &options, true, square)).unwrap()
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one, three);
        assert!((one.p_value - 0.05).abs() < 4.0 * one.p_value_error, "{one:?}");
        assert!((one.critical_95 - 3.841).abs() < 0.15, "{one:?}");
    }

    #[test]
    fn it_can_be_stopped_and_failures_count_against_the_null_being_rejected() {
        let stop = |_: usize| false;
        let options = BootstrapOptions { progress: Some(&stop), ..BootstrapOptions::new(10, 1) };
        assert!(matches!(bootstrap(1.0, &options, true, square), Err(Error::Interrupted { .. })));
        let some_fail = |rng: &mut Generator| -> Result<f64> {
            let x: f64 = StandardNormal.sample(rng);
            if x > 0.5 { Err(Error::Singular { what: "x".to_owned() }) } else { Ok(x) }
        };
        let result = bootstrap(10.0, &BootstrapOptions::new(1000, 1), true, some_fail).unwrap();
        assert!(result.failures > 200 && result.p_value > 0.2, "{result:?}");
    }
}
