//! The matrix MCD against minima found by other software, two of them by enumeration.

mod common;

use common::{golden_dir, golden_json, golden_sample, matrix, relative};
use kronfit::data::Sample;
use kronfit::{Mcd, McdFit, Trimmed, io};
use ndarray::{Array2, Array3, Axis, Slice};
use serde_json::Value;

fn sample(name: &str) -> Sample {
    if name == "usmacro" {
        return io::resolve("us-macro").expect("bundled");
    }
    let path = golden_dir().join("mmcd").join(format!("{name}.npy"));
    if !path.exists() {
        return golden_sample(name);
    }
    let values: Array3<f64> = ndarray_npy::read_npy(path).expect("data");
    Sample::new(values).expect("a sample")
}

fn alpha(fit: &str) -> Option<f64> {
    match fit {
        "h_default" => Some(0.5),
        "h_075" => Some(0.75),
        _ => None,
    }
}

fn indices(value: &Value) -> Vec<usize> {
    serde_json::from_value(value.clone()).expect("indices")
}

/// Mean, whole covariance, consistency and distances.
fn compare(own: &Trimmed, reference: &Value, what: &str) {
    let fit = &own.fit;
    let near = |a: &Array2<f64>, b: &Array2<f64>, part: &str| {
        let gap = relative(a, b);
        assert!(gap < 1e-7, "{what}: {part} off by {gap:e}");
    };
    near(&fit.mean().to_owned(), &matrix(&reference["mean"]), "mean");
    near(fit.row_cov(), &matrix(&reference["row_cov"]), "A");
    near(fit.col_cov(), &matrix(&reference["col_cov"]), "B");
    let number = |key: &str| reference[key].as_f64().expect("a number");
    assert!((fit.sigma2() / number("sigma2") - 1.0).abs() < 1e-8, "{what}: sigma2");
    let gap = own.consistency / number("consistency") - 1.0;
    assert!(gap.abs() < 1e-8, "{what}: consistency off by {gap:e}");
    let distances: Vec<f64> =
        serde_json::from_value(reference["squared_distances"].clone()).expect("distances");
    assert_eq!(distances.len(), own.squared_distances.len());
    for (a, b) in own.squared_distances.iter().zip(&distances) {
        assert!((a / b - 1.0).abs() < 1e-6, "{what}: distance {a} for {b}");
    }
}

#[test]
fn the_default_search_reaches_the_best_known_subsets() {
    let golden = golden_json("mmcd/mmcd.json");
    let mut seen = 0;
    for (name, entry) in golden.as_object().expect("sets") {
        let sample = sample(name);
        for (fit, reference) in entry["fits"].as_object().expect("fits") {
            let Some(alpha) = alpha(fit) else { continue };
            let what = format!("{name} {fit}");
            let clock = std::time::Instant::now();
            let found = Mcd::new().alpha(alpha).fit(&sample).expect("a fit");
            let best = reference["objective"].as_f64().expect("F");
            println!(
                "{what}: F {:.12}, gap {:.1e}, {} distinct, {} of {} agree, {:.2} s",
                found.objective(),
                found.objective() - best,
                found.distinct(),
                found.agree(),
                found.polished(),
                clock.elapsed().as_secs_f64()
            );
            assert_eq!(found.h() as u64, reference["h"].as_u64().expect("h"), "{what}");
            assert!(found.objective() <= best + 1e-8, "{what}: {} for {best}", found.objective());
            if found.objective() >= best - 1e-8 {
                assert_eq!(found.subset(), indices(&reference["h_subset"]), "{what}");
                compare(found.raw(), &reference["raw"], &format!("{what} raw"));
                let kept = indices(&reference["reweighted"]["kept"]);
                assert_eq!(found.reweighted().samples, kept, "{what}");
                compare(
                    found.reweighted(),
                    &reference["reweighted"],
                    &format!("{what} reweighted"),
                );
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 12);
}

/// Every subset of 10 of 16 was tried by those who made the reference: nothing lies below.
#[test]
fn no_search_goes_below_a_certified_minimum() {
    let golden = golden_json("mmcd/mmcd.json");
    let sample = sample("exh_16_2_2");
    let reference = &golden["exh_16_2_2"]["fits"]["h_default"];
    assert_eq!(reference["exhaustive"], true);
    let best = reference["objective"].as_f64().expect("F");
    for seed in 0..5 {
        let found = Mcd::new().starts(50, seed).fit(&sample).expect("a fit");
        let gap = found.objective() - best;
        assert!(gap.abs() <= 1e-8, "seed {seed}: {gap:e}");
    }
}

fn bits(fit: &McdFit) -> Vec<u64> {
    let numbers = fit.reweighted().squared_distances.iter().copied();
    let numbers = numbers.chain([fit.raw().fit.sigma2()]);
    numbers.map(|x| x.to_bits()).chain([fit.agree() as u64, fit.distinct() as u64]).collect()
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let sample = sample("contam35point_60_4_3");
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        bits(&pool.install(|| Mcd::new().starts(12, 7).fit(&sample)).expect("a fit"))
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(3));
}

/// Distances do not change when rows and columns are mixed, transposed, or shifted.
#[test]
fn distances_are_affine_invariant() {
    let plain = sample("clean_100_4_3");
    let a = ndarray::array![
        [2.0, 0.0, 0.0, 1.0],
        [0.5, 1.0, 0.0, 0.0],
        [0.0, -3.0, 100.0, 0.0],
        [0.0, 0.0, 1.0, 0.1]
    ];
    let mut values = Array3::zeros((100, 3, 4));
    for (i, x) in plain.values().outer_iter().enumerate() {
        values.index_axis_mut(Axis(0), i).assign(&(a.dot(&x) + 5.0).t());
    }
    let moved = Sample::new(values).expect("a sample");
    let fit = |sample: &Sample| Mcd::new().fit(sample).expect("a fit");
    let (one, other) = (fit(&plain), fit(&moved));
    assert_eq!(one.subset(), other.subset());
    let pairs =
        one.reweighted().squared_distances.iter().zip(&other.reweighted().squared_distances);
    for (x, y) in pairs {
        assert!((x / y - 1.0).abs() < 1e-5, "{x} {y}");
    }
}

#[test]
fn alpha_one_is_maximum_likelihood() {
    let sample = sample("t3_100_4_3");
    let found = Mcd::new().alpha(1.0).fit(&sample).expect("a fit");
    let plain = kronfit::Model::gaussian().fit(&sample).expect("a fit");
    assert_eq!((found.h(), found.raw().consistency), (100, 1.0));
    assert!(relative(found.raw().fit.row_cov(), plain.row_cov()) < 1e-7);
}

fn refused(mcd: Mcd, sample: &Sample) -> String {
    let said = mcd.fit(sample).expect_err("no estimate").to_string();
    assert_eq!(said.lines().count(), 1);
    said
}

#[test]
fn bad_input_is_one_sentence() {
    let good = sample("clean_100_4_3");
    let said = refused(Mcd::new().alpha(0.4), &good);
    assert!(said.contains("alpha is 0.4") && said.contains("0.5"), "{said}");
    assert!(refused(Mcd::new().alpha(f64::NAN), &good).contains("NaN"));
    assert!(refused(Mcd::new().starts(0, 1), &good).contains("at least 1"));
    let few = Sample::new(good.values().slice_axis(Axis(0), Slice::from(..4)).to_owned())
        .expect("a sample");
    let said = refused(Mcd::new(), &few);
    assert!(said.contains("at least n = 5"), "{said}");
    let mut values = good.values().to_owned();
    values[[3, 1, 2]] = f64::NAN;
    let missing = Sample::incomplete(values, Default::default(), "holes").expect("a sample");
    assert!(refused(Mcd::new(), &missing).contains("missing"));
}

/// Exact fits are found and named: copies, a common row, a row that follows from the others.
#[test]
fn exact_fits_are_findings() {
    let good = sample("clean_100_4_3");
    let with = |change: &dyn Fn(&mut Array3<f64>)| {
        let mut values = good.values().to_owned();
        change(&mut values);
        Sample::new(values).expect("a sample")
    };
    let copies = with(&|x| {
        let first = x.index_axis(Axis(0), 0).to_owned();
        (1..60).for_each(|i| x.index_axis_mut(Axis(0), i).assign(&first));
    });
    let said = refused(Mcd::new(), &copies);
    assert!(said.contains("60 of 100 matrices are identical"), "{said}");
    let row = with(&|x| {
        x.index_axis_mut(Axis(1), 3).slice_axis_mut(Axis(0), Slice::from(..55)).fill(0.1);
    });
    let said = refused(Mcd::new(), &row);
    assert!(said.contains("55 of 100 matrices share row 3"), "{said}");
    let dependent = with(&|x| {
        for mut x in x.outer_iter_mut().take(80) {
            let sum = &x.row(0) + &x.row(1);
            x.row_mut(2).assign(&sum);
        }
    });
    let said = refused(Mcd::new(), &dependent);
    assert!(said.contains("row 2"), "{said}");
    // Members of very different size are no exact fit: the starts among them are left out.
    let far = with(&|x| {
        x.slice_axis_mut(Axis(0), Slice::from(..40)).mapv_inplace(|x| x * 1e10);
    });
    let found = Mcd::new().fit(&far).expect("a fit");
    assert!(found.subset().iter().all(|i| *i >= 40), "{:?}", found.notes());
    // Fewer copies than a subset holds do no harm.
    let some = with(&|x| {
        let first = x.index_axis(Axis(0), 0).to_owned();
        (1..20).for_each(|i| x.index_axis_mut(Axis(0), i).assign(&first));
    });
    assert!(Mcd::new().fit(&some).expect("a fit").objective().is_finite());
}

/// A third of shifted samples: all of them and few others are called, where the plain fit is
/// drawn towards them.
#[test]
fn shifted_samples_are_found() {
    let mut values = sample("clean_100_4_3").values().to_owned();
    values.slice_axis_mut(Axis(0), Slice::from(..33)).mapv_inplace(|x| x + 8.0);
    let sample = Sample::new(values).expect("a sample");
    let found = Mcd::new().fit(&sample).expect("a fit");
    assert!(found.subset().iter().all(|i| *i >= 33));
    let distances = &found.reweighted().squared_distances;
    let least = distances[..33].iter().copied().fold(f64::INFINITY, f64::min);
    let beyond = distances[33..].iter().filter(|d| **d > least).count();
    println!("nearest of the shifted {least:.1}, clean ones beyond it {beyond}");
    assert_eq!(beyond, 0);
    // Trusting three quarters is trusting some of them.
    assert!(Mcd::new().alpha(0.9).fit(&sample).expect("a fit").subset().iter().any(|i| *i < 33));
}
