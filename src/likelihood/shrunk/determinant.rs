//! The matrix t: ρ = (κ/4)[ln|I + R| + ln|I + C|] with the smeared R = D(Z K_B Zᵀ) and
//! C = D(Zᵀ K_A Z), the average of the two forms of one determinant that the channels set apart.

use super::Shrunk;
use super::channel::WhiteChannel;
use crate::Result;
use crate::family::Law;
use crate::kronecker::{BySide, Side};
use crate::likelihood::{MeanMetric, Point, Sides, Sums, Tangent};
use crate::linalg::{Spd, matmul, symmetrise};
use ndarray::{Array2, ArrayView2};

/// What one form of the determinant gives for one sample. "Own" is its side.
struct Form {
    /// E = (I + R)⁻¹.
    inverse: Array2<f64>,
    /// D*(E).
    adjoint: Array2<f64>,
    /// ln|I + R|.
    ln_det: f64,
}

impl Form {
    /// From Y, which is Z for the rows and Zᵀ for the columns, with the other side's K.
    fn of(y: ArrayView2<'_, f64>, own: &WhiteChannel, other: &WhiteChannel) -> Result<Self> {
        let moment = matmul(matmul(y, other.precision.view()).view(), y.t());
        let mut whole = own.smear(&moment);
        whole.diag_mut().mapv_inplace(|x| x + 1.0);
        symmetrise(&mut whole);
        let spd = Spd::new("I + R", whole)?;
        let inverse = spd.inverse();
        let adjoint = own.adjoint(&inverse);
        Ok(Self { inverse, adjoint, ln_det: spd.ln_det() })
    }
}

/// Z as a side sees it.
fn seen(z: ArrayView2<'_, f64>, side: Side) -> ArrayView2<'_, f64> {
    match side {
        Side::Rows => z,
        Side::Cols => z.reversed_axes(),
    }
}

/// The smeared sums.
pub(super) fn sums(
    shrunk: &Shrunk<'_>,
    at: &Point,
    (law, kappa): (&dyn Law, f64),
    sides: Sides,
    into: &mut Sums,
) -> Result<()> {
    into.clear(sides);
    let channels = shrunk.white_channels(at)?;
    // Σ(I − E) and ΣYD*(F)Yᵀ by side.
    let (p, q) = at.dim();
    let square = |side| Array2::zeros(if side == Side::Rows { (p, p) } else { (q, q) });
    let mut excess: BySide<Array2<f64>> = BySide::of(square);
    let mut moment: BySide<Array2<f64>> = BySide::of(square);
    let (mut weight, mut ln_det) = (0.0, 0.0);
    let mut psi = Array2::zeros((p, q));
    shrunk.each_white(at, &mut |u, z| {
        weight += u;
        for side in Side::BOTH {
            let y = seen(z, side);
            let (own, other) = (&channels[side], &channels[side.other()]);
            let form = Form::of(y, own, other)?;
            ln_det += u * form.ln_det;
            excess[side].scaled_add(-u, &form.inverse);
            excess[side].diag_mut().mapv_inplace(|x| x + u);
            let half = matmul(form.adjoint.view(), y);
            moment[side.other()].scaled_add(u, &matmul(y.t(), half.view()));
            let pull = matmul(half.view(), other.precision.view());
            psi.scaled_add(0.5 * kappa * u, &seen(pull.view(), side));
        }
        Ok(())
    })?;
    for side in Side::BOTH.into_iter().filter(|side| sides.has(*side)) {
        let whole = &excess[side] + &channels[side].smear(&moment[side]);
        into.scatter_mut(side).assign(&(whole * (0.5 * kappa)));
    }
    into.psi.assign(&psi);
    into.weight = weight;
    into.law_weight = weight;
    into.rho = 0.25 * kappa * ln_det;
    into.settle(at, law);
    Ok(())
}

/// (κ/2)[ΣD*(E) ⊗ K_B + K_A ⊗ ΣD*(F)].
pub(super) fn mean_metric(shrunk: &Shrunk<'_>, at: &Point, kappa: f64) -> Result<MeanMetric> {
    let channels = shrunk.white_channels(at)?;
    let mut total: BySide<Option<Array2<f64>>> = BySide::default();
    shrunk.each_white(at, &mut |u, z| {
        for side in Side::BOTH {
            let form = Form::of(seen(z, side), &channels[side], &channels[side.other()])?;
            let scaled = form.adjoint * (0.5 * kappa * u);
            total[side] = Some(match total[side].take() {
                Some(sum) => sum + scaled,
                None => scaled,
            });
        }
        Ok(())
    })?;
    let ((rows, cols), (first, second)) = (total.into_pair(), channels.into_pair());
    let terms = [rows.map(|e| (e, second.precision)), cols.map(|f| (first.precision, f))];
    let terms = terms.into_iter().flatten().map(|(rows, cols)| BySide::new(rows, cols)).collect();
    Ok(MeanMetric::Sum(terms))
}

/// The Hessian of −ℓ along geodesics times a direction.
///
/// With W = X − D(YD*(V)Yᵀ) − D(ΔK Yᵀ + YKΔᵀ) one form's second derivative is
/// tr EX² + tr D*(E) Y D*(V²) Yᵀ + 4 tr D*(E) Δ D*(V) Yᵀ + 2 tr D*(E) ΔKΔᵀ − tr EWEW.
pub(super) fn curvature(
    shrunk: &Shrunk<'_>,
    at: &Point,
    kappa: f64,
    along: &Tangent,
    into: &mut Tangent,
) -> Result<()> {
    let (p, q) = at.dim();
    let channels = shrunk.white_channels(at)?;
    let moved = BySide::of(|side| channels[side].adjoint(&along.factors[side]));
    let mut out = Tangent::zeros(p, q);
    shrunk.each_white(at, &mut |u, z| {
        for side in Side::BOTH {
            let other = side.other();
            let (own, across) = (&channels[side], &channels[other]);
            let (y, delta) = (seen(z, side), seen(along.mean.view(), side));
            let form = Form::of(y, own, across)?;
            let (e, x) = (form.inverse.view(), &along.factors[side]);
            let v = moved[other].view();
            let k = across.precision.view();
            // YD*(V)Yᵀ + ΔKYᵀ + YKΔᵀ.
            let mut inside = matmul(matmul(delta, k).view(), y.t());
            inside = &inside + &inside.t() + matmul(matmul(y, v).view(), y.t());
            let change = x - &own.smear(&inside);
            let middle = matmul(matmul(e, change.view()).view(), e);
            let lifted = own.adjoint(&middle);
            let scale = 0.25 * kappa * u;
            let mut own_part = matmul(x.view(), e) - &middle;
            symmetrise(&mut own_part);
            out.factors[side].scaled_add(scale, &own_part);
            // D(Yᵀ D*(E) Y) with V, and what W and Δ add.
            let adjoint = form.adjoint.view();
            let weighed = matmul(adjoint, y);
            let seen_e = across.smear(&matmul(y.t(), weighed.view()));
            let cross = across.smear(&symmetrised(
                matmul(weighed.t(), delta) * 2.0 + matmul(y.t(), matmul(lifted.view(), y).view()),
            ));
            let mut other_part = matmul(along.factors[other].view(), seen_e.view()) + cross;
            symmetrise(&mut other_part);
            out.factors[other].scaled_add(scale, &other_part);
            let mean = matmul(weighed.view(), v)
                + matmul(matmul(adjoint, delta).view(), k)
                + matmul(matmul(lifted.view(), y).view(), k);
            out.mean.scaled_add(2.0 * scale, &seen(mean.view(), side));
        }
        Ok(())
    })?;
    *into = out;
    Ok(())
}

fn symmetrised(mut matrix: Array2<f64>) -> Array2<f64> {
    symmetrise(&mut matrix);
    matrix
}
