//! Laws of a user's own: known by what they are and not by their names; what they leave out is
//! "not available" and never the Gaussian's.

use kronfit::estimate::Fit;
use kronfit::family::{
    Elliptical, Gaussian, KroneckerT, Law, MatrixDistribution, MatrixT, MatrixWeights, Radial,
    Scratch, Weighting, is_same_law,
};
use kronfit::inference::{
    BootstrapOptions, ErrorOptions, Information, InformationKind, nested_test, simulate_fit, stream,
};
use kronfit::model::{Dof, Mean, Model};
use kronfit::{Error, io};
use ndarray::{ArrayView2, ArrayViewMut2};
use std::sync::Arc;

/// The matrix normal under another name, with what is required and no more.
#[derive(Debug)]
struct Renamed;

impl Law for Renamed {
    fn name(&self) -> &str {
        "normal"
    }
    fn weighting(&self) -> Weighting<'_> {
        Weighting::Identity
    }
    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        Gaussian.ln_constant(p, q)
    }
    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        Some(1.0)
    }
}

/// The Kronecker t with ν = 5 under a wrong name, and nothing that is not required.
#[derive(Debug)]
struct Bare(KroneckerT);

impl Bare {
    fn law() -> Arc<dyn Law> {
        Arc::new(Self(KroneckerT::new(5.0).unwrap()))
    }
}

impl Elliptical for Bare {
    fn radial(&self, delta: f64, d: usize) -> Radial {
        self.0.radial(delta, d)
    }
}

impl Law for Bare {
    fn name(&self) -> &str {
        "gaussian"
    }
    fn weighting(&self) -> Weighting<'_> {
        Weighting::Elliptical(self)
    }
    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        self.0.ln_constant(p, q)
    }
    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        None
    }
}

/// The matrix t with ν = 5, sample by sample, without its steps for both sides.
#[derive(Debug)]
struct Plain(MatrixT);

impl MatrixWeights for Plain {
    fn weigh(
        &self,
        z: ArrayView2<'_, f64>,
        psi: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    ) -> (f64, f64) {
        // (κ/(I + ZZᵀ))Z: the weights are at most κ.
        let kappa = 5.0 + (z.nrows() + z.ncols() - 1) as f64;
        (self.0.weigh(z, psi, scratch).0, kappa)
    }
    fn weigh_derivative(
        &self,
        z: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
        out: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    ) {
        self.0.weigh_derivative(z, h, out, scratch);
    }
}

impl Law for Plain {
    fn name(&self) -> &str {
        "plain"
    }
    fn weighting(&self) -> Weighting<'_> {
        Weighting::Matrix(self)
    }
    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        self.0.ln_constant(p, q)
    }
    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        None
    }
}

fn sample() -> kronfit::data::Sample {
    io::resolve("us-macro").unwrap()
}

fn unavailable<T: std::fmt::Debug>(result: kronfit::Result<T>, says: &str) {
    match result {
        Err(error @ Error::Unsupported { .. }) => {
            assert!(error.to_string().contains(says), "{error}");
        }
        other => panic!("{says}: {other:?}"),
    }
}

#[test]
fn a_renamed_gaussian_is_the_gaussian() {
    let sample = sample();
    let fit = |law: Arc<dyn Law>| Model::of(law).fit(&sample).unwrap();
    let (ours, reference) = (fit(Arc::new(Renamed)), Model::gaussian().fit(&sample).unwrap());
    assert_eq!(ours.log_likelihood(), reference.log_likelihood());
    assert_eq!(ours.row_cov(), reference.row_cov());
    assert_eq!(ours.certificate(), reference.certificate());
    assert_eq!(ours.passes(), reference.passes());
    assert_eq!(
        ours.on(&sample).unwrap().outliers().unwrap().distances,
        reference.on(&sample).unwrap().outliers().unwrap().distances
    );
    for information in [InformationKind::Observed, InformationKind::Expected] {
        let options = ErrorOptions { information, ..ErrorOptions::default() };
        let errors =
            |fit: &Fit| fit.on(&sample).unwrap().standard_errors_with(options).unwrap().row_cov;
        assert_eq!(errors(&ours), errors(&reference));
    }
    let draw = |fit: &Fit| simulate_fit(fit, &mut stream(3, 0)).unwrap();
    assert_eq!(draw(&ours).values(), draw(&reference).values());
    let entropy = |fit: &Fit| fit.distribution().entropy().unwrap();
    assert_eq!(entropy(&ours), entropy(&reference));
    let heavy = Model::kronecker_t(Dof::Estimate).fit(&sample).unwrap();
    let heavy = heavy.on(&sample).unwrap();
    let test = |null: &Fit| null.on(&sample).unwrap().likelihood_ratio(&heavy).unwrap();
    assert_eq!(test(&ours).p_value, test(&reference).p_value);
    assert!(ours.to_string().starts_with("normal fit by maximum likelihood"));
}

#[test]
fn a_bare_elliptical_law_fits_and_says_what_it_cannot() {
    let sample = sample();
    let ours = Model::of(Bare::law()).fit(&sample).unwrap();
    let reference = Model::kronecker_t(Dof::Fixed(5.0)).fit(&sample).unwrap();
    assert!(ours.is_converged());
    assert_eq!(ours.log_likelihood(), reference.log_likelihood());
    assert_eq!(ours.col_cov(), reference.col_cov());
    let errors = |fit: &Fit| fit.on(&sample).unwrap().standard_errors().unwrap().col_cov;
    assert_eq!(errors(&ours), errors(&reference));
    // The density needs no sampler; drawing does.
    let (density, known) = (ours.distribution(), reference.distribution());
    let values = sample.values();
    assert_eq!(density.ln_pdf_all(values).unwrap(), known.ln_pdf_all(values).unwrap());
    let total = density.ln_pdf_all(values).unwrap().sum();
    assert!((total - ours.log_likelihood()).abs() < 1e-9 * total.abs(), "{total}");
    unavailable(density.simulate(3, &mut stream(1, 0)), "no sampler");
    assert!(density.mean().is_none() && density.covariance().is_none());
    assert!(density.entropy().is_none() && density.distance_law().is_none());
    unavailable(ours.on(&sample).unwrap().outliers(), "law of distances");
    unavailable(Information::expected(&ours), "no closed expected information");
    let exact = ours.certificate().and_then(|certificate| certificate.distance);
    assert!(exact.is_none(), "no bound on the curvature is known");
}

#[test]
fn nesting_is_of_laws_and_not_of_names() {
    let sample = sample();
    let heavy = Model::kronecker_t(Dof::Estimate);
    let options = kronfit::estimate::FitOptions::default();
    let test = |null: &Model, with: &Model| nested_test(&sample, null, with, &options, None);
    // Called "gaussian", but it is no limit of a t law.
    unavailable(test(&Model::of(Bare::law()), &heavy), "not a special case");
    // And of the matrix t only the limit is one.
    unavailable(
        test(&Model::kronecker_t(Dof::Estimate), &Model::matrix_t(Dof::Estimate)),
        "special",
    );
    let fixed = Model::kronecker_t(Dof::Fixed(5.0));
    assert!(test(&fixed, &heavy).is_ok(), "a given ν against an estimated one");
    // The same law by value, whatever it is called.
    let free = Model::of(Bare::law());
    let zero = Model::kronecker_t(Dof::Fixed(5.0)).mean(Mean::Zero);
    assert!(test(&zero, &free).is_ok());
    let bootstrap = BootstrapOptions::new(3, 1);
    let simulated =
        nested_test(&sample, &free.clone().mean(Mean::Zero), &free, &options, Some(&bootstrap));
    unavailable(simulated, "gave no statistic");
}

#[test]
fn a_bare_matrix_law_fits() {
    let sample = io::resolve("simulated-t").unwrap();
    let law: Arc<dyn Law> = Arc::new(Plain(MatrixT::new(5.0).unwrap()));
    let ours = Model::of(law).fit(&sample).unwrap();
    let reference = Model::matrix_t(Dof::Fixed(5.0)).fit(&sample).unwrap();
    assert!(ours.is_converged() && reference.is_converged());
    let gap = (ours.log_likelihood() - reference.log_likelihood()).abs();
    assert!(gap < 1e-9 * reference.log_likelihood().abs(), "{gap:e}");
    let errors = |fit: &Fit| fit.on(&sample).unwrap().standard_errors().unwrap().row_cov;
    let (a, b) = (errors(&ours), errors(&reference));
    assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-5 * y), "{a} {b}");
}

#[test]
fn laws_are_compared_by_value() {
    let t = |dof| KroneckerT::new(dof).unwrap();
    assert!(is_same_law(&Gaussian, &Renamed, 4, 3));
    assert!(is_same_law(&t(5.0), &Bare(t(5.0)), 4, 3));
    assert!(!is_same_law(&t(5.0), &t(5.0001), 4, 3));
    assert!(!is_same_law(&Gaussian, &t(1e9), 4, 3));
    // One row: the matrix t is another scale of the t law, hence not the same law.
    assert!(!is_same_law(&t(5.0), &MatrixT::new(5.0).unwrap(), 1, 3));
    let standard = MatrixDistribution::standard(Arc::new(Renamed), 2, 2);
    assert_eq!(standard.draw(&mut stream(1, 1)).unwrap().dim(), (2, 2));
}
