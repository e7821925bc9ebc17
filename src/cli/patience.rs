//! Work that is given up after some time, or where a driver aborts. A dispatch cannot be called back from a device: past
//! its time it is left to its thread, and the process takes both along when it ends, after the other kernels of a suite.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use anyhow::bail;

use super::{abort, interrupt};

/// Does work on a shader for `seconds` at most; `place` is the shader's name, with a line where it has one, and what runs
/// it where that is known.
pub fn within<T: Send + 'static>(
    seconds: u64,
    place: impl Fn() -> String,
    work: impl FnOnce() -> Result<T, flopmeter::Error> + Send + 'static,
) -> super::Result<T> {
    let (send, receive) = mpsc::channel();
    // The worker's own: what a panic leaves is a channel without a sender.
    let send = Arc::new(send);
    let aborted = Arc::downgrade(&send);
    // Where nobody waits any more, nobody wants the answer.
    let _waiting = abort::waiting(move || {
        let _ = aborted.upgrade().map(|send| send.send(None));
    });
    let worker = thread::spawn(move || {
        let _ = send.send(Some(work()));
    });
    match receive.recv_timeout(Duration::from_secs(seconds)) {
        Ok(Some(result)) => Ok(result?),
        Ok(None) => {
            interrupt::leave_behind();
            bail!("{}: {}", place(), abort::ADVICE)
        }
        Err(RecvTimeoutError::Timeout) => {
            interrupt::leave_behind();
            bail!(
                "{} did not end within {seconds} s, compiling it included. Give it longer with --timeout or fewer \
                 workgroups, or look for a loop that never ends; one that waits for a workgroup behind its own does not end on the \
                 embedded executor, which runs workgroups in order",
                place()
            )
        }
        Err(RecvTimeoutError::Disconnected) => {
            // Its panic has been printed.
            let _ = worker.join();
            bail!("{}: its run ended with a panic", place())
        }
    }
}
