//! Rotary positions: the base, how far wavelengths are stretched, and the angles that follow.

use std::f64::consts::PI;

/// The wavelengths of rotary positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// The base.
    pub theta: f64,
    /// How wavelengths are stretched.
    pub scaling: Scaling,
}

/// How the wavelengths of rotary positions are stretched.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// Not at all.
    Default,
    /// All by the same factor.
    Linear {
        /// By which.
        factor: f64,
    },
    /// Llama 3: wavelengths longer than `original` / `low` by `factor`, shorter than `original` / `high` not
    /// at all, between them interpolated.
    Llama3 {
        /// By which.
        factor: f64,
        /// `low_freq_factor`.
        low: f64,
        /// `high_freq_factor`.
        high: f64,
        /// `original_max_position_embeddings`.
        original: u32,
    },
    /// Each by a factor of its own, which depends on how long sequences are.
    LongRope {
        /// `short_factor`, of sequences up to `original`.
        short: Vec<f64>,
        /// `long_factor`, of longer ones.
        long: Vec<f64>,
        /// `original_max_position_embeddings`.
        original: u32,
        /// How much longer than `original` sequences may be, where a file states it.
        factor: Option<f64>,
        /// What turned elements are multiplied by, where a file states it.
        attention_factor: Option<f64>,
    },
}

impl Rope {
    /// By which angle a position turns each pair of the `width` elements of a head that are turned, in a batch whose
    /// longest sequence is this long: theta^(-2j/width), stretched.
    pub fn angles(&self, width: u32, longest: u32) -> Vec<f64> {
        let angle = |pair: u32| {
            let plain = self.theta.powf(-2.0 * f64::from(pair) / f64::from(width));
            match &self.scaling {
                Scaling::Default => plain,
                Scaling::Linear { factor } => plain / factor,
                Scaling::LongRope { short, long, original, .. } => {
                    let factors = if longest > *original { long } else { short };
                    plain / factors[pair as usize]
                }
                &Scaling::Llama3 { factor, low, high, original } => {
                    let turns = f64::from(original) * plain / (2.0 * PI);
                    let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                    kept * plain + (1.0 - kept) * plain / factor
                }
            }
        };
        (0..width / 2).map(angle).collect()
    }

    /// What turned elements are multiplied by in a model for sequences of so many tokens.
    pub fn magnitude(&self, max_position_embeddings: u32) -> f64 {
        let Scaling::LongRope { original, factor, attention_factor, .. } = &self.scaling else {
            return 1.0;
        };
        let original = f64::from(*original);
        let factor = factor.unwrap_or(f64::from(max_position_embeddings) / original);
        let usual = || if factor > 1.0 { (1.0 + factor.ln() / original.ln()).sqrt() } else { 1.0 };
        attention_factor.unwrap_or_else(usual)
    }
}
