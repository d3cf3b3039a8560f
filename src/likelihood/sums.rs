//! What one look at the data gives: un-normalised sums over observations.

use super::Point;
use crate::family::Law;
use crate::kronecker::{BySide, Side};
use crate::linalg::Temp;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Which scatters are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sides {
    /// That of one side only.
    One(Side),
    /// Both.
    Both,
}

impl Sides {
    /// The row side's scatter only.
    pub const ROWS: Self = Self::One(Side::Rows);
    /// The column side's scatter only.
    pub const COLS: Self = Self::One(Side::Cols);

    /// Is this side among them?
    pub fn has(self, side: Side) -> bool {
        match self {
            Self::One(one) => one == side,
            Self::Both => true,
        }
    }
}

/// What ν needs of the observations, or parts of observations, of one shape, where not all are p × q.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Margin {
    /// The shape that the law sees.
    pub shape: (usize, usize),
    /// Σ ±u_i.
    pub weight: f64,
    /// Σ ±u_i ρ.
    pub rho: f64,
    /// Σ ±u_i ⟨Z, Ψ⟩.
    pub inner: f64,
}

/// Sums over observations at one point. Adding two of them gives the sums of both: blocks, threads,
/// files, machines.
///
/// ```
/// use kronfit::kronecker::Side;
/// use kronfit::likelihood::Sums;
/// let sums = Sums::zeros(2, 3);
/// assert!(sums.scatter(Side::Rows).is_none()); // not measured, and not invented
/// ```
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Σ u_i: the number of observations where they have no weights.
    pub weight: f64,
    /// Σ u_i · (observed cells of X_i): npq where nothing is missing.
    pub cells: f64,
    /// ℓ, all of it: constants, determinants, what a likelihood adds of its own.
    pub log_likelihood: f64,
    /// Σ u_i ρ(Z_i): what ν needs.
    pub rho: f64,
    /// Σ u_i w_i with w the law's scalar weights.
    pub law_weight: f64,
    /// Σ u_i Ψ(Z_i) (p × q): the mean's gradient is L_A⁻ᵀ ΣuΨ L_B⁻¹. With m covariates the blocks
    /// Σ u_i z_ik Ψ(Z_i), one above the other (m·p × q).
    pub psi: Array2<f64>,
    /// Σ u_i w_i z_i z_iᵀ (m × m): how the coefficients of covariates depend on each other; empty
    /// where there are none.
    pub design: Array2<f64>,
    /// Σ u_i z_i z_iᵀ ⊗ Z_i Ψ_iᵀ (m·p × m·p), or with Z_iᵀ Ψ_i where q < p: the same for weights that
    /// are matrices; empty elsewhere.
    pub cross: Array2<f64>,
    /// By shape of what was observed; empty where every observation is complete.
    pub margins: Vec<Margin>,
    pub(super) scatter: BySide<Array2<f64>>,
    pub(super) measured: BySide<bool>,
}

impl Clone for Sums {
    fn clone(&self) -> Self {
        Self {
            psi: self.psi.clone(),
            design: self.design.clone(),
            cross: self.cross.clone(),
            scatter: self.scatter.clone(),
            margins: self.margins.clone(),
            ..*self
        }
    }

    /// Into the memory that is there.
    fn clone_from(&mut self, source: &Self) {
        let Self { weight, cells, log_likelihood, rho, law_weight, measured, .. } = *source;
        self.psi.clone_from(&source.psi);
        self.margins.clone_from(&source.margins);
        self.design.clone_from(&source.design);
        self.cross.clone_from(&source.cross);
        for side in Side::BOTH {
            self.scatter[side].clone_from(&source.scatter[side]);
        }
        (self.weight, self.cells, self.measured) = (weight, cells, measured);
        (self.log_likelihood, self.rho, self.law_weight) = (log_likelihood, rho, law_weight);
    }
}

impl Sums {
    /// Nothing added up yet, for p × q matrices.
    pub fn zeros(p: usize, q: usize) -> Self {
        Self {
            weight: 0.0,
            cells: 0.0,
            log_likelihood: 0.0,
            rho: 0.0,
            law_weight: 0.0,
            psi: Array2::zeros((p, q)),
            design: Array2::zeros((0, 0)),
            cross: Array2::zeros((0, 0)),
            margins: Vec::new(),
            scatter: BySide::new(Array2::zeros((p, p)), Array2::zeros((q, q))),
            measured: BySide::default(),
        }
    }

    /// Σ u Z Ψᵀ (p × p) for the rows, Σ u Zᵀ Ψ (q × q) for the columns; `None` where it was not
    /// measured.
    pub fn scatter(&self, side: Side) -> Option<ArrayView2<'_, f64>> {
        self.measured[side].then(|| self.scatter[side].view())
    }

    /// Were both scatters measured?
    pub fn is_complete(&self) -> bool {
        self.measured.iter().all(|measured| *measured)
    }

    /// What a side's scatter is divided by: Σu times the length of the other side.
    pub fn unit(&self, side: Side) -> f64 {
        self.weight * self.scatter[side.other()].nrows() as f64
    }

    /// G = scatter / unit, the identity at a maximum; `None` where it was not measured.
    pub fn mean_scatter(&self, side: Side) -> Option<Temp> {
        let mut mean = Temp::of(self.scatter(side)?);
        *mean /= self.unit(side);
        Some(mean)
    }

    /// Σ u ⟨Z, Ψ⟩, from whichever scatter was measured; NaN where none was.
    pub fn inner(&self) -> f64 {
        let trace = |side| self.scatter(side).map(|scatter| scatter.diag().sum());
        trace(Side::Rows).or_else(|| trace(Side::Cols)).unwrap_or(f64::NAN)
    }

    /// Makes room for m covariates under a law; nothing changes where it is there.
    pub fn shape_for(&mut self, covariates: Option<usize>, law: &dyn Law) {
        let (p, q) = (self.scatter[Side::Rows].nrows(), self.scatter[Side::Cols].nrows());
        let blocks = covariates.unwrap_or(1);
        let inside = covariates.unwrap_or(0);
        let across = if law.two_sided().is_some() { inside * p.min(q) } else { 0 };
        for (part, dim) in [
            (&mut self.psi, (blocks * p, q)),
            (&mut self.design, (inside, inside)),
            (&mut self.cross, (across, across)),
        ] {
            if part.dim() != dim {
                *part = Array2::zeros(dim);
            }
        }
    }

    /// Takes in the sums of other observations at the same point.
    pub fn add(&mut self, other: &Self) {
        for side in Side::BOTH {
            if other.measured[side] {
                self.scatter[side] += &other.scatter[side];
            }
            self.measured[side] |= other.measured[side];
        }
        for (part, more) in [
            (&mut self.psi, &other.psi),
            (&mut self.design, &other.design),
            (&mut self.cross, &other.cross),
        ] {
            if part.dim() == more.dim() {
                *part += more;
            } else {
                // These sums had not seen an observation yet.
                part.clone_from(more);
            }
        }
        other.margins.iter().for_each(|margin| self.add_margin(*margin));
        self.weight += other.weight;
        self.cells += other.cells;
        self.log_likelihood += other.log_likelihood;
        self.rho += other.rho;
        self.law_weight += other.law_weight;
    }

    /// Takes in what observations of one shape say about ν.
    pub fn add_margin(&mut self, other: Margin) {
        match self.margins.iter_mut().find(|margin| margin.shape == other.shape) {
            Some(margin) => {
                margin.weight += other.weight;
                margin.rho += other.rho;
                margin.inner += other.inner;
            }
            None => self.margins.push(other),
        }
    }

    /// Takes the scatter of the side that was left out from the sums of the same observations at
    /// the same point.
    pub fn join(&mut self, side: Side, other: Self) {
        self.measured[side] = other.measured[side];
        let (row, col) = other.scatter.into_pair();
        self.scatter[side] = match side {
            Side::Rows => row,
            Side::Cols => col,
        };
    }

    /// Forgets everything; these scatters are about to be measured.
    pub fn clear(&mut self, sides: Sides) {
        for side in Side::BOTH {
            // Callers may have put matrices of another memory order here.
            restore(&mut self.scatter[side]);
            self.measured[side] = sides.has(side);
            if sides.has(side) {
                self.scatter[side].fill(0.0);
            }
        }
        restore(&mut self.psi);
        self.psi.fill(0.0);
        self.design.fill(0.0);
        self.cross.fill(0.0);
        self.margins.clear();
        (self.weight, self.cells, self.log_likelihood) = (0.0, 0.0, 0.0);
        (self.rho, self.law_weight) = (0.0, 0.0);
    }

    /// The place of a side's scatter, for a likelihood of one's own to write it to after
    /// [`Sums::clear`].
    pub fn scatter_mut(&mut self, side: Side) -> &mut Array2<f64> {
        &mut self.scatter[side]
    }

    /// ℓ = Σu c − Σuρ − (Σu/2)(q ln|A| + p ln|B|): the one place that adds it up for complete
    /// observations.
    pub fn settle(&mut self, at: &Point, law: &dyn Law) {
        let (p, q) = at.dim();
        self.cells = self.weight * (p * q) as f64;
        self.log_likelihood = self.weight * (law.ln_constant(p, q) - at.half_ln_det()) - self.rho;
    }
}

fn restore(part: &mut Array2<f64>) {
    if !part.is_standard_layout() {
        *part = Array2::zeros(part.dim());
    }
}
