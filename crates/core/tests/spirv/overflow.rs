//! Private counters that come near 2^32. To count that far takes long, so these begin near it.

use std::collections::HashMap;

use flopmeter_core::{Error, spirv::SpirvKernel};
use rspirv::{
    binary::Assemble,
    dr::{Instruction, Operand, load_words},
    spirv::{Op, StorageClass},
};

use crate::{
    every_means,
    machine::run,
    random::counters,
    tools::{glslang, validate},
};

/// Thirty products, which `BODY` says how to come by.
const SOURCE: &str = "#version 450
    layout(local_size_x = 1) in;
    layout(binding = 0) buffer X { uint x[]; };
    float sum = 1.0;
    void one() { if (x[0] != 0) sum = sum * 0.5; }
    void ten() { for (uint j = 0; j < 10; j++) sum = sum * 0.5; }
    void main() { BODY x[1] = x[0]; }";

/// Ten after ten after ten: in a loop, in a function, in calls of a function, and one after the other.
const NESTED: [&str; 4] = [
    "for (uint i = 0; i < 3; i++) for (uint j = 0; j < 10; j++) sum = sum * 0.5;",
    "for (uint i = 0; i < 3; i++) ten();",
    "for (uint i = 0; i < 3; i++) for (uint j = 0; j < 2; j++) { one(); one(); one(); one(); one(); }",
    "ten(); ten(); ten();",
];

const ALONE: &str = "for (uint i = 0; i < 30; i++) sum = sum * 0.5;";

/// A counting module whose private counters begin at `start`. The last of its variables is no counter where
/// `has_overflow` says so.
fn late(counting: &[u32], original: &[u32], has_overflow: bool, start: u32) -> Vec<u32> {
    let mut module = load_words(counting).unwrap();
    let constant = module.header.as_ref().unwrap().bound;
    module.header.as_mut().unwrap().bound += 1;
    let globals = &mut module.types_global_values;
    let is_own = |its: &Instruction| {
        its.class.opcode == Op::Variable
            && its.operands[0] == Operand::StorageClass(StorageClass::Private)
            && its.result_id.is_some_and(|id| id >= original[3])
    };
    let mut own: Vec<usize> = (0..globals.len()).filter(|&at| is_own(&globals[at])).collect();
    let first = own[0];
    own.truncate(own.len() - usize::from(has_overflow));
    assert!(!own.is_empty(), "there are counters");
    let Operand::IdRef(zero) = globals[first].operands[1] else { panic!("a first value") };
    for at in own {
        globals[at].operands[1] = Operand::IdRef(constant);
    }
    let uint = globals.iter().find(|its| its.result_id == Some(zero)).unwrap().result_type;
    let value = vec![Operand::LiteralBit32(start)];
    let constant = Instruction::new(Op::Constant, uint, Some(constant), value);
    globals.insert(first, constant);
    module.assemble()
}

#[test]
fn counters_that_may_wrap_are_refused() {
    let bodies = NESTED.iter().map(|body| (*body, true)).chain([(ALONE, false)]);
    for (body, is_nested) in bodies {
        let Some(words) = glslang(&SOURCE.replace("BODY", body), &["--target-env", "vulkan1.1"])
        else {
            return;
        };
        let kernel = SpirvKernel::read("late", &words, "main", &HashMap::new(), None).unwrap();
        for means in every_means() {
            let counting = kernel.counting(&means).unwrap();
            validate(&counting);
            let refused = |start| {
                let late = late(&counting, &words, is_nested, start);
                let raw = counters(&run(&late, &[1]), &means, kernel.table());
                match kernel.table().decode(&raw, 1) {
                    Err(Error::Uncountable { problem, .. }) => {
                        assert!(problem.starts_with("the loops of 1 of"), "{body}: {problem}");
                        true
                    }
                    _ => false,
                }
            };
            // The last look is before the last ten, when there have been twenty.
            assert_eq!(refused((1 << 31) - 20), is_nested, "{body} at 2^31, {means:?}");
            assert!(!refused((1 << 31) - 21), "{body} below, {means:?}");
            assert!(!refused(0), "{body}, {means:?}");
        }
    }
}
