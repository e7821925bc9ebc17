//! `--watch`: a kernel runs again whenever a file of its source changes, and what moved since the run before is shown.
//! Whatever is wrong meanwhile is said, and watching goes on until ctrl-C. Knows files by what they hold.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use anyhow::bail;

use flopmeter::{
    format::table,
    page::Paged as _,
    result::{ChangeReport, KernelRun, RanKernels, ShaderReport},
    shader::ShaderFile,
};

use super::{
    Outcome,
    args::{Common, Shader},
    export::Places,
    interrupt, output,
};

/// How often the files are looked at: often beside a person, seldom beside a processor.
const LOOK: Duration = Duration::from_millis(100);

/// What the files of a source hold; `None` where one cannot be read.
type Held = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Refuses what cannot be watched, before anything runs.
pub fn check(file: &Path, places: &Places) -> super::Result<()> {
    if file == Path::new("-") {
        bail!("--watch waits for a file to change, and standard input does not: name a file");
    }
    if places.has_standard() {
        bail!("--watch writes what moved to standard output: name files for the other results");
    }
    Ok(())
}

/// Runs `once`, which shows or only writes its report as it is told, now and after each change of its source, until the
/// user stops it: how that ended which ran last.
pub fn run(
    asked: &Shader,
    common: &Common,
    mut once: impl FnMut(bool) -> super::Result<ShaderReport>,
) -> super::Result {
    let mut files = vec![asked.file.clone()];
    let mut before: Option<KernelRun> = None;
    let mut last;
    loop {
        let started = SystemTime::now();
        let held = hold(&files);
        match once(before.is_none()) {
            Ok(report) => {
                last = Outcome::of(report.holds());
                files = sources(&asked.file, &report);
                // What moved does not say whether all holds.
                if before.is_some() && !report.holds() {
                    let page = report.page(common.verbose > 0);
                    output::print(&table::render(&page, output::terminal(common)))?;
                }
                // What speaks against it was said.
                let report = ShaderReport { checks: Vec::new(), ..report };
                let ran = KernelRun::from(RanKernels::Shader(Box::new(report)));
                if let Some(before) = before {
                    let change = ChangeReport::new(&before, &ran, asked.convention)?;
                    let page = change.page(common.verbose > 0);
                    output::print(&table::render(&page, output::terminal(common)))?;
                }
                before = Some(ran);
            }
            // A thread that was left behind still runs a kernel: what came after it would be timed beside it.
            Err(error) if interrupt::asked() || interrupt::has_left_behind() => return Err(error),
            Err(error) => {
                last = Outcome::CouldNotRun;
                output::complain(&error);
            }
        }
        // What other files than those held when they were read is not known. One that was written since then may hold
        // something else, and has changed.
        let found =
            |file: &PathBuf| held.get(file).cloned().unwrap_or_else(|| unchanged(file, started));
        let mut held: Held = files.iter().map(|file| (file.clone(), found(file))).collect();
        if !common.quiet {
            output::print_beside(&format!(
                "watching {}; ctrl-C ends it\n",
                ShaderFile::name(&asked.file)
            ))?;
        }
        if !has_changed(&files, &mut held) {
            return Ok(last);
        }
    }
}

/// Waits until a file holds something else, and has for a moment, as an editor may write one in several steps; false
/// where the user stops it before.
fn has_changed(files: &[PathBuf], held: &mut Held) -> bool {
    let mut changed = false;
    loop {
        if interrupt::asked() {
            return false;
        }
        interrupt::during("watching the source");
        thread::sleep(LOOK);
        let now = hold(files);
        if now != *held {
            changed = true;
            *held = now;
        } else if changed {
            return true;
        }
    }
}

fn hold(files: &[PathBuf]) -> Held {
    files.iter().map(|file| (file.clone(), read(file))).collect()
}

fn read(file: &Path) -> Option<Vec<u8>> {
    fs::read(file).ok()
}

/// What a file holds that was not written since; `None` where it was.
fn unchanged(file: &Path, since: SystemTime) -> Option<Vec<u8>> {
    let written = fs::metadata(file).and_then(|about| about.modified()).ok()?;
    if written < since { read(file) } else { None }
}

/// The files that a report's source is of: the one that was named, and those that it is continued in or includes, which
/// are named from the working directory or from its folder.
fn sources(file: &Path, report: &ShaderReport) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let others = report.others().flat_map(|other| [PathBuf::from(other), folder.join(other)]);
    let mut files: Vec<PathBuf> = [file.to_owned()].into_iter().chain(others).collect();
    files.sort_unstable();
    files.dedup();
    files
}
