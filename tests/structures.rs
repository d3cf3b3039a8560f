//! Invariants that every structure has to have, and what each does at its bounds.

use kronfit::Error;
use kronfit::linalg::{Root, matmul};
use kronfit::structure::{Kernel, Positions, Shape, Structure};
use ndarray::{Array1, Array2, ArrayView2};
use std::sync::Arc;

/// Reproducible numbers, uniform in (−1, 1) and roughly normal.
struct Numbers(u64);

impl Numbers {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| 0.5 * self.uniform()).sum()
    }

    fn matrix(&mut self, rows: usize, cols: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, cols), || self.normal())
    }

    /// XXᵀ/m for X d × m with rows of very different size: condition about 10^(2·spread).
    fn scatter(&mut self, d: usize, m: usize, spread: f64) -> Array2<f64> {
        let mut x = self.matrix(d, m);
        for (i, mut row) in x.outer_iter_mut().enumerate() {
            row *= 10f64.powf(spread * i as f64 / d as f64);
        }
        matmul(x.view(), x.t()) / m as f64
    }

    fn coordinates(&mut self, shape: &dyn Shape, d: usize, size: f64) -> Vec<f64> {
        (0..shape.n_parameters(d)).map(|_| size * self.normal()).collect()
    }
}

fn dot(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn largest(a: &Array2<f64>) -> f64 {
    a.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

fn objective(matrix: &Array2<f64>, scatter: &Array2<f64>) -> f64 {
    let root = Root::of("a test matrix", matrix.view()).expect("a positive definite matrix");
    root.ln_det() + root.whiten(scatter.view()).diag().sum()
}

/// Richardson extrapolation of central differences of t ↦ A(θ + t·direction).
fn difference(shape: &dyn Shape, theta: &[f64], direction: &[f64], d: usize) -> Array2<f64> {
    let at = |t: f64| {
        let moved: Vec<f64> = theta.iter().zip(direction).map(|(x, v)| x + t * v).collect();
        shape.matrix(&moved, d).expect("a matrix of the structure")
    };
    let mut table: Vec<Array2<f64>> = Vec::new();
    let mut h = 0.02;
    for level in 0..5 {
        let mut estimate = (at(h) - at(-h)) / (2.0 * h);
        let mut factor = 4.0;
        for slot in table.iter_mut().take(level) {
            let better = (&estimate * factor - &*slot) / (factor - 1.0);
            *slot = std::mem::replace(&mut estimate, better);
            factor *= 4.0;
        }
        table.push(estimate);
        h /= 2.0;
    }
    table.pop().expect("levels")
}

/// Orthonormal rows that span the whitened tangent space, by Gram–Schmidt done twice.
fn tangent_basis(shape: &dyn Shape, theta: &[f64], root: &Root) -> Vec<Array2<f64>> {
    let d = root.order();
    let mut basis: Vec<Array2<f64>> = Vec::new();
    for k in 0..theta.len() {
        let mut unit = vec![0.0; theta.len()];
        unit[k] = 1.0;
        let tangent = shape.push_forward(theta, &unit, d).expect("a tangent");
        let mut white = root.whiten(tangent.view());
        white /= dot(&white, &white).sqrt();
        for _ in 0..2 {
            for b in &basis {
                let along = dot(&white, b);
                white.scaled_add(-along, b);
            }
        }
        let norm = dot(&white, &white).sqrt();
        if norm > 1e-6 {
            basis.push(white / norm);
        }
    }
    basis
}

fn round_trip(shape: &dyn Shape, theta: &[f64], d: usize) {
    let matrix = shape.matrix(theta, d).expect("a matrix");
    assert_eq!(theta.len(), shape.n_parameters(d));
    Root::of("the matrix at random coordinates", matrix.view()).expect("positive definite");
    assert!(largest(&(&matrix - &matrix.t())) == 0.0, "{}: symmetric", shape.name());
    let again = shape.coordinates(matrix.view()).expect("coordinates");
    assert_eq!(again.len(), theta.len());
    let back = shape.matrix(&again, d).expect("a matrix");
    let gap = largest(&(&back - &matrix)) / largest(&matrix);
    assert!(gap < 1e-10, "{} at d = {d}: round trip off by {gap:e}", shape.name());
    // The structure is a cone.
    let scaled = shape.coordinates((&matrix * 7.5).view()).expect("coordinates");
    let back = shape.matrix(&scaled, d).expect("a matrix") / 7.5;
    let gap = largest(&(&back - &matrix)) / largest(&matrix);
    assert!(gap < 1e-10, "{} at d = {d}: no cone, {gap:e}", shape.name());
}

fn derivatives(shape: &dyn Shape, theta: &[f64], d: usize, numbers: &mut Numbers) {
    let direction: Vec<f64> = theta.iter().map(|_| numbers.normal()).collect();
    let pushed = shape.push_forward(theta, &direction, d).expect("a direction");
    let numeric = difference(shape, theta, &direction, d);
    let gap = largest(&(&pushed - &numeric)) / largest(&pushed).max(1e-300);
    assert!(gap < 1e-8, "{} at {theta:?}: difference gate {gap:e}", shape.name());
    let x = numbers.matrix(d, d);
    let gradient = &x + &x.t();
    let pulled = shape.pull_back(theta, gradient.view()).expect("a gradient");
    let left: f64 = pulled.iter().zip(&direction).map(|(g, t)| g * t).sum();
    let right = dot(&gradient, &pushed);
    let scale = largest(&gradient) * largest(&pushed) * d as f64;
    assert!((left - right).abs() < 1e-12 * scale, "{}: adjoint {left} {right}", shape.name());
}

fn projection(shape: &dyn Shape, theta: &[f64], d: usize, numbers: &mut Numbers) {
    let matrix = shape.matrix(theta, d).expect("a matrix");
    let root = shape.root("a matrix", matrix.view()).expect("a root");
    let gap = largest(&(&root.matrix() - &matrix)) / largest(&matrix);
    assert!(gap < 1e-12, "{}: its root is of another matrix, {gap:e}", shape.name());
    let x = numbers.matrix(d, d);
    let whitened = &x + &x.t();
    let mut expected = Array2::<f64>::zeros((d, d));
    for b in tangent_basis(shape, theta, &root) {
        expected.scaled_add(dot(&whitened, &b), &b);
    }
    let found = shape.project(&root, whitened.view()).expect("a projection");
    let gap = largest(&(&found - &expected));
    assert!(gap < 1e-7 * largest(&whitened), "{} at d = {d}: projection {gap:e}", shape.name());
}

fn updates(shape: &dyn Shape, scatter: &Array2<f64>, current: &Array2<f64>, numbers: &mut Numbers) {
    let d = scatter.nrows();
    let name = shape.name();
    let found = shape.update(scatter.view(), current.view()).expect("an update");
    let value = objective(&found, scatter);
    let rounding = 1e-11 * (1.0 + value.abs());
    assert!(value <= objective(current, scatter) + rounding, "{name}: worse than before");
    // Stationary: every coordinate's derivative, measured in units of its own tangent.
    let root = Root::of("the update", found.view()).expect("positive definite");
    let excess = Array2::eye(d) - root.whiten(scatter.view());
    let inverse: Array2<f64> = root.inverse().to_owned();
    let gradient = matmul(matmul(inverse.t(), excess.view()).view(), inverse.view());
    let theta = shape.coordinates(found.view()).expect("coordinates");
    let pulled = shape.pull_back(&theta, gradient.view()).expect("a gradient");
    for (k, g) in pulled.iter().enumerate() {
        let mut unit = vec![0.0; theta.len()];
        unit[k] = 1.0;
        let tangent = root.whiten(shape.push_forward(&theta, &unit, d).expect("one").view());
        let norm = dot(&tangent, &tangent).sqrt();
        assert!(g.abs() <= 1e-7 * norm, "{name} at d = {d}: gradient {k} is {:e}", g / norm);
    }
    // A minimum: nothing near is lower.
    for _ in 0..20 {
        let near: Vec<f64> = theta.iter().map(|x| x + 1e-3 * numbers.normal()).collect();
        let other = shape.matrix(&near, d).expect("a matrix");
        assert!(objective(&other, scatter) >= value - rounding, "{name}: not a minimum");
    }
}

/// Do the coordinates end with that of a range?
fn spatial(shape: &dyn Shape) -> bool {
    ["exponential", "matern", "gaussian"].iter().any(|kernel| shape.name().contains(kernel))
}

/// All invariants of one structure at one order.
fn invariants(shape: Arc<dyn Shape>, d: usize, seed: u64) {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15 ^ seed);
    let shape = &*shape;
    shape.check(d).expect("a possible order");
    for size in [0.0, 0.3, 1.0] {
        // With no loadings at all, or no correlation at all, these coordinates are singular.
        if size == 0.0 && (shape.name().starts_with("factor") || spatial(shape)) {
            continue;
        }
        let theta = numbers.coordinates(shape, d, size);
        round_trip(shape, &theta, d);
        derivatives(shape, &theta, d, &mut numbers);
        projection(shape, &theta, d, &mut numbers);
        let current = shape.matrix(&theta, d).expect("a matrix");
        for (m, spread) in [(d + 3, 0.0), (4 * d, 2.0)] {
            let scatter = if shape.name().starts_with("factor") {
                // Near a model with strong factors: elsewhere most optima are Heywood cases,
                // tested below, or the factors are hardly identified.
                let mut other = numbers.coordinates(shape, d, 0.5);
                let loadings = other.len() - d;
                for (i, x) in other[..loadings].iter_mut().enumerate() {
                    *x = if *x < 0.0 && i % 2 == 1 { *x - 1.0 } else { x.abs() + 1.0 };
                }
                let truth = shape.matrix(&other, d).expect("a matrix");
                let noise = numbers.scatter(d, 50 * m, 0.0);
                Root::of("truth", truth.view()).unwrap().unwhiten(noise.view())
            } else {
                numbers.scatter(d, m, spread)
            };
            updates(shape, &scatter, &current, &mut numbers);
            // Of a scatter of the structure: itself.
            let same = shape.update(current.view(), shape.start(d).unwrap().view()).unwrap();
            let gap = objective(&same, &current) - objective(&current, &current);
            assert!(gap.abs() < 1e-9, "{}: not its own optimum, {gap:e}", shape.name());
        }
    }
    let start = shape.start(d).expect("a start");
    Root::of("the start", start.view()).expect("positive definite");
}

macro_rules! invariants {
    ($($name:ident: $structure:expr, $orders:expr;)*) => {
        $(#[test]
        fn $name() {
            for d in $orders {
                let structure: Structure = $structure(d);
                invariants(structure.shape(), d, d as u64);
            }
        })*
    };
}

fn given(d: usize) -> Array2<f64> {
    Array2::from_shape_fn((d, d), |(i, j)| if i == j { 2.0 } else { 1.0 / (i + j + 1) as f64 })
}

invariants! {
    unstructured: |_| Structure::Unstructured, [1, 2, 3, 7];
    diagonal: |_| Structure::Diagonal, [1, 2, 3, 7];
    identity: |_| Structure::Identity, [1, 2, 3, 7];
    correlation: |_| Structure::Correlation, [1, 2, 3, 7];
    ar1: |_| Structure::Ar1, [1, 2, 3, 7, 30];
    compound_symmetry: |_| Structure::CompoundSymmetry, [1, 2, 3, 7, 30];
    toeplitz: |_| Structure::Toeplitz, [1, 2, 3, 7];
    factor_1: |_| Structure::Factor(1), [4, 7];
    factor_2: |_| Structure::Factor(2), [6, 9];
    known: |d| Structure::Known(given(d)), [1, 2, 3, 7];
    antedependence: |_| Structure::Antedependence, [1, 2, 3, 7, 20];
    het_ar1: |_| named("het:ar1"), [1, 2, 3, 7, 20];
    het_compound_symmetry: |_| named("het:compound-symmetry"), [1, 2, 3, 7, 20];
    het_toeplitz: |_| named("het:toeplitz"), [1, 2, 3, 7];
    block: |d: usize| Structure::Block(vec![d - d / 2 - d / 5, d / 2, d / 5]
        .into_iter().filter(|k| *k > 0).collect()), [1, 2, 3, 7, 11];
    exchangeable: |d| Structure::Exchangeable(groups(d, 3)), [1, 2, 3, 7, 11];
    exchangeable_one: |d| Structure::Exchangeable(groups(d, 1)), [1, 2, 7];
    exchangeable_all: |d| Structure::Exchangeable(groups(d, d)), [1, 2, 5];
    exponential: |d| Structure::Spatial(Kernel::Exponential, times(d)), [1, 2, 3, 7, 30];
    exponential_backwards: |d: usize| Structure::Spatial(
        Kernel::Exponential, Positions::line(&(0..d).map(|i| -0.3 * i as f64).collect::<Vec<_>>())
    ), [2, 3, 7];
    exponential_in_space: |d| Structure::Spatial(Kernel::Exponential, places(d)), [2, 3, 7, 12];
    matern_3: |d| Structure::Spatial(Kernel::Matern32, places(d)), [1, 2, 3, 7, 12];
    matern_5: |d| Structure::Spatial(Kernel::Matern52, times(d)), [1, 2, 3, 7];
    gaussian: |d| Structure::Spatial(Kernel::Gaussian, places(d)), [1, 2, 3, 7];
    het_exponential: |d| het(Structure::Spatial(Kernel::Exponential, times(d))), [1, 2, 3, 7, 12];
    het_matern: |d| het(Structure::Spatial(Kernel::Matern52, places(d))), [1, 2, 7];
}

fn named(name: &str) -> Structure {
    name.parse().expect("a structure")
}

fn het(structure: Structure) -> Structure {
    structure.heterogeneous().expect("free variances")
}

fn groups(d: usize, m: usize) -> Vec<String> {
    (0..d).map(|i| format!("g{}", i * i % m)).collect()
}

/// Unequal steps.
fn times(d: usize) -> Positions {
    let at: Vec<f64> = (0..d).map(|i| i as f64 + 0.4 * (1.7 * i as f64).sin()).collect();
    Positions::line(&at)
}

/// On a map.
fn places(d: usize) -> Positions {
    Positions::Given(Array2::from_shape_fn((d, 2), |(i, k)| {
        (3.0 + i as f64 * if k == 0 { 0.618_034 } else { 0.414_214 }).fract() * (d as f64).sqrt()
    }))
}

#[test]
fn names_round_trip() {
    let names = "unstructured diagonal identity correlation ar1 compound-symmetry toeplitz factor:3 \
         antedependence het:ar1 het:compound-symmetry het:toeplitz block:2,3,1 \
         exchangeable:left,right,left exponential:labels matern:3/2:labels matern:5/2:labels \
         gaussian:labels het:exponential:labels";
    for name in names.split_whitespace() {
        let structure: Structure = name.parse().expect("a name");
        assert_eq!(structure.to_string(), name);
        assert_eq!(structure.shape().name(), name);
    }
    for (name, same) in [
        ("het:correlation", "unstructured"),
        ("het:identity", "diagonal"),
        ("matern:1/2:labels", "exponential:labels"),
        ("matern:1.5:labels", "matern:3/2:labels"),
        ("block:2+3", "block:2,3"),
    ] {
        assert_eq!(name.parse::<Structure>().expect("a name").to_string(), same);
    }
    for bad in [
        "",
        "AR1",
        "factor",
        "factor:",
        "factor:0",
        "factor:-1",
        "factor:x",
        "known:a.csv",
        "het",
        "het:",
        "het:het:ar1",
        "het:diagonal",
        "het:factor:1",
        "block",
        "block:",
        "block:1,0",
        "block:1,x",
        "exchangeable:",
        "exchangeable:a,,b",
        "exponential",
        "exponential:",
        "exponential:a.csv",
        "matern:labels",
        "matern:2:labels",
        "matern:3/2",
        "gaussian",
    ] {
        assert!(matches!(bad.parse::<Structure>(), Err(Error::Domain { .. })), "{bad}");
    }
    assert_eq!(Structure::Known(Array2::eye(2)).to_string(), "known");
}

#[test]
fn derivatives_hold_near_the_bounds() {
    let mut numbers = Numbers(7);
    for atanh in [-5.0, -1e-3, -1e-9, 0.0, 1e-9, 1e-3, 5.0] {
        for d in [2, 5, 12] {
            derivatives(&*Structure::Ar1.shape(), &[0.3, atanh], d, &mut numbers);
            round_trip(&*Structure::Ar1.shape(), &[0.3, atanh], d);
        }
        let mut theta = vec![0.3, 0.2, atanh, -0.4, 0.1];
        derivatives(&*Structure::Toeplitz.shape(), &theta, 5, &mut numbers);
        theta.extend([0.6, -0.1]);
        derivatives(&*Structure::Correlation.shape(), &theta, 4, &mut numbers);
        round_trip(&*Structure::Correlation.shape(), &theta, 4);
    }
    for spread in [-9.0, 9.0] {
        derivatives(&*Structure::CompoundSymmetry.shape(), &[spread, 0.0], 6, &mut numbers);
        round_trip(&*Structure::CompoundSymmetry.shape(), &[spread, 0.0], 6);
        derivatives(&*Structure::Diagonal.shape(), &[spread, 0.0, 1.0], 3, &mut numbers);
    }
}

#[test]
fn coordinates_beyond_double_precision_are_an_error_not_a_matrix() {
    for atanh in [40.0, -40.0, f64::INFINITY, f64::NAN] {
        for structure in [Structure::Ar1, Structure::Toeplitz] {
            let theta = if structure.to_string() == "ar1" {
                vec![0.0, atanh]
            } else {
                vec![0.0, atanh, 0.0]
            };
            let result = structure.shape().matrix(&theta, 3);
            assert!(
                matches!(result, Err(Error::NotPositiveDefinite { .. })),
                "{structure} {atanh}"
            );
        }
    }
    for huge in [800.0, f64::NAN] {
        for structure in [Structure::Identity, Structure::Diagonal, Structure::CompoundSymmetry] {
            let theta = vec![huge; structure.shape().n_parameters(2)];
            assert!(structure.shape().matrix(&theta, 2).is_err(), "{structure} {huge}");
        }
    }
}

/// Scatters without a positive definite answer: an error, never a panic or a NaN.
#[test]
fn degenerate_scatters() {
    let ones = Array2::<f64>::ones((3, 3));
    let zero = Array2::<f64>::zeros((3, 3));
    let nan = Array2::from_elem((3, 3), f64::NAN);
    for name in ["diagonal", "identity", "correlation", "ar1", "compound-symmetry", "toeplitz"] {
        let shape = name.parse::<Structure>().unwrap().shape();
        let current = shape.start(3).unwrap();
        for (scatter, what) in [(&zero, "zero"), (&nan, "NaN")] {
            let result = shape.update(scatter.view(), current.view());
            assert!(result.is_err(), "{name} of {what}: {result:?}");
        }
        // ρ at its bound: all rows alike.
        let result = shape.update(ones.view(), current.view());
        match name {
            "diagonal" | "identity" => assert!(result.is_ok()),
            "ar1" | "compound-symmetry" => assert!(result.is_err(), "{name}: {result:?}"),
            _ => {}
        }
    }
}

#[test]
fn factors_must_restrict() {
    for (factors, d, fine) in
        [(1, 1, false), (1, 2, false), (1, 3, true), (2, 4, false), (2, 5, true)]
    {
        let result = Structure::Factor(factors).shape().check(d);
        assert_eq!(result.is_ok(), fine, "K = {factors}, d = {d}: {result:?}");
    }
    assert!(Structure::Factor(5).shape().check(5).is_err());
    assert!(Structure::Factor(usize::MAX).shape().check(5).is_err());
    assert!(Structure::Factor(0).shape().check(5).is_err());
}

#[test]
fn known_factors_are_checked() {
    let check = |matrix: Array2<f64>, d| Structure::Known(matrix).shape().check(d);
    assert!(check(given(3), 3).is_ok());
    assert!(matches!(check(given(3), 4), Err(Error::Shape { .. })));
    assert!(matches!(check(-given(3), 3), Err(Error::NotPositiveDefinite { .. })));
    let mut skew = given(3);
    skew[[0, 1]] += 0.5;
    assert!(matches!(check(skew, 3), Err(Error::NotSymmetric { .. })));
    let mut nan = given(3);
    nan[[1, 1]] = f64::NAN;
    assert!(matches!(check(nan, 3), Err(Error::NonFinite { .. })));
}

/// AR(1) by the cubic against a scan of the profile, also close to ±1.
#[test]
fn ar1_update_is_the_global_minimum() {
    let shape = Structure::Ar1.shape();
    let mut numbers = Numbers(11);
    for rho in [-0.9999, -0.5, 0.0, 0.9, 0.999_999] {
        let truth = Root::of_ar1("truth", 3.0, rho, 6).unwrap();
        let noise = numbers.scatter(6, 40, 0.0);
        let scatter = truth.unwhiten(noise.view());
        let found = shape.update(scatter.view(), Array2::eye(6).view()).unwrap();
        let value = objective(&found, &scatter);
        let profile = |atanh: f64| {
            let unit = shape.matrix(&[0.0, atanh], 6).unwrap();
            let root = Root::of("ar1", unit.view()).unwrap();
            let scale = root.whiten(scatter.view()).diag().sum() / 6.0;
            root.ln_det() + 6.0 * scale.ln() + 6.0
        };
        let scan = (-800..=800).map(|i| profile(0.01 * f64::from(i)));
        let best = scan.fold(f64::INFINITY, f64::min);
        assert!(value <= best + 1e-6, "ρ = {rho}: {value} {best}");
        assert!(value >= best - 1e-2, "ρ = {rho}: {value} {best}");
    }
}

/// Toeplitz of order 2 is compound symmetry, and so are AR(1) and correlation.
#[test]
fn structures_meet_at_order_two() {
    let mut numbers = Numbers(5);
    let scatter = numbers.scatter(2, 6, 1.0);
    let reference =
        Structure::CompoundSymmetry.shape().update(scatter.view(), Array2::eye(2).view()).unwrap();
    for structure in [Structure::Toeplitz, Structure::Ar1, Structure::Correlation] {
        let found = structure.shape().update(scatter.view(), Array2::eye(2).view()).unwrap();
        assert!(largest(&(&found - &reference)) < 1e-9 * largest(&reference), "{structure}");
    }
}

/// A uniqueness that wants to be zero: the answer is on the boundary, and the score knows it.
#[test]
fn heywood_cases_end_on_the_boundary() {
    let shape = Structure::Factor(1).shape();
    // Row 0 is the common factor itself.
    let loadings = [1.0, 0.8, 0.6, 0.7];
    let mut scatter = Array2::from_shape_fn((4, 4), |(i, j)| loadings[i] * loadings[j]);
    scatter.diag_mut().fill(1.0);
    scatter[[1, 2]] -= 0.05;
    scatter[[2, 1]] -= 0.05;
    let found = shape.update(scatter.view(), shape.start(4).unwrap().view()).unwrap();
    let theta = shape.coordinates(found.view()).unwrap();
    assert!(theta[4] * theta[4] < 1e-8, "uniqueness {:e}", theta[4] * theta[4]);
    let root = shape.root("A", found.view()).unwrap();
    let excess = root.whiten(scatter.view()) - Array2::<f64>::eye(4);
    let score = largest(&shape.project(&root, excess.view()).unwrap());
    assert!(score < 1e-7, "score {score:e}");
    // The best with a zero uniqueness: regression of the others on row 0.
    let mut expected = 0.0;
    for i in 1..4 {
        expected += (1.0 - scatter[[0, i]].powi(2)).ln();
    }
    let value = objective(&found, &scatter);
    assert!((value - (expected + 4.0)).abs() < 1e-6, "{value} {}", expected + 4.0);
}

/// A structure with only the five methods that are needed.
#[derive(Debug)]
struct TwoBlocks;

impl Shape for TwoBlocks {
    fn name(&self) -> String {
        "two-blocks".to_owned()
    }

    fn n_parameters(&self, _d: usize) -> usize {
        2
    }

    fn coordinates(&self, matrix: ArrayView2<'_, f64>) -> kronfit::Result<Vec<f64>> {
        let d = matrix.nrows();
        let mean = |range: std::ops::Range<usize>| {
            let n = range.len() as f64;
            range.map(|i| matrix[[i, i]]).sum::<f64>() / n
        };
        Ok(vec![mean(0..d / 2).ln(), mean(d / 2..d).ln()])
    }

    fn matrix(&self, coordinates: &[f64], d: usize) -> kronfit::Result<Array2<f64>> {
        let entry = |i: usize| coordinates[usize::from(i >= d / 2)].exp();
        Ok(Array2::from_diag(&Array1::from_shape_fn(d, entry)))
    }

    fn push_forward(
        &self,
        coordinates: &[f64],
        direction: &[f64],
        d: usize,
    ) -> kronfit::Result<Array2<f64>> {
        let entry = |i: usize| {
            let block = usize::from(i >= d / 2);
            coordinates[block].exp() * direction[block]
        };
        Ok(Array2::from_diag(&Array1::from_shape_fn(d, entry)))
    }
}

#[test]
fn a_structure_of_the_users_own() {
    invariants(Structure::Custom(Arc::new(TwoBlocks)).shape(), 6, 3);
    assert_eq!(Structure::Custom(Arc::new(TwoBlocks)).to_string(), "two-blocks");
}
