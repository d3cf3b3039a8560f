//! The Gaussian likelihood from the reduced rearrangement of the second moments.

use super::moments::{lower_pairs, weight};
use super::{Pass, Point, Source, Tangent, Want};
use crate::family::{DofFamily, Law};
use crate::linalg::{
    Root, Temp, Triangle, congruence, gemm, lower_part, matmul, upper_part, vectors,
};
use ndarray::{Array1, Array2, ArrayView2};

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
/// For the laws that weigh samples the moments say nothing: a pass under such a law gives NaN.
#[derive(Debug, Clone)]
pub struct MomentSource {
    pub(super) n: usize,
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

impl MomentSource {
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
            row: change(&point.row, &self.whitening.row),
            col: change(&point.col, &self.whitening.col),
            shift,
        }
    }

    /// Σ Z V Zᵀ for a symmetric V, the identity where it is not given.
    fn row_form(&self, Seen { row, col, shift }: &Seen, v: Option<&Array2<f64>>) -> Temp {
        let half = v.map_or_else(|| shift.clone(), |v| matmul(shift.view(), v.view()).into());
        self.form((row, col), v, vectors::rows_dot, (half.view(), shift.t()))
    }

    /// Σ Zᵀ H Z for a symmetric H, the identity where it is not given.
    fn col_form(&self, Seen { row, col, shift }: &Seen, h: Option<&Array2<f64>>) -> Temp {
        let half = h.map_or_else(|| shift.clone(), |h| matmul(h.view(), shift.view()).into());
        self.form((col, row), h, vectors::rows_combine, (shift.t(), half.view()))
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
        gemm(self.n as f64, (x, full), (y, full), true, (form.view_mut(), full));
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

impl Source for MomentSource {
    fn dim(&self) -> (usize, usize, usize) {
        let (p, q) = self.average.dim();
        (self.n, p, q)
    }

    fn average(&self) -> ArrayView2<'_, f64> {
        self.average.view()
    }

    fn pass(&self, point: &Point, law: &dyn Law, want: Want, out: &mut Pass) {
        let (n, p, q) = self.dim();
        let seen = self.see(point);
        let (row_unit, col_unit) = ((n * q) as f64, (n * p) as f64);
        if want != Want::Col {
            out.row_scatter.assign(&self.row_form(&seen, None));
            out.row_scatter /= row_unit;
        }
        if want != Want::Row {
            out.col_scatter.assign(&self.col_form(&seen, None));
            out.col_scatter /= col_unit;
        }
        let trace = match want {
            Want::Col => out.col_scatter.diag().sum() * col_unit,
            _ => out.row_scatter.diag().sum() * row_unit,
        };
        out.rho_sum = if law.weighting().is_identity() { 0.5 * trace } else { f64::NAN };
        out.weight_sum = n as f64;
        out.psi_sum.assign(&seen.shift);
        out.psi_sum *= n as f64;
    }

    fn curvature(&self, point: &Point, _law: &dyn Law, direction: &Tangent, out: &mut Tangent) {
        let seen = self.see(point);
        let n = self.n as f64;
        let Tangent { row: x, col: v, mean: delta } = direction;
        let sum = &*seen.shift * n;
        let row_cross = matmul(delta.view(), sum.t());
        let col_cross = matmul(delta.t(), sum.view());
        let row_scatter = self.row_form(&seen, None);
        let col_scatter = self.col_form(&seen, None);
        out.row = assemble(x, &row_scatter, &self.row_form(&seen, Some(v)), &row_cross);
        out.col = assemble(v, &col_scatter, &self.col_form(&seen, Some(x)), &col_cross);
        out.mean = matmul(x.view(), sum.view()) + matmul(sum.view(), v.view()) + delta * n;
    }

    fn summaries(&self, point: &Point, family: &dyn DofFamily) -> Array1<f64> {
        let (p, q) = point.mean.dim();
        Array1::from_elem(self.n * family.summary_len(p, q), f64::NAN)
    }
}
