//! Coverage of confidence intervals in studies: against the binomial law, and against intervals
//! computed by hand from the standard errors.

use kronfit::Result;
use kronfit::data::Sample;
use kronfit::estimate::{Fit, FitOptions};
use kronfit::inference::{ErrorOptions, Gradient};
use kronfit::model::{Dof, Mean, Model};
use kronfit::structure::Structure;
use kronfit::study::{
    Estimate, Estimator, LawSpec, ModelEstimator, Row, RunOptions, Scenario, Study, Target,
};
use ndarray::Array2;
use std::path::Path;
use std::sync::{Arc, Mutex};

fn scenario(n: usize, law: LawSpec) -> Scenario {
    let rows = "ar1:0.5".parse().expect("a factor");
    let cols = "diagonal:1,3".parse().expect("a factor");
    Scenario { law, rows, cols, ..Scenario::gaussian(n, 3, 2) }
}

fn rows(study: &Study) -> Vec<Row> {
    study.run_in_memory(&RunOptions::default()).expect("results").rows().to_vec()
}

/// A share of 0/1 indicators with mean L has a variance of at most L(1 − L) in one replicate,
/// however the parameters depend on each other: the binomial one. Four of its standard errors.
#[test]
fn coverage_is_nominal_for_large_samples() {
    let replicates = 500;
    for level in [0.95, 0.5] {
        let study = Study::new("nominal", 4, replicates)
            .scenario(scenario(250, LawSpec::Gaussian))
            .estimator(Arc::new(ModelEstimator::gaussian("mle")))
            .coverage(level);
        let summary = study.run_in_memory(&RunOptions::default()).expect("results").summary();
        let cell = summary.cell(0, 0);
        assert_eq!((cell.converged(), cell.without_intervals()), (replicates, 0));
        let bound = 4.0 * (level * (1.0 - level) / replicates as f64).sqrt();
        for column in ["coverage", "coverage_scale", "coverage_shape", "coverage_mean"] {
            let share = cell.mean(column).expect(column);
            assert!((share - level).abs() < bound, "{column}: {share} at {level}, bound {bound}");
        }
        assert_eq!(cell.mean("coverage_dof"), None);
        // The printed Monte-Carlo error of a single indicator is the binomial one.
        let share = cell.mean("coverage_scale").expect("a share");
        let binomial = (share * (1.0 - share) / (replicates as f64 - 1.0)).sqrt();
        let printed = cell.standard_error("coverage_scale").expect("an error");
        assert!((printed / binomial - 1.0).abs() < 1e-9, "{printed} {binomial}");
    }
}

/// Keeps every sample and its fit in the order of the replicates (one thread).
struct Keeper {
    model: Model,
    kept: Arc<Mutex<Vec<(Sample, Fit)>>>,
}

impl Estimator for Keeper {
    fn name(&self) -> &str {
        "keeper"
    }

    fn estimate(&self, sample: &Sample) -> Result<Estimate> {
        let fit = self.model.fit(sample)?;
        self.kept.lock().expect("a lock").push((sample.clone(), fit));
        let same = ModelEstimator::new("same", self.model.clone(), FitOptions::default());
        same.estimate(sample)
    }
}

const Z90: f64 = 1.644_853_626_951_472_7;

fn in_log(x: f64, truth: f64, error: f64) -> bool {
    ((x / truth).ln() * x / error).abs() <= Z90
}

fn in_atanh(r: f64, truth: f64, error: f64) -> bool {
    ((r.atanh() - truth.atanh()) * (1.0 - r * r) / error).abs() <= Z90
}

/// σ² or cσ², shape, mean, ν: the indicators of one fit, from the formulas of the documentation.
fn by_hand(fit: &Fit, sample: &Sample, dof: f64, target: Target) -> [Vec<bool>; 4] {
    let errors = fit.on(sample).unwrap().standard_errors().expect("standard errors");
    let (p, q) = (3, 2);
    let nu = fit.dof().expect("finite degrees of freedom");
    let scale = match target {
        // tr A = 3, tr B = 4 before normalisation: σ² = (3/3)(4/2).
        Target::Scale => vec![in_log(fit.sigma2(), 2.0, errors.sigma2)],
        Target::Covariance if nu <= 2.0 => vec![],
        Target::Covariance => {
            let mut gradient = Gradient::zeros(p, q);
            let c = nu / (nu - 2.0);
            // d(cσ²), with σ² = tr A tr B/(pq) at tr A = 3σ² and tr B = 2.
            gradient.row = Array2::eye(p) * (c / 3.0);
            gradient.col = Array2::eye(q) * (c * fit.sigma2() / 2.0);
            gradient.dof = -2.0 * fit.sigma2() / (nu - 2.0).powi(2);
            let error = errors.of(&gradient).expect("an error");
            vec![in_log(c * fit.sigma2(), 2.0 * dof / (dof - 2.0), error)]
        }
    };
    let mut shape = Vec::new();
    // AR(1) rows: equal variances are no parameters, the three correlations are.
    for (i, j) in [(1, 0), (2, 0), (2, 1)] {
        let truth = 0.5_f64.powi((i - j) as i32);
        shape.push(in_atanh(fit.row_cov()[[i, j]], truth, errors.row_correlation[[i, j]]));
    }
    for (i, truth) in [0.5, 1.5].into_iter().enumerate() {
        shape.push(in_log(fit.col_cov()[[i, i]], truth, errors.col_cov[[i, i]]));
    }
    let b = fit.col_cov();
    let r = b[[1, 0]] / (b[[0, 0]] * b[[1, 1]]).sqrt();
    shape.push(in_atanh(r, 0.0, errors.col_correlation[[1, 0]]));
    let centre = fit.mean().iter().zip(&errors.mean).map(|(m, e)| m.abs() <= Z90 * e).collect();
    [scale, shape, centre, vec![in_log(nu, dof, errors.dof.expect("an error of ν"))]]
}

#[test]
fn coverage_is_the_share_of_intervals_that_hold_the_truth() {
    let mut seen = [0; 2];
    for target in [Target::Scale, Target::Covariance] {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let model = Model::kronecker_t(Dof::Estimate).rows(Structure::Ar1).mean(Mean::Free);
        let study = Study::new("by hand", 12, 25)
            .scenario(scenario(60, LawSpec::KroneckerT(4.0)))
            .estimator(Arc::new(Keeper { model, kept: kept.clone() }))
            .target(target)
            .coverage(0.9);
        let one = RunOptions { threads: 1, ..RunOptions::default() };
        let rows = study.run_in_memory(&one).expect("results").rows().to_vec();
        let kept = kept.lock().expect("a lock");
        assert_eq!((rows.len(), kept.len()), (25, 25));
        for (row, (sample, fit)) in rows.iter().zip(kept.iter()) {
            let parts = by_hand(fit, sample, 4.0, target);
            let names = ["coverage_scale", "coverage_shape", "coverage_mean", "coverage_dof"];
            let share = |list: &[bool]| {
                let inside = list.iter().filter(|x| **x).count();
                (!list.is_empty()).then(|| inside as f64 / list.len() as f64)
            };
            for (name, part) in names.into_iter().zip(&parts) {
                assert_eq!(row.measure(name), share(part), "{name}, replicate {}", row.replicate);
            }
            let all = parts.concat();
            assert_eq!(row.measure("coverage"), share(&all));
            all.iter().for_each(|inside| seen[usize::from(*inside)] += 1);
        }
    }
    // Both kinds occurred, or nothing was checked.
    assert!(seen[0] > 20 && seen[1] > 500, "{seen:?}");
}

/// Fits a sample that is not the one it was given: the fit has no standard errors there.
struct Stray;

impl Estimator for Stray {
    fn name(&self) -> &str {
        "stray"
    }

    fn estimate(&self, sample: &Sample) -> Result<Estimate> {
        let other = Sample::new(&sample.values() * 2.0)?;
        ModelEstimator::gaussian("other").estimate(&other)
    }
}

#[test]
fn what_has_no_intervals_is_blank_and_counted() {
    let text = "seed = 3\nreplicates = 6\ncoverage = true\n[design]\nn = 30\np = 3\nq = 2\n\
                [[estimator]]\nlaw = \"tyler\"\n\
                [[estimator]]\nname = \"short\"\nlaw = \"gaussian\"\nmethod = \"flip-flop\"\n\
                max_iter = 1\n\
                [[estimator]]\nname = \"mle\"\nlaw = \"gaussian\"\nmean = \"zero\"\n";
    let study = Study::from_toml(text, Path::new("s.toml")).expect("a study");
    let study = study.estimator(Arc::new(Stray));
    let results = study.run_in_memory(&RunOptions::default()).expect("results");
    let summary = results.summary();
    let counts =
        |j: usize| (summary.cell(0, j).converged(), summary.cell(0, j).without_intervals());
    assert_eq!((counts(0), counts(1), counts(2), counts(3)), ((6, 6), (0, 0), (6, 0), (6, 6)));
    for row in results.rows() {
        let blank = row.measure("coverage").is_none();
        assert_eq!(blank, row.estimator != 2);
        // A known mean is no parameter.
        assert_eq!(row.measure("coverage_mean"), None);
        let said = row.message.strip_prefix("no intervals: ").map(str::to_owned);
        assert_eq!(said.is_some(), row.estimator == 1 || row.estimator == 3, "{row:?}");
        assert!(row.measure("frobenius_rows").is_some());
    }
    assert_eq!(summary.cell(0, 3).mean("coverage"), None);
    let csv = summary.to_csv().expect("text");
    assert!(csv.lines().next().is_some_and(|head| head.ends_with(",without_intervals")));
    assert!(csv.lines().nth(1).is_some_and(|line| line.ends_with(",6")), "{csv}");
}

#[test]
fn robust_intervals_are_wider_under_heavy_tails() {
    let robust = ErrorOptions { robust: true, ..ErrorOptions::default() };
    let study = Study::new("robust", 8, 60)
        .scenario(scenario(300, LawSpec::KroneckerT(6.0)))
        .estimator(Arc::new(ModelEstimator::gaussian("plain")))
        .estimator(Arc::new(ModelEstimator::gaussian("robust").errors(robust)))
        .target(Target::Covariance)
        .coverage(0.95);
    let summary = study.run_in_memory(&RunOptions::default()).expect("results").summary();
    let share = |j: usize, name: &str| summary.cell(0, j).mean(name).expect(name);
    for name in ["coverage_scale", "coverage_shape"] {
        assert!(share(1, name) > share(0, name), "{name}");
    }
    // The mean's standard errors are right with both.
    assert!((share(1, "coverage_mean") - share(0, "coverage_mean")).abs() < 0.05);
}

#[test]
fn without_coverage_nothing_of_it_appears() {
    let base = Study::new("plain", 8, 2)
        .scenario(scenario(30, LawSpec::Gaussian))
        .estimator(Arc::new(ModelEstimator::gaussian("mle")));
    let results = base.run_in_memory(&RunOptions::default()).expect("results");
    let texts = [results.to_csv(), results.summary().to_csv(), Ok(base.record())];
    for text in texts {
        let text = text.expect("text");
        assert!(!text.contains("coverage") && !text.contains("intervals"), "{text}");
    }
    assert!(base.clone().show(["coverage"]).check().is_err());
    assert!(base.clone().coverage(1.0).check().is_err());
    // The other measures are the same numbers with it.
    let with = rows(&base.coverage(0.95));
    for (row, plain) in with.iter().zip(results.rows()) {
        assert_eq!(row.measured[..12], plain.measured[..12]);
    }
}
