//! Which instructions of a function compute unused results: those without an effect whose result only such
//! instructions use, if any does. Knows no prices and no control flow.
//!
//! A store to a variable is an effect, also where the variable is never loaded, and so is every instruction that is not
//! listed here.

use rspirv::spirv::{GlslStd450Op, MemoryAccess, Op};

use super::{
    module::{Function, Module},
    words::Instruction,
};

/// Which instructions of a function are dead, from its first on.
pub(super) fn dead(module: &Module<'_>, function: &Function) -> Vec<bool> {
    let body = &module.instructions[function.range.clone()];
    let is_pure = |its: &Instruction<'_>| its.result().is_some() && is_pure(module, *its);
    let mut dead: Vec<bool> = body.iter().map(is_pure).collect();
    // What uses something and is not dead itself.
    let mut users: Vec<usize> = (0..body.len()).filter(|&at| !dead[at]).collect();
    while let Some(user) = users.pop() {
        body[user].each_use(|id| {
            let at =
                module.definitions.get(&id).and_then(|at| at.checked_sub(function.range.start));
            if let Some(at) = at.filter(|&at| dead.get(at) == Some(&true)) {
                dead[at] = false;
                users.push(at);
            }
        });
    }
    dead
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
