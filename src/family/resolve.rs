//! Whether the shape of a batch and a model go together, and what is doubtful where they do.

use super::{
    member::ModelConfig,
    shape::{AskedShape, BatchShape, Positions},
};
use crate::Error;

impl BatchShape {
    /// The shape asked for, and where nothing was asked the one for which the model's estimator was
    /// published.
    ///
    /// # Errors
    /// [`Error::Config`] where an extent is zero, the sequence is longer than the model's positions,
    /// or a product of extents overflows.
    pub fn resolve(asked: AskedShape, config: &ModelConfig) -> Result<Self, Error> {
        let [batch, seq] = config.usual_shape();
        let batch = asked.batch.unwrap_or(batch);
        let seq = asked.seq.unwrap_or(seq);
        Self::checked(batch, seq, config).map_err(Error::Config)
    }

    /// A shape, if the model can take it.
    ///
    /// # Errors
    /// Why it cannot, in words.
    pub(crate) fn checked(batch: u32, seq: u32, config: &ModelConfig) -> Result<Self, String> {
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
        config.check_batch(shape)?;
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
}
