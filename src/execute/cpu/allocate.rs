//! Gives registers their places: finds out which of them all lanes share, and packs the others by how
//! long they live.
//!
//! A variable is shared where all that is written to it is shared and all lanes that can ever read it
//! execute the write. Lanes that a variable's readers could be are those that enter the innermost block
//! around all its uses, which always begins with a write; what parts lanes outside of that block is
//! of no interest. Lanes that return, or leave the loop around that block, are gone for it.

use std::collections::BTreeMap;

use super::{
    alu::CHUNK,
    program::{Block, Given, Inst, Node, Program, Reg, Role, Virtual},
};

/// Turns the virtual registers of a program into places in its register file.
pub(super) fn allocate(program: &mut Program, virtuals: &[Virtual]) {
    let mut body = std::mem::take(&mut program.body);
    let shared = Sharing::of(&mut body, virtuals);
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
    let per_lane = &shared.per_lane;
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

/// A block, as the analysis of sharing knows it.
#[derive(Clone, Copy)]
struct Region {
    parent: usize,
    depth: usize,
    /// How many constructs around it part lanes.
    parted: usize,
}

/// Which registers differ between lanes, found by assuming that none does until something says so.
struct Sharing<'a> {
    virtuals: &'a [Virtual],
    per_lane: Vec<bool>,
    /// The innermost block around all uses of a variable.
    home: Vec<Option<usize>>,
    regions: Vec<Region>,
    /// Whether lanes leave a loop, switch or call at different times, in the order of the walk.
    splits: Vec<bool>,
    changed: bool,
    next_region: usize,
    next_split: usize,
    parted: usize,
    /// The constructs around the walk: what it is, its number, how parted its body begins.
    around: Vec<(Construct, usize, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Construct {
    Loop,
    Switch,
    Call,
}

impl<'a> Sharing<'a> {
    fn of(body: &mut Block, virtuals: &'a [Virtual]) -> Self {
        let per_lane = virtuals.iter().map(|v| v.given.is_some_and(Given::per_lane)).collect();
        let mut sharing = Self {
            virtuals,
            per_lane,
            home: vec![None; virtuals.len()],
            regions: vec![Region { parent: 0, depth: 0, parted: 0 }],
            splits: Vec::new(),
            changed: true,
            next_region: 0,
            next_split: 0,
            parted: 0,
            around: Vec::new(),
        };
        sharing.homes(body, 0);
        while std::mem::take(&mut sharing.changed) {
            sharing.next_region = 0;
            sharing.next_split = 0;
            sharing.block(body, 0);
        }
        sharing
    }

    fn arm(&mut self, parent: usize) -> usize {
        let depth = self.regions[parent].depth + 1;
        self.regions.push(Region { parent, depth, parted: 0 });
        self.regions.len() - 1
    }

    /// Numbers the blocks and finds every variable's home.
    fn homes(&mut self, block: &mut Block, at: usize) {
        for node in block {
            match node {
                Node::Run { insts, cost: _ } => {
                    for inst in insts {
                        inst.visit(&mut |reg, _| self.used(*reg, at));
                    }
                }
                Node::If { condition, accept, reject } => {
                    self.used(*condition, at);
                    for arm in [accept, reject] {
                        let region = self.arm(at);
                        self.homes(arm, region);
                    }
                }
                Node::Switch { selector, cases } => {
                    self.used(*selector, at);
                    self.splits.push(false);
                    for case in cases {
                        let region = self.arm(at);
                        self.homes(&mut case.body, region);
                    }
                }
                Node::Loop { body, continuing, break_if, line: _ } => {
                    if let Some(condition) = break_if {
                        self.used(*condition, at);
                    }
                    self.splits.push(false);
                    for arm in [body, continuing] {
                        let region = self.arm(at);
                        self.homes(arm, region);
                    }
                }
                Node::Call { body, inits: _ } => {
                    self.splits.push(false);
                    let region = self.arm(at);
                    self.homes(body, region);
                }
                Node::Break | Node::Continue | Node::Return | Node::Barrier { .. } => {}
            }
        }
    }

    fn used(&mut self, reg: Reg, at: usize) {
        let index = reg.0 as usize;
        if !self.virtuals[index].variable {
            return;
        }
        let Some(mut home) = self.home[index] else {
            self.home[index] = Some(at);
            return;
        };
        let mut at = at;
        while home != at {
            if self.regions[home].depth >= self.regions[at].depth {
                home = self.regions[home].parent;
            } else {
                at = self.regions[at].parent;
            }
        }
        self.home[index] = Some(home);
    }

    fn differs(&mut self, reg: Reg) {
        if !std::mem::replace(&mut self.per_lane[reg.0 as usize], true) {
            self.changed = true;
        }
    }

    fn inst(&mut self, inst: &mut Inst) {
        let mut parts = inst.parts_lanes();
        inst.visit(&mut |reg, role| {
            if role == Role::Read && self.per_lane[reg.0 as usize] {
                parts = true;
            }
        });
        inst.visit(&mut |reg, role| {
            if role == Role::Write {
                let index = reg.0 as usize;
                let home = self.home[index].map_or(0, |home| self.regions[home].parted);
                if parts || (self.virtuals[index].variable && self.parted > home) {
                    self.differs(*reg);
                }
            }
        });
    }

    fn enter(&mut self, block: &mut Block) {
        self.next_region += 1;
        let region = self.next_region;
        self.regions[region].parted = self.parted;
        self.block(block, region);
    }

    /// Enters a construct that lanes may leave at different times.
    fn construct(&mut self, construct: Construct, parts: bool, inside: &mut dyn FnMut(&mut Self)) {
        let number = self.next_split;
        self.next_split += 1;
        let before = self.parted;
        if parts || self.splits[number] {
            self.parted += 1;
        }
        self.around.push((construct, number, self.parted));
        inside(self);
        self.around.pop();
        self.parted = before;
    }

    /// Lanes leave the innermost construct of some sort; those that do not may stay behind.
    fn leaves(&mut self, matches: impl Fn(Construct) -> bool) {
        let target = self.around.iter().rev().find(|(construct, ..)| matches(*construct)).copied();
        if let Some((_, number, parted)) = target
            && self.parted > parted
        {
            self.split(number);
        }
    }

    fn split(&mut self, number: usize) {
        if !std::mem::replace(&mut self.splits[number], true) {
            self.changed = true;
        }
    }

    fn block(&mut self, block: &mut Block, _region: usize) {
        for node in block {
            match node {
                Node::Run { insts, cost: _ } => insts.iter_mut().for_each(|inst| self.inst(inst)),
                Node::If { condition, accept, reject } => {
                    let parts = self.per_lane[condition.0 as usize];
                    let before = self.parted;
                    self.parted += usize::from(parts);
                    self.enter(accept);
                    self.enter(reject);
                    self.parted = before;
                }
                Node::Switch { selector, cases } => {
                    let parts = self.per_lane[selector.0 as usize];
                    self.construct(Construct::Switch, parts, &mut |this| {
                        cases.iter_mut().for_each(|case| this.enter(&mut case.body));
                    });
                }
                Node::Loop { body, continuing, break_if, line: _ } => {
                    let parts = break_if.is_some_and(|reg| self.per_lane[reg.0 as usize]);
                    self.construct(Construct::Loop, parts, &mut |this| {
                        this.enter(body);
                        this.enter(continuing);
                    });
                }
                Node::Call { body, inits: _ } => {
                    self.construct(Construct::Call, false, &mut |this| this.enter(body));
                }
                Node::Break => self.leaves(|c| c != Construct::Call),
                Node::Continue => self.leaves(|c| c == Construct::Loop),
                Node::Return => self.leaves(|c| c == Construct::Call),
                Node::Barrier { .. } => {}
            }
        }
    }
}
