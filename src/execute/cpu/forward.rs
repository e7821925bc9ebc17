//! Spares copies: first values of variables are put where they are first needed, loads and stores of
//! variables become uses of the variables themselves, and multiply-adds onto one sum become one
//! instruction. What is computed, and what was counted, stays the same.

use std::collections::{HashMap, HashSet};

use super::{
    alu::Alu,
    program::{Block, Inst, Node, Reg, Role, Virtual},
};

/// The blocks within a node.
pub(super) fn arms_mut(node: &mut Node) -> Vec<&mut Block> {
    match node {
        Node::If { condition: _, accept, reject } => vec![accept, reject],
        Node::Switch { selector: _, cases } => {
            cases.iter_mut().map(|case| &mut case.body).collect()
        }
        Node::Loop { body, continuing, break_if: _, line: _ } => vec![body, continuing],
        Node::Call { body, inits: _ } => vec![body],
        Node::Run { .. } | Node::Break | Node::Continue | Node::Return | Node::Barrier { .. } => {
            Vec::new()
        }
    }
}

/// The register that a node itself reads.
fn own(node: &Node) -> Option<Reg> {
    match node {
        Node::If { condition, .. } => Some(*condition),
        Node::Switch { selector, .. } => Some(*selector),
        Node::Loop { break_if, .. } => *break_if,
        Node::Call { .. }
        | Node::Run { .. }
        | Node::Break
        | Node::Continue
        | Node::Return
        | Node::Barrier { .. } => None,
    }
}

/// Every register that a node touches.
fn touched(node: &mut Node, to: &mut HashSet<Reg>) {
    to.extend(own(node));
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
    for arm in arms_mut(node) {
        arm.iter_mut().for_each(|node| touched(node, to));
    }
}

/// Puts the first values of variables where they are needed: as far inside as no loop is entered, and
/// nowhere if the variable is written before it is read.
pub(super) fn place_inits(block: &mut Block) {
    for node in block {
        if let Node::Call { body, inits } = node {
            let inits = std::mem::take(inits);
            sink(body, inits);
        }
        arms_mut(node).into_iter().for_each(place_inits);
    }
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
        sink(arms_mut(&mut block[node]).swap_remove(arm), inits);
    }
    for (index, inits) in before.into_iter().enumerate().rev() {
        if inits.is_empty() {
            continue;
        }
        let copies =
            inits.into_iter().map(|(to, value)| Inst::Alu { op: Alu::Copy, to, from: [value; 3] });
        if let Node::Run { insts, .. } = &mut block[index] {
            insts.splice(0..0, copies);
        } else {
            block.insert(index, Node::Run { insts: copies.collect(), cost: None });
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
    if own(node) == Some(variable) {
        return None;
    }
    let mut touching = arms_mut(node).into_iter().enumerate().filter_map(|(index, arm)| {
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
        Some(arm) => dominated(arms_mut(&mut block[first]).swap_remove(arm), variable),
        None => false,
    }
}

/// Spares copies within runs, and joins multiply-adds.
pub(super) fn forward(block: &mut Block, virtuals: &[Virtual]) {
    let mut reads = vec![0_u32; virtuals.len()];
    count_reads(block, &mut reads);
    runs(block, &mut |insts| {
        forward_loads(insts, virtuals, &reads);
    });
    reads.fill(0);
    count_reads(block, &mut reads);
    runs(block, &mut |insts| {
        join_stores(insts, virtuals, &reads);
        join_sums(insts, virtuals, &reads);
    });
}

fn runs(block: &mut Block, f: &mut dyn FnMut(&mut Vec<Inst>)) {
    for node in block {
        if let Node::Run { insts, .. } = node {
            f(insts);
        }
        for arm in arms_mut(node) {
            runs(arm, f);
        }
    }
}

fn count_reads(block: &mut Block, reads: &mut [u32]) {
    for node in block {
        if let Some(reg) = own(node) {
            reads[reg.0 as usize] += 1;
        }
        if let Node::Run { insts, .. } = node {
            for inst in insts {
                inst.visit(&mut |reg, role| {
                    if role == Role::Read {
                        reads[reg.0 as usize] += 1;
                    }
                });
            }
        }
        for arm in arms_mut(node) {
            count_reads(arm, reads);
        }
    }
}

/// Where a run reads and writes each register.
#[derive(Default)]
struct Places {
    reads: HashMap<Reg, Vec<usize>>,
    writes: HashMap<Reg, Vec<usize>>,
}

impl Places {
    fn of(insts: &mut [Inst]) -> Self {
        let mut places = Self::default();
        for (index, inst) in insts.iter_mut().enumerate() {
            inst.visit(&mut |reg, role| {
                let map = match role {
                    Role::Read => &mut places.reads,
                    Role::Write => &mut places.writes,
                };
                map.entry(*reg).or_default().push(index);
            });
        }
        places
    }
}

/// A copy of a variable is not needed where the variable does not change before the copy's last use.
fn forward_loads(insts: &mut Vec<Inst>, virtuals: &[Virtual], reads: &[u32]) {
    let places = Places::of(insts);
    let mut alias: HashMap<Reg, Reg> = HashMap::new();
    let mut spare = vec![false; insts.len()];
    for (index, inst) in insts.iter().enumerate() {
        let Inst::Alu { op: Alu::Copy, to, from } = inst else { continue };
        let (copy, source) = (*to, from[0]);
        if virtuals[copy.0 as usize].variable || !virtuals[source.0 as usize].variable {
            continue;
        }
        let Some(here) = places.reads.get(&copy) else { continue };
        if here.len() as u32 != reads[copy.0 as usize] {
            continue;
        }
        let last = here[here.len() - 1];
        let in_place = matches!(insts[last], Inst::Alu { .. });
        let kept = places.writes.get(&source).is_none_or(|writes| {
            writes.iter().all(|&w| w < index || w > last || (w == last && in_place))
        });
        if kept {
            alias.insert(copy, source);
            spare[index] = true;
        }
    }
    for inst in insts.iter_mut() {
        inst.visit(&mut |reg, role| {
            if role == Role::Read
                && let Some(source) = alias.get(reg)
            {
                *reg = *source;
            }
        });
    }
    let mut spare = spare.into_iter();
    insts.retain(|_| !spare.next().unwrap_or_default());
}

/// A value that is only stored to a variable is computed there, where nobody looks in between.
fn join_stores(insts: &mut Vec<Inst>, virtuals: &[Virtual], reads: &[u32]) {
    let places = Places::of(insts);
    let mut spare = vec![false; insts.len()];
    for index in 0..insts.len() {
        let Inst::Alu { op: Alu::Copy, to, from } = insts[index] else { continue };
        let (variable, value) = (to, from[0]);
        if !virtuals[variable.0 as usize].variable
            || virtuals[value.0 as usize].variable
            || reads[value.0 as usize] != 1
        {
            continue;
        }
        let Some(&[made]) = places.writes.get(&value).map(Vec::as_slice) else { continue };
        let quiet = |at: Option<&Vec<usize>>| {
            at.is_none_or(|at| at.iter().all(|&p| p <= made || p >= index))
        };
        if made < index
            && quiet(places.reads.get(&variable))
            && quiet(places.writes.get(&variable))
            && let Inst::Alu { to, .. } = &mut insts[made]
        {
            *to = variable;
            spare[index] = true;
        }
    }
    let mut spare = spare.into_iter();
    insts.retain(|_| !spare.next().unwrap_or_default());
}

/// A multiply-add whose only use is to be added to by another becomes one with it.
fn join_sums(insts: &mut Vec<Inst>, virtuals: &[Virtual], reads: &[u32]) {
    let mut made: HashMap<Reg, usize> = HashMap::new();
    let mut written: HashMap<Reg, usize> = HashMap::new();
    let mut spare = vec![false; insts.len()];
    for index in 0..insts.len() {
        if let Inst::Alu { op: Alu::FmaF, to, from: [a, b, sum] } = insts[index] {
            let before = made
                .get(&sum)
                .copied()
                .filter(|_| reads[sum.0 as usize] == 1 && !virtuals[sum.0 as usize].variable);
            if let Some(before) = before {
                let (start, mut factors) = match &insts[before] {
                    Inst::Alu { from: [a, b, start], .. } => (*start, vec![[*a, *b]]),
                    Inst::Chain { start, factors, .. } => (*start, factors.to_vec()),
                    _ => (sum, Vec::new()),
                };
                let same = factors
                    .iter()
                    .flatten()
                    .chain([&start])
                    .all(|reg| written.get(reg).is_none_or(|&place| place < before));
                if same && !factors.is_empty() {
                    factors.push([a, b]);
                    insts[index] = Inst::Chain { to, start, factors: factors.into() };
                    spare[before] = true;
                }
            }
            made.insert(to, index);
        }
        insts[index].visit(&mut |reg, role| {
            if role == Role::Write {
                written.insert(*reg, index);
            }
        });
    }
    let mut spare = spare.into_iter();
    insts.retain(|_| !spare.next().unwrap_or_default());
}
