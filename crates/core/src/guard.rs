//! Runs work on a user's kernel: with room on the stack for its nesting, and with a panic
//! turned into an error that names kernel, stage and cause. Knows nothing of what the work is.
//!
//! naga's readers, its validator and its writers panic over some modules, and recurse as deep as expressions and
//! blocks are nested. Neither may end the process.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use crate::Error;
pub use crate::error::Stage;

/// Does `work` on a kernel of the given name, and turns a panic of it into [`Error::Panicked`].
///
/// The panic is not printed. State that `work` mutates and that outlives a panic must not be used after one.
///
/// # Errors
/// What `work` fails with, and [`Error::Panicked`].
pub fn guarded<T, E: From<Error>>(
    kernel: &str,
    stage: Stage,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    install_hook();
    let outer = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.unwrap_or_else(|_| {
        let cause = CAUSE.take().unwrap_or_else(|| "of an unknown cause".to_owned());
        Err(Error::Panicked { kernel: kernel.to_owned(), stage, cause }.into())
    })
}

thread_local! {
    /// Whether this thread is inside [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the last panic of this thread inside [`guarded`] said.
    static CAUSE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has guarded panics remembered instead of printed. Every other panic goes to the hook that was there before.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |panic| {
            if GUARDED.get() {
                CAUSE.set(Some(in_words(panic)));
            } else {
                previous(panic);
            }
        }));
    });
}

fn in_words(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = message.unwrap_or("a panic without a message");
    // One line, whatever the value that is printed in it.
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match panic.location() {
        Some(at) => format!("{message} ({}:{})", within_its_crate(at.file()), at.line()),
        None => message,
    }
}

/// A path from the folder of its crate on: where that folder is differs between machines.
fn within_its_crate(path: &str) -> &str {
    let sources = path.rfind("/src/").or_else(|| path.rfind("\\src\\"));
    let start = sources.and_then(|at| path[..at].rfind(['/', '\\']));
    start.map_or(path, |at| &path[at + 1..])
}

/// Bytes of stack for one level of nesting. 20,000 parentheses, terms or alternatives took naga's readers 10 to 40 MiB where
/// they are optimised, 2 KiB each; a build that optimises nothing takes several times that.
const BYTES_PER_LEVEL: usize = 16 << 10;

/// Levels that every thread's own stack has room for.
const SHALLOW: usize = 64;

/// More levels than this are refused: 4 GiB of stack, of which only what is used is ever backed by memory.
const DEEPEST: usize = 1 << 18;

/// Does `work`, which recurses `levels` deep at most, on a stack that has room for it.
///
/// The thread has `levels` times 16 KiB and 1 MiB of stack. A target without threads does the work as it is.
///
/// # Errors
/// What `work` fails with, and [`Error::Kernel`] where no stack has that much room.
pub fn with_room<T: Send, E: From<Error> + Send>(
    kernel: &str,
    levels: usize,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E> {
    if levels <= SHALLOW || cfg!(target_family = "wasm") {
        return work();
    }
    let too_deep = |why: String| -> E {
        let problem = format!("it is nested {levels} levels deep: {why}");
        Error::Kernel { kernel: kernel.to_owned(), problem }.into()
    };
    if levels > DEEPEST {
        return Err(too_deep(format!("{DEEPEST} are read at most")));
    }
    let stack = (1 << 20) + levels * BYTES_PER_LEVEL;
    // A panic of the thread is the caller's: whether it is guarded is known there.
    let guarded = GUARDED.get();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, move || {
            GUARDED.set(guarded);
            let done = catch_unwind(AssertUnwindSafe(work));
            (done, CAUSE.take())
        });
        let (done, cause) = match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(ended)) => ended,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => {
                return Err(too_deep(format!("no thread of {stack} bytes of stack: {error}")));
            }
        };
        done.unwrap_or_else(|panic| {
            CAUSE.set(cause);
            std::panic::resume_unwind(panic)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_names_kernel_stage_and_cause() {
        let failed = guarded::<(), Error>("k", Stage::Compiling, || panic!("no\n such thing"));
        let Err(Error::Panicked { kernel, stage, cause }) = failed else { panic!("{failed:?}") };
        assert_eq!((kernel.as_str(), stage), ("k", Stage::Compiling));
        assert!(
            cause.starts_with("no such thing (") && cause.contains("core/src/guard.rs:"),
            "{cause}"
        );
    }

    #[test]
    fn a_panic_on_the_deeper_stack_keeps_its_cause() {
        let deep = || with_room::<(), Error>("k", 1000, || panic!("deep down"));
        let failed = guarded("k", Stage::Reading, deep);
        assert!(
            matches!(&failed, Err(Error::Panicked { cause, .. }) if cause.starts_with("deep down"))
        );
    }

    #[test]
    fn a_recursion_has_the_room_that_was_asked_for() {
        fn sum(levels: u64) -> u64 {
            let room = std::hint::black_box([levels; 1024]);
            if levels == 0 { 0 } else { room[0] + sum(levels - 1) }
        }
        let levels = 20_000;
        let sum = with_room::<_, Error>("k", levels, || Ok(sum(levels as u64)));
        assert_eq!(sum, Ok(200_010_000));
    }

    #[test]
    fn what_no_stack_has_room_for_is_refused() {
        let refused = with_room::<(), Error>("k", usize::MAX, || Ok(()));
        assert!(matches!(refused, Err(Error::Kernel { .. })), "{refused:?}");
    }
}
