//! Room on the stack. A thread of the program may have as little as the system allows, and reading kernels and writing
//! recordings take more: where there is too little, work is done on a stack of the layer's own. Knows nothing of the work.

#![expect(
    unsafe_code,
    reason = "the system is asked where a thread's stack ends, and work is lent to a thread that has ended when it is given back"
)]

use std::{cell::Cell, thread};

/// Bytes of stack that work of the layer has at the least.
const ROOM: usize = 256 << 10;

/// Bytes of the layer's own stack, of which only what is used is ever backed by memory.
const OWN: usize = 8 << 20;

/// Does some work where it has room. The thread waits for it.
pub(crate) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    if left() >= ROOM {
        return work();
    }
    let (mut work, mut done) = (Some(work), None);
    let mut lent = Lent(|| done = work.take().map(|work| work()));
    // The scope waits, and not by `join`, in which the program may have the thread cancelled.
    thread::scope(|scope| {
        let own = thread::Builder::new().stack_size(OWN);
        // Where no thread can be made, the work is still to be done.
        let _ = without_signals(|| own.spawn_scoped(scope, || lent.run()));
    });
    done.unwrap_or_else(|| work.take().expect("it was not done")())
}

/// Makes a thread in which no handler of the program's signals runs: they are for its own threads.
#[cfg(target_os = "linux")]
fn without_signals<T>(spawn: impl FnOnce() -> T) -> T {
    // SAFETY: a set of signals is plain numbers; each is filled by a call before it is looked at.
    unsafe {
        let [mut all, mut before] = [std::mem::zeroed::<libc::sigset_t>(); 2];
        libc::sigfillset(&raw mut all);
        let held = libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let made = spawn();
        if held == 0 {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        }
        made
    }
}

#[cfg(not(target_os = "linux"))]
fn without_signals<T>(spawn: impl FnOnce() -> T) -> T {
    spawn()
}

/// Work of this thread in another, while this one waits.
struct Lent<F>(F);

impl<F: FnMut()> Lent<F> {
    fn run(&mut self) {
        self.0();
    }
}

// SAFETY: the thread that it is from does nothing until it has been done, so that nothing of it is used by two.
unsafe impl<F> Send for Lent<F> {}

/// Bytes of stack that are left here: all that there may be where nobody says where a thread's stack is, and none on a
/// stack that the program made itself, as for a fiber.
fn left() -> usize {
    thread_local! {
        static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    }
    let mark = 0_u8;
    let here = std::ptr::from_ref(std::hint::black_box(&mark)).addr();
    let (lowest, bytes) = STACK.get().unwrap_or_else(|| {
        let stack = stack();
        STACK.set(Some(stack));
        stack
    });
    here.checked_sub(lowest).filter(|&left| left < bytes).unwrap_or(0)
}

/// The lowest address of this thread's stack, and its bytes; all addresses where nobody says.
fn stack() -> (usize, usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the attributes are written before they are read, and freed once.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) == 0 {
            let (mut lowest, mut bytes) = (std::ptr::null_mut(), 0);
            let known =
                libc::pthread_attr_getstack(&raw const attributes, &raw mut lowest, &raw mut bytes);
            libc::pthread_attr_destroy(&raw mut attributes);
            if known == 0 {
                return (lowest.addr(), bytes);
            }
        }
    }
    (0, usize::MAX)
}

// Elsewhere nobody says how large a stack is.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Uses so many KiB of stack.
    fn deep(kib: u64) -> u64 {
        let frame = std::hint::black_box([kib; 128]);
        if kib == 0 { 0 } else { frame[7] + deep(kib - 1) }
    }

    /// Whether this thread takes a signal.
    fn hears_signals() -> bool {
        // SAFETY: the set is filled by a call before it is looked at.
        unsafe {
            let mut blocked = std::mem::zeroed::<libc::sigset_t>();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut blocked);
            libc::sigismember(&raw const blocked, libc::SIGALRM) == 0
        }
    }

    #[test]
    fn work_has_room_in_a_thread_that_has_little() {
        let small = thread::Builder::new().stack_size(64 << 10);
        let sum = small.spawn(|| with_room(|| deep(1 << 10))).unwrap().join().unwrap();
        assert_eq!(sum, (1 << 10) * ((1 << 10) + 1) / 2);
        // Where there is room, the thread is the program's.
        let large = thread::Builder::new().stack_size(4 << 20);
        let same = large.spawn(|| with_room(|| thread::current().id()) == thread::current().id());
        assert!(same.unwrap().join().unwrap());
        let small = thread::Builder::new().stack_size(64 << 10);
        let hears = small.spawn(|| (with_room(hears_signals), hears_signals()));
        assert_eq!(hears.unwrap().join().unwrap(), (false, true), "signals are the program's");
        let small = thread::Builder::new().stack_size(64 << 10);
        let panics = small.spawn(|| with_room(|| panic!("on purpose"))).unwrap().join();
        assert!(panics.is_err());
    }
}
