//! A fingerprint of a sample's numbers, so that a saved fit knows what it was fitted to.

use super::Sample;
use ndarray::ArrayView3;

/// Independent chains: the multiplications of one do not wait for those of another.
const CHAINS: usize = 8;
/// Odd multipliers of SplitMix64 (Steele, Lea & Flood 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

impl Sample {
    /// A 64-bit hash of shape and values, the same on every machine, as 16 hexadecimal digits.
    /// Names do not matter. It tells samples apart; it does not protect against forgery.
    pub fn content_hash(&self) -> String {
        format!("{:016x}", hash(self.values()))
    }
}

fn hash(values: ArrayView3<'_, f64>) -> u64 {
    let (n, p, q) = values.dim();
    let mut chains = [0_u64; CHAINS];
    for (k, chain) in chains.iter_mut().enumerate() {
        *chain = STEP.wrapping_mul(k as u64 + 1);
    }
    let mut take = |block: &[f64]| {
        for (chain, x) in chains.iter_mut().zip(block) {
            *chain = (chain.rotate_left(29) ^ x.to_bits()).wrapping_mul(MIX[0]);
        }
    };
    match values.as_slice() {
        Some(all) => all.chunks(CHAINS).for_each(&mut take),
        None => {
            let all: Vec<f64> = values.iter().copied().collect();
            all.chunks(CHAINS).for_each(&mut take);
        }
    }
    [n as u64, p as u64, q as u64].into_iter().chain(chains).fold(0, |sum, x| mixed(sum ^ x))
}

/// SplitMix64's last step.
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(STEP);
    let x = (x ^ (x >> 30)).wrapping_mul(MIX[0]);
    let x = (x ^ (x >> 27)).wrapping_mul(MIX[1]);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use std::collections::HashSet;

    #[test]
    fn every_cell_and_the_shape_count() {
        let base = Array3::from_shape_fn((5, 3, 2), |(i, j, k)| (i * 7 + j * 3 + k) as f64);
        let hash = |x: &Array3<f64>| Sample::new(x.clone()).unwrap().content_hash();
        let mut seen = HashSet::from([hash(&base)]);
        for i in 0..base.len() {
            let mut changed = base.clone();
            changed.as_slice_mut().unwrap()[i] += 1e-12;
            assert!(seen.insert(hash(&changed)), "{i}");
        }
        for i in 1..base.len() {
            let mut swapped = base.clone();
            swapped.as_slice_mut().unwrap().swap(0, i);
            assert!(seen.insert(hash(&swapped)), "{i}");
        }
        assert!(seen.insert(hash(&base.clone().into_shape_with_order((5, 2, 3)).unwrap())));
        // Memory order is not content.
        let other = base.view().permuted_axes([2, 1, 0]).as_standard_layout().into_owned();
        assert_eq!(hash(&other.permuted_axes([2, 1, 0])), hash(&base));
    }
}
