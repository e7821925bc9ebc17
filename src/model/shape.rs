//! The shape of a batch: what the user asked for, what the model defaults to, and whether the two
//! go together.

use serde::Serialize;

use super::ModelConfig;
use crate::Error;

/// Sequences in a batch where nobody says otherwise: the published baseline's.
const DEFAULT_BATCH: u32 = 32;

/// What the user said about the shape of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedShape {
    /// `--batch`.
    pub batch: Option<u32>,
    /// `--seq`.
    pub seq: Option<u32>,
}

/// The shape of a batch that a model can take: B sequences of N tokens, T = B N in u32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BatchShape {
    batch: u32,
    seq: u32,
}

impl BatchShape {
    /// The shape asked for, and where nothing was asked 32 sequences as long as the model allows.
    ///
    /// # Errors
    /// [`Error::Config`] where an extent is zero, the sequence is longer than the model's positions,
    /// or a product of extents overflows.
    pub fn resolve(asked: AskedShape, config: &ModelConfig) -> Result<Self, Error> {
        let (_, positions) = config.positions();
        let batch = asked.batch.unwrap_or(DEFAULT_BATCH);
        let seq = asked.seq.unwrap_or(positions);
        Self::checked(batch, seq, config).map_err(Error::Config)
    }

    /// A shape, if the model can take it; otherwise why it cannot.
    pub(super) fn checked(batch: u32, seq: u32, config: &ModelConfig) -> Result<Self, String> {
        for (name, extent) in [("batch", batch), ("seq", seq)] {
            if extent == 0 {
                return Err(format!("{name} is 0; it must be at least 1"));
            }
        }
        let (field, positions) = config.positions();
        if seq > positions {
            return Err(format!(
                "seq = {seq} is more than {field} = {positions}, the positions that the model has: \
                 take a shorter seq, or a model with more positions (--set {field}={seq})"
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
        }
        Ok(shape)
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
