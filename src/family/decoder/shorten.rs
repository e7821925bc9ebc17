//! A few layers in the place of many: as many as it takes until the last of them stands for all above it.

use super::config::{DecoderConfig, Mlp};
use crate::{Error, Remedy};

impl DecoderConfig {
    /// The same model without the layers that cost what the last that is left does.
    ///
    /// # Errors
    /// [`Error::Refused`] where layers go on to differ, or where the time that one takes depends on values.
    pub(super) fn shortest(&self) -> Result<Self, Error> {
        let refused = |problem: &str| {
            Err(Error::Refused { problem: problem.to_owned(), remedy: Remedy::EveryLayer })
        };
        if self.layers.iter().any(|layer| matches!(layer.mlp, Mlp::Experts(_))) {
            return refused(
                "experts take the tokens that values send them, so that one layer says nothing of the \
                 time of the next",
            );
        }
        let adapted = self.adapted();
        let adapters = |number: usize| {
            let of = adapted.iter().filter(move |adapted| adapted.layer == Some(number as u32));
            of.map(|adapted| (adapted.linear.name, adapted.rank)).collect::<Vec<_>>()
        };
        // The lowest layers have no use for the gradient by their input, up to the first adapter.
        let first = (0..self.layers.len()).find(|&number| !adapters(number).is_empty());
        let lowest = first.map_or(0, |first| first + 1);
        let alike =
            |a: usize, b: usize| self.layers[a] == self.layers[b] && adapters(a) == adapters(b);
        let last = self.layers.len() - 1;
        let same = (0..last).rev().take_while(|&number| alike(number, last)).last();
        let kept = same.unwrap_or(last).max(lowest.min(last)) + 1;
        if kept == self.layers.len() && kept > 2 {
            return refused("its layers differ up to the last, so that none stands for the others");
        }
        Ok(Self { layers: self.layers[..kept].to_vec(), ..self.clone() })
    }
}
