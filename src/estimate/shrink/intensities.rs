//! Intensities by flip-flop: a from the row moment under B, b from the column moment under A, until
//! both stand still.

use super::options::ShrinkRule;
use super::spectrum;
use crate::Result;
use crate::family::Gaussian;
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Likelihood, Point, Sides, Sums};
use crate::linalg::{Root, SymmetricEigen, matmul, symmetric_eigen};
use ndarray::Array2;

/// Rounds at most, and the change that ends them.
const ROUNDS: (usize, f64) = (2000, 1e-11);

/// What the rules look at.
pub(super) struct Moments<'a> {
    /// Where the second moments come from.
    pub(super) likelihood: &'a dyn Likelihood,
    /// Around this mean.
    pub(super) mean: Array2<f64>,
    /// Roots of the targets.
    pub(super) targets: BySide<Root>,
    /// n without what the mean took.
    pub(super) n: usize,
}

/// A flip-flop state: what whitens each side, and the spectrum of its last moment.
pub(super) struct State {
    /// The target's root times a root of the smeared precision's inverse.
    pub(super) point: Point,
}

impl Moments<'_> {
    pub(super) fn start(&self) -> State {
        let (rows, cols) = self.targets.clone().into_pair();
        State { point: Point::new(self.mean.clone(), rows, cols) }
    }

    /// The moment of a side, whitened by its target: (1/n·other) ΣYB̃Yᵀ.
    pub(super) fn moment(&self, state: &State, side: Side) -> Result<SymmetricEigen> {
        let mut point = state.point.clone();
        point.factors[side] = self.targets[side].clone();
        let (p, q) = point.dim();
        let mut sums = Sums::zeros(p, q);
        self.likelihood.sums(&point, &Gaussian, Sides::One(side), &mut sums)?;
        let other = point.factor(side.other()).order();
        let mut moment = sums.scatter_mut(side).clone();
        moment /= (self.n * other) as f64;
        symmetric_eigen("a second moment", moment.view())
    }

    /// Vectors that a side's moment is made of.
    pub(super) fn vectors(&self, side: Side) -> f64 {
        (self.n * self.targets[side.other()].order()) as f64
    }

    /// Sets a side's factor from its moment and an intensity; gives the factor's eigenvalues.
    pub(super) fn set(
        &self,
        state: &mut State,
        side: Side,
        moment: &SymmetricEigen,
        a: f64,
    ) -> Result<()> {
        let d = moment.values.len() as f64;
        let mean = moment.values.sum() / d;
        let factor = moment.values.mapv(|x| (1.0 - a) * x.max(0.0) + a * mean);
        let precision = factor.mapv(|x| 1.0 / x).sum() / d;
        let inverse = factor.mapv(|x| 1.0 / ((1.0 - a) / x + a * precision));
        let inside = Root::of(side.letter(), moment.rebuild(&inverse).view())?;
        let lower = matmul(self.targets[side].lower(), inside.lower());
        state.point.factors[side] = Root::from_lower(lower);
        Ok(())
    }

    /// a and b by a rule that looks at spectra.
    pub(super) fn by_spectrum(&self, rule: ShrinkRule) -> Result<BySide<f64>> {
        let mut state = self.start();
        let mut lambda = BySide::new(1.0, 1.0);
        for _ in 0..ROUNDS.0 {
            let mut change = 0.0_f64;
            for side in Side::BOTH {
                let moment = self.moment(&state, side)?;
                let values = moment.values.to_vec();
                let a = match rule {
                    ShrinkRule::Oas => spectrum::oas(&values, self.vectors(side)),
                    _ => spectrum::evidence(&values, self.vectors(side))?,
                };
                change = change.max((a - lambda[side]).abs());
                lambda[side] = a;
                self.set(&mut state, side, &moment, a)?;
            }
            if change < ROUNDS.1 {
                break;
            }
        }
        Ok(lambda)
    }
}

/// a = mp/(mp + nq) and b = mq/(mq + np).
pub(super) fn of_prior(m: f64, n: usize, (p, q): (usize, usize)) -> BySide<f64> {
    let share = |own: usize, other: usize| {
        let prior = m * own as f64;
        prior / (prior + (n * other) as f64)
    };
    BySide::new(share(p, q), share(q, p))
}
