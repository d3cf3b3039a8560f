//! Exact second order of −ℓ along geodesics, one pass per direction and no divided differences.
//!
//! Move A(t) = L_A exp(tX) L_Aᵀ, B(t) = L_B exp(tV) L_Bᵀ and M(t) = M + t L_A Δ L_Bᵀ with
//! symmetric X (p × p), V (q × q) and any Δ (p × q). The whitened samples move by
//!
//! ```text
//! dZ = −½(XZ + ZV) − Δ
//! ```
//!
//! the log-determinants are linear in t, and with R = ΣΨ the Hessian of −ℓ sends (X, V, Δ) to
//!
//! ```text
//! rows     −½ Σ ( DΨ[dZ] Zᵀ + Ψ dZᵀ )
//! columns  −½ Σ ( Zᵀ DΨ[dZ] + dZᵀ Ψ )
//! mean     −Σ DΨ[dZ] + ½(XR + RV)
//! ```
//!
//! For a fixed mean it is positive semidefinite for every law of this crate with ν > 0; its null
//! space holds the redundant scale (I, −I).

use super::share::{Block, Data, Share};
use super::stacked::{Buffers, sample_view};
use super::{Point, Tangent};
use crate::family::{Elliptical, Law, MatrixWeights, Scratch, Weighting};
use crate::kronecker::Side;
use crate::linalg::{Triangle, as_matrix, as_matrix_mut, gemm, symmetrise};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

/// A sample in the pieces that are added up one by one.
pub(super) struct Chunks<'a> {
    pub(super) data: Data<'a>,
    /// Samples in one piece.
    pub(super) chunk: usize,
    /// Samples in one stacked block.
    pub(super) block: usize,
    /// Shall the threads share them?
    pub(super) parallel: bool,
}

/// The Hessian of −ℓ times `direction` for complete samples.
pub(super) fn of_chunks(
    source: &Chunks<'_>,
    (point, mean): (&Point, ArrayView2<'_, f64>),
    law: &dyn Law,
    direction: &Tangent,
    out: &mut Tangent,
) {
    let (p, q) = point.dim();
    let task = Task { point, mean, law, direction };
    let n = source.data.n();
    let one_chunk = |from: usize| {
        let mut partial = Sums::zeros(point);
        let end = (from + source.chunk).min(n);
        let mut work = Work::new(source.block.min(end - from), p, q);
        for at in (from..end).step_by(source.block) {
            let block = Block { at, m: source.block.min(end - at), lanes: false };
            let share = source.data.share(block);
            task.block(source.data.view(block), &share, &mut work, &mut partial);
        }
        partial
    };
    let starts: Vec<usize> = (0..n).step_by(source.chunk).collect();
    let mut sums = Sums::zeros(point);
    if source.parallel {
        let parts: Vec<Sums> = starts.into_par_iter().map(one_chunk).collect();
        parts.iter().for_each(|part| sums.add(part));
    } else {
        starts.into_iter().for_each(|from| sums.add(&one_chunk(from)));
    }
    sums.finish(task.symmetrised_twice(), direction, out);
}

/// What a chunk adds up: the products before they are made symmetric, and R = ΣΨ.
struct Sums {
    products: Tangent,
    psi: Array2<f64>,
}

impl Sums {
    fn zeros(point: &Point) -> Self {
        Self { products: Tangent::at(point), psi: Array2::zeros(point.mean.dim()) }
    }

    fn add(&mut self, other: &Self) {
        self.products.add_scaled(1.0, &other.products);
        self.psi += &other.psi;
    }

    fn finish(self, twice: bool, direction: &Tangent, out: &mut Tangent) {
        let Self { products, psi } = self;
        *out = products;
        let factor = if twice { -1.0 } else { -0.5 };
        for part in out.factors.iter_mut() {
            symmetrise(part);
            *part *= factor;
        }
        let full = Triangle::Full;
        let rows = direction.factors[Side::Rows].view();
        let blocks = out.mean.axis_chunks_iter_mut(Axis(0), rows.nrows());
        for (to, psi) in blocks.zip(psi.axis_chunks_iter(Axis(0), rows.nrows())) {
            gemm(0.5, (rows, full), (psi, full), true, (to, full));
        }
        gemm(
            0.5,
            (psi.view(), full),
            (direction.factors[Side::Cols].view(), full),
            true,
            (out.mean.view_mut(), full),
        );
    }
}

/// Memory of one thread: the whitened block and (p, m, q) arrays for dZ and what it becomes.
struct Work {
    buffers: Buffers,
    moved: Vec<f64>,
    psi: Vec<f64>,
    change: Vec<f64>,
    scratch: Scratch,
}

impl Work {
    fn new(m: usize, p: usize, q: usize) -> Self {
        Self {
            buffers: Buffers::new(m, p, q),
            moved: vec![0.0; m * p * q],
            psi: Vec::new(),
            change: Vec::new(),
            scratch: Scratch::default(),
        }
    }
}

struct Task<'a> {
    point: &'a Point,
    /// What every sample is taken less.
    mean: ArrayView2<'a, f64>,
    law: &'a dyn Law,
    direction: &'a Tangent,
}

impl Task<'_> {
    /// For w(dZ Zᵀ + Z dZᵀ) one product and its transpose are enough.
    fn symmetrised_twice(&self) -> bool {
        !self.law.weighting().is_matrix()
    }

    fn block(
        &self,
        block: ArrayView3<'_, f64>,
        share: &Share<'_>,
        work: &mut Work,
        out: &mut Sums,
    ) {
        let m = work.buffers.load(block, self.mean);
        work.buffers.whiten_columns(self.point, m);
        work.buffers.whiten_rows(self.point, m);
        self.displace(work, m, share);
        let (p, q) = self.point.dim();
        match self.law.weighting() {
            Weighting::Identity => {
                self.gaussian(work, m, share, out);
                scatter(work.buffers.white(), &work.moved, (p, m, q), &mut out.products);
            }
            Weighting::Elliptical(law) => {
                self.elliptical(law, work, m, share, out);
                scatter(work.buffers.white(), &work.moved, (p, m, q), &mut out.products);
            }
            Weighting::Matrix(law) => {
                self.general(law, work, m, share, out);
                scatter(work.buffers.white(), &work.change, (p, m, q), &mut out.products);
                scatter(&work.moved, &work.psi, (p, m, q), &mut out.products);
            }
        }
    }

    /// dZ = −½(XZ + ZV) − Σ_k z_k Δ_k into `moved`.
    fn displace(&self, work: &mut Work, m: usize, share: &Share<'_>) {
        let (p, q) = self.point.dim();
        let (white, full) = (work.buffers.white(), Triangle::Full);
        gemm(
            -0.5,
            (self.direction.factors[Side::Rows].view(), full),
            (as_matrix(white, p, m * q), full),
            false,
            (as_matrix_mut(&mut work.moved, p, m * q), full),
        );
        gemm(
            -0.5,
            (as_matrix(white, p * m, q), full),
            (self.direction.factors[Side::Cols].view(), full),
            true,
            (as_matrix_mut(&mut work.moved, p * m, q), full),
        );
        for (r, row) in self.direction.mean.outer_iter().enumerate() {
            for i in 0..m {
                let z = share.design.map_or(1.0, |design| design[[i, r / p]]);
                let at = ((r % p) * m + i) * q;
                work.moved[at..at + q].iter_mut().zip(row).for_each(|(to, d)| *to -= z * d);
            }
        }
    }

    /// Ψ = Z and DΨ = dZ.
    fn gaussian(&self, work: &mut Work, m: usize, share: &Share<'_>, out: &mut Sums) {
        let (p, q) = self.point.dim();
        for i in 0..m {
            let u = share.weight(i);
            share.spread(i, u, sample_view(work.buffers.white(), i, m, p, q), &mut out.psi);
            let mut moved = as_matrix_mut(&mut work.moved, p, m * q)
                .slice_axis_move(Axis(1), (i * q..(i + 1) * q).into());
            if share.weights.is_some() {
                moved *= u;
            }
            share.spread(i, -1.0, moved.view(), &mut out.products.mean);
        }
    }

    /// DΨ\[dZ\]Zᵀ + Ψ dZᵀ = KZᵀ + ZKᵀ with K = w dZ + w'⟨Z, dZ⟩Z; K takes the place of dZ.
    fn elliptical(
        &self,
        law: &dyn Elliptical,
        work: &mut Work,
        m: usize,
        share: &Share<'_>,
        out: &mut Sums,
    ) {
        let (p, q) = self.point.dim();
        for i in 0..m {
            let z = sample_view(work.buffers.white(), i, m, p, q);
            let radial = law.radial(z.iter().map(|x| x * x).sum(), p * q);
            let mut moved = as_matrix_mut(&mut work.moved, p, m * q)
                .slice_axis_move(Axis(1), (i * q..(i + 1) * q).into());
            let along: f64 = z.iter().zip(&moved).map(|(a, b)| a * b).sum();
            let u = share.weight(i);
            let (weight, slope) = (u * radial.weight, u * radial.slope * along);
            moved.zip_mut_with(&z, |to, x| *to = weight * *to + slope * x);
            share.spread(i, weight, z, &mut out.psi);
            share.spread(i, -1.0, moved.view(), &mut out.products.mean);
            share.spread(i, -slope, z, &mut out.products.mean);
        }
    }

    fn general(
        &self,
        law: &dyn MatrixWeights,
        work: &mut Work,
        m: usize,
        share: &Share<'_>,
        out: &mut Sums,
    ) {
        let (p, q) = self.point.dim();
        work.psi.resize(work.moved.len(), 0.0);
        work.change.resize(work.moved.len(), 0.0);
        for i in 0..m {
            let part = (i * q..(i + 1) * q).into();
            let z = sample_view(work.buffers.white(), i, m, p, q);
            let moved = sample_view(&work.moved, i, m, p, q);
            let mut psi = as_matrix_mut(&mut work.psi, p, m * q).slice_axis_move(Axis(1), part);
            law.weigh(z, psi.view_mut(), &mut work.scratch);
            if share.weights.is_some() {
                psi *= share.weight(i);
            }
            share.spread(i, 1.0, psi.view(), &mut out.psi);
            let mut change =
                as_matrix_mut(&mut work.change, p, m * q).slice_axis_move(Axis(1), part);
            law.weigh_derivative(z, moved, change.view_mut(), &mut work.scratch);
            if share.weights.is_some() {
                change *= share.weight(i);
            }
            share.spread(i, -1.0, change.view(), &mut out.products.mean);
        }
    }
}

/// Adds ΣUWᵀ to the row part and ΣUᵀW to the column part of blocks (p, m, q).
fn scatter(u: &[f64], w: &[f64], (p, m, q): (usize, usize, usize), out: &mut Tangent) {
    let full = Triangle::Full;
    gemm(
        1.0,
        (as_matrix(u, p, m * q), full),
        (as_matrix(w, p, m * q).reversed_axes(), full),
        true,
        (out.factors[Side::Rows].view_mut(), full),
    );
    gemm(
        1.0,
        (as_matrix(u, p * m, q).reversed_axes(), full),
        (as_matrix(w, p * m, q), full),
        true,
        (out.factors[Side::Cols].view_mut(), full),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;
    use crate::family::{Gaussian, Radial};
    use crate::kronecker::BySide;
    use crate::likelihood::{Likelihood, SampleLikelihood, Sides, Sums, Support};
    use crate::linalg::{Root, matmul, symmetric_eigen};
    use ndarray::Array3;
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    /// The multivariate t with ν = 3, written down here on its own.
    #[derive(Debug)]
    struct Heavy;

    impl Law for Heavy {
        fn name(&self) -> &str {
            "heavy"
        }
        fn weighting(&self) -> Weighting<'_> {
            Weighting::Elliptical(self)
        }
        fn ln_constant(&self, _p: usize, _q: usize) -> f64 {
            0.0
        }
        fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
            None
        }
    }

    impl Elliptical for Heavy {
        fn radial(&self, delta: f64, d: usize) -> Radial {
            let power = 3.0 + d as f64;
            let weight = power / (3.0 + delta);
            let rho = 0.5 * power * (delta / 3.0).ln_1p();
            Radial { rho, weight, slope: -weight / (3.0 + delta) }
        }
    }

    fn random(seed: u64, shape: (usize, usize, usize)) -> Array3<f64> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        Array3::from_shape_simple_fn(shape, || StandardNormal.sample(&mut rng))
    }

    fn square(seed: u64, rows: usize, cols: usize) -> Array2<f64> {
        random(seed, (1, rows, cols)).index_axis_move(Axis(0), 0)
    }

    fn factor(seed: u64, d: usize, decades: f64) -> Root {
        let mut root = square(seed, d, d) * 0.3 + Array2::<f64>::eye(d);
        for i in 0..d {
            root.row_mut(i).mapv_inplace(|x| x * 10f64.powf(decades * i as f64 / d as f64));
        }
        Root::of("a factor", matmul(root.view(), root.t()).view()).unwrap()
    }

    fn direction(seed: u64, p: usize, q: usize) -> Tangent {
        let mut v = Tangent {
            factors: BySide::new(square(seed, p, p), square(seed + 1, q, q)),
            mean: square(seed, p, q),
        };
        v.factors.iter_mut().for_each(symmetrise);
        v
    }

    /// The gradient of −ℓ at the point reached after t, in the frame carried along from `from`.
    fn gradient(
        source: &SampleLikelihood<'_>,
        law: &dyn Law,
        from: &Point,
        v: &Tangent,
        t: f64,
    ) -> Tangent {
        let (_, p, q) = source.dim();
        let exp = |x: &Array2<f64>, s: f64| {
            symmetric_eigen("x", x.view()).unwrap().map(|l| (s * l).exp())
        };
        let mut point = from.clone();
        for side in Side::BOTH {
            point.factors[side].advance("a factor", exp(&v.factors[side], t).view()).unwrap();
        }
        point.mean.scaled_add(t, &from.unwhiten(v.mean.view()));
        let mut sums = Sums::zeros(p, q);
        source.sums(&point, law, Sides::Both, &mut sums).unwrap();
        // From the frame of the Cholesky root to the frame L exp(tX/2).
        let turn = |root: &Root, old: &Root, x: &Array2<f64>| {
            matmul(root.inverse(), matmul(old.lower(), exp(x, 0.5 * t).view()).view())
        };
        let seen =
            |g: Array2<f64>, w: Array2<f64>| matmul(matmul(w.t(), g.view()).view(), w.view());
        let factors = BySide::of(|side| {
            let excess =
                Array2::eye(point.factors[side].order()) - &*sums.mean_scatter(side).unwrap();
            let turned = turn(&point.factors[side], &from.factors[side], &v.factors[side]);
            seen(excess * (0.5 * sums.unit(side)), turned)
        });
        let left = matmul(point.row().inverse(), from.row().lower());
        let right = matmul(point.col().inverse(), from.col().lower());
        let mean = matmul(matmul(left.t(), sums.psi.view()).view(), right.view()) * -1.0;
        Tangent { factors, mean }
    }

    /// Richardson's extrapolation of central differences, error of order h⁶.
    fn slope(f: impl Fn(f64) -> Tangent) -> Tangent {
        let central = |h: f64| {
            let mut up = f(h);
            up.add_scaled(-1.0, &f(-h));
            up.scale(0.5 / h);
            up
        };
        let (mut a, mut b, c) = (central(4e-3), central(2e-3), central(1e-3));
        for (coarse, fine) in [(&mut a, &b.clone()), (&mut b, &c)] {
            coarse.scale(-1.0 / 3.0);
            coarse.add_scaled(4.0 / 3.0, fine);
        }
        b.scale(16.0 / 15.0);
        b.add_scaled(-1.0 / 15.0, &a);
        b
    }

    #[test]
    fn hessian_products_are_the_slopes_of_the_gradient() {
        let laws: [&dyn Law; 2] = [&Gaussian, &Heavy];
        for (law, decades) in
            laws.into_iter().zip([0.0, 0.0]).chain(laws.into_iter().zip([2.0, 3.0]))
        {
            let (n, p, q) = (7, 4, 3);
            let sample = Sample::new(random(1, (n, p, q))).unwrap();
            let source = SampleLikelihood::new(&sample);
            let mean = square(2, p, q) * 0.2;
            let point = Point::new(mean, factor(3, p, decades), factor(4, q, 0.0));
            let (u, v) = (direction(5, p, q), direction(8, p, q));
            let (mut hu, mut hv) = (Tangent::zeros(p, q), Tangent::zeros(p, q));
            for (direction, product) in [(&u, &mut hu), (&v, &mut hv)] {
                let done = source.curvature(&point, law, direction, product).unwrap();
                assert_eq!(done, Support::Done);
            }
            let asymmetry = (u.dot(&hv) - v.dot(&hu)).abs() / (u.norm() * hv.norm());
            assert!(asymmetry < 1e-13, "{}: {asymmetry:e}", law.name());
            let mut gap = slope(|t| gradient(&source, law, &point, &u, t));
            gap.add_scaled(-1.0, &hu);
            let off = gap.norm() / hu.norm();
            assert!(off < 1e-8, "{} at 1e{decades}: {off:e}", law.name());
        }
    }

    #[test]
    fn redundant_scale_is_a_null_direction() {
        let (p, q) = (4, 3);
        let sample = Sample::new(random(1, (5, p, q))).unwrap();
        let source = SampleLikelihood::new(&sample);
        let point = Point::new(square(2, p, q), factor(3, p, 1.0), factor(4, q, 1.0));
        let v = Tangent {
            factors: BySide::new(Array2::eye(p), -Array2::<f64>::eye(q)),
            mean: Array2::zeros((p, q)),
        };
        let mut out = Tangent::zeros(p, q);
        let done = source.curvature(&point, &Heavy, &v, &mut out).unwrap();
        assert_eq!(done, Support::Done);
        assert!(out.factors.iter().flatten().all(|x| x.abs() < 1e-11), "{out:?}");
    }
}
