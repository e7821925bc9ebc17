//! The embedded executor on any text that naga takes for WGSL: it runs it or refuses it, and never panics.
//! What it tries next is something that once led somewhere new, with a few of its tokens or bytes changed,
//! or a generated kernel. What it finds becomes a regression of `tests/executors/mutation.rs`.
//!
//! `mkdir -p fuzz/corpus/interpret`, and then, without the sanitizer, which safe code has little use for,
//! `cargo +nightly fuzz run -s none interpret fuzz/corpus/interpret shaders tests/fixtures -- -max_len=8192`
#![no_main]

use std::sync::Once;

use common::{generator, interpret, mutant};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

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

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = ChaCha8Rng::seed_from_u64(seed.into());
    let source = std::str::from_utf8(&data[..size]).ok().map(str::to_owned);
    let next = match (random.next_u32() % 8, source) {
        (0, _) => generator::kernel(random.next_u64()),
        (1..6, Some(source)) if !source.is_empty() => mutant::mutant(&source, &mut random),
        _ => return fuzzer_mutate(data, size, max_size),
    };
    // What is cut off somewhere is a mutant, too.
    let size = next.len().min(max_size);
    data[..size].copy_from_slice(&next.as_bytes()[..size]);
    size
});
