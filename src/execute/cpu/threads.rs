//! The threads that the workgroups of a launch are shared out among: as many as rayon has, and in a page, which has no
//! other threads, the one that asks. What they do is their caller's business.

/// How many there are.
#[cfg(not(target_family = "wasm"))]
pub(super) fn count() -> usize {
    rayon::current_num_threads()
}

/// How many there are.
#[cfg(target_family = "wasm")]
pub(super) const fn count() -> usize {
    1
}

/// Has each of them work.
#[cfg(not(target_family = "wasm"))]
pub(super) fn on_each(work: impl Fn() + Sync) {
    rayon::broadcast(|_| work());
}

/// Has each of them work.
#[cfg(target_family = "wasm")]
pub(super) fn on_each(work: impl Fn() + Sync) {
    work();
}
