//! Kernels gone wrong: our own shaders, the fixtures and generated kernels with a few tokens dropped, doubled
//! or exchanged. What naga still takes, the embedded executor runs or refuses, and never panics. The fuzz
//! target in `fuzz/` does the same without an end; `FLOPMETER_MUTANTS=N` runs N mutants of each source.
#![allow(clippy::print_stdout, reason = "whoever reads the log must see how many kernels ran")]

use std::panic::catch_unwind;

use common::{generator, interpret::interpret, mutant::mutant};
use flopmeter::library;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Mutants of each source that run always.
const MUTANTS: u64 = 40;

const FIXTURES: [&str; 4] = [
    include_str!("../fixtures/collatz.wgsl"),
    include_str!("../fixtures/control.wgsl"),
    include_str!("../fixtures/crowded.wgsl"),
    include_str!("../fixtures/scaled_product.wgsl"),
];

/// What once made the executor panic, or worse.
const REGRESSIONS: [&str; 0] = [];

#[test]
fn no_kernel_that_naga_takes_makes_the_executor_panic() {
    let generated: Vec<String> = (0..10).map(generator::kernel).collect();
    let own = library::sources();
    let own = own.iter().map(|(_, source)| source.text());
    let sources: Vec<&str> =
        own.chain(FIXTURES).chain(generated.iter().map(String::as_str)).collect();
    let mutants = std::env::var("FLOPMETER_MUTANTS").map_or(MUTANTS, |n| n.parse().unwrap());
    let mut ran = 0;
    for (number, source) in (0..).zip(&sources) {
        assert!(interpret(source) > 0, "as it is it must run: {source}");
        let mut random = ChaCha8Rng::seed_from_u64(number);
        for _ in 0..mutants {
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
    println!("{ran} of {} mutants ran", sources.len() as u64 * mutants);
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
    refused(main("x = w[x];", "1", huge), "400000000 bytes of workgroup memory");
}
