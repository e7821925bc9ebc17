//! Every formula for the FLOPs of a decoder's training that is in public use, exactly as published, held
//! against the exact count: value, ratio, and causes that add up to the difference. A row of a table is a
//! formula: who published it where, what it speaks of, when it applies, and what it charges for which part of
//! the decoder. Nothing is corrected here, and nothing runs.
//!
//! The sources were read or executed at the commit that is named; a repository's head may have moved since.

mod adapters;
mod bill;
mod case;
mod cause;
mod fault;
mod formula;
mod frameworks;
mod hub;
mod judge;
mod laboratories;
mod megatron;
mod papers;
mod profilers;
mod registry;
mod rules;

pub use bill::{Charges, What};
pub use case::Case;
pub use cause::FormulaCause;
pub use fault::{FAULTS, Fault};
pub use formula::{Checked, Covers, Formula, Source};
pub use judge::{FormulaRow, Judged, judge};
pub use registry::formulas;
