//! The embedded executor on any text that naga takes for WGSL: it runs it or refuses it, and never panics.
//!
//! `cargo +nightly fuzz run interpret fuzz/corpus/interpret shaders tests/fixtures -- -max_len=8192`
#![no_main]

#[path = "../../tests/mutation/interpret.rs"]
mod interpret;

use std::sync::Once;

use libfuzzer_sys::fuzz_target;

static NAGA_MAY_PANIC: Once = Once::new();

fuzz_target!(|source: &str| {
    // The fuzzer ends at any panic, but one within naga, which is caught, is none of ours.
    NAGA_MAY_PANIC.call_once(|| {
        let end = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let within_naga = info.location().is_some_and(|at| at.file().contains("/naga-"));
            if !within_naga {
                end(info);
            }
        }));
    });
    interpret::interpret(source);
});
