//! Rotary positions: the base, how far wavelengths are stretched, and the angles that follow.

use std::f64::consts::PI;

/// The wavelengths of rotary positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// The base.
    pub theta: f64,
    /// How wavelengths are stretched.
    pub scaling: Scaling,
}

/// How the wavelengths of rotary positions are stretched.
#[derive(Clone, Copy, Debug, PartialEq)]
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
}

impl Rope {
    /// By which angle a position turns each pair of a head's elements: theta^(-2j/d), stretched.
    pub fn angles(&self, width: u32) -> Vec<f64> {
        let angle = |pair: u32| {
            let plain = self.theta.powf(-2.0 * f64::from(pair) / f64::from(width));
            match self.scaling {
                Scaling::Default => plain,
                Scaling::Linear { factor } => plain / factor,
                Scaling::Llama3 { factor, low, high, original } => {
                    let turns = f64::from(original) * plain / (2.0 * PI);
                    let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                    kept * plain + (1.0 - kept) * plain / factor
                }
            }
        };
        (0..width / 2).map(angle).collect()
    }
}
