//! The likelihood of data whose parts are elsewhere: in other processes, on other machines.
//!
//! Whatever is asked is a [`Question`], which travels as text; every answer is a list of numbers, and
//! the answers of all shards are added up in an order that whoever keeps them fixes once: results do
//! not depend on who computed what. A question holds M and the roots of A and B, pq + p² + q²
//! numbers; an answer as many (a question about moments: ¼p(p+1)q(q+1) at most twice over).

use super::{
    Labels, Likelihood, Moments, Point, SampleLikelihood, Sides, Summaries, Sums, Support, Tangent,
    Visit,
};
use crate::family::{DofFamily, Law, LawName};
use crate::kronecker::{BySide, Side};
use crate::linalg::{Root, require_finite};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where a shard is asked to look: M and the lower roots of A and B.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    mean: Array2<f64>,
    roots: BySide<Array2<f64>>,
}

impl Place {
    /// The place of a point.
    pub fn of(point: &Point) -> Self {
        let roots = BySide::of(|side| point.factor(side).lower().to_owned());
        Self { mean: point.mean.clone(), roots }
    }

    /// The point of a place: the same to the last bit wherever it is made.
    pub fn point(&self) -> Point {
        let root = |side| Root::from_lower(Array2::clone(&self.roots[side]));
        Point::new(self.mean.clone(), root(Side::Rows), root(Side::Cols))
    }
}

/// A law that every shard knows by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedLaw {
    name: LawName,
    dof: Option<f64>,
}

impl NamedLaw {
    /// # Errors
    /// [`Error::Unsupported`] for a law of the user's own.
    fn of(law: &dyn Law) -> Result<Self> {
        let name = LawName::of(law).ok_or_else(|| Error::Unsupported {
            what: format!("the law {} is not known where the shards are", law.name()),
            remedy: "use gaussian, kronecker-t or matrix-t".to_owned(),
        })?;
        Ok(Self { name, dof: law.dof() })
    }

    fn law(&self) -> Result<Arc<dyn Law>> {
        self.name.law(self.dof)
    }
}

/// What shards are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Question {
    /// ΣX (p × q), and are all numbers finite?
    Total,
    /// Σ(X − M)², entry by entry (p × q).
    Squares {
        /// M.
        mean: Array2<f64>,
    },
    /// The [`Sums`] at a point.
    Sums {
        /// The point.
        at: Place,
        /// The law.
        law: NamedLaw,
        /// Which scatters.
        sides: Sides,
    },
    /// The Hessian of −ℓ times a direction.
    Curvature {
        /// The point.
        at: Place,
        /// The law.
        law: NamedLaw,
        /// X, V and Δ of the direction.
        along: (BySide<Array2<f64>>, Array2<f64>),
    },
    /// The [`Moments`] of whitened samples.
    Moments {
        /// Whitened by this.
        whitening: Place,
    },
    /// What ρ depends on at every ν, observation after observation: the one answer that is as long
    /// as the shard, and is put behind the others and not added to them.
    Summaries {
        /// The point.
        at: Place,
        /// A law of the family.
        law: NamedLaw,
    },
}

impl Question {
    /// As text.
    ///
    /// # Errors
    /// [`Error::NonFinite`] where a number is none.
    pub fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| broken(&e))
    }

    /// From text, to the last bit.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for text that [`Question::to_text`] did not write.
    pub fn from_text(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| broken(&e))
    }

    /// The answer of a shard (m, p, q) of row-major numbers.
    ///
    /// # Errors
    /// [`Error::NonFinite`] naming the first number that is none, by its place in the shard.
    pub fn answer(&self, shard: ArrayView3<'_, f64>) -> Result<Vec<f64>> {
        let (m, p, q) = shard.dim();
        let data = SampleLikelihood::of(shard);
        match self {
            Self::Total => {
                require_finite("the data", &shard)?;
                Ok(shard.sum_axis(Axis(0)).into_iter().collect())
            }
            Self::Squares { mean } => {
                let squares = data.squares(mean.view(), false)?;
                Ok(squares.into_iter().map(|x| x * m as f64).collect())
            }
            Self::Sums { at, law, sides } => {
                let mut sums = Sums::zeros(p, q);
                data.sums(&at.point(), &*law.law()?, *sides, &mut sums)?;
                Ok(flat_sums(&sums))
            }
            Self::Curvature { at, law, along } => {
                let along = Tangent { factors: along.0.clone(), mean: along.1.clone() };
                let mut out = Tangent::zeros(p, q);
                match data.curvature(&at.point(), &*law.law()?, &along, &mut out)? {
                    Support::Done => Ok(flat_tangent(&out)),
                    Support::NotAvailable => Ok(Vec::new()),
                }
            }
            Self::Moments { whitening } => {
                let mut moments = Moments::new(whitening.point());
                moments.observe_all(shard)?;
                Ok(moments.to_flat())
            }
            Self::Summaries { at, law } => {
                let law = law.law()?;
                let family = law.dof_family().ok_or_else(no_family)?;
                Ok(data.summaries(&at.point(), family)?.values.to_vec())
            }
        }
    }
}

fn broken(error: &serde_json::Error) -> Error {
    Error::Unsupported {
        what: format!("a question to shards cannot be read or written ({error})"),
        remedy: "use the same version of kronfit everywhere".to_owned(),
    }
}

fn no_family() -> Error {
    Error::Unsupported {
        what: "this law has no degrees of freedom".to_owned(),
        remedy: "choose a t law".to_owned(),
    }
}

/// Who keeps the shards.
pub trait Shards: Sync {
    /// (n, p, q) of all of them.
    fn dim(&self) -> (usize, usize, usize);

    /// Where the data comes from, for messages.
    fn name(&self) -> &str;

    /// The answers of all shards, added up in a fixed order; for [`Question::Summaries`] one after
    /// the other.
    ///
    /// # Errors
    /// What a shard says, and [`Error::Interrupted`].
    fn ask(&self, question: &Question) -> Result<Vec<f64>>;
}

/// The likelihood of all shards.
pub struct ShardLikelihood<'a> {
    shards: &'a dyn Shards,
    average: Array2<f64>,
}

impl<'a> ShardLikelihood<'a> {
    /// Asks the shards for their average.
    ///
    /// # Errors
    /// As [`Shards::ask`].
    pub fn new(shards: &'a dyn Shards) -> Result<Self> {
        let (n, p, q) = shards.dim();
        let total = shards.ask(&Question::Total)?;
        let average = reader(&total, p * q)?.matrix(p, q)? / n as f64;
        Ok(Self { shards, average })
    }

    /// The moments of all shards around a point.
    ///
    /// # Errors
    /// As [`Shards::ask`].
    pub fn moments(&self, whitening: &Point) -> Result<Moments> {
        let whitening = Place::of(whitening);
        let answer = self.shards.ask(&Question::Moments { whitening: whitening.clone() })?;
        Moments::from_flat(whitening.point(), &answer)
    }
}

impl Likelihood for ShardLikelihood<'_> {
    fn dim(&self) -> (usize, usize, usize) {
        self.shards.dim()
    }

    fn labels(&self) -> Labels<'_> {
        Labels { source: self.shards.name(), ..Labels::default() }
    }

    fn average(&self) -> Result<Array2<f64>> {
        Ok(self.average.clone())
    }

    fn squares(&self, mean: ArrayView2<'_, f64>, _quick: bool) -> Result<Array2<f64>> {
        let (n, p, q) = self.dim();
        let answer = self.shards.ask(&Question::Squares { mean: mean.to_owned() })?;
        Ok(reader(&answer, p * q)?.matrix(p, q)? / n as f64)
    }

    fn sums(&self, at: &Point, law: &dyn Law, sides: Sides, into: &mut Sums) -> Result<()> {
        let question = Question::Sums { at: Place::of(at), law: NamedLaw::of(law)?, sides };
        let answer = self.shards.ask(&question)?;
        let (_, p, q) = self.dim();
        let own = |side, d: usize| if sides.has(side) { d * d } else { 0 };
        let length = 5 + p * q + own(Side::Rows, p) + own(Side::Cols, q);
        let mut numbers = reader(&answer, length)?;
        into.clear(sides);
        (into.weight, into.cells) = (numbers.one(), numbers.one());
        into.log_likelihood = numbers.one();
        (into.rho, into.law_weight) = (numbers.one(), numbers.one());
        into.psi = numbers.matrix(p, q)?;
        for (side, d) in [(Side::Rows, p), (Side::Cols, q)] {
            if sides.has(side) {
                *into.scatter_mut(side) = numbers.matrix(d, d)?;
            }
        }
        Ok(())
    }

    fn curvature(
        &self,
        at: &Point,
        law: &dyn Law,
        along: &Tangent,
        into: &mut Tangent,
    ) -> Result<Support> {
        let question = Question::Curvature {
            at: Place::of(at),
            law: NamedLaw::of(law)?,
            along: (along.factors.clone(), along.mean.clone()),
        };
        let answer = self.shards.ask(&question)?;
        if answer.is_empty() {
            return Ok(Support::NotAvailable);
        }
        let (_, p, q) = self.dim();
        let mut numbers = reader(&answer, p * p + q * q + p * q)?;
        into.factors = BySide::new(numbers.matrix(p, p)?, numbers.matrix(q, q)?);
        into.mean = numbers.matrix(p, q)?;
        Ok(Support::Done)
    }

    fn each(&self, _at: &Point, _law: &dyn Law, _visit: &mut Visit<'_>) -> Result<()> {
        Err(Error::Unsupported {
            what: "observations that are kept elsewhere cannot be looked at one by one".to_owned(),
            remedy: "score them where they are".to_owned(),
        })
    }

    fn summaries(&self, at: &Point, family: &dyn DofFamily) -> Result<Summaries> {
        let law = NamedLaw::of(&*family.at(1.0))?;
        let answer = self.shards.ask(&Question::Summaries { at: Place::of(at), law })?;
        let (n, p, q) = self.dim();
        reader(&answer, n * family.summary_len(p, q))?;
        Ok(Summaries::plain(Array1::from(answer)))
    }
}

fn flat_sums(sums: &Sums) -> Vec<f64> {
    let Sums { weight, cells, log_likelihood, rho, law_weight, .. } = *sums;
    let mut out = vec![weight, cells, log_likelihood, rho, law_weight];
    out.extend(&sums.psi);
    for side in Side::BOTH {
        out.extend(sums.scatter(side).iter().flatten());
    }
    out
}

fn flat_tangent(tangent: &Tangent) -> Vec<f64> {
    tangent.factors.iter().chain([&tangent.mean]).flatten().copied().collect()
}

/// Numbers in order, of which there are as many as there should be.
struct Reader<'a>(&'a [f64]);

fn reader(numbers: &[f64], length: usize) -> Result<Reader<'_>> {
    if numbers.len() == length {
        return Ok(Reader(numbers));
    }
    Err(Error::shape("an answer of shards", format!("{length} numbers"), numbers.len()))
}

impl Reader<'_> {
    fn one(&mut self) -> f64 {
        let (first, rest) = self.0.split_first().unwrap_or((&f64::NAN, &[]));
        self.0 = rest;
        *first
    }

    fn matrix(&mut self, rows: usize, cols: usize) -> Result<Array2<f64>> {
        let (own, rest) = self.0.split_at(rows * cols);
        self.0 = rest;
        Array2::from_shape_vec((rows, cols), own.to_vec())
            .map_err(|e| Error::shape("an answer of shards", format!("{rows} × {cols}"), e))
    }
}
