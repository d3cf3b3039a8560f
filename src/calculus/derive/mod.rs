//! Derivations as text: the steps, every route evaluated on one example, and a table of what each
//! gives, how far it is from the reference and from finite differences, and what it costs.

mod fisher;
mod log_quadratic;
mod matrix_function;
mod table;
mod trace_forms;

use crate::linalg::{Spd, symmetrise};
use crate::{Error, Result};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fmt;
use std::str::FromStr;

/// A derivation that can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The gradient of ln(α + wᵀ(A ⊗ B)⁻¹w).
    LogQuadratic,
    /// The gradient of tr[A f(X)].
    MatrixFunction,
    /// tr(AX), B tr(AX), tr(AX) tr(BX): layouts and Hessians.
    TraceForms,
    /// The Fisher information of the Kronecker Gaussian.
    Fisher,
}

impl Topic {
    /// All topics, in the order of the book.
    pub const ALL: [Self; 4] =
        [Self::LogQuadratic, Self::MatrixFunction, Self::TraceForms, Self::Fisher];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogQuadratic => "log-quadratic",
            Self::MatrixFunction => "matrix-function",
            Self::TraceForms => "trace-forms",
            Self::Fisher => "fisher",
        }
    }

    /// One line on what is derived.
    pub fn summary(self) -> &'static str {
        match self {
            Self::LogQuadratic => "gradient of ln(α + wᵀ(A ⊗ B)⁻¹w) by A and B, without A ⊗ B",
            Self::MatrixFunction => "gradient of tr[A f(X)] for f = exp, log, sqrt, powers",
            Self::TraceForms => "B tr(AX) and tr(AX) tr(BX): layouts, Hessians, convexity",
            Self::Fisher => "Fisher information of the Kronecker Gaussian in (A, B)",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Topic {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|topic| topic.name() == name);
        found.ok_or_else(|| Error::domain("the topic", name, format!("one of {}", names())))
    }
}

/// The numbers a derivation is tried on.
///
/// Matrices that are not given are drawn: uniform entries on (−1, 1), made well-conditioned where
/// they must be invertible.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// p, the order of A (and of X), 1 to 12: the dense routes are there to be compared with.
    pub rows: usize,
    /// q, the order of B, 1 to 12.
    pub cols: usize,
    /// A, p × p, instead of a random one.
    pub a: Option<Array2<f64>>,
    /// B, q × q, instead of a random one (p × p where both act on one X).
    pub b: Option<Array2<f64>>,
    /// The argument X or residual W, instead of a random one.
    pub x: Option<Array2<f64>>,
}

impl Default for Example {
    fn default() -> Self {
        Self { seed: 1, rows: 4, cols: 3, a: None, b: None, x: None }
    }
}

impl Example {
    fn validate(&self) -> Result<()> {
        for (what, value) in [("p", self.rows), ("q", self.cols)] {
            if !(1..=12).contains(&value) {
                return Err(Error::domain(what, value, "from 1 to 12 in a derivation"));
            }
        }
        Ok(())
    }

    fn draw(&self) -> Draw {
        Draw(ChaCha8Rng::seed_from_u64(self.seed))
    }

    fn given(
        &self,
        what: &str,
        matrix: &Option<Array2<f64>>,
        (rows, cols): (usize, usize),
        drawn: Array2<f64>,
    ) -> Result<Array2<f64>> {
        match matrix {
            None => Ok(drawn),
            Some(m) if m.dim() == (rows, cols) => {
                crate::linalg::require_finite(what, m)?;
                Ok(m.clone())
            }
            Some(m) => Err(Error::shape(what, format!("{rows} × {cols}"), m.dim())),
        }
    }
}

/// Random matrices of an example.
struct Draw(ChaCha8Rng);

impl Draw {
    fn matrix(&mut self, rows: usize, cols: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, cols), || {
            (self.0.next_u64() >> 11) as f64 * 2.0_f64.powi(-52) - 1.0
        })
    }

    fn symmetric(&mut self, d: usize) -> Array2<f64> {
        let mut m = self.matrix(d, d);
        symmetrise(&mut m);
        m
    }

    fn invertible(&mut self, d: usize) -> Array2<f64> {
        self.matrix(d, d) + Array2::<f64>::eye(d) * (2.0 * d as f64).sqrt()
    }

    fn definite(&mut self, d: usize) -> Array2<f64> {
        let root = self.matrix(d, d);
        let mut m = root.dot(&root.t()) + Array2::<f64>::eye(d);
        symmetrise(&mut m);
        m
    }
}

fn spd(what: &str, matrix: Array2<f64>) -> Result<Spd> {
    Spd::new(what, matrix)
}

/// The text of one derivation on one example.
///
/// # Errors
/// [`Error::Domain`] or [`Error::Shape`] for a senseless example; otherwise what the routes
/// return, for instance [`Error::Singular`] for a given matrix that has no inverse.
pub fn derive(topic: Topic, example: &Example) -> Result<String> {
    example.validate()?;
    match topic {
        Topic::LogQuadratic => log_quadratic::text(example),
        Topic::MatrixFunction => matrix_function::text(example),
        Topic::TraceForms => trace_forms::text(example),
        Topic::Fisher => fisher::text(example),
    }
}
