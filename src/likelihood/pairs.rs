//! Entries of a symmetric matrix, as the reduced rearrangement orders and scales them.

/// (i, j) for i < d and j ≤ i, row by row.
pub(super) fn lower_pairs(d: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..d).flat_map(|i| (0..=i).map(move |j| (i, j)))
}

/// c_ij.
pub(super) fn weight(i: usize, j: usize) -> f64 {
    if i == j { 1.0 } else { std::f64::consts::SQRT_2 }
}
