//! Gives registers their places: those that all lanes share (`sharing`) one after the other, the others in
//! columns, each sort packed by how long they live. Either can be left out: every register may have a word for each
//! lane, and a place of its own.

mod sharing;

use std::collections::BTreeMap;

use self::sharing::Sharing;
use super::{
    alu::CHUNK,
    program::{Block, Given, Node, Program, Reg, Virtual},
};

/// Turns the virtual registers of a program into places in its register file: those that all lanes share into one
/// word if `share`, and several into one place if `reuse`.
pub(super) fn allocate(program: &mut Program, virtuals: &[Virtual], share: bool, reuse: bool) {
    let mut body = std::mem::take(&mut program.body);
    let per_lane: Vec<bool> = if share {
        Sharing::of(&mut body, virtuals).per_lane
    } else {
        virtuals.iter().map(|v| v.given.is_none_or(Given::per_lane)).collect()
    };
    let mut lives = Lives { position: 0, lives: vec![None; virtuals.len()], loops: Vec::new() };
    lives.block(&mut body);
    let end = lives.position + 1;
    let mut lives = lives.finish();
    for (virtual_, life) in virtuals.iter().zip(&mut lives) {
        if virtual_.given.is_some() {
            *life = Some((0, end));
        }
    }

    let columns = program.lanes().div_ceil(CHUNK);
    if !reuse {
        // What lives from the beginning to the end has its place for itself.
        lives.iter_mut().flatten().for_each(|life| *life = (0, end));
    }
    let (slots, uniform) = pack(&lives, |reg| !per_lane[reg]);
    let (wide_slots, wide) = pack(&lives, |reg| per_lane[reg]);
    let places: Vec<Reg> = (0..virtuals.len())
        .map(|reg| {
            let kept = virtuals[reg].variable;
            if per_lane[reg] {
                let slot = wide_slots[reg].unwrap_or_default();
                Reg::at(uniform + slot * columns, true, kept)
            } else {
                Reg::at(slots[reg].unwrap_or_default(), false, kept)
            }
        })
        .collect();
    rename(&mut body, &places);
    for (_, reg) in &mut program.given {
        *reg = places[reg.0 as usize];
    }
    program.body = body;
    program.chunks = uniform.max(1) + (wide + 1) * columns;
}

fn rename(block: &mut Block, places: &[Reg]) {
    let place = |reg: &mut Reg| *reg = places[reg.0 as usize];
    for node in block {
        match node {
            Node::Run { insts, cost: _ } => {
                for inst in insts {
                    inst.visit(&mut |reg, _| place(reg));
                }
            }
            Node::If { condition, accept, reject } => {
                place(condition);
                rename(accept, places);
                rename(reject, places);
            }
            Node::Switch { selector, cases } => {
                place(selector);
                cases.iter_mut().for_each(|case| rename(&mut case.body, places));
            }
            Node::Loop { body, continuing, break_if, line: _ } => {
                break_if.iter_mut().for_each(place);
                rename(body, places);
                rename(continuing, places);
            }
            Node::Call { body, inits: _ } => rename(body, places),
            Node::Break | Node::Continue | Node::Return | Node::Barrier { .. } => {}
        }
    }
}

/// When each register is alive: its first and last position.
struct Lives {
    position: usize,
    lives: Vec<Option<(usize, usize)>>,
    loops: Vec<(usize, usize)>,
}

impl Lives {
    fn touch(&mut self, reg: Reg) {
        let position = self.position;
        let life = self.lives[reg.0 as usize].get_or_insert((position, position));
        life.1 = position;
    }

    fn block(&mut self, block: &mut Block) {
        for node in block {
            self.position += 1;
            match node {
                Node::Run { insts, cost: _ } => {
                    for inst in insts {
                        self.position += 1;
                        inst.visit(&mut |reg, _| self.touch(*reg));
                    }
                }
                Node::If { condition, accept, reject } => {
                    self.touch(*condition);
                    self.block(accept);
                    // It is asked again for the other arm.
                    self.touch(*condition);
                    self.block(reject);
                }
                Node::Switch { selector, cases } => {
                    self.touch(*selector);
                    for case in cases {
                        self.block(&mut case.body);
                        self.touch(*selector);
                    }
                }
                Node::Loop { body, continuing, break_if, line: _ } => {
                    let start = self.position;
                    self.block(body);
                    self.block(continuing);
                    self.position += 1;
                    if let Some(condition) = break_if {
                        self.touch(*condition);
                    }
                    self.loops.push((start, self.position));
                }
                Node::Call { body, inits: _ } => self.block(body),
                Node::Break | Node::Continue | Node::Return | Node::Barrier { .. } => {}
            }
        }
    }

    /// What is alive when a loop is entered and used inside stays alive until the loop ends. Inner
    /// loops end before outer ones, so one pass in the order of ends does.
    fn finish(self) -> Vec<Option<(usize, usize)>> {
        let mut lives = self.lives;
        for life in lives.iter_mut().flatten() {
            for &(start, end) in &self.loops {
                if life.0 < start && start <= life.1 && life.1 <= end {
                    life.1 = end;
                }
            }
        }
        lives
    }
}

/// Packs registers of one sort into as few slots as their lives allow.
fn pack(
    lives: &[Option<(usize, usize)>],
    wanted: impl Fn(usize) -> bool,
) -> (Vec<Option<usize>>, usize) {
    let mut order: Vec<(usize, usize, usize)> = (0..lives.len())
        .filter(|&reg| wanted(reg))
        .filter_map(|reg| lives[reg].map(|(first, last)| (first, last, reg)))
        .collect();
    order.sort_unstable();
    let mut slots = vec![None; lives.len()];
    let mut free: Vec<usize> = Vec::new();
    let mut busy: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut count = 0;
    for (first, last, reg) in order {
        while let Some(entry) = busy.first_entry().filter(|entry| *entry.key() < first) {
            free.extend(entry.remove());
        }
        let slot = free.pop().unwrap_or_else(|| {
            count += 1;
            count - 1
        });
        slots[reg] = Some(slot);
        busy.entry(last).or_default().push(slot);
    }
    (slots, count)
}
