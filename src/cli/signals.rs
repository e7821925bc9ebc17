//! Signals: one that says that a file may not grow is an error of the write, and one that asks this process to end while the
//! user's program runs is meant for the program. It is handed on, the program ends as it does, and what it executed is
//! reported then. Knows nothing of Vulkan and reports.

#[cfg(unix)]
use std::sync::Arc;

use anyhow::Context as _;

use super::lock::lock;

/// Has a file that may not grow any more be an error of the write from now on. The signal that comes with it would end
/// this process without a word; a program that is started from here has the signal as ever, since no process inherits a
/// handler.
#[cfg(unix)]
pub fn take_limits_as_errors() {
    if !is_ignored(libc::SIGXFSZ) {
        // Without the handler the signal does what it did.
        let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::default());
    }
}

/// Hands signals on from now on.
#[cfg(unix)]
pub fn hand_on() -> super::Result<()> {
    // A signal that this process was started to ignore, as by `nohup`, is one that the program ignores too, and a
    // handler would change that.
    let heard = all().into_iter().filter(|&signal| !is_ignored(signal));
    let mut signals = signal_hook::iterator::Signals::new(heard).context(CONTEXT)?;
    std::thread::spawn(move || {
        for signal in &mut signals {
            program::heard();
            // A terminal sends these to the program as well.
            if !matches!(signal, libc::SIGINT | libc::SIGQUIT) {
                program::signal(signal);
            }
        }
    });
    Ok(())
}

/// Leaves ctrl-C to the program, which a terminal sends it to as well.
#[cfg(not(unix))]
pub fn hand_on() -> super::Result<()> {
    ctrlc::set_handler(program::heard).context(CONTEXT)
}

const CONTEXT: &str = "cannot listen for signals";

#[cfg(unix)]
const fn all() -> [libc::c_int; 4] {
    [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP]
}

#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    #[expect(
        unsafe_code,
        reason = "the call writes the one structure that it is handed, which is a valid one of zeros"
    )]
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
    }
}

/// The program that runs.
pub mod program {
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    };

    use super::lock;

    /// Whether this process was sent a signal.
    static SIGNALLED: AtomicBool = AtomicBool::new(false);

    /// Whether this process was sent a signal, which the program got too.
    pub fn was_signalled() -> bool {
        SIGNALLED.load(Relaxed)
    }

    /// A signal has come.
    pub(super) fn heard() {
        SIGNALLED.store(true, Relaxed);
    }

    /// Its process, and a signal that came before it had one.
    struct Running {
        process: Option<u32>,
        early: Option<i32>,
    }

    static RUNNING: Mutex<Running> = Mutex::new(Running { process: None, early: None });

    /// The program has this process.
    pub fn started(process: u32) {
        let mut running = lock(&RUNNING);
        running.process = Some(process);
        if let Some(signal) = running.early.take() {
            send(process, signal);
        }
    }

    /// The program has ended. Between its end and this call a signal would go to a process that is gone.
    pub fn ended() {
        lock(&RUNNING).process = None;
    }

    /// Sends a signal to the program, or to the next that starts.
    #[cfg(unix)]
    pub(super) fn signal(signal: i32) {
        let mut running = lock(&RUNNING);
        match running.process {
            Some(process) => send(process, signal),
            None => running.early = Some(signal),
        }
    }

    #[cfg(unix)]
    fn send(process: u32, signal: i32) {
        if let Ok(process) = libc::pid_t::try_from(process) {
            #[expect(unsafe_code, reason = "the call takes two numbers and touches no memory")]
            unsafe {
                libc::kill(process, signal);
            }
        }
    }

    #[cfg(not(unix))]
    const fn send(_process: u32, _signal: i32) {}
}
