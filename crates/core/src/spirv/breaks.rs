//! Whether control leaves a loop or a switch from within another that is nested in it, which SPIR-V may and WGSL may
//! not. Knows the shape of control flow, and nothing of what blocks do.

use std::collections::{HashMap, HashSet};

use rspirv::spirv::Op;

use super::{
    cfg::{ranges, successors},
    module::{Function, Module},
    words::Id,
};

/// A loop or a switch: what stands between its header and its merge block.
struct Construct {
    header: Id,
    merge: Id,
    /// The blocks that its header dominates and its merge block does not.
    blocks: HashSet<Id>,
    /// Of a loop, the blocks between its rounds, which are in no construct within it.
    between: HashSet<Id>,
}

/// Whether a function of a module has a block that leads out of a loop or switch and is in an inner one, too.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn leave_several(module: &Module<'_>) -> Result<bool, String> {
    for function in &module.functions {
        if leaves_several(module, function)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn leaves_several(module: &Module<'_>, function: &Function) -> Result<bool, String> {
    let blocks = ranges(module, function)?;
    let mut next: HashMap<Id, Vec<Id>> = HashMap::new();
    let mut headers = Vec::new();
    for (label, range) in &blocks {
        next.insert(*label, successors(module, range.end - 1)?);
        let Some(merge) = range.end.checked_sub(2).filter(|at| *at > range.start) else { continue };
        let merge = module.instructions[merge];
        let is_switch = module.instructions[range.end - 1].is(Op::Switch);
        if merge.is(Op::LoopMerge) || merge.is(Op::SelectionMerge) && is_switch {
            let next = merge.operands().get(1).filter(|_| !is_switch).copied();
            headers.push((*label, merge.operands()[0], next));
        }
    }
    if headers.len() < 2 {
        return Ok(false);
    }
    let entry = blocks[0].0;
    let all = reached(entry, None, &next);
    let dominated = |by: Id| -> HashSet<Id> {
        let others = reached(entry, Some(by), &next);
        all.difference(&others).copied().collect()
    };
    let constructs = headers.into_iter().map(|(header, merge, next)| {
        let behind = dominated(merge);
        let blocks = dominated(header).difference(&behind).copied().collect();
        Construct { header, merge, blocks, between: next.map(dominated).unwrap_or_default() }
    });
    let constructs: Vec<Construct> = constructs.collect();
    Ok(constructs.iter().any(|outer| {
        let inner = constructs
            .iter()
            .filter(|inner| inner.header != outer.header && outer.blocks.contains(&inner.header));
        inner
            .flat_map(|inner| inner.blocks.difference(&outer.between))
            .any(|block| next.get(block).is_some_and(|next| next.contains(&outer.merge)))
    }))
}

/// The blocks that control reaches without one of them.
fn reached(entry: Id, without: Option<Id>, next: &HashMap<Id, Vec<Id>>) -> HashSet<Id> {
    let mut reached = HashSet::new();
    let mut open = vec![entry];
    while let Some(block) = open.pop() {
        if Some(block) != without && reached.insert(block) {
            open.extend(next.get(&block).into_iter().flatten());
        }
    }
    reached
}
