//! What it takes of a result to have a page, and the words that many pages share.

use super::{judged, section::Page};
use crate::{execute::Adapter, family::ModelConfig, result::Examined};

/// A result that says what it holds as a [`Page`].
pub trait Paged {
    /// What it says, for people. `every_layer` keeps layers of one shape apart that are otherwise summed.
    fn page(&self, every_layer: bool) -> Page;

    /// What it was judged by, and what speaks against that. Unless a result knows more of it, the answer of its page.
    fn judged(&self) -> Vec<Examined> {
        judged::of_page(&self.page(false))
    }
}

/// A model's configuration in one line.
pub(super) fn config_line(config: &ModelConfig) -> String {
    let config = serde_json::to_value(config).unwrap_or_default();
    let fields = config.as_object().into_iter().flatten();
    let fields =
        fields.map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"')));
    fields.collect::<Vec<_>>().join(", ")
}

/// An adapter in one line.
pub(super) fn adapter_line(adapter: &Adapter) -> String {
    let Adapter { name, backend, device_type, driver, limits: _ } = adapter;
    format!("{name} ({backend}, {device_type}; {driver})")
}

/// Passes that are named where many do not agree.
pub(super) const NAMED: usize = 5;
