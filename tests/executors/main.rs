//! Evidence that executors keep their contract: what all of them promise, and what only the embedded one does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod clocked;
mod cooperative;
mod embedded;
mod executor;
mod fits;
mod leeways;
mod memory;
mod mutation;
mod races;
mod roofline;
mod textures;
mod timing;
mod together;
mod tuned;
mod wrapped;
