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

use super::pass::SampleSource;
use super::stacked::{Buffers, sample_view};
use super::{Point, Source};
use crate::family::{Elliptical, Law, MatrixWeights, Scratch, Weighting};
use crate::linalg::{Triangle, as_matrix, as_matrix_mut, gemm, symmetrise};
use ndarray::{Array2, ArrayView3, Axis, Zip};
use rayon::prelude::*;

/// A tangent vector (or a gradient) at a point, in whitened coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Tangent {
    /// X, symmetric (p × p): A moves along L_A exp(tX) L_Aᵀ.
    pub row: Array2<f64>,
    /// V, symmetric (q × q): B moves along L_B exp(tV) L_Bᵀ.
    pub col: Array2<f64>,
    /// Δ (p × q): M moves along M + t L_A Δ L_Bᵀ.
    pub mean: Array2<f64>,
}

impl Tangent {
    /// The zero vector at p × q.
    pub fn zeros(p: usize, q: usize) -> Self {
        Self { row: Array2::zeros((p, p)), col: Array2::zeros((q, q)), mean: Array2::zeros((p, q)) }
    }

    /// Sum of the entrywise products of all parts.
    pub fn dot(&self, other: &Self) -> f64 {
        inner(&self.row, &other.row) + inner(&self.col, &other.col) + inner(&self.mean, &other.mean)
    }

    /// √⟨v, v⟩.
    pub fn norm(&self) -> f64 {
        self.dot(self).sqrt()
    }

    /// v ← v + c·w.
    pub fn add_scaled(&mut self, c: f64, other: &Self) {
        self.row.scaled_add(c, &other.row);
        self.col.scaled_add(c, &other.col);
        self.mean.scaled_add(c, &other.mean);
    }

    /// v ← c·v.
    pub fn scale(&mut self, c: f64) {
        self.row *= c;
        self.col *= c;
        self.mean *= c;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.add_scaled(1.0, other);
    }
}

fn inner(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, x, y| sum + x * y)
}

/// The Hessian of −ℓ times `direction` for a sample; see [`Source::curvature`].
pub(super) fn of_sample(
    source: &SampleSource<'_>,
    point: &Point,
    law: &dyn Law,
    direction: &Tangent,
    out: &mut Tangent,
) {
    let (_, p, q) = source.dim();
    let task = Task { point, law, direction };
    let one_chunk = |chunk: ArrayView3<'_, f64>| {
        let mut partial = Sums::zeros(p, q);
        let m = source.block().min(chunk.len_of(Axis(0)));
        let mut work = Work::new(m, p, q);
        for block in chunk.axis_chunks_iter(Axis(0), source.block()) {
            task.block(block, &mut work, &mut partial);
        }
        partial
    };
    let mut sums = Sums::zeros(p, q);
    if source.parallel() {
        let parts: Vec<Sums> = source.chunks().into_par_iter().map(one_chunk).collect();
        parts.iter().for_each(|part| sums.add(part));
    } else {
        source.chunks().into_iter().for_each(|chunk| sums.add(&one_chunk(chunk)));
    }
    sums.finish(task.symmetrised_twice(), direction, out);
}

/// What a chunk adds up: the products before they are made symmetric, and R = ΣΨ.
struct Sums {
    products: Tangent,
    psi: Array2<f64>,
}

impl Sums {
    fn zeros(p: usize, q: usize) -> Self {
        Self { products: Tangent::zeros(p, q), psi: Array2::zeros((p, q)) }
    }

    fn add(&mut self, other: &Self) {
        self.products.add(&other.products);
        self.psi += &other.psi;
    }

    fn finish(self, twice: bool, direction: &Tangent, out: &mut Tangent) {
        let Self { products, psi } = self;
        *out = products;
        symmetrise(&mut out.row);
        symmetrise(&mut out.col);
        let factor = if twice { -1.0 } else { -0.5 };
        out.row *= factor;
        out.col *= factor;
        let full = Triangle::Full;
        gemm(
            0.5,
            (direction.row.view(), full),
            (psi.view(), full),
            true,
            (out.mean.view_mut(), full),
        );
        gemm(
            0.5,
            (psi.view(), full),
            (direction.col.view(), full),
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
    law: &'a dyn Law,
    direction: &'a Tangent,
}

impl Task<'_> {
    /// For w(dZ Zᵀ + Z dZᵀ) one product and its transpose are enough.
    fn symmetrised_twice(&self) -> bool {
        !self.law.weighting().is_matrix()
    }

    fn block(&self, block: ArrayView3<'_, f64>, work: &mut Work, out: &mut Sums) {
        let m = work.buffers.load(block, self.point.mean.view());
        work.buffers.whiten_columns(self.point, m);
        work.buffers.whiten_rows(self.point, m);
        self.displace(work, m);
        let (p, q) = self.direction.mean.dim();
        match self.law.weighting() {
            Weighting::Identity => {
                self.gaussian(work, m, out);
                scatter(work.buffers.white(), &work.moved, (p, m, q), &mut out.products);
            }
            Weighting::Elliptical(law) => {
                self.elliptical(law, work, m, out);
                scatter(work.buffers.white(), &work.moved, (p, m, q), &mut out.products);
            }
            Weighting::Matrix(law) => {
                self.general(law, work, m, out);
                scatter(work.buffers.white(), &work.change, (p, m, q), &mut out.products);
                scatter(&work.moved, &work.psi, (p, m, q), &mut out.products);
            }
        }
    }

    /// dZ = −½(XZ + ZV) − Δ into `moved`.
    fn displace(&self, work: &mut Work, m: usize) {
        let (p, q) = self.direction.mean.dim();
        let (white, full) = (work.buffers.white(), Triangle::Full);
        gemm(
            -0.5,
            (self.direction.row.view(), full),
            (as_matrix(white, p, m * q), full),
            false,
            (as_matrix_mut(&mut work.moved, p, m * q), full),
        );
        gemm(
            -0.5,
            (as_matrix(white, p * m, q), full),
            (self.direction.col.view(), full),
            true,
            (as_matrix_mut(&mut work.moved, p * m, q), full),
        );
        for (r, row) in self.direction.mean.outer_iter().enumerate() {
            for i in 0..m {
                let at = (r * m + i) * q;
                work.moved[at..at + q].iter_mut().zip(row).for_each(|(to, d)| *to -= d);
            }
        }
    }

    /// Ψ = Z and DΨ = dZ.
    fn gaussian(&self, work: &Work, m: usize, out: &mut Sums) {
        let (p, q) = self.direction.mean.dim();
        for i in 0..m {
            out.psi += &sample_view(work.buffers.white(), i, m, p, q);
            out.products.mean -= &sample_view(&work.moved, i, m, p, q);
        }
    }

    /// DΨ\[dZ\]Zᵀ + Ψ dZᵀ = KZᵀ + ZKᵀ with K = w dZ + w'⟨Z, dZ⟩Z; K takes the place of dZ.
    fn elliptical(&self, law: &dyn Elliptical, work: &mut Work, m: usize, out: &mut Sums) {
        let (p, q) = self.direction.mean.dim();
        for i in 0..m {
            let z = sample_view(work.buffers.white(), i, m, p, q);
            let radial = law.radial(z.iter().map(|x| x * x).sum(), p * q);
            let mut moved = as_matrix_mut(&mut work.moved, p, m * q)
                .slice_axis_move(Axis(1), (i * q..(i + 1) * q).into());
            let along: f64 = z.iter().zip(&moved).map(|(a, b)| a * b).sum();
            moved.zip_mut_with(&z, |to, x| {
                *to = radial.weight * *to + radial.slope * along * x;
            });
            out.psi.scaled_add(radial.weight, &z);
            out.products.mean -= &moved;
            out.products.mean.scaled_add(-radial.slope * along, &z);
        }
    }

    fn general(&self, law: &dyn MatrixWeights, work: &mut Work, m: usize, out: &mut Sums) {
        let (p, q) = self.direction.mean.dim();
        work.psi.resize(work.moved.len(), 0.0);
        work.change.resize(work.moved.len(), 0.0);
        for i in 0..m {
            let part = (i * q..(i + 1) * q).into();
            let z = sample_view(work.buffers.white(), i, m, p, q);
            let moved = sample_view(&work.moved, i, m, p, q);
            let mut psi = as_matrix_mut(&mut work.psi, p, m * q).slice_axis_move(Axis(1), part);
            law.weigh(z, psi.view_mut(), &mut work.scratch);
            out.psi += &psi;
            let mut change =
                as_matrix_mut(&mut work.change, p, m * q).slice_axis_move(Axis(1), part);
            law.weigh_derivative(z, moved, change.view_mut(), &mut work.scratch);
            out.products.mean -= &change;
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
        (out.row.view_mut(), full),
    );
    gemm(
        1.0,
        (as_matrix(u, p * m, q).reversed_axes(), full),
        (as_matrix(w, p * m, q), full),
        true,
        (out.col.view_mut(), full),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sample;
    use crate::family::{Gaussian, Radial};
    use crate::linalg::{Root, matmul, symmetric_eigen};
    use crate::model::{Pass, Want};
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
            row: square(seed, p, p),
            col: square(seed + 1, q, q),
            mean: square(seed, p, q),
        };
        symmetrise(&mut v.row);
        symmetrise(&mut v.col);
        v
    }

    /// The gradient of −ℓ at the point reached after t, in the frame carried along from `from`.
    fn gradient(
        source: &SampleSource<'_>,
        law: &dyn Law,
        from: &Point,
        v: &Tangent,
        t: f64,
    ) -> Tangent {
        let (n, p, q) = source.dim();
        let exp = |x: &Array2<f64>, s: f64| {
            symmetric_eigen("x", x.view()).unwrap().map(|l| (s * l).exp())
        };
        let mut point = from.clone();
        point.row.advance("A", exp(&v.row, t).view()).unwrap();
        point.col.advance("B", exp(&v.col, t).view()).unwrap();
        point.mean.scaled_add(t, &from.unwhiten(v.mean.view()));
        let mut pass = Pass::zeros(p, q);
        source.pass(&point, law, Want::Both, &mut pass);
        // From the frame of the Cholesky root to the frame L exp(tX/2).
        let turn = |root: &Root, old: &Root, x: &Array2<f64>| {
            matmul(root.inverse(), matmul(old.lower(), exp(x, 0.5 * t).view()).view())
        };
        let (r, c) = (turn(&point.row, &from.row, &v.row), turn(&point.col, &from.col, &v.col));
        let seen =
            |g: Array2<f64>, w: &Array2<f64>| matmul(matmul(w.t(), g.view()).view(), w.view());
        let row = (Array2::eye(p) - &pass.row_scatter) * (0.5 * (n * q) as f64);
        let col = (Array2::eye(q) - &pass.col_scatter) * (0.5 * (n * p) as f64);
        let left = matmul(point.row.inverse(), from.row.lower());
        let right = matmul(point.col.inverse(), from.col.lower());
        let mean = matmul(matmul(left.t(), pass.psi_sum.view()).view(), right.view()) * -1.0;
        Tangent { row: seen(row, &r), col: seen(col, &c), mean }
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
            let source = SampleSource::new(&sample);
            let point = Point {
                mean: square(2, p, q) * 0.2,
                row: factor(3, p, decades),
                col: factor(4, q, 0.0),
            };
            let (u, v) = (direction(5, p, q), direction(8, p, q));
            let (mut hu, mut hv) = (Tangent::zeros(p, q), Tangent::zeros(p, q));
            source.curvature(&point, law, &u, &mut hu);
            source.curvature(&point, law, &v, &mut hv);
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
        let source = SampleSource::new(&sample);
        let point = Point { mean: square(2, p, q), row: factor(3, p, 1.0), col: factor(4, q, 1.0) };
        let v = Tangent {
            row: Array2::eye(p),
            col: -Array2::<f64>::eye(q),
            mean: Array2::zeros((p, q)),
        };
        let mut out = Tangent::zeros(p, q);
        source.curvature(&point, &Heavy, &v, &mut out);
        assert!(out.row.iter().chain(&out.col).all(|x| x.abs() < 1e-11), "{out:?}");
    }
}
