//! What a result says, before it is decided how that looks: titled sections of facts, tables with typed
//! cells, and figures as data. Each kind of result has a file here that makes its page, and every format
//! renders pages, so that no column is listed twice. Knows no format.

mod adapters;
mod agreement;
mod answer;
mod bars;
mod beyond;
mod causes;
mod cell;
mod change;
mod compare;
mod components;
mod estimate;
mod forecast;
mod formulas;
mod growth;
mod judged;
mod kernel_check;
mod kernel_suite;
mod lines;
mod listing;
pub(crate) mod number;
mod operations;
mod paged;
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
mod tone;
pub mod trial;
mod unchecked;
mod watched;

pub use cell::Cell;
pub use paged::{JudgedPart, Paged};
pub use plot::{
    Bar, Curve, Figure, Mark, OwnRoof, Plot, Ratio, Rise, Stretch, TimeBar, Track, Unit,
};
pub use roofline::roofline;
pub use section::{Content, Fact, Page, Section, Shown};
pub use table::{Column, Idle, Narrow, Row, Table};
pub use tone::Tone;

#[cfg(feature = "cli")]
pub(crate) use judged::holding;

use cell::marked;
use paged::{
    NAMED, about, adapter_line, config_line, estimator_line, exact_line, field, how_line, not_run,
    priced, scope_line, tokens_line, uncharged,
};
