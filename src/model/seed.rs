//! Reproducible randomness. Everything that is drawn has a name, and each name its own stream of the
//! seed, so that no value depends on the order in which things are drawn. Only integer arithmetic
//! and exact float arithmetic come between the stream and a value: a seed means the same bits on
//! every platform, which no mathematics library promises of its logarithm.

use std::hash::Hasher as _;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::blocks::Fill;

/// The stream that belongs to `name` under `seed`.
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        // Its values are the same on every platform and in every version, as those of std's hashers are not.
        let mut hasher = fnv::FnvHasher::default();
        hasher.write(name.as_bytes());
        rng.set_stream(hasher.finish());
        Self(rng)
    }

    /// A whole number below `bound`, each as likely as the next to within 2^-32.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A parameter's value before training.
    pub(super) fn value(&mut self, fill: Fill) -> f32 {
        match fill {
            Fill::Constant(value) => value,
            Fill::Uniform(bound) => bound * self.symmetric(),
            Fill::Normal => self.normal(),
        }
    }

    /// Uniform in [-1, 1), in steps of 2^-23.
    fn symmetric(&mut self) -> f32 {
        const HALF: f32 = (1 << 23) as f32;
        (self.0.next_u32() >> 8) as f32 / HALF - 1.0
    }

    /// Nearly normal: twelve uniform 16-bit numbers have variance 2^32 - 1 together, and their sum's
    /// distribution is nowhere more than 0.003 from the normal one.
    fn normal(&mut self) -> f32 {
        const MEAN: f32 = 6.0 * 65_535.0;
        let mut sum = 0;
        for _ in 0..6 {
            let word = self.0.next_u32();
            sum += (word & 0xFFFF) + (word >> 16);
        }
        (sum as f32 - MEAN) / 65_536.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, name: &str, fill: Fill, count: usize) -> Vec<f32> {
        let mut stream = Stream::new(seed, name);
        (0..count).map(|_| stream.value(fill)).collect()
    }

    #[test]
    fn seed_and_name_decide_every_value() {
        let values = draw(7, "a", Fill::Normal, 8);
        assert_eq!(values, draw(7, "a", Fill::Normal, 8));
        assert_ne!(values, draw(8, "a", Fill::Normal, 8));
        assert_ne!(values, draw(7, "b", Fill::Normal, 8));
        assert_eq!(draw(7, "a", Fill::Constant(1.0), 2), [1.0, 1.0]);
    }

    #[test]
    fn distributions_are_what_they_are_called() {
        let moments = |values: &[f32]| {
            let n = values.len() as f64;
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
            let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
            (mean, variance)
        };
        let (mean, variance) = moments(&draw(0, "normal", Fill::Normal, 100_000));
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        let uniform = draw(0, "uniform", Fill::Uniform(0.5), 100_000);
        assert!(uniform.iter().all(|v| (-0.5..0.5).contains(v)));
        let (mean, variance) = moments(&uniform);
        assert!(mean.abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.002, "{mean} {variance}");

        let mut stream = Stream::new(0, "tokens");
        let mut seen = [0_u32; 5];
        (0..10_000).for_each(|_| seen[stream.below(5) as usize] += 1);
        assert!(seen.iter().all(|count| (1_800..2_200).contains(count)), "{seen:?}");
    }

    /// A change of generator would change every default profile's numbers without a word.
    #[test]
    fn the_streams_are_pinned() {
        let mut stream = Stream::new(0, "tokens");
        let tokens: Vec<u32> = (0..6).map(|_| stream.below(30_000)).collect();
        assert_eq!(tokens, [24520, 14522, 16443, 23789, 4, 26632]);
    }
}
