//! Spares copies: loads and stores of variables become uses of the variables themselves, and multiply-adds
//! onto one sum become one instruction. What is computed, and what was counted, stays the same.

use std::collections::HashMap;

use super::{
    alu::Alu,
    program::{Block, Inst, Node, Reg, Role, Virtual},
};

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
        for arm in node.arms_mut() {
            runs(arm, f);
        }
    }
}

fn count_reads(block: &mut Block, reads: &mut [u32]) {
    for node in block {
        if let Some(reg) = node.reads() {
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
        for arm in node.arms_mut() {
            count_reads(arm, reads);
        }
    }
}

/// Where a run reads and writes each register, in order.
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

/// The first of these places from `from` on.
fn next(places: Option<&Vec<usize>>, from: usize) -> Option<usize> {
    let places = places?;
    places.get(places.partition_point(|&place| place < from)).copied()
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
        let kept = next(places.writes.get(&source), index)
            .is_none_or(|write| write > last || (write == last && in_place));
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

/// A value that is only stored to a variable is computed there, where no instruction reads the variable in between.
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
        let quiet = |at: Option<&Vec<usize>>| next(at, made + 1).is_none_or(|place| place >= index);
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

/// Products that one instruction adds up: each one more is compared with all that are there.
const MAX_FACTORS: usize = 1024;

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
                if same && (1..MAX_FACTORS).contains(&factors.len()) {
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
