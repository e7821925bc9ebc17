//! Which counters pipelines add to: those of one kernel share them, so that a driver is given the same words for all and
//! finds what it has compiled. Kernels are numbers here; the file knows no memory.

use std::collections::{BTreeMap, HashMap};

use super::commands::Launches;
use crate::arena::Window;

/// What adds to some counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counting {
    pub(crate) kernel: usize,
    /// How many pipelines, those included that are being made.
    pipelines: usize,
    /// What was submitted of them.
    pub(crate) launches: Launches,
}

/// All counters that pipelines add to.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    counting: BTreeMap<Window, Counting>,
    /// The counters that pipelines of a kernel share.
    shared: HashMap<usize, Window>,
    /// Whether each pipeline has counters of its own.
    apart: bool,
}

impl Windows {
    /// None so far. Pipelines of one kernel share theirs, unless they are to be `apart`.
    pub(super) fn new(apart: bool) -> Self {
        Self { apart, ..Self::default() }
    }

    /// Where a pipeline of a kernel counts that is about to be made. Where no other counts for it, `take` has the counters.
    ///
    /// # Errors
    /// Those of `take`.
    pub(super) fn join(
        &mut self,
        kernel: usize,
        take: impl FnOnce() -> Result<Window, String>,
    ) -> Result<Window, String> {
        let window = self.shared.get(&kernel).copied().map_or_else(take, Ok)?;
        if !self.apart {
            self.shared.insert(kernel, window);
        }
        let its = self.counting.entry(window).or_default();
        its.kernel = kernel;
        its.pipelines += 1;
        Ok(window)
    }

    /// A pipeline is gone, or could not be made. What counted there where it was the last.
    pub(super) fn leave(&mut self, window: Window) -> Option<Counting> {
        let its = self.counting.get_mut(&window)?;
        its.pipelines -= 1;
        if its.pipelines > 0 {
            return None;
        }
        self.shared.remove(&its.kernel);
        self.counting.remove(&window)
    }

    /// Something was submitted that counts there.
    pub(super) fn launch(&mut self, window: Window, launches: Launches) {
        if let Some(its) = self.counting.get_mut(&window) {
            its.launches.add(launches);
        }
    }

    /// What adds to the counters of each window.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Window, &Counting)> {
        self.counting.iter().map(|(&window, counting)| (window, counting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_of_one_kernel_share_counters_until_the_last_is_gone() {
        let window = |offset| Window { block: 0, offset, bytes: 64 };
        let joined = |windows: &mut Windows, kernel, offset| {
            windows.join(kernel, || Ok(window(offset))).unwrap()
        };
        let mut apart = Windows::new(true);
        assert_eq!([0, 64].map(|at| joined(&mut apart, 7, at)), [window(0), window(64)]);
        let mut windows = Windows::new(false);
        assert_eq!([0, 64].map(|at| joined(&mut windows, 7, at)), [window(0); 2]);
        assert_eq!(joined(&mut windows, 8, 64), window(64), "another kernel has its own");
        let one = Launches { dispatches: 1, groups: 2, unknown: 0 };
        (0..2).for_each(|_| windows.launch(window(0), one));
        assert_eq!(windows.leave(window(0)), None);
        let left = windows.leave(window(0)).unwrap();
        assert_eq!((left.kernel, left.launches), (7, one.times(2)));
        assert_eq!(windows.leave(window(0)), None, "it is gone");
        assert_eq!(joined(&mut windows, 7, 128), window(128), "whoever comes then has others");
    }
}
