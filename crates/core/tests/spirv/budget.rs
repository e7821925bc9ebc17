//! Adapters that end an invocation's loops: the module that looks whether their budget has lasted is valid, and says
//! nothing where it has.

use std::collections::HashMap;

use flopmeter_core::spirv::SpirvKernel;

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
