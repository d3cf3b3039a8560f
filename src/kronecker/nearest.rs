//! Nearest Kronecker products and sums of Kronecker products, by the singular values of R(C).

use super::kronecker_product;
use super::{BlockShape, Kronecker, kvec, rearrange, smat, svec, unkvec, unvec_rows, vec_rows};
use crate::linalg::{Spd, matmul, svd};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// The Kronecker product F ⊗ G nearest to a matrix C in the Frobenius norm.
///
/// Scale: ‖F‖ = ‖G‖. Sign: when F is square with a trace that is not zero (to rounding), tr F > 0;
/// otherwise the entry of F of the largest magnitude is positive. A symmetric C gives factors that
/// are both symmetric, or, only when C is closer to a product of two skew matrices, both skew. A
/// positive definite C gives positive definite factors.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestKronecker {
    /// F (m₁ × n₁).
    pub left: Array2<f64>,
    /// G (m₂ × n₂).
    pub right: Array2<f64>,
    /// ‖C − F ⊗ G‖ (Frobenius), in the units of C.
    pub residual: f64,
}

impl NearestKronecker {
    /// F ⊗ G as an operator.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] and friends when a factor is not positive definite.
    pub fn into_kronecker(self) -> Result<Kronecker> {
        let rows = Spd::new("the left Kronecker factor", self.left)?;
        let cols = Spd::new("the right Kronecker factor", self.right)?;
        Ok(Kronecker::new(rows, cols))
    }
}

/// Where a sum of Kronecker products stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truncation {
    /// At most this many terms.
    Rank(usize),
    /// As few terms as leave a residual of at most this fraction of ‖C‖ (Frobenius).
    Tolerance(f64),
}

/// C ≈ Σ_k F_k ⊗ G_k with orthogonal terms in order of size, ‖F_k‖ = ‖G_k‖ = √σ_k, σ_k the
/// singular values of R(C).
///
/// For a symmetric C every term is symmetric ⊗ symmetric or skew ⊗ skew.
#[derive(Debug, Clone, PartialEq)]
pub struct KroneckerSum {
    terms: Vec<(Array2<f64>, Array2<f64>)>,
    shape: BlockShape,
    residual: f64,
}

impl KroneckerSum {
    /// Decomposes C ((m₁m₂) × (n₁n₂)).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], [`Error::Domain`] for a tolerance that is negative or
    /// NaN.
    pub fn decompose(
        matrix: ArrayView2<'_, f64>,
        shape: BlockShape,
        truncation: Truncation,
    ) -> Result<Self> {
        let triples = singular_triples(matrix, shape)?;
        let total = norm(triples.iter().map(|t| t.size));
        let keep = match truncation {
            Truncation::Rank(rank) => rank.min(triples.len()),
            Truncation::Tolerance(t) if t >= 0.0 => (0..triples.len())
                .find(|&k| norm(triples[k..].iter().map(|t| t.size)) <= t * total)
                .unwrap_or(triples.len()),
            Truncation::Tolerance(t) => {
                return Err(Error::domain("the tolerance", t, "non-negative"));
            }
        };
        let residual = norm(triples[keep..].iter().map(|t| t.size));
        let terms = triples.into_iter().take(keep).map(Triple::into_factors).collect();
        Ok(Self { terms, shape, residual })
    }

    /// Terms that are known already; their shapes must be those of `shape`.
    pub(crate) fn from_terms(terms: Vec<(Array2<f64>, Array2<f64>)>, shape: BlockShape) -> Self {
        Self { terms, shape, residual: 0.0 }
    }

    /// The factors (F_k, G_k).
    pub fn terms(&self) -> &[(Array2<f64>, Array2<f64>)] {
        &self.terms
    }

    /// The shapes of the factors.
    pub fn shape(&self) -> BlockShape {
        self.shape
    }

    /// ‖C − Σ_k F_k ⊗ G_k‖ (Frobenius), in the units of C.
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is no term.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Σ_k F_k X G_kᵀ for X (n₁ × n₂): the matrix form of the sum applied to vec_rows(X).
    ///
    /// # Errors
    /// [`Error::Shape`] when X is not n₁ × n₂.
    pub fn apply(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let expected = (self.shape.left.1, self.shape.right.1);
        if x.dim() != expected {
            return Err(Error::shape("the matrix", format!("{expected:?}"), x.dim()));
        }
        let mut out = Array2::zeros((self.shape.left.0, self.shape.right.0));
        for (left, right) in &self.terms {
            out += &matmul(matmul(left.view(), x).view(), right.t());
        }
        Ok(out)
    }

    /// The sum as one matrix.
    pub fn dense(&self) -> Array2<f64> {
        let mut out = Array2::zeros(self.shape.whole());
        for (left, right) in &self.terms {
            out += &kronecker_product(left.view(), right.view());
        }
        out
    }
}

/// The Kronecker product nearest to C ((m₁m₂) × (n₁n₂)): the leading singular triple of R(C).
///
/// A full singular value decomposition of an m₁n₁ × m₂n₂ matrix; for large blocks use
/// [`nearest_kronecker_of_map`](super::nearest_kronecker_of_map).
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFinite`].
pub fn nearest_kronecker(
    matrix: ArrayView2<'_, f64>,
    shape: BlockShape,
) -> Result<NearestKronecker> {
    let mut sum = KroneckerSum::decompose(matrix, shape, Truncation::Rank(1))?;
    let (left, right) =
        sum.terms.pop().unwrap_or_else(|| (Array2::zeros(shape.left), Array2::zeros(shape.right)));
    Ok(NearestKronecker { left, right, residual: sum.residual })
}

/// One term of R(C) = Σ σ vec(F) vec(G)ᵀ with unit F and G.
struct Triple {
    size: f64,
    left: Array2<f64>,
    right: Array2<f64>,
}

impl Triple {
    fn into_factors(self) -> (Array2<f64>, Array2<f64>) {
        let sign = orientation(&self.left);
        let scale = sign * self.size.sqrt();
        (self.left * scale, self.right * scale)
    }
}

/// The sign that makes the trace, or failing that the largest entry, positive.
pub(super) fn orientation(factor: &Array2<f64>) -> f64 {
    let size = norm(factor.iter().copied());
    let trace: f64 = factor.diag().sum();
    if factor.is_square() && trace.abs() > 1e-10 * size {
        return trace.signum();
    }
    let largest = factor.iter().fold(0.0_f64, |m, &x| if x.abs() > m.abs() { x } else { m });
    if largest < 0.0 { -1.0 } else { 1.0 }
}

fn singular_triples(matrix: ArrayView2<'_, f64>, shape: BlockShape) -> Result<Vec<Triple>> {
    let rearranged = rearrange(matrix, shape)?;
    let mut triples = if is_symmetric(&matrix) && squares(shape) {
        let mut parts = symmetric_part(&rearranged, shape)?;
        parts.extend(skew_part(&rearranged, shape)?);
        parts
    } else {
        triples_of(
            &rearranged,
            |v| unvec_rows(v, shape.left.0, shape.left.1),
            |v| unvec_rows(v, shape.right.0, shape.right.1),
        )?
    };
    // Stable: on a tie the symmetric pair comes before the skew one.
    triples.sort_by(|a, b| b.size.total_cmp(&a.size));
    Ok(triples)
}

fn is_symmetric(matrix: &ArrayView2<'_, f64>) -> bool {
    matrix.is_square() && matrix.indexed_iter().all(|((i, j), &x)| x == matrix[[j, i]])
}

fn squares(shape: BlockShape) -> bool {
    shape.left.0 == shape.left.1 && shape.right.0 == shape.right.1
}

type Flatten = fn(ArrayView2<'_, f64>) -> Result<ndarray::Array1<f64>>;

/// For symmetric C, R(C) maps symmetric matrices to symmetric and skew to skew ones: the two
/// blocks are decomposed apart, at an eighth of the cost each, and the factors are exact.
fn symmetric_part(rearranged: &Array2<f64>, shape: BlockShape) -> Result<Vec<Triple>> {
    let (m, n) = (shape.left.0, shape.right.0);
    let reduced = reduce(rearranged, m, n, svec)?;
    triples_of(&reduced, |v| smat(v, m), |v| smat(v, n))
}

fn skew_part(rearranged: &Array2<f64>, shape: BlockShape) -> Result<Vec<Triple>> {
    let (m, n) = (shape.left.0, shape.right.0);
    if m < 2 || n < 2 {
        return Ok(Vec::new());
    }
    let reduced = reduce(rearranged, m, n, kvec)?;
    triples_of(&reduced, |v| unkvec(v, m), |v| unkvec(v, n))
}

/// E_mᵀ R E_n for the isometric coordinates `flatten` of a subspace of matrices.
fn reduce(rearranged: &Array2<f64>, m: usize, n: usize, flatten: Flatten) -> Result<Array2<f64>> {
    let half = flatten_rows(rearranged.view(), n, flatten)?;
    let whole = flatten_rows(half.t(), m, flatten)?;
    Ok(whole.t().as_standard_layout().into_owned())
}

fn flatten_rows(matrix: ArrayView2<'_, f64>, d: usize, flatten: Flatten) -> Result<Array2<f64>> {
    let rows = matrix
        .rows()
        .into_iter()
        .map(|row| flatten(unvec_rows(row, d, d)?.view()))
        .collect::<Result<Vec<_>>>()?;
    let width = rows.first().map_or(0, |row| row.len());
    Ok(Array2::from_shape_fn((rows.len(), width), |(i, j)| rows[i][j]))
}

fn triples_of(
    matrix: &Array2<f64>,
    left: impl Fn(ndarray::ArrayView1<'_, f64>) -> Result<Array2<f64>>,
    right: impl Fn(ndarray::ArrayView1<'_, f64>) -> Result<Array2<f64>>,
) -> Result<Vec<Triple>> {
    let (u, sizes, vt) = svd("the rearranged matrix", matrix.view())?;
    let mut out = Vec::with_capacity(sizes.len());
    for (k, &size) in sizes.iter().enumerate() {
        out.push(Triple { size, left: left(u.column(k))?, right: right(vt.row(k))? });
    }
    Ok(out)
}

/// Euclidean norm without overflow or underflow.
pub(super) fn norm(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(0.0_f64, |m, x| m.max(x.abs()));
    match largest > 0.0 {
        true => largest * values.map(|x| (x / largest).powi(2)).sum::<f64>().sqrt(),
        false => 0.0,
    }
}

/// ⟨F, G⟩ through the one vec layout.
pub(super) fn inner(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    vec_rows(a.view()).dot(&vec_rows(b.view()))
}
