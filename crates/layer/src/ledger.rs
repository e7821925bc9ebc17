//! Which dispatches were recorded and submitted, in which order, and when what one of them left may be read: times, or
//! copies of counters. It is left in slots, which are numbers here; the file knows no Vulkan.

use std::collections::{BTreeSet, HashMap};

/// Where a dispatch leaves something.
pub(crate) type Slot = u32;

/// A dispatch as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dispatch {
    pub(crate) kernel: usize,
    /// How many workgroups; `None` where the device alone knows.
    pub(crate) grid: Option<[u32; 3]>,
    /// Where it leaves something; `None` where there was no room.
    pub(crate) slot: Option<Slot>,
}

/// A dispatch that was submitted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row<V> {
    pub(crate) kernel: usize,
    /// As in [`Dispatch`].
    pub(crate) grid: Option<[u32; 3]>,
    /// What it left; `None` where that was not read before another dispatch took its place.
    pub(crate) found: Option<V>,
}

/// The dispatches of one command buffer.
#[derive(Debug, Default)]
struct Recorded {
    dispatches: Vec<Dispatch>,
    /// Slots that belong to this command buffer, and not to a secondary one that it executes.
    own: Vec<Slot>,
    /// Where it is a secondary command buffer: those that executed it, some of which may be recorded anew since.
    executed_by: BTreeSet<u64>,
    /// The number of its first dispatch in the last submission, where that has not been read.
    pending: Option<u64>,
    /// Whether it may be submitted again before it has come to its end.
    simultaneous: bool,
}

/// How what is in the slot of a dispatch is read; `None` where it is not there.
pub(crate) type Read<'a, V> = dyn FnMut(Dispatch, Slot) -> Option<V> + 'a;

/// The dispatches of one device.
#[derive(Debug)]
pub(crate) struct Ledger<V> {
    recorded: HashMap<u64, Recorded>,
    /// The command buffers of which the last submission has not been read.
    pending: BTreeSet<u64>,
    /// The number of the last dispatch that was submitted to write to each slot.
    last: HashMap<Slot, u64>,
    submitted: u64,
    rows: Vec<Row<V>>,
    kept: usize,
}

impl<V> Ledger<V> {
    /// Nothing so far. The first `kept` dispatches are to be told one by one.
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            recorded: HashMap::new(),
            pending: BTreeSet::new(),
            last: HashMap::new(),
            submitted: 0,
            rows: Vec::new(),
            kept,
        }
    }

    /// The first dispatches that were submitted, in order.
    pub(crate) fn rows(&self) -> &[Row<V>] {
        &self.rows
    }

    /// How many were submitted behind them.
    pub(crate) fn left_out(&self) -> u64 {
        self.submitted - self.rows.len() as u64
    }

    /// What a command buffer dispatches, with all that it executes.
    pub(crate) fn recorded(&self, commands: u64) -> &[Dispatch] {
        self.recorded.get(&commands).map_or(&[], |recorded| &recorded.dispatches)
    }

    /// A dispatch is being recorded.
    pub(crate) fn dispatch(&mut self, commands: u64, dispatch: Dispatch) {
        let recorded = self.recorded.entry(commands).or_default();
        recorded.dispatches.push(dispatch);
        recorded.own.extend(dispatch.slot);
    }

    /// A secondary command buffer is executed by another.
    pub(crate) fn execute(&mut self, commands: u64, secondary: u64) {
        let Some(secondary) = self.recorded.get_mut(&secondary) else { return };
        secondary.executed_by.insert(commands);
        let dispatches = secondary.dispatches.clone();
        self.recorded.entry(commands).or_default().dispatches.extend(dispatches);
    }

    /// A command buffer is recorded anew. Returns the slots that it gives back.
    #[must_use]
    pub(crate) fn begin(
        &mut self,
        commands: u64,
        simultaneous: bool,
        read: &mut Read<'_, V>,
    ) -> Vec<Slot> {
        let own = self.forget(commands, read);
        self.recorded.entry(commands).or_default().simultaneous = simultaneous;
        own
    }

    /// A command buffer is about to be submitted. If it was submitted before, it has come to its end; of one that may
    /// run several times at once, the last run alone is read in the end.
    pub(crate) fn submit(&mut self, commands: u64, read: &mut Read<'_, V>) {
        if self.recorded.get(&commands).is_some_and(|recorded| !recorded.simultaneous) {
            self.collect(commands, read);
        }
        let Some(recorded) = self.recorded.get_mut(&commands) else { return };
        recorded.pending = Some(self.submitted);
        self.pending.insert(commands);
        for (number, &Dispatch { kernel, grid, slot }) in
            (self.submitted..).zip(&recorded.dispatches)
        {
            self.last.extend(slot.map(|slot| (slot, number)));
            if self.rows.len() < self.kept {
                self.rows.push(Row { kernel, grid, found: None });
            }
        }
        self.submitted += recorded.dispatches.len() as u64;
    }

    /// A command buffer is gone, as are the runs of those that executed it. Returns the slots that it gives back.
    #[must_use]
    pub(crate) fn forget(&mut self, commands: u64, read: &mut Read<'_, V>) -> Vec<Slot> {
        self.collect(commands, read);
        let Some(Recorded { own, executed_by, .. }) = self.recorded.remove(&commands) else {
            return Vec::new();
        };
        for primary in executed_by {
            let still = self.recorded.get(&primary).is_some_and(|primary| {
                let mut slots = primary.dispatches.iter().filter_map(|dispatch| dispatch.slot);
                slots.any(|slot| own.contains(&slot))
            });
            if still {
                self.collect(primary, read);
            }
        }
        own.iter().for_each(|slot| {
            self.last.remove(slot);
        });
        own
    }

    /// Reads everything that is there to be read.
    pub(crate) fn collect_all(&mut self, read: &mut Read<'_, V>) {
        let all = std::mem::take(&mut self.pending);
        all.into_iter().for_each(|commands| self.collect(commands, read));
    }

    fn collect(&mut self, commands: u64, read: &mut Read<'_, V>) {
        let Some(recorded) = self.recorded.get_mut(&commands) else { return };
        let Some(first) = recorded.pending.take() else { return };
        self.pending.remove(&commands);
        for (number, &dispatch) in (first..).zip(&recorded.dispatches) {
            // A secondary command buffer that was executed again has overwritten what it left before.
            let slot = dispatch.slot.filter(|slot| self.last.get(slot) == Some(&number));
            let found = slot.and_then(|slot| read(dispatch, slot));
            if let Some(row) = usize::try_from(number).ok().and_then(|at| self.rows.get_mut(at)) {
                row.found = found;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dispatch(kernel: usize, slot: Slot) -> Dispatch {
        Dispatch { kernel, grid: Some([1; 3]), slot: Some(slot) }
    }

    /// What was found, by kernel.
    fn found(ledger: &Ledger<u64>) -> Vec<(usize, Option<u64>)> {
        ledger.rows().iter().map(|row| (row.kernel, row.found)).collect()
    }

    #[test]
    fn each_submission_is_read_once() {
        let mut ledger = Ledger::new(100);
        let mut runs = 0;
        let mut read = |_: Dispatch, slot: Slot| {
            runs += 1;
            Some(10 * runs + u64::from(slot))
        };
        ledger.dispatch(1, dispatch(7, 0));
        ledger.dispatch(1, dispatch(8, 1));
        ledger.dispatch(2, dispatch(7, 2));
        ledger.execute(1, 2);
        ledger.submit(1, &mut read);
        assert_eq!(found(&ledger), [(7, None), (8, None), (7, None)], "nothing has ended");
        ledger.submit(1, &mut read);
        assert_eq!(ledger.forget(1, &mut read), [0, 1], "one slot is the secondary's own");
        let expected = [(7, 10), (8, 21), (7, 32), (7, 40), (8, 51), (7, 62)];
        let expected = expected.map(|(kernel, found)| (kernel, Some(found)));
        assert_eq!(found(&ledger), expected);
        ledger.collect_all(&mut read);
        assert_eq!(found(&ledger), expected);
        assert_eq!(ledger.forget(2, &mut read), [2]);
    }

    #[test]
    fn of_what_runs_several_times_at_once_the_last_run_is_read() {
        let mut ledger: Ledger<u64> = Ledger::new(100);
        assert_eq!(ledger.begin(1, true, &mut |_, _| None), [0; 0]);
        ledger.dispatch(1, dispatch(0, 0));
        ledger.submit(1, &mut |_, _| panic!("it may be running"));
        ledger.submit(1, &mut |_, _| panic!("it may be running"));
        assert_eq!(ledger.begin(1, false, &mut |_, _| Some(5)), [0]);
        assert_eq!(found(&ledger), [(0, None), (0, Some(5))]);
    }

    #[test]
    fn what_a_secondary_left_first_is_not_taken_for_what_it_left_last() {
        let mut ledger: Ledger<u64> = Ledger::new(100);
        ledger.dispatch(9, dispatch(3, 0));
        // Executed twice by one command buffer, and once more by another.
        [1, 1, 2].into_iter().for_each(|primary| ledger.execute(primary, 9));
        ledger.submit(1, &mut |_, _| None);
        ledger.submit(2, &mut |_, _| None);
        ledger.collect_all(&mut |_, _| Some(4));
        assert_eq!(found(&ledger), [(3, None), (3, None), (3, Some(4))]);
    }

    #[test]
    fn what_a_secondary_left_is_read_before_its_slots_are_given_back() {
        let mut ledger: Ledger<u64> = Ledger::new(100);
        ledger.dispatch(9, dispatch(3, 0));
        ledger.execute(1, 9);
        ledger.submit(1, &mut |_, _| None);
        // It executed the secondary and is recorded anew, and running.
        ledger.execute(2, 9);
        let _ = ledger.begin(2, false, &mut |_, _| None);
        ledger.dispatch(2, dispatch(4, 1));
        ledger.submit(2, &mut |_, _| None);
        assert_eq!(ledger.forget(9, &mut |_, slot| Some(7 + u64::from(slot))), [0]);
        assert_eq!(found(&ledger), [(3, Some(7)), (4, None)]);
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut ledger: Ledger<u64> = Ledger::new(2);
        (0..3).for_each(|slot| ledger.dispatch(1, dispatch(0, slot)));
        ledger.dispatch(1, Dispatch { slot: None, ..dispatch(0, 0) });
        let mut read = 0;
        ledger.submit(1, &mut |_, _| None);
        ledger.collect_all(&mut |_, _| {
            read += 1;
            Some(1)
        });
        assert_eq!(read, 3, "sums have what is not kept, and there is nothing without a slot");
        assert_eq!((found(&ledger), ledger.left_out()), (vec![(0, Some(1)); 2], 2));
    }
}
