//! What every command does with its report: it writes each format that was asked for to its place, and a table to
//! the terminal.

use std::{ffi::OsStr, fmt, fs, path::Path, time::SystemTime};

use anyhow::bail;

use flopmeter::{
    Error,
    format::{Exported, Format, table},
    result::{Origin, Tool, Unchecked},
};

use super::{
    args::{Common, Exports, Kernels},
    hint,
    output::{self, Sink},
};

/// Where the results of a command go, each to a place of its own.
#[derive(Debug, Default)]
pub struct Places {
    claimed: Vec<(String, Sink)>,
    /// What is read, and so not written over.
    kept: Vec<(String, Sink)>,
}

impl Places {
    /// Finds out where the result of an option goes, if it was given, as [`Self::claim_path`].
    pub fn claim(&mut self, option: &str, path: Option<&Path>) -> super::Result<Option<Sink>> {
        path.map(|path| self.claim_path(option.to_owned(), path)).transpose()
    }

    /// Finds out where an option's result goes, before a long run: whether it can be written at the end,
    /// and that no other result goes there too.
    fn claim_path(&mut self, option: String, path: &Path) -> super::Result<Sink> {
        let sink = Sink::of(path);
        let mut taken = self.claimed.iter().chain(&self.kept);
        if let Some((other, _)) = taken.find(|(_, taken)| taken.is(&sink)) {
            bail!("{option} and {other} name the same place: give each its own");
        }
        sink.check()?;
        self.claimed.push((option, sink.clone()));
        Ok(sink)
    }

    /// Keeps a file that is read from being written over. Standard input is no place that a report could take.
    pub fn keep(&mut self, what: &str, path: Option<&Path>) {
        let sink = path.map(Sink::of).filter(|sink| *sink != Sink::Standard);
        self.kept.extend(sink.map(|sink| (what.to_owned(), sink)));
    }

    /// Refuses to write over a file that a kernel turned out to be made of beside its own; `others` are those, as reports
    /// name them.
    pub fn spare<'a>(
        &self,
        kernel: &Path,
        others: impl IntoIterator<Item = &'a str>,
    ) -> super::Result<()> {
        for other in others {
            // What lies elsewhere is named as it was found.
            let beside = kernel.with_file_name(other);
            let sink = Sink::of(if beside.exists() { &beside } else { Path::new(other) });
            if let Some((option, _)) = self.claimed.iter().find(|(_, taken)| taken.is(&sink)) {
                let text = format!(
                    "{option} names {other}, which {} includes or imports: give it another place",
                    kernel.display()
                );
                return Err(Spared(text).into());
            }
        }
        Ok(())
    }

    /// The same for files that buffers are filled from.
    pub fn keep_contents(&mut self, asked: &Kernels) {
        for path in asked.bindings.iter().flat_map(|(_, fill)| fill.files()) {
            self.keep("--bind", Some(path));
        }
    }

    /// The same for a kernel and for what it is held against.
    pub fn keep_kernel(&mut self, file: &Path, asked: &Kernels) {
        self.keep("the kernel", Some(file));
        self.keep("--baseline", asked.baseline.as_deref());
        for (_, expected) in &asked.expected {
            self.keep("--expect", Some(expected.path()));
        }
    }

    /// Whether a result goes to standard output, so that the table must not.
    pub fn has_standard(&self) -> bool {
        self.claimed.iter().any(|(_, sink)| *sink == Sink::Standard)
    }
}

/// Why nothing is written: the output would overwrite a source of the kernel.
#[derive(Debug)]
struct Spared(String);

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Spared {}

/// The formats that a report was asked for in, and where each goes.
#[derive(Debug)]
pub struct Formats {
    claimed: Vec<(&'static Format, Sink)>,
    origin: Origin,
}

impl Formats {
    /// Claims a place for each format that was asked for.
    pub fn claim(places: &mut Places, asked: &Exports) -> super::Result<Self> {
        let claimed = asked.0.iter().map(|(format, path)| {
            Ok((*format, places.claim_path(format!("--{}", format.name), path)?))
        });
        Ok(Self { claimed: claimed.collect::<super::Result<_>>()?, origin: origin() })
    }

    /// The program and the command that make the report.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The same, for a report that says itself which command was run.
    #[must_use]
    pub fn of_another_command(mut self) -> Self {
        self.origin.command.clear();
        self
    }

    /// Writes a report in each of them, and its table to standard output unless that is taken.
    pub fn write(
        &self,
        report: &dyn Exported,
        places: &Places,
        common: &Common,
    ) -> super::Result<()> {
        self.export(report, common)?;
        if !places.has_standard() {
            let page = report.page(common.verbose > 0);
            output::print(&table::render(&page, output::terminal(common)))?;
        }
        Ok(())
    }

    /// Writes a report in each of them, and its table to standard error where there are none, since standard output
    /// belongs to the program that was run. A format that cannot be written does not keep the others from being written,
    /// and the table is printed as well then.
    pub fn write_beside(&self, report: &dyn Exported, common: &Common) -> super::Result<()> {
        let written = self.claimed.iter().map(|claimed| self.export_one(claimed, report, common));
        let mut errors = written.filter_map(Result::err).collect::<Vec<_>>().into_iter();
        let first = errors.next();
        let mut shown = Ok(());
        if self.claimed.is_empty() || first.is_some() {
            let page = report.page(common.verbose > 0);
            shown = output::print_beside(&table::render(&page, output::terminal_beside(common)));
        }
        errors.for_each(|error| output::warn(Some(format!("{error:#}")), common));
        first.map_or(shown, Err)
    }

    /// Where nothing could be judged, tells those that a continuous integration reads; others are left as they were.
    pub fn or_why_not(&self, file: &str, common: &Common, outcome: super::Result) -> super::Result {
        let Err(error) = &outcome else { return outcome };
        if matches!(error.downcast_ref(), Some(Error::Interrupted(_))) || error.is::<Spared>() {
            return outcome;
        }
        // What it would include is not known of a file that could not be read; what it asks for may be that.
        let is_file = Path::new(file).is_file();
        let text = is_file.then(|| fs::read_to_string(file).unwrap_or_default());
        let asks = |line: &&str| ["include", "import"].iter().any(|word| line.contains(word));
        let asking: Vec<&str> = text.iter().flat_map(|text| text.lines().filter(asks)).collect();
        let why = Unchecked::new(file, &hint::of_command(error));
        for (format, sink) in &self.claimed {
            if !["github", "junit", "markdown"].contains(&format.name) {
                continue;
            }
            let existing = sink.path().filter(|path| path.exists());
            let name = existing.and_then(Path::file_name).and_then(OsStr::to_str);
            match name.filter(|name| asking.iter().any(|line| line.contains(name))) {
                Some(name) => {
                    let doubt =
                        format!("--{} {name} is not written: {file} asks for it", format.name);
                    output::warn(Some(doubt), common);
                }
                None => sink.write(&(format.render)(&why, &self.origin, common.verbose > 0))?,
            }
        }
        outcome
    }

    /// Writes a report in each of them.
    pub fn export(&self, report: &dyn Exported, common: &Common) -> super::Result<()> {
        self.claimed.iter().try_for_each(|claimed| self.export_one(claimed, report, common))
    }

    fn export_one(
        &self,
        (format, sink): &(&'static Format, Sink),
        report: &dyn Exported,
        common: &Common,
    ) -> super::Result<()> {
        sink.write(&(format.render)(report, &self.origin, common.verbose > 0))
    }
}

/// This process, now.
fn origin() -> Origin {
    Origin {
        tool: Tool::FLOPMETER,
        command: std::env::args_os().map(|part| part.to_string_lossy().into_owned()).collect(),
        date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
    }
}
