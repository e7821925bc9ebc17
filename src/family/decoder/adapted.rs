//! Which linear layers of a decoder carry an adapter, and what each of those is: names and patterns resolved.

use super::{
    Adapter, DecoderConfig, Linear, Targets,
    adapters::{ending, whole},
};

/// A linear layer with an adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// The name of its module.
    pub module: String,
    /// The layer that it is in, where it is in one.
    pub layer: Option<u32>,
    /// What it is.
    pub linear: Linear,
    /// The adapter beside it.
    pub adapter: Adapter,
}

impl DecoderConfig {
    /// Every linear layer that may carry an adapter, by name, and the layer that it is in.
    pub(super) fn modules(&self) -> impl Iterator<Item = (String, Option<u32>, Linear)> {
        let layers = (0..).zip(&self.layers).flat_map(|(number, &layer)| {
            let linears = Linear::of_layer(self, layer).into_iter().filter(Linear::is_module);
            linears.map(move |linear| (linear.module(number), Some(number), linear))
        });
        layers.chain([("lm_head".to_owned(), None, Linear::head(self))])
    }

    /// The linear layers that carry an adapter.
    pub fn adapted(&self) -> Vec<Adapted> {
        let Some(adapters) = &self.adapters else { return Vec::new() };
        let (ranks, alphas) = (by_name(&adapters.rank_pattern), by_name(&adapters.alpha_pattern));
        let pattern = match &adapters.targets {
            Targets::Pattern(pattern) => whole(pattern).ok(),
            Targets::Names(_) | Targets::AllLinear => None,
        };
        let has = |name: &str| match &pattern {
            Some(regex) => regex.is_match(name),
            None => adapters.targets.has(name),
        };
        self.modules()
            .filter(|(name, _, _)| has(name))
            .map(|(module, layer, linear)| {
                let rank = ranks(&module).unwrap_or(adapters.rank);
                let alpha = alphas(&module).unwrap_or(adapters.alpha);
                let r = f64::from(rank);
                let scale = alpha / if adapters.rslora { r.sqrt() } else { r };
                Adapted { module, layer, linear, adapter: Adapter { rank, scale } }
            })
            .collect()
    }

    /// P, the numbers in all adapters.
    pub fn adapter_parameters(&self) -> u128 {
        let each = self.adapted().into_iter();
        each.map(|Adapted { linear, adapter, .. }| {
            u128::from(adapter.rank) * (u128::from(linear.k) + u128::from(linear.n))
        })
        .sum()
    }
}

/// What the first of these patterns that a module's name matches asks for.
fn by_name<V: Copy>(patterns: &[(String, V)]) -> impl Fn(&str) -> Option<V> + use<V> {
    let compiled = patterns.iter().filter_map(|(key, value)| Some((ending(key).ok()?, *value)));
    let compiled: Vec<_> = compiled.collect();
    move |module| compiled.iter().find(|(key, _)| key.is_match(module)).map(|(_, value)| *value)
}
