//! Kronecker products against naive dense algebra.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use kronfit::Error;
use kronfit::kronecker::{
    BlockShape, Kronecker, KroneckerSum, PowerIteration, Truncation, duplication,
    kronecker_product, kvec, nearest_kronecker, nearest_kronecker_of_map, rearrange,
    rearrange_back, smat, svec, unkvec, unvec_cols, unvec_rows, unvech, vec_cols, vec_rows, vech,
};
use kronfit::linalg::{Lu, Spd, singular_values, symmetric_eigen};
use ndarray::{Array2, ArrayView2, Axis, Slice, array};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

type Outcome = Result<(), Error>;

/// Uniform entries on (−1, 1).
fn random(rng: &mut ChaCha8Rng, rows: usize, cols: usize) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, cols), || {
        (rng.next_u64() >> 11) as f64 * 2.0_f64.powi(-52) - 1.0
    })
}

fn random_spd(rng: &mut ChaCha8Rng, d: usize) -> Array2<f64> {
    let root = random(rng, d, d);
    root.dot(&root.t()) + Array2::<f64>::eye(d) * 0.5
}

fn size(m: &Array2<f64>) -> f64 {
    m.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn close(a: &Array2<f64>, b: &Array2<f64>, tol: f64) {
    assert_eq!(a.dim(), b.dim());
    let (difference, scale) = (size(&(a - b)), size(b).max(1e-300));
    assert!(difference <= tol * scale, "{:e}\n{a}\n{b}", difference / scale);
}

fn column(v: ndarray::Array1<f64>) -> Array2<f64> {
    v.insert_axis(Axis(1))
}

#[test]
fn vec_layouts_do_not_depend_on_memory_order() -> Outcome {
    let x = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let fortran = x.t().as_standard_layout().into_owned().reversed_axes();
    assert!(!fortran.is_standard_layout());
    for m in [x.view(), fortran.view()] {
        assert_eq!(vec_rows(m), array![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(vec_cols(m), array![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
    let strided = array![[1.0, 0.0, 2.0, 0.0, 3.0], [4.0, 0.0, 5.0, 0.0, 6.0]];
    assert_eq!(vec_rows(strided.slice_axis(Axis(1), Slice::new(0, None, 2))), vec_rows(x.view()));
    assert_eq!(unvec_rows(vec_rows(x.view()).view(), 2, 3)?, x);
    assert_eq!(unvec_cols(vec_cols(x.view()).view(), 2, 3)?, x);
    assert!(matches!(unvec_rows(array![1.0].view(), 2, 3), Err(Error::Shape { .. })));
    assert!(matches!(unvec_cols(array![1.0].view(), usize::MAX, 3), Err(Error::Shape { .. })));
    Ok(())
}

#[test]
fn symmetric_coordinates() -> Outcome {
    let x = array![[1.0, 2.0, 4.0], [2.0, 3.0, 5.0], [4.0, 5.0, 6.0]];
    assert_eq!(vech(x.view())?, array![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(unvech(vech(x.view())?.view(), 3)?, x);
    close(&smat(svec(x.view())?.view(), 3)?, &x, 1e-15);
    let length = svec(x.view())?.mapv(|v| v * v).sum().sqrt();
    assert!((length - size(&x)).abs() < 1e-14);
    assert_eq!(duplication(3).dot(&vech(x.view())?), vec_rows(x.view()));
    let k = array![[0.0, -1.0, 2.0], [1.0, 0.0, -3.0], [-2.0, 3.0, 0.0]];
    close(&unkvec(kvec(k.view())?.view(), 3)?, &k, 1e-15);
    assert!((kvec(k.view())?.mapv(|v| v * v).sum().sqrt() - size(&k)).abs() < 1e-14);
    assert_eq!(svec(k.view())?.sum(), 0.0);
    assert!(matches!(vech(array![[1.0, 2.0]].view()), Err(Error::Shape { .. })));
    assert!(matches!(smat(array![1.0, 2.0].view(), 2), Err(Error::Shape { .. })));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn operator_matches_dense(p in 1usize..6, q in 1usize..6, seed in any::<u64>()) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let a = Spd::new("A", random_spd(&mut rng, p))?;
        let b = Spd::new("B", random_spd(&mut rng, q))?;
        let x = random(&mut rng, p, q);
        let k = Kronecker::new(a, b);
        let dense = k.dense();
        let v = vec_rows(x.view());
        close(&column(k.apply_vec(v.view())?), &column(dense.dot(&v)), 1e-13);
        let lu = Lu::new("dense", dense.view())?;
        let solved = lu.solve(column(v.clone()).view())?;
        close(&column(k.solve_vec(v.view())?), &solved, 1e-10);
        let distance = v.dot(&solved.column(0));
        prop_assert!((k.mahalanobis(x.view())? - distance).abs() <= 1e-10 * distance.abs());
        prop_assert!((k.trace() - dense.diag().sum()).abs() <= 1e-12 * k.trace());
        let ln_det: f64 = symmetric_eigen("dense", dense.view())?.values.iter().map(|l| l.ln()).sum();
        prop_assert!((k.ln_det() - ln_det).abs() <= 1e-10 * (1.0 + ln_det.abs()));
        // Whitening inverts the square root: L_A Z L_Bᵀ = X.
        let z = k.whiten(x.view())?;
        close(&k.rows().lower().dot(&z).dot(&k.cols().lower().t()), &x, 1e-12);
        // The column layout exchanges the factors.
        let swapped = kronecker_product(k.cols().matrix(), k.rows().matrix());
        let image = unvec_cols(swapped.dot(&vec_cols(x.view())).view(), p, q)?;
        close(&k.apply(x.view())?, &image, 1e-13);
    }

    #[test]
    fn rearrangement_is_an_isometric_involution(
        (m1, n1, m2, n2) in (1usize..5, 1usize..5, 1usize..5, 1usize..5), seed in any::<u64>()
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let shape = BlockShape { left: (m1, n1), right: (m2, n2) };
        let (f, g) = (random(&mut rng, m1, n1), random(&mut rng, m2, n2));
        let product = kronecker_product(f.view(), g.view());
        let outer = column(vec_rows(f.view())).dot(&column(vec_rows(g.view())).t());
        prop_assert_eq!(rearrange(product.view(), shape)?, outer);
        let c = random(&mut rng, m1 * m2, n1 * n2);
        let r = rearrange(c.view(), shape)?;
        prop_assert_eq!(rearrange_back(r.view(), shape)?, c.clone());
        prop_assert!((size(&r) - size(&c)).abs() <= 1e-13 * size(&c));
        let full = KroneckerSum::decompose(c.view(), shape, Truncation::Tolerance(1e-14))?;
        close(&full.dense(), &c, 1e-12);
        let x = random(&mut rng, n1, n2);
        close(&column(vec_rows(full.apply(x.view())?.view())),
              &column(c.dot(&vec_rows(x.view()))), 1e-12);
        // The residual of k terms is the norm of the singular values left out.
        let sizes = singular_values("R", r.view())?;
        for rank in 0..=sizes.len() {
            let sum = KroneckerSum::decompose(c.view(), shape, Truncation::Rank(rank))?;
            let left_out = sizes.iter().skip(rank).map(|s| s * s).sum::<f64>().sqrt();
            prop_assert!((sum.residual() - left_out).abs() <= 1e-12 * size(&c));
            prop_assert!((size(&(&c - &sum.dense())) - sum.residual()).abs() <= 1e-12 * size(&c));
        }
    }

    #[test]
    fn nearest_product_keeps_symmetry_and_definiteness(
        m in 1usize..5, n in 1usize..5, seed in any::<u64>()
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let c = random_spd(&mut rng, m * n);
        let nearest = nearest_kronecker(c.view(), BlockShape::square(m, n))?;
        prop_assert_eq!(nearest.left.t(), nearest.left.view());
        prop_assert_eq!(nearest.right.t(), nearest.right.view());
        prop_assert!((size(&nearest.left) - size(&nearest.right)).abs() <= 1e-13 * size(&nearest.left));
        let residual = nearest.residual;
        let k = nearest.into_kronecker()?;
        prop_assert!((size(&(&c - &k.dense())) - residual).abs() <= 1e-12 * size(&c));
        // The symmetric route agrees with the plain one on all singular values.
        let sum = KroneckerSum::decompose(c.view(), BlockShape::square(m, n), Truncation::Rank(usize::MAX))?;
        let sizes = singular_values("R", rearrange(c.view(), BlockShape::square(m, n))?.view())?;
        for (term, sigma) in sum.terms().iter().zip(&sizes) {
            prop_assert!((size(&term.0) * size(&term.1) - sigma).abs() <= 1e-12 * sizes[0]);
        }
    }

    #[test]
    fn power_iteration_finds_the_same_product(seed in any::<u64>()) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (p, q, n) = (4, 3, 12);
        let data: Vec<Array2<f64>> = (0..n).map(|_| random(&mut rng, p, q)).collect();
        let mut covariance = Array2::zeros((p * q, p * q));
        for x in &data {
            let v = column(vec_rows(x.view()));
            covariance += &v.dot(&v.t());
        }
        let direct = nearest_kronecker(covariance.view(), BlockShape::square(p, q))?;
        let sum = |map: &dyn Fn(ArrayView2<'_, f64>) -> Array2<f64>| {
            data.iter().map(|x| map(x.view())).reduce(|a, b| a + b).unwrap()
        };
        let found = nearest_kronecker_of_map(
            |g| sum(&|x| x.dot(g).dot(&x.t())),
            |f| sum(&|x| x.t().dot(f).dot(&x)),
            Array2::eye(q),
            PowerIteration::default(),
        )?;
        prop_assert!(found.converged);
        close(&found.left, &direct.left, 1e-10);
        close(&found.right, &direct.right, 1e-10);
        prop_assert!((found.singular_value - size(&direct.left).powi(2)).abs() <= 1e-11 * found.singular_value);
    }
}

#[test]
fn sign_convention_and_skew_products() -> Outcome {
    // A general matrix: the trace of the left factor is positive.
    let f = array![[-3.0, 1.0], [0.5, -1.0]];
    let g = array![[1.0, 2.0, 0.0]];
    let c = kronecker_product(f.view(), g.view());
    let shape = BlockShape { left: (2, 2), right: (1, 3) };
    let nearest = nearest_kronecker(c.view(), shape)?;
    assert!(nearest.left.diag().sum() > 0.0);
    close(&kronecker_product(nearest.left.view(), nearest.right.view()), &c, 1e-14);
    assert!(nearest.residual <= 1e-14 * size(&c));
    // A symmetric matrix that is a product of skew ones stays one.
    let k = array![[0.0, -2.0], [2.0, 0.0]];
    let c = kronecker_product(k.view(), k.view());
    let nearest = nearest_kronecker(c.view(), BlockShape::square(2, 2))?;
    close(&kronecker_product(nearest.left.view(), nearest.right.view()), &c, 1e-14);
    assert!(nearest.into_kronecker().is_err());
    // Zero stays zero.
    let zero = nearest_kronecker(Array2::zeros((4, 4)).view(), BlockShape::square(2, 2))?;
    assert_eq!(zero.residual, 0.0);
    assert_eq!(size(&zero.left), 0.0);
    Ok(())
}

#[test]
fn bad_shapes_and_numbers_are_facts() {
    let k = Kronecker::new(Spd::identity(2), Spd::identity(3));
    assert!(matches!(k.apply(Array2::zeros((3, 2)).view()), Err(Error::Shape { .. })));
    assert!(matches!(k.solve_vec(array![1.0].view()), Err(Error::Shape { .. })));
    let c = Array2::<f64>::eye(6);
    let square = BlockShape::square(2, 2);
    assert!(matches!(rearrange(c.view(), square), Err(Error::Shape { .. })));
    assert!(matches!(rearrange_back(c.view(), square), Err(Error::Shape { .. })));
    let empty = BlockShape { left: (0, 0), right: (2, 2) };
    assert!(rearrange(Array2::zeros((0, 0)).view(), empty).is_err());
    let mut bad = Array2::<f64>::eye(4);
    bad[[1, 2]] = f64::NAN;
    assert!(matches!(nearest_kronecker(bad.view(), square), Err(Error::NonFinite { .. })));
    let eye = Array2::<f64>::eye(4);
    for t in [-1.0, f64::NAN] {
        let sum = KroneckerSum::decompose(eye.view(), square, Truncation::Tolerance(t));
        assert!(matches!(sum, Err(Error::Domain { .. })));
    }
    let zero = |_: &Array2<f64>| Array2::zeros((2, 2));
    let found = nearest_kronecker_of_map(zero, zero, Array2::eye(2), PowerIteration::default());
    assert!(matches!(found, Err(Error::Degenerate { .. })));
}
