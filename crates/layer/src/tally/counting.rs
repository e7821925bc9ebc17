//! Which counters pipelines add to: those of one kernel share them, so that a driver is given the same words for all and
//! finds what it has compiled. Knows no memory.

use flopmeter_core::table::BlockTable;

use super::{Gone, Launches, Tally};
use crate::{arena::Window, kernel::Identity};

/// What adds to some counters.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    pub(crate) kernel: usize,
    /// How many pipelines, those included that are being made.
    pipelines: usize,
    /// What was submitted of them.
    pub(crate) launches: Launches,
}

impl Tally {
    /// Where a pipeline that is about to be made of this counts. Where no other counts for it, `take` has the counters.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn join(
        &mut self,
        identity: &Identity,
        take: impl FnOnce() -> Result<Window, String>,
    ) -> Result<Window, String> {
        let kernel = self.kernel(identity);
        let window = match self.kernels[kernel].shared {
            Some(window) => window,
            None => take()?,
        };
        self.kernels[kernel].shared = Some(window).filter(|_| !self.apart);
        let its = self.counting.entry(window).or_default();
        its.kernel = kernel;
        its.pipelines += 1;
        Ok(window)
    }

    /// A pipeline that joined is about to be destroyed, or could not be made. Where it was the last, `decode` says what
    /// was counted, and the window is free again.
    pub(crate) fn leave(
        &mut self,
        window: Window,
        decode: impl FnOnce(&BlockTable, Launches) -> Gone,
    ) -> Option<Window> {
        let its = self.counting.get_mut(&window)?;
        its.pipelines -= 1;
        if its.pipelines > 0 {
            return None;
        }
        let Counting { kernel, launches, .. } = self.counting.remove(&window)?;
        let kernel = &mut self.kernels[kernel];
        kernel.shared = None;
        match &kernel.table {
            Ok(table) => {
                let left = decode(table, launches);
                kernel.gone.add(left);
            }
            Err(_) => kernel.gone.launches.add(launches),
        }
        Some(window)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn pipelines_of_one_kernel_share_counters_until_the_last_is_gone() {
        let (constants, types) = (BTreeMap::new(), BTreeMap::new());
        let identity =
            Identity { module: Some(1), entry: "main".into(), constants, types, subgroup: None };
        let windows = |tally: &mut Tally| {
            let mut taken = 0;
            [(); 2].map(|()| {
                let take = || {
                    taken += 64;
                    Ok(Window { block: 0, offset: taken, bytes: 64 })
                };
                tally.join(&identity, take).unwrap()
            })
        };
        let [one, other] = windows(&mut Tally::new(true));
        assert_ne!(one, other);
        let mut tally = Tally::default();
        let [one, other] = windows(&mut tally);
        assert_eq!(one, other);
        let left = |tally: &mut Tally| tally.leave(one, |_, _| Gone::default());
        assert_eq!([left(&mut tally), left(&mut tally), left(&mut tally)], [None, Some(one), None]);
        // Whoever comes then takes counters anew.
        let refused = tally.join(&identity, || Err("no memory".into()));
        assert_eq!(refused, Err("no memory".into()));
    }
}
