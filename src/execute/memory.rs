//! How much memory the host has to spare, for executors that keep their buffers in it.

/// Bytes that a process may yet take without swapping, its container's limit included. `None` where the
/// system does not say.
#[cfg(any(feature = "embedded", feature = "gpu"))]
pub(super) fn available() -> Option<u64> {
    use sysinfo::{MemoryRefreshKind, RefreshKind, System};

    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(refresh);
    // A container's free memory leaves out what is merely cached, so it is taken from what is in use.
    let container = system.cgroup_limits().map(|of| of.total_memory.saturating_sub(of.rss));
    let host = Some(system.available_memory()).filter(|&bytes| bytes > 0)?;
    Some(container.map_or(host, |container| container.min(host)))
}

/// `None`: without an executor of this crate, nothing here has a use for the host's memory.
#[cfg(not(any(feature = "embedded", feature = "gpu")))]
pub(super) const fn available() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_some_and_not_too_much() {
        if let Some(bytes) = super::available() {
            assert!((1 << 20..1 << 50).contains(&bytes), "{bytes}");
        }
    }
}
