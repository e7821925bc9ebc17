//! What a plan is made for: an adapter's limits, and the sets of kernels that won there when classes of operations
//! were timed. Knows neither who timed them nor how.

use super::{Choice, Class, KernelSet};
use crate::{Error, execute::Limits, operation::Operation};

/// The sets of kernels that won on an adapter, by class of operation: [`KernelSet::Auto`] where the default did. A class
/// that was not timed has the default, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Winners(Vec<(Class, KernelSet)>);

impl Winners {
    /// The set that won a class, or where that was not timed its nearest.
    pub fn of(&self, class: Class) -> Option<KernelSet> {
        let timed = |class| self.0.iter().find(|(its, _)| *its == class).map(|&(_, set)| set);
        timed(class).or_else(|| timed(class.kin()?))
    }
}

impl FromIterator<(Class, KernelSet)> for Winners {
    fn from_iter<T: IntoIterator<Item = (Class, KernelSet)>>(winners: T) -> Self {
        Self(winners.into_iter().collect())
    }
}

/// What a plan is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What the plan must fit into.
    pub limits: Limits,
    /// The set that decides where there is no winner.
    pub set: KernelSet,
    /// The sets of kernels that won on this adapter.
    pub winners: Winners,
}

impl From<&Limits> for Target {
    /// An adapter where nothing was timed.
    fn from(limits: &Limits) -> Self {
        Self { limits: *limits, set: KernelSet::Auto, winners: Winners::default() }
    }
}

impl From<Limits> for Target {
    fn from(limits: Limits) -> Self {
        Self::from(&limits)
    }
}

impl From<&Target> for Target {
    fn from(target: &Target) -> Self {
        target.clone()
    }
}

impl Target {
    /// An adapter with a set of kernels. `winners` counts for [`KernelSet::Auto`]; every other set is pinned.
    ///
    /// # Errors
    /// [`Error::Refused`] where the adapter cannot run the set.
    pub fn new(limits: &Limits, set: KernelSet, winners: Option<&Winners>) -> Result<Self, Error> {
        let winners = match set {
            KernelSet::Auto => winners.cloned().unwrap_or_default(),
            KernelSet::Portable
            | KernelSet::Subgroup
            | KernelSet::Workgroup
            | KernelSet::Matrix
            | KernelSet::Chunks => Winners::default(),
        };
        set.on(limits)?;
        Ok(Self { limits: *limits, set, winners })
    }

    /// Chooses a kernel for an operation. A winner that the adapter cannot run is passed over.
    pub fn choose(&self, operation: &Operation) -> Choice {
        let winner = Class::of(operation).and_then(|class| self.winners.of(class));
        let won = winner.and_then(|set| Some((set, set.on(&self.limits).ok()?)));
        let pinned = || Some((self.set, self.set.on(&self.limits).ok()?));
        let (set, limits) = won.or_else(pinned).unwrap_or((self.set, self.limits));
        set.choose(operation, &limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        choice::choose,
        operation::{LinearResult, Precision},
    };

    #[test]
    fn a_winner_decides_its_class_alone_and_a_pinned_set_decides_all() {
        let product = |n| Operation::Linear {
            result: LinearResult::PlainOutput,
            m: n,
            k: n,
            n,
            g: 1,
            accumulate: false,
            precision: Precision::Single,
        };
        let even = Class::of(&product(64)).unwrap();
        let winners = Winners::from_iter([(even, KernelSet::Workgroup)]);
        let chosen = |set, n| {
            let target = Target::new(&Limits::WEBGPU, set, Some(&winners)).unwrap();
            target.choose(&product(n)).kernel.name().file
        };
        assert_eq!(chosen(KernelSet::Auto, 64), "linear_workgroup");
        assert_eq!(chosen(KernelSet::Portable, 64), "linear");
        assert_eq!(chosen(KernelSet::Auto, 4096), "linear_workgroup", "the nearest that was timed");
        let default = choose(&product(63), &Limits::WEBGPU).kernel.name().file;
        assert_eq!(chosen(KernelSet::Auto, 63), default);
    }

    #[test]
    fn a_winner_that_cannot_run_is_passed_over() {
        let operation = Operation::Linear {
            result: LinearResult::Input,
            m: 64,
            k: 64,
            n: 64,
            g: 1,
            accumulate: false,
            precision: Precision::Single,
        };
        let class = Class::of(&operation).unwrap();
        let winners = Winners::from_iter([(class, KernelSet::Subgroup)]);
        let target = Target::new(&Limits::WEBGPU, KernelSet::Auto, Some(&winners)).unwrap();
        assert_eq!(target.choose(&operation), choose(&operation, &Limits::WEBGPU));
    }
}
