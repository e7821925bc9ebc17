//! Which kernel of an earlier report each line of a suite, or kernel of a later report, is: what is run of it, on what,
//! however that is spelled. What it is judged by is no part of that.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    path::{Path, PathBuf},
};

use flopmeter::{
    result::{KernelSuite, ShaderReport, SuiteKernel},
    shader::{BindingKey, meant},
};

use super::args::SuiteLine;

/// A line of a suite.
pub struct Listed<'a> {
    /// Its words.
    pub arguments: &'a [String],
    /// What they say.
    pub line: &'a SuiteLine,
    /// What ran by it, where that is known already.
    pub ran: Option<&'a ShaderReport>,
}

/// For each line of a suite, the kernel of an earlier report that it is: one that was run alike, else one of its file and
/// entry points that no other is, in their order.
pub fn matched(earlier: &KernelSuite, listed: &[Listed<'_>]) -> Vec<Option<usize>> {
    let before = earlier.kernels.iter().map(|it| (it, SuiteLine::parse(&it.arguments).ok()));
    let before: Vec<(&SuiteKernel, Option<SuiteLine>)> = before.collect();
    let mut free: Vec<usize> = (0..before.len()).collect();
    let mut found: Vec<Option<usize>> = vec![None; listed.len()];
    for is_run_alike in [true, false] {
        let lines = found.iter_mut().zip(listed).filter(|(found, _)| found.is_none());
        for (found, Listed { arguments, line, ran }) in lines {
            let next = free.iter().position(|&at| {
                let (kernel, other) = &before[at];
                let report = kernel.check().map(|check| &check.report);
                let file =
                    other.as_ref().map_or_else(|| file_of(&kernel.name), |other| &other.file);
                if meant::path(file) != meant::path(&line.file) {
                    return false;
                }
                // Without its own report, a line that names no entry point means the one that ran.
                let now = RunWith::of(line, report, ran.or(report));
                match other.as_ref().map(|other| RunWith::of(other, report, report)) {
                    Some(then) if is_run_alike => now == then,
                    Some(then) => now.entries() == then.entries(),
                    // Another version may have had other options.
                    None if is_run_alike => kernel.arguments == **arguments,
                    None => report.is_some_and(|report| now.entries() == entries_of(report)),
                }
            });
            *found = next.map(|next| free.remove(next));
        }
    }
    found
}

/// Calls the kernels of an earlier report as those of a later one that they are held against, and what it has beside
/// them otherwise than any of those; by the new names, the names that they had.
pub fn call_as(before: &mut KernelSuite, after: &KernelSuite) -> BTreeMap<String, String> {
    let lines = after.kernels.iter().map(|it| (it, SuiteLine::parse(&it.arguments).ok()));
    let lines: Vec<(&SuiteKernel, SuiteLine)> =
        lines.filter_map(|(kernel, line)| Some((kernel, line?))).collect();
    let listed = lines.iter().map(|(kernel, line)| Listed {
        arguments: &kernel.arguments,
        line,
        ran: kernel.check().map(|check| &check.report),
    });
    let found = matched(before, &listed.collect::<Vec<_>>());
    let names = lines.iter().zip(found).filter_map(|((kernel, _), at)| Some((at?, &*kernel.name)));
    let names: BTreeMap<usize, &str> = names.collect();
    let is_taken = |name: &str| lines.iter().any(|(its, _)| its.name == name);
    let mut own_names = BTreeMap::new();
    for (at, kernel) in before.kernels.iter_mut().enumerate() {
        let name = match names.get(&at) {
            Some(name) => (*name).to_owned(),
            None if is_taken(&kernel.name) => format!("{} of A", kernel.name),
            None => continue,
        };
        if name != kernel.name {
            let own = mem::replace(&mut kernel.name, name.clone());
            own_names.insert(name, own);
        }
    }
    own_names
}

/// The entry points that ran, each once.
fn entries_of(report: &ShaderReport) -> BTreeSet<Option<&str>> {
    report.entry.split(", ").map(Some).collect()
}

/// A kernel's file, without the number that a second one of it has behind its name.
fn file_of(name: &str) -> &Path {
    Path::new(match name.rsplit_once(" #") {
        Some((file, number)) if number.parse::<u32>().is_ok() => file,
        _ => name,
    })
}

/// What a line says of how its kernel is run.
#[derive(Debug, PartialEq)]
struct RunWith {
    /// Entry points, each with its grid; one that is not known has no name.
    steps: Vec<(Option<String>, [u32; 3])>,
    overrides: BTreeMap<String, String>,
    immediates: BTreeMap<String, String>,
    defines: BTreeMap<String, String>,
    folders: Vec<PathBuf>,
    fills: BTreeMap<BindingKey, String>,
}

impl RunWith {
    /// The entry points that run, each once.
    fn entries(&self) -> BTreeSet<Option<&str>> {
        self.steps.iter().map(|(entry, _)| entry.as_deref()).collect()
    }

    /// How a line runs its kernel; the names are those that a report of the kernel has, where it has them, and `ran` is what
    /// ran by this line, where that is known.
    fn of(line: &SuiteLine, report: Option<&ShaderReport>, ran: Option<&ShaderReport>) -> Self {
        let asked = &line.kernels;
        let only = ran.map(entries_of).filter(|ran| ran.len() == 1);
        let only = only.and_then(|ran| ran.into_iter().next().flatten());
        let entry = |at: usize| match &asked.entries[..] {
            [] => None,
            [one] => Some(one),
            several => several.get(at),
        };
        let entry = |at| entry(at).cloned().or_else(|| only.map(str::to_owned));
        let grid = |at: usize| match asked.dispatches[..] {
            [one] => Some(one),
            ref several => several.get(at).copied(),
        };
        let steps = 0..asked.entries.len().max(asked.dispatches.len());
        let steps = steps.map(|at| (entry(at), grid(at).unwrap_or_default()));
        let called = |said: &String| {
            report.and_then(|report| report.override_of_number(said)).unwrap_or(said).clone()
        };
        let overrides = asked.constants.iter().map(|(said, value)| (called(said), value));
        // One that is set to its default is set to nothing else.
        let is_default = |name: &String, value: &f64| {
            report.is_some_and(|report| report.override_defaults.get(name) == Some(value))
        };
        let overrides = overrides.filter(|(name, value)| !is_default(name, value));
        let overrides = overrides.map(|(name, value)| (name, value.to_string()));
        let member = |said: &String| {
            let mut members = report.into_iter().flat_map(|report| &report.immediates);
            let found = members.find(|member| member.is_called(said));
            found.map_or_else(|| said.clone(), |member| member.name.clone())
        };
        let immediates = asked.immediates.iter();
        let immediates = immediates.map(|(said, value)| (member(said), meant::values(value)));
        let fills = asked.bindings.iter();
        let fills = fills.map(|(key, fill)| (*key, meant::fill(&fill.to_string())));
        let mut fills: BTreeMap<BindingKey, String> = fills.collect();
        // What nothing is bound to holds zeros, as what zeros are bound to does.
        for its in report.into_iter().flat_map(|report| &report.bindings) {
            let key = (its.group, its.binding);
            match &its.fill {
                None if fills.get(&key).is_some_and(|fill| meant::is_zeros(fill)) => {
                    fills.remove(&key);
                }
                Some(zeros) if meant::is_zeros(zeros) => {
                    fills.entry(key).or_insert_with(|| zeros.clone());
                }
                Some(_) | None => {}
            }
        }
        Self {
            steps: steps.collect(),
            overrides: overrides.collect(),
            immediates: immediates.collect(),
            defines: asked.defines.iter().cloned().collect(),
            folders: asked.folders.iter().map(|folder| meant::path(folder)).collect(),
            fills,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_run_alike_whatever_they_are_judged_by_and_however_that_is_spelled() {
        let of = |line: &str| {
            let words = shlex::split(line).unwrap_or_default();
            RunWith::of(&SuiteLine::parse(&words).expect("a line"), None, None)
        };
        let one = of("a.wgsl --dispatch 2 --bind 0.0=zeros:4 --allow less");
        assert_eq!(one, of("a.wgsl --bind=0.0=zeros:4 --dispatch=2,1,1"));
        assert_ne!(one, of("a.wgsl --dispatch 4 --bind 0.0=zeros:4"));
        let two = of("a.wgsl --entry f --entry g --dispatch 2 -I ./in -D N --override k=0.5");
        let same = "--entry f --dispatch 2 --entry g --dispatch 2 -I in -DN=1 --override k=0.50";
        assert_eq!(two, of(&format!("a.wgsl {same}")));
        assert_ne!(two, of(&format!("a.wgsl {}", same.replace("0.50", "0.51"))));
        let bound = of("a.wgsl --dispatch 1 --immediate n=1e3,2 --bind 0.0=scale:0.50,n:8");
        let same = "--immediate 'n=1000, 2.0' --bind 0.0=n:8,scale:0.5";
        assert_eq!(bound, of(&format!("a.wgsl --dispatch 1 {same}")));
        let files = ["a.wgsl #2", "a.wgsl", "a #b"].map(file_of);
        assert_eq!(files, ["a.wgsl", "a.wgsl", "a #b"].map(Path::new));
    }
}
