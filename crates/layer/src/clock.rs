//! Which timestamps belong to which dispatch, and what they add up to by kernel. Slots are numbers here; the file knows
//! no Vulkan.

use std::collections::{BTreeMap, HashMap};

/// Where a dispatch leaves when it began and ended.
pub(crate) type Slot = u32;

/// Times of one kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// Dispatches that were timed.
    pub(crate) dispatches: u64,
    /// How long they took together.
    pub(crate) ticks: u64,
}

/// The dispatches of one command buffer.
#[derive(Debug, Default)]
struct Recorded {
    /// Each dispatch's kernel, and its slot.
    dispatches: Vec<(usize, Slot)>,
    /// Slots that belong to this command buffer, and not to a secondary one that it executes.
    own: Vec<Slot>,
    /// Whether it was submitted, and its slots have not been read since.
    pending: bool,
    /// Whether it may be submitted again before it has come to its end.
    simultaneous: bool,
}

/// What was timed on one device.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    recorded: HashMap<u64, Recorded>,
    free: Vec<Slot>,
    next: Slot,
    /// By kernel.
    pub(crate) times: BTreeMap<usize, Times>,
}

impl Clock {
    /// A slot for a dispatch of a kernel that is being recorded.
    pub(crate) fn dispatch(&mut self, commands: u64, kernel: usize) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        let recorded = self.recorded.entry(commands).or_default();
        recorded.dispatches.push((kernel, slot));
        recorded.own.push(slot);
        slot
    }

    /// A secondary command buffer is executed by another.
    pub(crate) fn execute(&mut self, commands: u64, secondary: u64) {
        let dispatches = self.recorded.get(&secondary).map(|its| its.dispatches.clone());
        let recorded = self.recorded.entry(commands).or_default();
        recorded.dispatches.extend(dispatches.unwrap_or_default());
    }

    /// A command buffer is recorded anew. `read` gives the ticks of a slot, `None` where they are not known.
    pub(crate) fn begin(
        &mut self,
        commands: u64,
        simultaneous: bool,
        read: impl Fn(Slot) -> Option<u64>,
    ) {
        self.forget(commands, read);
        self.recorded.entry(commands).or_default().simultaneous = simultaneous;
    }

    /// A command buffer is about to be submitted. If it was submitted before, it has come to its end; of one that may
    /// run several times at once, the last run alone is read in the end.
    pub(crate) fn submit(&mut self, commands: u64, read: impl Fn(Slot) -> Option<u64>) {
        if self.recorded.get(&commands).is_some_and(|recorded| !recorded.simultaneous) {
            self.collect(commands, read);
        }
        if let Some(recorded) = self.recorded.get_mut(&commands) {
            recorded.pending = true;
        }
    }

    /// A command buffer is gone.
    pub(crate) fn forget(&mut self, commands: u64, read: impl Fn(Slot) -> Option<u64>) {
        self.collect(commands, read);
        if let Some(recorded) = self.recorded.remove(&commands) {
            self.free.extend(recorded.own);
        }
    }

    /// Reads everything that is there to be read.
    pub(crate) fn collect_all(&mut self, read: impl Fn(Slot) -> Option<u64>) {
        let all: Vec<u64> = self.recorded.keys().copied().collect();
        all.into_iter().for_each(|commands| self.collect(commands, &read));
    }

    fn collect(&mut self, commands: u64, read: impl Fn(Slot) -> Option<u64>) {
        let Some(recorded) = self.recorded.get_mut(&commands).filter(|its| its.pending) else {
            return;
        };
        recorded.pending = false;
        for &(kernel, slot) in &recorded.dispatches {
            if let Some(ticks) = read(slot) {
                let times = self.times.entry(kernel).or_default();
                times.dispatches += 1;
                times.ticks = times.ticks.saturating_add(ticks);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_submission_is_read_once() {
        let mut clock = Clock::default();
        let ticks = |slot: Slot| Some(10 + u64::from(slot));
        let slots = [clock.dispatch(1, 7), clock.dispatch(1, 8), clock.dispatch(2, 7)];
        assert_eq!(slots, [0, 1, 2]);
        clock.execute(1, 2);
        clock.submit(1, ticks);
        assert_eq!(clock.times, BTreeMap::new(), "nothing has come to its end");
        clock.submit(1, ticks);
        clock.forget(1, ticks);
        let times = |dispatches, ticks| Times { dispatches, ticks };
        let expected = [(7, times(4, 2 * (10 + 12))), (8, times(2, 2 * 11))];
        assert_eq!(clock.times, expected.into());
        clock.collect_all(ticks);
        assert_eq!(clock.times, expected.into());
        // The slot of the secondary command buffer is still its own.
        assert_eq!([clock.dispatch(3, 7), clock.dispatch(3, 7)], [1, 0]);
        assert_eq!(clock.dispatch(3, 7), 3);
    }

    #[test]
    fn of_what_runs_several_times_at_once_the_last_run_is_read() {
        let mut clock = Clock::default();
        clock.begin(1, true, |_| None);
        clock.dispatch(1, 0);
        clock.submit(1, |_| panic!("it may be running"));
        clock.submit(1, |_| panic!("it may be running"));
        clock.begin(1, false, |_| Some(5));
        assert_eq!(clock.times, [(0, Times { dispatches: 1, ticks: 5 })].into());
    }

    #[test]
    fn what_did_not_end_is_not_timed() {
        let mut clock = Clock::default();
        clock.dispatch(1, 0);
        clock.submit(1, |_| None);
        clock.collect_all(|_| None);
        assert_eq!(clock.times, BTreeMap::new());
    }
}
