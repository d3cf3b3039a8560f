//! The one generator of random numbers: everything here that draws takes its numbers from it.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// What simulations, bootstraps and studies draw from.
pub type Generator = ChaCha20Rng;

/// Purpose of the generators that draw clean samples.
pub(crate) const DATA: u64 = 0;
/// Purpose of the generators that place outliers: the clean part does not depend on them.
pub(crate) const OUTLIERS: u64 = 1;
/// Purpose of the generators behind a bootstrap.
pub(crate) const BOOTSTRAP: u64 = 2;
/// Purpose of the generators that deal samples into folds.
pub(crate) const FOLDS: u64 = 3;
/// Purpose of the generators that draw the starts of a search.
pub(crate) const STARTS: u64 = 4;

/// Generator number `stream` of the family with key (seed, group, purpose).
///
/// The 256-bit key of ChaCha20 is the four little-endian words seed, group, purpose, 0; the
/// 64-bit nonce is the stream. Generators that differ in any of the four are independent.
pub fn stream(seed: u64, group: u64, purpose: u64, stream: u64) -> Generator {
    let mut key = [0_u8; 32];
    for (slot, word) in key.chunks_exact_mut(8).zip([seed, group, purpose]) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    let mut rng = Generator::from_seed(key);
    rng.set_stream(stream);
    rng
}
