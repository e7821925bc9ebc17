//! From raw counters to costs: what each metered block costs and which counters say how often it
//! executed. Knows the layout of the counter buffer; nothing of how the numbers got there.
//!
//! The buffer has `STRIPES` stripes, each with every counter, and a counter is the sum of its stripes:
//! workgroups that run at the same time add to different ones, so that cores do not wait for each
//! other's cache line at every atomic.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Add,
};

use crate::{
    Error,
    flow::Flow,
    keyed::keyed,
    op::{Cost, Price},
    source::SourceLine,
};

/// Bytes of one counter in a stripe: the low and the high half of a u64, each a `u32`.
const COUNTER_BYTES: u32 = 8;

/// Stripes are a power of two.
pub(crate) const STRIPES: u32 = 16;

/// What stripes must not share: the unit in which caches of today keep memory.
const CACHE_LINE_BYTES: u32 = 64;

/// What a stripe holds: counters, and behind them, where an adapter has a budget of loop rounds, the
/// invocations that used it up, in one `u32` for each loop and one for those that went round none. (Each of
/// those executed tens of thousands of rounds, so hours pass before one of these wraps.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// How many counters, counter 0 included.
    pub(crate) counters: u32,
    /// How many numbers of cut invocations.
    pub(crate) cut: u32,
}

impl Rows {
    /// Bytes from one stripe to the next.
    pub(crate) const fn stripe_bytes(self) -> u32 {
        (self.counters * COUNTER_BYTES + self.cut * 4).next_multiple_of(CACHE_LINE_BYTES)
    }

    /// Where the numbers of cut invocations begin in a stripe, in `u32`s.
    pub(crate) const fn cut_limb(self) -> u32 {
        self.counters * 2
    }
}

/// A metered block: statements that execute equally often, because nothing can part them.
#[derive(Clone, Debug)]
pub struct Block {
    /// Name of the function it is in.
    pub function: String,
    /// Which function that is: one of the source may have been written several times, for the pointers that it is
    /// called with.
    pub(crate) written: Written,
    /// What one execution costs.
    pub price: Price,
    /// The part of the price whose results are never used; known for SPIR-V only.
    pub dead: Price,
    /// What it has that has no price, so that its executions cannot be counted.
    pub(crate) unpriced: Option<String>,
    /// The same by line of the source, from 1; what has no line is missing.
    pub lines: BTreeMap<u32, Price>,
    /// From its first to its last statement.
    pub span: naga::Span,
    /// How often invocations execute it, in counters.
    pub(crate) executions: Flow,
    /// How many invocations execute it together, as one: 1, or as many as hold a cooperative matrix.
    pub(crate) together: u64,
}

/// A function of the source, and which of its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written {
    pub(crate) source: u32,
    pub(crate) copy: u32,
}

/// A loop of a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    /// The line on which it begins.
    pub(crate) line: Option<SourceLine>,
    /// How many rounds it goes, in counters.
    pub(crate) rounds: Flow,
}

/// What the executions of one line of the source cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// How often it was executed; where it has parts that are not executed equally often, as the head
    /// of a `for` has, the one that was executed most. The copies of a function are executed together.
    pub executions: u64,
    /// What all of it cost together.
    pub cost: Cost,
}

impl Add for Line {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { executions: self.executions + other.executions, cost: self.cost + other.cost }
    }
}

/// What the counters of an instrumented kernel mean.
#[derive(Clone, Debug)]
pub struct BlockTable {
    pub(crate) kernel: String,
    /// Invocations in a workgroup.
    pub(crate) workgroup: u64,
    pub(crate) rows: Rows,
    /// Whether the last counter is of invocations whose own may have wrapped: where the kernel has loops in which they may.
    pub(crate) counts_overflow: bool,
    /// The adapter's budget of loop rounds, where it has one and the kernel has loops.
    pub(crate) budget: Option<u32>,
    /// The loops that may use it up.
    pub(crate) loops: Vec<Loop>,
    pub(crate) blocks: Vec<Block>,
}

/// A barrier that some invocations of a workgroup reached and others did not. The behaviour of a device is undefined there,
/// and how many workgroups waited is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnevenBarrier {
    /// Its line of the source, from 1, where it has one.
    pub line: Option<u32>,
    /// How many invocations came to it, of all workgroups together: no multiple of a workgroup's.
    pub invocations: u64,
}

impl UnevenBarrier {
    /// What is wrong, where a workgroup has so many invocations.
    pub fn in_words(&self, workgroup: u64) -> String {
        format!(
            "{} invocations in all came to a barrier, no whole number of workgroups of {workgroup}: how often one waited \
             there is not known",
            self.invocations
        )
    }
}

impl BlockTable {
    /// Bytes of the counter buffer, which is zeroed before the first dispatch. Later dispatches add to
    /// it, so one buffer may serve many and then holds their sum.
    pub fn bytes(&self) -> u64 {
        u64::from(STRIPES * self.rows.stripe_bytes())
    }

    /// The metered blocks that cost something.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// How many invocations a dispatch of so many workgroups launches.
    pub fn invocations(&self, grid: [u32; 3]) -> u64 {
        let grid = grid.into_iter().map(u64::from);
        // More than a u64 holds, no device ever ran.
        grid.fold(self.workgroup, u64::saturating_mul)
    }

    /// How many counters it has for each invocation, the one of its arrival included.
    pub fn counters(&self) -> u32 {
        self.rows.counters
    }

    /// How many invocations have handed their counters over to this buffer so far. [`Self::decode`] with this
    /// number takes what has arrived for all that was launched.
    pub fn arrived(&self, raw: &[u8]) -> u64 {
        let stripes = raw.chunks_exact(self.rows.stripe_bytes() as usize);
        let first = |stripe: &[u8]| stripe.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        stripes.map(first).fold(0, u64::wrapping_add)
    }

    /// How often each block of [`Self::blocks`] was executed by the `launched` invocations of all
    /// dispatches; `None` where the host does not know how many they were, as after an indirect dispatch,
    /// and then only whole workgroups are asked for.
    ///
    /// # Errors
    /// * [`Error::Lost`] where not all invocations have handed their counters over,
    /// * [`Error::Cut`] where the adapter ended loops before they were done,
    /// * [`Error::Uncountable`] where an operation without a price was executed, or an invocation executed code of nested
    ///   loops so often that its own counters may have wrapped,
    /// * [`Error::Kernel`] where `raw` is not the buffer that this table describes: of another size, or with
    ///   counters that no execution could have left (more rounds of a loop than entries and repetitions, say).
    pub fn decode(&self, raw: &[u8], launched: impl Into<Option<u64>>) -> Result<Vec<u64>, Error> {
        let wrong = |problem: String| Error::Kernel { kernel: self.kernel.clone(), problem };
        if raw.len() as u64 != self.bytes() {
            return Err(wrong(format!(
                "its counters take {} bytes, not {}",
                self.bytes(),
                raw.len()
            )));
        }
        let mut counters = vec![0_u64; self.rows.counters as usize];
        let mut cut = vec![0_u64; self.rows.cut as usize];
        for stripe in raw.chunks_exact(self.rows.stripe_bytes() as usize) {
            let (sums, rest) = stripe.split_at(counters.len() * COUNTER_BYTES as usize);
            for (counter, bytes) in counters.iter_mut().zip(sums.as_chunks().0) {
                *counter = counter.wrapping_add(u64::from_le_bytes(*bytes));
            }
            for (invocations, bytes) in cut.iter_mut().zip(rest.as_chunks().0) {
                *invocations += u64::from(u32::from_le_bytes(*bytes));
            }
        }
        if let Some(budget) = self.budget.filter(|_| cut.iter().any(|&n| n > 0)) {
            return Err(self.cut(budget, &cut));
        }
        let arrived = counters[0];
        // Where the host knows no number, the next whole workgroup is the least that was launched.
        let least = || arrived.checked_next_multiple_of(self.workgroup).unwrap_or(u64::MAX);
        let launched = launched.into().unwrap_or_else(least);
        if arrived != launched {
            return Err(Error::Lost { kernel: self.kernel.clone(), arrived, launched });
        }
        let uncountable = |problem: String| Error::Uncountable {
            kernel: self.kernel.clone(),
            problem,
            line: None,
        };
        if let (true, Some(overflown @ 1..)) = (self.counts_overflow, counters.last()) {
            return Err(uncountable(format!(
                "the loops of {overflown} of its invocations executed code 2^31 times or more, which may be more than \
                 they count: launch more invocations that do less each"
            )));
        }
        self.blocks
            .iter()
            .map(|block| {
                let executions = block.executions.evaluate(&counters).ok_or_else(|| {
                    wrong(format!(
                        "its counters contradict each other: a block of '{}' was left more often than entered",
                        block.function
                    ))
                })?;
                match (&block.unpriced, block.together) {
                    (Some(problem), _) if executions > 0 => Err(uncountable(problem.clone())),
                    (_, lanes) if executions.is_multiple_of(lanes) => Ok(executions / lanes),
                    (_, lanes) => Err(uncountable(format!(
                        "{executions} invocations came to what {lanes} do together"
                    ))),
                }
            })
            .collect()
    }

    fn cut(&self, budget: u32, cut: &[u64]) -> Error {
        let lines = self.loops.iter().map(|its| its.line.as_ref()).chain([None]);
        let mut loops: BTreeMap<Option<&SourceLine>, u64> = BTreeMap::new();
        for (line, &invocations) in lines.zip(cut).filter(|&(_, &n)| n > 0) {
            *loops.entry(line).or_default() += invocations;
        }
        let mut loops: Vec<_> = loops.into_iter().map(|(line, n)| (line.cloned(), n)).collect();
        loops.sort_by_key(|&(_, invocations)| std::cmp::Reverse(invocations));
        let invocations = cut.iter().sum();
        Error::Cut { kernel: self.kernel.clone(), invocations, budget, loops }
    }

    /// The same by line of the source, from 1. What has no line is missing, and so is a line that
    /// costs nothing.
    ///
    /// # Panics
    /// If `executions` has another length than the table has blocks.
    pub fn lines(&self, executions: &[u64]) -> BTreeMap<u32, Line> {
        assert_eq!(executions.len(), self.blocks.len(), "as many executions as blocks");
        let mut lines: BTreeMap<u32, Line> = BTreeMap::new();
        // The most that one part of a line was executed, by copy of its function.
        let mut most: BTreeMap<(u32, Written), u64> = BTreeMap::new();
        for (block, &times) in self.blocks.iter().zip(executions) {
            for (&line, price) in &block.lines {
                price.charge_to(&mut lines.entry(line).or_default().cost, times);
                let most = most.entry((line, block.written)).or_default();
                *most = times.max(*most);
            }
        }
        let (mut before, mut together) = (None, 0);
        for ((line, Written { source, copy: _ }), times) in most {
            if before.replace((line, source)) != Some((line, source)) {
                together = 0;
            }
            together += times;
            let line = lines.entry(line).or_default();
            line.executions = line.executions.max(together);
        }
        for line in lines.values_mut() {
            line.cost = line.cost.barriers_once(self.workgroup);
        }
        lines
    }

    /// The part of the cost whose results are never used.
    ///
    /// # Panics
    /// If `executions` has another length than the table has blocks.
    pub fn dead(&self, executions: &[u64]) -> Cost {
        assert_eq!(executions.len(), self.blocks.len(), "as many executions as blocks");
        let mut cost = Cost::default();
        for (block, &times) in self.blocks.iter().zip(executions) {
            block.dead.charge_to(&mut cost, times);
        }
        cost
    }

    /// The barriers that a number of invocations reached which is no multiple of a workgroup. Barriers where parts of
    /// workgroups add up to whole workgroups are not among them, since workgroups are not counted one by one.
    ///
    /// # Panics
    /// If `executions` has another length than the table has blocks.
    pub fn uneven_barriers(&self, executions: &[u64]) -> Vec<UnevenBarrier> {
        assert_eq!(executions.len(), self.blocks.len(), "as many executions as blocks");
        let mut found = Vec::new();
        for (block, &invocations) in self.blocks.iter().zip(executions) {
            if !block.price.has_barriers() || invocations.is_multiple_of(self.workgroup.max(1)) {
                continue;
            }
            let mut lines = block.lines.iter().filter(|(_, price)| price.has_barriers()).peekable();
            if lines.peek().is_none() {
                found.push(UnevenBarrier { line: None, invocations });
            }
            found.extend(lines.map(|(&line, _)| UnevenBarrier { line: Some(line), invocations }));
        }
        found
    }

    /// What all executions cost together.
    ///
    /// # Panics
    /// If `executions` has another length than the table has blocks.
    pub fn cost(&self, executions: &[u64]) -> Cost {
        assert_eq!(executions.len(), self.blocks.len(), "as many executions as blocks");
        let mut cost = Cost::default();
        for (block, &times) in self.blocks.iter().zip(executions) {
            block.price.charge_to(&mut cost, times);
        }
        cost.barriers_once(self.workgroup)
    }
}

/// Leaves out the counters on which no block and no loop depends, and gives the others new names. Returns what
/// those that are left were called, in the order of their new names.
pub(crate) fn without_idle_counters(blocks: &mut [Block], loops: &mut [Loop]) -> BTreeSet<u32> {
    let flows = |blocks: &mut [Block], loops: &mut [Loop], visit: &mut dyn FnMut(&mut Flow)| {
        blocks.iter_mut().for_each(|block| visit(&mut block.executions));
        loops.iter_mut().for_each(|its| visit(&mut its.rounds));
    };
    let mut used = BTreeSet::from([0]);
    flows(blocks, loops, &mut |flow| used.extend(flow.counters()));
    let names = keyed(used.iter().copied().zip(0..));
    flows(blocks, loops, &mut |flow| *flow = flow.renamed(|counter| names[&counter]));
    used
}
