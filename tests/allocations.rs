//! A pass takes no memory beyond what the first one took, and an iteration none at all.

use kronfit::data::Sample;
use kronfit::estimate::{Certify, DataSource, FitOptions, Method, Observer, Step};
use kronfit::family::{Gaussian, KroneckerT, Law, MatrixT};
use kronfit::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
use kronfit::linalg::Root;
use kronfit::model::{Dof, Model};
use ndarray::{Array2, Array3};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn one_thread() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool")
}

#[test]
fn passes_allocate_nothing() {
    let pool = one_thread();
    let laws: [&dyn Law; 3] =
        [&Gaussian, &KroneckerT::new(4.0).expect("ν > 0"), &MatrixT::new(4.0).expect("ν > 0")];
    // In lanes; stacked; both.
    for (n, p, q) in [(1000, 7, 9), (5, 30, 20), (19, 50, 50)] {
        let values = Array3::from_shape_fn((n, p, q), |(i, r, c)| ((i * r + c) as f64).sin());
        let sample = Sample::new(values).expect("a finite sample");
        let source = SampleLikelihood::new(&sample);
        let root = |d: usize| Root::from_lower(Array2::eye(d) * 0.7);
        let point = Point::new(Array2::zeros((p, q)), root(p), root(q));
        for law in laws {
            let counted = pool.install(|| {
                let mut out = Sums::zeros(p, q);
                let wants = [Sides::Both, Sides::ROWS, Sides::COLS];
                let _ = wants.map(|want| source.sums(&point, law, want, &mut out).unwrap());
                allocation_counter::measure(|| {
                    let _ = wants.map(|want| source.sums(&point, law, want, &mut out).unwrap());
                })
            });
            assert_eq!(counted.count_total, 0, "{} ({n}, {p}, {q}): {counted:?}", law.name());
        }
    }
}

/// Stops a fit after so many iterations.
struct Until(usize);

impl Observer for Until {
    fn step(&mut self, step: &Step) -> bool {
        step.iteration < self.0
    }
}

/// Allocations of a fit that is stopped after so many iterations.
fn allocations(model: &Model, sample: &Sample, options: &FitOptions, iterations: usize) -> u64 {
    let mut done = 0;
    let counted = allocation_counter::measure(|| {
        let fit = model.fit_with(sample, options, &mut Until(iterations)).expect("a fit");
        done = fit.iterations();
    });
    assert_eq!(done, iterations, "the fit ended by itself");
    counted.count_total
}

#[test]
fn iterations_allocate_nothing() {
    let pool = one_thread();
    let t = Dof::Fixed(4.0);
    let models = [Model::gaussian(), Model::kronecker_t(t), Model::matrix_t(t)];
    // Few samples: the sweeps do not end before they are counted; enough for `auto` not to leave
    // them.
    for (n, p, q) in [(9, 6, 5), (19, 50, 50)] {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let values = Array3::from_shape_simple_fn((n, p, q), || random.sample(StandardNormal));
        let sample = Sample::new(values).expect("a finite sample");
        for model in &models {
            for method in [Method::FlipFlop, Method::Auto] {
                for source in [DataSource::Samples, DataSource::Moments] {
                    if source == DataSource::Moments && model.law().dof().is_some() {
                        continue;
                    }
                    // Certificates and steps of Newton are not sweeps.
                    let certificate = Certify::Skip;
                    let options = FitOptions {
                        method,
                        source,
                        certificate,
                        tol: 1e-15,
                        // 19 samples are few for ν = 4: there is a pole elsewhere.
                        force: true,
                        ..FitOptions::default()
                    };
                    // The first one fills the thread's store; later sweeps find all their memory there.
                    let [short, long] = pool.install(|| {
                        [12, 9, 12].map(|count| allocations(model, &sample, &options, count))
                    })[1..] else {
                        unreachable!()
                    };
                    let name = model.law().name();
                    assert_eq!(long, short, "{name} by {method} from {source:?}: ({n}, {p}, {q})");
                }
            }
        }
    }
}
