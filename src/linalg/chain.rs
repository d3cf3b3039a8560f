//! Lower triangular matrices with one-term memory: L = diag(d) + a strictly lower part
//! L_ij = g_j r_{j+1} ⋯ r_{i−1} (i > j).
//!
//! Cholesky factors of diagonal, Markovian and compound-symmetry matrices are of this form. With
//! the state h ← r_j h + g_j x_j, both Lx and L⁻¹x cost O(d).

use super::kernel::Mode;
use ndarray::{Array1, Array2, ArrayView1};

/// Vectors that are carried along side by side, so that one's recursion does not wait for itself.
const LANES: usize = 8;

/// diag(d) + strictly lower g_j r_{j+1} ⋯ r_{i−1}.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    /// Diagonal d.
    pub(super) diagonal: Array1<f64>,
    /// Gains g.
    pub(super) gain: Array1<f64>,
    /// Decays r; the first and the last are never felt.
    pub(super) decay: Array1<f64>,
}

/// The numbers of one entry of the recursion.
#[derive(Clone, Copy)]
struct Link {
    diagonal: f64,
    gain: f64,
    decay: f64,
}

impl Link {
    /// One entry of one vector.
    #[inline]
    fn step(self, way: Way, x: f64, state: &mut f64) -> f64 {
        let (out, input) = match way {
            Way::Forward => (self.diagonal * x + *state, x),
            Way::Inverse => {
                let solved = (x - *state) / self.diagonal;
                (solved, solved)
            }
        };
        *state = self.decay * *state + self.gain * input;
        out
    }
}

/// Which of the two maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// x ↦ Lx.
    Forward,
    /// x ↦ L⁻¹x.
    Inverse,
}

impl Chain {
    pub(super) fn order(&self) -> usize {
        self.diagonal.len()
    }

    /// L ← √c·L.
    pub(super) fn scale(&mut self, c: f64) {
        self.diagonal *= c.sqrt();
        self.gain *= c.sqrt();
    }

    /// L ← diag(c)·L for c > 0.
    pub(super) fn scale_rows(&mut self, c: ArrayView1<'_, f64>) {
        for i in 0..self.order() {
            let next = c.get(i + 1).copied().unwrap_or(1.0);
            self.diagonal[i] *= c[i];
            self.gain[i] *= next;
            self.decay[i] *= next / c[i];
        }
    }

    pub(super) fn ln_det(&self) -> f64 {
        2.0 * self.diagonal.iter().map(|x| x.ln()).sum::<f64>()
    }

    /// L or L⁻¹ as a full matrix, O(d²).
    pub(super) fn dense(&self, way: Way) -> Array2<f64> {
        let d = self.order();
        let mut out = Array2::zeros((d, d));
        for j in 0..d {
            let mut state = 0.0;
            for i in j..d {
                let x = if i == j { 1.0 } else { 0.0 };
                out[[i, j]] = self.link(i).step(way, x, &mut state);
            }
        }
        out
    }

    #[inline]
    fn link(&self, i: usize) -> Link {
        Link { diagonal: self.diagonal[i], gain: self.gain[i], decay: self.decay[i] }
    }

    /// L X or L⁻¹ X for a row-major X (d × k).
    pub(super) fn left(&self, way: Way, x: &[f64], k: usize, out: &mut [f64]) {
        let mut state = vec![0.0; k];
        for i in 0..self.order() {
            let link = self.link(i);
            let (from, to) = (&x[i * k..(i + 1) * k], &mut out[i * k..(i + 1) * k]);
            for ((to, from), state) in to.iter_mut().zip(from).zip(&mut state) {
                *to = link.step(way, *from, state);
            }
        }
    }

    /// X ← L⁻¹ X along one mode, in place; `state` is scratch memory.
    pub(super) fn whiten_mode(&self, x: &mut [f64], mode: Mode, state: &mut Vec<f64>) {
        for part in x.chunks_exact_mut(mode.d * mode.inner) {
            state.clear();
            state.resize(mode.inner, 0.0);
            for (i, row) in part.chunks_exact_mut(mode.inner).enumerate() {
                let link = self.link(i);
                for (x, state) in row.iter_mut().zip(state.iter_mut()) {
                    *x = link.step(Way::Inverse, *x, state);
                }
            }
        }
    }

    /// X Lᵀ or X L⁻ᵀ for a row-major X (k × d).
    pub(super) fn right(&self, way: Way, x: &[f64], k: usize, out: &mut [f64]) {
        let d = self.order();
        let whole = k - k % LANES;
        for start in (0..whole).step_by(LANES) {
            let mut states = [0.0; LANES];
            let (x, out) = (&x[start * d..], &mut out[start * d..]);
            for j in 0..d {
                let link = self.link(j);
                for (lane, state) in states.iter_mut().enumerate() {
                    out[lane * d + j] = link.step(way, x[lane * d + j], state);
                }
            }
        }
        for row in whole..k {
            let mut state = 0.0;
            for j in 0..d {
                out[row * d + j] = self.link(j).step(way, x[row * d + j], &mut state);
            }
        }
    }
}
