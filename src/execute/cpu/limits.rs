//! What the embedded executor can take.

use crate::execute::Limits;

/// What the embedded executor takes. There is nothing that it could not take more of, but a plan is the
/// same on every machine.
pub(super) const LIMITS: Limits = Limits {
    binding_bytes: 1 << 30,
    buffer_bytes: 1 << 31,
    offset_alignment: 32,
    workgroups: 65535,
    invocations: 1024,
    workgroup_bytes: 32768,
    storage_bindings: 32,
    bind_groups: 4,
    bindings_per_group: 1000,
    subgroup_lanes: None,
    lockstep: true,
    loop_rounds: None,
    nesting: None,
    grid: None,
    parallel: false,
    // Subgroups of every size share these evenly; those of 128 do not share smaller ones.
    matrix_side: Some(16),
};
