//! Which submissions are known to have come to their end: those whose queue, fence or semaphore the program has waited
//! for, or asked about. Handles are numbers here; the file waits for nothing.

use std::collections::{BTreeMap, HashMap};

/// How much had been submitted to a queue.
#[derive(Clone, Copy, Debug)]
struct Point {
    queue: u64,
    batches: u64,
}

/// Batches that dispatch, of one queue.
#[derive(Debug, Default)]
struct Queue {
    submitted: u64,
    /// How many of them, from the first on, are known to have ended.
    ended: u64,
}

/// What the program has seen to end.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    queues: HashMap<u64, Queue>,
    /// What has ended where a fence is signalled: all that its queue was given before.
    fences: HashMap<u64, Point>,
    /// The same where a semaphore has come to a value.
    semaphores: HashMap<u64, BTreeMap<u64, Point>>,
}

impl Ends {
    /// A batch is about to be submitted, which brings semaphores that count to these values.
    pub(super) fn batch(&mut self, queue: u64, dispatches: bool, signals: &[(u64, u64)]) {
        self.queues.entry(queue).or_default().submitted += u64::from(dispatches);
        if let Some(point) = self.open(queue) {
            for &(semaphore, value) in signals {
                self.semaphores.entry(semaphore).or_default().insert(value, point);
            }
        }
    }

    /// A fence is about to be submitted, behind all that its queue was given before.
    pub(super) fn fence(&mut self, queue: u64, fence: u64) {
        if let Some(point) = self.open(queue) {
            self.fences.insert(fence, point);
        }
    }

    /// All that a queue was given; `None` where it is known to have ended.
    fn open(&self, queue: u64) -> Option<Point> {
        let its = self.queues.get(&queue)?;
        (its.submitted > its.ended).then_some(Point { queue, batches: its.submitted })
    }

    fn come_to(&mut self, Point { queue, batches }: Point) {
        let its = self.queues.entry(queue).or_default();
        if batches > its.ended {
            its.ended = batches;
            self.forget();
        }
    }

    /// Drops what says no more than is known, so that no more is kept than is under way.
    fn forget(&mut self) {
        let Self { queues, fences, semaphores } = self;
        let is_open = |point: &Point| queues[&point.queue].ended < point.batches;
        fences.retain(|_, point| is_open(point));
        semaphores.values_mut().for_each(|points| points.retain(|_, point| is_open(point)));
        semaphores.retain(|_, points| !points.is_empty());
    }

    /// A fence was seen to be signalled.
    pub(crate) fn signalled(&mut self, fence: u64) {
        self.fences.remove(&fence).into_iter().for_each(|point| self.come_to(point));
    }

    /// A semaphore was seen to have come to a value.
    pub(crate) fn reached(&mut self, semaphore: u64, value: u64) {
        let Some(points) = self.semaphores.get_mut(&semaphore) else { return };
        let later = value.checked_add(1).map(|next| points.split_off(&next)).unwrap_or_default();
        let before = std::mem::replace(points, later);
        before.into_values().for_each(|point| self.come_to(point));
    }

    /// A queue was seen to be idle.
    pub(crate) fn idle(&mut self, queue: u64) {
        self.open(queue).into_iter().for_each(|point| self.come_to(point));
    }

    /// The device was seen to be idle.
    pub(crate) fn all_idle(&mut self) {
        self.queues.values_mut().for_each(|its| its.ended = its.submitted);
        self.forget();
    }

    /// Whether everything that was submitted is known to have ended.
    pub(crate) fn all_ended(&self) -> bool {
        self.queues.values().all(|its| its.ended == its.submitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_says_what_came_before_it_on_its_queue() {
        let mut ends = Ends::default();
        assert!(ends.all_ended());
        ends.batch(1, true, &[]);
        ends.fence(1, 70);
        ends.batch(1, false, &[]);
        ends.signalled(71);
        assert!(!ends.all_ended());
        ends.signalled(70);
        assert!(ends.all_ended(), "what came behind the fence dispatches nothing");
        // A fence that is used again says no more than what it was used for before.
        ends.batch(1, true, &[]);
        ends.signalled(70);
        assert!(!ends.all_ended());
        ends.fence(1, 70);
        ends.batch(2, true, &[]);
        ends.signalled(70);
        assert!(!ends.all_ended(), "another queue has something to do");
        ends.idle(2);
        assert!(ends.all_ended());
    }

    #[test]
    fn no_more_is_kept_than_is_under_way() {
        let mut ends = Ends::default();
        for frame in 0..100 {
            ends.batch(1, true, &[(80, frame)]);
            ends.fence(1, 70 + frame % 2);
            ends.signalled(70 + frame % 2);
        }
        assert!(ends.fences.is_empty() && ends.semaphores.is_empty(), "{ends:?}");
        ends.batch(1, true, &[(80, 100)]);
        ends.batch(2, true, &[(81, 1)]);
        ends.idle(1);
        assert_eq!((ends.semaphores.len(), ends.fences.len()), (1, 0));
        ends.all_idle();
        assert!(ends.semaphores.is_empty());
    }

    #[test]
    fn a_semaphore_says_what_brought_it_to_its_value() {
        let mut ends = Ends::default();
        ends.batch(1, true, &[(80, 5)]);
        ends.batch(1, true, &[(80, 9)]);
        ends.reached(80, 8);
        assert!(!ends.all_ended());
        ends.reached(80, u64::MAX);
        assert!(ends.all_ended());
        ends.batch(1, true, &[]);
        ends.reached(80, u64::MAX);
        assert!(!ends.all_ended());
        ends.all_idle();
        assert!(ends.all_ended());
    }
}
