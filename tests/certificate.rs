//! Certificates: the bound holds, and flat maxima are flagged.

use kronfit::data::Sample;
use kronfit::estimate::{Certificate, Certify, Fit, FitOptions, Silent};
use kronfit::linalg::{Root, symmetric_eigen};
use kronfit::model::{Dof, Mean, Model};
use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(seed: u64, shape: (usize, usize, usize)) -> Array3<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array3::from_shape_simple_fn(shape, || StandardNormal.sample(&mut rng))
}

fn fit(model: &Model, sample: &Sample, tol: f64) -> Fit {
    let options =
        FitOptions { tol, certificate: Certify::Force, force: true, ..FitOptions::default() };
    model.fit_with(sample, &options, &mut Silent).expect("a fit")
}

fn certificate(fit: &Fit) -> Certificate {
    *fit.certificate().expect("a certificate")
}

/// ‖ln Σ₁^{-½} Σ₂ Σ₁^{-½}‖ for Σ = A ⊗ B, from the eigenvalues of the whitened factors: those of
/// the product are their products.
fn distance(one: &Fit, two: &Fit) -> f64 {
    let logs = |from: &Root, to: &Root| {
        let seen = from.whiten(to.matrix().view());
        symmetric_eigen("a factor", seen.view()).expect("eigenvalues").values.mapv(f64::ln)
    };
    let rows = logs(one.point().row(), two.point().row());
    let cols = logs(one.point().col(), two.point().col());
    rows.iter().flat_map(|a| cols.iter().map(move |b| (a + b).powi(2))).sum::<f64>().sqrt()
}

fn laws() -> [Model; 4] {
    [
        Model::gaussian(),
        Model::kronecker_t(Dof::Fixed(1.0)),
        Model::matrix_t(Dof::Fixed(3.0)),
        Model::matrix_t(Dof::Fixed(30.0)),
    ]
    .map(|model| model.mean(Mean::Zero))
}

#[test]
fn the_distance_to_the_maximum_is_within_the_bound() {
    let shapes = [(3, 3, 2), (5, 4, 4), (2, 4, 3), (8, 2, 5), (20, 3, 3)];
    let (mut bounded, mut tight) = (0, 0);
    for seed in 0..50 {
        for (k, model) in laws().into_iter().enumerate() {
            let shape = shapes[(seed + k) % shapes.len()];
            let sample = Sample::new(normal(seed as u64, shape)).expect("a sample");
            let exact = fit(&model, &sample, 1e-13);
            // From nearly exact down to a few digits.
            let rough = fit(&model, &sample, [1e-8, 1e-5, 1e-3, 1e-2][seed % 4]);
            // Too rough to tell is an answer; "not unique" would be a wrong one.
            let Some(found) = rough.certificate() else { continue };
            assert!(found.unique, "{shape:?}: {found:?}");
            let Some(bound) = found.distance else { continue };
            let true_distance = distance(&rough, &exact);
            // The reference itself is only known to its own bound.
            let slack = certificate(&exact).distance.unwrap_or(f64::INFINITY);
            assert!(slack < 1e-9, "{shape:?}: reference only known to {slack:e}");
            assert!(true_distance <= bound + slack, "{shape:?}: {true_distance:e} > {bound:e}");
            bounded += 1;
            tight += usize::from(bound < 100.0 * true_distance);
        }
    }
    assert!(bounded >= 180, "only {bounded} of 200 have a bound");
    assert!(tight >= 100, "only {tight} bounds are within a factor of 100");
}

#[test]
fn flat_maxima_are_flagged_and_only_they() {
    let gaussian = Model::gaussian().mean(Mean::Zero);
    for (shape, unique) in [
        ((1, 3, 3), false),
        ((1, 5, 5), false),
        ((2, 3, 3), false),
        ((2, 4, 4), false),
        ((2, 6, 3), false),
        ((3, 6, 2), false),
        ((2, 6, 4), false),
        ((2, 4, 3), true),
        ((2, 11, 10), true),
        ((3, 3, 3), true),
        ((3, 6, 3), true),
        ((4, 6, 2), true),
    ] {
        for seed in 0..3 {
            let sample = Sample::new(normal(seed, shape)).expect("a sample");
            let fit = fit(&gaussian, &sample, 1e-9);
            let found = certificate(&fit);
            assert_eq!(found.unique, unique, "{shape:?}: {found:?} {:?}", fit.termination());
            let warned = fit.warnings().iter().any(|w| w.contains("not unique"));
            assert_eq!(warned, !unique, "{shape:?}: {:?}", fit.warnings());
        }
    }
}

/// For two samples of (q+1) × q the rate of flip-flop is 1 − 2/(pq) for every data set
/// (maximum of a rigid configuration), and the curvature is 1 − √rate.
#[test]
fn the_curvature_of_rigid_cases_has_a_closed_form() {
    for (p, q) in [(2, 1), (3, 2), (4, 3), (7, 6)] {
        let sample = Sample::new(normal(3, (2, p, q))).expect("a sample");
        let found = certificate(&fit(&Model::gaussian().mean(Mean::Zero), &sample, 1e-11));
        let exact = 1.0 - (1.0 - 2.0 / (p * q) as f64).sqrt();
        assert!(found.curvature <= exact * (1.0 + 1e-6), "{p} × {q}: {found:?}, exact {exact}");
        assert!(found.curvature >= 0.9 * exact, "{p} × {q}: {found:?}, exact {exact}");
    }
}

#[test]
fn can_be_skipped() {
    let sample = Sample::new(normal(1, (9, 3, 2))).expect("a sample");
    let options = FitOptions { certificate: Certify::Skip, ..FitOptions::default() };
    let fit = Model::gaussian().fit_with(&sample, &options, &mut Silent).expect("a fit");
    assert!(fit.certificate().is_none());
}
