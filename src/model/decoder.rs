//! Resolves the name of a decoder, for callers that support no other family.

use super::Model;
use crate::{Error, family::decoder::DecoderConfig};

impl Model {
    /// The decoder that it is.
    ///
    /// # Errors
    /// [`Error::Config`] where the model is of another family.
    pub fn decoder(&self) -> Result<&DecoderConfig, Error> {
        self.config.get().ok_or_else(|| {
            Error::Config(format!(
                "{} is no decoder: the published formulas are about decoders, and its own estimator has \
                 no other beside it",
                self.config.family().name
            ))
        })
    }
}

impl DecoderConfig {
    /// The decoder that `name` stands for, as [`Model::resolve`] has it.
    ///
    /// # Errors
    /// As there, and as [`Model::decoder`] has them.
    pub fn resolve<S: AsRef<str>>(name: &str, overrides: &[S]) -> Result<Self, Error> {
        Model::resolve(name, overrides)?.decoder().cloned()
    }
}
