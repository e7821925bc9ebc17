//! Evidence that the layer counts what programs execute and that they do not notice: a small Vulkan program runs with
//! the layer and without it, leaves the same, and is counted as a formula says. A process of its own is needed for
//! that, since a loader looks for layers once: the tests start this executable again for it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod asks;
#[cfg(target_os = "linux")]
mod claims;
mod counts;
mod cut;
mod glsl;
mod graphics;
mod host;
mod lines;
mod many;
mod process;
mod rare;
mod rays;
mod recorder;
mod scenes;
