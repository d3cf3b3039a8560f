//! Figures of fits: complete, well-formed, honest about what they show.
//!
//! With `KRONFIT_GALLERY=DIR` the figures are also written there, for eyes.
#![cfg(feature = "plots")]

use kronfit::data::Sample;
use kronfit::estimate::{Fit, FitOptions, Silent, Step};
use kronfit::model::{Dof, Model};
use kronfit::report::plot::{
    Chart, Figure, Progress, Scale, Series, convergence, figures, write_figures,
};
use kronfit::structure::{Kernel, Positions, Structure};
use ndarray::Array3;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Sums of shifted uniform noise: correlated neighbours, variances that grow.
fn sample(n: usize, p: usize, q: usize, named: bool) -> Sample {
    let mut rng = ChaCha12Rng::seed_from_u64((n * 1000 + p * 10 + q) as u64);
    let noise = Array3::from_shape_fn((n, p + 2, q + 1), |_| {
        (0..4).map(|_| rng.random::<f64>() - 0.5).sum::<f64>()
    });
    let x = Array3::from_shape_fn((n, p, q), |(i, r, c)| {
        let smooth = noise[[i, r, c]] + 0.9 * noise[[i, r + 1, c]] + 0.6 * noise[[i, r + 2, c]]
            - 0.7 * noise[[i, r, c + 1]];
        smooth * (1.0 + c as f64 / q as f64) + 0.3 * (r as f64 - c as f64)
    });
    let names = |what: &str, d: usize| {
        if named { (0..d).map(|i| format!("{what} {i} <&\"> ρ")).collect() } else { Vec::new() }
    };
    Sample::named(x, names("indicator", p), names("quarter", q), "a test").expect("a sample")
}

fn fitted(n: usize, p: usize, q: usize, named: bool) -> (Sample, Fit) {
    let sample = sample(n, p, q, named);
    let options = FitOptions { tol: 1e-6, ..FitOptions::default() };
    let fit = Model::gaussian().fit_with(&sample, &options, &mut Silent).expect("a fit");
    (sample, fit)
}

fn keep(folder: &str, figures: &[Figure]) {
    if let Some(gallery) = std::env::var_os("KRONFIT_GALLERY") {
        write_figures(&std::path::Path::new(&gallery).join(folder), figures).expect("written");
    }
}

fn check(figure: &Figure) {
    let svg = &figure.svg;
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{}", figure.name);
    for bad in ["NaN", "inf", "<&\">"] {
        assert!(!svg.contains(bad), "{} contains {bad}", figure.name);
    }
    let png = figure.png(1.0).expect("a PNG");
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
}

#[test]
fn every_shape_has_every_figure() {
    for (n, p, q, named) in [
        (30, 1, 1, false),
        (40, 2, 2, true),
        (60, 8, 8, true),
        (30, 2, 8, true),
        (12, 40, 40, true),
    ] {
        let (sample, fit) = fitted(n, p, q, named);
        let all = figures(&fit, Some(&sample)).expect("figures");
        let names: Vec<&str> = all.iter().map(|f| f.name.as_str()).collect();
        let mut expected = vec!["row-factor", "row-correlation", "col-factor", "col-correlation"];
        expected.retain(|name| match *name {
            "row-correlation" => p > 1,
            "col-correlation" => q > 1,
            _ => true,
        });
        expected.extend([
            "mean",
            "eigenvalues",
            "qq",
            "convergence-score",
            "convergence-likelihood",
        ]);
        assert_eq!(names, expected);
        all.iter().for_each(check);
        keep(&format!("{p}x{q}"), &all);
    }
}

#[test]
fn large_factors_stay_legible_and_small() {
    let (sample, fit) = fitted(5, 200, 200, false);
    let all = figures(&fit, Some(&sample)).expect("figures");
    for figure in &all {
        assert!(figure.svg.len() < 2_000_000, "{}: {} bytes", figure.name, figure.svg.len());
    }
    // Not every one of 200 labels fits; the first one is there.
    let labels = all[0].svg.matches("<text").count();
    assert!((60..200).contains(&labels), "{labels} labels");
    keep("200x200", &all);
    let (sample, fit) = fitted(250, 200, 2, true);
    keep("200x2", &figures(&fit, Some(&sample)).expect("figures"));
}

#[test]
fn many_samples_are_thinned() {
    let (sample, fit) = fitted(20_000, 3, 2, false);
    let all = figures(&fit, Some(&sample)).expect("figures");
    let qq = all.iter().find(|f| f.name == "qq").expect("a QQ plot");
    assert!(qq.svg.contains("1500 of n = 20000"));
    assert!(qq.svg.len() < 400_000, "{} bytes", qq.svg.len());
    check(qq);
    keep("many", &all);
}

#[test]
fn numbers_are_those_of_the_fit() {
    let (sample, fit) = fitted(40, 3, 2, false);
    let all = figures(&fit, Some(&sample)).expect("figures");
    for value in fit.row_cov() {
        let shown = format!("{value:.2}").replace('-', "−");
        assert!(all[0].svg.contains(&shown), "{shown} is missing");
    }
    assert!(all.iter().any(|f| f.svg.contains("χ² with 6 degrees of freedom")));
    let other = self::sample(10, 2, 2, false);
    assert!(figures(&fit, Some(&other)).is_err());
}

#[test]
fn each_law_is_shown_against_its_own_reference() {
    let sample = kronfit::io::resolve("us-macro").expect("a bundled dataset");
    for (name, model, reference) in [
        ("gaussian", Model::gaussian(), "χ² with 32"),
        ("kronecker-t", Model::kronecker_t(Dof::Estimate), "F(32, "),
        ("matrix-t", Model::matrix_t(Dof::Estimate), "Wilks"),
    ] {
        let fit = model.fit(&sample).expect("a fit");
        let all = figures(&fit, Some(&sample)).expect("figures");
        all.iter().for_each(check);
        let qq = all.iter().find(|f| f.name == "qq").expect("a QQ plot");
        assert!(qq.svg.contains(reference), "{name}: {reference} is missing");
        let word = if fit.dof().is_some() { "Scale factor" } else { "Covariance factor" };
        assert!(all[0].title.starts_with(word), "{}", all[0].title);
        keep(&format!("us-macro-{name}"), &all);
    }
}

#[test]
fn convergence_compares_fits() {
    let (_, fit) = fitted(12, 8, 8, false);
    let slow: Vec<Step> = fit
        .trace()
        .iter()
        .map(|s| Step { iteration: 2 * s.iteration, passes: 2 * s.passes, ..*s })
        .collect();
    let both = [("flip-flop", fit.trace()), ("slower", slow.as_slice())];
    for (name, progress) in
        [("i", Progress::Iterations), ("p", Progress::Passes), ("s", Progress::Seconds)]
    {
        let figures = convergence(&both, progress).expect("figures");
        for figure in &figures {
            check(figure);
            assert!(figure.svg.contains("slower") && figure.svg.contains("flip-flop"));
        }
        keep(&format!("convergence-{name}"), &figures);
    }
    assert_eq!(convergence(&[], Progress::Passes).expect("empty figures").len(), 2);
}

#[test]
fn charts_take_any_numbers() {
    let n = [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
    let mut study = Chart::new(
        "Error of the covariance against n",
        ("n (matrices)", Scale::Log),
        ("affine-invariant error", Scale::Log),
    )
    .note("mean over 200 replicates, bars ± 2 standard errors");
    for (k, name) in ["flip-flop", "three-step", "nearest Kronecker product", "sample covariance"]
        .into_iter()
        .enumerate()
    {
        let c = 1.0 + 0.5 * k as f64;
        let bars = n.map(|n| (n, c / f64::sqrt(n), 0.9 * c / n.sqrt(), 1.15 * c / n.sqrt()));
        study = study.with(Series::error_bars(name, bars));
    }
    study = study.with(Series::reference("Cramér–Rao bound", n.map(|n| (n, 0.9 / n.sqrt()))));
    let power = Chart::new("Power", ("effect", Scale::Linear), ("power", Scale::Linear))
        .with(Series::line(
            "χ²",
            (0..=50).map(|i| (f64::from(i) / 50.0, f64::from(i * i) / 2500.0)),
        ))
        .with(Series::line(
            "bootstrap",
            (0..=50).map(|i| (f64::from(i) / 50.0, f64::from(i) / 50.0)),
        ));
    let odd = Chart::new("<&>", ("x\u{1}", Scale::Log), ("y", Scale::Log)).with(Series::line(
        "odd",
        [
            (f64::NAN, 1.0),
            (0.0, 1.0),
            (1.0, -1.0),
            (1.0, f64::INFINITY),
            (1e-300, 1e300),
            (2.0, 3.0),
        ],
    ));
    let empty = Chart::new("Empty", ("x", Scale::Linear), ("y", Scale::Log));
    let all: Vec<Figure> = [("study", study), ("power", power), ("odd", odd), ("empty", empty)]
        .iter()
        .map(|(name, chart)| chart.figure(name).expect("a figure"))
        .collect();
    all.iter().for_each(check);
    assert!(!all[2].svg.contains('\u{1}') && all[2].svg.contains("&lt;&amp;&gt;"));
    assert!(all[0].png(0.0).is_err() && all[0].png(f64::NAN).is_err());
    keep("charts", &all);
}

#[test]
fn files_are_written_in_pairs() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("new/plots");
    let figure = Chart::new("One", ("x", Scale::Linear), ("y", Scale::Linear))
        .with(Series::line("a", [(0.0, 1.0), (1.0, 2.0)]))
        .figure("one")
        .expect("a figure");
    write_figures(&target, &[figure]).expect("written");
    let mut names: Vec<_> = std::fs::read_dir(&target)
        .expect("the folder")
        .map(|e| e.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    assert_eq!(names, ["one.png", "one.svg"]);
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("written");
    assert!(write_figures(&file, &[]).is_err());
}

/// Structures that know distances get a figure for each side that has one.
#[test]
fn correlations_by_distance() {
    let (sample, _) = fitted(60, 8, 8, true);
    let times: Vec<f64> = (0..8).map(|i| f64::from(i * i)).collect();
    let rows = Structure::Spatial(Kernel::Exponential, Positions::line(&times));
    for (rows, cols, expected) in [
        (rows, "het:ar1", vec!["row-correlation-distance", "col-correlation-distance"]),
        (Structure::Unstructured, "antedependence", vec!["col-correlation-distance"]),
        (Structure::Diagonal, "compound-symmetry", vec![]),
    ] {
        let model = Model::gaussian().rows(rows).cols(cols.parse().expect("a name"));
        let fit = model.fit(&sample).expect("a fit");
        let all = figures(&fit, Some(&sample)).expect("figures");
        let found: Vec<_> = all.iter().filter(|f| f.name.ends_with("-distance")).collect();
        assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), expected);
        found.iter().for_each(|figure| check(figure));
        keep(cols, &all);
        let without = figures(&fit, None).expect("figures");
        assert!(!without.iter().any(|f| f.name.ends_with("-distance")));
    }
}
