//! Functions of a symmetric matrix with their first and second derivatives, by Daleckii–Krein.

use super::divided;
use super::refine::refine;
use super::user::{self, UserFunction};
use crate::linalg::{SymmetricEigen, matmul, symmetric_eigen, symmetrise};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2};

/// A scalar function f carried to symmetric matrices, f(X) = Q diag(f(λ)) Qᵀ.
#[derive(Debug, Clone)]
pub enum MatrixFunction {
    /// eˣ, any symmetric X.
    Exp,
    /// ln x, positive definite X.
    Log,
    /// √x, positive definite X.
    Sqrt,
    /// 1/x, invertible X.
    Inverse,
    /// x^α: positive definite X, or any symmetric X when α is an integer from 0 to 64.
    Power(f64),
    /// A function of the user with its derivative.
    User(UserFunction),
}

impl MatrixFunction {
    /// f(x); NaN or infinite outside of the domain.
    pub fn scalar(&self, x: f64) -> f64 {
        match self {
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Inverse => 1.0 / x,
            Self::Power(k) if k.fract() == 0.0 && k.abs() <= 64.0 => x.powi(*k as i32),
            Self::Power(exponent) => x.powf(*exponent),
            Self::User(user) => user.value(x),
        }
    }

    /// The first divided difference f[a, b]; f′(a) when a = b.
    pub fn divided(&self, a: f64, b: f64) -> f64 {
        match self {
            Self::Exp => divided::exp1(a, b),
            Self::Log => divided::ln1(a, b),
            Self::Sqrt => divided::sqrt1(a, b),
            Self::Inverse => divided::inverse1(a, b),
            Self::Power(exponent) => divided::power1(*exponent, a, b),
            Self::User(function) => user::first(function, a, b),
        }
    }

    /// The second divided difference f[a, b, c]; f″(a)/2 when all are equal. NaN for a user's
    /// function without f″.
    pub fn divided_twice(&self, a: f64, b: f64, c: f64) -> f64 {
        match self {
            Self::Exp => divided::exp2(a, b, c),
            Self::Log => divided::ln2(a, b, c),
            Self::Sqrt => divided::sqrt2(a, b, c),
            Self::Inverse => divided::inverse2(a, b, c),
            Self::Power(exponent) => divided::power2(*exponent, a, b, c),
            Self::User(function) => user::second(function, a, b, c),
        }
    }

    /// Decomposes X (d × d, symmetric: ½(X + Xᵀ) is used) once, for the value and all
    /// derivatives; about 9d³ flops. `what` names X in errors.
    ///
    /// Where the spectrum would let the absolute errors ε‖X‖ of the eigenvalues show (‖X‖ above
    /// 64 for the exponential and a user's function, a condition number above 64 for the others)
    /// they are refined to small relative errors first, at several times that price.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], and [`Error::Domain`] when an eigenvalue is outside
    /// of the domain or f overflows there.
    pub fn at(&self, what: &str, x: ArrayView2<'_, f64>) -> Result<Spectral> {
        let eigen = symmetric_eigen(what, x)?;
        match self.feels_small_eigenvalues(&eigen.values) {
            true => self.at_eigen(what, refine(eigen, x)),
            false => self.at_eigen(what, eigen),
        }
    }

    /// [`MatrixFunction::at`] for a matrix that is decomposed already.
    ///
    /// # Errors
    /// [`Error::Domain`] as there.
    pub fn at_eigen(&self, what: &str, eigen: SymmetricEigen) -> Result<Spectral> {
        let lambda = &eigen.values;
        for &x in lambda {
            self.require_domain(what, x)?;
        }
        let values = lambda.mapv(|x| self.scalar(x));
        let d = lambda.len();
        let mut table = Array2::zeros((d, d));
        for i in 0..d {
            for j in 0..=i {
                table[[i, j]] = self.divided(lambda[i], lambda[j]);
                table[[j, i]] = table[[i, j]];
            }
        }
        if !values.iter().chain(&table).all(|x| x.is_finite()) {
            return Err(Error::domain(
                format!("the spectrum of {what}"),
                format!("from {:e} to {:e}", lambda[0], lambda[d - 1]),
                format!("where {self:?} and its derivative are finite numbers"),
            ));
        }
        Ok(Spectral { function: self.clone(), eigen, values, table })
    }

    fn feels_small_eigenvalues(&self, lambda: &Array1<f64>) -> bool {
        let largest = lambda.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let smallest = lambda.iter().fold(f64::INFINITY, |m, x| m.min(x.abs()));
        match self {
            Self::Exp | Self::User(_) => largest > 64.0,
            Self::Log | Self::Sqrt | Self::Inverse | Self::Power(_) => largest > 64.0 * smallest,
        }
    }

    fn require_domain(&self, what: &str, x: f64) -> Result<()> {
        let (inside, allowed) = match self {
            Self::Exp | Self::User(_) => (true, ""),
            Self::Inverse => (x != 0.0, "different from 0"),
            Self::Power(k) if k.fract() == 0.0 && (0.0..=64.0).contains(k) => (true, ""),
            Self::Power(k) if *k == -1.0 => (x != 0.0, "different from 0"),
            Self::Power(k) if !k.is_finite() => {
                return Err(Error::domain("the exponent", k, "finite"));
            }
            Self::Log | Self::Sqrt | Self::Power(_) => (x > 0.0, "positive"),
        };
        match inside {
            true => Ok(()),
            false => Err(Error::domain(format!("an eigenvalue of {what}"), x, allowed)),
        }
    }
}

/// f at one symmetric X (d × d): its value and derivatives from one eigendecomposition.
///
/// With X = Q diag(λ) Qᵀ and H̃ = Qᵀ H Q,
///
/// ```text
/// Df(X)[H]     = Q ( f[λ_i, λ_j] ∘ H̃ ) Qᵀ
/// D²f(X)[H, K] = Q ( Σ_k f[λ_i, λ_k, λ_j] (H̃_ik K̃_kj + K̃_ik H̃_kj) ) Qᵀ
/// ```
///
/// Equal eigenvalues need no care: the divided differences are accurate at every gap.
///
/// ```
/// use kronfit::calculus::MatrixFunction;
/// use ndarray::array;
///
/// // D exp(0)[H] = H.
/// let at = MatrixFunction::Exp.at("X", array![[0.0, 0.0], [0.0, 0.0]].view())?;
/// let h = array![[1.0, 2.0], [2.0, -3.0]];
/// assert_eq!(at.derivative(h.view())?, h);
/// # Ok::<(), kronfit::Error>(())
/// ```
///
/// # References
/// Daleckii and Krein (1965); Higham (2008), Functions of Matrices, chapter 3.
#[derive(Debug, Clone)]
pub struct Spectral {
    function: MatrixFunction,
    eigen: SymmetricEigen,
    values: Array1<f64>,
    table: Array2<f64>,
}

impl Spectral {
    /// f(X) (d × d, symmetric).
    pub fn value(&self) -> Array2<f64> {
        self.eigen.rebuild(&self.values)
    }

    /// The eigendecomposition of X.
    pub fn eigen(&self) -> &SymmetricEigen {
        &self.eigen
    }

    /// f(λ), in the order of the eigenvalues.
    pub fn values(&self) -> &Array1<f64> {
        &self.values
    }

    /// The table of first divided differences f[λ_i, λ_j] (d × d, symmetric).
    pub fn divided_differences(&self) -> &Array2<f64> {
        &self.table
    }

    /// The Fréchet derivative Df(X)\[H\] for H (d × d), 8d³ flops.
    ///
    /// As a linear map it is its own adjoint, ⟨G, Df(X)\[H\]⟩ = ⟨Df(X)\[G\], H⟩, for symmetric and
    /// general G and H alike: pulling a gradient G by f(X) back to X is `derivative(G)`.
    /// Exactly symmetric H gives exactly symmetric output.
    ///
    /// # Errors
    /// [`Error::Shape`] when H is not d × d.
    pub fn derivative(&self, h: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let inner = self.inward("the direction", h)? * &self.table;
        Ok(self.outward(inner, is_symmetric(&h)))
    }

    /// The gradient of tr(A f(X)) by X (d × d): Df(X)\[Aᵀ\].
    ///
    /// For a symmetric A this is the symmetric gradient. For a general A it is the gradient by
    /// all d² entries of X (f continued to general matrices); its symmetric part,
    /// Df(X)[½(A + Aᵀ)], is the gradient on symmetric matrices.
    ///
    /// # Errors
    /// [`Error::Shape`] when A is not d × d.
    pub fn trace_gradient(&self, a: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.derivative(a.t())
    }

    /// tr(A f(X)) for A (d × d).
    ///
    /// # Errors
    /// [`Error::Shape`] when A is not d × d.
    pub fn trace(&self, a: ArrayView2<'_, f64>) -> Result<f64> {
        Ok(self.inward("the weight", a)?.diag().dot(&self.values))
    }

    /// The Hessian of tr(A f(X)) times H: D²f(X)[H, Aᵀ] (d × d).
    ///
    /// # Errors
    /// As for [`Spectral::second_derivative`].
    pub fn trace_hessian_product(
        &self,
        a: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.second_derivative(h, a.t())
    }

    /// The second derivative D²f(X)[H, K] for H, K (d × d), symmetric in H and K; O(d³) time with
    /// d³/6 second divided differences, O(d²) memory.
    ///
    /// # Errors
    /// [`Error::Shape`] when H or K is not d × d; [`Error::Unsupported`] for a user's function
    /// without f″.
    pub fn second_derivative(
        &self,
        h: ArrayView2<'_, f64>,
        k: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        if let MatrixFunction::User(user) = &self.function
            && !user.has_second()
        {
            return Err(Error::Unsupported {
                what: format!("{user:?} has no second derivative"),
                remedy: "give f″ with UserFunction::with_second".to_owned(),
            });
        }
        let symmetric = is_symmetric(&h) && is_symmetric(&k);
        let left = self.inward("the first direction", h)?;
        let right = self.inward("the second direction", k)?;
        Ok(self.outward(self.second_inner(&left, &right), symmetric))
    }

    /// Σ_k f[λ_i, λ_k, λ_j](H_ik K_kj + K_ik H_kj): every sorted triple is visited once and added
    /// to each entry it belongs to.
    fn second_inner(&self, h: &Array2<f64>, k: &Array2<f64>) -> Array2<f64> {
        let lambda = &self.eigen.values;
        let d = lambda.len();
        let mut out = Array2::zeros((d, d));
        for a in 0..d {
            for b in a..d {
                for c in b..d {
                    let f2 = self.second_difference(a, b, c);
                    let mut add = |i: usize, m: usize, j: usize| {
                        out[[i, j]] += f2 * (h[[i, m]] * k[[m, j]] + k[[i, m]] * h[[m, j]]);
                        if i != j {
                            out[[j, i]] += f2 * (h[[j, m]] * k[[m, i]] + k[[j, m]] * h[[m, i]]);
                        }
                    };
                    add(a, b, c);
                    if b != c {
                        add(a, c, b);
                    }
                    if a != b {
                        add(b, a, c);
                    }
                }
            }
        }
        out
    }

    /// f[λ_a, λ_b, λ_c] for a ≤ b ≤ c, from the table of first differences where that is accurate.
    fn second_difference(&self, a: usize, b: usize, c: usize) -> f64 {
        let lambda = &self.eigen.values;
        let (lo, hi) = (lambda[a], lambda[c]);
        let quotient = match self.function {
            MatrixFunction::Exp => divided::exp_quotient(lo, hi),
            MatrixFunction::Log => divided::ln_quotient(lo, hi),
            _ => false,
        };
        match quotient {
            true => (self.table[[b, c]] - self.table[[a, b]]) / (hi - lo),
            false => self.function.divided_twice(lo, lambda[b], hi),
        }
    }

    /// Qᵀ M Q.
    fn inward(&self, what: &str, m: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let q = &self.eigen.vectors;
        let d = q.nrows();
        if m.dim() != (d, d) {
            return Err(Error::shape(what, format!("{d} × {d}"), m.dim()));
        }
        Ok(matmul(q.t(), matmul(m, q.view()).view()))
    }

    /// Q M Qᵀ.
    fn outward(&self, m: Array2<f64>, symmetric: bool) -> Array2<f64> {
        let q = &self.eigen.vectors;
        let mut out = matmul(q.view(), matmul(m.view(), q.t()).view());
        if symmetric {
            symmetrise(&mut out);
        }
        out
    }
}

fn is_symmetric(m: &ArrayView2<'_, f64>) -> bool {
    m.indexed_iter().all(|((i, j), &x)| m.get((j, i)).is_some_and(|&y| x == y))
}
