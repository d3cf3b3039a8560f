//! First and second divided differences of scalar functions, accurate for equal, nearly equal and
//! distant arguments.
//!
//! ```text
//! f[a,b]   = (f(a) − f(b))/(a − b),        f[a,a]   = f′(a)
//! f[a,b,c] = (f[a,b] − f[b,c])/(a − c),    f[a,a,a] = f″(a)/2
//! ```
//!
//! The quotients lose every digit as the arguments meet, and switching to f′ below some gap only
//! moves the loss: both errors are about √ε at the best threshold. The forms here never subtract
//! nearly equal numbers. All functions are symmetric in their arguments.

/// eˣ at (a, b): e^M (1 − e^{−d})/d with M the larger argument and d the gap.
pub fn exp1(a: f64, b: f64) -> f64 {
    let (lo, hi) = sort2(a, b);
    let gap = hi - lo;
    hi.exp() * if gap == 0.0 { 1.0 } else { -(-gap).exp_m1() / gap }
}

/// 1/(k + 2)!, k = 0..20: what is left out is below 1e-19 of the sum at a spread of 1.
const INVERSE_FACTORIALS: [f64; 20] = inverse_factorials();

const fn inverse_factorials() -> [f64; 20] {
    let mut out = [0.0; 20];
    let (mut k, mut factorial) = (0, 1.0);
    while k < 20 {
        // 21! is below 2⁶⁶ and has a factor 2¹⁸: every factorial here is exact.
        factorial *= (k + 2) as f64;
        out[k] = 1.0 / factorial;
        k += 1;
    }
    out
}

/// Whether the quotient of first differences is accurate for eˣ on [lo, hi].
pub(super) fn exp_quotient(lo: f64, hi: f64) -> bool {
    hi - lo > 1.0
}

/// Whether the quotient of first differences is accurate for ln x on [lo, hi].
pub(super) fn ln_quotient(lo: f64, hi: f64) -> bool {
    (hi - lo) / hi > 0.5
}

/// eˣ at (a, b, c): the quotient of [`exp1`] beyond a spread of 1, below it the series
/// e^{lo} Σ_k h_k(mi − lo, hi − lo)/(k + 2)!, all of whose terms are positive.
pub fn exp2(a: f64, b: f64, c: f64) -> f64 {
    let (lo, mid, hi) = sort3(a, b, c);
    if exp_quotient(lo, hi) {
        return (exp1(hi, mid) - exp1(mid, lo)) / (hi - lo);
    }
    let (x, y) = (mid - lo, hi - lo);
    let (mut h, mut power, mut sum) = (1.0, 1.0, 0.0);
    for coefficient in INVERSE_FACTORIALS {
        let term = coefficient * h;
        sum += term;
        if term <= 1e-18 * sum {
            break;
        }
        power *= y;
        h = x * h + power;
    }
    lo.exp() * sum
}

/// ln x at (a, b), positive arguments: log1p(d/m)/d with m the smaller argument.
pub fn ln1(a: f64, b: f64) -> f64 {
    let (lo, hi) = sort2(a, b);
    let gap = hi - lo;
    if gap == 0.0 { 1.0 / lo } else { log_ratio(lo, hi) / gap }
}

/// ln x at (a, b, c): series about the largest argument when the smallest is at least half of
/// it, the quotient otherwise.
pub fn ln2(a: f64, b: f64, c: f64) -> f64 {
    let (lo, mid, hi) = sort3(a, b, c);
    let (u, v) = ((hi - mid) / hi, (hi - lo) / hi);
    if ln_quotient(lo, hi) {
        return (ln1(hi, mid) - ln1(mid, lo)) / (hi - lo);
    }
    -homogeneous_series(u, v, |k| 1.0 / (k as f64 + 2.0)) / hi / hi
}

/// √x at (a, b), positive arguments: 1/(√a + √b).
pub fn sqrt1(a: f64, b: f64) -> f64 {
    1.0 / (a.sqrt() + b.sqrt())
}

/// √x at (a, b, c): −1/((√a + √b)(√b + √c)(√c + √a)).
pub fn sqrt2(a: f64, b: f64, c: f64) -> f64 {
    let (a, b, c) = (a.sqrt(), b.sqrt(), c.sqrt());
    -1.0 / (a + b) / (b + c) / (c + a)
}

/// 1/x at (a, b), arguments that are not 0: −1/(ab).
pub fn inverse1(a: f64, b: f64) -> f64 {
    -1.0 / a / b
}

/// 1/x at (a, b, c): 1/(abc).
pub fn inverse2(a: f64, b: f64, c: f64) -> f64 {
    1.0 / a / b / c
}

/// x^α at (a, b). Positive arguments, or any when α is an integer from 0 to 64.
pub fn power1(exponent: f64, a: f64, b: f64) -> f64 {
    let (lo, hi) = sort2(a, b);
    if let Some(k) = polynomial(exponent, lo) {
        return if k == 0 { 0.0 } else { homogeneous2(k - 1, lo, hi) };
    }
    let gap = hi - lo;
    if exponent == 0.5 {
        sqrt1(lo, hi)
    } else if exponent == -0.5 {
        let (a, b) = (lo.sqrt(), hi.sqrt());
        -1.0 / a / b / (a + b)
    } else if exponent == -1.0 {
        inverse1(lo, hi)
    } else if gap == 0.0 {
        exponent * lo.powf(exponent - 1.0)
    } else if exponent > 0.0 {
        hi.powf(exponent) * -(-exponent * log_ratio(lo, hi)).exp_m1() / gap
    } else {
        -lo.powf(exponent) * -(exponent * log_ratio(lo, hi)).exp_m1() / gap
    }
}

/// x^α at (a, b, c). Positive arguments, or any when α is an integer from 0 to 64.
pub fn power2(exponent: f64, a: f64, b: f64, c: f64) -> f64 {
    let (lo, mid, hi) = sort3(a, b, c);
    if let Some(k) = polynomial(exponent, lo) {
        return if k < 2 { 0.0 } else { homogeneous3(k - 2, lo, mid, hi) };
    }
    if exponent == 0.5 {
        return sqrt2(lo, mid, hi);
    } else if exponent == -0.5 {
        let (a, b, c) = (lo.sqrt(), mid.sqrt(), hi.sqrt());
        return (a + b + c) / a / b / c / (a + b) / (b + c) / (c + a);
    } else if exponent == -1.0 {
        return inverse2(lo, mid, hi);
    }
    power2_general(exponent, lo, mid, hi)
}

fn power2_general(exponent: f64, lo: f64, mid: f64, hi: f64) -> f64 {
    let (u, v) = ((hi - mid) / hi, (hi - lo) / hi);
    if v * exponent.abs().max(2.0) <= 1.0 {
        // Coefficients of (1 − u)^α from the second on.
        let mut coefficient = -exponent;
        let series = homogeneous_series(u, v, |k| {
            coefficient *= (k as f64 + 1.0 - exponent) / (k as f64 + 2.0);
            coefficient
        });
        return series * hi.powf(exponent - 2.0);
    }
    if (exponent - 1.0).abs() < 0.5 {
        // Leibniz for x · x^{α−1}: near α = 1 the quotient below would cancel.
        let rest = exponent - 1.0;
        return lo * power2_general(rest, lo, mid, hi) + power1(rest, mid, hi);
    }
    (power1(exponent, hi, mid) - power1(exponent, mid, lo)) / (hi - lo)
}

/// The exponent as a small integer where the polynomial form is wanted: always up to 3, and for
/// arguments that are not positive.
fn polynomial(exponent: f64, smallest: f64) -> Option<u32> {
    let small = (0.0..=64.0).contains(&exponent) && exponent.fract() == 0.0;
    (small && (exponent <= 3.0 || smallest <= 0.0)).then_some(exponent as u32)
}

/// h_k(a, b) = Σ_i a^i b^{k−i}, the divided difference of x^{k+1}.
fn homogeneous2(k: u32, a: f64, b: f64) -> f64 {
    let (mut sum, mut power) = (1.0, 1.0);
    for _ in 0..k {
        power *= b;
        sum = a * sum + power;
    }
    sum
}

fn homogeneous3(k: u32, a: f64, b: f64, c: f64) -> f64 {
    let (mut three, mut two, mut power) = (1.0, 1.0, 1.0);
    for _ in 0..k {
        power *= c;
        two = b * two + power;
        three = a * three + two;
    }
    three
}

/// Σ_k c_k h_k(x, y) for 0 ≤ x ≤ y, until the terms no longer count.
fn homogeneous_series(x: f64, y: f64, mut coefficient: impl FnMut(usize) -> f64) -> f64 {
    let (mut h, mut power, mut sum) = (1.0, 1.0, 0.0);
    for k in 0..400 {
        let term = coefficient(k) * h;
        sum += term;
        if term.abs() <= 1e-18 * f64::abs(sum) {
            break;
        }
        power *= y;
        h = x * h + power;
    }
    sum
}

/// ln(hi/lo) for 0 < lo ≤ hi.
fn log_ratio(lo: f64, hi: f64) -> f64 {
    let ratio = (hi - lo) / lo;
    if ratio.is_finite() { ratio.ln_1p() } else { hi.ln() - lo.ln() }
}

pub(super) fn sort2(a: f64, b: f64) -> (f64, f64) {
    if a <= b { (a, b) } else { (b, a) }
}

pub(super) fn sort3(a: f64, b: f64, c: f64) -> (f64, f64, f64) {
    let (a, b) = sort2(a, b);
    let (b, c) = sort2(b, c);
    let (a, b) = sort2(a, b);
    (a, b, c)
}
