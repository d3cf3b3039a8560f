//! Where the rows (or columns) of a factor are: in time, in space.

use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// Positions of the d rows (columns) that a factor belongs to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Positions {
    /// The names of the sample's rows (columns): numbers, or dates like 2024-02-29, in days.
    Labels,
    /// One row of coordinates for each (d × k): k = 1 is time, k = 2 a map.
    Given(Array2<f64>),
}

impl Positions {
    /// Positions on a line, such as times of measurement.
    pub fn line(at: &[f64]) -> Self {
        Self::Given(Array2::from_shape_fn((at.len(), 1), |(i, _)| at[i]))
    }

    /// The positions that names say.
    ///
    /// # Errors
    /// [`Error::Domain`] with the first name that is no finite number (where the first one is) or
    /// no date; [`Error::Unsupported`] where there are no names.
    ///
    /// ```
    /// use kronfit::structure::Positions;
    /// let days = Positions::from_labels(&["2024-02-28".into(), "2024-03-01".into()])?;
    /// assert_eq!(days, Positions::line(&[19781.0, 19783.0]));
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    pub fn from_labels(labels: &[String]) -> Result<Self> {
        let Some(first) = labels.first() else {
            return Err(Error::Unsupported {
                what: "positions were asked from the labels, but there are none".to_owned(),
                remedy: "name the rows (columns) by numbers or dates, or give the positions in a \
                         file"
                    .to_owned(),
            });
        };
        let (read, allowed): (fn(&str) -> Option<f64>, _) = match number(first) {
            Some(_) => (number, "a finite number, like the first one"),
            None => (days, "a number, or a date like 2024-02-29"),
        };
        let positions: Result<Vec<f64>> = labels
            .iter()
            .map(|text| {
                read(text).ok_or_else(|| {
                    Error::domain("the position of a label", format!("\"{text}\""), allowed)
                })
            })
            .collect();
        Ok(Self::line(&positions?))
    }

    /// The coordinates (d × k).
    ///
    /// # Errors
    /// [`Error::Unsupported`] for labels that were not looked at yet.
    pub(super) fn given(&self) -> Result<ArrayView2<'_, f64>> {
        match self {
            Self::Given(coordinates) => Ok(coordinates.view()),
            Self::Labels => Err(Error::Unsupported {
                what: "the positions are the labels of a sample, and no sample is at hand"
                    .to_owned(),
                remedy: "give the positions themselves: Positions::from_labels(names)".to_owned(),
            }),
        }
    }

    /// The steps from each position to the next, where they are on a line that only rises or only
    /// falls.
    pub(super) fn steps(&self) -> Option<Vec<f64>> {
        let at = self.given().ok().filter(|at| at.ncols() == 1)?;
        let steps: Vec<f64> = (1..at.nrows()).map(|i| at[[i, 0]] - at[[i - 1, 0]]).collect();
        let all = |up: f64| steps.iter().all(|x| up * x > 0.0);
        (all(1.0) || all(-1.0)).then_some(steps)
    }

    /// d finite positions, no two of them the same?
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFinite`], and [`Error::Domain`] with the first pair.
    pub(super) fn check(&self, d: usize) -> Result<()> {
        let at = self.given()?;
        if at.nrows() != d || at.ncols() == 0 {
            return Err(Error::shape(
                "the array of positions",
                format!("({d}, 1 or more)"),
                at.dim(),
            ));
        }
        if let Some(((i, k), x)) = at.indexed_iter().find(|(_, x)| !x.is_finite()) {
            let what = "the array of positions".to_owned();
            return Err(Error::NonFinite { what, value: *x, index: vec![i, k] });
        }
        let mut order: Vec<usize> = (0..d).collect();
        let key = |i: usize| at.row(i).to_vec();
        order.sort_by(|&i, &j| {
            let pairs = key(i).into_iter().zip(key(j));
            pairs.map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne()).unwrap_or(i.cmp(&j))
        });
        match order.windows(2).find(|w| at.row(w[0]) == at.row(w[1])) {
            None => Ok(()),
            Some(w) => Err(Error::domain(
                format!("the position of entries {} and {}", w[0], w[1]),
                format!("{} for both", at.row(w[0])),
                "different: at one place there is one variable",
            )),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|x| x.is_finite())
}

/// Days since 1970-01-01 of a date YYYY-MM-DD in the Gregorian calendar.
fn days(text: &str) -> Option<f64> {
    let mut parts = text.trim().split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let number = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten()
    };
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=length).contains(&day) {
        return None;
    }
    // Whole years before this one, with their leap days, from the year 0 on.
    let before = year - 1;
    let years = 365 * before + before / 4 - before / 100 + before / 400;
    let months: i64 = lengths[..(month - 1) as usize].iter().sum();
    Some((years + months + day - 1 - 719_162) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days() {
        for (text, expected) in [
            ("1970-01-01", 0.0),
            ("1969-12-31", -1.0),
            ("2000-02-29", 11016.0),
            ("2000-03-01", 11017.0),
            ("2026-11-25", 20782.0),
        ] {
            assert_eq!(days(text), Some(expected), "{text}");
        }
        for bad in [
            "1900-02-29",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-1-1",
            "x",
            "24-01-01",
            "2024-01-01-01",
            "2024-01-00",
            "+024-01-01",
        ] {
            assert_eq!(days(bad), None, "{bad}");
        }
    }

    #[test]
    fn labels_are_all_numbers_or_all_dates() {
        let read = |labels: &[&str]| {
            Positions::from_labels(&labels.iter().map(|x| (*x).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(read(&["0", "0.5", " 3e1"]).unwrap(), Positions::line(&[0.0, 0.5, 30.0]));
        for bad in
            [&["1", "x"][..], &["1", "2024-01-01"], &["2024-01-01", "1"], &["a"], &["inf"], &[]]
        {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn positions_differ() {
        assert!(Positions::line(&[1.0, 0.0, 2.0]).check(3).is_ok());
        assert!(Positions::line(&[1.0, 0.0]).check(3).is_err());
        let error = Positions::line(&[1.0, 0.0, 1.0]).check(3).unwrap_err();
        assert!(error.to_string().contains("entries 0 and 2"), "{error}");
        assert!(Positions::line(&[1.0, f64::NAN, 1.0]).check(3).is_err());
        assert!(Positions::Labels.check(3).is_err());
        let grid =
            Array2::from_shape_fn((4, 2), |(i, k)| if k == 0 { i / 2 } else { i % 2 } as f64);
        assert!(Positions::Given(grid).check(4).is_ok());
    }
}
