//! Does the maximum likelihood estimate exist, and is it unique? A count of samples answers.
//!
//! With t = p² + q² − npq and g = gcd(p, q), for almost all Gaussian samples with known mean:
//! t < 0: exists, unique. t = g²: exists, unique iff g = 1. t = 0: exists, not unique (p = q = 2
//! with n = 2 can go either way). Otherwise the likelihood has no maximum.
//!
//! # References
//! Drton, Kuriki & Hoff (2021), Annals of Statistics 49, 2721–2754; Derksen & Makam (2021),
//! SIAM J. Appl. Algebra Geometry 5, 338–379.

/// What the count of samples says about the maximum likelihood estimate of unstructured factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// It exists and is unique, for almost every sample.
    Unique,
    /// It exists, and a whole curve of factors attains it.
    NotUnique,
    /// It exists; the sample decides whether it is unique.
    Undecided,
    /// The likelihood has no maximum.
    None,
}

/// The verdict for n samples of p × q with known mean; a free mean costs one sample.
pub fn existence(n: usize, p: usize, q: usize) -> Existence {
    if n == 0 {
        return Existence::None;
    }
    if p == 1 && q == 1 {
        // One variance.
        return Existence::Unique;
    }
    if (n, p, q) == (2, 2, 2) {
        // Unique where X₁⁻¹X₂ has no real eigenvalue.
        return Existence::Undecided;
    }
    let (n, p, q) = (n as i128, p as i128, q as i128);
    let t = p * p + q * q - n * p * q;
    let g = gcd(p, q);
    if t < 0 || (t == g * g && g == 1) {
        Existence::Unique
    } else if t == 0 || t == g * g {
        Existence::NotUnique
    } else {
        Existence::None
    }
}

/// The smallest n with an estimate, known mean.
pub fn required_samples(p: usize, q: usize) -> usize {
    // p/q + q/p never exceeds p + q, so the search ends.
    (1..=p + q + 1).find(|&n| existence(n, p, q) != Existence::None).unwrap_or(p + q + 1)
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_have_the_closed_form() {
        for p in 1..40 {
            for q in 1..40 {
                let g = gcd(p as i128, q as i128) as usize;
                let (squares, pq) = (p * p + q * q, p * q);
                let from = if p == q {
                    1
                } else if (squares - g * g).is_multiple_of(pq) {
                    (squares - g * g) / pq
                } else {
                    squares.div_ceil(pq)
                };
                assert_eq!(required_samples(p, q), from, "p = {p}, q = {q}");
                // From there on it always exists.
                assert!((from..from + 5).all(|n| existence(n, p, q) != Existence::None));
            }
        }
    }

    #[test]
    fn named_cases() {
        assert_eq!(existence(2, 11, 10), Existence::Unique);
        assert_eq!(existence(2, 1, 1), Existence::Unique);
        assert_eq!(existence(2, 2, 2), Existence::Undecided);
        assert_eq!(existence(1, 5, 5), Existence::NotUnique);
        assert_eq!(existence(2, 3, 3), Existence::NotUnique);
        assert_eq!(existence(2, 6, 4), Existence::NotUnique);
        assert_eq!(existence(2, 40, 10), Existence::None);
    }
}
