//! Finds out which registers all lanes share.
//!
//! A variable is shared where all that is written to it is shared and all lanes that can ever read it
//! execute the write. Lanes that a variable's readers could be are those that enter the innermost block
//! around all its uses, which always begins with a write; what parts lanes outside of that block is
//! of no interest. Lanes that return, or leave the loop around that block, are gone for it.

use crate::execute::cpu::program::{Block, Given, Inst, Node, Reg, Role, Virtual};

/// A block, as the analysis of sharing knows it.
#[derive(Clone, Copy)]
struct Region {
    parent: usize,
    depth: usize,
    /// How many constructs around it part lanes.
    parted: usize,
}

/// Which registers differ between lanes, found by assuming that none does until something says so.
pub(super) struct Sharing<'a> {
    virtuals: &'a [Virtual],
    pub(super) per_lane: Vec<bool>,
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
    pub(super) fn of(body: &mut Block, virtuals: &'a [Virtual]) -> Self {
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
            sharing.block(body);
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
        self.block(block);
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

    fn block(&mut self, block: &mut Block) {
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
