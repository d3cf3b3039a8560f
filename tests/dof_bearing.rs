//! What a pass says about ν: the same score as the summaries, and moments that obey Bartlett's
//! identities.

use kronfit::family::{
    DofBearing, KroneckerT, Law, MatrixDistribution, MatrixT, Scratch, Summaries,
};
use kronfit::linalg::Spd;
use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

const DRAWS: usize = 40_000;

fn draws(law: Arc<dyn Law>, p: usize, q: usize) -> Vec<Array2<f64>> {
    let unit = |d: usize| Spd::new("I", Array2::eye(d)).expect("definite");
    let law = MatrixDistribution::new(law, Array2::zeros((p, q)), unit(p), unit(q)).expect("a law");
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    (0..DRAWS).map(|_| law.draw(&mut rng).expect("a sampler")).collect()
}

/// ρ(Z) and ⟨Z, Ψ(Z)⟩.
fn look(law: &dyn Law, z: &Array2<f64>) -> (f64, f64) {
    let mut psi = Array2::zeros(z.dim());
    let (rho, _) = law.weighting().weigh(z.view(), psi.view_mut(), &mut Scratch::default());
    (rho, (z * &psi).sum())
}

fn laws() -> [(Arc<dyn Law>, f64, usize, usize); 5] {
    let kronecker = |nu| Arc::new(KroneckerT::new(nu).expect("ν > 0")) as Arc<dyn Law>;
    let matrix = |nu| Arc::new(MatrixT::new(nu).expect("ν > 0")) as Arc<dyn Law>;
    [
        (kronecker(3.0), 3.0, 2, 3),
        (matrix(4.0), 4.0, 2, 3),
        (matrix(1.5), 1.5, 4, 3),
        (matrix(20.0), 20.0, 3, 3),
        (matrix(2.0), 2.0, 5, 1),
    ]
}

#[test]
fn the_score_is_that_of_the_summaries() {
    for (law, nu, p, q) in laws() {
        let family = law.dof_family().expect("a family");
        for z in draws(law.clone(), p, q).iter().take(50) {
            let (rho, inner) = look(&*law, z);
            let bearing = family.bearing(nu, rho, inner, p, q).expect("a bearing");
            let mut seen = vec![0.0; family.summary_len(p, q)];
            family.summarise(z.view(), &mut seen, &mut Scratch::default());
            let seen = Array1::from(seen) * family.scale_unit(nu);
            let seen = Summaries::plain(seen);
            let exact = family.score(nu, &seen, p, q);
            let gap = (bearing.score - exact).abs();
            // Eigenvalues of a Gram matrix carry the rounding of the largest one.
            let rounding = f64::EPSILON * seen.values.iter().fold(0.0, |m: f64, g| m.max(*g));
            assert!(
                gap <= 1e-12 * (1.0 + exact.abs()) + 10.0 * rounding,
                "{} {nu} {p}×{q}: {gap:e}",
                law.name()
            );
        }
    }
}

/// The slope has mean 0 and variance equal to the information, and is not correlated with the
/// score in the scale, ½(⟨Z, Ψ⟩ − pq).
#[test]
fn slopes_have_the_information_for_variance_and_are_orthogonal_to_the_scale() {
    for (law, nu, p, q) in laws() {
        let family = law.dof_family().expect("a family");
        let pairs: Vec<(DofBearing, f64)> = draws(law.clone(), p, q)
            .iter()
            .map(|z| look(&*law, z))
            .map(|(rho, inner)| {
                let bearing = family.bearing(nu, rho, inner, p, q).expect("a bearing");
                (bearing, 0.5 * (inner - (p * q) as f64))
            })
            .collect();
        let mean = |f: &dyn Fn(&(DofBearing, f64)) -> f64| {
            pairs.iter().map(f).sum::<f64>() / pairs.len() as f64
        };
        let what = format!("{} {nu} {p}×{q}", law.name());
        let information = pairs[0].0.information;
        let root = (DRAWS as f64).sqrt();
        let bias = mean(&|(b, _)| b.slope) / information.sqrt();
        assert!(bias.abs() < 4.0 / root, "{what}: mean {bias:e} standard deviations");
        let variance = mean(&|(b, _)| b.slope * b.slope);
        let fourth = mean(&|(b, _)| b.slope.powi(4));
        let error = (fourth - variance * variance).sqrt() / root;
        assert!((variance - information).abs() < 4.0 * error, "{what}: {variance} {information}");
        let cross = mean(&|(b, s)| b.slope * s);
        let spread = mean(&|(b, s)| (b.slope * s).powi(2)).sqrt() / root;
        assert!(cross.abs() < 4.0 * spread, "{what}: covariance {cross:e} ± {spread:e}");
    }
}
