//! Evidence that counts are right: kernels whose operations were counted by hand, kernels that nobody wrote,
//! and every check seen to fail.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod attempts;
mod counter_set;
mod differential;
mod instrument;
mod language;
mod own_program;
mod spoiled;
