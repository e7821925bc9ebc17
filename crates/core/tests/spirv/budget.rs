//! Adapters that end an invocation's loops: the module that looks whether their budget has lasted is valid, and says
//! nothing where it has.

use std::collections::HashMap;

use flopmeter_core::spirv::SpirvKernel;
use rspirv::{dr::load_words, spirv::Op};

use crate::{
    every_means,
    tools::{glslang, validate},
};

const LOOP: &str = "#version 450
    layout(local_size_x = 8) in;
    layout(binding = 0) buffer X { float x[]; };
    void main() {
        float sum = 0.0;
        for (uint i = 0; i < floatBitsToUint(x[1]); i++) sum += x[0];
        x[2 + gl_LocalInvocationID.x] = sum;
    }";

#[test]
fn looking_for_the_end_of_a_budget_is_valid() {
    for environment in ["vulkan1.1", "vulkan1.3"] {
        let Some(words) = glslang(LOOP, &["--target-env", environment]) else { return };
        let read = || SpirvKernel::read("loop", &words, "main", &HashMap::new(), None).unwrap();
        let (kernel, plain) = (read().within_budget(Some(65_535)), read());
        for means in every_means() {
            let looking = kernel.counting(&means).unwrap();
            validate(&looking);
            assert!(looking.len() > plain.counting(&means).unwrap().len());
        }
        assert!(kernel.table().bytes() >= plain.table().bytes());
    }
}

/// How many loops a module has.
fn loops(words: &[u32]) -> usize {
    let module = load_words(words).unwrap();
    module.all_inst_iter().filter(|its| its.class.opcode == Op::LoopMerge).count()
}

#[test]
fn many_counters_are_handed_over_in_a_loop_unless_it_would_take_of_a_budget() {
    let many = |branches: u32| {
        let branches = (0..branches).map(|n| format!("if (sum > {n}.0) sum *= 0.5;\n"));
        LOOP.replace("x[2 +", &format!("{} x[2 +", branches.collect::<String>()))
    };
    for (branches, more) in [(10, 0), (100, 1)] {
        let Some(words) = glslang(&many(branches), &["--target-env", "vulkan1.1"]) else { return };
        let read = || SpirvKernel::read("many", &words, "main", &HashMap::new(), None).unwrap();
        for means in every_means() {
            let counting = read().counting(&means).unwrap();
            validate(&counting);
            assert_eq!(loops(&counting), loops(&words) + more);
            // The loop that looks for the end of the budget is the only one.
            let looking = read().within_budget(Some(65_535)).counting(&means).unwrap();
            validate(&looking);
            assert_eq!(loops(&looking), loops(&words) + 1);
        }
    }
}
