//! What a study is: scenarios × estimators × replicates.

use super::contamination::Contamination;
use super::estimator::Estimator;
use super::factor::FactorSpec;
use super::measures::{ERRORS, MEASURES};
use super::simulate::Truth;
use super::target::Target;
use crate::family::{Law, LawName};
use crate::{Error, Result, linalg};
use ndarray::Array2;
use std::fmt;
use std::sync::Arc;

/// The law of a truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LawSpec {
    /// Matrix normal.
    Gaussian,
    /// Kronecker t with ν.
    KroneckerT(f64),
    /// Matrix-variate t with ν.
    MatrixT(f64),
}

impl LawSpec {
    /// The law itself.
    ///
    /// # Errors
    /// [`Error::Domain`] for a ν that is not a finite number > 0.
    pub fn law(self) -> Result<Arc<dyn Law>> {
        self.law_name().law(self.dof())
    }

    /// A built-in law at a ν, which the Gaussian has not and the t laws need.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a ν that is missing or of no use.
    pub fn new(law: LawName, dof: Option<f64>) -> Result<Self> {
        match (law, dof) {
            (LawName::KroneckerT, Some(dof)) => Ok(Self::KroneckerT(dof)),
            (LawName::MatrixT, Some(dof)) => Ok(Self::MatrixT(dof)),
            (LawName::Gaussian, None) => Ok(Self::Gaussian),
            // The law says what is wrong.
            (law, dof) => law.law(dof).map(|_| Self::Gaussian),
        }
    }

    /// Which law it is.
    pub fn law_name(self) -> LawName {
        match self {
            Self::Gaussian => LawName::Gaussian,
            Self::KroneckerT(_) => LawName::KroneckerT,
            Self::MatrixT(_) => LawName::MatrixT,
        }
    }

    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        self.law_name().name()
    }

    /// ν, for the t laws.
    pub fn dof(self) -> Option<f64> {
        match self {
            Self::Gaussian => None,
            Self::KroneckerT(dof) | Self::MatrixT(dof) => Some(dof),
        }
    }
}

impl fmt::Display for LawSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dof() {
            None => f.write_str(self.name()),
            Some(dof) => write!(f, "{}({dof})", self.name()),
        }
    }
}

/// One cell of the design: what samples are drawn from. The mean is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Samples.
    pub n: usize,
    /// Rows.
    pub p: usize,
    /// Columns.
    pub q: usize,
    /// Law.
    pub law: LawSpec,
    /// Row factor A.
    pub rows: FactorSpec,
    /// Column factor B.
    pub cols: FactorSpec,
    /// Outliers.
    pub contamination: Contamination,
}

impl Scenario {
    /// n standard normal p × q matrices.
    pub fn gaussian(n: usize, p: usize, q: usize) -> Self {
        Self {
            n,
            p,
            q,
            law: LawSpec::Gaussian,
            rows: FactorSpec::Identity,
            cols: FactorSpec::Identity,
            contamination: Contamination::NONE,
        }
    }

    /// The truth of this cell.
    ///
    /// # Errors
    /// What is wrong with the law or the factors.
    pub fn truth(&self) -> Result<Truth> {
        linalg::require_room("a sample of this scenario", &[self.n, self.p, self.q], 2)?;
        let mean = Array2::zeros((self.p, self.q));
        let (row, col) = (self.rows.matrix(self.p)?, self.cols.matrix(self.q)?);
        Ok(Truth::new(self.law.law()?, mean, row, col)?.contaminated(self.contamination))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, p, q, law, rows, cols, contamination } = self;
        write!(f, "n={n} {p}x{q} {law} rows={rows} cols={cols} contamination={contamination}")
    }
}

/// The coverage of all intervals together.
const COVERAGE: &str = "coverage";

/// Measures of the printed table unless the study says otherwise.
const SHOWN: [&str; 6] =
    ["frobenius", "shape_distance", "stein", "trace_ratio", "mean_error", "dof"];

/// A simulation study: scenarios × estimators × replicates, and a seed.
#[derive(Clone)]
pub struct Study {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) replicates: usize,
    pub(super) target: Target,
    pub(super) scenarios: Vec<Scenario>,
    pub(super) estimators: Vec<Arc<dyn Estimator>>,
    pub(super) plot: String,
    pub(super) show: Vec<String>,
    /// Nominal level of the intervals whose coverage is measured.
    pub(super) coverage: Option<f64>,
    /// The study file, word for word; empty for a study built in code.
    pub(super) text: String,
}

impl fmt::Debug for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.record())
    }
}

impl Study {
    /// A study without scenarios and estimators yet.
    pub fn new(name: impl Into<String>, seed: u64, replicates: usize) -> Self {
        Self {
            name: name.into(),
            seed,
            replicates,
            target: Target::default(),
            scenarios: Vec::new(),
            estimators: Vec::new(),
            plot: "shape_distance".to_owned(),
            show: SHOWN.map(str::to_owned).to_vec(),
            coverage: None,
            text: String::new(),
        }
    }

    /// The same study with one more scenario.
    #[must_use]
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenarios.push(scenario);
        self
    }

    /// The same study with one more estimator.
    #[must_use]
    pub fn estimator(mut self, estimator: Arc<dyn Estimator>) -> Self {
        self.estimators.push(estimator);
        self
    }

    /// The same study with these measures in its printed table, instead of a usual choice.
    #[must_use]
    pub fn show<S: Into<String>>(mut self, measures: impl IntoIterator<Item = S>) -> Self {
        self.show = measures.into_iter().map(Into::into).collect();
        self
    }

    /// The same study with the coverage of confidence intervals, which costs the standard errors
    /// of every fit: measured in every replicate, and in the printed table as well.
    ///
    /// The parameters of a fit are σ² (or cσ², the covariance's, with [`Target::Covariance`]), the
    /// variances A_ii (trace p) and B_jj (trace q), the correlations of A and B, the entries of M,
    /// and ν. With x̂ ± se of a parameter whose true value is x, z = Φ⁻¹((1 + level)/2), and g = ln
    /// for σ², variances and ν, atanh for correlations, the identity for means,
    ///
    /// ```text
    /// coverage = (1/m) Σ 1{ |g(x̂) − g(x)| ≤ z g′(x̂) se }     over the m parameters
    /// ```
    ///
    /// `coverage` is over all of them; `coverage_scale` over σ² alone, `coverage_shape` over
    /// variances and correlations, `coverage_mean` over M, `coverage_dof` over ν. Left out are
    /// parameters that the model fixes, cσ² where a covariance does not exist, and ν when the
    /// truth is of another law or ν̂ = ∞. The truth of a misspecified fit is that of the samples'
    /// own law, in the same normalisation.
    ///
    /// An estimate without a likelihood fit ([`Estimate::fit`](super::Estimate::fit), as Tyler's),
    /// or whose fit has no standard errors, has none of these numbers and is counted by
    /// [`Cell::without_intervals`](super::Cell::without_intervals).
    ///
    /// ```
    /// use kronfit::study::{ModelEstimator, RunOptions, Scenario, Study};
    /// use std::sync::Arc;
    /// let study = Study::new("coverage", 1, 50)
    ///     .scenario(Scenario::gaussian(100, 2, 2))
    ///     .estimator(Arc::new(ModelEstimator::gaussian("mle")))
    ///     .coverage(0.95);
    /// let share = study.run_in_memory(&RunOptions::default())?.summary().cell(0, 0).mean("coverage");
    /// assert!(share.is_some_and(|x| (x - 0.95).abs() < 0.05));
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    #[must_use]
    pub fn coverage(mut self, level: f64) -> Self {
        self.coverage = Some(level);
        if !self.show.iter().any(|m| m == COVERAGE) {
            self.show.push(COVERAGE.to_owned());
        }
        self
    }

    /// The same study with another number of replicates: more or fewer of the same samples. It is
    /// no longer the study of the file that it was read from.
    #[must_use]
    pub fn with_replicates(mut self, replicates: usize) -> Self {
        self.replicates = replicates;
        self.text.clear();
        self
    }

    /// The same study with another target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Scenarios in canonical order.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// Names of the estimators in canonical order.
    pub fn estimator_names(&self) -> impl Iterator<Item = &str> {
        self.estimators.iter().map(|e| e.name())
    }

    /// Replicates of every scenario.
    pub fn replicates(&self) -> usize {
        self.replicates
    }

    /// The measure that the figures show.
    pub fn plotted_measure(&self) -> &str {
        &self.plot
    }

    /// The measures of the printed table.
    pub fn shown_measures(&self) -> &[String] {
        &self.show
    }

    /// The nominal level of the intervals whose coverage is measured; `None` where none is.
    pub fn coverage_level(&self) -> Option<f64> {
        self.coverage
    }

    /// What is measured: the columns of the results.
    pub fn measures(&self) -> &'static [&'static str] {
        if self.coverage.is_some() { &MEASURES } else { &MEASURES[..ERRORS] }
    }

    /// All samples to be drawn: scenarios × replicates.
    pub fn jobs(&self) -> usize {
        self.scenarios.len() * self.replicates
    }

    /// Can this study be run?
    ///
    /// # Errors
    /// What is empty, out of range, or named twice.
    pub fn check(&self) -> Result<()> {
        for (what, count) in [
            ("the number of replicates", self.replicates),
            ("the number of scenarios", self.scenarios.len()),
            ("the number of estimators", self.estimators.len()),
        ] {
            if count == 0 {
                return Err(Error::domain(what, 0, "at least 1"));
            }
        }
        for (i, estimator) in self.estimators.iter().enumerate() {
            if self.estimators[..i].iter().any(|e| e.name() == estimator.name()) {
                let allowed = "different from the other names";
                return Err(Error::domain("the name of an estimator", estimator.name(), allowed));
            }
        }
        if let Some(level) = self.coverage.filter(|level| !(*level > 0.0 && *level < 1.0)) {
            return Err(Error::domain("the level of the coverage", level, "between 0 and 1"));
        }
        for measure in self.show.iter().chain([&self.plot]) {
            if !self.measures().contains(&measure.as_str()) {
                let allowed = self.measures().join(", ");
                return Err(Error::domain("a measure", format!("\"{measure}\""), allowed));
            }
        }
        self.require_room()?;
        for scenario in &self.scenarios {
            if scenario.n == 0 || scenario.p == 0 || scenario.q == 0 {
                return Err(Error::domain("a size of a scenario", 0, "at least 1"));
            }
            scenario.truth()?;
            for estimator in &self.estimators {
                estimator.check(scenario.p, scenario.q)?;
            }
        }
        Ok(())
    }

    /// Do the results of all replicates fit into memory?
    ///
    /// # Errors
    /// [`Error::TooLarge`] with the numbers of scenarios, replicates and estimators.
    fn require_room(&self) -> Result<()> {
        let shape = [self.scenarios.len(), self.replicates, self.estimators.len()];
        // A row holds its measures and about as much besides.
        let what = "the number of results (scenarios × replicates × estimators)";
        linalg::require_room(what, &shape, 2 * self.measures().len())
    }

    /// Everything that the numbers depend on, as text: two studies with the same record give the
    /// same results.
    pub fn record(&self) -> String {
        let mut text = format!(
            "kronfit {}\nname {}\nseed {}\nreplicates {}\ntarget {}\n",
            crate::VERSION,
            self.name,
            self.seed,
            self.replicates,
            self.target.name()
        );
        for (i, scenario) in self.scenarios.iter().enumerate() {
            text.push_str(&format!("scenario {i} {scenario}\n"));
        }
        for (i, estimator) in self.estimators.iter().enumerate() {
            text.push_str(&format!("estimator {i} {}\n", estimator.description()));
        }
        if let Some(level) = self.coverage {
            text.push_str(&format!("coverage {level}\n"));
        }
        text
    }
}
