//! Where a counting kernel finds its counters.

/// Where an instrumented kernel's counter buffer is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterBinding {
    /// Bind group.
    pub group: u32,
    /// Binding within the group.
    pub binding: u32,
}
