//! Replaces the groups of decorations in a module by the decorations themselves, one for each decorated id, so that later
//! passes need not handle groups. Does not know what decorations mean.

use std::collections::HashMap;

use rspirv::spirv::Op;

use super::words::{HEADER, Id, Instruction, instructions, push};

/// All words of the module; `None` where it has no groups.
///
/// # Errors
/// What is not SPIR-V about the words.
pub(super) fn ungrouped(words: &[u32]) -> Result<Option<Vec<u32>>, String> {
    let all = instructions(words)?;
    let mut groups: HashMap<Id, Vec<Instruction<'_>>> = HashMap::new();
    for group in all.iter().filter(|it| it.is(Op::DecorationGroup)).filter_map(|it| it.result()) {
        groups.insert(group, Vec::new());
    }
    if groups.is_empty() {
        return Ok(None);
    }
    let mut written = words[..HEADER].to_vec();
    for &instruction in &all {
        let operands = instruction.operands();
        match (instruction.op(), operands.first().and_then(|first| groups.get_mut(first))) {
            (Some(Op::DecorationGroup), _) | (Some(Op::Name), Some(_)) => {}
            (Some(Op::Decorate | Op::DecorateId | Op::DecorateString), Some(group)) => {
                group.push(instruction)
            }
            (Some(Op::GroupDecorate), Some(group)) => {
                for target in &operands[1..] {
                    for its in &*group {
                        let start = written.len();
                        written.extend(its.words);
                        written[start + 1] = *target;
                    }
                }
            }
            (Some(Op::GroupMemberDecorate), Some(group)) => {
                for target in operands[1..].chunks_exact(2) {
                    for its in &*group {
                        let decoration = [target, &its.operands()[1..]].concat();
                        push(&mut written, Op::MemberDecorate, &decoration);
                    }
                }
            }
            _ => written.extend(instruction.words),
        }
    }
    Ok(Some(written))
}
