//! Ctrl-C, the same in every command: the first asks the command to stop before its next step, and ends the
//! process where that takes longer than a moment, since a dispatch cannot be called back from a device. A
//! second one ends it at once. An abort ends it as the first does. Files are whole whenever the process ends.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};

use flopmeter::Error;

use super::{Outcome, abort, lock::lock};

/// How long a command has to come to its next step before the process ends without it.
const GRACE: Duration = Duration::from_millis(700);

/// How often a waiting thread checks for a request to stop.
const TICK: Duration = Duration::from_millis(10);

/// When the user asked to stop, if so.
static ASKED: Mutex<Option<Instant>> = Mutex::new(None);

/// What the command is doing.
static DURING: Mutex<String> = Mutex::new(String::new());

/// What it is doing before it has said so.
const PREPARING: &str = "preparation";

/// How many things are under way that must not be broken off.
static UNBROKEN: AtomicUsize = AtomicUsize::new(0);

/// The thread that ends the process: in others nothing may begin any more that must not be broken off.
static ENDING: Mutex<Option<ThreadId>> = Mutex::new(None);

/// What the command still does where the process is ended during it.
static LAST: Mutex<Option<Last>> = Mutex::new(None);

type Last = Box<dyn FnOnce() -> anyhow::Error + Send>;

/// Whether a thread was left to itself that may be within a driver.
static LEFT_BEHIND: AtomicBool = AtomicBool::new(false);

/// How a run ends that was stopped: it did not come to its end.
const STOPPED: Outcome = Outcome::CouldNotRun;

/// Listens from now on. A process that is ended says why by `complain`.
pub fn listen(complain: fn(&anyhow::Error)) -> super::Result<()> {
    ctrlc::set_handler(move || {
        if lock(&ASKED).replace(Instant::now()).is_some() {
            leave(STOPPED);
        }
        thread::spawn(move || {
            // Most commands come to their next step before.
            thread::sleep(GRACE);
            end(complain, |during, last| last.unwrap_or_else(|| Error::Interrupted(during).into()));
        });
    })
    .context("cannot listen for ctrl-C")?;
    let aborted = |during, last: Option<anyhow::Error>| {
        let why = format!("{during}: {}", abort::advice());
        last.map_or_else(|| anyhow!("{why}"), |last| last.context(why.clone()))
    };
    abort::listen(move || end(complain, aborted))
}

/// Ends the process and complains of `why`, which is told what was under way and what the command still had to say.
fn end(
    complain: fn(&anyhow::Error),
    why: impl FnOnce(String, Option<anyhow::Error>) -> anyhow::Error,
) {
    let ending = |thread| *lock(&ENDING) = thread;
    loop {
        ending(Some(thread::current().id()));
        if UNBROKEN.load(SeqCst) == 0 {
            break;
        }
        ending(None);
        thread::sleep(TICK);
    }
    let last = lock(&LAST).take();
    let during = Some(lock(&DURING).clone()).filter(|during| !during.is_empty());
    let during = during.unwrap_or_else(|| PREPARING.to_owned());
    complain(&why(during, last.map(|last| last())));
    leave(STOPPED);
}

/// Ends the process without the handlers that a driver has registered for its end: while one of its
/// dispatches runs in another thread, they crash.
pub fn leave(outcome: Outcome) -> ! {
    let code = i32::from(outcome.code());
    #[cfg(unix)]
    #[expect(
        unsafe_code,
        reason = "the call takes a number, touches no memory and does not return"
    )]
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

/// Notes that a thread is left to itself, so that the process must end by [`leave`].
pub fn leave_behind() {
    LEFT_BEHIND.store(true, SeqCst);
}

/// Whether a thread was left to itself.
pub fn has_left_behind() -> bool {
    LEFT_BEHIND.load(SeqCst)
}

/// Says what comes next, for the message of a process that ends during it.
pub fn during(what: impl Into<String>) {
    *lock(&DURING) = what.into();
}

/// Whether the user wants the run to stop.
pub fn asked() -> bool {
    lock(&ASKED).is_some()
}

/// An error where the user asked to stop; otherwise says what comes next.
pub fn check(next: &str) -> Result<(), Error> {
    if asked() {
        return Err(Error::Interrupted(next.to_owned()));
    }
    during(next);
    Ok(())
}

/// Keeps the process from being ended, until it is dropped.
pub struct Unbroken(());

/// Begins something that must not be broken off; a second ctrl-C breaks it off all the same.
pub fn unbroken() -> Unbroken {
    UNBROKEN.fetch_add(1, SeqCst);
    let may_begin = |by: &Option<ThreadId>| by.is_none_or(|by| by == thread::current().id());
    while !may_begin(&lock(&ENDING)) {
        thread::sleep(TICK);
    }
    Unbroken(())
}

/// What a command still does where the process is ended during it, until this is dropped.
pub struct AtEnd(());

/// Has the process do `last` where it is ended before the command comes to its next step, and complain of what it
/// returns. The thread that ends the process does it while the command's own may be within a driver, so
/// state that both use is behind a lock.
pub fn at_end(last: impl FnOnce() -> anyhow::Error + Send + 'static) -> AtEnd {
    *lock(&LAST) = Some(Box::new(last));
    AtEnd(())
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        lock(&LAST).take();
    }
}

impl Drop for Unbroken {
    fn drop(&mut self) {
        UNBROKEN.fetch_sub(1, SeqCst);
    }
}
