//! Kernels gone wrong: our own shaders, the fixtures and generated kernels with a few tokens dropped, doubled
//! or exchanged. What naga still takes, the embedded executor runs or refuses, and never panics. The fuzz
//! target in `fuzz/` does the same without an end.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "whoever reads the log must see how many kernels ran")]

#[path = "differential/generator.rs"]
#[allow(dead_code, reason = "what its kernels bind is of no interest here")]
mod generator;
#[path = "mutation/interpret.rs"]
mod interpret;

use std::panic::catch_unwind;

use flopmeter::kernel::SOURCES;
use interpret::interpret;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutants of each source.
const MUTANTS: u64 = 40;

const FIXTURES: [&str; 4] = [
    include_str!("fixtures/collatz.wgsl"),
    include_str!("fixtures/control.wgsl"),
    include_str!("fixtures/crowded.wgsl"),
    include_str!("fixtures/scaled_product.wgsl"),
];

/// What once made the executor panic, or worse.
const REGRESSIONS: [&str; 0] = [];

/// Names and numbers whole, spaces with what follows them, and else a character at a time.
fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let blank = rest.len() - rest.trim_start().len();
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = rest[blank..].find(|c| !word(c)).unwrap_or(rest.len() - blank);
        let first = rest[blank..].chars().next().map_or(0, char::len_utf8);
        let (token, after) = rest.split_at(blank + length.max(first));
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// Numbers that are the edge of something.
const NUMBERS: [&str; 12] = [
    " 0",
    " 1",
    " 2",
    " 3",
    " 31u",
    " 33u",
    " -1",
    " 65536",
    " 2147483647",
    " 4294967295u",
    " 0.0",
    " 1e38",
];

fn mutant(source: &str, random: &mut ChaCha8Rng) -> String {
    let mut tokens = tokens(source);
    let mut roll = |sides: usize| random.next_u32() as usize % sides.max(1);
    for _ in 0..roll(3) + 1 {
        let (here, there) = (roll(tokens.len()), roll(tokens.len()));
        match roll(6) {
            0 => drop(tokens.remove(here)),
            1 => tokens.insert(here, tokens[here]),
            2 => tokens.swap(here, there),
            3 => tokens[here] = tokens[there],
            // Numbers are where the executor's arithmetic on sizes and indices begins.
            _ => {
                let is_number = |t: &&str| t.trim_start().starts_with(|c: char| c.is_ascii_digit());
                let places: Vec<usize> =
                    (0..tokens.len()).filter(|&i| is_number(&tokens[i])).collect();
                if let Some(&place) = places.get(roll(places.len())) {
                    tokens[place] = NUMBERS[roll(NUMBERS.len())];
                }
            }
        }
        if tokens.is_empty() {
            break;
        }
    }
    tokens.concat()
}

#[test]
fn no_kernel_that_naga_takes_makes_the_executor_panic() {
    let generated: Vec<String> = (0..10).map(generator::kernel).collect();
    let own = SOURCES.iter().map(|(_, source)| *source);
    let sources: Vec<&str> =
        own.chain(FIXTURES).chain(generated.iter().map(String::as_str)).collect();
    let mut ran = 0;
    for (number, source) in (0..).zip(&sources) {
        assert!(interpret(source) > 0, "as it is it must run: {source}");
        let mut random = ChaCha8Rng::seed_from_u64(number);
        for _ in 0..MUTANTS {
            let mutant = mutant(source, &mut random);
            match catch_unwind(|| interpret(&mutant)) {
                Ok(entries) => ran += usize::from(entries > 0),
                Err(panic) => {
                    println!("{mutant}");
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    println!("{ran} of {} mutants ran", sources.len() as u64 * MUTANTS);
    // Not all of them are refused before they reach the executor.
    assert!(ran > 100, "{ran}");
}

#[test]
fn what_once_made_it_panic_is_run_or_refused() {
    for source in REGRESSIONS {
        interpret(source);
    }
}

/// Functions that call two others, and blocks within blocks, grow past every bound.
#[test]
fn what_grows_without_bound_is_refused() {
    let mut calls = String::from("fn f0() {}\n");
    let mut nested = String::from("fn g0() {}\n");
    for i in 1..40 {
        calls += &format!("fn f{i}() {{ f{0}(); f{0}(); }}\n", i - 1);
        let (open, close) = ("if x > 0u { ".repeat(20), "}".repeat(20));
        nested += &format!("fn g{i}() {{ {open} g{}(); {close} }}\n", i - 1);
    }
    let main = |call: &str, size: &str, variable: &str| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> x: u32;\n{calls}{nested}{variable}
@compute @workgroup_size({size}) fn main() {{ {call} }}"
        )
    };
    let refused = |source: String, says: &str| {
        let kernel =
            flopmeter::kernel::KernelModule::from_wgsl("k", &source, "main", &Default::default());
        let mut cpu = flopmeter::execute::cpu::Cpu::new(32).unwrap();
        let error = flopmeter::execute::Executor::compile(&mut cpu, &kernel.unwrap()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(main("f39();", "1", ""), "written out at every call");
    refused(main("g39();", "1", ""), "blocks within each other");
    refused(main("x = 1u;", "64, 64, 64", ""), "262144 invocations");
    let huge = "var<workgroup> w: array<u32, 100000000>;";
    refused(main("x = w[x];", "1", huge), "more than 256 MiB");
}
