//! The shape of a batch, and what a user and a model say of it. Whether the two go together is found out
//! elsewhere.

use serde::Serialize;

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
    /// Sequences in a micro-batch: in the batch, where there is one.
    pub batch: Option<u32>,
    /// Tokens in a sequence.
    pub seq: Option<u32>,
    /// Micro-batches in a step; one, where nothing is said.
    pub accumulate: Option<u32>,
    /// The longest of the sequences that are packed into a row, where any are.
    pub longest: Option<u32>,
}

/// The shape of a batch that a model can take: B sequences of N tokens, T = B N in u32. Micro-batches of a step
/// are parts of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BatchShape {
    pub(super) batch: u32,
    pub(super) seq: u32,
}

impl BatchShape {
    /// B, sequences in the batch.
    pub const fn batch(self) -> u32 {
        self.batch
    }

    /// One of so many micro-batches, into which a step takes its batch apart.
    ///
    /// # Errors
    /// Why it cannot be taken apart so, in words.
    pub fn micro_batch(self, count: u32) -> Result<Self, String> {
        match self.batch.checked_div(count) {
            None => Err("accumulate is 0; a step has at least 1 micro-batch".to_owned()),
            Some(batch) if batch * count == self.batch => Ok(Self { batch, ..self }),
            Some(_) => Err(format!(
                "a batch of {} does not make {count} micro-batches of the same size: give a multiple of \
                 {count}",
                self.batch
            )),
        }
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
