//! Where results go: standard output or files, whole or not at all. A reader of standard output who
//! leaves early is no error.

use std::{
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use clap::ColorChoice;

use flopmeter::{files, profile::Tensor, report::table::Style, tensors};

use super::args::Common;

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
    fn check(&self) -> super::Result<()> {
        match self {
            Self::Standard => Ok(()),
            Self::File(path) => Ok(files::check_writable(path)?),
        }
    }

    pub fn write(&self, text: &str) -> super::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    pub fn write_bytes(&self, bytes: &[u8]) -> super::Result<()> {
        match self {
            Self::Standard => print_bytes(bytes),
            Self::File(path) => Ok(files::write_atomically(path, bytes)?),
        }
    }

    pub fn write_tensors(&self, kept: &[Tensor]) -> super::Result<()> {
        let entries: Vec<tensors::Entry<'_>> = kept
            .iter()
            .map(|t| tensors::Entry { name: &t.name, shape: &t.shape, data: &t.data })
            .collect();
        match self {
            Self::Standard => listened(tensors::write(&mut io::stdout().lock(), &entries)),
            Self::File(path) => Ok(tensors::write_tensors(path, &entries)?),
        }
    }
}

/// Makes sure before a long run that its results, by the options that name them, can be written at the end
/// of it and do not overwrite each other.
pub fn check<'a>(sinks: impl IntoIterator<Item = (&'a str, &'a Sink)>) -> super::Result<()> {
    let mut earlier: Vec<(&str, &Sink)> = Vec::new();
    for (name, sink) in sinks {
        if let Some((other, _)) = earlier.iter().find(|(_, other)| *other == sink) {
            bail!("{name} and {other} name the same place: give each its own");
        }
        sink.check()?;
        earlier.push((name, sink));
    }
    Ok(())
}

/// Writes a report to standard output.
pub fn print(text: &str) -> super::Result<()> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> super::Result<()> {
    let mut out = io::stdout().lock();
    listened(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Says what went wrong, once, on standard error.
pub fn complain(error: &anyhow::Error) {
    // There is nowhere to report to that reporting failed.
    let _ = writeln!(io::stderr().lock(), "error: {error:#}");
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

/// How tables look on this standard output.
pub fn style(common: &Common) -> Style {
    let color = match common.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    };
    Style { color, every_layer: common.verbose > 0 }
}
