//! First values of variables: put where they are first needed, and nowhere if they never are. What is
//! computed stays the same.

use std::collections::{HashMap, HashSet};

use super::{
    alu::Alu,
    program::{Block, Inst, Node, Reg, Role},
};

/// Every register that a node touches.
fn touched(node: &mut Node, to: &mut HashSet<Reg>) {
    to.extend(node.reads());
    if let Node::Run { insts, .. } = node {
        for inst in insts {
            inst.visit(&mut |reg, _| {
                to.insert(*reg);
            });
        }
    }
    if let Node::Call { inits, .. } = node {
        to.extend(inits.iter().flat_map(|(variable, value)| [*variable, *value]));
    }
    for arm in node.arms_mut() {
        arm.iter_mut().for_each(|node| touched(node, to));
    }
}

/// Puts the first values of variables where they are needed: as far inside as no loop is entered, and
/// nowhere if the variable is written before it is read. Where they are not to sink, they stand where their
/// function begins.
pub(super) fn place(block: &mut Block, sinks: bool) {
    for node in block {
        if let Node::Call { body, inits } = node {
            let inits = std::mem::take(inits);
            if sinks {
                sink(body, inits);
            } else if !inits.is_empty() {
                body.insert(0, Node::Run { insts: copies(inits), cost: None });
            }
        }
        node.arms_mut().into_iter().for_each(|arm| place(arm, sinks));
    }
}

/// Instructions that give variables their first values.
fn copies(inits: Vec<(Reg, Reg)>) -> Vec<Inst> {
    let copy = |(to, value)| Inst::Alu { op: Alu::Copy, to, from: [value; 3] };
    inits.into_iter().map(copy).collect()
}

fn sink(block: &mut Block, inits: Vec<(Reg, Reg)>) {
    if inits.is_empty() {
        return;
    }
    let uses = uses(block);
    // By node: what goes before it, and what goes into which of its arms.
    let mut before: Vec<Vec<(Reg, Reg)>> = vec![Vec::new(); block.len()];
    let mut within: HashMap<(usize, usize), Vec<(Reg, Reg)>> = HashMap::new();
    for (variable, value) in inits {
        let users: Vec<usize> = (0..block.len()).filter(|&i| uses[i].contains(&variable)).collect();
        let Some(&first) = users.first() else { continue };
        if let Node::Run { insts, .. } = &mut block[first] {
            if !writes_first(insts, variable) {
                before[first].push((variable, value));
            }
            continue;
        }
        let arm = if users.len() == 1 { only_arm(&mut block[first], variable) } else { None };
        match (arm, &mut block[first]) {
            (Some(0), Node::Loop { body, .. }) => {
                if !dominated(body, variable) {
                    before[first].push((variable, value));
                }
            }
            (Some(arm), Node::If { .. } | Node::Switch { .. } | Node::Call { .. }) => {
                within.entry((first, arm)).or_default().push((variable, value));
            }
            _ => before[first].push((variable, value)),
        }
    }
    for ((node, arm), inits) in within {
        sink(block[node].arms_mut().swap_remove(arm), inits);
    }
    for (index, inits) in before.into_iter().enumerate().rev() {
        if inits.is_empty() {
            continue;
        }
        if let Node::Run { insts, .. } = &mut block[index] {
            insts.splice(0..0, copies(inits));
        } else {
            block.insert(index, Node::Run { insts: copies(inits), cost: None });
        }
    }
}

fn uses(block: &mut Block) -> Vec<HashSet<Reg>> {
    block
        .iter_mut()
        .map(|node| {
            let mut set = HashSet::new();
            touched(node, &mut set);
            set
        })
        .collect()
}

fn writes_first(insts: &mut [Inst], variable: Reg) -> bool {
    for inst in insts {
        let mut role = None;
        inst.visit(&mut |reg, this| {
            if *reg == variable {
                role = role.or(Some(this));
            }
        });
        if let Some(role) = role {
            return role == Role::Write;
        }
    }
    false
}

/// The one arm of a node that touches a variable.
fn only_arm(node: &mut Node, variable: Reg) -> Option<usize> {
    if node.reads() == Some(variable) {
        return None;
    }
    let mut touching = node.arms_mut().into_iter().enumerate().filter_map(|(index, arm)| {
        let touches = uses(arm).iter().any(|set| set.contains(&variable));
        touches.then_some(index)
    });
    let arm = touching.next();
    if touching.next().is_some() { None } else { arm }
}

/// Whether a block that alone touches a variable writes it before it reads it.
fn dominated(block: &mut Block, variable: Reg) -> bool {
    let uses = uses(block);
    let mut users = (0..block.len()).filter(|&i| uses[i].contains(&variable));
    let Some(first) = users.next() else { return true };
    let alone = users.next().is_none();
    if let Node::Run { insts, .. } = &mut block[first] {
        return writes_first(insts, variable);
    }
    match only_arm(&mut block[first], variable).filter(|_| alone) {
        Some(arm) => dominated(block[first].arms_mut().swap_remove(arm), variable),
        None => false,
    }
}
