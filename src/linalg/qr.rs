//! Least squares by a QR factorisation with column pivoting.

use ndarray::{Array2, ArrayView2, Axis};

/// A (n × m) = Q R Pᵀ D with columns of Q orthonormal: D holds the lengths of the columns, so that
/// their units do not matter, and P puts what is most independent first.
#[derive(Debug, Clone)]
pub struct Qr {
    /// Q (n × r).
    basis: Array2<f64>,
    /// R (r × m), upper triangular, columns in pivot order.
    triangle: Array2<f64>,
    order: Vec<usize>,
    lengths: Vec<f64>,
}

/// What is left of a column of length 1 that counts as nothing, in units of rounding.
const ROUNDING: f64 = 64.0;

impl Qr {
    /// Of a matrix of finite numbers: Gram–Schmidt, every column orthogonalised twice.
    pub fn of(matrix: ArrayView2<'_, f64>) -> Self {
        let (n, m) = matrix.dim();
        let length = |c: usize| matrix.column(c).iter().map(|x| x * x).sum::<f64>().sqrt();
        let lengths: Vec<f64> = (0..m).map(length).collect();
        let mut rest = matrix.to_owned();
        for (mut column, length) in rest.columns_mut().into_iter().zip(&lengths) {
            if *length > 0.0 {
                column /= *length;
            }
        }
        let (mut order, mut basis) = ((0..m).collect::<Vec<_>>(), Array2::zeros((n, m)));
        let mut triangle = Array2::zeros((m, m));
        let nothing = ROUNDING * f64::EPSILON * (n.max(m) as f64).sqrt();
        let mut rank = 0;
        while rank < m.min(n) {
            let norm = |k: usize| rest.column(order[k]).dot(&rest.column(order[k])).sqrt();
            // The first of equals: it is the later column that repeats.
            let mut best = (rank, norm(rank));
            for k in rank + 1..m {
                let here = norm(k);
                if here > best.1 * (1.0 + 1e-12) {
                    best = (k, here);
                }
            }
            if !(best.1 > nothing) {
                break;
            }
            let chosen = order.remove(best.0);
            order.insert(rank, chosen);
            let mut column = rest.column(chosen).to_owned();
            for _ in 0..2 {
                for j in 0..rank {
                    let c = basis.column(j).dot(&column);
                    column.scaled_add(-c, &basis.column(j));
                }
            }
            column /= column.dot(&column).sqrt();
            basis.column_mut(rank).assign(&column);
            for &k in &order[rank..] {
                let c = column.dot(&rest.column(k));
                rest.column_mut(k).scaled_add(-c, &column);
            }
            rank += 1;
        }
        for (at, (&c, length)) in order.iter().map(|c| (c, lengths[*c])).enumerate() {
            if length > 0.0 {
                for j in 0..rank.min(at + 1) {
                    triangle[[j, at]] = basis.column(j).dot(&matrix.column(c)) / length;
                }
            }
        }
        let basis = basis.slice_axis_move(Axis(1), (..rank).into());
        Self { basis, triangle: triangle.slice_axis_move(Axis(0), (..rank).into()), order, lengths }
    }

    /// Rank.
    pub fn rank(&self) -> usize {
        self.basis.ncols()
    }

    /// A column that the others explain; `None` at full rank.
    pub fn dependent(&self) -> Option<usize> {
        self.order.get(self.rank()).copied()
    }

    /// The matrix with A Θ nearest to X (n × d), m × d; coefficients of dependent columns are 0.
    pub fn solve(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let right = super::matmul(self.basis.t(), x);
        self.back(right)
    }

    /// (AᵀA)⁻¹ (m × m), at full rank.
    pub fn inverse_gram(&self) -> Array2<f64> {
        let inverse = self.back(Array2::eye(self.rank()));
        super::matmul(inverse.view(), inverse.t())
    }

    /// Q (n × r).
    pub fn basis(&self) -> ArrayView2<'_, f64> {
        self.basis.view()
    }

    /// D⁻¹ P R⁻¹ Y.
    fn back(&self, mut y: Array2<f64>) -> Array2<f64> {
        let rank = self.rank();
        let mut out = Array2::zeros((self.order.len(), y.ncols()));
        for i in (0..rank).rev() {
            for j in i + 1..rank {
                let (c, known) = (self.triangle[[i, j]], y.row(j).to_owned());
                y.row_mut(i).scaled_add(-c, &known);
            }
            y.row_mut(i).mapv_inplace(|v| v / self.triangle[[i, i]]);
            let at = self.order[i];
            out.row_mut(at).assign(&y.row(i));
            out.row_mut(at).mapv_inplace(|v| v / self.lengths[at]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn solves_and_names_what_repeats() {
        // Units that differ by 10⁶: the normal equations would lose 12 digits.
        let a = array![[1.0, 1e6, 2.0], [1.0, 2e6, 3.0], [1.0, 4e6, -1.0], [1.0, 5e6, 0.0]];
        let theta = array![[1.0, -2.0], [3e-6, 4e-6], [0.5, 0.25]];
        let qr = Qr::of(a.view());
        assert_eq!((qr.rank(), qr.dependent()), (3, None));
        let found = qr.solve(a.dot(&theta).view());
        assert!(found.iter().zip(&theta).all(|(x, y)| (x - y).abs() < 1e-13 * y.abs()), "{found}");
        let product = qr.inverse_gram().dot(&a.t().dot(&a));
        assert!(product.iter().zip(&Array2::<f64>::eye(3)).all(|(x, y)| (x - y).abs() < 1e-6));
        let repeated = array![[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]];
        let qr = Qr::of(repeated.view());
        assert_eq!(qr.rank(), 2);
        assert!(qr.dependent().is_some());
        assert_eq!(Qr::of(array![[1.0, 0.0], [1.0, 0.0]].view()).dependent(), Some(1));
    }
}
