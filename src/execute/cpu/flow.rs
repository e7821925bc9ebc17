//! Control flow: which lanes are active, where they part and where they come together again. A lane
//! that breaks waits behind its loop, one that continues behind the loop's body, one that returns behind
//! the call. Counts how often each run of instructions executes, for how many lanes.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use flopmeter_core::source::SourceLine;

use super::{
    alu::{CHUNK, Chunk},
    machine::{Apart, Machine, Straight},
    program::{Block, Branch, Node, Reg},
};

/// Why a workgroup could not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Loops went round too often; of those that were going on, the one that had gone round most.
    Endless { line: Option<SourceLine>, rounds: u64 },
    /// A barrier that some lanes do not reach.
    Divergent(Option<SourceLine>),
    /// Something that a subgroup does together, and did not.
    Apart(Apart, Option<SourceLine>),
    /// There is not enough memory to look for races.
    Unwatched,
    /// Another workgroup has failed.
    Elsewhere,
}

/// Where lanes wait for others.
#[derive(Default)]
struct Waiting {
    lanes: Vec<Chunk>,
}

impl Waiting {
    fn add(&mut self, mask: &[Chunk]) {
        if self.lanes.is_empty() {
            self.lanes.extend_from_slice(mask);
        } else {
            for (waiting, mask) in self.lanes.iter_mut().zip(mask) {
                for i in 0..CHUNK {
                    waiting.0[i] |= mask.0[i];
                }
            }
        }
    }
}

/// A construct that lanes leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Loop,
    Switch,
    Call,
}

struct Level {
    sort: Sort,
    /// Behind it.
    left: Waiting,
    /// Behind the body of a loop.
    continued: Waiting,
}

/// Executes a program for one workgroup after the other.
pub(super) struct Runner<'a> {
    pub(super) machine: Machine<'a>,
    /// For each run, how many lanes executed it, and how many might have.
    pub(super) executed: Vec<[u64; 2]>,
    arch: pulp::Arch,
    mask: Vec<Chunk>,
    active: usize,
    levels: Vec<Level>,
    /// Masks that are free for reuse.
    spare: Vec<Vec<Chunk>>,
    failed: &'a AtomicBool,
    /// Rounds that the loops of a workgroup may take, and have taken.
    max_rounds: u64,
    rounds: u64,
}

impl<'a> Runner<'a> {
    pub(super) fn new(machine: Machine<'a>, failed: &'a AtomicBool, max_rounds: u64) -> Self {
        let executed = vec![[0; 2]; machine.program.costs.len()];
        Self {
            machine,
            executed,
            arch: pulp::Arch::new(),
            mask: Vec::new(),
            active: 0,
            levels: Vec::new(),
            spare: Vec::new(),
            failed,
            max_rounds,
            rounds: 0,
        }
    }

    /// Executes one workgroup, whose given registers are filled.
    pub(super) fn workgroup(&mut self) -> Result<(), Stopped> {
        let lanes = self.machine.lanes;
        self.mask.clear();
        self.mask.resize(self.machine.columns, Chunk::splat(u32::MAX));
        for idle in lanes..self.machine.columns * CHUNK {
            self.mask[idle / CHUNK].0[idle % CHUNK] = 0;
        }
        self.active = lanes;
        self.rounds = 0;
        self.levels.clear();
        if let Some(races) = &mut self.machine.races {
            races.begin();
        }
        let program = self.machine.program;
        self.block(&program.body)
    }

    fn block(&mut self, block: &Block) -> Result<(), Stopped> {
        for node in block {
            if self.active == 0 {
                break;
            }
            self.node(node)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &Node) -> Result<(), Stopped> {
        match node {
            Node::Run { insts, cost } => {
                if let Some(cost) = cost {
                    let [executed, issued] = &mut self.executed[*cost];
                    *executed += self.active as u64;
                    *issued += self.machine.lanes as u64;
                }
                let all = self.active == self.machine.lanes;
                let mask = if all { None } else { Some(self.mask.as_slice()) };
                let machine = &mut self.machine;
                let straight = Straight { machine, insts, mask };
                if cfg!(target_family = "wasm") {
                    // A module that has vector instructions at all is refused where they are not known.
                    pulp::NullaryFnOnce::call(straight);
                } else {
                    self.arch.dispatch(straight);
                }
                if let Some((apart, site)) = self.machine.apart {
                    let line = self.machine.program.sites[site].clone();
                    return Err(Stopped::Apart(apart, line));
                }
            }
            Node::If { condition, accept, reject } => {
                let condition = self.lanes_where(*condition);
                self.part(condition, |this| this.block(accept), |this| this.block(reject))?;
            }
            Node::Switch { selector, cases } => self.switch(*selector, cases)?,
            Node::Loop { body, continuing, break_if, line } => {
                self.enter(Sort::Loop);
                let mut rounds = 0_u64;
                let outer = |fault: Stopped, rounds: u64| match fault {
                    Stopped::Endless { rounds: inner, .. } if inner < rounds => {
                        Stopped::Endless { line: line.clone(), rounds }
                    }
                    fault => fault,
                };
                while self.active > 0 {
                    rounds += 1;
                    self.rounds += 1;
                    if self.rounds > self.max_rounds {
                        return Err(Stopped::Endless { line: line.clone(), rounds });
                    }
                    if self.rounds.is_multiple_of(1 << 16) && self.failed.load(Relaxed) {
                        return Err(Stopped::Elsewhere);
                    }
                    self.block(body).map_err(|fault| outer(fault, rounds))?;
                    if let Some(level) = self.levels.last_mut()
                        && !level.continued.lanes.is_empty()
                    {
                        let continued = std::mem::take(&mut level.continued);
                        self.rejoin(&continued);
                    }
                    self.block(continuing).map_err(|fault| outer(fault, rounds))?;
                    if let Some(condition) = break_if
                        && self.active > 0
                    {
                        let condition = self.lanes_where(*condition);
                        self.part(
                            condition,
                            |this| {
                                this.leave(|sort| sort == Sort::Loop);
                                Ok(())
                            },
                            |_| Ok(()),
                        )?;
                    }
                }
                self.join();
            }
            Node::Call { body, inits: _ } => {
                self.enter(Sort::Call);
                self.block(body)?;
                self.join();
            }
            Node::Break => self.leave(|sort| sort != Sort::Call),
            Node::Return => self.leave(|sort| sort == Sort::Call),
            Node::Continue => {
                let mask = std::mem::take(&mut self.mask);
                if let Some(level) = self.levels.iter_mut().rev().find(|l| l.sort == Sort::Loop) {
                    level.continued.add(&mask);
                }
                self.mask = mask;
                self.nobody();
            }
            Node::Barrier { line } => {
                if self.active != self.machine.lanes {
                    return Err(Stopped::Divergent(line.clone()));
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, sort: Sort) {
        let [left, continued] = [(); 2].map(|()| {
            let mut lanes = self.spare.pop().unwrap_or_default();
            lanes.clear();
            Waiting { lanes }
        });
        self.levels.push(Level { sort, left, continued });
    }

    /// Active lanes go behind the innermost construct of a sort.
    fn leave(&mut self, matches: impl Fn(Sort) -> bool) {
        if let Some(level) = self.levels.iter_mut().rev().find(|level| matches(level.sort)) {
            level.left.add(&self.mask);
        }
        self.nobody();
    }

    /// Lanes that left a construct are active again behind it.
    fn join(&mut self) {
        let Some(level) = self.levels.pop() else { return };
        if !level.left.lanes.is_empty() {
            self.rejoin(&level.left);
        }
        self.spare.extend([level.left.lanes, level.continued.lanes]);
    }

    fn rejoin(&mut self, waiting: &Waiting) {
        for (mask, waiting) in self.mask.iter_mut().zip(&waiting.lanes) {
            for i in 0..CHUNK {
                mask.0[i] |= waiting.0[i];
            }
        }
        self.active = count(&self.mask);
    }

    fn nobody(&mut self) {
        self.mask.fill(Chunk::default());
        self.active = 0;
    }

    /// The active lanes for which a register is true; `None` where that is all of them or none.
    fn lanes_where(&mut self, condition: Reg) -> Condition {
        if !condition.per_lane() {
            return match self.machine.regs[condition.base()].0[0] {
                0 => Condition::Nobody,
                _ => Condition::All,
            };
        }
        let truths = &self.machine.regs[condition.base()..][..self.mask.len()];
        let mut active = 0;
        for (mask, truth) in self.mask.iter().zip(truths) {
            for i in 0..CHUNK {
                active += mask.0[i] & truth.0[i] & 1;
            }
        }
        match active as usize {
            0 => Condition::Nobody,
            active if active == self.active => Condition::All,
            active => {
                let mut lanes = self.spare.pop().unwrap_or_default();
                lanes.clear();
                lanes.extend_from_slice(&self.mask);
                for (lanes, truth) in lanes.iter_mut().zip(truths) {
                    for i in 0..CHUNK {
                        lanes.0[i] &= truth.0[i];
                    }
                }
                Condition::Some(lanes, active)
            }
        }
    }

    /// Executes one thing for some of the active lanes and another for the rest.
    fn part(
        &mut self,
        condition: Condition,
        accept: impl FnOnce(&mut Self) -> Result<(), Stopped>,
        reject: impl FnOnce(&mut Self) -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        match condition {
            Condition::All => accept(self),
            Condition::Nobody => reject(self),
            Condition::Some(lanes, active) => {
                let mut rest = std::mem::replace(&mut self.mask, lanes);
                for (rest, lanes) in rest.iter_mut().zip(&self.mask) {
                    for i in 0..CHUNK {
                        rest.0[i] &= !lanes.0[i];
                    }
                }
                let rest_active = self.active - active;
                self.active = active;
                accept(self)?;
                let accepted = std::mem::replace(&mut self.mask, rest);
                let accepted_active = std::mem::replace(&mut self.active, rest_active);
                reject(self)?;
                let accepted = Waiting { lanes: accepted };
                if accepted_active > 0 {
                    self.rejoin(&accepted);
                }
                self.spare.push(accepted.lanes);
                Ok(())
            }
        }
    }

    fn switch(&mut self, selector: Reg, cases: &[Branch]) -> Result<(), Stopped> {
        self.enter(Sort::Switch);
        // Whom each case takes: those that select it, and for the default those that select none.
        let chosen = |this: &Self, value: Option<u32>| -> Vec<Chunk> {
            let mut lanes = this.mask.clone();
            for (k, lanes) in lanes.iter_mut().enumerate() {
                let selector = this.machine.regs[selector.chunk(k)];
                for i in 0..CHUNK {
                    let here = match value {
                        Some(value) => selector.0[i] == value,
                        None => !cases.iter().any(|case| case.value == Some(selector.0[i])),
                    };
                    lanes.0[i] &= if here { u32::MAX } else { 0 };
                }
            }
            lanes
        };
        let takes: Vec<Vec<Chunk>> = cases.iter().map(|case| chosen(self, case.value)).collect();
        self.nobody();
        let mut fallen = Waiting::default();
        for (case, lanes) in cases.iter().zip(takes) {
            let before = std::mem::replace(&mut self.mask, lanes);
            self.active = count(&self.mask);
            if !fallen.lanes.is_empty() {
                let fallen = std::mem::take(&mut fallen);
                self.rejoin(&fallen);
            }
            if self.active > 0 {
                self.block(&case.body)?;
            }
            if case.fall_through {
                fallen.add(&self.mask);
                self.nobody();
            }
            self.rejoin(&Waiting { lanes: before });
        }
        if !fallen.lanes.is_empty() {
            self.rejoin(&fallen);
        }
        self.join();
        Ok(())
    }
}

/// Which of the active lanes.
enum Condition {
    All,
    Nobody,
    Some(Vec<Chunk>, usize),
}

fn count(mask: &[Chunk]) -> usize {
    mask.iter().map(|chunk| chunk.0.iter().map(|lane| lane & 1).sum::<u32>() as usize).sum()
}
