//! One axis: its range, its ticks, and where a value stands on it.

/// A linear or logarithmic axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// All values are whole numbers: so are the ticks.
    whole: bool,
}

impl Axis {
    /// An axis that shows all usable values (finite; on a log axis positive) with a margin.
    pub(super) fn around(values: impl IntoIterator<Item = f64>, log: bool) -> Self {
        let usable = values.into_iter().filter(|x| x.is_finite() && (!log || *x > 0.0));
        let mut whole = !log;
        let scaled = usable.map(|x| {
            whole &= x.fract() == 0.0;
            if log { x.log10() } else { x }
        });
        let (low, high) = scaled
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        if low > high {
            return Self { low: 0.0, high: 1.0, log, whole: false };
        }
        let tiny = 1e-9 * low.abs().max(high.abs()).max(1e-300);
        let margin = match high - low {
            // One value only: a decade, or a range of its own size.
            span if span <= tiny => {
                if log {
                    0.5
                } else {
                    0.5 * low.abs().max(1e-300)
                }
            }
            span => 0.04 * span,
        };
        Self { low: low - margin, high: high + margin, log, whole }
    }

    /// Does the value have a place on this axis?
    pub(super) fn takes(&self, value: f64) -> bool {
        value.is_finite() && (!self.log || value > 0.0)
    }

    /// Place of a value, 0 at the low end and 1 at the high end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        (value - self.low) / (self.high - self.low)
    }

    /// The lowest and highest values shown.
    pub(super) fn ends(&self) -> (f64, f64) {
        if self.log { (10f64.powf(self.low), 10f64.powf(self.high)) } else { (self.low, self.high) }
    }

    /// Values and labels of the ticks, at most about `most`.
    pub(super) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        if !self.log {
            let most =
                if self.whole { most.min((self.high - self.low).ceil() as usize) } else { most };
            return linear_ticks(self.low, self.high, most);
        }
        let decades = self.high - self.low;
        if decades < 0.7 {
            let (low, high) = self.ends();
            return linear_ticks(low, high, most).into_iter().filter(|(v, _)| *v > 0.0).collect();
        }
        let stride = (decades / most as f64).ceil().max(1.0) as i32;
        let fine: &[f64] = if decades * 3.0 <= most as f64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let first = (self.low.floor() as i32).div_euclid(stride) * stride;
        // One way of writing for the whole axis.
        let plain = self.low >= -3.5 && self.high <= 4.9;
        let mut ticks = Vec::new();
        for e in (first..=self.high.floor() as i32).step_by(stride as usize) {
            ticks.extend(fine.iter().map(|m| (m * 10f64.powi(e), power_label(*m, e, plain))));
        }
        ticks.retain(|(v, _)| (self.low - 1e-9..=self.high + 1e-9).contains(&v.log10()));
        ticks
    }
}

/// Round numbers between two ends.
pub(super) fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let rough = (high - low) / most.max(1) as f64;
    if rough <= 0.0 || !rough.is_finite() {
        return Vec::new();
    }
    let unit = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * unit).find(|s| *s >= 0.999 * rough);
    let step = step.unwrap_or(10.0 * unit);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    (0..=(last - first).max(0.0) as usize)
        .map(|k| (first + k as f64) * step)
        .filter(|v| *v >= low - 1e-9 * step && *v <= high + 1e-9 * step)
        .map(|v| (v, number_label(v, step)))
        .collect()
}

/// A number with as many digits as its step needs.
fn number_label(value: f64, step: f64) -> String {
    let value = if value.abs() < 1e-9 * step { 0.0 } else { value };
    let largest = value.abs().max(step);
    if !(1e-4..1e6).contains(&largest) && value != 0.0 {
        let digits = (largest.log10().floor() - step.log10().floor()).max(0.0) as usize;
        return minus(&format!("{value:.digits$e}"));
    }
    let digits = (-(step * 1.0001).log10().floor()).max(0.0) as usize;
    minus(&format!("{value:.digits$}"))
}

fn minus(text: &str) -> String {
    text.strip_prefix('-').map_or_else(|| text.to_owned(), |rest| format!("−{rest}"))
}

/// m·10^e as people write it.
fn power_label(m: f64, e: i32, plain: bool) -> String {
    if plain || (e == 0 && m == 1.0) {
        let digits = usize::try_from(-e).unwrap_or(0);
        return format!("{:.digits$}", m * 10f64.powi(e));
    }
    let raised: String = e
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
        })
        .collect();
    if m == 1.0 { format!("10{raised}") } else { format!("{m}·10{raised}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, most: usize) -> Vec<String> {
        axis.ticks(most).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::around([0.0, 0.5, 1.0], false);
        assert_eq!(labels(axis, 6), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let axis = Axis::around([1e-8, 1.0], true);
        assert_eq!(labels(axis, 5), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "1"]);
        let axis = Axis::around([1.0, 2.0], false);
        assert_eq!(labels(axis, 8), ["1", "2"]);
        let axis = Axis::around([1.0, 8.0], false);
        assert_eq!(labels(axis, 8).len(), 8);
        let axis = Axis::around([0.02, 500.0], true);
        assert_eq!(labels(axis, 7), ["0.1", "1", "10", "100"]);
        let axis = Axis::around([-3e7, 4e7], false);
        assert!(labels(axis, 6).contains(&"−2e7".to_owned()), "{:?}", labels(axis, 6));
    }

    #[test]
    fn every_axis_has_a_width_and_a_tick() {
        for values in
            [vec![], vec![0.0], vec![5.0], vec![-1e300, 1e300], vec![1e-300], vec![3.0, 3.0]]
        {
            for log in [false, true] {
                let axis = Axis::around(values.iter().copied(), log);
                let (low, high) = axis.ends();
                assert!(low < high, "{values:?} {log}: {low} {high}");
                for (v, _) in axis.ticks(6) {
                    assert!((-1e-6..=1.0 + 1e-6).contains(&axis.place(v)), "{values:?} {log} {v}");
                }
            }
        }
        assert!(!Axis::around([1.0], true).takes(0.0));
    }
}
