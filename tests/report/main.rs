//! Reports on fixed data, without a device: a lowered plan whose measurement is made up from its
//! closed forms, and then spoilt. Causes must add up whatever was measured, and every kind of
//! disagreement must be seen.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should fail")]

mod again;
mod beyond;
mod browser;
mod case;
mod causes;
mod edited;
mod forecasts;
mod formats;
mod judgement;
mod pictures;
mod profile;
mod ran;
mod saved;
mod specialised;
mod sums;
mod sweep;
mod terminal;
