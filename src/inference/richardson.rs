//! Derivatives by extrapolated central differences, where no exact formula is at hand.

use crate::Result;
use ndarray::Array1;

/// f'(0) of a vector-valued f from steps h, h/2, h/4: the error is of order h⁶.
pub(super) fn slope(h: f64, mut f: impl FnMut(f64) -> Result<Array1<f64>>) -> Result<Array1<f64>> {
    let mut central = |h: f64| -> Result<Array1<f64>> { Ok((f(h)? - f(-h)?) / (2.0 * h)) };
    let (a, b, c) = (central(h)?, central(0.5 * h)?, central(0.25 * h)?);
    let fine = (&c * 4.0 - &b) / 3.0;
    let coarse = (&b * 4.0 - &a) / 3.0;
    Ok((fine * 16.0 - coarse) / 15.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_is_exact_for_a_quintic_and_close_for_the_exponential() {
        let quintic = slope(0.5, |t| Ok(Array1::from_elem(1, t.powi(5) + 3.0 * t))).unwrap();
        assert!((quintic[0] - 3.0).abs() < 1e-13);
        let exp = slope(0.05, |t| Ok(Array1::from_elem(1, t.exp()))).unwrap();
        assert!((exp[0] - 1.0).abs() < 1e-12);
    }
}
