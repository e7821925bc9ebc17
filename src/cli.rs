//! The command line: arguments become a request, a request becomes work, work becomes a report on
//! standard output and an exit code. What the work does is the library's business.

mod abort;
mod adapters;
mod alike;
mod args;
mod check;
mod compare;
mod estimate;
mod export;
#[cfg(unix)]
mod fault;
mod formulas;
mod hint;
mod interrupt;
mod kernel_check;
mod kernels;
mod lock;
mod manual;
mod merge;
mod mistaken;
mod outcome;
mod output;
mod patience;
mod profile;
mod progress;
mod roofline;
mod run;
mod scale;
mod shader;
mod signals;
mod suite;
mod tune;
mod watch;

use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
};

use anyhow::anyhow;
use log::LevelFilter;

pub use outcome::Outcome;

use args::{Arguments, Command, Common};
use outcome::Result;

/// Reads the arguments of the process.
///
/// # Errors
/// How the process ends where they ask for help, or make no sense; that has been said then.
pub fn parse() -> std::result::Result<Arguments, Outcome> {
    Arguments::typed().map_err(|message| {
        // Help goes to standard output, a slip of the keyboard to standard error.
        let is_slip = message.use_stderr();
        match message.print() {
            Ok(()) if is_slip => Outcome::CouldNotRun,
            Ok(()) => Outcome::Holds,
            // The reader has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe && !is_slip => Outcome::Holds,
            Err(_) if is_slip => Outcome::CouldNotRun,
            Err(error) => {
                output::complain(&anyhow!("standard output: {error}"));
                Outcome::CouldNotRun
            }
        }
    })
}

/// Does what the arguments ask for.
pub fn run(arguments: Arguments) -> Outcome {
    // A step that is given up goes on in its thread until the process ends.
    let Arguments { command, common } = Box::leak(Box::new(arguments));
    log_to_stderr(common);
    #[cfg(unix)]
    signals::take_limits_as_errors();
    // The commands hold nothing that outlives a panic: files are written whole, at the end.
    let ended = catch_unwind(AssertUnwindSafe(|| execute(command, common)));
    // The panic itself has been printed, with its place in the source.
    let outcome = ended.unwrap_or_else(|_| Err(anyhow!(FAULT)));
    let outcome = outcome.unwrap_or_else(|error| {
        let cut = error.downcast_ref().and_then(flopmeter::Error::kernel);
        let cut = cut.is_some_and(flopmeter::KernelError::is_of_a_run);
        output::complain(&if cut { error.context(hint::AUTO) } else { error });
        if cut { Outcome::CheckFailed } else { Outcome::CouldNotRun }
    });
    if interrupt::has_left_behind() {
        interrupt::leave(outcome);
    }
    outcome
}

/// Does what a command asks for.
fn execute(command: &'static Command, common: &'static Common) -> Result {
    match command {
        Command::Run(_) => signals::hand_on(),
        _ => interrupt::listen(output::complain),
    }?;
    match command {
        Command::Profile(asked) => profile::run(asked, common),
        Command::Check(asked) => match &asked.suite {
            Some(suite) => suite::run(suite, asked, common),
            None => match kernel_check::file(asked)? {
                Some(file) => kernel_check::run(asked, file, common),
                None => check::run(asked, common),
            },
        },
        Command::Estimate(asked) => estimate::run(asked, common),
        Command::Formulas(asked) => formulas::run(asked, common),
        Command::Compare(asked) => compare::run(asked, common),
        Command::Scale(asked) => scale::run(asked, common),
        Command::Merge(asked) => merge::run(asked, common),
        Command::Shader(asked) => shader::run(asked, common),
        Command::Run(asked) => run::run(asked, common),
        Command::Roofline(asked) => roofline::run(asked, common),
        Command::Adapters(asked) => adapters::run(asked, common),
        Command::Completions(asked) => manual::completions(asked),
        Command::Man(asked) => manual::man(asked),
    }
}

/// What a panic of a command means.
const FAULT: &str = "a fault of flopmeter itself, as printed above; nothing was written. Please report it, with the \
                     command that showed it";

fn log_to_stderr(common: &Common) {
    let level = match common.verbose {
        _ if common.quiet => LevelFilter::Off,
        0 => LevelFilter::Error,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let mut builder = env_logger::Builder::new();
    builder.filter_level(level.min(LevelFilter::Warn)).filter_module("flopmeter", level);
    match common.verbose {
        // What it logs as an error is the error that is told.
        0 => {
            builder.filter_module("naga", LevelFilter::Off);
        }
        1 | 2 => {}
        _ => {
            builder.filter_level(level);
        }
    }
    builder.format_target(false).format_timestamp(None).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_failed_is_not_a_run_that_failed() {
        assert_eq!(Outcome::of(true).code(), 0);
        assert_eq!(Outcome::of(false).code(), 1);
        assert_eq!(Outcome::CouldNotRun.code(), 2);
        assert_eq!(Outcome::OfProgram(77).code(), 77);
    }

    #[test]
    fn the_arguments_are_consistent() {
        args::command().debug_assert();
    }
}
