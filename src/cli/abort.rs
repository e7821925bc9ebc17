//! Aborts. A driver may abort the whole process where it cannot compile a kernel, as LLVM does, or crash, which is taken for
//! an abort. The thread that aborts is held meanwhile: the thread that waits for it is notified, or else the process ends
//! with a message that names the work. Knows nothing of kernels and reports.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use super::lock::lock;

/// What happened, and what the user can do.
pub fn advice() -> String {
    let aborted = "the process was aborted, as drivers do where they cannot compile a kernel: what the driver said stands \
                   above. Another adapter may run it; --adapter embedded has no driver";
    fault().unwrap_or_else(|| aborted.to_owned())
}

/// The same of a fault that was taken for an abort.
fn fault() -> Option<String> {
    #[cfg(unix)]
    return super::fault::advice();
    #[cfg(not(unix))]
    None
}

/// The time until which threads that aborted are held, in seconds since 1970, where it is later than the minimum.
static HELD_UNTIL: AtomicU64 = AtomicU64::new(0);

/// Whether a thread has aborted.
static ABORTED: AtomicBool = AtomicBool::new(false);

/// What notifies the thread that waits for work that may abort.
static WAITS: Mutex<Option<Told>> = Mutex::new(None);

type Told = Box<dyn FnOnce() + Send>;

/// Listens from now on. Where no thread waits, `end` ends the process.
#[cfg(unix)]
pub fn listen(end: impl FnOnce() + Send + 'static) -> super::Result<()> {
    use std::thread;

    use anyhow::Context as _;
    use signal_hook::{
        iterator::{SignalsInfo, exfiltrator::WithRawSiginfo},
        low_level,
    };

    let context = "cannot listen for aborts";
    let mut signals = SignalsInfo::<WithRawSiginfo>::new([libc::SIGABRT]).context(context)?;
    #[expect(
        unsafe_code,
        reason = "the handler asks for the time and sleeps, which a handler may, and the thread has nothing more to do"
    )]
    unsafe {
        low_level::register(libc::SIGABRT, || {
            thread::sleep(HELD);
            while now() < HELD_UNTIL.load(SeqCst) {
                thread::sleep(HELD / 10);
            }
        })
    }
    .context(context)?;
    super::fault::listen()?;
    thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        if is_sent(&signal) {
            // The signal ends the process as it would without this handler.
            let _ = low_level::emulate_default_handler(libc::SIGABRT);
        }
        ABORTED.store(true, SeqCst);
        let waits = lock(&WAITS).take();
        waits.unwrap_or_else(|| Box::new(end))();
    });
    Ok(())
}

/// Whether another process sent a signal, and no thread of this one aborted.
#[cfg(unix)]
fn is_sent(signal: &libc::siginfo_t) -> bool {
    #[expect(unsafe_code, reason = "the system says of each SIGABRT which process it is from")]
    let sender = unsafe { signal.si_pid() };
    u32::try_from(sender) != Ok(std::process::id())
}

/// How long a thread that aborted is held at the least. What it has locked may be what the process needs to end, and then
/// nothing but the abort ends it.
const HELD: Duration = Duration::from_secs(10);

/// Holds threads that aborted as long as work may take that has so many seconds and needs none of theirs.
pub fn hold_for(seconds: u64) {
    HELD_UNTIL.fetch_max(now().saturating_add(seconds).saturating_add(HELD.as_secs()), SeqCst);
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |passed| passed.as_secs())
}

/// Leaves aborts to the system.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "where there are signals it may fail")]
pub fn listen(_end: impl FnOnce() + Send + 'static) -> super::Result<()> {
    Ok(())
}

/// Whether a thread has aborted, so that the state of its driver is unknown.
pub fn has_come() -> bool {
    ABORTED.load(SeqCst)
}

/// A thread's wait for work that may abort, until this is dropped.
pub struct Waiting(());

/// From now on an abort calls `told` instead of ending the process.
pub fn waiting(told: impl FnOnce() + Send + 'static) -> Waiting {
    *lock(&WAITS) = Some(Box::new(told));
    Waiting(())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&WAITS).take();
    }
}
