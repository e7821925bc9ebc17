//! Whether control leaves a loop or a switch from within another that is nested in it, which SPIR-V may and WGSL may
//! not. Knows the shape of control flow, and nothing of what blocks do.

use rspirv::spirv::Op;

use super::{
    cfg::Stated,
    module::Module,
    words::{Id, Ids},
};

/// A loop or a switch: what stands between its header and its merge block. Blocks are known by their places.
struct Construct {
    header: usize,
    merge: Option<usize>,
    /// Whether its header dominates a block and its merge block does not.
    blocks: Vec<bool>,
    /// Of a loop, the blocks between its rounds, which are in no construct within it.
    between: Vec<bool>,
}

/// Whether a function has a block that leads out of a loop or switch and is in an inner one, too.
pub(super) fn leave_several(module: &Module<'_>, blocks: &[Stated]) -> bool {
    let headers = blocks.iter().enumerate().filter_map(|(header, its)| {
        let (merge, next) = if its.switches(module) {
            (its.merges(module, Op::SelectionMerge)?, None)
        } else {
            let operands = its.merges(module, Op::LoopMerge)?;
            (operands, operands.get(1))
        };
        Some((header, merge[0], next))
    });
    let headers: Vec<(usize, Id, Option<&Id>)> = headers.collect();
    if headers.len() < 2 {
        return false;
    }
    let places: Ids<usize> = blocks.iter().zip(0..).map(|(its, at)| (its.label, at)).collect();
    let place = |label: &Id| places.get(label).copied();
    let next = blocks.iter().map(|its| its.next.iter().filter_map(place).collect());
    let next: Vec<Vec<usize>> = next.collect();
    let all = reached(&next, None);
    let dominated = |by: Option<usize>| -> Vec<bool> {
        let Some(by) = by else { return vec![false; blocks.len()] };
        let others = reached(&next, Some(by));
        all.iter().zip(others).map(|(&reached, otherwise)| reached && !otherwise).collect()
    };
    let constructs = headers.into_iter().map(|(header, merge, next)| {
        let merge = place(&merge);
        let within = dominated(Some(header)).into_iter().zip(dominated(merge));
        let blocks = within.map(|(within, behind)| within && !behind).collect();
        Construct { header, merge, blocks, between: dominated(next.and_then(place)) }
    });
    let constructs: Vec<Construct> = constructs.collect();
    constructs.iter().any(|outer| {
        let leaves = |&block: &usize| {
            outer.merge.is_some_and(|merge| next[block].contains(&merge)) && !outer.between[block]
        };
        let inner = |inner: &&Construct| inner.header != outer.header && outer.blocks[inner.header];
        let mut leaving = (0..blocks.len()).filter(leaves);
        leaving.any(|block| constructs.iter().filter(inner).any(|inner| inner.blocks[block]))
    })
}

/// Which blocks control reaches without one of them.
fn reached(next: &[Vec<usize>], without: Option<usize>) -> Vec<bool> {
    let mut reached = vec![false; next.len()];
    let mut open = vec![0];
    while let Some(block) = open.pop() {
        if Some(block) != without && !std::mem::replace(&mut reached[block], true) {
            open.extend(&next[block]);
        }
    }
    reached
}
