//! Where a counting kernel finds its counters.

use crate::{
    Error,
    device::Limits,
    kernel::{Resource, ResourceKind},
};

/// Where an instrumented kernel's counter buffer is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterBinding {
    /// Bind group.
    pub group: u32,
    /// Binding within the group.
    pub binding: u32,
}

impl CounterBinding {
    /// The first group that a kernel with these resources leaves free; where every group is taken, the first free
    /// binding of one.
    ///
    /// # Errors
    /// [`Error::Uncountable`] where the limits leave no room.
    pub fn free(kernel: &str, resources: &[Resource], limits: &Limits) -> Result<Self, Error> {
        if takes_all_storage_bindings(resources, limits) {
            return Err(full(kernel, "storage bindings", limits.storage_bindings));
        }
        Self::free_of_any_kind(kernel, resources, limits)
    }

    /// As [`Self::free`], for what is no storage buffer.
    pub(super) fn free_of_any_kind(
        kernel: &str,
        resources: &[Resource],
        limits: &Limits,
    ) -> Result<Self, Error> {
        let free = |group: u32, binding: u32| {
            !resources.iter().any(|r| (r.group, r.binding) == (group, binding))
        };
        let group = (0..limits.bind_groups).find(|&g| resources.iter().all(|r| r.group != g));
        if let Some(group) = group {
            return Ok(Self { group, binding: 0 });
        }
        (0..limits.bind_groups)
            .find_map(|group| {
                let binding = (0..limits.bindings_per_group).find(|&b| free(group, b))?;
                Some(Self { group, binding })
            })
            .ok_or_else(|| full(kernel, "bindings in each group", limits.bindings_per_group))
    }
}

/// Whether a kernel with these resources leaves no storage binding for counters.
pub fn takes_all_storage_bindings(resources: &[Resource], limits: &Limits) -> bool {
    let storage = resources.iter().filter(|r| matches!(r.kind, ResourceKind::Storage { .. }));
    storage.count() as u64 >= limits.storage_bindings.into()
}

fn full(kernel: &str, what: &str, limit: u32) -> Error {
    Error::Uncountable {
        kernel: kernel.to_owned(),
        problem: format!(
            "the adapter allows {limit} {what}, and the kernel leaves none for the counters; merge \
             two of its buffers"
        ),
        line: None,
    }
}
