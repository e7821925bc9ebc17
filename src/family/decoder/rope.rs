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
    /// YaRN: wavelengths of few turns by `factor`, those of many not at all, between them interpolated pair by pair.
    Yarn {
        /// By which, or by how much longer sequences may be than `original`, where a file states null.
        factor: Option<f64>,
        /// `original_max_position_embeddings`.
        original: u32,
        /// `beta_fast` and `beta_slow`: the turns within `original` from which on a wavelength stays, and up to which it is
        /// stretched.
        turns: [f64; 2],
        /// Whether the pairs between which factors are interpolated are whole numbers.
        truncate: bool,
        /// What turned elements are multiplied by, where a file states it.
        attention_factor: Option<f64>,
        /// `mscale` and `mscale_all_dim`, from which that follows where a file states both.
        mscale: Option<[f64; 2]>,
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
    /// longest sequence is `longest` tokens long, of a model for sequences of `positions`: theta^(-2j/width), stretched.
    pub fn angles(&self, width: u32, [longest, positions]: [u32; 2]) -> Vec<f64> {
        let angle = |pair: u32| {
            let plain = self.theta.powf(-2.0 * f64::from(pair) / f64::from(width));
            match &self.scaling {
                Scaling::Default => plain,
                Scaling::Linear { factor } => plain / factor,
                Scaling::LongRope { short, long, original, .. } => {
                    let factors = if longest > *original { long } else { short };
                    plain / factors[pair as usize]
                }
                &Scaling::Yarn { factor, original, turns, truncate, .. } => {
                    let factor = stretch(factor, positions, original);
                    let pairs = self.pairs_of(turns, f64::from(original), width, truncate);
                    let kept = 1.0 - ramp(pairs, f64::from(pair));
                    kept * plain + (1.0 - kept) * plain / factor
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
    pub fn magnitude(&self, positions: u32) -> f64 {
        match &self.scaling {
            Scaling::Default | Scaling::Linear { .. } | Scaling::Llama3 { .. } => 1.0,
            &Scaling::LongRope { original, factor, attention_factor, .. } => {
                let factor = stretch(factor, positions, original);
                let usual = || (1.0 + factor.ln() / f64::from(original).ln()).sqrt();
                attention_factor.unwrap_or_else(|| if factor > 1.0 { usual() } else { 1.0 })
            }
            &Scaling::Yarn { original, factor, attention_factor, mscale, .. } => {
                let factor = stretch(factor, positions, original);
                let usual = |by| if factor > 1.0 { 0.1 * by * factor.ln() + 1.0 } else { 1.0 };
                let follows =
                    || mscale.map_or_else(|| usual(1.0), |[m, all]| usual(m) / usual(all));
                attention_factor.unwrap_or_else(follows)
            }
        }
    }

    /// The pairs, in fractions of one, whose wavelengths turn so often within `original`, kept within those that there are.
    fn pairs_of(&self, turns: [f64; 2], original: f64, width: u32, truncate: bool) -> [f64; 2] {
        let width = f64::from(width);
        let pair =
            |turns: f64| width * (original / (turns * 2.0 * PI)).ln() / (2.0 * self.theta.ln());
        let [low, high] = turns.map(pair);
        let [low, high] = if truncate { [low.floor(), high.ceil()] } else { [low, high] };
        [low.max(0.0), high.min(width - 1.0)]
    }
}

/// By how much longer sequences may be than a model was trained for first, where a file does not state it.
fn stretch(stated: Option<f64>, positions: u32, original: u32) -> f64 {
    stated.unwrap_or(f64::from(positions) / f64::from(original))
}

/// How far a number is from `low` to `high`, from 0 to 1. Where those are the same, a thousandth lies between them.
fn ramp([low, high]: [f64; 2], at: f64) -> f64 {
    let span = if low == high { 0.001 } else { high - low };
    ((at - low) / span).clamp(0.0, 1.0)
}
