//! Locks around plain values. A thread that panicked while it held one left a value that is as good as any: each is
//! replaced whole.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for a lock and takes it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
