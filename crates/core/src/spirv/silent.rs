//! Which instructions say something of a module and do nothing. Knows no prices.

use rspirv::spirv::Op;

use super::{module::Module, words::Instruction};

/// Whether an instruction only says where code is from.
pub(super) fn is_of_lines(module: &Module<'_>, instruction: Instruction<'_>) -> bool {
    match instruction.op() {
        Some(Op::Line | Op::NoLine) => true,
        Some(Op::ExtInst) => {
            let set = module.imports.get(&instruction.operands()[0]);
            set.is_some_and(|set| is_silent(set))
        }
        _ => false,
    }
}

/// Whether the instructions of a set do nothing.
pub(super) fn is_silent(set: &str) -> bool {
    set.starts_with("NonSemantic.") || set == "OpenCL.DebugInfo.100" || set == "DebugInfo"
}
