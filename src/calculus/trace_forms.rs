//! Scalar trace forms: value, gradient, Hessian as an operator, a bilinear form and a matrix.

use super::layout::{Convention, VecOrder};
use crate::kronecker::duplication;
use crate::linalg::{Lu, matmul, require_finite, require_square};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2};

/// A real function of a matrix X (m × n) built from traces.
///
/// ```
/// use kronfit::calculus::{TraceForm, VecOrder};
/// use ndarray::array;
///
/// // d tr(AX) = tr(A dX): the array of partial derivatives is Aᵀ, whatever X is.
/// let form = TraceForm::Linear { a: array![[1.0, 2.0], [3.0, 4.0]] };
/// let gradient = form.gradient(array![[0.0, 0.0], [0.0, 0.0]].view())?;
/// assert_eq!(gradient, array![[1.0, 3.0], [2.0, 4.0]]);
/// # Ok::<(), kronfit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum TraceForm {
    /// tr(A X), A n × m. Gradient Aᵀ, Hessian 0.
    Linear {
        /// A (n × m).
        a: Array2<f64>,
    },
    /// tr(A X) tr(B X), A and B n × m. Gradient Aᵀ tr(BX) + Bᵀ tr(AX), Hessian abᵀ + baᵀ with
    /// a = vec(Aᵀ), b = vec(Bᵀ).
    Product {
        /// A (n × m).
        a: Array2<f64>,
        /// B (n × m).
        b: Array2<f64>,
    },
    /// tr(A X B Xᵀ), A m × m, B n × n. Gradient AXB + AᵀXBᵀ, Hessian A ⊗ Bᵀ + Aᵀ ⊗ B on
    /// vec_rows.
    Quadratic {
        /// A (m × m).
        a: Array2<f64>,
        /// B (n × n).
        b: Array2<f64>,
    },
    /// tr(A X B X), A and B n × m. Gradient AᵀXᵀBᵀ + BᵀXᵀAᵀ.
    Sandwich {
        /// A (n × m).
        a: Array2<f64>,
        /// B (n × m).
        b: Array2<f64>,
    },
    /// tr(A X⁻¹), A and X m × m. Gradient −X⁻ᵀAᵀX⁻ᵀ.
    Inverse {
        /// A (m × m).
        a: Array2<f64>,
    },
    /// ln |det X|, X m × m. Gradient X⁻ᵀ, Hessian H ↦ −X⁻ᵀHᵀX⁻ᵀ.
    LnDet,
}

impl TraceForm {
    /// The value at X (m × n).
    ///
    /// # Errors
    /// [`Error::Shape`] when X does not fit, [`Error::NonFinite`], [`Error::Singular`].
    pub fn value(&self, x: ArrayView2<'_, f64>) -> Result<f64> {
        self.require(&x)?;
        Ok(match self {
            Self::Linear { a } => trace_product(a, x),
            Self::Product { a, b } => trace_product(a, x) * trace_product(b, x),
            Self::Quadratic { a, b } => inner(&x, &product(&[a.view(), x, b.view()])),
            Self::Sandwich { a, b } => trace_product(a, product(&[x, b.view(), x]).view()),
            Self::Inverse { a } => Lu::new("X", x)?.solve(a.view())?.diag().sum(),
            Self::LnDet => ln_abs_det(x)?,
        })
    }

    /// The gradient at X (m × n): the array of partial derivatives, dg = ⟨G, dX⟩.
    ///
    /// # Errors
    /// As for [`TraceForm::value`].
    pub fn gradient(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.require(&x)?;
        Ok(match self {
            Self::Linear { a } => owned(a.t()),
            Self::Product { a, b } => &a.t() * trace_product(b, x) + &b.t() * trace_product(a, x),
            Self::Quadratic { a, b } => {
                product(&[a.view(), x, b.view()]) + product(&[a.t(), x, b.t()])
            }
            Self::Sandwich { a, b } => {
                product(&[a.t(), x.t(), b.t()]) + product(&[b.t(), x.t(), a.t()])
            }
            Self::Inverse { a } => -sandwich_inverse(&Lu::new("X", x)?, a.t())?,
            Self::LnDet => Lu::new("X", x)?.solve_transposed(Array2::eye(x.nrows()).view())?,
        })
    }

    /// The partial derivatives at X in a named layout: [`Convention::Denominator`] is the gradient
    /// (m × n, entry (i, j) is ∂g/∂X_ij), [`Convention::Numerator`] its transpose (n × m).
    ///
    /// # Errors
    /// As for [`TraceForm::value`].
    pub fn gradient_in(
        &self,
        x: ArrayView2<'_, f64>,
        convention: Convention,
    ) -> Result<Array2<f64>> {
        let gradient = self.gradient(x)?;
        Ok(match convention {
            Convention::Denominator => gradient,
            Convention::Numerator => owned(gradient.t()),
        })
    }

    /// The derivative at X along H, a linear map of H: ⟨G, H⟩.
    ///
    /// # Errors
    /// As for [`TraceForm::value`].
    pub fn derivative(&self, x: ArrayView2<'_, f64>, h: ArrayView2<'_, f64>) -> Result<f64> {
        require_same(&x, &h)?;
        Ok(inner(&h, &self.gradient(x)?))
    }

    /// The Hessian at X times H (m × n): the derivative of the gradient along H.
    ///
    /// # Errors
    /// As for [`TraceForm::value`].
    pub fn hessian_product(
        &self,
        x: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.require(&x)?;
        require_same(&x, &h)?;
        Ok(match self {
            Self::Linear { .. } => Array2::zeros(x.dim()),
            // The gradients of the other forms that are quadratic are linear in X.
            Self::Product { .. } | Self::Quadratic { .. } | Self::Sandwich { .. } => {
                self.gradient(h)?
            }
            Self::Inverse { a } => {
                let lu = Lu::new("X", x)?;
                let inner = sandwich_inverse(&lu, a.t())?;
                let left = matmul(h.t(), inner.view());
                let right = matmul(inner.view(), h.t());
                lu.solve_transposed(left.view())? + lu.solve(right.t())?.t()
            }
            Self::LnDet => -sandwich_inverse(&Lu::new("X", x)?, h.t())?,
        })
    }

    /// The Hessian at X as a bilinear form: ⟨H, Hess\[K\]⟩.
    ///
    /// # Errors
    /// As for [`TraceForm::value`].
    pub fn bilinear(
        &self,
        x: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
        k: ArrayView2<'_, f64>,
    ) -> Result<f64> {
        require_same(&x, &h)?;
        Ok(inner(&h, &self.hessian_product(x, k)?))
    }

    /// The Hessian at X as an mn × mn matrix on vec(X) in the order named; symmetric.
    ///
    /// # Errors
    /// As for [`TraceForm::value`].
    pub fn hessian(&self, x: ArrayView2<'_, f64>, order: VecOrder) -> Result<Array2<f64>> {
        super::layout::matrix_of_map(x.dim(), order, |h| self.hessian_product(x, h))
    }

    /// The Hessian at X (m × m) restricted to symmetric directions, as a matrix on vech: DᵀHD with
    /// the duplication matrix D.
    ///
    /// # Errors
    /// As for [`TraceForm::value`]; [`Error::Shape`] when X is not square.
    pub fn hessian_on_symmetric(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let d = duplication(require_square("X", &x)?);
        let full = self.hessian(x, VecOrder::Rows)?;
        Ok(matmul(d.t(), matmul(full.view(), d.view()).view()))
    }

    fn require(&self, x: &ArrayView2<'_, f64>) -> Result<()> {
        let (m, n) = x.dim();
        let needed = match self {
            Self::Linear { a } => vec![("A", a.dim(), (n, m))],
            Self::Product { a, b } | Self::Sandwich { a, b } => {
                vec![("A", a.dim(), (n, m)), ("B", b.dim(), (n, m))]
            }
            Self::Quadratic { a, b } => vec![("A", a.dim(), (m, m)), ("B", b.dim(), (n, n))],
            Self::Inverse { a } => vec![("X", (m, n), (m, m)), ("A", a.dim(), (m, m))],
            Self::LnDet => vec![("X", (m, n), (m, m))],
        };
        for (what, found, expected) in needed {
            if found != expected {
                return Err(Error::shape(what, format!("{expected:?} for X {m} × {n}"), found));
            }
        }
        require_finite("X", x)
    }
}

/// X⁻ᵀ M X⁻ᵀ.
fn sandwich_inverse(lu: &Lu, m: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let left = lu.solve_transposed(m)?;
    Ok(owned(lu.solve(left.t())?.t()))
}

fn ln_abs_det(x: ArrayView2<'_, f64>) -> Result<f64> {
    let sizes = crate::linalg::singular_values("X", x)?;
    match sizes.iter().all(|&s| s > 0.0) {
        true => Ok(sizes.iter().map(|s| s.ln()).sum()),
        false => Err(Error::Singular { what: "X".to_owned() }),
    }
}

fn owned(m: ArrayView2<'_, f64>) -> Array2<f64> {
    m.as_standard_layout().into_owned()
}

fn product(factors: &[ArrayView2<'_, f64>]) -> Array2<f64> {
    let mut out = owned(factors[0]);
    for factor in &factors[1..] {
        out = matmul(out.view(), *factor);
    }
    out
}

/// tr(A X) without the product.
fn trace_product(a: &Array2<f64>, x: ArrayView2<'_, f64>) -> f64 {
    inner(&a.t(), &owned(x))
}

fn inner(a: &ArrayView2<'_, f64>, b: &Array2<f64>) -> f64 {
    ndarray::Zip::from(a).and(b).fold(0.0, |sum, x, y| sum + x * y)
}

fn require_same(x: &ArrayView2<'_, f64>, h: &ArrayView2<'_, f64>) -> Result<()> {
    match x.dim() == h.dim() {
        true => Ok(()),
        false => Err(Error::shape("the direction", format!("{:?}", x.dim()), h.dim())),
    }
}

/// On which matrices convexity is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// All matrices.
    General,
    /// Symmetric matrices, or any open subset of them such as the positive definite ones.
    Symmetric,
}

/// Whether X ↦ tr(AX) tr(BX) is convex, with the extreme curvatures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convexity {
    /// Convex if and only if one of A, B is zero or B = cA with c > 0.
    pub is_convex: bool,
    /// Smallest curvature along a direction of unit Frobenius norm: ⟨a, b⟩ − |a||b| (with 0, which
    /// is in the spectrum from two free entries on, no larger).
    pub smallest: f64,
    /// Largest curvature: ⟨a, b⟩ + |a||b|.
    pub largest: f64,
}

/// Decides the convexity of tr(AX) tr(BX) for A, B of one shape.
///
/// The Hessian abᵀ + baᵀ has the eigenvalues ⟨a, b⟩ ± |a||b| and zeros, so by Cauchy–Schwarz it
/// has a negative one unless a and b point the same way. On [`Domain::Symmetric`] A and B are
/// replaced by their symmetric parts. The definiteness of A and B plays no part. Directions that
/// agree to 1e-14 count as equal.
///
/// # Errors
/// [`Error::Shape`] when the shapes differ (or are not square, on symmetric matrices),
/// [`Error::NonFinite`].
pub fn trace_product_convexity(
    a: ArrayView2<'_, f64>,
    b: ArrayView2<'_, f64>,
    domain: Domain,
) -> Result<Convexity> {
    require_same(&a, &b)?;
    require_finite("A", &a)?;
    require_finite("B", &b)?;
    let (mut a, mut b) = (owned(a), owned(b));
    if domain == Domain::Symmetric {
        require_square("A", &a)?;
        crate::linalg::symmetrise(&mut a);
        crate::linalg::symmetrise(&mut b);
    }
    let size = |m: &Array2<f64>| inner(&m.view(), m).sqrt();
    let (size_a, size_b) = (size(&a), size(&b));
    let scale = size_a * size_b;
    if scale == 0.0 {
        return Ok(Convexity { is_convex: true, smallest: 0.0, largest: 0.0 });
    }
    // |a||b| − ⟨a,b⟩ = ½|a||b| ‖a/|a| − b/|b|‖²: no cancellation for nearly parallel a, b.
    let unlike = size(&(&a / size_a - &b / size_b));
    let smallest = -0.5 * scale * unlike * unlike;
    let largest = inner(&a.view(), &b) + scale;
    Ok(Convexity { is_convex: unlike <= 1e-14, smallest, largest })
}

/// The gradient of a form by the free entries of a symmetric X (vech order): DᵀG, off-diagonal
/// entries of G + Gᵀ once.
///
/// # Errors
/// [`Error::Shape`] when G is not square.
pub fn vech_gradient(gradient: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
    require_square("the gradient", &gradient)?;
    let mut sum = &gradient + &gradient.t();
    sum.diag_mut().mapv_inplace(|x| 0.5 * x);
    crate::kronecker::vech(sum.view())
}
