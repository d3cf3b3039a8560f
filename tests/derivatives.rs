//! The joint likelihood's gradient and Hessian–vector product against differences of its values
//! and gradients: every law × coordinates × mean, well- and ill-conditioned.

use kronfit::Error;
use kronfit::calculus::check;
use kronfit::data::Sample;
use kronfit::estimate::{Coordinates, JointProblem, Problem};
use kronfit::likelihood::SampleLikelihood;
use kronfit::model::{Dof, Mean, Model};
use kronfit::optim::{Failure, Objective};
use kronfit::structure::Structure;
use ndarray::{Array1, Array2, Array3};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(seed: u64, shape: (usize, usize, usize)) -> Array3<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array3::from_shape_simple_fn(shape, || StandardNormal.sample(&mut rng))
}

fn vector(seed: u64, k: usize, size: f64) -> Array1<f64> {
    let x = normal(seed, (1, 1, k)) * (size / (k as f64).sqrt());
    x.iter().copied().collect()
}

fn error(failure: Failure) -> Error {
    match failure {
        Failure::Infeasible => Error::domain("x", "infeasible", "feasible"),
        Failure::Fatal(error) => error,
    }
}

/// Checks both derivatives at two vectors: the centre (equal eigenvalues of every exponent) and a
/// point away from it.
fn gate(model: &Model, sample: &Sample, coordinates: Coordinates, what: &str) {
    let source = SampleLikelihood::new(sample);
    let problem = Problem::new(model, &source);
    let start = problem.start().expect("a start");
    let joint = JointProblem::new(&problem, &start, coordinates).expect("a problem");
    let (_, p, q) = sample.dim();
    assert_eq!(joint.dim(), model.n_parameters(p, q), "{what}");
    let k = joint.dim();
    let settings = check::Settings { directions: 2, ..check::Settings::default() };
    for (x, seed) in [(Array1::zeros(k), 3), (vector(1, k, 0.7), 4)] {
        let at = |x: &Array1<f64>| joint.evaluate(x.as_slice().expect("contiguous")).map_err(error);
        let gradient = Array1::from(at(&x).expect("feasible").gradient);
        let report =
            check::gradient(|x| Ok(at(x)?.value), &gradient, &x, &settings).expect("a report");
        assert!(report.passed(), "gradient, {what}: {report}");
        let product = |v: &Array1<f64>| {
            let at = x.as_slice().expect("contiguous");
            let product = joint.hessian_product(at, v.as_slice().expect("contiguous"));
            product.map(Array1::from).map_err(error)
        };
        let gradients = |x: &Array1<f64>| Ok(Array1::from(at(x)?.gradient));
        let report = check::hessian_product(gradients, product, &x, &settings).expect("a report");
        assert!(report.passed(), "Hessian, {what}: {report}");
        let (u, v) = (vector(seed + 7, k, 1.0), vector(seed, k, 1.0));
        let (hu, hv) = (product(&u).expect("a product"), product(&v).expect("a product"));
        let asymmetry = (u.dot(&hv) - v.dot(&hu)).abs() / hv.dot(&hv).sqrt();
        assert!(asymmetry < 1e-8, "symmetry, {what}: {asymmetry:e}");
    }
}

fn laws() -> Vec<(&'static str, Model)> {
    vec![
        ("gaussian", Model::gaussian()),
        ("kronecker-t 1", Model::kronecker_t(Dof::Fixed(1.0))),
        ("kronecker-t 0.1", Model::kronecker_t(Dof::Fixed(0.1))),
        ("kronecker-t", Model::kronecker_t(Dof::Estimate)),
        ("matrix-t 3", Model::matrix_t(Dof::Fixed(3.0))),
        ("matrix-t", Model::matrix_t(Dof::Estimate)),
    ]
}

fn scaled(mut x: Array3<f64>, decades: f64) -> Array3<f64> {
    let (_, p, _) = x.dim();
    x.indexed_iter_mut()
        .for_each(|((_, i, _), v)| *v *= 10f64.powf(decades * i as f64 / (p - 1) as f64));
    x
}

#[test]
fn every_law_in_all_coordinates_with_all_means() {
    let design = Mean::Linear {
        left: Array2::from_shape_fn((3, 2), |(i, j)| (i as f64).powi(j as i32)),
        right: Array2::from_shape_fn((1, 4), |(_, j)| 1.0 + j as f64),
    };
    let means = [Mean::Zero, Mean::Free, Mean::Rows, Mean::Cols, Mean::Scalar, design];
    for (name, law) in laws() {
        for coordinates in ["geodesic", "log-euclidean", "log-cholesky"] {
            for mean in &means {
                let sample = Sample::new(normal(11, (6, 3, 4)) + 0.5).expect("a sample");
                let model = law.clone().mean(mean.clone());
                let what = format!("{name}, {coordinates}, mean {}", mean.name());
                gate(&model, &sample, coordinates.parse().expect("a name"), &what);
            }
        }
    }
}

#[test]
fn badly_scaled_data() {
    let sample = Sample::new(scaled(normal(5, (8, 4, 3)), 3.0)).expect("a sample");
    for (name, law) in laws() {
        gate(&law, &sample, Coordinates::Geodesic, &format!("{name}, spread over three decades"));
    }
}

#[test]
fn structured_factors_in_their_own_coordinates() {
    let sample = Sample::new(normal(5, (8, 4, 3))).expect("a sample");
    for structure in ["diagonal", "identity", "ar1", "compound-symmetry"] {
        let structure: Structure = structure.parse().expect("a name");
        for (name, law) in laws() {
            let model = law.rows(structure.clone());
            gate(&model, &sample, Coordinates::Geodesic, &format!("{name}, rows {structure}"));
            let model = model.rows(Structure::Unstructured).cols(structure.clone());
            gate(&model, &sample, Coordinates::LogCholesky, &format!("{name}, cols {structure}"));
        }
    }
}
