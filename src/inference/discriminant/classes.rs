//! Labels, the classes that they make, and how likely those are beforehand.

use crate::data::Sample;
use crate::{Error, Result};
use ndarray::{Array2, Axis};

/// How likely the classes are before a matrix is seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Priors {
    /// Their shares of the samples.
    #[default]
    Shares,
    /// All the same.
    Uniform,
    /// Given, class by class.
    Given(Vec<(String, f64)>),
}

impl Priors {
    /// Name as the command line writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Shares => "shares",
            Self::Uniform => "uniform",
            Self::Given(_) => "given",
        }
    }

    pub(super) fn of(&self, data: &Labelled<'_>) -> Result<Vec<f64>> {
        let (n, k) = (data.class.len() as f64, data.names.len());
        let given = match self {
            Self::Shares => return Ok(data.counts().iter().map(|m| *m as f64 / n).collect()),
            Self::Uniform => return Ok(vec![1.0 / k as f64; k]),
            Self::Given(given) => given,
        };
        if let Some((name, _)) = given.iter().find(|(name, _)| !data.names.contains(name)) {
            return Err(Error::Degenerate {
                what: format!("the class \"{name}\" has a prior, but no sample"),
                remedy: "leave it out, or label samples with it".to_owned(),
            });
        }
        let prior = |name: &String| {
            let mut found = given.iter().filter(|(other, _)| other == name).map(|(_, x)| *x);
            match (found.next(), found.next()) {
                (Some(x), None) if x > 0.0 && x.is_finite() => Ok(x),
                (Some(x), None) => {
                    let allowed =
                        "a number > 0 (leave out the samples of a class that never occurs)";
                    Err(Error::domain(format!("the prior of class \"{name}\""), x, allowed))
                }
                (None, _) => Err(Error::domain(
                    "the number of priors",
                    given.len(),
                    format!("one for each of the {k} classes: there is none for \"{name}\""),
                )),
                _ => Err(Error::domain(
                    format!("the number of priors of class \"{name}\""),
                    2,
                    "one",
                )),
            }
        };
        let priors = data.names.iter().map(prior).collect::<Result<Vec<f64>>>()?;
        let sum: f64 = priors.iter().sum();
        if (sum - 1.0).abs() > 1e-9 {
            return Err(Error::domain("the sum of the priors", sum, "1"));
        }
        Ok(priors)
    }
}

/// The classes that labels make: in numerical order where all of them are numbers, else
/// alphabetically.
pub fn classes_of(labels: &[impl AsRef<str>]) -> Vec<String> {
    let mut names: Vec<String> = labels.iter().map(|label| label.as_ref().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    let number = |name: &String| name.parse::<f64>().ok().filter(|x| x.is_finite());
    if let Some(numbers) = names.iter().map(number).collect::<Option<Vec<f64>>>() {
        let mut order: Vec<(f64, String)> = numbers.into_iter().zip(names).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        return order.into_iter().map(|(_, name)| name).collect();
    }
    names
}

/// z (n × K), one 1 in every row.
pub(super) fn one_hot(class: &[usize], classes: usize) -> Array2<f64> {
    Array2::from_shape_fn((class.len(), classes), |(i, k)| f64::from(u8::from(class[i] == k)))
}

/// A sample whose classes were checked.
#[derive(Debug)]
pub(super) struct Labelled<'a> {
    pub(super) sample: &'a Sample,
    pub(super) names: Vec<String>,
    /// Number of the class of every sample.
    pub(super) class: Vec<usize>,
}

impl<'a> Labelled<'a> {
    pub(super) fn new(sample: &'a Sample, labels: &[impl AsRef<str>]) -> Result<Self> {
        let n = sample.dim().0;
        if labels.len() != n {
            let expected = format!("one label for each of the {n} samples");
            let what = format!("the list of labels of {}", sample.source());
            return Err(Error::shape(what, expected, [labels.len()]));
        }
        sample.require_complete()?;
        sample.require_alike("discriminant analysis")?;
        if let Some(i) = labels.iter().position(|label| label.as_ref().trim().is_empty()) {
            return Err(Error::Degenerate {
                what: format!("the label of sample {i} is empty"),
                remedy: "give it a class, or leave the sample out".to_owned(),
            });
        }
        let names = classes_of(labels);
        if names.len() < 2 {
            return Err(Error::domain("the number of classes", names.len(), "at least 2"));
        }
        let of = |label: &str| names.iter().position(|name| name == label).unwrap_or_default();
        let class = labels.iter().map(|label| of(label.as_ref())).collect();
        let data = Self { sample, names, class };
        if let Some(k) = data.counts().iter().position(|count| *count < 2) {
            return Err(Error::Degenerate {
                what: format!(
                    "the class \"{}\" has one sample, whose spread nobody can see",
                    data.names[k]
                ),
                remedy: "leave the class out, or join it with another".to_owned(),
            });
        }
        Ok(data)
    }

    /// Samples of every class.
    pub(super) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        self.class.iter().for_each(|k| counts[*k] += 1);
        counts
    }

    /// The samples of every class.
    pub(super) fn groups(&self) -> Result<Vec<Sample>> {
        let group = |(k, name): (usize, &String)| {
            let rows: Vec<usize> = (0..self.class.len()).filter(|i| self.class[*i] == k).collect();
            part(self.sample, &rows, format!("the class \"{name}\" of {}", self.sample.source()))
        };
        self.names.iter().enumerate().map(group).collect()
    }
}

/// Some of the samples.
pub(super) fn part(sample: &Sample, rows: &[usize], source: String) -> Result<Sample> {
    let values = sample.values().select(Axis(0), rows);
    let (row_names, col_names) = (sample.row_names().to_vec(), sample.col_names().to_vec());
    Sample::named(values, row_names, col_names, source)
}
