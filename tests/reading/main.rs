//! Evidence that what is counted is what a shader states, whatever it is written in: what browsers write, what
//! naga's readers refuse, change or panic over, and on which lines the work is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod aggregates;
mod barriers;
mod browsers;
mod continued;
mod dropped;
mod glsl;
mod lines;
mod misread;
mod overrides;
mod panics;
mod run;
mod spirv;
mod words;
