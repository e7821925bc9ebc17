//! Whether the shape of a batch and a model go together, and what is doubtful where they do.

use super::{
    member::ModelConfig,
    packing::Packing,
    shape::{AskedShape, BatchShape, Positions},
};
use crate::Error;

impl BatchShape {
    /// The shape asked for, and where nothing was asked the one for which the model's estimator was
    /// published.
    ///
    /// # Errors
    /// [`Error::Config`] where an extent is zero, a sequence is longer than the model's positions,
    /// or a product of extents overflows.
    pub fn resolve(asked: AskedShape, config: &ModelConfig) -> Result<Self, Error> {
        let [batch, seq] = config.usual_shape();
        let batch = asked.batch.unwrap_or(batch);
        let seq = asked.seq.unwrap_or(seq);
        let count = asked.accumulate.unwrap_or(1);
        let all = batch.checked_mul(count).ok_or_else(|| {
            Error::Config(format!(
                "batch = {batch} in each of {count} micro-batches are more than {} sequences: lower one \
                 of the two",
                u32::MAX
            ))
        })?;
        let longest = asked.longest.unwrap_or(seq);
        Self::checked(all, seq, count, longest, config).map_err(Error::Config)
    }

    /// The shape of a batch that is taken apart into so many micro-batches, and whose longest sequence has so many tokens, if
    /// there is such a one.
    ///
    /// # Errors
    /// Why it cannot, in words.
    pub(crate) fn checked(
        batch: u32,
        seq: u32,
        micro_batches: u32,
        longest: u32,
        config: &ModelConfig,
    ) -> Result<Self, String> {
        for (name, extent) in [("accumulate", micro_batches), ("batch", batch), ("seq", seq)] {
            if extent == 0 {
                return Err(format!("{name} is 0; it must be at least 1"));
            }
        }
        let Positions { field, count, learned } = config.positions();
        if learned && longest > count {
            let what = Self { batch, seq }.what(longest);
            return Err(format!(
                "{what} = {longest} is more than {field} = {count}, the positions that the model has: \
                 take a shorter one, or set {field}={longest} for a model with as many"
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
        shape.micro_batch(micro_batches)?;
        Ok(shape)
    }

    /// Whether kernels can index every tensor of such a micro-batch. Closed forms ask for no such thing.
    ///
    /// # Errors
    /// [`Error::Config`] naming the tensor that is too large.
    pub(crate) fn check_run(self, micro_batches: u32, config: &ModelConfig) -> Result<(), Error> {
        let micro_batch = self.micro_batch(micro_batches).map_err(Error::Config)?;
        config.check_batch(micro_batch).map_err(Error::Config)
    }

    /// Whether the sequences that are packed into its rows fill them, in a model that keeps them apart.
    ///
    /// # Errors
    /// [`Error::Config`] where they do not.
    pub(crate) fn check_packed(self, packed: Packing, config: &ModelConfig) -> Result<(), Error> {
        if !packed.is_none() && !config.packs() {
            return Err(Error::Config(format!(
                "sequences of {packed} are packed, but {} has nothing that would keep them apart: pack none",
                config.family().name
            )));
        }
        packed.check(self.seq).map_err(Error::Config)
    }

    /// What is doubtful about this shape, whose longest sequence has so many tokens, or all of a row: if anything.
    pub fn warning(self, config: &ModelConfig, longest: Option<u32>) -> Option<String> {
        let Positions { field, count, .. } = config.positions();
        let longest = longest.unwrap_or(self.seq);
        (longest > count).then(|| {
            format!(
                "{} = {longest} is more than {field} = {count}, what the model was trained for: counts hold, \
                 but its output means little",
                self.what(longest)
            )
        })
    }

    /// What a sequence of so many tokens is called in messages.
    fn what(self, longest: u32) -> &'static str {
        if longest == self.seq { "seq" } else { "the longest of the packed sequences" }
    }
}
