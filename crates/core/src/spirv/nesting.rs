//! How deep control flow stands within itself once calls are inlined, for adapters that keep a stack of execution
//! masks and lose track where it is full. Knows structured control flow, and of drivers what
//! [`kernel::nesting`](crate::kernel::KernelModule::nesting) knows: what follows a way out is one level deeper, and so
//! is each case of a switch within the one before it. The number may be higher than what a driver keeps, never lower.
//!
//! A module may state blocks in any order in which each follows those that dominate it, so what stands within what is
//! read from merge instructions and branches.

use std::collections::HashMap;

use rspirv::spirv::Op;

use super::{
    cfg::{self, Stated},
    module::{Function, Module},
    words::{Id, Ids},
};

/// The deepest level of an entry point.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>, entry: Id) -> Result<u32, String> {
    let mut depths: HashMap<Id, u32> = HashMap::new();
    // Callers come before what they call.
    for function in module.reachable(entry)?.into_iter().rev() {
        depths.insert(function.id, deepest(module, function, &depths)?);
    }
    Ok(depths[&entry])
}

fn deepest(
    module: &Module<'_>,
    function: &Function,
    depths: &HashMap<Id, u32>,
) -> Result<u32, String> {
    // A driver may not know what constants hold.
    let blocks = cfg::stated(module, function, &Ids::default())?;
    let mut walk = Walk {
        module,
        blocks: &blocks,
        at: blocks.iter().zip(0..).map(|(its, at)| (its.label, at)).collect(),
        constructs: vec![Construct::default()],
        ends: vec![None; blocks.len()],
        places: vec![Place::default(); blocks.len()],
    };
    let mut deepest = 0;
    for block in walk.outside_in() {
        let calls = module.instructions[blocks[block].range.clone()].iter();
        let calls = calls.filter(|its| its.is(Op::FunctionCall));
        let called = calls.filter_map(|its| depths.get(its.operands().first()?)).max();
        let Levels { own, next } = walk.visit(block);
        deepest = deepest.max(next).max(own + called.copied().unwrap_or(0));
    }
    Ok(deepest)
}

/// What stands from a merge instruction to the block that it names, or a whole function.
#[derive(Default)]
struct Construct {
    /// The construct in which it stands.
    around: usize,
    /// How many are around it.
    rank: u32,
    /// The block where it ends; a function has none.
    merge: Option<usize>,
    is_loop: bool,
    /// The least rank of a construct to whose end control goes from here.
    leaves_to: u32,
    /// The level before it.
    level: u32,
}

/// Where a block stands.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The innermost construct.
    inner: usize,
    level: u32,
}

/// What a block takes.
struct Levels {
    own: u32,
    /// Of the blocks to which it leads.
    next: u32,
}

/// A walk through a function, whose blocks are known by their places in it.
struct Walk<'a> {
    module: &'a Module<'a>,
    blocks: &'a [Stated],
    at: Ids<usize>,
    constructs: Vec<Construct>,
    /// The construct that a branch to a block ends, or of a loop a round: its merge block, and of a loop its head and
    /// its continue block.
    ends: Vec<Option<usize>>,
    places: Vec<Place>,
}

impl Walk<'_> {
    /// The merge block of a block's merge instruction, then the continue block where it is a loop's.
    fn named(&self, block: usize) -> Vec<usize> {
        let its = &self.blocks[block];
        let labels = match its.merges(self.module, Op::LoopMerge) {
            Some(operands) => operands.get(..2),
            None => its.merges(self.module, Op::SelectionMerge).and_then(|its| its.get(..1)),
        };
        labels.into_iter().flatten().filter_map(|label| self.at.get(label).copied()).collect()
    }

    fn next(&self, block: usize) -> Vec<usize> {
        self.blocks[block].next.iter().filter_map(|label| self.at.get(label).copied()).collect()
    }

    /// The blocks in an order in which each comes behind all that lead to it, ways back aside, and a merge block behind
    /// the whole of its construct.
    fn outside_in(&self) -> Vec<usize> {
        let ways = |block| [self.named(block), self.next(block)].concat().into_iter();
        let (mut seen, mut order) = (vec![false; self.blocks.len()], Vec::new());
        let mut open = vec![(0, ways(0))];
        seen[0] = true;
        while let Some((block, left)) = open.last_mut() {
            match left.next() {
                Some(to) => {
                    if !std::mem::replace(&mut seen[to], true) {
                        open.push((to, ways(to)));
                    }
                }
                None => {
                    order.push(*block);
                    open.pop();
                }
            }
        }
        order.reverse();
        order
    }

    /// Passes the place of a block on to those to which it leads.
    fn visit(&mut self, block: usize) -> Levels {
        if let Some(closed) = self.ends[block].filter(|&its| self.ends_at(its, block)) {
            self.places[block] = self.close(closed);
        }
        let Place { inner, level: own } = self.places[block];
        let (targets, named) = (self.next(block), self.named(block));
        let is_loop = self.blocks[block].merges(self.module, Op::LoopMerge).is_some();
        let within = match named.first() {
            Some(&merge) => self.open(block, merge, is_loop),
            None => inner,
        };
        // What another way out than that of a loop skips becomes the other arm of a condition.
        let parts = targets.len() > 1
            && !(self.constructs[within].is_loop
                && targets.iter().any(|&to| self.ends_at(within, to)));
        let next = own
            + match (named.is_empty(), is_loop) {
                (true, _) => u32::from(parts),
                // A back end may bound a loop, which takes one more condition.
                (false, true) => 2 + u32::from(parts),
                // Each case of a switch after the first is a level deeper.
                (false, false) if self.blocks[block].switches(self.module) => targets.len() as u32,
                (false, false) => 1,
            };
        if let Some(&on) = named.get(1) {
            self.ends[on] = Some(within);
            self.places[on] = Place { inner: within, level: next };
        }
        for to in targets {
            match self.ends[to] {
                Some(ended) => {
                    let is_merge = self.ends_at(ended, to);
                    // A branch from right within a loop to its end leaves no more than the loop.
                    if !(is_merge && self.constructs[ended].is_loop && ended == inner) {
                        self.leave(within, ended);
                    }
                    if !is_merge {
                        self.places[to].level = self.places[to].level.max(next);
                    }
                }
                None => {
                    let level = self.places[to].level.max(next);
                    self.places[to] = Place { inner: within, level };
                }
            }
        }
        if self.returns(block) {
            self.leave(within, 0);
        }
        Levels { own, next }
    }

    fn ends_at(&self, construct: usize, block: usize) -> bool {
        self.constructs[construct].merge == Some(block)
    }

    /// Begins the construct of a block's merge instruction.
    fn open(&mut self, header: usize, merge: usize, is_loop: bool) -> usize {
        let Place { inner: around, level } = self.places[header];
        let (opened, rank) = (self.constructs.len(), self.constructs[around].rank + 1);
        self.constructs.push(Construct {
            around,
            rank,
            merge: Some(merge),
            is_loop,
            leaves_to: rank,
            level,
        });
        self.ends[merge] = Some(opened);
        if is_loop {
            self.ends[header] = Some(opened);
        }
        opened
    }

    /// Ends a construct. Gives the place of what follows.
    fn close(&mut self, closed: usize) -> Place {
        let Construct { around, rank, leaves_to, level, .. } = self.constructs[closed];
        let outer = &mut self.constructs[around];
        outer.leaves_to = outer.leaves_to.min(leaves_to);
        Place { inner: around, level: level + u32::from(leaves_to < rank) }
    }

    /// Notes that control goes from within one construct to the end of another around it.
    fn leave(&mut self, within: usize, ended: usize) {
        let rank = self.constructs[ended].rank;
        let leaves_to = &mut self.constructs[within].leaves_to;
        *leaves_to = (*leaves_to).min(rank);
    }

    fn returns(&self, block: usize) -> bool {
        let terminator = self.module.instructions[self.blocks[block].range.end - 1].op();
        let returns = [Op::Return, Op::ReturnValue, Op::Kill, Op::TerminateInvocation];
        terminator.is_some_and(|op| returns.contains(&op))
    }
}
