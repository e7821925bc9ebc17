//! Ctrl-C: the first asks a run to stop before its next pass, the second does not ask.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

use flopmeter::Error;

static ASKED: AtomicBool = AtomicBool::new(false);

/// The exit code of a run that was stopped: it did not come to its end.
const STOPPED: i32 = super::Outcome::CouldNotRun.code() as i32;

/// Listens from now on.
pub fn listen() -> super::Result<()> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(STOPPED);
        }
    })
    .context("cannot listen for ctrl-C")
}

/// Whether the user wants the run to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// An error where the user asked to stop during something that does not look for itself.
pub fn check(during: &str) -> Result<(), Error> {
    if asked() { Err(Error::Interrupted(during.to_owned())) } else { Ok(()) }
}
