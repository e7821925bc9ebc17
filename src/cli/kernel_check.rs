//! `flopmeter check FILE`: a user's kernel on every executor present, held against each other, against what its buffers
//! should hold and against an earlier report. The gate for CI. Kernels of a suite are judged here, too, each as if it
//! had been asked for alone.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::{anyhow, bail};

use flopmeter::{
    Error,
    execute::{self, DeviceType, Embedded, Executor},
    family::ModelConfig,
    op::Convention,
    result::{ExecutorRun, Finding, FindingKind, KernelCheck},
    shader::{Launched, ShaderFile, shader_endings},
};

use super::{
    Outcome, abort,
    args::{Check, Common, Kernels},
    export::{Formats, Places},
    interrupt,
    kernels::{Baseline, KernelWork, Place, baseline},
    lock::lock,
    mistaken::{self, is_shader},
    output, patience,
};

/// The shader that is asked for in the place of a model, if one is.
pub fn file(asked: &Check) -> super::Result<Option<PathBuf>> {
    let name = &asked.work.model.name;
    let path = Path::new(name);
    if name == "-" || path.is_file() || is_shader(path) {
        return Ok(Some(path.to_owned()));
    }
    let is_preset = ModelConfig::preset(name).is_some();
    if let Some(shader) = shader_in(path).filter(|_| !is_preset) {
        bail!(
            "{name}: is a folder of shaders and has no config.json, as a model's has: name a shader, such as {}, or list \
             them with their options in a file for --suite",
            shader.display()
        );
    }
    match asked.kernels.any() {
        Some(option) if !path.exists() && !is_preset => bail!(
            "there is no file '{name}', and {option} is about kernels: name a shader (.{})",
            shader_endings().collect::<Vec<_>>().join(", .")
        ),
        Some(option) => bail!("{option} is about kernels, and '{name}' is a model: name a shader"),
        None => Ok(None),
    }
}

/// The first shader of a folder that is no model's.
fn shader_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_model = files.iter().any(|file| file.ends_with("config.json"));
    files.into_iter().filter(|file| !is_model && is_shader(file)).min()
}

pub fn run(asked: &Check, file: PathBuf, common: &Common) -> super::Result {
    let mut places = Places::default();
    places.keep_kernel(&file, &asked.kernels);
    places.keep_contents(&asked.kernels);
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let name = ShaderFile::name(&file);
    let outcome = checked(asked, file, common, (&places, &formats));
    formats.or_why_not(&name, common, outcome)
}

fn checked(
    asked: &Check,
    file: PathBuf,
    common: &Common,
    (places, formats): (&Places, &Formats),
) -> super::Result {
    if let Some(option) = asked.of_models.first() {
        bail!("{option} is about models, and {} is a shader: leave it out", file.display());
    }
    mistaken::for_shader(&file)?;
    if asked.kernels.dispatches.is_empty() {
        bail!("{}: {}", file.display(), Kernels::WITHOUT_GRID);
    }
    let baseline = baseline(&asked.kernels)?;
    let on = Where::asked(asked)?;
    let (check, doubts) = judged(file.clone(), &asked.kernels, baseline.as_ref(), &on)?;
    output::warn(doubts, common);
    places.spare(&file, check.report.others())?;
    formats.write(&check, places, common)?;
    Ok(Outcome::of(check.holds()))
}

/// Where kernels are checked.
pub struct Where {
    /// An adapter's name; every one that is present where there is none.
    adapter: Option<String>,
    embedded: Embedded,
    /// What is open, for the next kernel.
    executors: Cell<Option<Executors>>,
}

/// Open executors.
struct Executors {
    all: Vec<Box<dyn Executor>>,
    /// Whether they are for kernels with cooperative matrices.
    for_matrices: bool,
    /// Whether the embedded one looks for races.
    detects_races: bool,
}

impl Where {
    /// Where it was asked for.
    pub fn asked(asked: &Check) -> super::Result<Self> {
        let adapter = asked.adapter.clone();
        let subgroup = asked.work.setup.lanes(adapter.as_deref())?;
        let embedded = Embedded { subgroup, detect_races: true, ..Embedded::default() };
        Ok(Self { adapter, embedded, executors: Cell::default() })
    }

    /// Opens them, for kernels with cooperative matrices or others.
    fn open(
        adapter: Option<&str>,
        embedded: Embedded,
        for_matrices: bool,
    ) -> Result<Executors, Error> {
        interrupt::check("opening the adapters")?;
        let embedded = Embedded { for_matrices, ..embedded };
        let all = match adapter {
            None => execute::open_all(embedded)?,
            Some("embedded") => vec![execute::open("embedded", embedded)?],
            Some(name) => vec![execute::open(name, embedded.subgroup)?],
        };
        let detects_races = matches!(adapter, None | Some("embedded"));
        Ok(Executors { all, for_matrices, detects_races })
    }
}

/// What helps where a kernel takes the executor too long that notes each access.
const ONE_ADAPTER: &str = ". A larger grid than that executor has time for is checked with --adapter NAME and --expect \
                           or --baseline, without its search for races";

/// A kernel as it was asked for, judged by what all executors make of it, and what is doubtful about what was asked.
pub fn judged(
    file: PathBuf,
    asked: &Kernels,
    baseline: Option<&Baseline>,
    on: &Where,
) -> super::Result<(KernelCheck, Vec<String>)> {
    let work = KernelWork::new(file, asked, [], 0)?;
    let (owned, adapter, embedded) = (work.clone(), on.adapter.clone(), on.embedded);
    let opened = on.executors.take();
    let mut ran = Arc::new(Mutex::new(Ran::default()));
    let seconds = asked.seconds(0);
    let within = |adapter: Option<String>, opened, ran: &Arc<Mutex<Ran>>| {
        let place = || {
            let Ran { failed, on, .. } = &*lock(ran);
            format!("{failed}{}{on}", work.place_in_words())
        };
        let (owned, now) = (owned.clone(), Arc::clone(ran));
        let open = move |for_matrices| Where::open(adapter.as_deref(), embedded, for_matrices);
        // Where an adapter was named, none is run that was not asked for.
        let beside = if on.adapter.is_none() { ONE_ADAPTER } else { "" };
        patience::within(seconds, place, beside, move || all(owned, opened, open, &now))
    };
    let executors = match abort::has_come() {
        // Whatever the drivers hold may be in any state.
        true => Err(anyhow!("it was not run: a kernel before it had a driver abort the process")),
        false => within(adapter.clone(), opened, &ran),
    };
    let executors = match executors {
        // The embedded executor needs no driver.
        Err(error) if adapter.is_none() && abort::has_come() => {
            abort::hold_for(seconds);
            let mut so_far = std::mem::take(&mut *lock(&ran));
            so_far.give_up(error.to_string(), work.place());
            // Where the driver aborted in a thread of its own, the one that was given up may yet note what it finds.
            ran = Arc::new(Mutex::new(so_far));
            within(Some("embedded".to_owned()), None, &ran)?;
            None
        }
        executors => Some(executors?),
    };
    let (mut runs, launched) = {
        let mut ran = lock(&ran);
        (std::mem::take(&mut ran.runs), ran.launched.take())
    };
    // One that could not run a kernel may be lost.
    on.executors.set(executors.filter(|_| runs.iter().all(|run| run.ran.is_ok())));
    // What all executors count is the same, or said to be not, so that the first one is reported, and held against the
    // baseline. Where counts may differ that is the embedded one, which counts the same each time.
    if asked.passing().contains(&FindingKind::Counts) {
        runs.sort_by_key(|run| run.executor != "embedded");
    }
    let first = runs.iter().position(|run| run.ran.is_ok());
    for (index, run) in runs.iter_mut().enumerate() {
        if let Ok((report, left)) = &mut run.ran {
            work.judge(report, left, baseline.filter(|_| Some(index) == first))?;
        }
    }
    let Some(mut check) = KernelCheck::new(&runs, &asked.passing()) else {
        let all = runs.iter().filter_map(|run| Some((&run.executor, run.ran.as_ref().err()?)));
        let all: Vec<(&String, &String)> = all.collect();
        // What is wrong with the request is wrong everywhere.
        if let [(_, why), others @ ..] = &all[..]
            && !others.is_empty()
            && others.iter().all(|(_, other)| other == why)
        {
            bail!("{why}");
        }
        let each = all.iter().map(|(executor, why)| format!("{executor}: {why}"));
        bail!("no executor ran it\n{}", each.collect::<Vec<_>>().join("\n"));
    };
    if check.report.may_ask_for_subgroups()
        && let Some(lanes) = subgroups(&runs)
    {
        let mut findings = check.checks.iter_mut().flat_map(|check| &mut check.findings);
        let differs = |finding: &&mut Finding| {
            matches!(finding.kind, FindingKind::Counts | FindingKind::Values) && !finding.allowed
        };
        if let Some(first) = findings.find(differs) {
            first.details.push(lanes);
        }
    }
    for finding in check.checks.iter_mut().flat_map(|check| &mut check.findings) {
        if finding.kind == FindingKind::Missing && !finding.allowed {
            let ran = check.executors.join(", ");
            finding.details.push(format!("it ran on {ran}; --allow missing lets this pass"));
        }
    }
    if check.checks.is_empty() {
        bail!(
            "nothing was judged: {} alone ran it; leave --adapter out, or say what it is held against with --expect \
             or --baseline",
            check.executors.join(", ")
        );
    }
    let doubts = launched.map(|launched| KernelWork::doubts(&launched, &check.report, baseline));
    Ok((check, doubts.unwrap_or_default()))
}

/// How many invocations the subgroups of each executor that ran the kernels have, where those are not as many.
fn subgroups(runs: &[ExecutorRun]) -> Option<String> {
    let lanes: Vec<(&str, u32)> = runs
        .iter()
        .filter_map(|run| {
            let (report, _) = run.ran.as_ref().ok()?;
            Some((run.executor.as_str(), report.adapter.limits.subgroup_lanes?))
        })
        .collect();
    let &(_, other) = lanes.iter().find(|(executor, _)| *executor != "embedded")?;
    if lanes.iter().all(|&(_, its)| its == other) {
        return None;
    }
    let each: Vec<_> = lanes.iter().map(|(on, its)| format!("{its} invocations on {on}")).collect();
    Some(format!(
        "a kernel that asks for its subgroup does more or less where that has another size, which is {}; \
         --subgroup-size {other} has the embedded executor take {other}",
        each.join(" and ")
    ))
}

/// How far kernels are on the executors.
#[derive(Default)]
struct Ran {
    /// What became of them so far.
    runs: Vec<ExecutorRun>,
    /// What was read of them: standard input cannot be read again.
    launched: Option<Arc<Launched>>,
    /// What those said that could not run them.
    failed: String,
    /// Who runs them now.
    now: Option<String>,
    /// The same in words.
    on: String,
}

impl Ran {
    /// Notes that what runs them now will not end, there.
    fn give_up(&mut self, why: String, (file, line): Place) {
        let (executor, said) = match self.now.take() {
            Some(executor) => (executor, abort::advice()),
            None => ("every other adapter".to_owned(), why.clone()),
        };
        self.failed += &format!("{executor}: {said}; ");
        self.on.clear();
        let place = line.map(|line| (file, line));
        self.runs.push(ExecutorRun { executor, ran: Err(why), place });
    }
}

/// Runs the kernels on each executor, and gives the executors: those that are open, or else are opened. Every buffer that
/// one of them may write is read back. `so_far` has what became of them.
fn all(
    mut work: KernelWork,
    opened: Option<Executors>,
    open: impl FnOnce(bool) -> Result<Executors, Error>,
    so_far: &Mutex<Ran>,
) -> Result<Executors, Error> {
    let known = lock(so_far).launched.clone();
    let launched = known.map_or_else(|| work.read().map(Arc::new), Ok)?;
    lock(so_far).launched = Some(Arc::clone(&launched));
    work.keys.extend(launched.written());
    work.keys.sort_unstable();
    work.keys.dedup();
    let for_matrices = launched.has_cooperative_matrices();
    let opened = opened.filter(|opened| opened.for_matrices == for_matrices);
    let mut executors = opened.map_or_else(|| open(for_matrices), Ok)?;
    for executor in &mut executors.all {
        interrupt::check(&ShaderFile::name(&work.file))?;
        let name = executor.adapter().name.clone();
        log::info!("running on {name}");
        let is_embedded = executor.adapter().device_type == DeviceType::Embedded;
        let looks = is_embedded && executors.detects_races;
        let how = if looks { ", which looks for races, as no other adapter does," } else { "" };
        lock(so_far).on = format!(" on {name}{how}");
        lock(so_far).now = Some(name.clone());
        let ran = match work.run(&launched, executor.as_mut()) {
            Ok(run) => {
                let report = work.report(&launched, &run, Convention::default());
                Ok((report, run))
            }
            // The request itself is wrong where it is refused; what an adapter lacks is a finding.
            Err(error @ (Error::Refused { .. } | Error::File { .. } | Error::Interrupted(_))) => {
                return Err(error);
            }
            Err(error) => {
                lock(so_far).failed += &format!("{name}: {error}; ");
                Err(error.to_string())
            }
        };
        executor.clear();
        lock(so_far).runs.push(ExecutorRun { executor: name, ran, place: None });
    }
    Ok(executors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::command;

    #[test]
    fn every_ending_of_a_shader_is_in_the_help() {
        let program = command();
        let check = program.get_subcommands().find(|command| command.get_name() == "check");
        let mut arguments = check.expect("check").get_arguments();
        let folder = arguments.find(|argument| argument.get_short() == Some('I'));
        let heading = folder.and_then(|argument| argument.get_help_heading()).unwrap_or_default();
        let endings: Vec<String> = shader_endings().map(|ending| format!(".{ending}")).collect();
        assert!(heading.contains(&format!("({})", endings.join(", "))), "{heading}");
    }
}
