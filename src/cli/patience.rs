//! Work that is given up after some time. A dispatch cannot be called back from a device: past its time it is left to
//! its thread, and the process takes both along when it ends, after the other kernels of a suite.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::bail;

use super::interrupt;

/// Does work on a shader for `seconds` at most; `place` is the shader's name, with a line where it has one, and what runs
/// it where that is known.
pub fn within<T: Send + 'static>(
    seconds: u64,
    place: impl Fn() -> String,
    work: impl FnOnce() -> Result<T, flopmeter::Error> + Send + 'static,
) -> super::Result<T> {
    let (send, receive) = mpsc::channel();
    let worker = thread::spawn(move || {
        // Where nobody waits any more, nobody wants the answer.
        let _ = send.send(work());
    });
    match receive.recv_timeout(Duration::from_secs(seconds)) {
        Ok(result) => Ok(result?),
        Err(RecvTimeoutError::Timeout) => {
            interrupt::leave_behind();
            bail!(
                "{} did not end within {seconds} s. Give it longer with --timeout or fewer workgroups, or look \
                 for a loop that never ends; one that waits for a workgroup behind its own does not end on the \
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
