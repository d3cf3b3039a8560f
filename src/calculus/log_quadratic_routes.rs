//! Two other routes to the gradient of the log-quadratic form: the Kronecker sum of the published
//! answers, with the number of terms it truly needs, and the dense reference.

use super::log_quadratic::{LogQuadratic, Parts};
use crate::kronecker::{
    BlockShape, KroneckerSum, kronecker_product, rearrange, unvec_rows, vec_rows,
};
use crate::linalg::{Lu, matmul, svd};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// S⁻ᵀ w wᵀ S⁻ᵀ = Σ_k F_k ⊗ G_k, S = A ⊗ B, with as few terms as there can be.
///
/// The rank-one matrix is vec(U) vec(V)ᵀ with U = A⁻ᵀWB⁻¹, V = A⁻¹WB⁻ᵀ, and its rearrangement is
/// U ⊗ V: entry ((i,j),(k,l)) of R is U_ik V_jl. So the least number of terms is
/// rank(U)·rank(V) = rank(W)², and two *small* singular value decompositions,
/// U = Σ s_i u_i x_iᵀ and V = Σ t_j v_j y_jᵀ, give them:
/// F = s_i t_j u_i v_jᵀ, G = x_i y_jᵀ. The bound min(p², q²), valid for any pq × pq matrix, is
/// attained if and only if W has full rank.
pub struct RankOneSum {
    left: Svd,
    right: Svd,
    beta: f64,
}

struct Svd {
    u: Array2<f64>,
    s: Array1<f64>,
    vt: Array2<f64>,
    rank: usize,
}

impl Svd {
    fn new(what: &str, matrix: ArrayView2<'_, f64>) -> Result<Self> {
        let (u, s, vt) = svd(what, matrix)?;
        let cut = f64::EPSILON * matrix.nrows().max(matrix.ncols()) as f64 * s[0];
        let rank = s.iter().filter(|&&x| x > cut).count();
        Ok(Self { u, s, vt, rank })
    }
}

impl RankOneSum {
    /// The terms at the point of `form`; singular values of U and V below max(p, q)·ε of the
    /// largest count as zero.
    ///
    /// # Errors
    /// [`Error::Lapack`] when the decomposition fails.
    pub fn new(form: &LogQuadratic) -> Result<Self> {
        let (outer, inner) = form.rank_one_factors();
        let (left, right) = (Svd::new("A⁻ᵀWB⁻¹", outer)?, Svd::new("A⁻¹WB⁻ᵀ", inner)?);
        Ok(Self { left, right, beta: form.beta() })
    }

    /// Number of terms: rank(U)·rank(V).
    pub fn len(&self) -> usize {
        self.left.rank * self.right.rank
    }

    /// Whether there is no term (W = 0).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// F_k and G_k for k below [`RankOneSum::len`].
    ///
    /// # Errors
    /// [`Error::Domain`] when k is too large.
    pub fn term(&self, k: usize) -> Result<(Array2<f64>, Array2<f64>)> {
        if k >= self.len() {
            return Err(Error::domain("the term", k, format!("below {}", self.len())));
        }
        let (i, j) = (k / self.right.rank, k % self.right.rank);
        let scale = self.left.s[i] * self.right.s[j];
        let outer = |a: ndarray::ArrayView1<'_, f64>, b: ndarray::ArrayView1<'_, f64>| {
            matmul(a.insert_axis(Axis(1)), b.insert_axis(Axis(0)))
        };
        let left = outer(self.left.u.column(i), self.right.u.column(j)) * scale;
        Ok((left, outer(self.left.vt.row(i), self.right.vt.row(j))))
    }

    /// ∂λ/∂A = −(1/β) Σ_k ⟨B, G_k⟩ F_k and ∂λ/∂B = −(1/β) Σ_k ⟨A, F_k⟩ G_k, term by term:
    /// O(rank(W)² (p² + q²)) flops after the two decompositions.
    ///
    /// # Errors
    /// [`Error::Shape`] when A or B does not fit.
    pub fn gradient(
        &self,
        rows: ArrayView2<'_, f64>,
        cols: ArrayView2<'_, f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let (p, q) = (self.left.u.nrows(), self.left.vt.ncols());
        if rows.dim() != (p, p) || cols.dim() != (q, q) {
            return Err(Error::shape(
                "A or B",
                format!("orders {p} and {q}"),
                (rows.dim(), cols.dim()),
            ));
        }
        let (mut by_a, mut by_b) = (Array2::zeros((p, p)), Array2::zeros((q, q)));
        for i in 0..self.left.rank {
            let (u, x) = (self.left.u.column(i), self.left.vt.row(i));
            for j in 0..self.right.rank {
                let (v, y) = (self.right.u.column(j), self.right.vt.row(j));
                let scale = -self.left.s[i] * self.right.s[j] / self.beta;
                add_outer(&mut by_a, scale * x.dot(&cols.dot(&y)), u, v);
                add_outer(&mut by_b, scale * u.dot(&rows.dot(&v)), x, y);
            }
        }
        Ok((by_a, by_b))
    }

    /// The terms as a [`KroneckerSum`] (p²+q² numbers each).
    ///
    /// # Errors
    /// None beyond those of [`RankOneSum::term`].
    pub fn to_kronecker_sum(&self) -> Result<KroneckerSum> {
        let terms = (0..self.len()).map(|k| self.term(k)).collect::<Result<Vec<_>>>()?;
        let shape = BlockShape::square(self.left.u.nrows(), self.left.vt.ncols());
        Ok(KroneckerSum::from_terms(terms, shape))
    }
}

fn add_outer(
    target: &mut Array2<f64>,
    scale: f64,
    a: ndarray::ArrayView1<'_, f64>,
    b: ndarray::ArrayView1<'_, f64>,
) {
    for (mut row, &x) in target.rows_mut().into_iter().zip(a) {
        row.scaled_add(scale * x, &b);
    }
}

/// The dense reference: forms S = A ⊗ B (pq × pq), solves with it, and contracts
/// −(1/β) S⁻ᵀ w wᵀ S⁻ᵀ with ∂S/∂A and ∂S/∂B entry by entry. O(p³q³) flops; for tests.
///
/// Returns β and the gradient by all entries.
///
/// # Errors
/// As for [`LogQuadratic::new`].
pub fn log_quadratic_dense(
    rows: ArrayView2<'_, f64>,
    cols: ArrayView2<'_, f64>,
    residual: ArrayView2<'_, f64>,
    offset: f64,
) -> Result<(f64, Parts)> {
    let (p, q) = (rows.nrows(), cols.nrows());
    if residual.dim() != (p, q) {
        return Err(Error::shape("the residual", format!("{p} × {q}"), residual.dim()));
    }
    let lu = Lu::new("A ⊗ B", kronecker_product(rows, cols).view())?;
    let w = vec_rows(residual);
    let column = w.view().insert_axis(Axis(1));
    let solved = lu.solve(column)?.remove_axis(Axis(1));
    let transposed = lu.solve_transposed(column)?.remove_axis(Axis(1));
    let beta = offset + w.dot(&solved);
    if !(beta > 0.0 && beta.is_finite()) {
        return Err(Error::domain("α + wᵀ(A ⊗ B)⁻¹w", beta, "positive and finite"));
    }
    // The gradient by S is −(1/β) (S⁻ᵀw)(S⁻¹w)ᵀ; ⟨gradient, E_ij ⊗ B⟩ is entry (i, j) by A.
    let rank_one =
        matmul(transposed.view().insert_axis(Axis(1)), solved.view().insert_axis(Axis(0)));
    let by_product = rearrange((rank_one * (-1.0 / beta)).view(), BlockShape::square(p, q))?;
    let by_a = unvec_rows(by_product.dot(&vec_rows(cols)).view(), p, p)?;
    let by_b = unvec_rows(by_product.t().dot(&vec_rows(rows)).view(), q, q)?;
    let mean = unvec_rows(((&solved + &transposed) * (-1.0 / beta)).view(), p, q)?;
    Ok((beta, Parts { rows: by_a, cols: by_b, mean, offset: 1.0 / beta }))
}
