//! Fisher information of a fit, observed and expected, and what follows from it.

use super::degrees;
use super::fitted::{Fitted, gradient};
use super::frame::{FactorFrame, Frame, require_converged};
use crate::estimate::Fit;
use crate::family::{Scratch, Summaries};
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Support, Tangent};
use crate::linalg::{Spd, matmul, symmetric_eigen};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// Which information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InformationKind {
    /// −∂²ℓ at the estimate: exact Hessian products, for every law, structure and mean.
    #[default]
    Observed,
    /// Its expectation: closed form for the Gaussian and the Kronecker t.
    Expected,
}

/// The information matrix of a fit in local coordinates: those of the row structure, of the
/// column structure, of the mean (Θ row by row), and ln ν where ν is estimated.
///
/// An unstructured factor has normal coordinates, A(x) = L exp(X) Lᵀ with x = svec X; every other
/// structure has its own. One direction, (A, −B), carries no information: only A ⊗ B is
/// identified.
#[derive(Debug, Clone)]
pub struct Information {
    pub(super) frame: Frame,
    kind: InformationKind,
    matrix: Array2<f64>,
    redundant_scale: Array1<f64>,
}

/// Coordinates beyond which dense information matrices are refused.
const MOST_COORDINATES: usize = 6000;

impl Information {
    /// The observed information −∂²ℓ, one exact Hessian product per coordinate.
    ///
    /// For a structure with curved coordinates, what the bending of A(θ) adds is
    /// ⟨∂(−ℓ)/∂A, ∂²A/∂θ∂θ⟩, which does not vanish: only the gradient *inside* the structure
    /// does.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the fit did not converge, or where the likelihood has no exact
    /// second derivative.
    pub fn observed(fitted: &Fitted<'_>) -> Result<Self> {
        let fit = fitted.fit;
        require_converged(fit, "the observed information")?;
        let frame = frame_of(fit)?;
        let (p, q) = frame.dim();
        let (_, dof_at, len) = frame.offsets();
        let mut matrix = Array2::zeros((len, len));
        let mut out = Tangent::zeros(p, q);
        for k in 0..dof_at {
            let along = frame.tangent(k)?;
            match fitted.likelihood.curvature(fit.point(), fit.law(), &along, &mut out)? {
                Support::Done => matrix.column_mut(k).assign(&frame.contract(&out)?),
                Support::NotAvailable => return Err(no_second_order(fit)),
            }
        }
        let slope = gradient(&fitted.sums)?;
        for side in Side::BOTH {
            let bending = frame.factors[side].bending(&-&slope.factors[side])?;
            add_block(&mut matrix, frame.start(side), bending);
        }
        crate::linalg::symmetrise(&mut matrix);
        if let Some(dof) = frame.dof {
            let column = degrees::column(fit, &frame, &*fitted.likelihood, dof)?;
            matrix.column_mut(dof_at).assign(&column);
            matrix.row_mut(dof_at).assign(&column);
        }
        Self::new(frame, InformationKind::Observed, matrix)
    }

    /// The expected information at the estimate. With W = X ⊗ I + I ⊗ V, d = pq and
    /// the constants of [`ExpectedInformation`](crate::family::ExpectedInformation):
    ///
    /// ```text
    /// I[(X,V)²] = n [ (scatter/2) tr W² − (trace/2) (tr W)² ]      I[Δ²] = n location ‖Δ‖²
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a law without a closed form, or a fit that did not converge.
    ///
    /// # References
    /// Lange, Little & Taylor (1989), JASA 84, 881–896, for the multivariate t.
    pub fn expected(fit: &Fit) -> Result<Self> {
        require_converged(fit, "the expected information")?;
        let (_, p, q) = fit.dim();
        let (nf, pf, qf) = (fit.weight(), p as f64, q as f64);
        let known = fit.law().expected_information(p, q).ok_or_else(|| {
            let law = fit.law().name();
            unavailable(format!("the law {law} has no closed expected information here"))
        })?;
        let (a, e) = (known.scatter, known.trace);
        let frame = frame_of(fit)?;
        let (mean_at, dof_at, len) = frame.offsets();
        let mut matrix = Array2::zeros((len, len));
        for (side, other) in Side::BOTH.into_iter().zip([qf, pf]) {
            let gram = frame.factors[side].gram() * (0.5 * a * nf * other);
            add_block(&mut matrix, frame.start(side), Some(gram));
        }
        // Traces of W along every coordinate, and the two parts they are made of.
        let (row, col) = BySide::try_of(|side| {
            let factor = &frame.factors[side];
            factor.contract(Array2::eye(factor.order()).view())
        })?
        .into_pair();
        let trace: Array1<f64> =
            row.iter().map(|x| qf * x).chain(col.iter().map(|x| pf * x)).collect();
        for i in 0..mean_at {
            for j in 0..mean_at {
                matrix[[i, j]] -= 0.5 * nf * e * trace[i] * trace[j];
            }
        }
        for (i, x) in row.iter().enumerate() {
            for (j, v) in col.iter().enumerate() {
                let value = 0.5 * nf * a * x * v;
                matrix[[i, row.len() + j]] += value;
                matrix[[row.len() + j, i]] += value;
            }
        }
        if let Some((c, dd)) = &frame.mean {
            let (left, right) = (matmul(c.t(), c.view()), matmul(dd.view(), dd.t()));
            let block = ndarray::linalg::kron(&left, &right) * (nf * known.location);
            add_block(&mut matrix, mean_at, Some(block));
        }
        if let Some(dof) = frame.dof {
            let known = known
                .dof
                .ok_or_else(|| unavailable("the law does not say what is known of ν".to_owned()))?;
            let own = known.own.ok_or_else(|| Error::Degenerate {
                what: format!("the expected information on ν is lost in rounding at ν = {dof:.3e}"),
                remedy: "use the observed information".to_owned(),
            })?;
            matrix[[dof_at, dof_at]] = nf * dof * dof * own;
            for (i, t) in trace.iter().enumerate() {
                let value = nf * dof * t * known.with_trace;
                matrix[[i, dof_at]] = value;
                matrix[[dof_at, i]] = value;
            }
        }
        Self::new(frame, InformationKind::Expected, matrix)
    }

    fn new(frame: Frame, kind: InformationKind, matrix: Array2<f64>) -> Result<Self> {
        crate::linalg::require_finite("the information matrix", &matrix)?;
        let redundant_scale = frame.redundant_scale()?;
        Ok(Self { frame, kind, matrix, redundant_scale })
    }

    /// Observed or expected.
    pub fn kind(&self) -> InformationKind {
        self.kind
    }

    /// The information matrix.
    pub fn matrix(&self) -> &Array2<f64> {
        &self.matrix
    }

    /// Number of coordinates: row structure, column structure, mean, ln ν.
    pub fn blocks(&self) -> [usize; 4] {
        let dof = usize::from(self.frame.dof.is_some());
        let [row, col] = Side::BOTH.map(|side| self.frame.factors[side].len());
        [row, col, self.frame.mean_len(), dof]
    }

    /// The direction without information, (A, −B), in these coordinates.
    pub fn redundant_scale(&self) -> &Array1<f64> {
        &self.redundant_scale
    }

    /// Asymptotic covariance of the estimates of everything that A ⊗ B, M and ν determine: the
    /// pseudo-inverse with the redundant scale (and redundant coordinates) held fixed.
    ///
    /// # Errors
    /// [`Error::Degenerate`] when another direction carries no information: the maximum is not
    /// unique, or it is no maximum.
    pub fn covariance(&self) -> Result<Array2<f64>> {
        let scale = self.matrix.diag().mapv(|x| if x > 0.0 { 1.0 / x.sqrt() } else { f64::NAN });
        if scale.iter().any(|x| !x.is_finite()) {
            return Err(not_a_maximum());
        }
        let unit = &self.redundant_scale / &scale;
        let unit = &unit / unit.dot(&unit).sqrt();
        let mut scaled = self.matrix.clone();
        for ((i, j), x) in scaled.indexed_iter_mut() {
            *x = *x * scale[i] * scale[j] + unit[i] * unit[j];
        }
        let redundant: usize = self.frame.factors.iter().map(FactorFrame::redundant).sum();
        let mut inverse = if redundant == 0 {
            let spd = Spd::new("the information", scaled).map_err(|_| not_a_maximum())?;
            if spd.lower().diag().iter().any(|x| *x < 1e-6) {
                return Err(not_a_maximum());
            }
            spd.inverse()
        } else {
            pseudo_inverse(&scaled, redundant)?
        };
        for ((i, j), x) in inverse.indexed_iter_mut() {
            *x = (*x - unit[i] * unit[j]) * scale[i] * scale[j];
        }
        Ok(inverse)
    }

    /// The sandwich J⁻¹ (Σ s_i s_iᵀ) J⁻¹ with the samples' own scores s_i: right also where the
    /// law is not, as long as the estimate means something.
    ///
    /// # Errors
    /// As [`Information::covariance`].
    ///
    /// # References
    /// Huber (1967), Fifth Berkeley Symposium 1, 221–233; White (1982), Econometrica 50, 1–25.
    pub fn sandwich(&self, fitted: &Fitted<'_>) -> Result<Array2<f64>> {
        let bread = self.covariance()?;
        let scores = self.scores(fitted)?;
        let meat = matmul(scores.t(), scores.view());
        Ok(matmul(matmul(bread.view(), meat.view()).view(), bread.view()))
    }

    /// The score of every sample (n × coordinates); they add up to zero at the estimate.
    ///
    /// # Errors
    /// When a structure cannot be differentiated; [`Error::Unsupported`] where cells are missing.
    pub fn scores(&self, fitted: &Fitted<'_>) -> Result<Array2<f64>> {
        let fit = fitted.fit;
        let (n, p, q) = fitted.likelihood.dim();
        let mut out = Array2::zeros((n, self.frame.len()));
        let mut psi = Array2::zeros((p, q));
        let mut scratch = Scratch::default();
        let weighting = fit.law().weighting();
        fitted.likelihood.each(fit.point(), fit.law(), &mut |seen| {
            let z = seen.white.ok_or_else(|| no_second_order(fit))?;
            weighting.weigh(z, psi.view_mut(), &mut scratch);
            let score = self.score_of(fit, z, psi.view(), &mut scratch)? * seen.weight;
            out.row_mut(seen.index).assign(&score);
            Ok(())
        })?;
        Ok(out)
    }

    fn score_of(
        &self,
        fit: &Fit,
        z: ArrayView2<'_, f64>,
        psi: ArrayView2<'_, f64>,
        scratch: &mut Scratch,
    ) -> Result<Array1<f64>> {
        let (p, q) = z.dim();
        let scatters = BySide::new(matmul(z, psi.t()), matmul(z.t(), psi));
        let mut part = Tangent { factors: scatters, mean: psi.to_owned() };
        for (scatter, other) in part.factors.iter_mut().zip([q, p]) {
            scatter.diag_mut().mapv_inplace(|x| x - other as f64);
            *scatter *= 0.5;
        }
        let mut score = self.frame.contract(&part)?;
        if let Some(dof) = self.frame.dof {
            let family = degrees::family_of(fit)?;
            let mut summary = Array1::zeros(family.summary_len(p, q));
            if let Some(slot) = summary.as_slice_mut() {
                family.summarise(z, slot, scratch);
            }
            summary *= family.scale_unit(dof);
            let trace = z.iter().zip(psi).map(|(a, b)| a * b).sum();
            let last = score.len() - 1;
            score[last] =
                degrees::dof_score(family, dof, &Summaries::plain(summary), trace, (1.0, p, q));
        }
        Ok(score)
    }
}

fn frame_of(fit: &Fit) -> Result<Frame> {
    let frame = Frame::new(fit)?;
    if frame.len() > MOST_COORDINATES {
        return Err(Error::Unsupported {
            what: format!("an information matrix of order {} is too large", frame.len()),
            remedy: "choose structures with fewer parameters".to_owned(),
        });
    }
    Ok(frame)
}

fn unavailable(what: String) -> Error {
    Error::Unsupported { what, remedy: "use the observed information".to_owned() }
}

fn add_block(matrix: &mut Array2<f64>, at: usize, block: Option<Array2<f64>>) {
    let Some(block) = block else { return };
    for ((i, j), x) in block.indexed_iter() {
        matrix[[at + i, at + j]] += x;
    }
}

fn no_second_order(fit: &Fit) -> Error {
    Error::Unsupported {
        what: format!("these data have no exact second derivative of the {} law", fit.law().name()),
        remedy: "use a bootstrap".to_owned(),
    }
}

fn not_a_maximum() -> Error {
    Error::Degenerate {
        what: "the information at the estimate is singular beyond the redundant scale: the \
               maximum is not unique (or lies at an edge of the structure)"
            .to_owned(),
        remedy: "collect more samples, or choose a structure with fewer parameters".to_owned(),
    }
}

/// Inverse on the complement of `redundant` null directions, which must be there and no more.
fn pseudo_inverse(matrix: &Array2<f64>, redundant: usize) -> Result<Array2<f64>> {
    let eigen = symmetric_eigen("the information", matrix.view())?;
    let floor = 1e-9 * eigen.values.iter().fold(0.0_f64, |m, x| m.max(*x));
    if eigen.values.iter().filter(|x| **x <= floor).count() > redundant {
        return Err(not_a_maximum());
    }
    let mut inverse = Array2::zeros(matrix.dim());
    for (value, vector) in eigen.values.iter().zip(eigen.vectors.axis_iter(Axis(1))) {
        if *value > floor {
            let column = vector.insert_axis(Axis(1));
            inverse.scaled_add(1.0 / value, &matmul(column, vector.insert_axis(Axis(0))));
        }
    }
    Ok(inverse)
}
