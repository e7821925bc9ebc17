//! Work that is abandoned after a timeout, or where a driver aborts. A dispatch cannot be cancelled on a device: after the
//! timeout it is left to its thread, and both end with the process, after the other kernels of a suite have run.

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

/// Does work on a shader for at most `seconds`. `place` returns the shader's name, with its line and the executor where
/// they are known; `beside` is what else helps against what takes too long.
pub fn within<T: Send + 'static>(
    seconds: u64,
    place: impl Fn() -> String,
    beside: &str,
    work: impl FnOnce() -> Result<T, flopmeter::Error> + Send + 'static,
) -> super::Result<T> {
    let (send, receive) = mpsc::channel();
    // The worker alone owns the sender, so that a panic disconnects the channel.
    let send = Arc::new(send);
    let aborted = Arc::downgrade(&send);
    // The sender is gone once the worker has ended, and the receiver once the command has stopped waiting.
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
            bail!("{}: {}", place(), abort::advice())
        }
        Err(RecvTimeoutError::Timeout) => {
            interrupt::leave_behind();
            bail!(
                "{} did not end within {seconds} s, compiling it included. Give it longer with --timeout or fewer \
                 workgroups, or look for a loop that never ends; one that waits for a workgroup behind its own does not end on the \
                 embedded executor, which runs workgroups in order{beside}",
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
