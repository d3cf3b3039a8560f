//! A point restricted to some of the rows and columns.

use super::patterns::{Layout, Piece};
use crate::Result;
use crate::kronecker::{BySide, Side};
use crate::likelihood::Point;
use crate::linalg::{Root, cholesky_lower, invert_lower, matmul};
use ndarray::{Array2, ArrayView2, Axis};

/// A_RR = L_R L_Rᵀ of one subset R of the rows (or of the columns), d of them.
#[derive(Debug)]
pub(super) struct Frame {
    /// L_R⁻¹ (d × d).
    pub(super) inverse: Array2<f64>,
    /// L_Rᵀ.
    pub(super) upper: Array2<f64>,
    /// A_RR.
    pub(super) matrix: Array2<f64>,
    /// A_RR⁻¹.
    pub(super) precision: Array2<f64>,
    /// T = L_Aᵀ\[:,R\] L_R⁻ᵀ with orthonormal columns; `None` where R is everything.
    pub(super) turn: Option<Array2<f64>>,
    pub(super) ln_det: f64,
}

impl Frame {
    fn new(root: &Root, subset: &[usize]) -> Self {
        let (lower, inverse, turn) = if subset.len() == root.order() {
            (root.lower().to_owned(), root.inverse().to_owned(), None)
        } else {
            let (lower, turn) = lq(root.lower().select(Axis(0), subset).view());
            (lower.clone(), invert_lower(lower.view()), Some(turn))
        };
        Self {
            matrix: matmul(lower.view(), lower.t()),
            precision: matmul(inverse.t(), inverse.view()),
            ln_det: 2.0 * lower.diag().iter().map(|x| x.ln()).sum::<f64>(),
            upper: lower.t().as_standard_layout().into_owned(),
            inverse,
            turn,
        }
    }

    /// d.
    pub(super) fn order(&self) -> usize {
        self.inverse.nrows()
    }

    /// Tᵀ X T.
    pub(super) fn restricted(&self, x: &Array2<f64>) -> Array2<f64> {
        match &self.turn {
            Some(turn) => matmul(matmul(turn.t(), x.view()).view(), turn.view()),
            None => x.clone(),
        }
    }

    /// to ← to + c T X Tᵀ.
    pub(super) fn embed(&self, c: f64, x: &Array2<f64>, to: &mut Array2<f64>) {
        match &self.turn {
            Some(turn) => to.scaled_add(c, &matmul(matmul(turn.view(), x.view()).view(), turn.t())),
            None => to.scaled_add(c, x),
        }
    }
}

/// W = L Q with L lower triangular, and Qᵀ: Gram–Schmidt on the rows, twice, which is as accurate as
/// reflections.
fn lq(w: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
    let (d, p) = w.dim();
    let mut lower = Array2::zeros((d, d));
    let mut q = w.to_owned();
    for i in 0..d {
        for _ in 0..2 {
            for k in 0..i {
                let (done, mut rest) = q.view_mut().split_at(Axis(0), i);
                let along = done.row(k).dot(&rest.row(0));
                rest.row_mut(0).scaled_add(-along, &done.row(k));
                lower[[i, k]] += along;
            }
        }
        let length = q.row(i).dot(&q.row(i)).sqrt();
        lower[[i, i]] = length;
        q.row_mut(i).mapv_inplace(|x| x / length);
    }
    debug_assert_eq!(q.dim(), (d, p));
    (lower, q.reversed_axes().as_standard_layout().into_owned())
}

/// All frames that a layout needs at one point.
#[derive(Debug)]
pub(super) struct Frames(BySide<Vec<Frame>>);

impl Frames {
    pub(super) fn at(point: &Point, layout: &Layout) -> Self {
        Self(BySide::of(|side| {
            let root = point.factor(side);
            layout.subsets[side].iter().map(|subset| Frame::new(root, subset)).collect()
        }))
    }

    /// The block of a piece.
    pub(super) fn block(&self, piece: &Piece) -> Block<'_> {
        let Self(frames) = self;
        Block(BySide::of(|side| &frames[side][piece.subset[side]]))
    }
}

/// Frames of the rows and of the columns of one block.
#[derive(Debug)]
pub(super) struct Block<'a>(pub(super) BySide<&'a Frame>);

impl<'a> Block<'a> {
    pub(super) fn frame(&self, side: Side) -> &'a Frame {
        self.0[side]
    }

    /// Rows and columns.
    pub(super) fn dim(&self) -> (usize, usize) {
        (self.frame(Side::Rows).order(), self.frame(Side::Cols).order())
    }

    /// ½ ln|A_RR ⊗ B_CC|.
    pub(super) fn half_ln_det(&self) -> f64 {
        let (p, q) = self.dim();
        let ln_det = |side| self.frame(side).ln_det;
        0.5 * (q as f64 * ln_det(Side::Rows) + p as f64 * ln_det(Side::Cols))
    }

    /// L_R⁻¹ Y L_C⁻ᵀ.
    pub(super) fn whiten(&self, y: ArrayView2<'_, f64>) -> Array2<f64> {
        let [rows, cols] = Side::BOTH.map(|side| &self.frame(side).inverse);
        matmul(matmul(rows.view(), y).view(), cols.t())
    }

    /// T_Aᵀ Z T_B.
    pub(super) fn restricted(&self, z: &Array2<f64>) -> Array2<f64> {
        let mut out = z.clone();
        if let Some(turn) = &self.frame(Side::Rows).turn {
            out = matmul(turn.t(), out.view());
        }
        if let Some(turn) = &self.frame(Side::Cols).turn {
            out = matmul(out.view(), turn.view());
        }
        out
    }

    /// to ← to + c T_A Z T_Bᵀ.
    pub(super) fn embed(&self, c: f64, z: &Array2<f64>, to: &mut Array2<f64>) {
        let rows = self.frame(Side::Rows).turn.as_ref().map(|turn| matmul(turn.view(), z.view()));
        let half = rows.as_ref().unwrap_or(z);
        match &self.frame(Side::Cols).turn {
            Some(turn) => to.scaled_add(c, &matmul(half.view(), turn.t())),
            None => to.scaled_add(c, half),
        }
    }
}

/// The projector Π = K (KᵀK)⁻¹ Kᵀ in whitened coordinates, K = (G_A ⊗ G_B) E with E picking cells:
///
/// ```text
/// missing cells    G = L⁻¹,  GᵀG = A⁻¹:  Π = N, the whitened conditional covariance
/// observed cells   G = Lᵀ,   GᵀG = A:    Π = P = I − N
/// ```
#[derive(Debug)]
pub(super) struct Projector<'a> {
    pub(super) cells: &'a [[usize; 2]],
    pub(super) maps: BySide<&'a Array2<f64>>,
    pub(super) kernels: BySide<&'a Array2<f64>>,
    /// (KᵀK)⁻¹: Γ for the missing cells, Λ = Σ_OO⁻¹ for the observed ones.
    pub(super) inner: Array2<f64>,
    /// L⁻¹ with KᵀK = L Lᵀ.
    pub(super) half: Array2<f64>,
    pub(super) ln_det: f64,
}

impl<'a> Projector<'a> {
    /// `None` where no cell has to be solved for.
    ///
    /// # Errors
    /// [`crate::Error::NotPositiveDefinite`] where a factor is singular.
    pub(super) fn new(block: &Block<'a>, piece: &'a Piece) -> Result<Option<Self>> {
        let cells = piece.cells.as_slice();
        if cells.is_empty() {
            return Ok(None);
        }
        let of = |missing: fn(&'a Frame) -> &'a Array2<f64>, observed: fn(&'a Frame) -> _| {
            BySide::of(|side| {
                let frame = block.frame(side);
                if piece.solves_missing { missing(frame) } else { observed(frame) }
            })
        };
        let maps = of(|frame| &frame.inverse, |frame| &frame.upper);
        let kernels = of(|frame| &frame.precision, |frame| &frame.matrix);
        let gram = hadamard(cells, kernels[Side::Rows], kernels[Side::Cols]);
        let lower = cholesky_lower("the covariance of the observed cells", gram.view())?;
        let half = invert_lower(lower.view());
        let inner = matmul(half.t(), half.view());
        let ln_det = 2.0 * lower.diag().iter().map(|x| x.ln()).sum::<f64>();
        Ok(Some(Self { cells, maps, kernels, inner, half, ln_det }))
    }

    /// (G_Aᵀ Z G_B) at the cells.
    pub(super) fn gather(&self, z: ArrayView2<'_, f64>) -> Vec<f64> {
        let inside = matmul(self.maps[Side::Rows].t(), z);
        let inside = matmul(inside.view(), self.maps[Side::Cols].view());
        self.cells.iter().map(|&[r, c]| inside[[r, c]]).collect()
    }

    /// G_A \[E (KᵀK)⁻¹ y\] G_Bᵀ.
    pub(super) fn spread(&self, y: &[f64]) -> Array2<f64> {
        let shape = (self.maps[Side::Rows].nrows(), self.maps[Side::Cols].nrows());
        let mut inside = Array2::zeros(shape);
        for (&[r, c], row) in self.cells.iter().zip(self.inner.outer_iter()) {
            inside[[r, c]] = row.iter().zip(y).map(|(a, b)| a * b).sum::<f64>();
        }
        let half = matmul(self.maps[Side::Rows].view(), inside.view());
        matmul(half.view(), self.maps[Side::Cols].t())
    }

    /// Π Z.
    pub(super) fn apply(&self, z: ArrayView2<'_, f64>) -> Array2<f64> {
        self.spread(&self.gather(z))
    }

    /// G scat(K ∘ other\[c,c\]) Gᵀ on one side, where `other` belongs to the other side.
    pub(super) fn trace(&self, side: Side, k: &Array2<f64>, other: &Array2<f64>) -> Array2<f64> {
        let (own, across) = match side {
            Side::Rows => (0, 1),
            Side::Cols => (1, 0),
        };
        let map = self.maps[side];
        let mut inside = Array2::zeros(map.dim());
        for (a, row) in self.cells.iter().zip(k.outer_iter()) {
            for (b, x) in self.cells.iter().zip(row) {
                inside[[a[own], b[own]]] += x * other[[a[across], b[across]]];
            }
        }
        matmul(matmul(map.view(), inside.view()).view(), map.t())
    }
}

/// rows\[r,r\] ∘ cols\[c,c\] at the cells.
pub(super) fn hadamard(
    cells: &[[usize; 2]],
    rows: &Array2<f64>,
    cols: &Array2<f64>,
) -> Array2<f64> {
    let u = cells.len();
    let mut out = Array2::zeros((u, u));
    for (mut to, &[r, c]) in out.outer_iter_mut().zip(cells) {
        for (to, &[s, d]) in to.iter_mut().zip(cells) {
            *to = rows[[r, s]] * cols[[c, d]];
        }
    }
    out
}
