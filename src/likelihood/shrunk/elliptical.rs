//! Laws whose ρ depends on the distance alone, the Gaussian among them.
//!
//! With Ã = D*(A⁻¹) and B̃ = D*(B⁻¹) the smeared distance tr(Ã Y B̃ Yᵀ) is the plain distance at the
//! point with the factors Ã⁻¹ and B̃⁻¹. So one plain look there is all that is needed of the data,
//! whatever they are kept as; the channels act on its scatters afterwards.

use super::Shrunk;
use super::channel::{Turn, WhiteChannel};
use crate::Result;
use crate::family::Law;
use crate::kronecker::{BySide, Side};
use crate::likelihood::{MeanMetric, Point, Sides, Sums, Support, Tangent};
use crate::linalg::{matmul, symmetrise};
use ndarray::{Array2, ArrayView2};

/// A point and the one where the plain likelihood is asked.
pub(super) struct Seen {
    /// M, Ã⁻¹ and B̃⁻¹.
    pub(super) point: Point,
    channels: BySide<WhiteChannel>,
    turns: BySide<Turn>,
}

impl Seen {
    pub(super) fn of(shrunk: &Shrunk<'_>, at: &Point) -> Result<Self> {
        let channels = shrunk.white_channels(at)?;
        let turns = BySide::try_of(|side| channels[side].turn(side.letter()))?;
        let mut point = at.clone();
        for side in Side::BOTH {
            let lower = matmul(at.factor(side).lower(), turns[side].there.view());
            point.factors[side].set_lower(lower.view());
        }
        Ok(Self { point, channels, turns })
    }

    /// D(C S Cᵀ): a scatter seen from the other point, smeared.
    fn smeared(&self, side: Side, scatter: ArrayView2<'_, f64>) -> Array2<f64> {
        let turn = &self.turns[side].there;
        self.channels[side].smear(&congruent(turn.view(), scatter))
    }

    /// C⁻ᵀ R C⁻¹: what is dual to the mean, from the other point's coordinates.
    fn dual(&self, psi: ArrayView2<'_, f64>) -> Array2<f64> {
        let back = |side| self.turns[side].back.view();
        matmul(matmul(back(Side::Rows).t(), psi).view(), back(Side::Cols))
    }

    /// The direction in which the other point moves.
    fn pushed(&self, along: &Tangent) -> Tangent {
        let factors = BySide::of(|side| {
            let smeared = self.channels[side].adjoint(&along.factors[side]);
            congruent(self.turns[side].there.t(), smeared.view())
        });
        let back = |side| self.turns[side].back.view();
        let half = matmul(back(Side::Rows), along.mean.view());
        Tangent { factors, mean: matmul(half.view(), back(Side::Cols).t()) }
    }
}

/// T S Tᵀ.
fn congruent(t: ArrayView2<'_, f64>, s: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = matmul(matmul(t, s).view(), t.t());
    symmetrise(&mut out);
    out
}

/// ½(XS + SX).
fn symmetric_product(x: &Array2<f64>, s: &Array2<f64>) -> Array2<f64> {
    let mut product = matmul(x.view(), s.view());
    symmetrise(&mut product);
    product
}

/// The smeared sums.
pub(super) fn sums(
    shrunk: &Shrunk<'_>,
    at: &Point,
    law: &dyn Law,
    sides: Sides,
    into: &mut Sums,
) -> Result<()> {
    let seen = Seen::of(shrunk, at)?;
    shrunk.inner.sums(&seen.point, law, sides, into)?;
    for side in Side::BOTH {
        if let Some(scatter) = into.scatter(side) {
            let smeared = seen.smeared(side, scatter);
            into.scatter_mut(side).assign(&smeared);
        }
    }
    into.psi = seen.dual(into.psi.view());
    into.log_likelihood += into.weight * (seen.point.half_ln_det() - at.half_ln_det());
    Ok(())
}

/// The exact Hessian: the plain one at the other point, and the bend of the way there.
pub(super) fn curvature(
    shrunk: &Shrunk<'_>,
    at: &Point,
    law: &dyn Law,
    along: &Tangent,
    into: &mut Tangent,
) -> Result<Support> {
    let seen = Seen::of(shrunk, at)?;
    let pushed = seen.pushed(along);
    if shrunk.inner.curvature(&seen.point, law, &pushed, into)? == Support::NotAvailable {
        return Ok(Support::NotAvailable);
    }
    let (p, q) = at.dim();
    let mut plain = Sums::zeros(p, q);
    shrunk.inner.sums(&seen.point, law, Sides::Both, &mut plain)?;
    for side in Side::BOTH {
        let Some(scatter) = plain.scatter(side).map(|s| s.to_owned()) else {
            return Ok(Support::NotAvailable);
        };
        // −t²: D*(e^{−tX}) bends otherwise than the exponential of what it starts with.
        let bend = symmetric_product(&pushed.factors[side], &scatter) * 0.5;
        let inside = &into.factors[side] - &bend;
        let own = symmetric_product(&along.factors[side], &seen.smeared(side, scatter.view()));
        into.factors[side] = seen.smeared(side, inside.view()) + own * 0.5;
    }
    into.mean = seen.dual(into.mean.view());
    Ok(Support::Done)
}

/// Σw K_A ⊗ K_B: how a move of the mean is weighed.
pub(super) fn mean_metric(shrunk: &Shrunk<'_>, at: &Point, weight: f64) -> Result<MeanMetric> {
    let (rows, cols) = shrunk.white_channels(at)?.into_pair();
    Ok(MeanMetric::Sum(vec![BySide::new(rows.precision * weight, cols.precision)]))
}
