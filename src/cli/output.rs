//! Where results go: standard output or files, whole or not at all. A reader of standard output who
//! leaves early is no error.

use std::{
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use clap::ColorChoice;
use console::Term;

use flopmeter::{files, format::table::Terminal, profile::KeptTensor, tensors};

use super::{
    args::Common,
    hint,
    interrupt::{self, Unbroken},
};

/// Where one result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    Standard,
    File(PathBuf),
}

impl Sink {
    /// What a path on the command line means.
    pub fn of(path: &Path) -> Self {
        if path == Path::new("-") { Self::Standard } else { Self::File(path.to_owned()) }
    }

    /// Whether both are one place.
    pub fn is(&self, other: &Self) -> bool {
        let whole = |sink: &Self| sink.path().and_then(files::destination);
        self == other || whole(self).is_some_and(|path| whole(other) == Some(path))
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Standard => None,
            Self::File(path) => Some(path),
        }
    }

    /// Finds out whether a result can be written here.
    pub fn check(&self) -> super::Result<()> {
        match self {
            Self::Standard => Ok(()),
            Self::File(path) => {
                let _whole = unbroken(path);
                Ok(files::check_writable(path)?)
            }
        }
    }

    pub fn write(&self, text: &str) -> super::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    pub fn write_bytes(&self, bytes: &[u8]) -> super::Result<()> {
        match self {
            Self::Standard => print_bytes(bytes),
            Self::File(path) => {
                let _whole = unbroken(path);
                Ok(files::write_atomically(path, bytes)?)
            }
        }
    }

    pub fn write_tensors(&self, kept: &[KeptTensor]) -> super::Result<()> {
        let entries: Vec<tensors::Entry<'_>> = kept
            .iter()
            .map(|t| tensors::Entry { name: &t.name, shape: &t.shape, data: &t.data })
            .collect();
        match self {
            Self::Standard => {
                listened(tensors::write(&mut io::stdout().lock(), &entries), STANDARD_OUTPUT)
            }
            Self::File(path) => {
                let _whole = unbroken(path);
                Ok(tensors::write_tensors(path, &entries)?)
            }
        }
    }
}

/// Keeps a file whole; a pipe or a device is never half-written.
fn unbroken(path: &Path) -> Option<Unbroken> {
    (!files::is_stream(path)).then(interrupt::unbroken)
}

/// Writes a report to standard output.
pub fn print(text: &str) -> super::Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes a report to standard error.
pub fn print_beside(text: &str) -> super::Result<()> {
    listened(io::stderr().lock().write_all(text.as_bytes()), "standard error")
}

fn print_bytes(bytes: &[u8]) -> super::Result<()> {
    let mut out = io::stdout().lock();
    listened(out.write_all(bytes).and_then(|()| out.flush()), STANDARD_OUTPUT)
}

/// Says what went wrong, once, on standard error.
pub fn complain(error: &anyhow::Error) {
    // There is nowhere to report to that reporting failed.
    let _ = writeln!(io::stderr().lock(), "error: {}", hint::of_command(error));
}

/// Says what is doubtful, on standard error.
pub fn warn(doubts: impl IntoIterator<Item = String>, common: &Common) {
    for doubt in doubts.into_iter().filter(|_| !common.quiet) {
        let _ = writeln!(io::stderr().lock(), "warning: {doubt}");
    }
}

/// What a stream is called in errors.
const STANDARD_OUTPUT: &str = "standard output";

/// A broken pipe means that the reader has seen enough.
fn listened(written: io::Result<()>, on: &'static str) -> super::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| anyhow!(error)).context(on),
    }
}

/// What a report is shown on that goes to standard output.
pub fn terminal(common: &Common) -> Terminal {
    let on_terminal = io::stdout().is_terminal();
    let color = match common.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            on_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    };
    on(on_terminal, Term::stdout(), Terminal { color, ..whole(common) })
}

/// The same for standard error.
pub fn terminal_beside(common: &Common) -> Terminal {
    on(io::stderr().is_terminal(), Term::stderr(), whole(common))
}

fn whole(common: &Common) -> Terminal {
    Terminal { whole: common.verbose > 0, ..Terminal::PIPE }
}

fn on(is_terminal: bool, its: Term, terminal: Terminal) -> Terminal {
    /// Where less is left for a line, nothing can be read any more.
    const LEAST: usize = 40;
    /// What a terminal has that does not say.
    const USUAL: usize = 80;
    if !is_terminal {
        return Terminal { whole: true, ..terminal };
    }
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let width = its.size_checked().map(|(_, columns)| usize::from(columns)).or_else(told);
    let width = Some(width.unwrap_or(USUAL).max(LEAST));
    Terminal { width, elsewhere: "all of it with -v, or in a pipe", ..terminal }
}
