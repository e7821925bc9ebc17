//! Keeps a panic of the layer away from the program: what panicked is left out, and said in the recording. Knows
//! nothing of what is done.

use std::{
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook},
    sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError},
    thread,
    time::Duration,
};

/// What panicked, and where.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Panics that are remembered; one that comes at every call says nothing new.
const REMEMBERED: usize = 8;

/// Does some work of the layer; `None` where it panics. Locks that it held are taken again as they are: what they
/// protect is counts, which are then short, and known to be.
pub(crate) fn harmless<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Takes a lock, whoever panicked with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lock unless it is held for long, as by a thread that this one has interrupted.
pub(crate) fn lock_soon<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..100 {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
        }
    }
    None
}

/// Has panics of this library remembered instead of printed among the program's output. The standard library is
/// part of the layer, so the hook of a program that is written in Rust is another one.
pub(crate) fn remember_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_hook(Box::new(remember)));
}

fn remember(panic: &PanicHookInfo<'_>) {
    let mut panics = lock(&PANICS);
    let said = panic.to_string();
    if panics.len() < REMEMBERED && !panics.contains(&said) {
        panics.push(said);
    }
}

/// What panicked so far.
pub(crate) fn panics() -> Vec<String> {
    lock(&PANICS).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_is_remembered() {
        remember_panics();
        assert_eq!(harmless(|| 3), Some(3));
        let lock_to_poison = Mutex::new(1);
        let failed: Option<()> = harmless(|| {
            let _held = lock(&lock_to_poison);
            panic!("on purpose")
        });
        assert_eq!(failed, None);
        assert_eq!(*lock(&lock_to_poison), 1);
        assert!(panics().iter().any(|said| said.contains("on purpose")), "{:?}", panics());
    }
}
