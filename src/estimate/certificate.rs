//! The certificate of a fit: Lanczos' method on the exact Hessian–vector product.

use super::climb::Outcome;
use super::fit::Certificate;
use super::newton::Local;
use super::options::Certify;
use super::problem::Problem;
use crate::Result;
use crate::kronecker::{BySide, Side};
use crate::likelihood::Tangent;
use crate::linalg::{SymmetricEigen, symmetric_eigen, symmetrise};
use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the reader has to know about a flat maximum.
pub(super) const NOT_UNIQUE: &str = "the maximum is not unique: along some direction the likelihood is flat, and only the \
     log-likelihood is meaningful";

/// Most Lanczos iterations.
const LIMIT: usize = 400;
/// Relative residual of the Ritz pair that is good enough.
const ACCURACY: f64 = 1e-3;
/// Iterations before a Ritz pair is believed to be the smallest: most of the spectrum lies at 1,
/// and the start has to lose that part first.
const EARLIEST: usize = 12;
/// Length of a new Lanczos vector that is rounding.
const EXHAUSTED: f64 = 1e-10;
/// A flat curvature this large only says that the estimate is too rough to tell.
const TOO_ROUGH: f64 = 1e-4;
/// Flops that are too few to mind.
const FREE_FLOPS: f64 = 5e7;
/// Numbers per p² + q² below which data may be too few for a unique maximum. The thresholds of
/// existence and uniqueness lie near 1.
const FEW: usize = 4;
/// Passes of a fit that went so slowly that its maximum may be flat.
const SLOW: usize = 100;
/// Curvature that counts as zero, at least and as a multiple of the score.
const FLAT: (f64, f64) = (1e-9, 30.0);

/// The certificate, or `None` where there is none or it is not wanted. The passes that it takes
/// are not the fit's.
pub(super) fn certify(
    problem: &Problem<'_>,
    outcome: &mut Outcome,
    wanted: Certify,
) -> Result<Option<Certificate>> {
    let (n, p, q) = problem.dim();
    let iterate = &outcome.iterate;
    // With cells missing −ℓ is not convex, and nothing local tells of the whole.
    let complete = problem.likelihood.is_complete();
    let useless =
        !complete || !problem.is_unstructured() || !(iterate.score.worst() < 0.1) || p * q == 1;
    let doubtful = n * p * q < FEW * (p * p + q * q) || iterate.passes > SLOW;
    if wanted == Certify::Skip || useless || wanted == Certify::Auto && !doubtful {
        return Ok(None);
    }
    let flops = 5.0 * (n * p * q * (p + q)) as f64;
    let free = (FREE_FLOPS / flops) as usize;
    let budget = if wanted == Certify::Force { LIMIT } else { iterate.passes.max(free).min(LIMIT) };
    let mut iterate = iterate.clone();
    problem.complete(&mut iterate)?;
    let local = Local::at(problem, &iterate)?;
    let space = Space { p, q, blocks: iterate.point.blocks() };
    let mut hessian = |v: &Tangent| {
        let direction = space.scaled(v);
        Ok(space.free(space.scaled(&local.curvature(problem, &mut iterate, &direction)?)))
    };
    let score = outcome.iterate.score.worst();
    let flat = FLAT.0.max(FLAT.1 * score);
    let Some((ritz, residual, settled)) = smallest(&space, &mut hessian, budget, flat)? else {
        return Ok(None);
    };
    let curvature = (ritz - residual).max(0.0);
    let gradient = space.free(space.scaled(&local.gradient)).norm();
    // What rounding may hide of the gradient: whitening loses about the condition of the roots.
    let lost = f64::EPSILON * (1.0 + super::climb::spread(&iterate).sqrt());
    let gradient = gradient + 8.0 * lost * ((p + q) as f64).sqrt();
    let decay = outcome.iterate.law.curvature_decay(p, q);
    // An unfinished run bounds the curvature from above only: it proves nothing.
    let distance = decay.filter(|_| settled && curvature > 0.0).and_then(|r| {
        let part = r * (2.0 * (p * q) as f64).sqrt() * gradient / curvature;
        (part < 1.0).then(|| -(-part).ln_1p() / r)
    });
    // Maxima that are not unique form unbounded lines: a bounded distance to all of them is proof
    // of uniqueness, however rough the estimate.
    let unique = settled && (distance.is_some() || ritz > flat);
    if !unique && flat > TOO_ROUGH {
        return Ok(None);
    }
    Ok(Some(Certificate { curvature, distance, unique }))
}

/// The scale-free tangent space (tr X = 0, no mean) in coordinates where the Gaussian's expected
/// information is the identity: X = √(2p) x, V = √(2q) v.
struct Space {
    p: usize,
    q: usize,
    /// Of the mean, which does not move.
    blocks: usize,
}

impl Space {
    fn scaled(&self, v: &Tangent) -> Tangent {
        let unit = |d: usize| (2.0 * d as f64).sqrt();
        let factors = BySide::new(
            &v.factors[Side::Rows] * unit(self.p),
            &v.factors[Side::Cols] * unit(self.q),
        );
        Tangent { factors, mean: Array2::zeros((self.blocks * self.p, self.q)) }
    }

    /// Exactly symmetric and without the redundant scale.
    fn free(&self, v: Tangent) -> Tangent {
        without_scale(v)
    }

    fn dim(&self) -> usize {
        (self.p * (self.p + 1) + self.q * (self.q + 1)) / 2 - 1
    }

    /// A direction without a preference, the same for the same shape.
    fn start(&self) -> Tangent {
        let mut rng = ChaCha8Rng::seed_from_u64((self.p * 1_000_003 + self.q) as u64);
        let mut symmetric = |d: usize| {
            let mut x = Array2::zeros((d, d));
            for i in 0..d {
                for j in 0..=i {
                    x[[i, j]] = (rng.next_u32() as f64 + 0.5) / 2f64.powi(32) - 0.5;
                    x[[j, i]] = x[[i, j]];
                }
            }
            x
        };
        let factors = BySide::new(symmetric(self.p), symmetric(self.q));
        self.free(Tangent { factors, mean: Array2::zeros((self.blocks * self.p, self.q)) })
    }
}

/// (θ, ‖residual‖, settled?) of the smallest Ritz value, with full reorthogonalisation; `None` when
/// the budget of products did not suffice. A flat value ends the run before it has settled.
fn smallest(
    space: &Space,
    hessian: &mut dyn FnMut(&Tangent) -> Result<Tangent>,
    budget: usize,
    flat: f64,
) -> Result<Option<(f64, f64, bool)>> {
    let mut v = space.start();
    v.scale(1.0 / v.norm());
    let mut basis = vec![v];
    let (mut alpha, mut beta) = (Vec::new(), Vec::new());
    for k in 0..budget.min(space.dim()) {
        let mut w = hessian(&basis[k])?;
        // Beyond the range of doubles, as where a factor collapses, nothing is certain.
        if !w.norm().is_finite() {
            return Ok(None);
        }
        alpha.push(w.dot(&basis[k]));
        for _ in 0..2 {
            for u in &basis {
                w.add_scaled(-w.dot(u), u);
            }
        }
        // Rounding is amplified by every short vector: none of it may leave the space.
        w = space.free(w);
        let norm = w.norm();
        // The space that the start can reach is complete: what is left is rounding.
        let exhausted = k + 1 == space.dim() || norm <= EXHAUSTED;
        if exhausted || k % 4 == 3 || k + 1 == budget {
            let (ritz, last) = lowest(&alpha, &beta)?;
            let residual = if exhausted { 0.0 } else { norm * last.abs() };
            // Ritz values bound the smallest eigenvalue from above: one that is flat is proof.
            let settled = k >= EARLIEST && residual <= ACCURACY * ritz;
            if exhausted || settled || ritz <= flat && flat <= TOO_ROUGH {
                return Ok(Some((ritz, residual, exhausted || settled)));
            }
        }
        w.scale(1.0 / norm);
        beta.push(norm);
        basis.push(w);
    }
    Ok(None)
}

/// Exactly symmetric factors without the redundant scale: tr X = 0.
pub(super) fn without_scale(mut v: Tangent) -> Tangent {
    v.factors.iter_mut().for_each(symmetrise);
    let row = &mut v.factors[Side::Rows];
    let trace = row.diag().sum() / row.nrows() as f64;
    row.diag_mut().mapv_inplace(|x| x - trace);
    v
}

/// Eigenvalues and eigenvectors of Lanczos' matrix: α on the diagonal, β beside it.
pub(super) fn tridiagonal(alpha: &[f64], beta: &[f64]) -> Result<SymmetricEigen> {
    let mut t = Array2::from_diag(&Array1::from(alpha.to_vec()));
    for (i, b) in beta.iter().enumerate() {
        t[[i, i + 1]] = *b;
        t[[i + 1, i]] = *b;
    }
    symmetric_eigen("Lanczos' matrix", t.view())
}

/// The smallest eigenvalue of the tridiagonal matrix and the last entry of its eigenvector.
fn lowest(alpha: &[f64], beta: &[f64]) -> Result<(f64, f64)> {
    let k = alpha.len();
    let eigen = tridiagonal(alpha, &beta[..beta.len().min(k - 1)])?;
    Ok((eigen.values[0], eigen.vectors[[k - 1, 0]]))
}
