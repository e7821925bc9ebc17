//! Where results go: standard output or files, whole or not at all. A reader of standard output who
//! leaves early is no error.

use std::{
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use clap::ColorChoice;

use flopmeter::{files, profile::KeptTensor, tensors};

use super::{args::Common, hint, interrupt};

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

    /// Finds out whether a result can be written here.
    pub fn check(&self) -> super::Result<()> {
        match self {
            Self::Standard => Ok(()),
            Self::File(path) => {
                let _whole = interrupt::unbroken();
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
                let _whole = interrupt::unbroken();
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
            Self::Standard => listened(tensors::write(&mut io::stdout().lock(), &entries)),
            Self::File(path) => {
                let _whole = interrupt::unbroken();
                Ok(tensors::write_tensors(path, &entries)?)
            }
        }
    }
}

/// Writes a report to standard output.
pub fn print(text: &str) -> super::Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes a report to standard error.
pub fn print_beside(text: &str) {
    // There is nowhere to report to that reporting failed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn print_bytes(bytes: &[u8]) -> super::Result<()> {
    let mut out = io::stdout().lock();
    listened(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Says what went wrong, once, on standard error.
pub fn complain(error: &anyhow::Error) {
    // There is nowhere to report to that reporting failed.
    let _ = writeln!(io::stderr().lock(), "error: {}", hint::of_command(error));
}

/// Says what is doubtful, on standard error.
pub fn warn(doubt: Option<String>, common: &Common) {
    if let Some(doubt) = doubt.filter(|_| !common.quiet) {
        let _ = writeln!(io::stderr().lock(), "warning: {doubt}");
    }
}

/// A broken pipe means that the reader has seen enough.
fn listened(written: io::Result<()>) -> super::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| anyhow!(error)).context("standard output"),
    }
}

/// Whether this standard output is to have colours.
pub fn color(common: &Common) -> bool {
    match common.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    }
}
