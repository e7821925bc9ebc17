//! What a result says, before it is decided how that looks: titled sections of facts, tables with typed
//! cells, and figures as data. Each kind of result has a file here that makes its page, and every format
//! renders pages, so that no column is listed twice. Knows no format.

mod adapters;
mod agreement;
mod beyond;
mod causes;
mod cell;
mod compare;
mod components;
mod estimate;
mod forecast;
mod formulas;
mod growth;
pub(crate) mod number;
mod pictures;
mod plot;
mod profile;
mod provenance;
mod roofline;
mod run;
mod scale;
mod section;
mod shader;
mod table;
pub mod trial;
mod watched;

pub use cell::Cell;
pub use plot::{Bar, Figure, Line, Plot, Point, Slice, Step, Track};
pub use roofline::roofline;
pub use section::{Content, Fact, Page, Section, Tone};
pub use table::{Column, Row, Table};

use crate::{execute::Adapter, model::ModelConfig};
use cell::marked;

/// A result that says what it holds as a [`Page`].
pub trait Paged {
    /// What it says, for people. `every_layer` keeps layers of one shape apart that are otherwise summed.
    fn page(&self, every_layer: bool) -> Page;
}

/// A model's configuration in one line.
fn config_line(config: &ModelConfig) -> String {
    let config = serde_json::to_value(config).unwrap_or_default();
    let fields = config.as_object().into_iter().flatten();
    let fields =
        fields.map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"')));
    fields.collect::<Vec<_>>().join(", ")
}

/// An adapter in one line.
fn adapter_line(adapter: &Adapter) -> String {
    let Adapter { name, backend, device_type, driver, limits: _ } = adapter;
    format!("{name} ({backend}, {device_type}; {driver})")
}

/// Passes that are named where many do not agree.
const NAMED: usize = 5;
