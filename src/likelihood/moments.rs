//! The Gaussian likelihood from moments: iterations whose cost does not depend on n.
//!
//! With Y_i the samples whitened by some fixed (A₀, B₀) and S = Σ vec(Y_i − Ȳ) vec(Y_i − Ȳ)ᵀ, the
//! symmetric-reduced rearrangement of S (Van Loan & Pitsianis 1993),
//!
//! ```text
//! R[(ij), (kl)] = c_ij c_kl ½ (S[ik, jl] + S[il, jk]) ,   i ≥ j, k ≥ l, c = 1 on the diagonal, √2 off
//! ```
//!
//! is p(p+1)/2 × q(q+1)/2, and both scatters are matrix–vector products with it:
//! svec ΣYVYᵀ = R svec V and svec ΣYᵀHY = Rᵀ svec H. An iteration costs about p²q² + p³ + q³ flops
//! against 2npq(p+q).
//!
//! S itself, p²q²/2 numbers, is never made. With y_i the rows of Y and G_ij = Σ(y_i + y_j)(y_i + y_j)ᵀ
//! for i > j, G_ii = Σy_i y_iᵀ,
//!
//! ```text
//! S[ik, jl] + S[il, jk] = (G_ij − G_ii − G_jj)[kl] ,
//! ```
//!
//! so that p(p+1)/2 Gram matrices of order q are enough (or q(q+1)/2 of order p: the shorter side
//! is paired): n p(p+1)q(q+1)/2 flops, about half of what S would cost.
//!
//! Raw data would lose about cond(A)·cond(B)·ε this way. Whitened data does not: near the optimum
//! all products are with matrices near the identity.

use super::lanes::Lanes;
use super::pairs::{lower_pairs, weight};
use super::{MomentLikelihood, Point};
use crate::data::check_weights;
use crate::linalg::gram::Gram;
use crate::linalg::kernel::{LANES, Mode};
use crate::linalg::{Aligned, vectors, zeros};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

/// First and second moments of whitened samples: they observe, and they merge.
///
/// ```
/// use kronfit::likelihood::{Likelihood, Moments, Point};
/// use ndarray::array;
/// let whitening = Point::standard(1, 2);
/// let mut left = Moments::new(whitening.clone());
/// left.observe(array![[1.0, 0.0]].view()).unwrap();
/// let mut right = Moments::new(whitening);
/// right.observe(array![[3.0, 2.0]].view()).unwrap();
/// left.merge(&right).unwrap();
/// assert_eq!(left.likelihood().unwrap().average().unwrap(), array![[2.0, 1.0]]);
/// ```
#[derive(Debug, Clone)]
pub struct Moments {
    whitening: Point,
    n: usize,
    /// Σu.
    weight: f64,
    /// Σ u vec Y.
    sum: Vec<f64>,
    /// G of every pair, lower triangles, row-major.
    grams: Vec<f64>,
}

/// Doubles in one block of samples.
const BLOCK_DOUBLES: usize = 96 * 1024;
/// Doubles of y_i + y_j in a run, and most lanes: three arrays of this size share a first-level
/// cache.
const NEAR_DOUBLES: usize = 2560;
const MAX_LANES: usize = 128;
/// Most samples in a block.
const MAX_BLOCK: usize = 1024;
/// Fewest and most partial sums, fixed by the shape so that results do not depend on the number of
/// threads. A sum of its own is worth it for as many samples as a matrix has entries.
const CHUNKS: (usize, usize) = (2, 8);

impl Moments {
    /// Nothing observed yet. The samples will be whitened by `whitening`, which should be a rough
    /// estimate: a sweep or two, or a fit to a part of the data.
    pub fn new(whitening: Point) -> Self {
        let (p, q) = whitening.mean.dim();
        let Pairing { long, count, .. } = Pairing::of(p, q);
        Self {
            n: 0,
            weight: 0.0,
            sum: vec![0.0; p * q],
            grams: vec![0.0; count * long * long],
            whitening,
        }
    }

    /// Samples observed.
    pub fn n(&self) -> usize {
        self.n
    }

    fn dim(&self) -> (usize, usize) {
        self.whitening.mean.dim()
    }

    /// Takes one more sample (p × q) in.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NonFinite`].
    pub fn observe(&mut self, sample: ArrayView2<'_, f64>) -> Result<()> {
        self.observe_all(sample.insert_axis(Axis(0)))
    }

    /// Takes samples (m, p, q) in, on all threads.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NonFinite`].
    pub fn observe_all(&mut self, samples: ArrayView3<'_, f64>) -> Result<()> {
        let (_, p, q) = samples.dim();
        if (p, q) != self.dim() {
            return Err(Error::shape(
                "a sample for the moments",
                format!("{:?}", self.dim()),
                (p, q),
            ));
        }
        crate::linalg::require_finite("a sample for the moments", &samples)?;
        self.observe_checked(samples, None);
        Ok(())
    }

    /// [`Moments::observe_all`] with frequency weights u (m): each sample stands for u of its like.
    ///
    /// # Errors
    /// As [`Moments::observe_all`], and [`Error::Domain`] for a weight that is negative or not finite.
    pub fn observe_weighted(
        &mut self,
        samples: ArrayView3<'_, f64>,
        weights: &[f64],
    ) -> Result<()> {
        check_weights(weights, samples.dim().0, true, "the moments")?;
        let (_, p, q) = samples.dim();
        if (p, q) != self.dim() {
            let expected = format!("{:?}", self.dim());
            return Err(Error::shape("a sample for the moments", expected, (p, q)));
        }
        crate::linalg::require_finite("a sample for the moments", &samples)?;
        self.observe_checked(samples, Some(weights));
        Ok(())
    }

    /// [`Moments::observe_all`] for samples of the right shape that are known to be finite.
    pub(crate) fn observe_checked(
        &mut self,
        samples: ArrayView3<'_, f64>,
        weights: Option<&[f64]>,
    ) {
        let (m, p, q) = samples.dim();
        let block = (BLOCK_DOUBLES / (p * q) / LANES * LANES).clamp(LANES, MAX_BLOCK);
        let chunks = (m / (p * q)).clamp(CHUNKS.0, CHUNKS.1);
        let chunk = m.div_ceil(block).div_ceil(chunks).max(1) * block;
        let shares = (0..m)
            .step_by(chunk)
            .map(|from| weights.map(|weights| &weights[from..(from + chunk).min(m)]));
        let parts: Vec<(ArrayView3<'_, f64>, Option<&[f64]>)> =
            samples.axis_chunks_iter(Axis(0), chunk).zip(shares).collect();
        let Self { whitening, n, weight, sum, grams } = self;
        let mut add = |partial: &Partial| partial.add_to(sum, grams);
        if parts.len() == 1 || rayon::current_num_threads() == 1 {
            let mut partial = Partial::new(p, q, block.min(m));
            for (part, weights) in &parts {
                partial.observe(whitening, part, *weights);
                add(&partial);
            }
        } else {
            let one = |(part, weights): &(ArrayView3<'_, f64>, Option<&[f64]>)| {
                let mut partial = Partial::new(p, q, block.min(part.len_of(Axis(0))));
                partial.observe(whitening, part, *weights);
                partial
            };
            let partials: Vec<Partial> = parts.par_iter().map(one).collect();
            partials.iter().for_each(&mut add);
        }
        *n += m;
        *weight += weights.map_or(m as f64, |weights| weights.iter().sum());
    }

    /// Takes in what another one observed with the same whitening.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the samples were whitened differently.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.whitening != other.whitening {
            return Err(Error::Unsupported {
                what: "moments of differently whitened samples cannot be added".to_owned(),
                remedy: "observe all parts with one and the same whitening point".to_owned(),
            });
        }
        self.n += other.n;
        self.weight += other.weight;
        self.sum.iter_mut().zip(&other.sum).for_each(|(to, x)| *to += x);
        self.grams.iter_mut().zip(&other.grams).for_each(|(to, x)| *to += x);
        Ok(())
    }

    /// n, Σu, Σu vec Y and the Gram matrices as one list: the lists of parts with the same whitening add
    /// up to the list of the whole.
    pub fn to_flat(&self) -> Vec<f64> {
        [self.n as f64, self.weight].iter().chain(&self.sum).chain(&self.grams).copied().collect()
    }

    /// What [`Moments::to_flat`] listed.
    ///
    /// # Errors
    /// [`Error::Shape`] for a list of another length.
    pub fn from_flat(whitening: Point, numbers: &[f64]) -> Result<Self> {
        let mut moments = Self::new(whitening);
        let length = 2 + moments.sum.len() + moments.grams.len();
        let ([n, weight, rest @ ..], true) = (numbers, numbers.len() == length) else {
            let what = "a list of moments";
            return Err(Error::shape(what, format!("{length} numbers"), numbers.len()));
        };
        (moments.n, moments.weight) = (*n as usize, *weight);
        let (sum, grams) = rest.split_at(moments.sum.len());
        moments.sum.copy_from_slice(sum);
        moments.grams.copy_from_slice(grams);
        Ok(moments)
    }

    /// The likelihood of what was observed.
    ///
    /// # Errors
    /// [`Error::Degenerate`] when nothing was observed.
    pub fn likelihood(&self) -> Result<MomentLikelihood> {
        if !(self.weight > 0.0) {
            return Err(Error::Degenerate {
                what: "no sample was observed".to_owned(),
                remedy: "observe at least one before asking for the likelihood".to_owned(),
            });
        }
        let (p, q) = self.dim();
        let n = self.weight;
        let deviation = Array2::from_shape_fn((p, q), |(i, k)| self.sum[i * q + k] / n);
        let average = &self.whitening.mean + &self.whitening.unwhiten(deviation.view());
        let (pairing, mean) = (Pairing::of(p, q), deviation.view());
        let (reduced, squares) =
            reduced_rearrangement(&Central { pairing, grams: &self.grams, mean, n });
        let whitening = self.whitening.clone();
        let (n, weight) = (self.n, self.weight);
        Ok(MomentLikelihood { n, weight, average, whitening, squares, reduced })
    }
}

/// Which side of the samples is paired.
#[derive(Debug, Clone, Copy)]
struct Pairing {
    /// Are rows paired, or columns?
    rows: bool,
    /// Length of the paired side.
    short: usize,
    /// Length of the other one: the order of the Gram matrices.
    long: usize,
    /// Pairs.
    count: usize,
}

impl Pairing {
    fn of(p: usize, q: usize) -> Self {
        let (rows, short, long) = if p <= q { (true, p, q) } else { (false, q, p) };
        Self { rows, short, long, count: short * (short + 1) / 2 }
    }

    /// Doubles from one vector of a paired side, and from one of its entries, to the next.
    fn strides(self) -> (usize, usize) {
        if self.rows { (self.long, 1) } else { (1, self.short) }
    }
}

/// Lanes of a run for Gram matrices of this order.
fn near_lanes(order: usize) -> usize {
    (NEAR_DOUBLES / order / LANES * LANES).clamp(2 * LANES, MAX_LANES)
}

/// What a part of the samples adds.
struct Partial {
    pairing: Pairing,
    block: usize,
    lanes: Lanes,
    sum: Vec<f64>,
    /// As in [`Moments`].
    grams: Vec<f64>,
    /// One pair's sums over a block, lane by lane: they stay in the first-level cache.
    gram: Gram,
    /// y_i + y_j of a block.
    added: Aligned,
}

impl Partial {
    fn new(p: usize, q: usize, block: usize) -> Self {
        let pairing = Pairing::of(p, q);
        let lanes = Lanes::new(block, p, q);
        let grams = vec![0.0; pairing.count * pairing.long * pairing.long];
        let added = zeros(pairing.long * near_lanes(pairing.long));
        let (sum, gram) = (vec![0.0; p * q], Gram::new(pairing.long));
        Self { pairing, block, lanes, sum, grams, gram, added }
    }

    /// Forgets what was seen and takes these samples in.
    fn observe(
        &mut self,
        whitening: &Point,
        samples: &ArrayView3<'_, f64>,
        weights: Option<&[f64]>,
    ) {
        self.sum.fill(0.0);
        self.grams.fill(0.0);
        let (_, p, q) = samples.dim();
        let mean = whitening.mean.as_standard_layout();
        let values = samples.as_standard_layout();
        let (Some(values), Some(mean)) = (values.as_slice(), mean.as_slice()) else {
            return;
        };
        let plain = whitening.is_plain();
        self.lanes.prepare(whitening, !plain, !plain);
        for (i, part) in values.chunks(self.block * p * q).enumerate() {
            let m = part.len() / (p * q);
            if plain {
                self.lanes.load(part, p * q, m, mean);
            } else {
                self.lanes.load_white(part, p * q, m, mean, whitening);
                self.lanes.whiten_rows(whitening);
            }
            self.scatter(weights.map(|weights| &weights[i * self.block..][..m]));
        }
    }

    /// Adds the block in the lanes.
    fn scatter(&mut self, weights: Option<&[f64]>) {
        let Self { pairing, lanes, sum, grams, gram, added, .. } = self;
        match weights {
            Some(weights) => lanes.scale(weights, sum),
            None => {
                let (white, inner) = lanes.block();
                vectors::sum_lanes(white, inner, sum);
            }
        }
        let (white, inner) = lanes.block();
        let Pairing { short, long, .. } = *pairing;
        let (vector, entry) = pairing.strides();
        for ((i, j), to) in lower_pairs(short).zip(grams.chunks_exact_mut(long * long)) {
            gram.clear();
            for from in (0..inner).step_by(near_lanes(long)) {
                let run = near_lanes(long).min(inner - from);
                let row = |i: usize| i * vector * inner + from;
                let added = &mut added[..long * run];
                let places = (row(i), (i != j).then(|| row(j)));
                vectors::add_rows(white, places, entry * inner, run, added);
                gram.add(added, added, Mode { outer: 1, d: long, inner: run });
            }
            gram.add_to(to);
        }
    }

    fn add_to(&self, sum: &mut [f64], grams: &mut [f64]) {
        sum.iter_mut().zip(&self.sum).for_each(|(to, x)| *to += x);
        grams.iter_mut().zip(&self.grams).for_each(|(to, x)| *to += x);
    }
}

/// The sums around the mean Ȳ of n samples.
struct Central<'a> {
    pairing: Pairing,
    grams: &'a [f64],
    mean: ArrayView2<'a, f64>,
    n: f64,
}

impl Central<'_> {
    /// Calls `visit` with every pair (i, j) of the paired side, every entry (k, l) of the other one
    /// and ½(S[ik, jl] + S[il, jk]).
    fn visit(&self, mut visit: impl FnMut((usize, usize), (usize, usize), f64)) {
        let long = self.pairing.long;
        let gram = |i: usize, j: usize| &self.grams[(i * (i + 1) / 2 + j) * long * long..];
        let mean = if self.pairing.rows { self.mean } else { self.mean.reversed_axes() };
        for (i, j) in lower_pairs(self.pairing.short) {
            let (both, first, second) = (gram(i, j), gram(i, i), gram(j, j));
            let (x, y) = (mean.row(i), mean.row(j));
            for (k, l) in lower_pairs(long) {
                let at = k * long + l;
                let sum = if i == j {
                    both[at] - self.n * x[k] * x[l]
                } else {
                    let around = self.n * (x[k] * y[l] + x[l] * y[k]);
                    0.5 * (both[at] - first[at] - second[at] - around)
                };
                visit((i, j), (k, l), sum);
            }
        }
    }
}

/// R and the mean squares of the entries.
fn reduced_rearrangement(central: &Central<'_>) -> (Vec<f64>, Array2<f64>) {
    let (p, q) = central.mean.dim();
    let width = q * (q + 1) / 2;
    let mut reduced = vec![0.0; p * (p + 1) / 2 * width];
    let mut squares = Array2::zeros((p, q));
    let place = |i: usize, j: usize| i * (i + 1) / 2 + j;
    central.visit(|pair, entry, sum| {
        let ((i, j), (k, l)) = if central.pairing.rows { (pair, entry) } else { (entry, pair) };
        reduced[place(i, j) * width + place(k, l)] = weight(i, j) * weight(k, l) * sum;
        if i == j && k == l {
            squares[[i, k]] = sum / central.n;
        }
    });
    (reduced, squares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;
    use crate::family::Gaussian;
    use crate::kronecker::{BySide, Side};
    use crate::likelihood::{Likelihood, SampleLikelihood, Sides, Sums, Support, Tangent};
    use crate::linalg::Root;
    use ndarray::Array3;

    fn sample(n: usize, p: usize, q: usize) -> Sample {
        let values = Array3::from_shape_fn((n, p, q), |(i, r, c)| {
            let t = (i * 31 + r * 7 + c * 13) as f64;
            3.0 + (t * 0.617).sin() + 0.5 * (t * 1.13 + (i * r) as f64).cos()
        });
        Sample::new(values).unwrap()
    }

    fn root(d: usize, tilt: f64) -> Root {
        let lower = Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Equal => 1.0 + tilt * i as f64,
            std::cmp::Ordering::Greater => tilt * ((i + 2 * j) as f64).sin(),
            std::cmp::Ordering::Less => 0.0,
        });
        Root::from_lower(lower)
    }

    fn point(p: usize, q: usize, tilt: f64, mean: f64) -> Point {
        Point::new(Array2::from_elem((p, q), mean), root(p, tilt), root(q, -0.5 * tilt))
    }

    fn close(a: &Array2<f64>, b: &Array2<f64>, what: &str) {
        let scale = b.iter().fold(1e-300_f64, |m, x| m.max(x.abs()));
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() < 1e-12 * scale, "{what}: {x} against {y}");
        }
    }

    #[test]
    fn passes_and_curvature_are_those_of_the_samples() {
        for (n, p, q) in [(40, 3, 5), (7, 1, 4), (300, 6, 2)] {
            let sample = sample(n, p, q);
            let samples = SampleLikelihood::new(&sample);
            let mut moments = Moments::new(point(p, q, 0.2, 2.7));
            moments.observe_all(sample.values()).unwrap();
            let source = moments.likelihood().unwrap();
            let at = point(p, q, 0.31, 2.9);
            for sides in [Sides::ROWS, Sides::COLS, Sides::Both] {
                let (mut a, mut b) = (Sums::zeros(p, q), Sums::zeros(p, q));
                samples.sums(&at, &Gaussian, sides, &mut a).unwrap();
                source.sums(&at, &Gaussian, sides, &mut b).unwrap();
                for side in Side::BOTH {
                    assert_eq!(a.scatter(side).is_some(), sides.has(side));
                    if let (Some(a), Some(b)) = (a.scatter(side), b.scatter(side)) {
                        close(&b.to_owned(), &a.to_owned(), "scatter");
                    }
                }
                close(&b.psi, &a.psi, "sum");
                assert!((a.rho / b.rho - 1.0).abs() < 1e-12);
                assert!((a.log_likelihood / b.log_likelihood - 1.0).abs() < 1e-12);
            }
            let tilted = |d: usize| Array2::from_shape_fn((d, d), |(i, j)| ((i + j) as f64).cos());
            let direction = Tangent {
                factors: BySide::new(tilted(p), tilted(q) * 0.7),
                mean: Array2::from_shape_fn((p, q), |(i, j)| (i as f64 - j as f64) * 0.3),
            };
            let (mut a, mut b) = (Tangent::zeros(p, q), Tangent::zeros(p, q));
            let done = samples.curvature(&at, &Gaussian, &direction, &mut a).unwrap();
            assert_eq!(done, source.curvature(&at, &Gaussian, &direction, &mut b).unwrap());
            assert_eq!(done, Support::Done);
            for side in Side::BOTH {
                close(&b.factors[side], &a.factors[side], "Hessian");
            }
            close(&b.mean, &a.mean, "Hessian, mean");
        }
    }

    #[test]
    fn merging_is_observing_together() {
        let sample = sample(30, 3, 4);
        let whitening = point(3, 4, 0.1, 3.0);
        let mut together = Moments::new(whitening.clone());
        together.observe_all(sample.values()).unwrap();
        let mut apart = Moments::new(whitening.clone());
        for x in sample.values().outer_iter().take(11) {
            apart.observe(x).unwrap();
        }
        let mut rest = Moments::new(whitening);
        rest.observe_all(sample.values().slice_axis(Axis(0), (11..30).into())).unwrap();
        apart.merge(&rest).unwrap();
        assert_eq!(apart.n(), 30);
        let (a, b) = (apart.likelihood().unwrap(), together.likelihood().unwrap());
        for (x, y) in a.reduced.iter().zip(&b.reduced) {
            assert!((x - y).abs() < 1e-11, "{x} against {y}");
        }
        assert!(apart.merge(&Moments::new(point(3, 4, 0.2, 3.0))).is_err());
    }
}
