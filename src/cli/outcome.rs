//! How a command ends, and the exit code for it.

use std::process::ExitCode;

use anyhow::Error;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything holds.
    Holds,
    /// It ran, and a check failed.
    CheckFailed,
    /// It could not run, or not to its end.
    CouldNotRun,
    /// It ran a program, which ended with this code.
    OfProgram(u8),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

impl Outcome {
    /// The exit code.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::CheckFailed => 1,
            Self::CouldNotRun => 2,
            Self::OfProgram(code) => code,
        }
    }

    /// For a command whose checks held, or did not.
    pub(super) const fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::CheckFailed }
    }
}

/// A command's work: how it ended, or why it could not run.
pub(super) type Result<T = Outcome> = std::result::Result<T, Error>;
