//! Outliers on purpose.

use super::noise::Noise;
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use std::fmt;
use std::str::FromStr;

/// What an outlier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContaminationKind {
    /// Every cell of the sample is moved up by `size` of its standard deviations (scales).
    Shifted,
    /// The sample's deviation from the mean is multiplied by `size`.
    Scaled,
    /// Single cells are moved by ±`size` of their standard deviations (scales).
    Cellwise,
    /// Single rows are moved by ±`size` of the standard deviations (scales) of their cells.
    Rowwise,
}

impl ContaminationKind {
    const ALL: [Self; 4] = [Self::Shifted, Self::Scaled, Self::Cellwise, Self::Rowwise];

    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shifted => "shifted",
            Self::Scaled => "scaled",
            Self::Cellwise => "cellwise",
            Self::Rowwise => "rowwise",
        }
    }
}

/// Outliers: each sample (cell, row) independently with probability `fraction`.
///
/// As text: `none` or `KIND:FRACTION[:SIZE]` with SIZE 10 unless given.
///
/// ```
/// use kronfit::study::Contamination;
/// let contamination: Contamination = "cellwise:0.05".parse().unwrap();
/// assert_eq!(contamination.to_string(), "cellwise:0.05:10");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Contamination(Option<(ContaminationKind, f64, f64)>);

/// Size where none is given.
const SIZE: f64 = 10.0;

impl Contamination {
    /// No outliers.
    pub const NONE: Self = Self(None);

    /// Outliers of a kind.
    ///
    /// # Errors
    /// [`Error::Domain`] for a fraction outside \[0, 1\] or a size that is not finite.
    pub fn new(kind: ContaminationKind, fraction: f64, size: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&fraction) {
            let what = "the fraction of the contamination";
            return Err(Error::domain(what, fraction, "between 0 and 1"));
        }
        if !size.is_finite() {
            return Err(Error::domain("the size of the contamination", size, "a finite number"));
        }
        Ok(Self(Some((kind, fraction, size))))
    }

    /// Contaminates `x` = M + deviation in place; gives the mask of moved cells (1) or `None`
    /// where nothing was asked for. `scales` are the standard deviations (t laws: scales) of the cells.
    pub(super) fn apply(
        &self,
        x: &mut Array2<f64>,
        mean: ArrayView2<'_, f64>,
        scales: ArrayView2<'_, f64>,
        rng: &mut dyn Rng,
    ) -> Option<Array2<f64>> {
        let (kind, fraction, size) = self.0?;
        let mut noise = Noise(rng);
        let mut mask = Array2::zeros(x.dim());
        match kind {
            ContaminationKind::Shifted if noise.happens(fraction) => {
                x.scaled_add(size, &scales);
                mask.fill(1.0);
            }
            ContaminationKind::Scaled if noise.happens(fraction) => {
                x.zip_mut_with(&mean, |x, m| *x = m + size * (*x - m));
                mask.fill(1.0);
            }
            ContaminationKind::Cellwise => {
                for ((at, x), scale) in x.indexed_iter_mut().zip(&scales) {
                    if noise.happens(fraction) {
                        *x += noise.sign() * size * scale;
                        mask[at] = 1.0;
                    }
                }
            }
            ContaminationKind::Rowwise => {
                for (i, mut row) in x.axis_iter_mut(Axis(0)).enumerate() {
                    if noise.happens(fraction) {
                        row.scaled_add(noise.sign() * size, &scales.row(i));
                        mask.row_mut(i).fill(1.0);
                    }
                }
            }
            ContaminationKind::Shifted | ContaminationKind::Scaled => {}
        }
        Some(mask)
    }
}

impl FromStr for Contamination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let bad = || {
            let allowed = "none or KIND:FRACTION[:SIZE] with KIND shifted, scaled, cellwise or \
                           rowwise";
            Error::domain("the contamination", format!("\"{text}\""), allowed)
        };
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let kind = ContaminationKind::ALL.into_iter().find(|k| k.name() == name).ok_or_else(bad)?;
        let fraction = parts.next().and_then(|x| x.parse().ok()).ok_or_else(bad)?;
        let size = parts.next().map_or(Some(SIZE), |x| x.parse().ok()).ok_or_else(bad)?;
        if parts.next().is_some() {
            return Err(bad());
        }
        Self::new(kind, fraction, size)
    }
}

impl fmt::Display for Contamination {
    /// The text that [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some((kind, fraction, size)) => write!(f, "{}:{fraction}:{size}", kind.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_bad_text_is_refused() {
        for text in ["none", "shifted:0.1:5", "scaled:0.2:10", "cellwise:0.05:3", "rowwise:1:2"] {
            assert_eq!(text.parse::<Contamination>().unwrap().to_string(), text);
        }
        for text in ["", "shifted", "shifted:x", "shifted:0.1:2:3", "moved:0.1", "shifted:1.5"] {
            assert!(text.parse::<Contamination>().is_err(), "{text}");
        }
    }
}
