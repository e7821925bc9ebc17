//! What is looked at around each dispatch, in runs that ask for it: the device's clock, or the counters of the kernel.
//! Knows which slots are whose; nothing of recordings.

use std::collections::BTreeMap;

use ash::vk::{self, Handle as _};

use crate::{
    copies::{CopyPool, Counters},
    decode::{State, decode},
    ledger::{Dispatch, Ledger, Row, Slot},
    queries::Queries,
    tally::{Gone, Launches},
};

/// Dispatches that are told one by one, at most. The recording of so many takes a few MiB.
pub(crate) const KEPT: usize = 1 << 14;

/// What is put around dispatches.
pub(crate) enum Marks {
    /// Timestamps.
    Times(Box<Queries>),
    /// Copies of counters.
    Counts(Box<CopyPool>),
}

/// What lies between the marks of one dispatch.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// Ticks of the device's clock.
    Ticks(u64),
    /// What it executed.
    Counted(Box<Gone>),
}

/// Times of one kernel over one grid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Dispatches that were submitted.
    pub(crate) submitted: u64,
    /// Those of them that were timed.
    pub(crate) dispatches: u64,
    /// How long these took together.
    pub(crate) ticks: u64,
}

/// Times by kernel and grid, which is `None` where the device alone knows it.
type ByGrid = BTreeMap<(usize, Option<[u32; 3]>), Times>;

/// The dispatches of one device, and what was seen around them.
pub(crate) struct Watch {
    marks: Marks,
    ledger: Ledger<Found>,
    /// Whether dispatches are told one by one.
    each: bool,
    times: ByGrid,
}

impl Watch {
    /// Puts marks around dispatches, the first of which are told one by one where `each` is set.
    pub(crate) fn new(marks: Marks, each: bool) -> Self {
        let kept = if each { KEPT } else { 0 };
        Self { marks, ledger: Ledger::new(kept), each, times: BTreeMap::new() }
    }

    /// Nanoseconds of a tick; `None` where nothing is timed.
    pub(crate) fn period(&self) -> Option<f64> {
        match &self.marks {
            Marks::Times(queries) => Some(queries.period),
            Marks::Counts(_) => None,
        }
    }

    /// Times of a kernel, grid by grid.
    pub(crate) fn times(
        &self,
        kernel: usize,
    ) -> impl Iterator<Item = (Option<[u32; 3]>, Times)> + '_ {
        let of_kernel = self.times.range((kernel, None)..(kernel + 1, None));
        of_kernel.map(|(&(_, grid), &times)| (grid, times))
    }

    /// The first dispatches that were submitted, in order, and how many there were behind them; `None` where they are
    /// not to be told one by one.
    pub(crate) fn rows(&self) -> Option<(&[Row<Found>], u64)> {
        self.each.then(|| (self.ledger.rows(), self.ledger.left_out()))
    }

    /// Records what `dispatch` records, which dispatches workgroups of a kernel, with marks around it. `counters` are
    /// the kernel's, where it counts.
    pub(crate) fn around(
        &mut self,
        commands: vk::CommandBuffer,
        kernel: usize,
        grid: Option<[u32; 3]>,
        counters: Option<&Counters>,
        dispatch: impl FnOnce(),
    ) {
        let slot = match &mut self.marks {
            Marks::Times(queries) => queries.take(),
            Marks::Counts(copies) => counters.and_then(|counters| copies.take(counters)),
        };
        self.ledger.dispatch(commands.as_raw(), Dispatch { kernel, grid, slot });
        match (&self.marks, slot) {
            (Marks::Times(queries), Some(slot)) => queries.around(commands, slot, dispatch),
            (Marks::Counts(copies), Some(slot)) => copies.around(commands, slot, dispatch),
            (_, None) => dispatch(),
        }
    }

    /// As [`Ledger::execute`].
    pub(crate) fn execute(&mut self, commands: u64, secondary: u64) {
        self.ledger.execute(commands, secondary);
    }

    /// As [`Ledger::begin`].
    pub(crate) fn begin(&mut self, commands: u64, simultaneous: bool) {
        let Self { marks, ledger, times, each: _ } = self;
        let own = ledger.begin(commands, simultaneous, &mut |dispatch, slot| {
            read(marks, times, dispatch, slot)
        });
        self.give(&own);
    }

    /// As [`Ledger::submit`].
    pub(crate) fn submit(&mut self, commands: u64) {
        let Self { marks, ledger, times, each: _ } = self;
        ledger.submit(commands, &mut |dispatch, slot| read(marks, times, dispatch, slot));
        if matches!(marks, Marks::Times(_)) {
            for &Dispatch { kernel, grid, slot: _ } in ledger.recorded(commands) {
                times.entry((kernel, grid)).or_default().submitted += 1;
            }
        }
    }

    /// As [`Ledger::forget`].
    pub(crate) fn forget(&mut self, commands: u64) {
        let Self { marks, ledger, times, each: _ } = self;
        let own = ledger.forget(commands, &mut |dispatch, slot| read(marks, times, dispatch, slot));
        self.give(&own);
    }

    /// As [`Ledger::collect_all`].
    pub(crate) fn collect_all(&mut self) {
        let Self { marks, ledger, times, each: _ } = self;
        ledger.collect_all(&mut |dispatch, slot| read(marks, times, dispatch, slot));
    }

    fn give(&mut self, slots: &[Slot]) {
        slots.iter().for_each(|&slot| match &mut self.marks {
            Marks::Times(queries) => queries.give(slot),
            Marks::Counts(copies) => copies.give(slot),
        });
    }

    /// Frees what the marks take on the device. No command buffer that writes them is in use any more.
    pub(crate) fn free(&mut self) {
        match &mut self.marks {
            Marks::Times(queries) => queries.free(),
            Marks::Counts(copies) => copies.free(),
        }
    }
}

/// What lies between the marks of a dispatch. Its time is added to those of its kernel.
fn read(
    marks: &Marks,
    times: &mut ByGrid,
    Dispatch { kernel, grid, slot: _ }: Dispatch,
    slot: Slot,
) -> Option<Found> {
    match marks {
        Marks::Times(queries) => {
            let ticks = queries.read(slot)?;
            let times = times.entry((kernel, grid)).or_default();
            times.dispatches += 1;
            times.ticks = times.ticks.saturating_add(ticks);
            Some(Found::Ticks(ticks))
        }
        Marks::Counts(copies) => {
            let (table, raw) = copies.read(slot)?;
            let counted = decode(table, &raw, Launches::of(grid), State::Idle);
            // Lines are told of all dispatches of a kernel together.
            Some(Found::Counted(Gone { lines: BTreeMap::new(), ..counted }.into()))
        }
    }
}
