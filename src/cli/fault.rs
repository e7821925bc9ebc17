//! Faults: what the processor refuses, as where the compiler of a driver follows a pointer to nowhere. A thread that faults
//! is taken for one that aborts, so that what is known is told. Knows nothing of what happens then.

use std::{
    io,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicI32, Ordering::SeqCst},
    },
};

use anyhow::Context as _;

/// The signals of faults.
const FAULTS: [libc::c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// What was done with each before.
static BEFORE: [OnceLock<libc::sigaction>; FAULTS.len()] =
    [const { OnceLock::new() }; FAULTS.len()];

/// The signal of the first fault that came, 0 where none did.
static CAME: AtomicI32 = AtomicI32::new(0);

/// Whether a thread is within Rust's own handler, which ends the process where a stack is full and else returns.
static IS_FULL: AtomicBool = AtomicBool::new(false);

/// What the first fault that came was, and what the user can do.
pub fn advice() -> Option<String> {
    if IS_FULL.load(SeqCst) {
        let advice = "a thread of the process needed more stack than it has, as for what is nested very deeply, or calls \
                      very deeply: less of that has room";
        return Some(advice.to_owned());
    }
    let signal = Some(CAME.load(SeqCst)).filter(|&signal| signal != 0)?;
    Some(format!(
        "the process crashed (signal {signal}), as drivers do over kernels that they do not expect. Another adapter may run \
         it; --adapter embedded has no driver, and a crash there is a fault of flopmeter"
    ))
}

/// Has faults be taken for aborts from now on.
pub fn listen() -> super::Result<()> {
    for (signal, before) in FAULTS.into_iter().zip(&BEFORE) {
        let known = take(signal).context("cannot listen for faults")?;
        let _ = before.set(known);
    }
    Ok(())
}

/// Has [`faulted`] handle a signal, and gives what did so before.
fn take(signal: libc::c_int) -> io::Result<libc::sigaction> {
    #[expect(
        unsafe_code,
        reason = "the structures are of plain numbers and whole, and the handler does what a handler may"
    )]
    unsafe {
        let mut ours: libc::sigaction = std::mem::zeroed();
        let handler: Handler = faulted;
        ours.sa_sigaction = handler as usize;
        // The stack may be full.
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        let mut known: libc::sigaction = std::mem::zeroed();
        match libc::sigaction(signal, &raw const ours, &raw mut known) {
            0 => Ok(known),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

extern "C" fn faulted(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    #[expect(
        unsafe_code,
        reason = "the system calls with a whole structure, what stood here before is called as the system would have done, \
                  and a handler may ask for its stack, change masks and handlers, and raise a signal"
    )]
    unsafe {
        // Whoever sends such a signal wants the process to end by it. A fault has a number above those.
        if (*info).si_code <= 0 {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
            return;
        }
        let at = FAULTS.iter().position(|&known| known == signal);
        let before = at.and_then(|at| BEFORE[at].get());
        let known = before.filter(|it| it.sa_flags & libc::SA_SIGINFO != 0 && it.sa_sigaction != 0);
        // Rust tells a stack that is full, and aborts. Every other fault it leaves to the system, in all threads, of which
        // others may fault meanwhile.
        if let Some(before) = known.filter(|_| is_beside_stack((*info).si_addr(), context)) {
            IS_FULL.store(true, SeqCst);
            std::mem::transmute::<usize, Handler>(before.sa_sigaction)(signal, info, context);
            IS_FULL.store(false, SeqCst);
            let _ = take(signal);
        }
        let _ = CAME.compare_exchange(0, signal, SeqCst, SeqCst);
        // Threads of a driver may block it.
        let mut aborts: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut aborts);
        libc::sigaddset(&raw mut aborts, libc::SIGABRT);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const aborts, std::ptr::null_mut());
        libc::raise(libc::SIGABRT);
        // The thread was held for as long as others needed. What faulted faults again, and ends the process.
        libc::signal(signal, libc::SIG_DFL);
    }
}

/// Whether a fault at an address may be of a stack that is full: a thread reaches beside the end of its stack then, page by
/// page, however large a frame is.
fn is_beside_stack(address: *mut libc::c_void, context: *mut libc::c_void) -> bool {
    const BESIDE: usize = 1 << 16;
    stack_pointer(context).is_none_or(|top| address.addr().abs_diff(top) < BESIDE)
}

/// Where the stack of a thread ended as it faulted, on systems of which that is known here.
fn stack_pointer(context: *mut libc::c_void) -> Option<usize> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        #[expect(unsafe_code, reason = "the system calls a handler with a whole context")]
        let machine = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext };
        #[cfg(target_arch = "x86_64")]
        return usize::try_from(machine.gregs[libc::REG_RSP as usize]).ok();
        #[cfg(target_arch = "aarch64")]
        return usize::try_from(machine.sp).ok();
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        let _ = context;
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

    use std::{
        env,
        process::Command,
        sync::{Arc, Barrier},
        thread,
        time::Duration,
    };

    use crate::cli::interrupt;

    /// Says that this process is to fault.
    const FAULTS_HERE: &str = "FLOPMETER_TEST_FAULT";

    /// What a child says in which something faults: this executable, with the test of this name.
    fn said_of(test: &str, fault: fn()) -> String {
        if env::var_os(FAULTS_HERE).is_some() {
            interrupt::listen(crate::cli::output::complain).unwrap();
            interrupt::during("the work");
            fault();
            thread::sleep(Duration::from_secs(60));
            return String::new();
        }
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", &format!("cli::fault::tests::{test}"), "--nocapture"])
            .env(FAULTS_HERE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        said
    }

    /// Threads that fault at once, and block every signal but that of the fault, as those of drivers do.
    fn fault_in_threads_of_a_driver() {
        let start = Arc::new(Barrier::new(4));
        let threads = [(); 4].map(|()| {
            let start = Arc::clone(&start);
            thread::spawn(move || {
                #[expect(
                    unsafe_code,
                    reason = "the masks are whole, and there is nothing at this address"
                )]
                unsafe {
                    let mut signals: libc::sigset_t = std::mem::zeroed();
                    libc::sigfillset(&raw mut signals);
                    libc::sigdelset(&raw mut signals, libc::SIGSEGV);
                    libc::pthread_sigmask(
                        libc::SIG_BLOCK,
                        &raw const signals,
                        std::ptr::null_mut(),
                    );
                    start.wait();
                    std::ptr::without_provenance_mut::<u64>(64).write_volatile(1);
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn threads_that_fault_are_told_like_one_that_aborts() {
        let said = said_of(
            "threads_that_fault_are_told_like_one_that_aborts",
            fault_in_threads_of_a_driver,
        );
        let says = "error: the work: the process crashed (signal 11), as drivers";
        assert!(env::var_os(FAULTS_HERE).is_some() || said.contains(says), "{said}");
    }

    /// Needs another frame for each round.
    fn deep(rounds: u64) -> u64 {
        let frame = std::hint::black_box([rounds; 64]);
        if rounds == 0 { 0 } else { frame[7] + deep(rounds - 1) }
    }

    #[test]
    fn a_stack_that_is_full_is_no_fault_of_a_driver() {
        let said = said_of("a_stack_that_is_full_is_no_fault_of_a_driver", || {
            thread::spawn(|| deep(1 << 40)).join().unwrap();
        });
        let says = "the work: a thread of the process needed more stack than it has";
        assert!(env::var_os(FAULTS_HERE).is_some() || said.contains(says), "{said}");
    }
}
