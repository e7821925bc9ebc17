//! The shape of a batch: what the user asked for, what the model defaults to, and whether the two
//! go together.

use serde::Serialize;

use super::ModelConfig;
use crate::Error;

/// How many positions a model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    /// The field of its configuration that says so.
    pub field: &'static str,
    /// How many.
    pub count: u32,
    /// Whether it has learned each, so that a longer sequence has nothing to look up; otherwise it is
    /// only what the model was trained for.
    pub learned: bool,
}

/// What the user said about the shape of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedShape {
    /// Sequences in the batch.
    pub batch: Option<u32>,
    /// Tokens in a sequence.
    pub seq: Option<u32>,
}

/// The shape of a batch that a model can take: B sequences of N tokens, T = B N in u32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BatchShape {
    batch: u32,
    seq: u32,
}

impl BatchShape {
    /// The shape asked for, and where nothing was asked the one for which the model's estimator was
    /// published.
    ///
    /// # Errors
    /// [`Error::Config`] where an extent is zero, the sequence is longer than the model's positions,
    /// or a product of extents overflows.
    pub fn resolve(asked: AskedShape, config: &ModelConfig) -> Result<Self, Error> {
        let positions = config.positions().count;
        let (batch, seq) = match config {
            ModelConfig::ResNetBk(_) => (32, positions),
            ModelConfig::Qwen2(_) => (1, positions.min(512)),
        };
        let batch = asked.batch.unwrap_or(batch);
        let seq = asked.seq.unwrap_or(seq);
        Self::checked(batch, seq, config).map_err(Error::Config)
    }

    /// A shape, if the model can take it; otherwise why it cannot.
    pub(super) fn checked(batch: u32, seq: u32, config: &ModelConfig) -> Result<Self, String> {
        for (name, extent) in [("batch", batch), ("seq", seq)] {
            if extent == 0 {
                return Err(format!("{name} is 0; it must be at least 1"));
            }
        }
        let Positions { field, count, learned } = config.positions();
        if learned && seq > count {
            return Err(format!(
                "seq = {seq} is more than {field} = {count}, the positions that the model has: \
                 take a shorter seq, or a model with more positions ({field}={seq})"
            ));
        }
        if batch.checked_mul(seq).is_none() {
            return Err(format!(
                "batch = {batch} x seq = {seq} are {} tokens, more than {}: lower batch or seq",
                u64::from(batch) * u64::from(seq),
                u32::MAX
            ));
        }
        let shape = Self { batch, seq };
        match config {
            ModelConfig::ResNetBk(config) => config.check_batch(shape)?,
            ModelConfig::Qwen2(config) => config.check_batch(shape)?,
        }
        Ok(shape)
    }

    /// What is doubtful about this shape, if anything.
    pub fn warning(self, config: &ModelConfig) -> Option<String> {
        let Positions { field, count, .. } = config.positions();
        (self.seq > count).then(|| {
            format!(
                "seq = {} is more than {field} = {count}, what the model was trained for: counts hold, \
                 but its output means little",
                self.seq
            )
        })
    }

    /// B, sequences in the batch.
    pub const fn batch(self) -> u32 {
        self.batch
    }

    /// N, tokens in a sequence.
    pub const fn seq(self) -> u32 {
        self.seq
    }

    /// T = B N, tokens in the batch.
    pub const fn tokens(self) -> u32 {
        self.batch * self.seq
    }
}
