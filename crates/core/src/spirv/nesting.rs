//! How deep control flow stands within itself once calls are inlined, for adapters that keep a stack of execution
//! masks and lose track where it is full. Knows structured control flow, and of drivers what
//! [`kernel::nesting`](crate::kernel::KernelModule::nesting) knows: what follows a way out is one level deeper, and so
//! is each case of a switch within the one before it. Where a way out leads is not looked at, so the number may be
//! higher than what a driver keeps, never lower.

use std::collections::HashMap;

use rspirv::spirv::Op;

use super::{
    module::{Function, Module},
    words::Id,
};

/// The deepest level of an entry point.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>, entry: Id) -> Result<u32, String> {
    let mut depths: HashMap<Id, u32> = HashMap::new();
    // Callers come before what they call.
    for function in module.reachable(entry)?.into_iter().rev() {
        depths.insert(function.id, deepest(module, function, &depths));
    }
    Ok(depths[&entry])
}

/// What is open: from a merge instruction to the block that it names.
struct Construct {
    merge: Option<Id>,
    /// Where else a loop goes on: at its continue block, and at its head.
    goes_on: [Option<Id>; 2],
    /// The level within.
    level: u32,
    /// Whether control may leave it other than by its merge.
    leaves: bool,
}

fn deepest(module: &Module<'_>, function: &Function, depths: &HashMap<Id, u32>) -> u32 {
    let mut open = vec![Construct { merge: None, goes_on: [None; 2], level: 0, leaves: false }];
    let mut deepest = 0;
    let (mut merges, mut label) = (None, None);
    for instruction in &module.instructions[function.range.clone()] {
        let operands = instruction.operands();
        let level = open.last().map_or(0, |its| its.level);
        match instruction.op() {
            Some(Op::Label) => {
                label = instruction.result();
                while let Some(at) =
                    open.iter().rposition(|c| c.merge.is_some() && c.merge == instruction.result())
                {
                    let leaves = open.drain(at..).any(|its| its.leaves);
                    if let Some(around) = open.last_mut().filter(|_| leaves) {
                        around.level += 1;
                        around.leaves = true;
                        deepest = deepest.max(around.level);
                    }
                }
            }
            Some(Op::FunctionCall) => {
                deepest = deepest.max(level + depths.get(&operands[0]).copied().unwrap_or(0));
            }
            Some(Op::SelectionMerge | Op::LoopMerge) => {
                // A back end may bound a loop, which takes one more condition.
                let (more, goes_on) = match instruction.is(Op::LoopMerge) {
                    true => (2, [operands.get(1).copied(), label]),
                    false => (1, [None; 2]),
                };
                merges = Some((operands[0], goes_on, more));
            }
            Some(Op::Branch | Op::BranchConditional | Op::Switch) => {
                if let Some((merge, goes_on, more)) = merges.take() {
                    let cases = match instruction.is(Op::Switch) {
                        // Each case after the first is a level deeper; a literal and a label are two words at least.
                        true => (operands.len().saturating_sub(2) / 2) as u32,
                        false => 0,
                    };
                    let level = level + more + cases;
                    deepest = deepest.max(level);
                    open.push(Construct { merge: Some(merge), goes_on, level, leaves: false });
                } else if let Some(inner) = open.last_mut() {
                    let within =
                        |id: &Id| inner.merge == Some(*id) || inner.goes_on.contains(&Some(*id));
                    inner.leaves |= !operands.iter().any(within);
                }
            }
            Some(Op::Return | Op::ReturnValue | Op::Kill | Op::TerminateInvocation) => {
                if let Some(inner) = open.last_mut() {
                    inner.leaves |= inner.merge.is_some();
                }
            }
            _ => {}
        }
    }
    deepest
}
