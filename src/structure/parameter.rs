//! What a structure says of itself in a report: numbers with their meaning.

use ndarray::ArrayView2;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The scale on which an interval is symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalScale {
    /// The number itself.
    Linear,
    /// Its logarithm: variances, ranges and ν.
    Log,
    /// Fisher's z = atanh r: correlations.
    Atanh,
    /// ln(x/(1 − x)): shares, and correlations that cannot be negative.
    Logit,
}

impl IntervalScale {
    /// Is the value inside the open range of the scale? On the edge there is no such interval.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Linear => value.is_finite(),
            Self::Log => value > 0.0 && value.is_finite(),
            Self::Atanh => value.abs() < 1.0,
            Self::Logit => value > 0.0 && value < 1.0,
        }
    }

    /// The scale itself where it holds the value, the plain number where it does not.
    pub fn or_linear(self, value: f64) -> Self {
        if self.holds(value) { self } else { Self::Linear }
    }
}

/// What a parameter of a structure is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterKind {
    /// A correlation, of two entries, of a lag, or of all pairs.
    Correlation,
    /// The loading of an entry on a common factor, of unit variance both.
    Loading,
    /// The share of an entry's variance that is its own.
    Uniqueness,
    /// The variance of an entry beside the mean variance.
    Variance,
    /// The variance of the entries of a group beside the mean variance.
    GroupVariance,
    /// The distance over which correlation fades, in the units of the positions.
    Range,
    /// Whatever a structure of the user's own names so.
    Named(Cow<'static, str>),
}

impl ParameterKind {
    /// The word that names it in reports.
    pub fn word(&self) -> &str {
        match self {
            Self::Correlation => "rho",
            Self::Loading => "loading",
            Self::Uniqueness => "uniqueness",
            Self::Variance => "variance",
            Self::GroupVariance => "group-variance",
            Self::Range => "range",
            Self::Named(name) => name,
        }
    }

    /// Is [`Parameter::row`] an entry of the factor (a row or column of the data)?
    pub fn is_of_entries(&self) -> bool {
        !matches!(self, Self::Correlation | Self::GroupVariance | Self::Range)
    }

    /// Do parameters of this kind say what there is to say of the correlations?
    pub fn is_of_correlations(&self) -> bool {
        matches!(self, Self::Correlation | Self::Range)
    }
}

/// A number that a structure reports, free of the factor's scale.
///
/// [`fmt::Display`] writes its name: the word of its kind, with the indices it has, counted from
/// zero: `rho`, `rho[1]`, `loading[0,0]`.
///
/// ```
/// use kronfit::structure::{IntervalScale, Parameter, ParameterKind, Structure};
/// let shape = Structure::Ar1.shape();
/// let matrix = ndarray::array![[2.0, 1.0], [1.0, 2.0]];
/// let rho = &shape.report(matrix.view())[0];
/// assert_eq!((rho.to_string().as_str(), rho.value), ("rho", 0.5));
/// assert_eq!((&rho.kind, rho.scale), (&ParameterKind::Correlation, IntervalScale::Atanh));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// What it is.
    pub kind: ParameterKind,
    /// The entry, lag or group it belongs to.
    pub row: Option<usize>,
    /// The second entry, factor or group.
    pub col: Option<usize>,
    /// The number.
    pub value: f64,
    /// Where an interval for it is symmetric.
    pub scale: IntervalScale,
}

impl Parameter {
    /// A parameter without indices.
    pub fn new(kind: ParameterKind, value: f64, scale: IntervalScale) -> Self {
        Self { kind, row: None, col: None, value, scale }
    }

    /// A correlation, with an interval in atanh.
    pub fn correlation(value: f64) -> Self {
        Self::new(ParameterKind::Correlation, value, IntervalScale::Atanh)
    }

    /// A number of the user's own, with an interval on the given scale.
    pub fn named(name: impl Into<Cow<'static, str>>, value: f64, scale: IntervalScale) -> Self {
        Self::new(ParameterKind::Named(name.into()), value, scale)
    }

    /// The variances of the entries of a factor, beside their mean.
    pub(super) fn variances(matrix: ArrayView2<'_, f64>) -> Vec<Self> {
        let mean = matrix.diag().sum() / matrix.nrows() as f64;
        let one = |x: f64| Self::new(ParameterKind::Variance, x / mean, IntervalScale::Log);
        matrix.diag().iter().enumerate().map(|(i, x)| one(*x).at(i)).collect()
    }

    /// The same of an entry, lag or group.
    #[must_use]
    pub fn at(self, row: usize) -> Self {
        Self { row: Some(row), ..self }
    }

    /// The same of a pair.
    #[must_use]
    pub fn between(self, row: usize, col: usize) -> Self {
        Self { row: Some(row), col: Some(col), ..self }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        match (self.row, self.col) {
            (Some(row), Some(col)) => write!(f, "[{row},{col}]"),
            (Some(row), None) => write!(f, "[{row}]"),
            (None, _) => Ok(()),
        }
    }
}

impl Serialize for Parameter {
    /// As the pair of its name and its value.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.to_string(), self.value).serialize(serializer)
    }
}
