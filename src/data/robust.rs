//! A robust look at a sample: where its cells lie and how far they reach, whatever a few of them hold.

use super::{Sample, name_of};
use crate::kronecker::{BySide, Side};
use ndarray::{Array1, Array2, Axis};

/// Samples whose medians are taken: evenly spread over the whole sample.
const MEDIAN_OF: usize = 41;
/// MAD of a normal law as a multiple of its standard deviation, inverted.
const MAD_UNIT: f64 = 1.4826;
/// Robust standard deviations from which on a cell is named.
const ABSURD: f64 = 1e6;
/// Most cells that are named.
const NAMED: usize = 3;

/// Medians and robust scales of the cells.
#[derive(Debug, Clone)]
pub(crate) struct Robust {
    /// Medians (p × q), or the centre that was given.
    pub(crate) center: Array2<f64>,
    /// ln of a_i and of b_j, the median polish of ln(robust standard deviation of a cell) ≈ a_i + b_j;
    /// the overall level is in the columns.
    pub(crate) ln_scales: BySide<Array1<f64>>,
    /// The largest deviation of a cell in robust standard deviations.
    pub(crate) reach: f64,
    /// Cells that are further away than anything usual: (sample, row, column).
    absurd: Vec<[usize; 3]>,
}

impl Robust {
    /// Looks at the sample around its medians, or around a given centre. `None` where more than half
    /// of every cell's values are one and the same: there is no robust scale then.
    pub(crate) fn of(sample: &Sample, center: Option<&Array2<f64>>) -> Option<Self> {
        let (center, spread) = centers(sample, center);
        let ln_scales = polish(&spread)?;
        let (p, q) = center.dim();
        let unit = Array2::from_shape_fn((p, q), |(i, j)| {
            let typical = (ln_scales[Side::Rows][i] + ln_scales[Side::Cols][j]).exp();
            if spread[[i, j]] > 0.0 { spread[[i, j]] } else { typical }
        });
        let (mut reach, mut absurd) = (0.0_f64, Vec::new());
        for (k, x) in sample.values().outer_iter().enumerate() {
            let mut largest = 0.0_f64;
            for ((x, m), s) in x.iter().zip(&center).zip(&unit) {
                // `max` drops what is missing.
                largest = largest.max((x - m).abs() / s);
            }
            reach = reach.max(largest);
            if largest > ABSURD {
                let far = |(at, x): ((usize, usize), &f64)| {
                    ((x - center[at]).abs() > ABSURD * unit[at]).then_some([k, at.0, at.1])
                };
                absurd.extend(x.indexed_iter().filter_map(far));
            }
        }
        Some(Self { center, ln_scales, reach, absurd })
    }

    /// ln of the scale of a typical cell.
    pub(crate) fn ln_scale(&self) -> f64 {
        self.ln_scales.iter().map(|part| part.sum() / part.len() as f64).sum()
    }

    /// Is anything in the sample far from all that is usual?
    pub(crate) fn is_wild(&self) -> bool {
        self.reach > ABSURD
    }

    /// One sentence that names the absurd cells; `None` where there are none.
    pub(crate) fn warning(&self, sample: &Sample) -> Option<String> {
        let first = self.absurd.first()?;
        let cell = |at: &[usize; 3]| {
            let names = [sample.sample_names(), sample.row_names(), sample.col_names()];
            let [i, row, col] = [0, 1, 2].map(|k| name_of(names[k], at[k]));
            format!("sample {i}, row {row}, column {col} holds {:.4e}", sample.values()[*at])
        };
        let more = self.absurd.len() - self.absurd.len().min(NAMED);
        let more = if more > 0 { format!(" (and {more} more such cells)") } else { String::new() };
        let value = sample.values()[*first];
        let alike = self.absurd.iter().all(|at| sample.values()[*at] == value);
        let question = match (self.absurd.len(), alike) {
            (1, _) => "a fill value?",
            (_, true) => "one fill value?",
            _ => "fill values, or samples in other units?",
        };
        let list: Vec<_> = self.absurd.iter().take(NAMED).map(cell).collect();
        let far = "more than 10⁶ robust standard deviations from the median";
        Some(format!("{}{more}, {far}: {question}", list.join("; ")))
    }
}

/// Medians (unless a centre is given) and 1.4826·MAD of every cell over some samples.
fn centers(sample: &Sample, center: Option<&Array2<f64>>) -> (Array2<f64>, Array2<f64>) {
    let (n, p, q) = sample.dim();
    let count = n.min(MEDIAN_OF);
    // k·n/count takes the ends' neighbourhoods as well as the middle.
    let picked: Vec<usize> = (0..count).map(|k| k * n / count).collect();
    let values = sample.values();
    let mut lines = Array2::<f64>::zeros((p * q, count));
    for (k, i) in picked.iter().enumerate() {
        let x = values.index_axis(Axis(0), *i);
        lines.column_mut(k).iter_mut().zip(x.iter()).for_each(|(to, x)| *to = *x);
    }
    let (mut medians, mut spread) = (Array2::zeros((p, q)), Array2::zeros((p, q)));
    let mut line = Vec::with_capacity(count);
    for (cell, given) in lines.outer_iter().enumerate() {
        let at = [cell / q, cell % q];
        line.clear();
        line.extend(given.iter().filter(|x| !x.is_nan()));
        medians[at] = center.map_or_else(|| median(&mut line), |center| center[at]);
        let middle = medians[at];
        line.iter_mut().for_each(|x| *x = (*x - middle).abs());
        spread[at] = MAD_UNIT * median(&mut line);
    }
    (medians, spread)
}

/// The median, of an even number the mean of the two in the middle; 0 of nothing.
fn median(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    let even = values.len().is_multiple_of(2);
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if !even {
        return *middle;
    }
    let lower = below.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    0.5 * lower + 0.5 * *middle
}

/// ln s_ij ≈ a_i + b_j over the cells with s_ij > 0; `None` where there are none.
fn polish(spread: &Array2<f64>) -> Option<BySide<Array1<f64>>> {
    let (p, q) = spread.dim();
    let usual = |values: &mut Vec<f64>| (!values.is_empty()).then(|| median(values));
    let logs = |part: ndarray::ArrayView1<'_, f64>, shift: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let log = |(k, s): (usize, &f64)| {
            let log = s.ln() - shift(k);
            log.is_finite().then_some(log)
        };
        part.indexed_iter().filter_map(log).collect()
    };
    let mut all: Vec<f64> = spread.iter().map(|s| s.ln()).filter(|s| s.is_finite()).collect();
    let level = usual(&mut all)?;
    let mut cols = Array1::from_elem(q, level);
    let mut rows = Array1::zeros(p);
    for _ in 0..2 {
        for (i, part) in spread.outer_iter().enumerate() {
            rows[i] = usual(&mut logs(part, &|j| cols[j])).unwrap_or(0.0);
        }
        for (j, part) in spread.axis_iter(Axis(1)).enumerate() {
            cols[j] = usual(&mut logs(part, &|i| rows[i])).unwrap_or(level);
        }
    }
    let shift = median(&mut rows.to_vec());
    rows -= shift;
    cols += shift;
    Some(BySide::new(rows, cols))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn sample() -> Array3<f64> {
        Array3::from_shape_fn((9, 3, 2), |(i, j, k)| {
            ((7 * i + 3 * j + 5 * k) as f64).sin() * [1.0, 1e-6, 1e6][j] * [1.0, 1e9][k]
        })
    }

    #[test]
    fn units_of_rows_and_columns_are_found() {
        let look = Robust::of(&Sample::new(sample()).unwrap(), None).unwrap();
        let rows = &look.ln_scales[Side::Rows];
        let cols = &look.ln_scales[Side::Cols];
        assert!((rows[1] - rows[0] - 1e-6_f64.ln()).abs() < 1.5, "{rows}");
        assert!((rows[2] - rows[0] - 1e6_f64.ln()).abs() < 1.5, "{rows}");
        assert!((cols[1] - cols[0] - 1e9_f64.ln()).abs() < 1.5, "{cols}");
        assert!(!look.is_wild());
        assert!(look.warning(&Sample::new(sample()).unwrap()).is_none());
    }

    #[test]
    fn absurd_cells_are_named() {
        let mut x = sample();
        x[[7, 1, 1]] = 9.969_209_968_386_869e36;
        let sample = Sample::new(x).unwrap();
        let look = Robust::of(&sample, None).unwrap();
        assert!(look.is_wild());
        assert_eq!(
            look.warning(&sample).unwrap(),
            "sample 7, row 1, column 1 holds 9.9692e36, more than 10⁶ robust standard deviations \
             from the median: a fill value?"
        );
    }

    #[test]
    fn medians_of_even_numbers_do_not_overflow() {
        assert_eq!(median(&mut [1e308, 1.5e308]), 1.25e308);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut []), 0.0);
    }
}
