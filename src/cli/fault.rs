//! Faults: what the processor refuses, as where the compiler of a driver follows a pointer to nowhere. A thread that faults
//! is taken for one that aborts, so that what is known is told. Knows nothing of what happens then.

use std::sync::{
    OnceLock,
    atomic::{AtomicI32, Ordering::SeqCst},
};

use anyhow::Context as _;

/// The signals of faults.
const FAULTS: [libc::c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// What was done with each before.
static BEFORE: [OnceLock<libc::sigaction>; FAULTS.len()] = [const { OnceLock::new() }; 4];

/// The signal of the fault that came, 0 where none did.
static CAME: AtomicI32 = AtomicI32::new(0);

/// The signal of a fault that came.
pub fn came() -> Option<i32> {
    Some(CAME.load(SeqCst)).filter(|&signal| signal != 0)
}

/// Has faults be taken for aborts from now on.
pub fn listen() -> super::Result<()> {
    for (signal, before) in FAULTS.into_iter().zip(&BEFORE) {
        #[expect(
            unsafe_code,
            reason = "the structures are of plain numbers and whole, and the handler does what a handler may"
        )]
        unsafe {
            let mut ours: libc::sigaction = std::mem::zeroed();
            let handler: Handler = faulted;
            ours.sa_sigaction = handler as usize;
            // The stack may be full. The next such signal is the system's again.
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
            let mut known: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, &raw const ours, &raw mut known) != 0 {
                return Err(std::io::Error::last_os_error()).context("cannot listen for faults");
            }
            let _ = before.set(known);
        }
    }
    Ok(())
}

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

extern "C" fn faulted(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    #[expect(
        unsafe_code,
        reason = "the system calls with a whole structure, what stood here before is called as the system would have done, \
                  and a handler may raise a signal"
    )]
    unsafe {
        // Rust tells a stack that is full, and aborts.
        let at = FAULTS.iter().position(|&known| known == signal);
        let before = at.and_then(|at| BEFORE[at].get());
        let known = before.filter(|it| it.sa_flags & libc::SA_SIGINFO != 0 && it.sa_sigaction != 0);
        if let Some(before) = known {
            std::mem::transmute::<usize, Handler>(before.sa_sigaction)(signal, info, context);
        }
        // Whoever sends such a signal wants the process to end by it. A fault has a number above those.
        if (*info).si_code <= 0 {
            libc::raise(signal);
            return;
        }
        CAME.store(signal, SeqCst);
        libc::raise(libc::SIGABRT);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

    use std::{env, process::Command, thread, time::Duration};

    use super::*;
    use crate::cli::interrupt;

    /// Says that this process is to fault.
    const FAULTS_HERE: &str = "FLOPMETER_TEST_FAULT";

    #[test]
    fn a_thread_that_faults_is_told_like_one_that_aborts() {
        if env::var_os(FAULTS_HERE).is_some() {
            interrupt::listen(crate::cli::output::complain).unwrap();
            interrupt::during("the work");
            thread::spawn(|| {
                #[expect(unsafe_code, reason = "there is nothing at this address")]
                unsafe {
                    std::ptr::without_provenance_mut::<u64>(64).write_volatile(1);
                }
            });
            thread::sleep(Duration::from_secs(60));
            return;
        }
        let name = "cli::fault::tests::a_thread_that_faults_is_told_like_one_that_aborts";
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(FAULTS_HERE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("error: the work: the process crashed (signal 11), as drivers"),
            "{said}"
        );
    }
}
