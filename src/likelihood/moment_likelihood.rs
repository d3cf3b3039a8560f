//! The Gaussian likelihood from the reduced rearrangement of the second moments.

use super::pairs::{lower_pairs, weight};
use super::{Likelihood, Point, Sides, Sums, Support, Tangent, Visit};
use crate::family::Law;
use crate::kronecker::{BySide, Side};
use crate::linalg::{
    Root, Temp, Triangle, congruence, gemm, lower_part, matmul, upper_part, vectors,
};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// svec of a symmetric matrix, as one row.
fn svec(matrix: &Array2<f64>) -> Temp {
    let d = matrix.nrows();
    let mut out = Temp::zeros((1, d * (d + 1) / 2));
    for (slot, (i, j)) in out.iter_mut().zip(lower_pairs(d)) {
        *slot = weight(i, j) * matrix[[i, j]];
    }
    out
}

/// The inverse of [`svec`].
fn smat(vector: &Array2<f64>, d: usize) -> Temp {
    let mut out = Temp::zeros((d, d));
    for (value, (i, j)) in vector.iter().zip(lower_pairs(d)) {
        out[[i, j]] = value / weight(i, j);
        out[[j, i]] = out[[i, j]];
    }
    out
}

/// The Gaussian likelihood of the samples that went into [`super::Moments`].
///
/// For the laws that weigh samples the moments say nothing: asked for one of them it is an error.
#[derive(Debug, Clone)]
pub struct MomentLikelihood {
    pub(super) n: usize,
    /// Σu.
    pub(super) weight: f64,
    pub(super) average: Array2<f64>,
    pub(super) whitening: Point,
    /// Mean squares of the whitened entries around their mean (p × q).
    pub(super) squares: Array2<f64>,
    /// R, row-major.
    pub(super) reduced: Vec<f64>,
}

/// The point as the moments see it.
struct Seen {
    /// L_A⁻¹ L_A₀.
    row: Temp,
    /// L_B⁻¹ L_B₀.
    col: Temp,
    /// L_A⁻¹ (X̄ − M) L_B⁻ᵀ.
    shift: Temp,
}

impl MomentLikelihood {
    /// Mean squares around their mean of the entries whitened by the moments' point (p × q).
    pub fn squares(&self) -> ArrayView2<'_, f64> {
        self.squares.view()
    }

    fn see(&self, point: &Point) -> Seen {
        let change = |new: &Root, old: &Root| {
            let d = new.order();
            let mut from = Temp::of(old.lower());
            let mut out = Temp::zeros((d, d));
            new.whiten_left(from.flat(), d, out.flat());
            out
        };
        let mut shift = Temp::of(self.average.view());
        *shift -= &point.mean;
        point.whiten_in_place(&mut shift);
        Seen {
            row: change(point.row(), self.whitening.row()),
            col: change(point.col(), self.whitening.col()),
            shift,
        }
    }

    /// Σ Z V Zᵀ for the rows, Σ Zᵀ V Z for the columns, V symmetric; the identity where it is not
    /// given.
    fn scatter_form(
        &self,
        side: Side,
        Seen { row, col, shift }: &Seen,
        v: Option<&Array2<f64>>,
    ) -> Temp {
        let Some(v) = v else {
            return match side {
                Side::Rows => {
                    self.form((row, col), None, vectors::rows_dot, (shift.view(), shift.t()))
                }
                Side::Cols => {
                    self.form((col, row), None, vectors::rows_combine, (shift.t(), shift.view()))
                }
            };
        };
        match side {
            Side::Rows => {
                let half = matmul(shift.view(), v.view());
                self.form((row, col), Some(v), vectors::rows_dot, (half.view(), shift.t()))
            }
            Side::Cols => {
                let half = matmul(v.view(), shift.view());
                self.form((col, row), Some(v), vectors::rows_combine, (shift.t(), half.view()))
            }
        }
    }

    /// T S Tᵀ + n X Y, what is around the average and the average, with svec S = R svec(UᵀVU) or
    /// the transpose of R.
    fn form(
        &self,
        (turn, other): (&Array2<f64>, &Array2<f64>),
        v: Option<&Array2<f64>>,
        map: fn(&[f64], &[f64], &mut [f64]),
        (x, y): (ArrayView2<'_, f64>, ArrayView2<'_, f64>),
    ) -> Temp {
        let d = turn.nrows();
        let mut inside = Temp::zeros((1, d * (d + 1) / 2));
        map(&self.reduced, svec(&sandwich(other, v)).flat(), inside.flat());
        let mut form = Temp::zeros(turn.dim());
        congruence(turn.view(), smat(&inside, d).view(), &mut form);
        let full = Triangle::Full;
        gemm(self.weight, (x, full), (y, full), true, (form.view_mut(), full));
        form
    }
}

/// Tᵀ V T for a lower triangular T.
fn sandwich(t: &Array2<f64>, v: Option<&Array2<f64>>) -> Temp {
    let (d, full) = (t.nrows(), Triangle::Full);
    let mut out = Temp::zeros(t.dim());
    let left = (t.t(), upper_part(d));
    match v {
        Some(v) => {
            let half = matmul(v.view(), t.view());
            gemm(1.0, left, (half.view(), full), false, (out.view_mut(), full));
        }
        None => gemm(1.0, left, (t.view(), lower_part(d)), false, (out.view_mut(), full)),
    }
    out
}

/// ¼(HS + SH) + ½F + ½(DRᵀ + RDᵀ), a part of the Hessian times a direction.
fn assemble(
    h: &Array2<f64>,
    s: &Array2<f64>,
    form: &Array2<f64>,
    cross: &Array2<f64>,
) -> Array2<f64> {
    let product = matmul(h.view(), s.view());
    (&product + &product.t()) * 0.25 + form * 0.5 + (cross + &cross.t()) * 0.5
}

/// Moments serve the law with Ψ = Z and no other.
fn require_constant_weights(law: &dyn Law) -> Result<()> {
    if law.weighting().is_identity() {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: format!("the moments of a sample say nothing about the law \"{}\"", law.name()),
        remedy: "its weights need the samples".to_owned(),
    })
}

impl Likelihood for MomentLikelihood {
    fn dim(&self) -> (usize, usize, usize) {
        let (p, q) = self.average.dim();
        (self.n, p, q)
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn average(&self) -> Result<Array2<f64>> {
        Ok(self.average.clone())
    }

    fn squares(&self, _mean: ArrayView2<'_, f64>, _quick: bool) -> Result<Array2<f64>> {
        Err(no_samples())
    }

    fn sums(&self, at: &Point, law: &dyn Law, sides: Sides, into: &mut Sums) -> Result<()> {
        require_constant_weights(law)?;
        let seen = self.see(at);
        into.clear(sides);
        for side in Side::BOTH.into_iter().filter(|side| sides.has(*side)) {
            into.scatter_mut(side).assign(&self.scatter_form(side, &seen, None));
        }
        into.weight = self.weight;
        into.law_weight = into.weight;
        into.rho = 0.5 * into.inner();
        into.psi.assign(&seen.shift);
        into.psi *= into.weight;
        into.settle(at, law);
        Ok(())
    }

    fn curvature(
        &self,
        at: &Point,
        law: &dyn Law,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<Support> {
        if !law.weighting().is_identity() {
            return Ok(Support::NotAvailable);
        }
        let seen = self.see(at);
        let n = self.weight;
        let Tangent { factors, mean: delta } = along;
        let (x, v) = (&factors[Side::Rows], &factors[Side::Cols]);
        let sum = &*seen.shift * n;
        let cross = BySide::new(matmul(delta.view(), sum.t()), matmul(delta.t(), sum.view()));
        for side in Side::BOTH {
            into.factors[side] = assemble(
                &factors[side],
                &self.scatter_form(side, &seen, None),
                &self.scatter_form(side, &seen, Some(&factors[side.other()])),
                &cross[side],
            );
        }
        into.mean = matmul(x.view(), sum.view()) + matmul(sum.view(), v.view()) + delta * n;
        Ok(Support::Done)
    }

    fn each(&self, _at: &Point, _law: &dyn Law, _visit: &mut Visit<'_>) -> Result<()> {
        Err(no_samples())
    }
}

fn no_samples() -> Error {
    Error::Unsupported {
        what: "moments do not keep the samples".to_owned(),
        remedy: "ask the samples themselves".to_owned(),
    }
}
