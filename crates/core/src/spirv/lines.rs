//! Which line of the source each instruction of a module is of, as the module states it. A statement of a line holds to
//! the end of its block; a block behind a branch and its arms, which compilers begin without one, goes on in the line
//! of the branch.

use std::collections::HashMap;

use rspirv::spirv::{NonsemanticShaderDebuginfo100Op as Debug, Op};

use super::{
    listing,
    module::Module,
    words::{Id, Instruction},
};

/// The lines that a module states. Only lines of one file are told: that of the first line that the entry point states, or
/// any where there is none in particular, else of the first in the module.
#[derive(Default)]
pub(super) struct StatedLines {
    /// The text that is the file's name.
    pub(super) file: Option<Id>,
    /// The lines of all instructions, by their indices.
    pub(super) lines: Vec<Option<u32>>,
}

pub(super) fn stated(module: &Module<'_>, entry: Option<Id>) -> StatedLines {
    let mut lines = vec![None; module.instructions.len()];
    let is_entry = |id: Id| match entry {
        Some(entry) => id == entry,
        None => module.entries().any(|(_, entry)| entry == id),
    };
    let (entries, others): (Vec<_>, Vec<_>) =
        module.functions.iter().partition(|function| is_entry(function.id));
    let mut file = None;
    for function in entries.into_iter().chain(others) {
        let mut merges: HashMap<Id, Option<u32>> = HashMap::new();
        let mut line = None;
        for index in function.range.clone() {
            let instruction = module.instructions[index];
            match instruction.op() {
                Some(Op::Label) => {
                    line = instruction.result().and_then(|label| merges.get(&label).copied()?);
                }
                Some(Op::SelectionMerge | Op::LoopMerge) => {
                    merges.insert(instruction.operands()[0], line);
                }
                _ => line = from(module, instruction, &mut file, line),
            }
            lines[index] = line;
        }
    }
    StatedLines { file, lines }
}

/// The line that holds from an instruction on.
fn from(
    module: &Module<'_>,
    instruction: Instruction<'_>,
    file: &mut Option<Id>,
    before: Option<u32>,
) -> Option<u32> {
    let operands = instruction.operands();
    let mut in_file = |its: Id, line: u32| (*file.get_or_insert(its) == its).then_some(line);
    match instruction.op() {
        Some(Op::Line) => in_file(operands[0], operands[1]),
        Some(Op::NoLine) => None,
        Some(Op::ExtInst) => {
            let set = module.imports.get(&operands[0]).map(String::as_str);
            if set != Some(listing::DEBUG_INFO) {
                return before;
            }
            match (Debug::from_u32(operands[1]), &operands[2..]) {
                (Some(Debug::DebugLine), &[source, line, ..]) => {
                    // Of set, instruction, name and text.
                    let its = module.definition(source)?.operands().get(2).copied()?;
                    let line = module.values.get(&line).and_then(|&line| u32::try_from(line).ok());
                    line.and_then(|line| in_file(its, line))
                }
                (Some(Debug::DebugNoLine), _) => None,
                _ => before,
            }
        }
        _ => before,
    }
}
