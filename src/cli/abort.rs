//! Aborts. A driver may abort the whole process where it cannot compile a kernel, as LLVM does. The thread that aborts is
//! held meanwhile: whoever waits for it is told, or else the process ends with a message that says what was under way.
//! Knows nothing of kernels and reports.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use super::lock::lock;

/// What anybody who reads the message can do.
pub const ADVICE: &str = "the process was aborted, as drivers do where they cannot compile a kernel: what the driver said \
                          stands above. Another adapter may run it; --adapter embedded has no driver";

/// Whether a thread has aborted.
static ABORTED: AtomicBool = AtomicBool::new(false);

/// Who waits for work that may abort.
static WAITS: Mutex<Option<Told>> = Mutex::new(None);

type Told = Box<dyn FnOnce() + Send>;

/// Listens from now on. Where nobody waits, `end` ends the process.
#[cfg(unix)]
pub fn listen(end: impl FnOnce() + Send + 'static) -> super::Result<()> {
    use std::{thread, time::Duration};

    use anyhow::Context as _;

    /// How long the thread is held. What it has locked may be what the process needs to end, and then nothing but the
    /// abort ends it.
    const HELD: Duration = Duration::from_secs(10);

    let context = "cannot listen for aborts";
    let mut signals = signal_hook::iterator::Signals::new([libc::SIGABRT]).context(context)?;
    #[expect(
        unsafe_code,
        reason = "the handler does nothing but sleep, which a handler may, and the thread has nothing more to do"
    )]
    unsafe { signal_hook::low_level::register(libc::SIGABRT, || thread::sleep(HELD)) }
        .context(context)?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            ABORTED.store(true, SeqCst);
            let waits = lock(&WAITS).take();
            waits.unwrap_or_else(|| Box::new(end))();
        }
    });
    Ok(())
}

/// Leaves aborts to the system.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "where there are signals it may fail")]
pub fn listen(_end: impl FnOnce() + Send + 'static) -> super::Result<()> {
    Ok(())
}

/// Whether a thread has aborted: whatever its driver holds may be in any state.
pub fn has_come() -> bool {
    ABORTED.load(SeqCst)
}

/// Somebody who waits for work that may abort, until this is dropped.
pub struct Waiting(());

/// Has an abort call `told` from now on in the place of ending the process.
pub fn waiting(told: impl FnOnce() + Send + 'static) -> Waiting {
    *lock(&WAITS) = Some(Box::new(told));
    Waiting(())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&WAITS).take();
    }
}
