//! Numbers for what happens beside the law: who is contaminated, and with which sign.

use rand::Rng;

/// Random decisions from a generator, with fixed algorithms.
pub(super) struct Noise<'a>(pub(super) &'a mut dyn Rng);

impl Noise<'_> {
    /// Uniform on [0, 1) with 53 bits.
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    pub(super) fn sign(&mut self) -> f64 {
        if self.0.next_u64() >> 63 == 0 { 1.0 } else { -1.0 }
    }
}
