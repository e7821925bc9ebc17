//! Evidence that a rewritten SPIR-V module computes what the original computes and counts what it executes: random
//! programs on a machine of its own, modules by hand, and what compilers write; all of them valid where a
//! `spirv-val` is there to say so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod budget;
mod combined;
mod every;
mod hand;
mod interface;
mod machine;
mod matrices;
mod misread;
mod nesting;
mod overflow;
mod program;
mod random;
mod switches;
mod tools;
mod unreachable;
mod written;

use flopmeter_core::spirv::{Counters, Means};

/// Every way to count, with the counters bound behind the kernel's buffers.
fn every_means() -> Vec<Means> {
    let counters = [Counters::Binding { set: 1, binding: 7 }, Counters::Address(0x7_0000_0040)];
    let flags = [(false, false), (false, true), (true, false), (true, true)];
    let means = |counters| {
        flags.map(|(wide_atomics, subgroups)| Means { counters, wide_atomics, subgroups })
    };
    counters.into_iter().flat_map(means).collect()
}
