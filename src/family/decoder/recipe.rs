//! What a step is given and how it trains: the tokens, by sequences, and the choices that are not the model's own.

use crate::{Error, family::Training, operation::Optimizer, term::overflow};

/// The tokens of a step: B rows, each of which holds one sequence or several, packed one behind the other,
/// that do not attend to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// B.
    pub batch: u32,
    /// The lengths of the sequences in a row; one, S, where nothing is packed.
    pub lengths: Vec<u32>,
}

impl Tokens {
    /// B sequences of S tokens.
    pub fn new(batch: u32, seq: u32) -> Self {
        Self { batch, lengths: vec![seq] }
    }

    /// B rows of S tokens, of one sequence each or of those that `training` packs.
    pub fn of([batch, seq]: [u32; 2], training: Training) -> Self {
        match training.packed.is_none() {
            true => Self::new(batch, seq),
            false => Self { batch, lengths: training.packed.lengths().to_vec() },
        }
    }

    /// S, tokens in a row.
    pub fn seq(&self) -> u128 {
        self.lengths.iter().map(|&length| u128::from(length)).sum()
    }

    /// Whether a row holds several sequences.
    pub(super) fn is_packed(&self) -> bool {
        self.lengths.len() > 1
    }

    /// T and B S^2 as factors of an estimate, which has 64 bits.
    pub(super) fn factors(&self) -> Result<[u64; 2], Error> {
        let narrow = |what, count| u64::try_from(count).map_err(|_| overflow(what));
        Ok([narrow("T, the tokens", self.count())?, narrow("B S^2", self.square())?])
    }

    /// T.
    pub fn count(&self) -> u128 {
        u128::from(self.batch) * self.seq()
    }

    /// The sum of the squares of all sequences' lengths; B S^2 where nothing is packed.
    pub fn square(&self) -> u128 {
        self.square_within(None)
    }

    /// Pairs of a query and any of the keys that `window` holds, or that its sequence has where these are fewer, met or
    /// not.
    pub fn square_within(&self, window: Option<u32>) -> u128 {
        let pairs = self.lengths.iter().map(|&length| {
            let keys = window.map_or(length, |window| window.min(length));
            u128::from(length) * u128::from(keys)
        });
        u128::from(self.batch) * pairs.sum::<u128>()
    }

    /// Pairs of a query and a key that it meets: those up to itself, at most `window`.
    pub fn pairs(&self, window: Option<u32>) -> u128 {
        let pairs = |length: u32| {
            let s = u128::from(length);
            let w = window.map_or(s, |window| u128::from(window).min(s));
            w * s - w * (w - 1) / 2
        };
        let in_row: u128 = self.lengths.iter().filter(|&&n| n > 0).map(|&n| pairs(n)).sum();
        u128::from(self.batch) * in_row
    }
}

/// How a decoder is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How parameters follow their gradients.
    pub optimizer: Optimizer,
    /// Whether the forward pass of each layer runs again in the backward pass. With adapters, as peft has
    /// it, the embedding's output then requires a gradient.
    pub recompute: bool,
    /// How many micro-batches there are, whose gradients are summed before the update.
    pub micro_batches: u32,
    /// With adapters: whether the gradient by the embedding's output is computed although nothing trained
    /// stands in front of the first adapter.
    pub input_gradients: bool,
}

impl Recipe {
    /// The recipe of a training step.
    pub fn of(training: Training) -> Self {
        let Training { scope: _, optimizer, accumulate, recompute, packed: _, options: _ } =
            training;
        Self {
            optimizer,
            recompute: !recompute.is_none(),
            micro_batches: accumulate,
            input_gradients: false,
        }
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self::of(Training::default())
    }
}
