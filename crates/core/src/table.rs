//! From raw counters to costs: what each metered block costs and which counters say how often it
//! executed. Knows the layout of the counter buffer; nothing of how the numbers got there.
//!
//! The buffer has [`STRIPES`] stripes, each with every counter, and a counter is the sum of its stripes:
//! workgroups that run at the same time add to different ones, so that cores do not wait for each
//! other's cache line at every atomic.

use std::collections::BTreeMap;

use crate::{Error, flow::Flow, op::Cost};

/// Bytes of one counter in a stripe: the low and the high half of a u64, each a `u32`.
const COUNTER_BYTES: u32 = 8;

/// Stripes are a power of two.
pub(crate) const STRIPES: u32 = 16;

/// What stripes must not share: the unit in which caches of today keep memory.
const CACHE_LINE_BYTES: u32 = 64;

/// Bytes from one stripe of so many counters to the next.
pub(crate) const fn stripe_bytes(counters: u32) -> u32 {
    (counters * COUNTER_BYTES).next_multiple_of(CACHE_LINE_BYTES)
}

/// A metered block: statements that execute equally often, because nothing can part them.
#[derive(Clone, Debug)]
pub struct Block {
    /// Name of the function it is in.
    pub function: String,
    /// What one execution costs.
    pub cost: Cost,
    /// The same by line of the source, from 1; what has no line is missing.
    pub lines: BTreeMap<u32, Cost>,
    /// From its first to its last statement.
    pub span: naga::Span,
    /// How often it executes, in counters.
    pub(crate) executions: Flow,
}

/// What the executions of one line of the source cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// How often it was executed; where it has parts that are not executed equally often, as the head
    /// of a `for` has, the one that was executed most.
    pub executions: u64,
    /// What all of it cost together.
    pub cost: Cost,
}

/// What the counters of an instrumented kernel mean.
#[derive(Clone, Debug)]
pub struct BlockTable {
    pub(crate) kernel: String,
    pub(crate) counters: u32,
    pub(crate) blocks: Vec<Block>,
}

impl BlockTable {
    /// Bytes of the counter buffer, which is zeroed before the first dispatch. Later dispatches add to
    /// it, so one buffer may serve many and then holds their sum.
    pub fn bytes(&self) -> u64 {
        u64::from(STRIPES * stripe_bytes(self.counters))
    }

    /// The metered blocks that cost something.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// How often each block of [`Self::blocks`] was executed.
    ///
    /// Fails where `raw` is not the buffer that this table describes: of another size, or with counters
    /// that no execution could have left (more rounds of a loop than entries and repetitions, say).
    pub fn decode(&self, raw: &[u8]) -> Result<Vec<u64>, Error> {
        let wrong = |problem: String| Error::Kernel { kernel: self.kernel.clone(), problem };
        if raw.len() as u64 != self.bytes() {
            return Err(wrong(format!(
                "its counters take {} bytes, not {}",
                self.bytes(),
                raw.len()
            )));
        }
        let mut counters = vec![0_u64; self.counters as usize];
        for stripe in raw.chunks_exact(stripe_bytes(self.counters) as usize) {
            let (stripe, _) = stripe.as_chunks::<{ COUNTER_BYTES as usize }>();
            for (counter, bytes) in counters.iter_mut().zip(stripe) {
                *counter = counter.wrapping_add(u64::from_le_bytes(*bytes));
            }
        }
        self.blocks
            .iter()
            .map(|block| {
                block.executions.evaluate(&counters).ok_or_else(|| {
                    wrong(format!(
                        "its counters contradict each other: a block of '{}' was left more often than entered",
                        block.function
                    ))
                })
            })
            .collect()
    }

    /// The same by line of the source, from 1. What has no line is missing, and so is a line that
    /// costs nothing.
    pub fn lines(&self, executions: &[u64]) -> BTreeMap<u32, Line> {
        assert_eq!(executions.len(), self.blocks.len(), "as many executions as blocks");
        let mut lines: BTreeMap<u32, Line> = BTreeMap::new();
        for (block, &times) in self.blocks.iter().zip(executions) {
            for (&line, cost) in &block.lines {
                let line = lines.entry(line).or_default();
                line.executions = line.executions.max(times);
                line.cost = line.cost + cost.times(times);
            }
        }
        lines
    }

    /// What all executions cost together.
    pub fn cost(&self, executions: &[u64]) -> Cost {
        assert_eq!(executions.len(), self.blocks.len(), "as many executions as blocks");
        self.blocks.iter().zip(executions).map(|(block, &times)| block.cost.times(times)).sum()
    }
}
