//! The likelihood of samples with missing cells: derivatives, identities, limits.

use kronfit::data::{Names, Sample};
use kronfit::family::{Gaussian, KroneckerT, Law, MatrixT};
use kronfit::kronecker::{BySide, Side};
use kronfit::likelihood::{
    Incomplete, Likelihood, Point, SampleLikelihood, Sides, Sums, Support, Tangent,
};
use kronfit::linalg::{Root, matmul, symmetric_eigen, symmetrise};
use ndarray::{Array2, Array3, Axis};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

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
    let factors = BySide::new(square(seed, p, p), square(seed + 1, q, q));
    let mut v = Tangent { factors, mean: square(seed, p, q) };
    v.factors.iter_mut().for_each(symmetrise);
    v
}

/// Holes at random: a share of the cells.
fn holes(seed: u64, mut x: Array3<f64>, share: f64) -> Sample {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    x.mapv_inplace(|v| if rng.random::<f64>() < share { f64::NAN } else { v });
    Sample::incomplete(x, Names::default(), "holes").unwrap()
}

/// Nested holes: every row of a sample drops out at its own column.
fn staircase(seed: u64, mut x: Array3<f64>) -> Sample {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (_, _, q) = x.dim();
    for mut sample in x.outer_iter_mut() {
        for mut row in sample.outer_iter_mut() {
            let end = rng.random_range(0..=q);
            row.iter_mut().skip(end).for_each(|v| *v = f64::NAN);
        }
    }
    x[[0, 0, 0]] = 0.3;
    Sample::incomplete(x, Names::default(), "steps").unwrap()
}

fn exp(x: &Array2<f64>, s: f64) -> Array2<f64> {
    symmetric_eigen("x", x.view()).unwrap().map(|l| (s * l).exp())
}

fn moved(from: &Point, v: &Tangent, t: f64) -> Point {
    let mut point = from.clone();
    for side in Side::BOTH {
        point.factors[side].advance("a factor", exp(&v.factors[side], t).view()).unwrap();
    }
    point.mean.scaled_add(t, &from.unwhiten(v.mean.view()));
    point
}

fn sums_at(likelihood: &dyn Likelihood, law: &dyn Law, point: &Point) -> Sums {
    let (p, q) = point.dim();
    let mut sums = Sums::zeros(p, q);
    likelihood.sums(point, law, Sides::Both, &mut sums).unwrap();
    sums
}

/// The gradient of −ℓ after t, in the frame carried along from `from`.
fn gradient(
    likelihood: &dyn Likelihood,
    law: &dyn Law,
    from: &Point,
    v: &Tangent,
    t: f64,
) -> Tangent {
    let point = moved(from, v, t);
    let sums = sums_at(likelihood, law, &point);
    let factors = BySide::of(|side| {
        let (root, old) = (&point.factors[side], &from.factors[side]);
        let excess = Array2::eye(root.order()) - &*sums.mean_scatter(side).unwrap();
        let half = matmul(old.lower(), exp(&v.factors[side], 0.5 * t).view());
        let turn = matmul(root.inverse(), half.view());
        let seen = excess * (0.5 * sums.unit(side));
        matmul(matmul(turn.t(), seen.view()).view(), turn.view())
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

/// Samples and laws: few holes (missing route), many (observed route), staircases, whole rows.
fn cases() -> Vec<(String, Sample, Box<dyn Law>, f64)> {
    let (n, p, q) = (7, 4, 3);
    let mut cases: Vec<(String, Sample, Box<dyn Law>, f64)> = Vec::new();
    let t = || Box::new(KroneckerT::new(3.0).unwrap());
    for (share, decades) in [(0.1, 0.0), (0.3, 2.0), (0.75, 0.0)] {
        let sample = |seed| holes(seed, random(1, (n, p, q)), share);
        cases.push((format!("gaussian {share}"), sample(3), Box::new(Gaussian), decades));
        cases.push((format!("kronecker-t {share}"), sample(4), t(), decades));
    }
    let steps = || staircase(5, random(1, (n, p, q)));
    cases.push(("gaussian steps".into(), steps(), Box::new(Gaussian), 0.0));
    cases.push(("kronecker-t steps".into(), steps(), t(), 0.0));
    cases.push(("matrix-t steps".into(), steps(), Box::new(MatrixT::new(4.0).unwrap()), 0.0));
    let mut x = random(1, (n, p, q));
    x.index_axis_mut(Axis(0), 2).row_mut(1).fill(f64::NAN);
    x.index_axis_mut(Axis(0), 3).column_mut(2).fill(f64::NAN);
    let rows = || Sample::incomplete(x.clone(), Names::default(), "rows").unwrap();
    cases.push(("gaussian rows".into(), rows(), Box::new(Gaussian), 2.0));
    cases.push(("matrix-t rows".into(), rows(), Box::new(MatrixT::new(4.0).unwrap()), 2.0));
    cases
}

fn point(decades: f64) -> Point {
    Point::new(square(2, 4, 3) * 0.2, factor(3, 4, decades), factor(4, 3, 0.0))
}

#[test]
fn the_score_is_the_slope_of_the_likelihood() {
    for (name, sample, law, decades) in cases() {
        let likelihood = Incomplete::new(&sample).unwrap();
        let (law, point) = (law.as_ref(), point(decades));
        let v = direction(5, 4, 3);
        let exact = -gradient(&likelihood, law, &point, &v, 0.0).dot(&v);
        let value = |t: f64| {
            let mut out = Tangent::zeros(4, 3);
            out.mean[[0, 0]] = sums_at(&likelihood, law, &moved(&point, &v, t)).log_likelihood;
            out
        };
        let found = slope(value).mean[[0, 0]];
        let off = (found - exact).abs() / exact.abs().max(1.0);
        assert!(off < 1e-8, "{name}: {off:e} ({found} {exact})");
    }
}

#[test]
fn hessian_products_are_the_slopes_of_the_gradient() {
    for (name, sample, law, decades) in cases() {
        let likelihood = Incomplete::new(&sample).unwrap();
        let (law, point) = (law.as_ref(), point(decades));
        let (u, v) = (direction(5, 4, 3), direction(8, 4, 3));
        let (mut hu, mut hv) = (Tangent::zeros(4, 3), Tangent::zeros(4, 3));
        for (direction, product) in [(&u, &mut hu), (&v, &mut hv)] {
            let done = likelihood.curvature(&point, law, direction, product).unwrap();
            assert_eq!(done, Support::Done);
        }
        let asymmetry = (u.dot(&hv) - v.dot(&hu)).abs() / (u.norm() * hv.norm());
        assert!(asymmetry < 1e-12, "{name}: {asymmetry:e}");
        let mut gap = slope(|t| gradient(&likelihood, law, &point, &u, t));
        gap.add_scaled(-1.0, &hu);
        let off = gap.norm() / hu.norm();
        assert!(off < 1e-8, "{name}: {off:e}");
    }
}

/// ln N(y; 0, Σ_OO) by dense algebra.
fn dense(sample: &Sample, point: &Point) -> f64 {
    let (a, b) = (point.row().matrix(), point.col().matrix());
    let mut total = 0.0;
    for x in sample.values().outer_iter() {
        let cells: Vec<_> = x.indexed_iter().filter(|(_, v)| !v.is_nan()).map(|(c, _)| c).collect();
        if cells.is_empty() {
            continue;
        }
        let o = cells.len();
        let sigma = Array2::from_shape_fn((o, o), |(i, j)| {
            let ((r, c), (s, d)) = (cells[i], cells[j]);
            a[[r, s]] * b[[c, d]]
        });
        let y = Array2::from_shape_fn((o, 1), |(i, _)| x[cells[i]] - point.mean[cells[i]]);
        let root = Root::of("Σ", sigma.view()).unwrap();
        let z = matmul(root.inverse(), y.view());
        let square: f64 = z.iter().map(|z| z * z).sum();
        total -= 0.5 * (o as f64 * std::f64::consts::TAU.ln() + root.ln_det() + square);
    }
    total
}

#[test]
fn the_gaussian_likelihood_is_the_dense_one() {
    for (name, sample, law, decades) in cases() {
        if law.name() != "gaussian" {
            continue;
        }
        let point = point(decades);
        let likelihood = Incomplete::new(&sample).unwrap();
        let sums = sums_at(&likelihood, law.as_ref(), &point);
        let exact = dense(&sample, &point);
        let off = (sums.log_likelihood - exact).abs() / exact.abs();
        assert!(off < 1e-12, "{name}: {off:e}");
        let cells = sample.values().iter().filter(|x| !x.is_nan()).count();
        assert_eq!(sums.cells, cells as f64);
        let mut each = 0.0;
        let mut visit = |seen: kronfit::likelihood::Observation<'_>| {
            each += seen.ln_density;
            Ok(())
        };
        likelihood.each(&point, law.as_ref(), &mut visit).unwrap();
        assert!((each - exact).abs() < 1e-10 * exact.abs(), "{name}: {each} {exact}");
    }
}

/// Samples that all miss the same row are complete samples without it.
#[test]
fn a_row_that_is_never_there_drops_out() {
    let (n, p, q) = (6, 4, 3);
    let x = random(11, (n, p, q));
    let point = point(1.0);
    let keep = [0, 2, 3];
    let small = Sample::new(x.select(Axis(1), &keep)).unwrap();
    let mut holed = x.clone();
    holed.index_axis_mut(Axis(1), 1).fill(f64::NAN);
    let holed = Sample::incomplete(holed, Names::default(), "holed").unwrap();
    let a = point.row().matrix().select(Axis(0), &keep).select(Axis(1), &keep);
    let part = Point::new(
        point.mean.select(Axis(0), &keep),
        Root::of("A", a.view()).unwrap(),
        point.col().clone(),
    );
    let laws: [&dyn Law; 3] =
        [&Gaussian, &KroneckerT::new(3.0).unwrap(), &MatrixT::new(5.0).unwrap()];
    for law in laws {
        let whole = sums_at(&Incomplete::new(&holed).unwrap(), law, &point);
        let block = sums_at(&SampleLikelihood::new(&small), law, &part);
        let off = (whole.log_likelihood - block.log_likelihood).abs();
        assert!(off < 1e-11 * block.log_likelihood.abs(), "{}: {off:e}", law.name());
    }
}

/// All cells there, by this likelihood and by the one of complete samples.
#[test]
fn without_holes_it_is_the_complete_likelihood() {
    let x = Sample::new(random(1, (9, 4, 3))).unwrap();
    let point = point(1.0);
    let laws: [&dyn Law; 3] =
        [&Gaussian, &KroneckerT::new(3.0).unwrap(), &MatrixT::new(5.0).unwrap()];
    for law in laws {
        let (a, b) = (
            sums_at(&Incomplete::new(&x).unwrap(), law, &point),
            sums_at(&SampleLikelihood::new(&x), law, &point),
        );
        assert!((a.log_likelihood - b.log_likelihood).abs() < 1e-11 * b.log_likelihood.abs());
        for side in Side::BOTH {
            let gap = &a.scatter(side).unwrap() - &b.scatter(side).unwrap();
            assert!(gap.iter().all(|x| x.abs() < 1e-10), "{}", law.name());
        }
        assert!((&a.psi - &b.psi).iter().all(|x| x.abs() < 1e-11), "{}", law.name());
    }
}

#[test]
fn matrix_t_refuses_holes_that_are_not_nested() {
    let mut x = random(1, (2, 2, 2));
    x[[1, 0, 0]] = f64::NAN;
    x[[1, 1, 1]] = f64::NAN;
    let sample = Sample::incomplete(x, Names::default(), "crossed").unwrap();
    let likelihood = Incomplete::new(&sample).unwrap();
    let law = MatrixT::new(5.0).unwrap();
    let mut sums = Sums::zeros(2, 2);
    let point = Point::standard(2, 2);
    let error = likelihood.sums(&point, &law, Sides::Both, &mut sums).unwrap_err().to_string();
    assert!(error.contains("sample 1") && error.contains("(0, 0)"), "{error}");
    assert!(error.contains("kronecker-t"), "{error}");
}
