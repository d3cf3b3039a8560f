//! Coordinates around a fit: what each parameter moves, in whitened coordinates.

use crate::estimate::Fit;
use crate::kronecker::{BySide, Side, smat, svec};
use crate::likelihood::Tangent;
use crate::linalg::{Root, matmul, symmetric_eigen};
use crate::structure::Shape;
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use std::sync::Arc;

/// The directions that one factor's coordinates move it in, X_k = L⁻¹ (∂A/∂θ_k) L⁻ᵀ.
#[derive(Debug, Clone)]
enum Basis {
    /// Normal coordinates A = L exp(smat x) Lᵀ of an unstructured factor: the svec basis.
    Svec,
    /// A structure's own coordinates; rows are flattened X_k.
    Dense(Array2<f64>),
}

/// One factor with its coordinates.
#[derive(Debug, Clone)]
pub(super) struct FactorFrame {
    pub(super) shape: Arc<dyn Shape>,
    pub(super) root: Root,
    /// The structure's coordinates; empty for normal coordinates.
    pub(super) theta: Vec<f64>,
    basis: Basis,
}

impl FactorFrame {
    fn new(shape: Arc<dyn Shape>, root: &Root) -> Result<Self> {
        let root = root.clone();
        if shape.is_unstructured() {
            return Ok(Self { shape, root, theta: Vec::new(), basis: Basis::Svec });
        }
        let d = root.order();
        let theta = shape.coordinates_of(&root)?;
        let mut rows = Array2::zeros((theta.len(), d * d));
        let mut unit = vec![0.0; theta.len()];
        for k in 0..theta.len() {
            unit[k] = 1.0;
            let white = root.whiten(shape.push_forward(&theta, &unit, d)?.view());
            rows.row_mut(k).iter_mut().zip(&white).for_each(|(to, x)| *to = *x);
            unit[k] = 0.0;
        }
        Ok(Self { shape, root, theta, basis: Basis::Dense(rows) })
    }

    /// Order of the factor.
    pub(super) fn order(&self) -> usize {
        self.root.order()
    }

    /// Number of coordinates.
    pub(super) fn len(&self) -> usize {
        match &self.basis {
            Basis::Svec => self.order() * (self.order() + 1) / 2,
            Basis::Dense(rows) => rows.nrows(),
        }
    }

    /// Coordinates that move nothing new.
    pub(super) fn redundant(&self) -> usize {
        self.len().saturating_sub(self.shape.n_parameters(self.order()))
    }

    /// Σ_k w_k X_k.
    pub(super) fn combine(&self, weights: ArrayView1<'_, f64>) -> Result<Array2<f64>> {
        let d = self.order();
        match &self.basis {
            Basis::Svec => smat(weights, d),
            Basis::Dense(rows) => rows
                .t()
                .dot(&weights)
                .into_shape_with_order((d, d))
                .map_err(|e| Error::shape("a tangent", "a square matrix", e)),
        }
    }

    /// ⟨G, X_k⟩ for every k, G symmetric.
    pub(super) fn contract(&self, g: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        match &self.basis {
            Basis::Svec => svec(g),
            Basis::Dense(rows) => {
                Ok(rows.outer_iter().map(|x| x.iter().zip(g).map(|(a, b)| a * b).sum()).collect())
            }
        }
    }

    /// ⟨X_k, X_l⟩.
    pub(super) fn gram(&self) -> Array2<f64> {
        match &self.basis {
            Basis::Svec => Array2::eye(self.len()),
            Basis::Dense(rows) => matmul(rows.view(), rows.t()),
        }
    }

    /// The coordinates' direction along which the factor keeps its shape and grows: ΣcX = I.
    fn growth(&self) -> Result<Array1<f64>> {
        let target = self.contract(Array2::eye(self.order()).view())?;
        match &self.basis {
            Basis::Svec => Ok(target),
            Basis::Dense(_) => {
                let eigen = symmetric_eigen("the tangents of a structure", self.gram().view())?;
                let floor = 1e-12 * eigen.values.iter().fold(0.0_f64, |m, x| m.max(*x));
                Ok(eigen.map(|x| if x > floor { 1.0 / x } else { 0.0 }).dot(&target))
            }
        }
    }

    /// A step of the k-th coordinate that is small beside the factor, whatever its units.
    pub(super) fn step(&self, k: usize) -> f64 {
        let length = match &self.basis {
            Basis::Svec => 1.0,
            Basis::Dense(rows) => {
                let length = |k: usize| rows.row(k).dot(&rows.row(k)).sqrt();
                // The root of a uniqueness that is zero moves nothing at first.
                let longest = || (0..rows.nrows()).map(length).fold(0.0, f64::max);
                if length(k) > 0.0 { length(k) } else { longest() }
            }
        };
        0.05 / length.max(f64::MIN_POSITIVE)
    }

    /// What bending adds to the Hessian of −ℓ in these coordinates beside the geodesic one:
    /// ⟨W, L⁻¹ ∂²A/∂θ_k∂θ_l L⁻ᵀ − ½(X_kX_l + X_lX_k)⟩ with W the whitened gradient of −ℓ.
    pub(super) fn bending(&self, w: &Array2<f64>) -> Result<Option<Array2<f64>>> {
        let Basis::Dense(rows) = &self.basis else { return Ok(None) };
        let (d, k) = (self.order(), self.len());
        let inverse = self.root.inverse();
        let raw = matmul(matmul(inverse.t(), w.view()).view(), inverse);
        let mut out = Array2::zeros((k, k));
        for l in 0..k {
            let along = super::richardson::slope(self.step(l), |t| {
                let mut theta = self.theta.clone();
                theta[l] += t;
                Ok(Array1::from_vec(self.shape.pull_back(&theta, raw.view())?))
            })?;
            let mut unit = Array1::zeros(k);
            unit[l] = 1.0;
            let turned = matmul(w.view(), self.combine(unit.view())?.view());
            for (i, x) in rows.outer_iter().enumerate() {
                let x = x.to_shape((d, d)).map_err(|e| Error::shape("a tangent", "square", e))?;
                let product: f64 = x.iter().zip(&turned).map(|(a, b)| a * b).sum();
                out[[i, l]] = along[i] - product;
            }
        }
        crate::linalg::symmetrise(&mut out);
        Ok(Some(out))
    }
}

/// All coordinates around a fit, in the order rows, columns, mean, ln ν.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) factors: BySide<FactorFrame>,
    /// L_A⁻¹C (p × a) and D L_B⁻ᵀ (b × q); `None` for a mean that is not estimated.
    pub(super) mean: Option<(Array2<f64>, Array2<f64>)>,
    /// ν where it is estimated and finite.
    pub(super) dof: Option<f64>,
}

impl Frame {
    pub(super) fn new(fit: &Fit) -> Result<Self> {
        let (_, p, q) = fit.dim();
        if !fit.covariates().is_empty() || fit.weights() == "precision" {
            return Err(Error::Unsupported {
                what: "an information matrix with covariates or precision weights".to_owned(),
                remedy: "the coefficients have standard errors of their own (coefficients)"
                    .to_owned(),
            });
        }
        let (model, point) = (fit.model(), fit.point());
        let mean = model.mean_structure().design(p, q).map(|(c, d)| {
            (matmul(point.row().inverse(), c.view()), matmul(d.view(), point.col().inverse().t()))
        });
        Ok(Self {
            factors: BySide::try_of(|side| {
                FactorFrame::new(model.structure(side).shape(), point.factor(side))
            })?,
            mean,
            dof: if model.estimates_dof() { fit.dof() } else { None },
        })
    }

    /// (p, q).
    pub(super) fn dim(&self) -> (usize, usize) {
        (self.factors[Side::Rows].order(), self.factors[Side::Cols].order())
    }

    /// Where the coordinates of a side's factor start.
    pub(super) fn start(&self, side: Side) -> usize {
        match side {
            Side::Rows => 0,
            Side::Cols => self.factors[Side::Rows].len(),
        }
    }

    pub(super) fn mean_len(&self) -> usize {
        self.mean.as_ref().map_or(0, |(c, d)| c.ncols() * d.nrows())
    }

    /// Starts of the mean and of ln ν, and the number of all coordinates.
    pub(super) fn offsets(&self) -> (usize, usize, usize) {
        let mean = self.factors.iter().map(FactorFrame::len).sum();
        let dof = mean + self.mean_len();
        (mean, dof, dof + usize::from(self.dof.is_some()))
    }

    pub(super) fn len(&self) -> usize {
        self.offsets().2
    }

    /// The k-th coordinate's tangent vector; zero for ln ν.
    pub(super) fn tangent(&self, k: usize) -> Result<Tangent> {
        let (p, q) = self.dim();
        let mut out = Tangent::zeros(p, q);
        let (mean, dof, _) = self.offsets();
        let unit = |len: usize, at: usize| {
            let mut unit = Array1::zeros(len);
            unit[at] = 1.0;
            unit
        };
        if k < mean {
            let (side, start) = match k < self.start(Side::Cols) {
                true => (Side::Rows, 0),
                false => (Side::Cols, self.start(Side::Cols)),
            };
            let factor = &self.factors[side];
            out.factors[side] = factor.combine(unit(factor.len(), k - start).view())?;
        } else if let (true, Some((c, d))) = (k < dof, &self.mean) {
            let at = (k - mean) / d.nrows();
            let column = c.index_axis(Axis(1), at).insert_axis(Axis(1));
            let row = d.index_axis(Axis(0), (k - mean) % d.nrows()).insert_axis(Axis(0));
            out.mean = matmul(column, row);
        }
        Ok(out)
    }

    /// Pairs a cotangent with every coordinate but ln ν, whose place stays zero.
    pub(super) fn contract(&self, v: &Tangent) -> Result<Array1<f64>> {
        let (mean, dof, len) = self.offsets();
        let mut out = Array1::zeros(len);
        let mut put = |from: usize, part: Array1<f64>| {
            out.iter_mut().skip(from).zip(part).for_each(|(to, x)| *to = x);
        };
        for side in Side::BOTH {
            put(self.start(side), self.factors[side].contract(v.factors[side].view())?);
        }
        if let Some((c, d)) = &self.mean {
            let inner = matmul(matmul(c.t(), v.mean.view()).view(), d.t());
            put(mean, inner.iter().copied().collect());
        }
        debug_assert!(dof <= len);
        Ok(out)
    }

    /// The direction (A, −B) that leaves A ⊗ B as it is.
    pub(super) fn redundant_scale(&self) -> Result<Array1<f64>> {
        let (row, col) = BySide::try_of(|side| self.factors[side].growth())?.into_pair();
        let zeros = Array1::zeros(self.len() - row.len() - col.len());
        Ok(row.iter().copied().chain(col.iter().map(|x| -x)).chain(zeros).collect())
    }
}

/// The theory of maximum likelihood says nothing about an estimate that was shrunk.
pub(super) fn require_unshrunk(fit: &Fit, what: &str) -> Result<()> {
    if fit.shrinkage().is_none() {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: format!("{what} of a shrunk fit would leave its bias out"),
        remedy: "bootstrap the fit with its rule, or fit without shrinkage".to_owned(),
    })
}

/// Did the fit converge?
pub(super) fn require_converged(fit: &Fit, what: &str) -> Result<()> {
    require_unshrunk(fit, what)?;
    require_end(fit, what)
}

/// Did the fit reach its end, whatever it maximised?
pub(super) fn require_end(fit: &Fit, what: &str) -> Result<()> {
    if fit.is_converged() {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: format!(
            "{what} needs a maximum, but the fit did not converge ({})",
            fit.termination().name()
        ),
        remedy: "raise the limit of iterations or choose a simpler model".to_owned(),
    })
}
