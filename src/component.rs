//! Where in a training step something stands, as values: its phase, and its component, which is a layer, if it is in one,
//! and a path in there. The dotted text that reports show and files hold is made and read here alone.

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which third of a training step a pass belongs to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// From tokens to loss.
    Forward,
    /// From loss to gradients.
    Backward,
    /// From gradients to updated parameters.
    Optimizer,
}

impl Phase {
    /// The three phases in the order they run.
    pub const ALL: [Self; 3] = [Self::Forward, Self::Backward, Self::Optimizer];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Optimizer => "optimizer",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part of a path.
type Part = Cow<'static, str>;

/// The place of a pass, a parameter or a term of an estimator in a model: `layer_3.moe.experts` in text.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(from = "String", into = "String")]
pub struct ComponentName {
    /// The layer's number, of what is in one.
    pub layer: Option<u32>,
    /// The parts of the path within the layer or the model, outermost first.
    pub path: Vec<Part>,
}

/// How a layer begins in text.
const LAYER: &str = "layer_";

impl ComponentName {
    /// A component outside of layers.
    pub fn new(path: &[&'static str]) -> Self {
        Self { layer: None, path: path.iter().map(|&part| part.into()).collect() }
    }

    /// A component of a layer, or with an empty path the layer.
    pub fn of_layer(layer: u32, path: &[&'static str]) -> Self {
        Self { layer: Some(layer), ..Self::new(path) }
    }

    /// A part of this component.
    #[must_use]
    pub fn part(&self, parts: &[&'static str]) -> Self {
        let path = self.path.iter().cloned().chain(parts.iter().map(|&part| part.into()));
        Self { path: path.collect(), ..*self }
    }

    /// The component that contains this one and whose path has so many parts at most.
    #[must_use]
    pub fn outer(&self, parts: usize) -> Self {
        Self { layer: self.layer, path: self.path.iter().take(parts).cloned().collect() }
    }

    /// The same component of whatever layer.
    #[must_use]
    pub fn in_any_layer(&self) -> Self {
        Self { layer: None, path: self.path.clone() }
    }

    /// The estimator's component that contains this one: the layer, or the first part of the path.
    #[must_use]
    pub fn outermost(&self) -> Self {
        self.outer(usize::from(self.layer.is_none()))
    }

    /// The parts of the path.
    pub fn parts(&self) -> Vec<&str> {
        self.path.iter().map(|part| &**part).collect()
    }

    /// The text with `layers` in the place of the layer's number, where there is one.
    pub fn with_layers(&self, layers: &str) -> String {
        let layer = self.layer.map(|_| format!("{LAYER}{layers}"));
        let parts = layer.iter().map(String::as_str).chain(self.path.iter().map(|part| &**part));
        parts.collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.layer.map(|layer| layer.to_string());
        f.write_str(&self.with_layers(number.as_deref().unwrap_or_default()))
    }
}

impl From<String> for ComponentName {
    fn from(text: String) -> Self {
        let mut parts = text.split('.').peekable();
        let layer = parts.peek().and_then(|part| part.strip_prefix(LAYER)?.parse().ok());
        if layer.is_some() {
            parts.next();
        }
        Self { layer, path: parts.map(|part| part.to_owned().into()).collect() }
    }
}

impl From<&str> for ComponentName {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<ComponentName> for String {
    fn from(component: ComponentName) -> Self {
        component.to_string()
    }
}

impl PartialEq<str> for ComponentName {
    fn eq(&self, text: &str) -> bool {
        let named = Self::from(text);
        *self == named
    }
}

impl PartialEq<&str> for ComponentName {
    fn eq(&self, text: &&str) -> bool {
        self == *text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back_as_it_was_written() {
        let experts = ComponentName::of_layer(12, &["moe", "experts"]);
        assert_eq!(experts, "layer_12.moe.experts");
        assert_eq!(experts.outermost(), "layer_12");
        assert_eq!(experts.part(&["hidden"]).outer(1), "layer_12.moe");
        assert_eq!(experts.with_layers("*"), "layer_*.moe.experts");
        let loss = ComponentName::new(&["loss", "mean"]);
        assert_eq!(
            (loss.outermost(), loss.with_layers("*").as_str()),
            ("loss".into(), "loss.mean")
        );
        for component in [experts, loss, "layer_x.y".into(), "layer_1".into()] {
            assert_eq!(ComponentName::from(component.to_string()), component);
        }
    }
}
