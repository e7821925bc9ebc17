//! Evidence that the program does what it says: each command as a user starts it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod change;
mod chunks;
mod command;
mod compare;
mod dispatches;
mod drivers;
mod edited;
mod estimate;
mod exports;
mod files;
mod folders;
mod formulas;
mod gate;
mod interrupt;
mod listing;
mod merge;
mod mistakes;
mod mixed;
mod otherwise;
mod precision;
mod prices;
mod profile;
mod roofline;
mod run;
mod scale;
mod shader;
mod streams;
mod subgroups;
mod suite;
mod timing;
mod told;
mod training;
mod tuned;
mod usage;
mod watch;
