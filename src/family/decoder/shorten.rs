//! A few layers in the place of many: as many as it takes until each of the others costs what one of them does.

use super::config::{DecoderConfig, Layer};
use crate::{Error, Remedy, family::Shortened};

/// What a layer's cost depends on.
#[derive(PartialEq)]
struct Kind {
    layer: Layer,
    /// Linear layers with an adapter, and its rank.
    adapters: Vec<(&'static str, u32)>,
    /// Whether the gradient by its input has a use.
    below: bool,
}

impl DecoderConfig {
    /// The same model without the layers above the first of each kind, and which of those left stands for each.
    ///
    /// # Errors
    /// [`Error::Refused`] where layers go on to differ.
    pub(super) fn shortest(&self) -> Result<Shortened, Error> {
        let kinds = self.kinds_of_layers();
        let first = |number: usize| kinds.iter().position(|kind| *kind == kinds[number]);
        let firsts = (0..kinds.len()).filter_map(first);
        let kept = firsts.max().map_or(0, |last| last + 1);
        if kept == kinds.len() && kept > 2 {
            return Err(Error::Refused {
                problem: "its layers differ up to the last, so that none stands for the others"
                    .to_owned(),
                remedy: Remedy::EveryLayer,
            });
        }
        let stands_in = |number: usize| match number < kept {
            true => number,
            false => {
                kinds[..kept].iter().rposition(|kind| *kind == kinds[number]).unwrap_or(number)
            }
        };
        let config = Self { layers: self.layers[..kept].to_vec(), ..self.clone() };
        let stand_ins = (0..kinds.len()).map(|number| stands_in(number) as u32).collect();
        Ok(Shortened { config: config.into(), stand_ins })
    }

    fn kinds_of_layers(&self) -> Vec<Kind> {
        let mut below = self.adapters.is_none();
        let mut adapted = self.adapted().into_iter().peekable();
        let kind = |(number, &layer): (u32, &Layer)| {
            let mut adapters = Vec::new();
            while let Some(one) = adapted.next_if(|adapted| adapted.layer == Some(number)) {
                adapters.push((one.linear.name, one.rank));
            }
            let above = below || !adapters.is_empty();
            let kind = Kind { layer, adapters, below };
            below = above;
            kind
        };
        (0..).zip(&self.layers).map(kind).collect()
    }
}
