//! Random programs: the counting one leaves the same results, and its counters say what the machine that executed
//! the original saw.

use std::collections::HashMap;

use flopmeter_core::{
    op::{Op, Scalar},
    spirv::{Counters, Means, SpirvKernel},
    table::BlockTable,
};
use proptest::prelude::*;
use rspirv::spirv;

use crate::{
    every_means,
    machine::{ADDRESSED, Run, run},
    program::program,
    tools::validate,
};

/// The counters that a run left, as a device would have left them.
pub fn counters(run: &Run, means: &Means, table: &BlockTable) -> Vec<u8> {
    let binding = match means.counters {
        Counters::Binding { binding, .. } => binding,
        Counters::Address(_) => ADDRESSED,
    };
    let mut bytes = vec![0; table.bytes() as usize];
    let width = if means.wide_atomics { 8 } else { 4 };
    for (&index, value) in run.buffers.get(&binding).into_iter().flatten() {
        let at = index as usize * width;
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    }
    bytes
}

/// What differs between what a counting module says and what the machine saw of the original.
fn difference(
    original: &Run,
    counted: &[u32],
    means: &Means,
    table: &BlockTable,
) -> Option<String> {
    let run = run(counted, GIVEN);
    if run.buffers[&0] != original.buffers[&0] {
        return Some("other results".into());
    }
    let executions = match table.decode(&counters(&run, means, table), 1) {
        Ok(executions) => executions,
        Err(error) => return Some(error.to_string()),
    };
    let (ops, dead) = (table.cost(&executions).ops, table.dead(&executions));
    let seen = |op: spirv::Op| original.executed.get(&(op as u32)).copied().unwrap_or(0);
    let quotients = seen(spirv::Op::FDiv);
    for (op, expected) in [
        ((Scalar::F32, Op::Add), seen(spirv::Op::FAdd)),
        ((Scalar::F32, Op::Mul), seen(spirv::Op::FMul)),
        ((Scalar::F32, Op::Div), quotients),
        ((Scalar::Int, Op::Add), seen(spirv::Op::IAdd)),
        ((Scalar::Int, Op::Mul), seen(spirv::Op::IMul)),
        ((Scalar::Int, Op::Compare), seen(spirv::Op::ULessThan)),
    ] {
        let counted = ops.get(op.0, op.1);
        if counted != expected {
            return Some(format!("{op:?}: {counted} counted, {expected} executed"));
        }
    }
    if dead.ops.iter().map(|(_, _, count)| count).sum::<u64>() != quotients
        || dead.ops.get(Scalar::F32, Op::Div) != quotients
    {
        return Some(format!("{dead:?} dead, not {quotients} quotients"));
    }
    None
}

const GIVEN: &[u64] = &[0x2545_f491];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn programs_compute_the_same_and_count_what_they_execute(
        choices in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let words = program(&choices);
        let original = run(&words, GIVEN);
        let kernel = SpirvKernel::read("random", &words, "main", &HashMap::new(), None).unwrap();
        for means in every_means() {
            let counted = kernel.counting(&means).unwrap();
            prop_assert_eq!(difference(&original, &counted, &means, kernel.table()), None);
        }
    }
}

/// Choices that make use of every form, and of each of their blocks.
fn choices(seed: u8) -> Vec<u8> {
    (0..90_u32)
        .map(|at| ((at * 37 + u32::from(seed) * 101).wrapping_mul(2_654_435_761) >> 9) as u8)
        .collect()
}

#[test]
fn programs_stay_valid() {
    for seed in 0..12 {
        let words = program(&choices(seed));
        validate(&words);
        let kernel = SpirvKernel::read("random", &words, "main", &HashMap::new(), None).unwrap();
        for means in every_means() {
            validate(&kernel.counting(&means).unwrap());
        }
    }
}

/// Stores of `1 + what was loaded there`, by the word at which each begins: increments of private counters.
fn increments(words: &[u32], original: &[u32]) -> Vec<usize> {
    let (mut stores, mut sum, mut at) = (Vec::new(), None, 5);
    while at < words.len() {
        let length = (words[at] >> 16) as usize;
        let is = |op: spirv::Op| words[at] as u16 == op as u16;
        if is(spirv::Op::IAdd) {
            sum = Some(words[at + 2]);
        }
        // Variables of the original have ids below its bound. What is no sum is a look at counters.
        let is_sum = is(spirv::Op::Store) && sum == Some(words[at + 2]);
        if is_sum && words[at + 1] >= original[3] {
            stores.push(at);
        }
        at += length;
    }
    stores
}

#[test]
fn a_lost_increment_is_seen() {
    let means = every_means()[0];
    let (mut lost, mut seen) = (0, 0);
    for seed in 0..12 {
        let words = program(&choices(seed));
        let original = run(&words, GIVEN);
        let kernel = SpirvKernel::read("random", &words, "main", &HashMap::new(), None).unwrap();
        let counted = kernel.counting(&means).unwrap();
        for at in increments(&counted, &words) {
            let mut spoiled = counted.clone();
            // Three words that do nothing.
            spoiled[at..at + 3].fill(1 << 16);
            let executed = |run: &Run| run.executed.get(&(spirv::Op::Store as u32)).copied();
            if executed(&run(&counted, GIVEN)) != executed(&run(&spoiled, GIVEN)) {
                lost += 1;
                let found = difference(&original, &spoiled, &means, kernel.table());
                seen += u32::from(found.is_some());
            }
        }
    }
    assert!(lost > 10, "{lost} increments");
    assert_eq!(seen, lost);
}
