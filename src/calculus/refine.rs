//! Eigenvalues of a symmetric matrix with small *relative* errors.
//!
//! An eigendecomposition is right up to ε‖X‖: at condition 1000 the small eigenvalues have lost
//! three digits, and ln, √, x⁻¹ or e^{−x} turn that into a relative error of the gradient. One
//! correction restores them: QᵀXQ, accumulated in twice the precision, is diagonal up to ε‖X‖, and
//! Jacobi rotations diagonalise such a matrix with relative errors of a few ε.
//!
//! References: Demmel and Veselić (1992), Jacobi's method is more accurate than QR; Dekker (1971)
//! and Ogita, Rump and Oishi (2005) for the products in twice the precision.

use crate::linalg::SymmetricEigen;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Largest number of sweeps; one or two suffice for a matrix that is nearly diagonal.
const SWEEPS: usize = 8;

/// Improves the eigendecomposition of X, of which ½(X + Xᵀ) is used. O(d³), about ten times the
/// price of the decomposition for large d.
pub(super) fn refine(eigen: SymmetricEigen, x: ArrayView2<'_, f64>) -> SymmetricEigen {
    let mut vectors = eigen.vectors;
    let mut inner = congruence(&vectors, x);
    for _ in 0..SWEEPS {
        if !sweep(&mut inner, &mut vectors) {
            break;
        }
    }
    sorted(inner.diag().to_owned(), &vectors)
}

/// QᵀXQ with products and sums in twice the precision, rounded once at the end.
fn congruence(q: &Array2<f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let d = q.nrows();
    let (mut high, mut low) = (Array2::<f64>::zeros((d, d)), Array2::<f64>::zeros((d, d)));
    let mut symmetric = x.as_standard_layout().into_owned();
    crate::linalg::symmetrise(&mut symmetric);
    for j in 0..d {
        for k in 0..d {
            // Row j of `high` + `low` is X q_j.
            (high[[j, k]], low[[j, k]]) = dot(symmetric.row(k), q.column(j));
        }
    }
    let mut out = Array2::zeros((d, d));
    for i in 0..d {
        for j in 0..=i {
            let (sum, rest) = dot(q.column(i), high.row(j));
            out[[i, j]] = sum + (rest + q.column(i).dot(&low.row(j)));
            out[[j, i]] = out[[i, j]];
        }
    }
    out
}

/// a·b as an unevaluated sum of two numbers.
fn dot(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> (f64, f64) {
    let (mut sum, mut rest) = (0.0, 0.0);
    for (&x, &y) in a.iter().zip(b) {
        let (product, product_error) = two_product(x, y);
        let (next, sum_error) = two_sum(sum, product);
        rest += product_error + sum_error;
        sum = next;
    }
    two_sum(sum, rest)
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

fn two_product(a: f64, b: f64) -> (f64, f64) {
    let split = |x: f64| {
        let c = 134_217_729.0 * x;
        let high = c - (c - x);
        (high, x - high)
    };
    let product = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (split(a), split(b));
    let error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    // Splitting overflows beyond 1e300: then the plain product has to do.
    (product, if error.is_finite() { error } else { 0.0 })
}

/// One cyclic sweep; whether anything was rotated.
fn sweep(matrix: &mut Array2<f64>, vectors: &mut Array2<f64>) -> bool {
    let d = matrix.nrows();
    let mut rotated = false;
    for i in 0..d {
        for j in i + 1..d {
            let off = matrix[[i, j]];
            let scale = matrix[[i, i]].abs().sqrt() * matrix[[j, j]].abs().sqrt();
            if off.abs() <= 0.25 * f64::EPSILON * scale || off == 0.0 {
                continue;
            }
            let tau = (matrix[[j, j]] - matrix[[i, i]]) / (2.0 * off);
            let t = 1.0_f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
            if !t.is_finite() {
                continue;
            }
            rotated = true;
            rotate(matrix, vectors, (i, j), t);
        }
    }
    rotated
}

fn rotate(
    matrix: &mut Array2<f64>,
    vectors: &mut Array2<f64>,
    (i, j): (usize, usize),
    tangent: f64,
) {
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let off = matrix[[i, j]];
    matrix[[i, i]] -= tangent * off;
    matrix[[j, j]] += tangent * off;
    matrix[[i, j]] = 0.0;
    matrix[[j, i]] = 0.0;
    for k in 0..matrix.nrows() {
        if k != i && k != j {
            let (x, y) = (matrix[[k, i]], matrix[[k, j]]);
            matrix[[k, i]] = cosine * x - sine * y;
            matrix[[k, j]] = sine * x + cosine * y;
            matrix[[i, k]] = matrix[[k, i]];
            matrix[[j, k]] = matrix[[k, j]];
        }
        let (x, y) = (vectors[[k, i]], vectors[[k, j]]);
        vectors[[k, i]] = cosine * x - sine * y;
        vectors[[k, j]] = sine * x + cosine * y;
    }
}

fn sorted(values: Array1<f64>, vectors: &Array2<f64>) -> SymmetricEigen {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    SymmetricEigen {
        values: values.select(Axis(0), &order),
        vectors: vectors.select(Axis(1), &order).as_standard_layout().into_owned(),
    }
}
