//! Which operations of integers have a sign of their own, that types need not have: SPIR-V's integers are bits, and an
//! instruction says how it takes them. Knows nothing of readers.

use std::ops::Range;

use rspirv::spirv::{GlslStd450Op as Glsl, Op};

use super::{
    module::{Module, Type},
    words::{Id, Instruction},
};

/// The set of extended instructions that GLSL's functions are.
pub(super) const GLSL: &str = "GLSL.std.450";

/// How an operation takes integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// As numbers with a sign, or without one.
    pub(super) signed: bool,
    /// Which of its operands it takes so.
    pub(super) operands: Range<usize>,
    /// Whether what it gives is such a number.
    pub(super) result: bool,
}

/// How an instruction takes integers, where it takes them in one way whatever their type is.
pub(super) fn of(module: &Module<'_>, instruction: Instruction<'_>) -> Option<Taken> {
    let taken = |signed, operands, result| Some(Taken { signed, operands, result });
    let given = instruction.operands();
    match instruction.op()? {
        Op::SDiv | Op::SRem => taken(true, 0..2, true),
        Op::UDiv | Op::UMod => taken(false, 0..2, true),
        Op::ShiftRightArithmetic | Op::BitFieldSExtract => taken(true, 0..1, true),
        Op::ShiftRightLogical | Op::BitFieldUExtract => taken(false, 0..1, true),
        // What is not made wider has no bits that depend on its sign.
        Op::SConvert if widens(module, instruction) => taken(true, 0..1, true),
        Op::UConvert if widens(module, instruction) => taken(false, 0..1, true),
        Op::ConvertSToF => taken(true, 0..1, false),
        Op::ConvertUToF => taken(false, 0..1, false),
        Op::ConvertFToS => taken(true, 0..0, true),
        Op::ConvertFToU => taken(false, 0..0, true),
        Op::SNegate => taken(true, 0..1, true),
        Op::GroupNonUniformSMin | Op::GroupNonUniformSMax => taken(true, 2..3, true),
        Op::GroupNonUniformUMin | Op::GroupNonUniformUMax => taken(false, 2..3, true),
        Op::AtomicSMin | Op::AtomicSMax => taken(true, 3..4, true),
        Op::AtomicUMin | Op::AtomicUMax => taken(false, 3..4, true),
        // Readers take these to be of the type that is given. Compilers state others: of HLSL's `InterlockedAdd(x, 1)`, a
        // number with a sign where `x` has none.
        Op::AtomicExchange
        | Op::AtomicIAdd
        | Op::AtomicISub
        | Op::AtomicAnd
        | Op::AtomicOr
        | Op::AtomicXor => taken(is_signed(module, instruction.result_type()?)?, 3..4, false),
        Op::AtomicCompareExchange => {
            taken(is_signed(module, instruction.result_type()?)?, 4..6, false)
        }
        Op::ExtInst => match glsl(module, instruction)? {
            Glsl::SMin | Glsl::SMax | Glsl::SClamp | Glsl::SAbs | Glsl::SSign => {
                taken(true, 2..given.len(), true)
            }
            Glsl::UMin | Glsl::UMax | Glsl::UClamp => taken(false, 2..given.len(), true),
            Glsl::Ldexp => taken(true, 3..4, false),
            Glsl::FindSMsb => taken(true, 2..3, false),
            Glsl::FindUMsb => taken(false, 2..3, false),
            _ => None,
        },
        _ => None,
    }
}

/// The operand whose sign is the result's too where types are as an operation goes by them.
pub(super) fn kept(module: &Module<'_>, instruction: Instruction<'_>) -> Option<Id> {
    let operands = instruction.operands();
    match instruction.op()? {
        Op::BitCount
        | Op::ShiftLeftLogical
        | Op::ShiftRightLogical
        | Op::ShiftRightArithmetic
        | Op::BitFieldSExtract
        | Op::BitFieldUExtract => operands.first().copied(),
        Op::ExtInst => {
            let finds = [Glsl::FindILsb, Glsl::FindSMsb, Glsl::FindUMsb];
            let is_it = finds.contains(&glsl(module, instruction)?);
            is_it.then(|| operands.get(2).copied()).flatten()
        }
        _ => None,
    }
}

/// Which of GLSL's functions an instruction is.
pub(super) fn glsl(module: &Module<'_>, instruction: Instruction<'_>) -> Option<Glsl> {
    let &[set, number, ..] = instruction.operands() else { return None };
    let known = instruction.is(Op::ExtInst) && module.imports.get(&set)? == GLSL;
    known.then(|| Glsl::from_u32(number)).flatten()
}

/// Whether integers of a type have a sign; `None` where it has none.
pub(super) fn is_signed(module: &Module<'_>, ty: Id) -> Option<bool> {
    match *module.types.get(&ty)? {
        Type::Int { signed, .. } => Some(signed),
        Type::Vector { component, .. } => is_signed(module, component),
        _ => None,
    }
}

fn widens(module: &Module<'_>, instruction: Instruction<'_>) -> bool {
    let value = instruction.operands().first().and_then(|id| module.type_of.get(id));
    let from = value.and_then(|&ty| width(module, ty));
    from < instruction.result_type().and_then(|ty| width(module, ty))
}

fn width(module: &Module<'_>, ty: Id) -> Option<u32> {
    match *module.types.get(&ty)? {
        Type::Int { width, .. } => Some(width),
        Type::Vector { component, .. } => width(module, component),
        _ => None,
    }
}
