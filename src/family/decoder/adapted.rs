//! Which linear layers of a decoder carry an adapter, and what each of those is: names and patterns resolved.

use regex_lite::Regex;
use serde_json::Value;

use super::{
    adapters::{Adapters, Targets, ending, ends_in, names_in, whole},
    config::DecoderConfig,
    held,
    linear::LinearLayer,
    names::last_name,
    stored,
};
use crate::family::nearest;

/// A linear layer with an adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// The name of its module.
    pub module: String,
    /// The layer that it is in, where it is in one.
    pub layer: Option<u32>,
    /// What it is.
    pub linear: LinearLayer,
    /// r, the adapter's rank.
    pub rank: u32,
    /// What the output of the adapter's B is multiplied by.
    pub scale: f64,
}

impl DecoderConfig {
    /// Every linear layer that may carry an adapter, by name, and the layer that it is in.
    pub(super) fn modules(&self) -> impl Iterator<Item = (String, Option<u32>, LinearLayer)> {
        let layers = (0..).zip(&self.layers).flat_map(|(number, &layer)| {
            let modules =
                LinearLayer::modules_of(self, layer).into_iter().filter(LinearLayer::is_module);
            modules.map(move |linear| (linear.module(number), Some(number), linear))
        });
        layers.chain([("lm_head".to_owned(), None, LinearLayer::head(self))])
    }

    /// Every name by which targets and patterns may mean a module.
    fn names_of(&self, module: &str) -> Vec<String> {
        stored::names_of(self.architecture, module)
    }

    /// Whether every name and pattern of these adapters is about a linear layer of this decoder.
    ///
    /// # Errors
    /// Which is not, and which names there are.
    pub(super) fn check_targets(&self, adapters: &Adapters) -> Result<(), String> {
        let modules: Vec<String> = self.modules().map(|(name, _, _)| name).collect();
        let known = || {
            let mut names: Vec<&str> = modules.iter().map(|name| last_name(name)).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let targeted: Vec<Vec<String>> = modules
            .iter()
            .map(|module| self.names_of(module))
            .filter(|names| names.iter().any(|name| adapters.targets.has(name)))
            .collect();
        let unmatched = match &adapters.targets {
            Targets::Names(names) => names.iter().find(|name| {
                let is_one = |module: &String| ends_in(module, name);
                !targeted.iter().flatten().any(is_one)
                    && (targeted.is_empty() || !held::is_beside(self.architecture, name))
            }),
            Targets::Pattern(pattern) => {
                whole(pattern)?;
                targeted.is_empty().then_some(pattern)
            }
            Targets::AllLinear => None,
        };
        if let Some(name) = unmatched {
            let last = last_name(name);
            let near = || nearest(last, known().into_iter().chain([Targets::ALL_LINEAR]));
            let meant = self.architecture.names().otherwise(last).or_else(near);
            let meant = meant.filter(|meant| *meant != last);
            let meant =
                meant.map_or_else(String::new, |meant| format!("; did you mean '{meant}'?"));
            if let (Targets::Pattern(pattern), Some(first)) = (&adapters.targets, modules.first()) {
                return Err(format!(
                    "the regular expression '{pattern}' of the adapters' targets matches no linear layer of this {}: \
                     it has to match whole names, such as '{first}'{}",
                    self.architecture.model_type(),
                    self.way_out_of(pattern)
                ));
            }
            if let Some(module) = self.fused_module(name) {
                return Err(format!(
                    "the adapters' targets name '{name}', which is some rows of '{module}' in {}: name that instead",
                    self.architecture.model_type()
                ));
            }
            let experts = match self.architecture.has_experts() {
                true => "; routed experts and their router are fused and carry none",
                false => "",
            };
            return Err(format!(
                "the adapters' targets name '{name}', but no linear layer of this {} is called that{meant} \
                 (there are: {}{experts})",
                self.architecture.model_type(),
                known().join(", ")
            ));
        }
        let ranks = adapters.rank_pattern.iter().map(|(key, _)| ("rank_pattern", key));
        let alphas = adapters.alpha_pattern.iter().map(|(key, _)| ("alpha_pattern", key));
        for (field, key) in ranks.chain(alphas) {
            let regex = ending(key)?;
            if !targeted.iter().flatten().any(|name| regex.is_match(name)) {
                let rows = self.fused_module(key).map_or_else(String::new, |module| {
                    format!("; '{key}' is some rows of '{module}'")
                });
                return Err(format!(
                    "{field} has '{key}', which matches no adapter: the targets are {}{rows}",
                    adapters.targets
                ));
            }
        }
        Ok(())
    }

    /// What to write in the place of an expression that matches the ends of names alone, where it does.
    fn way_out_of(&self, pattern: &str) -> String {
        let mut modules = self.modules().flat_map(|(name, _, _)| self.names_of(&name));
        let names = names_in(pattern);
        let inner = names.as_ref().map_or_else(|| pattern.to_owned(), |names| names.join("|"));
        if !ending(&inner).is_ok_and(|regex| modules.any(|name| regex.is_match(&name))) {
            return String::new();
        }
        let inner = if inner.contains('|') { format!("({inner})") } else { inner };
        let list = names.map_or_else(String::new, |names| {
            format!("list the names, as in {}, or ", Value::from(names))
        });
        format!("; {list}write '.*[.]{inner}'")
    }

    /// The last name of the module that the linear layer of this name is fused in, where it is.
    fn fused_module(&self, name: &str) -> Option<&'static str> {
        let linears = (0..).zip(&self.layers).flat_map(|(number, &layer)| {
            let linears = LinearLayer::of_layer(self, layer).into_iter();
            linears
                .map(move |linear| (format!("{}.{number}.{}", linear.layers, linear.name), linear))
        });
        let mut fused = linears.filter_map(|(path, linear)| Some((path, linear.fused?)));
        let (_, module) = fused.find(|(path, _)| ends_in(path, name))?;
        Some(last_name(module))
    }

    /// The linear layers that carry an adapter.
    pub fn adapted(&self) -> Vec<Adapted> {
        let Some(adapters) = &self.adapters else { return Vec::new() };
        let (ranks, alphas) = (by_name(&adapters.rank_pattern), by_name(&adapters.alpha_pattern));
        let pattern = match &adapters.targets {
            Targets::Pattern(pattern) => whole(pattern).ok(),
            Targets::Names(_) | Targets::AllLinear => None,
        };
        let has = |name: &String| match &pattern {
            Some(regex) => regex.is_match(name),
            None => adapters.targets.has(name),
        };
        self.modules()
            .map(|(module, layer, linear)| (self.names_of(&module), module, layer, linear))
            .filter(|(names, ..)| names.iter().any(has))
            .map(|(names, module, layer, linear)| {
                let rank = ranks(&names).unwrap_or(adapters.rank);
                let alpha = alphas(&names).unwrap_or(adapters.alpha);
                let r = f64::from(rank);
                let scale = alpha / if adapters.rslora { r.sqrt() } else { r };
                Adapted { module, layer, linear, rank, scale }
            })
            .collect()
    }

    /// What of it is trained, in words. Where the targets of its adapters are not the names of what carries one, those are
    /// told, too.
    pub fn trains(&self) -> String {
        let Some(adapters) = &self.adapters else {
            return "all parameters".to_owned();
        };
        let adapted = self.adapted();
        let mut names: Vec<&str> = Vec::new();
        for name in adapted.iter().map(|its| last_name(&its.module)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let is_told =
            |targets: &[String]| targets.iter().all(|name| names.contains(&name.as_str()));
        let told = match &adapters.targets {
            Targets::Names(targets) if is_told(targets) => String::new(),
            Targets::Names(_) | Targets::Pattern(_) | Targets::AllLinear => {
                let layers = if adapted.len() == 1 { "layer" } else { "layers" };
                format!(" ({}: {} linear {layers})", names.join(", "), adapted.len())
            }
        };
        format!("adapters of {adapters}{told}")
    }

    /// P, the numbers in all adapters.
    pub fn adapter_parameters(&self) -> u128 {
        let each = self.adapted().into_iter();
        each.map(|Adapted { linear, rank, .. }| {
            u128::from(rank) * (u128::from(linear.k) + u128::from(linear.n))
        })
        .sum()
    }
}

/// What the first of these patterns that one of a module's names matches asks for.
fn by_name<V: Copy>(patterns: &[(String, V)]) -> impl Fn(&[String]) -> Option<V> + use<V> {
    let compiled = patterns.iter().filter_map(|(key, value)| Some((ending(key).ok()?, *value)));
    let compiled: Vec<_> = compiled.collect();
    move |names| {
        let meant = |key: &Regex| names.iter().any(|name| key.is_match(name));
        compiled.iter().find(|(key, _)| meant(key)).map(|(_, value)| *value)
    }
}
