//! Factors of the truth: a structure with its parameters, as text.

use crate::linalg::{Spd, require_room};
use crate::{Error, Result};
use ndarray::Array2;
use std::fmt;
use std::str::FromStr;

const FORMS: &str = "identity, ar1:RHO, compound-symmetry:RHO, diagonal:V1,…,Vd, \
                     toeplitz:R1,R2,…, correlation:R21,R31,R32,…, factor:L1,…,Ld or \
                     spread:CONDITION";

/// A covariance factor of any order, by structure and parameters.
///
/// | text | entry (i, j) |
/// | --- | --- |
/// | `identity` | 1 if i = j |
/// | `ar1:RHO` | ρ^abs(i−j) |
/// | `compound-symmetry:RHO` | 1 if i = j, else ρ |
/// | `diagonal:V1,…,Vd` | V_i if i = j |
/// | `toeplitz:R1,R2,…` | R_abs(i−j), 0 beyond the list |
/// | `correlation:R21,R31,R32,…` | the lower triangle by rows, unit diagonal |
/// | `factor:L1,…,Ld` | L_i L_j, plus 1 if i = j: one common factor |
/// | `spread:CONDITION` | eigenvalues from 1 to CONDITION in equal ratios, cosine eigenvectors (DCT-II) |
///
/// ```
/// use kronfit::study::FactorSpec;
/// let factor: FactorSpec = "ar1:0.5".parse().unwrap();
/// assert_eq!(factor.matrix(3).unwrap()[[0, 2]], 0.25);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FactorSpec {
    /// I.
    Identity,
    /// ρ^|i−j|.
    Ar1(f64),
    /// Unit variances, one correlation.
    CompoundSymmetry(f64),
    /// Variances.
    Diagonal(Vec<f64>),
    /// Autocorrelations at lags 1, 2, …; zero beyond.
    Toeplitz(Vec<f64>),
    /// Correlations, the lower triangle by rows.
    Correlation(Vec<f64>),
    /// Loadings of one common factor with unit unique variances.
    Factor(Vec<f64>),
    /// A full matrix with this condition number.
    Spread(f64),
}

impl FromStr for FactorSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::domain("the factor", format!("\"{text}\""), FORMS);
        let (name, list) = match text.split_once(':') {
            Some((name, list)) => (name, list),
            None => (text, ""),
        };
        let numbers: Vec<f64> = if list.is_empty() {
            Vec::new()
        } else {
            let parsed: std::result::Result<_, _> =
                list.split(',').map(|x| x.trim().parse::<f64>()).collect();
            parsed.map_err(|_| bad())?
        };
        if numbers.iter().any(|x| !x.is_finite()) {
            return Err(bad());
        }
        match (name, numbers.as_slice()) {
            ("identity", []) if !text.contains(':') => Ok(Self::Identity),
            ("ar1", [rho]) => Ok(Self::Ar1(*rho)),
            ("compound-symmetry", [rho]) => Ok(Self::CompoundSymmetry(*rho)),
            ("spread", [condition]) => Ok(Self::Spread(*condition)),
            ("diagonal", [_, ..]) => Ok(Self::Diagonal(numbers)),
            ("toeplitz", [_, ..]) => Ok(Self::Toeplitz(numbers)),
            ("correlation", [_, ..]) => Ok(Self::Correlation(numbers)),
            ("factor", [_, ..]) => Ok(Self::Factor(numbers)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for FactorSpec {
    /// The text that [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, numbers): (&str, &[f64]) = match self {
            Self::Identity => return f.write_str("identity"),
            Self::Ar1(x) => ("ar1", std::slice::from_ref(x)),
            Self::CompoundSymmetry(x) => ("compound-symmetry", std::slice::from_ref(x)),
            Self::Spread(x) => ("spread", std::slice::from_ref(x)),
            Self::Diagonal(list) => ("diagonal", list),
            Self::Toeplitz(list) => ("toeplitz", list),
            Self::Correlation(list) => ("correlation", list),
            Self::Factor(list) => ("factor", list),
        };
        let list: Vec<String> = numbers.iter().map(f64::to_string).collect();
        write!(f, "{name}:{}", list.join(","))
    }
}

impl FactorSpec {
    /// The factor of order d.
    ///
    /// # Errors
    /// [`Error::Domain`] for parameters out of range or lists of the wrong length,
    /// [`Error::NotPositiveDefinite`] for those that give no covariance.
    pub fn matrix(&self, d: usize) -> Result<Array2<f64>> {
        let what = format!("the factor {self} of order {d}");
        // The matrix, its root, and one more while they are made.
        require_room(&what, &[d, d], 3)?;
        let pair = |f: &dyn Fn(usize, usize) -> f64| {
            Array2::from_shape_fn((d, d), |(i, j)| f(i.max(j), i.min(j)))
        };
        let unit = |i: usize, j: usize, x: f64| if i == j { 1.0 } else { x };
        let matrix = match self {
            Self::Identity => Array2::eye(d),
            Self::Ar1(rho) => {
                within(&what, *rho, (-1.0, 1.0))?;
                pair(&|i, j| rho.powi((i - j) as i32))
            }
            Self::CompoundSymmetry(rho) => {
                let low = if d > 1 { -1.0 / (d - 1) as f64 } else { -1.0 };
                within(&what, *rho, (low, 1.0))?;
                pair(&|i, j| unit(i, j, *rho))
            }
            Self::Diagonal(list) => {
                counted(&what, list, d)?;
                pair(&|i, j| if i == j { list[i] } else { 0.0 })
            }
            Self::Toeplitz(list) => {
                pair(&|i, j| unit(i, j, list.get((i - j).wrapping_sub(1)).copied().unwrap_or(0.0)))
            }
            Self::Correlation(list) => {
                counted(&what, list, d * (d - 1) / 2)?;
                pair(&|i, j| if i == j { 1.0 } else { list[i * (i - 1) / 2 + j] })
            }
            Self::Factor(list) => {
                counted(&what, list, d)?;
                pair(&|i, j| list[i] * list[j] + if i == j { 1.0 } else { 0.0 })
            }
            Self::Spread(condition) => {
                if !(*condition >= 1.0) {
                    return Err(Error::domain(what, condition, "a condition number of at least 1"));
                }
                spread(*condition, d)
            }
        };
        Spd::new(&what, matrix).map(Spd::into_matrix)
    }
}

fn within(what: &str, value: f64, (low, high): (f64, f64)) -> Result<()> {
    if value > low && value < high {
        return Ok(());
    }
    let allowed = format!("a correlation between {low} and {high}, both excluded");
    Err(Error::domain(format!("the parameter of {what}"), value, allowed))
}

fn counted(what: &str, list: &[f64], needed: usize) -> Result<()> {
    if list.len() == needed {
        return Ok(());
    }
    let found = format!("{} numbers", list.len());
    Err(Error::domain(format!("the list of {what}"), found, format!("{needed} numbers")))
}

/// C diag(λ) Cᵀ with the orthonormal cosine basis C_ik ∝ cos(π(i + ½)k/d).
fn spread(condition: f64, d: usize) -> Array2<f64> {
    let n = d as f64;
    let basis = Array2::from_shape_fn((d, d), |(i, k)| {
        let norm = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
        norm * (std::f64::consts::PI * (i as f64 + 0.5) * k as f64 / n).cos()
    });
    let value = |k: usize| {
        if d == 1 { 1.0 } else { condition.powf(k as f64 / (n - 1.0)) }
    };
    Array2::from_shape_fn((d, d), |(i, j)| {
        let (i, j) = (i.max(j), i.min(j));
        (0..d).map(|k| value(k) * basis[[i, k]] * basis[[j, k]]).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::symmetric_eigen;

    #[test]
    fn text_round_trips_and_entries_are_right() {
        let entry = |text: &str, d, i, j| {
            let spec: FactorSpec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
            spec.matrix(d).unwrap()[[i, j]]
        };
        assert_eq!(entry("identity", 3, 1, 1), 1.0);
        assert_eq!(entry("ar1:-0.5", 4, 3, 0), -0.125);
        assert_eq!(entry("compound-symmetry:0.3", 4, 0, 3), 0.3);
        assert_eq!(entry("diagonal:1,2,3", 3, 2, 2), 3.0);
        assert_eq!(entry("toeplitz:0.5,0.2", 4, 0, 2), 0.2);
        assert_eq!(entry("toeplitz:0.5,0.2", 4, 0, 3), 0.0);
        assert_eq!(entry("correlation:0.1,0.2,0.3", 3, 2, 1), 0.3);
        assert_eq!(entry("factor:1,2", 2, 1, 1), 5.0);
        assert!(entry("spread:10", 3, 0, 1) != 0.0);
    }

    #[test]
    fn spread_has_its_condition_number() {
        let matrix = FactorSpec::Spread(50.0).matrix(5).unwrap();
        let values = symmetric_eigen("it", matrix.view()).unwrap().values;
        assert!((values[0] - 1.0).abs() < 1e-12 && (values[4] - 50.0).abs() < 1e-11);
    }

    #[test]
    fn bad_factors_are_refused() {
        for text in
            ["", "ar1", "ar1:x", "ar1:1,2", "identity:1", "identity:", "toeplitz", "ar1:inf"]
        {
            assert!(text.parse::<FactorSpec>().is_err(), "{text}");
        }
        for text in ["ar1:1", "compound-symmetry:-0.5", "diagonal:1,2", "diagonal:1,2,-3"] {
            assert!(text.parse::<FactorSpec>().unwrap().matrix(3).is_err(), "{text}");
        }
        let error = FactorSpec::Diagonal(vec![1.0]).matrix(2).unwrap_err().to_string();
        assert_eq!(
            error,
            "the list of the factor diagonal:1 of order 2 is 1 numbers, but must be 2 numbers"
        );
    }
}
