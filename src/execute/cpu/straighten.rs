//! Straightens control flow: a function that lanes only leave at its end is a part of its caller, and runs
//! of instructions that follow each other are one. What executes, and how often, stays the same.

use super::program::{Block, Node};
use crate::op::Cost;

/// Straightens a block whose variables have their first values placed; `costs` are those of its runs.
pub(super) fn straighten(block: &mut Block, costs: &mut [Cost]) {
    for mut node in std::mem::take(block) {
        node.arms_mut().into_iter().for_each(|arm| straighten(arm, costs));
        match node {
            Node::Call { body, inits } if inits.is_empty() && !returns(&body) => {
                body.into_iter().for_each(|node| append(block, node, costs));
            }
            node => append(block, node, costs),
        }
    }
}

/// Whether lanes return from within a block.
fn returns(block: &Block) -> bool {
    block.iter().any(|node| match node {
        Node::Return => true,
        Node::If { condition: _, accept, reject } => returns(accept) || returns(reject),
        Node::Switch { selector: _, cases } => cases.iter().any(|case| returns(&case.body)),
        Node::Loop { body, continuing, break_if: _, line: _ } => {
            returns(body) || returns(continuing)
        }
        // They return behind that call.
        Node::Call { .. } => false,
        Node::Run { .. } | Node::Break | Node::Continue | Node::Barrier { .. } => false,
    })
}

/// Puts a node at the end of a block; a run behind another one becomes a part of it.
fn append(block: &mut Block, node: Node, costs: &mut [Cost]) {
    match (block.last_mut(), node) {
        (Some(Node::Run { insts, cost }), Node::Run { insts: more, cost: other }) => {
            insts.extend(more);
            *cost = match (*cost, other) {
                (Some(one), Some(other)) => {
                    costs[one] = costs[one] + costs[other];
                    Some(one)
                }
                (one, other) => one.or(other),
            };
        }
        (_, node) => block.push(node),
    }
}
