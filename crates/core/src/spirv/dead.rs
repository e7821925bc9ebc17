//! Which instructions of a function compute what nobody uses: those without an effect whose result only such
//! instructions use, if any does. Knows no prices and no control flow.
//!
//! A store to a variable is an effect, also where nobody loads it, and so is whatever is not listed here.

use std::collections::{HashMap, HashSet};

use rspirv::spirv::{GlslStd450Op, MemoryAccess, Op};

use super::{
    module::{Function, Module},
    words::{Id, Instruction},
};

/// The dead instructions of a function, by their index in the module.
pub(super) fn dead(module: &Module<'_>, function: &Function) -> HashSet<usize> {
    let body = || function.range.clone().map(|index| (index, module.instructions[index]));
    let pure: HashMap<Id, Instruction<'_>> = body()
        .filter(|&(_, instruction)| is_pure(module, instruction))
        .filter_map(|(_, instruction)| Some((instruction.result()?, instruction)))
        .collect();
    let mut used: HashSet<Id> = HashSet::new();
    let mut todo: Vec<Id> = body()
        .filter(|(_, its)| its.result().is_none_or(|id| !pure.contains_key(&id)))
        .flat_map(|(_, instruction)| instruction.uses())
        .collect();
    while let Some(id) = todo.pop() {
        if used.insert(id)
            && let Some(instruction) = pure.get(&id)
        {
            todo.extend(instruction.uses());
        }
    }
    body()
        .filter(|(_, its)| {
            its.result().is_some_and(|id| pure.contains_key(&id) && !used.contains(&id))
        })
        .map(|(index, _)| index)
        .collect()
}

/// Whether an instruction does nothing but compute its result.
fn is_pure(module: &Module<'_>, instruction: Instruction<'_>) -> bool {
    let operands = instruction.operands();
    let Some(op) = instruction.op() else { return instruction.newer.is_some() };
    match op {
        Op::Load => {
            let access = operands.get(1).copied().unwrap_or(0);
            access & MemoryAccess::VOLATILE.bits() == 0
        }
        Op::ExtInst => {
            let set = module.imports.get(&operands[0]).map(String::as_str);
            // These store a part of what they compute.
            let stores = [GlslStd450Op::Modf as u32, GlslStd450Op::Frexp as u32];
            set == Some("GLSL.std.450") && !stores.contains(&operands[1])
        }
        Op::Undef
        | Op::Phi
        | Op::AccessChain
        | Op::InBoundsAccessChain
        | Op::PtrAccessChain
        | Op::InBoundsPtrAccessChain
        | Op::ArrayLength
        | Op::VectorExtractDynamic
        | Op::VectorInsertDynamic
        | Op::VectorShuffle
        | Op::CompositeConstruct
        | Op::CompositeConstructReplicateEXT
        | Op::CompositeExtract
        | Op::CompositeInsert
        | Op::CopyObject
        | Op::CopyLogical
        | Op::Transpose
        | Op::Bitcast
        | Op::ConvertPtrToU
        | Op::ConvertUToPtr
        | Op::QuantizeToF16
        | Op::Select
        | Op::FmaKHR
        | Op::CooperativeMatrixMulAddKHR => true,
        op => {
            let number = op as u32;
            // Conversions, arithmetic, relations, bits and integer dot products stand together.
            (Op::ConvertFToU as u32..=Op::FConvert as u32).contains(&number)
                || (Op::SNegate as u32..=Op::SMulExtended as u32).contains(&number)
                || (Op::Any as u32..=Op::FUnordGreaterThanEqual as u32).contains(&number)
                || (Op::ShiftRightLogical as u32..=Op::BitCount as u32).contains(&number)
                || (Op::SDot as u32..=Op::SUDotAccSat as u32).contains(&number)
        }
    }
}
