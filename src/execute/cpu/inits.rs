//! First values of variables: put where they are first needed, and nowhere if they never are. What is
//! computed stays the same.

use std::collections::BTreeMap;

use super::{
    alu::Alu,
    program::{Block, Inst, Node, Reg, Role},
};

/// Shows each register that a node touches to `f`, within its arms too.
fn each(node: &mut Node, f: &mut dyn FnMut(Reg)) {
    node.reads().into_iter().for_each(&mut *f);
    if let Node::Run { insts, .. } = node {
        for inst in insts {
            inst.visit(&mut |reg, _| f(*reg));
        }
    }
    if let Node::Call { inits, .. } = node {
        inits.iter().for_each(|&(variable, value)| [variable, value].into_iter().for_each(&mut *f));
    }
    for arm in node.arms_mut() {
        arm.iter_mut().for_each(|node| each(node, f));
    }
}

/// For each of some variables, which are in order: which parts touch it. All variables are found in one walk, since a
/// function has hundreds of both.
fn users<'a>(
    parts: impl IntoIterator<Item = &'a mut [Node]>,
    variables: &[Reg],
) -> Vec<Vec<usize>> {
    let mut users = vec![Vec::new(); variables.len()];
    for (index, part) in parts.into_iter().enumerate() {
        for node in part {
            each(node, &mut |reg| {
                if let Ok(at) = variables.binary_search(&reg)
                    && users[at].last() != Some(&index)
                {
                    users[at].push(index);
                }
            });
        }
    }
    users
}

/// The same of the arms of a node.
fn users_of_arms(node: &mut Node, variables: &[Reg]) -> Vec<Vec<usize>> {
    users(node.arms_mut().into_iter().map(Vec::as_mut_slice), variables)
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
    let mut variables: Vec<Reg> = inits.iter().map(|(variable, _)| *variable).collect();
    variables.sort_unstable();
    let users = users(block.chunks_mut(1), &variables);
    // By node: for each variable, which of its arms touch it.
    let mut of_arms: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    // By node: what goes before it, and what goes into which of its arms.
    let mut before: Vec<Vec<(Reg, Reg)>> = vec![Vec::new(); block.len()];
    let mut within: BTreeMap<(usize, usize), Vec<(Reg, Reg)>> = BTreeMap::new();
    // By loop: what its body alone touches.
    let mut looped: BTreeMap<usize, Vec<(Reg, Reg)>> = BTreeMap::new();
    for (variable, value) in inits {
        let at = variables.partition_point(|&other| other < variable);
        let Some(&first) = users[at].first() else { continue };
        if let Node::Run { insts, .. } = &mut block[first] {
            if !writes_first(insts, variable) {
                before[first].push((variable, value));
            }
            continue;
        }
        let node = &mut block[first];
        let arm = match users[at].as_slice() {
            [_] if node.reads() != Some(variable) => {
                let arms = of_arms.entry(first).or_insert_with(|| users_of_arms(node, &variables));
                only(&arms[at])
            }
            _ => None,
        };
        match (arm, node) {
            (Some(0), Node::Loop { .. }) => {
                looped.entry(first).or_default().push((variable, value));
            }
            (Some(arm), Node::If { .. } | Node::Switch { .. } | Node::Call { .. }) => {
                within.entry((first, arm)).or_default().push((variable, value));
            }
            _ => before[first].push((variable, value)),
        }
    }
    for (index, mut inits) in looped {
        inits.sort_unstable();
        let variables: Vec<Reg> = inits.iter().map(|(variable, _)| *variable).collect();
        if let Node::Loop { body, .. } = &mut block[index] {
            let needed = inits.into_iter().zip(dominated(body, &variables));
            before[index].extend(needed.filter(|(_, written)| !written).map(|(init, _)| init));
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

/// The number of the one part that touches something, where there is one.
fn only(users: &[usize]) -> Option<usize> {
    match users {
        [one] => Some(*one),
        _ => None,
    }
}

/// For each of some variables, which are in order and which nothing but a block touches: whether it writes the variable
/// before it reads it.
fn dominated(block: &mut Block, variables: &[Reg]) -> Vec<bool> {
    let users = users(block.chunks_mut(1), variables);
    let mut written = vec![false; variables.len()];
    // By node: those that it alone touches, within its arms.
    let mut deeper: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, &variable) in variables.iter().enumerate() {
        let Some(&first) = users[at].first() else {
            written[at] = true;
            continue;
        };
        match &mut block[first] {
            Node::Run { insts, .. } => written[at] = writes_first(insts, variable),
            node if only(&users[at]).is_some() && node.reads() != Some(variable) => {
                deeper.entry(first).or_default().push(at);
            }
            _ => {}
        }
    }
    for (node, inner) in deeper {
        let node = &mut block[node];
        let of_arms = users_of_arms(node, &pick(variables, &inner));
        let mut by_arm: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (&at, arms) in inner.iter().zip(&of_arms) {
            if let Some(arm) = only(arms) {
                by_arm.entry(arm).or_default().push(at);
            }
        }
        for (arm, inner) in by_arm {
            let arm = node.arms_mut().swap_remove(arm);
            for (at, found) in inner.iter().zip(dominated(arm, &pick(variables, &inner))) {
                written[*at] = found;
            }
        }
    }
    written
}

/// The variables at some places.
fn pick(variables: &[Reg], at: &[usize]) -> Vec<Reg> {
    at.iter().map(|&at| variables[at]).collect()
}
