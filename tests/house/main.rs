//! Evidence that the sources keep to the plan of the house: rooms without circles, files of one idea, and each
//! foreign thing (an adapter's interface, unsafe code, the names of flags) in the one place that it has.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod imports;
mod links;
mod modules;
mod rules;
mod source;
mod walls;
mod words;
