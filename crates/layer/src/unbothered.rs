//! Writing where files may not grow: whoever writes beyond that is sent a signal, which ends a program that does not
//! expect it. The layer writes in the program's threads, and its program is not to be ended for that.

#![cfg_attr(
    target_os = "linux",
    expect(
        unsafe_code,
        reason = "a signal is held back from one thread, and taken from where it waits, by functions of C alone"
    )
)]

/// Does some work of this thread, in which a file that may not be that large is an error and nothing else.
#[cfg(target_os = "linux")]
pub(crate) fn unbothered<T>(work: impl FnOnce() -> T) -> T {
    let held = Held::hold();
    let result = work();
    drop(held);
    result
}

/// Does some work of this thread.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unbothered<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// The signal, held back from this thread.
#[cfg(target_os = "linux")]
struct Held {
    signal: libc::sigset_t,
    /// What was held back before.
    before: libc::sigset_t,
    /// Whether it had been sent before, to whoever waits for it.
    was_sent: bool,
}

#[cfg(target_os = "linux")]
impl Held {
    fn hold() -> Option<Self> {
        // SAFETY: a set of signals is plain numbers; each is emptied or filled by a call before it is looked at.
        unsafe {
            let [mut signal, mut before, mut sent] = [std::mem::zeroed::<libc::sigset_t>(); 3];
            libc::sigemptyset(&raw mut signal);
            libc::sigaddset(&raw mut signal, libc::SIGXFSZ);
            libc::sigpending(&raw mut sent);
            let was_sent = libc::sigismember(&raw const sent, libc::SIGXFSZ) == 1;
            let result = libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signal, &raw mut before);
            (result == 0).then_some(Self { signal, before, was_sent })
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Held {
    fn drop(&mut self) {
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the sets were filled above. The signal is taken from where it waits, if it does, without waiting.
        unsafe {
            if !self.was_sent {
                libc::sigtimedwait(
                    &raw const self.signal,
                    std::ptr::null_mut(),
                    &raw const at_once,
                );
            }
            let none = std::ptr::null_mut();
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, none);
        }
    }
}
