//! What a command buffer dispatches each time that it is submitted, by pipeline.

use std::collections::BTreeMap;

/// A pipeline, by a number that is never used again.
pub(crate) type Id = u64;

/// Dispatches of one pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Launches {
    pub(crate) dispatches: u64,
    /// Workgroups of those of which the host knows how many.
    pub(crate) groups: u64,
    /// Dispatches of which only the device knows.
    pub(crate) unknown: u64,
}

impl Launches {
    /// One dispatch; `None` where the device alone knows how many workgroups it has.
    pub(crate) fn of(grid: Option<[u32; 3]>) -> Self {
        let groups = grid.map(|grid| grid.into_iter().map(u64::from).fold(1, u64::saturating_mul));
        Self { dispatches: 1, groups: groups.unwrap_or(0), unknown: groups.is_none().into() }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.dispatches += other.dispatches;
        self.groups = self.groups.saturating_add(other.groups);
        self.unknown += other.unknown;
    }

    /// So many of the same.
    pub(crate) fn times(self, times: u64) -> Self {
        let Self { dispatches, groups, unknown } = self;
        Self {
            dispatches: dispatches * times,
            groups: groups.saturating_mul(times),
            unknown: unknown * times,
        }
    }

    /// Workgroups, where the host knows how many of all dispatches.
    pub(crate) fn workgroups(&self) -> Option<u64> {
        (self.unknown == 0).then_some(self.groups)
    }

    /// Invocations, where the host knows them, in workgroups of that many.
    pub(crate) fn invocations(&self, workgroup: u64) -> Option<u64> {
        self.workgroups().map(|groups| groups.saturating_mul(workgroup))
    }
}

/// What was recorded since recording began.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    /// What is bound; of what the layer knows nothing it is `None`.
    bound: Option<Id>,
    /// Whether the device may leave out what is recorded now.
    conditional: bool,
    launches: BTreeMap<Option<Id>, Launches>,
}

impl Commands {
    pub(super) fn bind(&mut self, pipeline: Option<Id>) {
        self.bound = pipeline;
    }

    pub(super) fn bound(&self) -> Option<Id> {
        self.bound
    }

    pub(super) fn conditional(&mut self, begins: bool) {
        self.conditional = begins;
    }

    pub(super) fn dispatch(&mut self, grid: Option<[u32; 3]>) {
        let launches = Launches::of(self.known(grid));
        self.launches.entry(self.bound).or_default().add(launches);
    }

    /// How many workgroups are dispatched, where the host knows that they are.
    pub(super) fn known(&self, grid: Option<[u32; 3]>) -> Option<[u32; 3]> {
        grid.filter(|_| !self.conditional)
    }

    pub(super) fn execute(&mut self, secondary: &Self) {
        for (&pipeline, &launches) in &secondary.launches {
            let mut launches = launches;
            if self.conditional {
                launches = Launches { groups: 0, unknown: launches.dispatches, ..launches };
            }
            self.launches.entry(pipeline).or_default().add(launches);
        }
        // What a secondary command buffer binds is not bound behind it, nor is what was bound before.
        self.bound = None;
    }

    /// Dispatches by pipeline.
    pub(super) fn launches(&self) -> impl Iterator<Item = (Option<Id>, Launches)> + '_ {
        self.launches.iter().map(|(&id, &launches)| (id, launches))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launches(commands: &Commands) -> Vec<(Option<Id>, Launches)> {
        commands.launches().collect()
    }

    #[test]
    fn what_the_device_may_leave_out_is_not_known() {
        let mut commands = Commands::default();
        commands.bind(Some(3));
        commands.dispatch(Some([2, 3, 4]));
        commands.conditional(true);
        commands.dispatch(Some([9, 9, 9]));
        commands.conditional(false);
        commands.dispatch(None);
        let expected = Launches { dispatches: 3, groups: 24, unknown: 2 };
        assert_eq!(launches(&commands), [(Some(3), expected)]);
        assert_eq!(expected.invocations(64), None);
        assert_eq!(Launches { unknown: 0, ..expected }.invocations(64), Some(24 * 64));
    }

    #[test]
    fn nothing_is_bound_behind_a_secondary_command_buffer() {
        let (mut primary, mut secondary) = (Commands::default(), Commands::default());
        secondary.bind(Some(1));
        secondary.dispatch(Some([1, 1, 1]));
        primary.bind(Some(2));
        primary.execute(&secondary);
        primary.conditional(true);
        primary.execute(&secondary);
        primary.dispatch(Some([1, 1, 1]));
        let one = Launches { dispatches: 2, groups: 1, unknown: 1 };
        let stray = Launches { dispatches: 1, groups: 0, unknown: 1 };
        assert_eq!(launches(&primary), [(None, stray), (Some(1), one)]);
    }
}
