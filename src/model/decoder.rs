//! Resolves the name of a decoder, for callers that support no other family.

use super::Model;
use crate::{Error, family::decoder::DecoderConfig};

impl DecoderConfig {
    /// The decoder that `name` stands for, as [`Model::resolve`] has it.
    ///
    /// # Errors
    /// As there, and [`Error::Config`] where the model is of another family.
    pub fn resolve<S: AsRef<str>>(name: &str, overrides: &[S]) -> Result<Self, Error> {
        let config = Model::resolve(name, overrides)?.config;
        config.get().cloned().ok_or_else(|| {
            Error::Config(format!(
                "{} is no decoder: the published formulas are about decoders, and its own estimator has \
                 no other beside it",
                config.family().name
            ))
        })
    }
}
