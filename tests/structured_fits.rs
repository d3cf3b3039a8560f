//! Structures × means × laws in the flip-flop: monotone, stationary, least-squares means, and
//! clear answers where there is too little data.

use kronfit::Error;
use kronfit::data::Sample;
use kronfit::estimate::Fit;
use kronfit::likelihood::Point;
use kronfit::linalg::Root;
use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::Structure;
use ndarray::{Array1, Array2, Array3, Axis, linalg::kron};

/// A sample with autocorrelated rows, correlated columns of unequal variance and mean i + j/2.
fn sample(n: usize, p: usize, q: usize, seed: u64) -> Sample {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let cols = Array2::from_shape_fn((q, q), |(i, j)| {
        (if i == j { 1.0 } else { 0.3 }) * ((1 + i) * (1 + j)) as f64
    });
    let row = Root::of_ar1("A", 1.0, 0.6, p).expect("A");
    let col = Root::of("B", cols.view()).expect("B");
    let point = Point::new(Array2::zeros((p, q)), row, col);
    let mut values = Array3::zeros((n, p, q));
    for mut x in values.outer_iter_mut() {
        let z = Array2::from_shape_simple_fn((p, q), || (0..12).map(|_| uniform()).sum::<f64>());
        x.assign(&point.unwhiten(z.view()));
        x += &Array2::from_shape_fn((p, q), |(i, j)| i as f64 + 0.5 * j as f64);
    }
    Sample::new(values).expect("a sample")
}

fn structures(d: usize) -> Vec<Structure> {
    let names =
        "unstructured diagonal identity correlation ar1 compound-symmetry toeplitz factor:1";
    let mut all: Vec<Structure> = names.split(' ').map(|n| n.parse().expect("a name")).collect();
    all.push(Structure::Known(Array2::from_shape_fn(
        (d, d),
        |(i, j)| {
            if i == j { 2.0 } else { 0.5 }
        },
    )));
    all
}

fn means(p: usize, q: usize) -> Vec<Mean> {
    let known = Array2::from_shape_fn((p, q), |(i, j)| i as f64 + 0.4 * j as f64);
    let left = Array2::from_shape_fn((p, 2), |(i, k)| (i as f64).powi(k as i32));
    let right = Array2::from_shape_fn((2, q), |(k, j)| (j as f64).powi(k as i32));
    let linear = Mean::Linear { left, right };
    let known = Mean::Known(known);
    vec![Mean::Free, Mean::Zero, known, Mean::Rows, Mean::Cols, Mean::Scalar, linear]
}

fn laws() -> [Model; 3] {
    [Model::gaussian(), Model::kronecker_t(Dof::Fixed(5.0)), Model::matrix_t(Dof::Fixed(6.0))]
}

fn check_ascent(fit: &Fit, what: &str) {
    for pair in fit.trace().windows(2) {
        let (before, after) = (pair[0].log_likelihood, pair[1].log_likelihood);
        let rounding = 1e-11 * (1.0 + before.abs());
        assert!(after >= before - rounding, "{what}: ℓ fell from {before} to {after}");
    }
    assert!(fit.is_converged(), "{what}: {:?} at {:e}", fit.termination(), fit.score());
    assert!(fit.is_finite(), "{what}");
}

#[test]
fn every_structure_with_every_structure_ascends() {
    let (n, p, q) = (40, 5, 4);
    let data = sample(n, p, q, 1);
    let (means, laws) = (means(p, q), laws());
    for (i, rows) in structures(p).iter().enumerate() {
        for (j, cols) in structures(q).iter().enumerate() {
            let mean = &means[(2 * i + j) % means.len()];
            let law = &laws[(i + j) % laws.len()];
            let model = law.clone().rows(rows.clone()).cols(cols.clone()).mean(mean.clone());
            let what = format!("{} {rows} × {cols}, {} mean", model.law().name(), mean.name());
            let fit = model.fit(&data).unwrap_or_else(|e| panic!("{what}: {e}"));
            check_ascent(&fit, &what);
        }
    }
}

/// The weighted least-squares mean by brute force: vec_rows X = (C ⊗ Dᵀ) vec_rows Θ + noise.
fn dense_gls(fit: &Fit, data: &Sample) -> Option<Array2<f64>> {
    let (_, p, q) = data.dim();
    let (left, right) = fit.model().mean_structure().design(p, q)?;
    let design = kron(&left, &right.t());
    let sigma = kron(fit.row_cov(), fit.col_cov());
    let root = Root::of("Σ", sigma.view()).expect("Σ");
    let white = root.inverse().dot(&design);
    let average = Array1::from_iter(data.mean().iter().copied());
    let normal = Root::of("XᵀX", white.t().dot(&white).view()).expect("full rank");
    let rhs = white.t().dot(&root.inverse().dot(&average));
    let theta = normal.inverse().t().dot(&normal.inverse().dot(&rhs));
    design.dot(&theta).into_shape_with_order((p, q)).ok()
}

#[test]
fn every_mean_ascends_to_its_least_squares_fit() {
    let (n, p, q) = (30, 4, 3);
    let data = sample(n, p, q, 2);
    for mean in means(p, q) {
        for rows in [Structure::Unstructured, Structure::Ar1] {
            for law in laws() {
                let model = law.rows(rows.clone()).mean(mean.clone());
                let what = format!("{} {rows}, {} mean", model.law().name(), mean.name());
                let fit = model.fit(&data).unwrap_or_else(|e| panic!("{what}: {e}"));
                check_ascent(&fit, &what);
                let gaussian = model.law().name() == "gaussian";
                if let Some(expected) = dense_gls(&fit, &data).filter(|_| gaussian) {
                    for (a, b) in fit.mean().iter().zip(&expected) {
                        assert!((a - b).abs() < 1e-7, "{what}: {a} against {b}");
                    }
                }
            }
        }
    }
}

/// Fixed designs that say the same as a named mean give the same fit.
#[test]
fn linear_means_contain_the_named_ones() {
    let (p, q) = (4, 3);
    let data = sample(20, p, q, 3);
    let pairs = [
        (Mean::Rows, Array2::eye(p), Array2::ones((1, q))),
        (Mean::Cols, Array2::ones((p, 1)), Array2::eye(q)),
        (Mean::Scalar, Array2::ones((p, 1)), Array2::ones((1, q))),
        (Mean::Free, Array2::eye(p), Array2::eye(q)),
    ];
    for law in laws() {
        for (mean, left, right) in &pairs {
            let named = law.clone().mean(mean.clone()).fit(&data).expect("a fit");
            let linear = Mean::Linear { left: left * 3.0, right: right * 0.1 };
            let linear = law.clone().mean(linear).fit(&data).expect("a fit");
            let gap = (named.log_likelihood() - linear.log_likelihood()).abs();
            assert!(gap < 1e-8 * named.log_likelihood().abs(), "{} {gap:e}", mean.name());
        }
    }
}

/// The transposed sample with the sides exchanged is the same problem.
#[test]
fn sides_are_exchangeable() {
    let data = sample(30, 5, 4, 4);
    let turned = data.transposed();
    for law in laws() {
        for structure in structures(5).into_iter().take(8) {
            let rows = law.clone().rows(structure.clone()).mean(Mean::Rows).fit(&data);
            let cols = law.clone().cols(structure.clone()).mean(Mean::Cols).fit(&turned);
            let (a, b) = (rows.expect("a fit"), cols.expect("a fit"));
            let gap = (a.log_likelihood() - b.log_likelihood()).abs();
            assert!(gap < 1e-8 * a.log_likelihood().abs(), "{structure}: {gap:e}");
        }
    }
}

/// A structure inside another one cannot fit better.
#[test]
fn nested_structures_are_ordered() {
    let data = sample(40, 5, 4, 5);
    let fitted = |name: &str| {
        let model = Model::gaussian().rows(name.parse().expect("a name"));
        model.fit(&data).expect("a fit").log_likelihood()
    };
    let chains = [
        vec!["identity", "ar1", "toeplitz", "correlation", "unstructured"],
        vec!["identity", "compound-symmetry", "toeplitz"],
        vec!["identity", "diagonal", "factor:1", "unstructured"],
        vec!["compound-symmetry", "factor:1"],
    ];
    for chain in chains {
        for pair in chain.windows(2) {
            let (small, large) = (fitted(pair[0]), fitted(pair[1]));
            assert!(small <= large + 1e-6, "{} {small} above {} {large}", pair[0], pair[1]);
        }
    }
}

/// One and two samples: an answer or an error that says how many are needed, never a panic.
#[test]
fn few_samples() {
    let (p, q) = (5, 4);
    let mut refused = 0;
    for n in [1, 2] {
        let data = sample(n, p, q, 6);
        for rows in structures(p) {
            for cols in structures(q) {
                for mean in means(p, q) {
                    let model = Model::gaussian().rows(rows.clone()).cols(cols.clone());
                    match model.mean(mean.clone()).check_count(n, p, q) {
                        Ok(_) => {}
                        Err(Error::TooFewSamples { required, .. }) => {
                            assert!(required > n, "{rows} × {cols}, {}", mean.name());
                            refused += 1;
                        }
                        Err(other) => panic!("{rows} × {cols}: {other}"),
                    }
                }
                let model = Model::gaussian().rows(rows.clone()).cols(cols.clone());
                let options = kronfit::estimate::FitOptions { max_iter: 4, ..Default::default() };
                // Whatever it is, it is an answer.
                let zero = model.clone().mean(Mean::Zero);
                drop(zero.fit_with(&data, &options, &mut kronfit::estimate::Silent));
                let free = model.fit_with(&data, &options, &mut kronfit::estimate::Silent);
                if n == 1 {
                    let few = matches!(free, Err(Error::TooFewSamples { .. }));
                    assert!(few, "{rows} × {cols}: {free:?}");
                }
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn the_smallest_sample_that_can_do() {
    // An identity column factor leaves the row factor to one scatter of rank nq.
    let model = Model::gaussian().cols(Structure::Identity).mean(Mean::Zero);
    match model.check_count(1, 7, 3) {
        Err(Error::TooFewSamples { required, .. }) => assert_eq!(required, 3),
        other => panic!("{other:?}"),
    }
    assert!(model.check_count(3, 7, 3).is_ok());
    // A free mean costs one, a row mean one column.
    assert!(model.clone().mean(Mean::Free).check_count(3, 7, 3).is_err());
    assert!(model.clone().mean(Mean::Free).check_count(4, 7, 3).is_ok());
    assert!(model.clone().mean(Mean::Rows).check_count(3, 9, 3).is_err());
    assert!(model.mean(Mean::Rows).check_count(3, 8, 3).is_ok());
    // One matrix is enough for two autoregressions around a known mean.
    let model = Model::gaussian().rows(Structure::Ar1).cols(Structure::Ar1).mean(Mean::Zero);
    let fit = model.fit(&sample(1, 8, 6, 7)).expect("a fit");
    check_ascent(&fit, "one matrix");
}

#[test]
fn a_single_row_has_no_autocorrelation() {
    let data = sample(30, 1, 4, 8);
    let reference = Model::gaussian().fit(&data).expect("a fit");
    for name in ["ar1", "compound-symmetry", "toeplitz", "correlation", "diagonal", "identity"] {
        let structure: Structure = name.parse().expect("a name");
        let fit = Model::gaussian().rows(structure).fit(&data).expect("a fit");
        assert_eq!(fit.n_parameters(), reference.n_parameters(), "{name}");
        let gap = (fit.log_likelihood() - reference.log_likelihood()).abs();
        assert!(gap < 1e-8, "{name}: {gap:e}");
        let shape = fit.model().row_structure().shape();
        assert!(shape.report(fit.row_cov().view()).is_empty(), "{name}");
    }
    let fit = Model::gaussian().rows(Structure::Factor(1)).fit(&data);
    assert!(matches!(fit, Err(Error::Domain { .. })), "{fit:?}");
}

/// All rows alike: ρ runs to 1 and the likelihood without end. That is said, not hidden.
#[test]
fn correlation_at_its_bound_does_not_converge() {
    let one = sample(30, 1, 4, 9);
    let values = ndarray::concatenate(Axis(1), &[one.values(), one.values(), one.values()]);
    let data = Sample::new(values.expect("three rows")).expect("a sample");
    for name in ["ar1", "compound-symmetry", "toeplitz", "correlation"] {
        let structure: Structure = name.parse().expect("a name");
        let fit = Model::gaussian().rows(structure).fit(&data).expect("a fit that says so");
        assert!(!fit.is_converged(), "{name}: {:?}", fit.termination());
        assert!(!fit.warnings().is_empty(), "{name}");
    }
}

#[test]
fn constant_rows_are_refused_where_they_have_no_variance() {
    let mut values = sample(30, 4, 3, 10).values().to_owned();
    values.index_axis_mut(Axis(1), 2).fill(1.0);
    let data = Sample::new(values).expect("a sample");
    for name in ["unstructured", "diagonal", "factor:1"] {
        let structure: Structure = name.parse().expect("a name");
        let fit = Model::gaussian().rows(structure).fit(&data);
        assert!(matches!(fit, Err(Error::Degenerate { .. })), "{name}: {fit:?}");
    }
    for name in ["identity", "ar1", "compound-symmetry"] {
        let structure: Structure = name.parse().expect("a name");
        let fit = Model::gaussian().rows(structure).fit(&data).expect("a fit");
        check_ascent(&fit, name);
    }
}

#[test]
fn means_by_name() {
    for name in ["free", "zero", "rows", "cols", "scalar"] {
        assert_eq!(name.parse::<Mean>().expect("a mean").to_string(), name);
    }
    for bad in ["known", "linear", "row", ""] {
        assert!(matches!(bad.parse::<Mean>(), Err(Error::Domain { .. })), "{bad}");
    }
}

#[test]
fn designs_are_checked() {
    let data = sample(20, 4, 3, 11);
    let fit = |left: Array2<f64>, right: Array2<f64>| {
        Model::gaussian().mean(Mean::Linear { left, right }).fit(&data)
    };
    let ones = |shape| Array2::<f64>::ones(shape);
    assert!(matches!(fit(ones((3, 1)), ones((1, 3))), Err(Error::Shape { .. })));
    assert!(matches!(fit(ones((4, 1)), ones((3, 1))), Err(Error::Shape { .. })));
    assert!(matches!(fit(ones((4, 5)), ones((1, 3))), Err(Error::Shape { .. })));
    // Two equal columns have no two coefficients.
    assert!(matches!(fit(ones((4, 2)), ones((1, 3))), Err(Error::NotPositiveDefinite { .. })));
    let nan = Array2::from_elem((4, 1), f64::NAN);
    assert!(matches!(fit(nan, ones((1, 3))), Err(Error::NonFinite { .. })));
    let known = Model::gaussian().mean(Mean::Known(ones((3, 4)))).fit(&data);
    assert!(matches!(known, Err(Error::Shape { .. })));
}
