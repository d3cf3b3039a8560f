//! A lower root L of a positive definite matrix A = L Lᵀ, kept with its inverse: what whitening
//! needs, moved by congruence so that the arithmetic stays near the identity.
//!
//! Roots of diagonal, Markovian and compound-symmetry matrices are kept as recursions instead:
//! whitening a vector costs O(d), a congruence O(d²). Roots of ΛΛᵀ + Ψ remember Λ and Ψ, which
//! cannot always be told from their sum.

use super::chain::{Chain, Way};
use super::cholesky::{cholesky_in_place, clear_upper, congruence, invert_lower_into, ln_det_of};
use super::kernel::{self, Mode};
use super::{
    Spd, Temp, Triangle, as_matrix, as_matrix_mut, cholesky_lower, gemm, lower_part, matmul,
    symmetrise, upper_part,
};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use std::sync::OnceLock;

/// L and L⁻¹ with A = L Lᵀ, both lower triangular.
#[derive(Debug)]
pub struct Root {
    kind: Kind,
    ln_det: f64,
    low_rank: Option<LowRank>,
}

/// The parts of A = ΛΛᵀ + Ψ.
#[derive(Debug, Clone)]
pub struct LowRank {
    /// Λ (d × K).
    pub loadings: Array2<f64>,
    /// The diagonal of Ψ, not negative.
    pub diagonal: Array1<f64>,
}

#[derive(Debug, Clone)]
enum Kind {
    Dense {
        lower: Array2<f64>,
        inverse: Array2<f64>,
    },
    /// With L and L⁻¹ as full matrices where somebody asked for them.
    Chain {
        chain: Chain,
        lower: OnceLock<Array2<f64>>,
        inverse: OnceLock<Array2<f64>>,
    },
}

impl Clone for Root {
    fn clone(&self) -> Self {
        Self { kind: self.kind.clone(), ln_det: self.ln_det, low_rank: self.low_rank.clone() }
    }

    /// Into the memory that is there.
    fn clone_from(&mut self, source: &Self) {
        match (&mut self.kind, &source.kind) {
            (Kind::Dense { lower, inverse }, Kind::Dense { lower: from, inverse: other }) => {
                lower.clone_from(from);
                inverse.clone_from(other);
            }
            (kind, other) => *kind = other.clone(),
        }
        self.ln_det = source.ln_det;
        self.low_rank.clone_from(&source.low_rank);
    }
}

impl PartialEq for Root {
    fn eq(&self, other: &Self) -> bool {
        self.ln_det == other.ln_det && self.lower() == other.lower()
    }
}

impl Root {
    /// √c · I of order d, for A = c I.
    pub fn scaled_identity(d: usize, c: f64) -> Self {
        Self::dense(Array2::eye(d) * c.sqrt(), Array2::eye(d) / c.sqrt(), d as f64 * c.ln())
    }

    fn dense(lower: Array2<f64>, inverse: Array2<f64>, ln_det: f64) -> Self {
        Self { kind: Kind::Dense { lower, inverse }, ln_det, low_rank: None }
    }

    fn from_chain(what: &str, chain: Chain) -> Result<Self> {
        let bad = |x: &f64| !(*x > 0.0 && x.is_finite());
        if let Some(i) = chain.diagonal.iter().position(bad) {
            return Err(Error::NotPositiveDefinite { what: what.to_owned(), minor: i + 1 });
        }
        let ln_det = chain.ln_det();
        let kind = Kind::Chain { chain, lower: OnceLock::new(), inverse: OnceLock::new() };
        Ok(Self { kind, ln_det, low_rank: None })
    }

    /// The root of diag(a); `what` names the matrix in errors.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] when an entry is not positive.
    pub fn of_diagonal(what: &str, diagonal: ArrayView1<'_, f64>) -> Result<Self> {
        let (gain, decay) = (Array1::zeros(diagonal.len()), Array1::zeros(diagonal.len()));
        Self::from_chain(what, Chain { diagonal: diagonal.mapv(f64::sqrt), gain, decay })
    }

    /// The root of the covariance of a Markov chain x_i = φ_i x_{i−1} + s_i z_i with independent
    /// z of variance one: `regressions` are φ_1 … φ_{d−1}, `deviations` s_0 … s_{d−1}; `what`
    /// names the matrix in errors. L⁻¹ is bidiagonal.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] unless every s_i > 0; [`Error::Shape`] when the lengths
    /// differ by something else than one.
    pub fn of_markov(what: &str, deviations: &[f64], regressions: &[f64]) -> Result<Self> {
        if deviations.len() != regressions.len() + 1 {
            let expected = format!("({},)", deviations.len().saturating_sub(1));
            return Err(Error::shape(
                format!("regressions of {what}"),
                expected,
                regressions.len(),
            ));
        }
        let decay: Array1<f64> = regressions.iter().copied().chain([0.0]).collect();
        let diagonal = ArrayView1::from(deviations).to_owned();
        let gain = &diagonal * &decay;
        Self::from_chain(what, Chain { diagonal, gain, decay })
    }

    /// The root of σ²ρ^|i−j| (d × d) with `variance` = σ²; `what` names the matrix in errors.
    ///
    /// L has first column σρ^i, the others σ√(1−ρ²) ρ^(i−j); L⁻¹ is bidiagonal.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] unless σ² > 0 and |ρ| < 1.
    pub fn of_ar1(what: &str, variance: f64, rho: f64, d: usize) -> Result<Self> {
        let mut diagonal = Array1::from_elem(d, (variance * (1.0 - rho) * (1.0 + rho)).sqrt());
        if let Some(first) = diagonal.first_mut() {
            *first = variance.sqrt();
        }
        let gain = &diagonal * rho;
        Self::from_chain(what, Chain { diagonal, gain, decay: Array1::from_elem(d, rho) })
    }

    /// The root of a(I − J/d) + b J/d (d × d, J of ones); `what` names the matrix in errors.
    ///
    /// The Schur complement after j columns is aI + c_j J with c_j = c a/(a + jc), c = (b−a)/d.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] unless a > 0 and b > 0.
    pub fn of_compound_symmetry(what: &str, a: f64, b: f64, d: usize) -> Result<Self> {
        if !(a > 0.0 && b > 0.0) {
            let minor = if b > 0.0 { 2 } else { 1 };
            return Err(Error::NotPositiveDefinite { what: what.to_owned(), minor });
        }
        let order = d as f64;
        // a + jc as a mean of a and b with positive weights: nothing cancels.
        let level = |j: usize| (a * (order - j as f64) + b * j as f64) / order;
        let shared = |j: usize| (b - a) / order * (a / level(j));
        let diagonal = Array1::from_shape_fn(d, |j| (a * level(j + 1) / level(j)).sqrt());
        let gain = Array1::from_shape_fn(d, |j| shared(j) / diagonal[j]);
        Self::from_chain(what, Chain { diagonal, gain, decay: Array1::ones(d) })
    }

    /// The Cholesky root of ΛΛᵀ + Ψ, which keeps its parts; `what` names the matrix in errors.
    ///
    /// # Errors
    /// As [`cholesky_lower`].
    pub fn of_low_rank(what: &str, parts: LowRank) -> Result<Self> {
        let common = matmul(parts.loadings.view(), parts.loadings.t());
        let root = Self::of(what, (common + Array2::from_diag(&parts.diagonal)).view())?;
        Ok(Self { low_rank: Some(parts), ..root })
    }

    /// The parts of A, where it was made of a low-rank matrix and a diagonal.
    pub fn low_rank(&self) -> Option<&LowRank> {
        self.low_rank.as_ref()
    }

    /// The Cholesky root of A (d × d); `what` names it in errors.
    ///
    /// # Errors
    /// As [`cholesky_lower`].
    pub fn of(what: &str, matrix: ArrayView2<'_, f64>) -> Result<Self> {
        Ok(Self::from_lower(cholesky_lower(what, matrix)?))
    }

    /// From L itself, lower triangular with a positive diagonal.
    pub fn from_lower(mut lower: Array2<f64>) -> Self {
        clear_upper(&mut lower.view_mut());
        let mut inverse = Array2::zeros(lower.dim());
        invert_lower_into(lower.view(), &mut inverse.view_mut());
        let ln_det = ln_det_of(&lower);
        Self::dense(lower, inverse, ln_det)
    }

    /// The order d.
    pub fn order(&self) -> usize {
        self.diagonal().len()
    }

    /// The diagonal of L.
    pub fn diagonal(&self) -> ArrayView1<'_, f64> {
        match &self.kind {
            Kind::Dense { lower, .. } => lower.diag(),
            Kind::Chain { chain, .. } => chain.diagonal.view(),
        }
    }

    /// Is A = I?
    pub fn is_identity(&self) -> bool {
        match &self.kind {
            Kind::Dense { lower, .. } => {
                lower.indexed_iter().all(|((i, j), x)| *x == if i == j { 1.0 } else { 0.0 })
            }
            Kind::Chain { .. } => false,
        }
    }

    /// Is a vector whitened in O(d)?
    pub fn is_recursive(&self) -> bool {
        matches!(self.kind, Kind::Chain { .. })
    }

    /// L.
    pub fn lower(&self) -> ArrayView2<'_, f64> {
        match &self.kind {
            Kind::Dense { lower, .. } => lower.view(),
            Kind::Chain { chain, lower, .. } => {
                lower.get_or_init(|| chain.dense(Way::Forward)).view()
            }
        }
    }

    /// L⁻¹.
    pub fn inverse(&self) -> ArrayView2<'_, f64> {
        match &self.kind {
            Kind::Dense { inverse, .. } => inverse.view(),
            Kind::Chain { chain, inverse, .. } => {
                inverse.get_or_init(|| chain.dense(Way::Inverse)).view()
            }
        }
    }

    /// ln det A.
    pub fn ln_det(&self) -> f64 {
        self.ln_det
    }

    /// A = L Lᵀ.
    pub fn matrix(&self) -> Array2<f64> {
        match &self.kind {
            Kind::Dense { lower, .. } => dense_congruence(lower, Array2::eye(self.order()).view()),
            Kind::Chain { chain, .. } => {
                let upper = self.lower().t().as_standard_layout().into_owned();
                let mut out = applied(chain, Way::Forward, &upper);
                symmetrise(&mut out);
                out
            }
        }
    }

    /// A as a factored positive definite matrix.
    pub fn spd(&self) -> Spd {
        Spd::from_lower(self.lower().to_owned())
    }

    /// L G Lᵀ: a whitened matrix seen in the original coordinates.
    pub fn unwhiten(&self, middle: ArrayView2<'_, f64>) -> Array2<f64> {
        match &self.kind {
            Kind::Dense { lower, .. } => dense_congruence(lower, middle),
            Kind::Chain { chain, .. } => chain_congruence(chain, Way::Forward, middle),
        }
    }

    /// L⁻¹ S L⁻ᵀ: a matrix seen in whitened coordinates.
    pub fn whiten(&self, matrix: ArrayView2<'_, f64>) -> Array2<f64> {
        match &self.kind {
            Kind::Dense { inverse, .. } => dense_congruence(inverse, matrix),
            Kind::Chain { chain, .. } => chain_congruence(chain, Way::Inverse, matrix),
        }
    }

    /// L⁻¹ X for a row-major X (d × k), written into `out` of the same size.
    pub fn whiten_left(&self, x: &[f64], k: usize, out: &mut [f64]) {
        match &self.kind {
            Kind::Dense { inverse, .. } => left(inverse.view(), x, k, out),
            Kind::Chain { chain, .. } => chain.left(Way::Inverse, x, k, out),
        }
    }

    /// X L⁻ᵀ for a row-major X (k × d), written into `out` of the same size.
    pub fn whiten_right(&self, x: &[f64], k: usize, out: &mut [f64]) {
        match &self.kind {
            Kind::Dense { inverse, .. } => right(inverse.view(), x, k, out),
            Kind::Chain { chain, .. } => chain.right(Way::Inverse, x, k, out),
        }
    }

    /// L X for a row-major X (d × k), written into `out` of the same size.
    pub fn unwhiten_left(&self, x: &[f64], k: usize, out: &mut [f64]) {
        match &self.kind {
            Kind::Dense { lower, .. } => left(lower.view(), x, k, out),
            Kind::Chain { chain, .. } => chain.left(Way::Forward, x, k, out),
        }
    }

    /// X Lᵀ for a row-major X (k × d), written into `out` of the same size.
    pub fn unwhiten_right(&self, x: &[f64], k: usize, out: &mut [f64]) {
        match &self.kind {
            Kind::Dense { lower, .. } => right(lower.view(), x, k, out),
            Kind::Chain { chain, .. } => chain.right(Way::Forward, x, k, out),
        }
    }

    /// Makes ready for [`Root::whiten_mode`].
    pub fn pack(&self, panels: &mut Vec<f64>) {
        if let Kind::Dense { inverse, .. } = &self.kind {
            kernel::pack_lower(inverse.as_slice().unwrap_or_default(), self.order(), panels);
        }
    }

    /// X ← L⁻¹ X along one mode of a lane-ordered array, with the memory that [`Root::pack`] wrote.
    pub fn whiten_mode(&self, x: &mut [f64], mode: Mode, panels: &mut Vec<f64>) {
        match &self.kind {
            Kind::Dense { .. } => kernel::lower_times(panels, x, mode),
            Kind::Chain { chain, .. } => chain.whiten_mode(x, mode, panels),
        }
    }

    /// S ← L⁻¹ S L⁻ᵀ for a symmetric S.
    pub fn whiten_in_place(&self, matrix: &mut Array2<f64>) {
        let d = self.order();
        let mut half = Temp::zeros((d, d));
        if let Some(matrix) = matrix.as_slice_mut() {
            self.whiten_left(matrix, d, half.flat());
            self.whiten_right(half.flat(), d, matrix);
        }
        symmetrise(matrix);
    }

    /// A ← L G Lᵀ for a positive definite G, by L ← L·chol(G).
    ///
    /// # Errors
    /// As [`cholesky_lower`] for G, which is named `what`.
    pub fn advance(&mut self, what: &str, middle: ArrayView2<'_, f64>) -> Result<()> {
        let mut step = Temp::of(middle);
        cholesky_in_place(what, &mut step)?;
        let mut lower = Temp::zeros(step.dim());
        gemm(
            1.0,
            (self.lower(), lower_part(step.nrows())),
            (step.view(), lower_part(step.nrows())),
            false,
            (lower.view_mut(), lower_part(step.nrows())),
        );
        self.set_lower(lower.view());
        Ok(())
    }

    /// Becomes the root with this lower triangle, whose diagonal is positive.
    pub fn set_lower(&mut self, lower: ArrayView2<'_, f64>) {
        let Kind::Dense { lower: own, inverse } = &mut self.kind else {
            *self = Self::from_lower(lower.to_owned());
            return;
        };
        own.assign(&lower);
        clear_upper(&mut own.view_mut());
        invert_lower_into(own.view(), &mut inverse.view_mut());
        self.ln_det = ln_det_of(own);
        self.low_rank = None;
    }

    /// A ← diag(c) A diag(c) for c > 0: L ← diag(c) L.
    pub fn scale_rows(&mut self, c: ArrayView1<'_, f64>) {
        self.ln_det += 2.0 * c.iter().map(|x| x.ln()).sum::<f64>();
        if let Some(LowRank { loadings, diagonal }) = &mut self.low_rank {
            *loadings *= &c.insert_axis(Axis(1));
            *diagonal *= &(&c * &c);
        }
        match &mut self.kind {
            Kind::Dense { lower, inverse } => {
                *lower *= &c.insert_axis(Axis(1));
                *inverse /= &c.insert_axis(Axis(0));
            }
            Kind::Chain { chain, lower, inverse } => {
                chain.scale_rows(c);
                (*lower, *inverse) = (OnceLock::new(), OnceLock::new());
            }
        }
    }

    /// A ← c A for c > 0.
    pub fn scale(&mut self, c: f64) {
        self.ln_det += self.order() as f64 * c.ln();
        if let Some(LowRank { loadings, diagonal }) = &mut self.low_rank {
            *loadings *= c.sqrt();
            *diagonal *= c;
        }
        match &mut self.kind {
            Kind::Dense { lower, inverse } => {
                *lower *= c.sqrt();
                *inverse /= c.sqrt();
            }
            Kind::Chain { chain, lower, inverse } => {
                chain.scale(c);
                (*lower, *inverse) = (OnceLock::new(), OnceLock::new());
            }
        }
    }
}

/// L G Lᵀ as a new matrix.
fn dense_congruence(lower: &Array2<f64>, middle: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros(middle.dim());
    congruence(lower.view(), middle, &mut out);
    out
}

/// P X for a lower triangular P.
fn left(p: ArrayView2<'_, f64>, x: &[f64], k: usize, out: &mut [f64]) {
    let d = p.nrows();
    gemm(
        1.0,
        (p, lower_part(d)),
        (as_matrix(x, d, k), Triangle::Full),
        false,
        (as_matrix_mut(out, d, k), Triangle::Full),
    );
}

/// X Pᵀ for a lower triangular P.
fn right(p: ArrayView2<'_, f64>, x: &[f64], k: usize, out: &mut [f64]) {
    let d = p.nrows();
    gemm(
        1.0,
        (as_matrix(x, k, d), Triangle::Full),
        (p.reversed_axes(), upper_part(d)),
        false,
        (as_matrix_mut(out, k, d), Triangle::Full),
    );
}

/// L X or L⁻¹ X for a row-major X (d × k).
fn applied(chain: &Chain, way: Way, x: &Array2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(x.dim());
    if let (Some(from), Some(to)) = (x.as_slice(), out.as_slice_mut()) {
        chain.left(way, from, x.ncols(), to);
    }
    out
}

/// L S Lᵀ or L⁻¹ S L⁻ᵀ for a symmetric S, in O(d²).
fn chain_congruence(chain: &Chain, way: Way, middle: ArrayView2<'_, f64>) -> Array2<f64> {
    let d = middle.nrows();
    let middle = middle.as_standard_layout();
    let (mut half, mut whole) = (Array2::zeros((d, d)), Array2::zeros((d, d)));
    if let (Some(middle), Some(half), Some(whole)) =
        (middle.as_slice(), half.as_slice_mut(), whole.as_slice_mut())
    {
        chain.left(way, middle, d, half);
        chain.right(way, half, d, whole);
    }
    symmetrise(&mut whole);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Every recursive root against the dense Cholesky root of the same matrix.
    fn agrees(root: &Root, matrix: &Array2<f64>, tolerance: f64) {
        let dense = Root::of("a matrix", matrix.view()).unwrap();
        let d = matrix.nrows();
        let close = |a: &Array2<f64>, b: &Array2<f64>| {
            let scale = b.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
            let gap = (a - b).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            assert!(gap <= tolerance * scale, "{gap:e} at scale {scale:e}");
        };
        close(&root.lower().to_owned(), &dense.lower().to_owned());
        close(&root.inverse().to_owned(), &dense.inverse().to_owned());
        close(&root.matrix(), matrix);
        assert!((root.ln_det() - dense.ln_det()).abs() < tolerance * (1.0 + dense.ln_det().abs()));
        let s = Array2::from_shape_fn((d, d), |(i, j)| 1.0 / (1.0 + (i + j) as f64));
        close(&root.whiten(s.view()), &dense.whiten(s.view()));
        close(&root.unwhiten(s.view()), &dense.unwhiten(s.view()));
        // An odd number of vectors: whole lanes and a rest.
        let k = 11;
        let x: Vec<f64> = (0..d * k).map(|i| (i as f64 * 0.7).sin()).collect();
        type Map = fn(&Root, &[f64], usize, &mut [f64]);
        let maps: [Map; 4] =
            [Root::whiten_left, Root::whiten_right, Root::unwhiten_left, Root::unwhiten_right];
        for map in maps {
            let (mut a, mut b) = (vec![0.0; d * k], vec![0.0; d * k]);
            map(root, &x, k, &mut a);
            map(&dense, &x, k, &mut b);
            let shape = (d, k);
            close(
                &Array2::from_shape_vec(shape, a).unwrap(),
                &Array2::from_shape_vec(shape, b).unwrap(),
            );
        }
    }

    #[test]
    fn recursive_roots_are_cholesky_roots() {
        for d in [1, 2, 3, 17] {
            for rho in [-0.99, -0.3, 0.0, 0.5, 0.999] {
                let ar1 = Array2::from_shape_fn((d, d), |(i, j)| {
                    2.5 * f64::powi(rho, i.abs_diff(j) as i32)
                });
                agrees(&Root::of_ar1("ar1", 2.5, rho, d).unwrap(), &ar1, 1e-11);
            }
            for (a, b) in [(1.0, 1.0), (0.01, 30.0), (30.0, 0.01)] {
                let b = if d == 1 { a } else { b };
                let cs = Array2::from_shape_fn((d, d), |(i, j)| {
                    (b - a) / d as f64 + if i == j { a } else { 0.0 }
                });
                agrees(&Root::of_compound_symmetry("cs", a, b, d).unwrap(), &cs, 1e-11);
            }
        }
        let diagonal = array![1e-6, 1.0, 1e6];
        let root = Root::of_diagonal("d", diagonal.view()).unwrap();
        agrees(&root, &Array2::from_diag(&diagonal), 1e-14);
    }

    #[test]
    fn markov_roots_are_cholesky_roots() {
        let (s, phi) = ([2.0, 0.5, 1.0, 3.0], [0.5, -2.0, 0.0]);
        let mut matrix = Array2::<f64>::zeros((4, 4));
        matrix[[0, 0]] = 4.0;
        for i in 1..4 {
            for j in 0..i {
                matrix[[i, j]] = phi[i - 1] * matrix[[i - 1, j]];
                matrix[[j, i]] = matrix[[i, j]];
            }
            matrix[[i, i]] = phi[i - 1] * matrix[[i - 1, i]] + s[i] * s[i];
        }
        let mut root = Root::of_markov("a chain", &s, &phi).unwrap();
        agrees(&root, &matrix, 1e-14);
        let c = array![0.1, 3.0, 1.0, 50.0];
        root.scale_rows(c.view());
        let moved = Array2::from_shape_fn((4, 4), |(i, j)| matrix[[i, j]] * c[i] * c[j]);
        agrees(&root, &moved, 1e-14);
        let mut dense = Root::of("a chain", matrix.view()).unwrap();
        dense.scale_rows(c.view());
        agrees(&dense, &moved, 1e-14);
        assert!(Root::of_markov("a chain", &s, &phi[..2]).is_err());
        assert!(Root::of_markov("a chain", &[1.0, 0.0], &[0.5]).is_err());
    }

    #[test]
    fn scaling_reaches_what_was_asked_for_before() {
        let mut root = Root::of_ar1("ar1", 1.0, 0.5, 4).unwrap();
        let (before, ln_det) = (root.lower().to_owned(), root.ln_det());
        root.scale(4.0);
        assert_eq!(root.lower(), &before * 2.0);
        assert!((root.ln_det() - ln_det - 4.0 * 4.0_f64.ln()).abs() < 1e-14);
    }

    #[test]
    fn bounds_are_refused() {
        assert!(Root::of_ar1("ar1", 1.0, 1.0, 3).is_err());
        assert!(Root::of_ar1("ar1", 0.0, 0.5, 3).is_err());
        assert!(Root::of_compound_symmetry("cs", 1.0, 0.0, 3).is_err());
        assert!(Root::of_diagonal("d", array![1.0, -1.0].view()).is_err());
        assert!(Root::of_diagonal("d", array![1.0, f64::NAN].view()).is_err());
    }
}
