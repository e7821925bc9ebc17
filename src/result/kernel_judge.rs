//! What a report on a kernel is judged by: what its executor saw, what its buffers should hold, and the counts of an
//! earlier report. Reading the command line that asks for it is somebody else's business.

use std::path::Path;

use super::{
    ChangeReport, CountPair, Examined, Finding, FindingKind, GrowthLimit, KernelRun, LineFigures,
    RanKernels, ShaderReport, otherwise::otherwise,
};
use crate::{
    Error,
    execute::Race,
    observe::{KernelLaunch, Observed},
    shader::{BindingKey, Expectation, ShaderRun},
};

/// Counts that are named where many moved.
const NAMED: usize = 4;

/// What counts and traffic have to be, beside those of an earlier report.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum HeldTo {
    /// The same, each of them.
    #[default]
    Same,
    /// Each of them at most as many.
    Less,
    /// Within these limits together, whatever each of them is.
    Limits(Vec<GrowthLimit>),
}

impl HeldTo {
    /// What is held to be so.
    fn claim(&self, file: &Path) -> String {
        let (file, which) = (file.display(), if *self == Self::Less { "at most " } else { "" });
        match self {
            Self::Same | Self::Less => format!("counts and traffic are {which}those of {file}"),
            Self::Limits(_) => {
                format!("counts and traffic grew no more since {file} than they may")
            }
        }
    }
}

impl ShaderReport {
    /// What its executor looked for beside the counts.
    pub(super) fn seen(&self) -> Vec<Examined> {
        let mut checks = Vec::new();
        if let Some(watched) = &self.watched {
            let outside = watched.out_of_bounds.iter().map(|row| {
                Finding::new(FindingKind::Bounds, row.in_words())
                    .at(self.place_of(row.file.as_deref(), row.line))
            });
            let what = "no access out of bounds".to_owned();
            checks.push(Examined { what, findings: outside.collect() });
            if let Some(races) = &watched.races {
                let raced = races.iter().map(|race: &Race| {
                    let index = usize::from(race.lines[0].is_none());
                    let place = self.place_of(race.files[index].as_deref(), race.lines[index]);
                    Finding::new(FindingKind::Race, format!("a race: {race}")).at(place)
                });
                checks.push(Examined { what: "no race".to_owned(), findings: raced.collect() });
            }
        }
        if let Some(tally) = &self.tally {
            let unsearched = self.watched.as_ref().is_none_or(|watched| watched.races.is_none());
            let findings = tally.differences.iter().map(|one| {
                let text =
                    format!("the executor's own tally differs from its counters: {}", one.why);
                // The embedded executor counts in a run of its own where another runs the kernel.
                let races = "where invocations race, each run may execute something else: check looks for races";
                let details = unsearched.then(|| races.to_owned()).into_iter().collect();
                Finding { details, ..Finding::new(FindingKind::Tally, text) }
            });
            let what = "the embedded executor's own count equals the counters".to_owned();
            checks.push(Examined { what, findings: findings.collect() });
        }
        checks
    }

    /// The barriers to which other than whole numbers of workgroups came; `None` where there are none.
    pub(super) fn missed(
        &self,
        launches: &[KernelLaunch<'_>],
        observed: &[Observed],
    ) -> Option<Examined> {
        let findings = launches.iter().zip(observed).flat_map(|(launch, seen)| {
            let of: u32 = launch.kernel.workgroup_size().iter().product();
            seen.uneven_barriers.iter().map(move |barrier| {
                let what = barrier.in_words(of.into());
                let text = format!("{what}; let every invocation of a workgroup come to it");
                let line =
                    barrier.line.zip(launch.kernel.source()).map(|(line, of)| of.place(line));
                let place = line.and_then(|it| self.place_of(it.file.as_deref(), Some(it.number)));
                Finding::new(FindingKind::Barrier, text).at(place)
            })
        });
        let mut findings: Vec<Finding> = findings.collect();
        // The copies of a function have one line.
        findings.dedup();
        let what = "whole numbers of workgroups came to each barrier".to_owned();
        (!findings.is_empty()).then_some(Examined { what, findings })
    }

    /// A line of a file that the source is continued in, or of the shader's own, with the path of that file.
    fn place_of(&self, file: Option<&str>, line: Option<u32>) -> Option<(String, u32)> {
        let shader = Path::new(&self.shader);
        let path = file.map_or_else(|| shader.to_owned(), |file| shader.with_file_name(file));
        Some((path.display().to_string(), line?))
    }

    /// These checks of it, with the shader's file for what is in no place of its own, and such a line of it where it has
    /// lines. What a buffer holds at the end comes of no line alone.
    pub(crate) fn placed(&self, checks: &[Examined], line: Option<u32>) -> Vec<Examined> {
        let mut checks = checks.to_vec();
        let findings = checks.iter_mut().flat_map(|check| &mut check.findings);
        for finding in findings.filter(|finding| finding.file.is_none()) {
            finding.file = Some(self.shader.clone());
            let has_line = finding.kind != FindingKind::Expected && !self.source.is_empty();
            finding.line = line.filter(|_| has_line);
        }
        checks
    }

    /// Lets findings of these kinds pass.
    pub fn allow(&mut self, kinds: &[FindingKind]) {
        for finding in self.checks.iter_mut().flat_map(|check| &mut check.findings) {
            finding.allowed |= kinds.contains(&finding.kind);
        }
    }

    /// Judges it by what its buffers should hold after `run`, which left these among others.
    ///
    /// # Errors
    /// [`Error::File`] where a file does not say what a buffer should hold.
    pub fn expect<'a>(
        &mut self,
        run: &ShaderRun,
        expected: impl IntoIterator<Item = (&'a BindingKey, &'a Expectation)>,
    ) -> Result<(), Error> {
        for (key, expectation) in expected {
            let (Some(left), Some(layout)) = (run.dumps.get(key), run.layouts.get(key)) else {
                continue;
            };
            let mut bound = run.bindings.iter();
            let bound = bound.find(|its| (its.group, its.binding) == *key);
            let name = bound.map_or("", |its| its.name.as_str());
            let differs = expectation
                .differs(layout, run.in_bytes.get(key), left)
                .map_err(|problem| Error::File { path: expectation.path().to_owned(), problem })?;
            let what = format!("'{name}' at {}.{} holds {expectation}", key.0, key.1);
            let finding = differs.map(|why| {
                let (file, by) = (expectation.path().display(), expectation.leeway());
                let text =
                    format!("'{name}' at {}.{} differs from {file}{by}: {why}", key.0, key.1);
                Finding::new(FindingKind::Expected, text)
            });
            self.checks.push(Examined { what, findings: finding.into_iter().collect() });
        }
        Ok(())
    }

    /// Judges its counts and traffic by those of an earlier report, which `file` has, whatever convention that has its FLOPs
    /// under.
    ///
    /// # Errors
    /// Those of [`ChangeReport::new`].
    pub fn hold_against(
        &mut self,
        baseline: &KernelRun,
        file: &Path,
        held: &HeldTo,
    ) -> Result<(), Error> {
        // What its executor found is judged already.
        let this = Self { checks: Vec::new(), ..self.clone() };
        let this = RanKernels::Shader(Box::new(this)).into();
        let mut change = ChangeReport::new(baseline, &this, self.convention)?;
        let name = file.display();
        let otherwise = match &baseline.report {
            RanKernels::Shader(before) => otherwise(before, self),
            RanKernels::Suite(_) => vec!["a suite ran".to_owned()],
            RanKernels::Program(_) => vec!["a program ran".to_owned()],
        };
        let runs_otherwise = !otherwise.is_empty();
        let otherwise = format!(
            "it was not run alike: {}; run it as it was, or save {name} again",
            otherwise.join("; ")
        );
        let elsewhere = self.elsewhere(baseline).map_or_else(String::new, |it| format!("; {it}"));
        let place = change.worst_line(None);
        if let HeldTo::Limits(limits) = held {
            change.judge(limits);
            let of_file = |text: String| format!("{name}: {text}");
            let details = details(&change);
            self.checks.extend(change.checks.drain(..).map(|Examined { what, findings }| {
                let findings = findings.into_iter().map(|its| Finding {
                    text: of_file(its.text),
                    details: details.clone(),
                    ..its
                });
                Examined { what: of_file(what), findings: findings.collect() }
            }));
        }
        let moved: Vec<&CountPair> = match held {
            HeldTo::Same => change.moved().collect(),
            HeldTo::Less => change.moved().filter(|pair| pair.b > pair.a).collect(),
            HeldTo::Limits(_) => Vec::new(),
        };
        let text = match (self.moved_from(baseline, &moved, held), runs_otherwise) {
            (Some(moved), false) => Some(format!("moved from {name}: {moved}{elsewhere}")),
            (Some(moved), true) => {
                Some(format!("moved from {name}: {moved}{elsewhere}; {otherwise}"))
            }
            // Less of something else is not less.
            (None, true) if change.moved().next().is_some() => Some(format!("{name}: {otherwise}")),
            (None, _) => None,
        };
        if text.is_some() || !matches!(held, HeldTo::Limits(_)) {
            let finding = text.map(|text| Finding {
                details: details(&change),
                ..Finding::new(FindingKind::Baseline, text).at(place.clone())
            });
            let what = held.claim(file);
            self.checks.push(Examined { what, findings: finding.into_iter().collect() });
        }
        Ok(())
    }

    /// Says that a file which should have an earlier report of this kernel has none.
    pub fn lacks_baseline(&mut self, file: &Path, held: &HeldTo) {
        let text = format!(
            "{} has no counts of it: save them again with the kernels that there are now",
            file.display()
        );
        let finding = Finding::new(FindingKind::Baseline, text);
        self.checks.push(Examined { what: held.claim(file), findings: vec![finding] });
    }

    /// Where it was counted before, and in subgroups of how many invocations, if not as it is now. That alone moves
    /// counts only of a kernel that goes by what is not the same everywhere, such as who runs first.
    fn elsewhere(&self, baseline: &KernelRun) -> Option<String> {
        let RanKernels::Shader(before) = &baseline.report else { return None };
        let [before, now] = [&before.adapter, &self.adapter];
        let [lanes_before, lanes] = [before, now].map(|adapter| adapter.limits.subgroup_lanes);
        let widths = lanes_before.zip(lanes).filter(|(before, now)| before != now);
        let widths = widths.map(|(before, now)| {
            format!("its subgroups had {before} invocations, and now have {now}")
        });
        let place = (before.name != now.name)
            .then(|| format!("it was counted on '{}', and now on '{}'", before.name, now.name));
        let said: Vec<String> = place.into_iter().chain(widths).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// What moved, in words; `None` where nothing did.
    fn moved_from(
        &self,
        baseline: &KernelRun,
        moved: &[&CountPair],
        held: &HeldTo,
    ) -> Option<String> {
        if !moved.is_empty() {
            let mut named: Vec<String> =
                moved.iter().take(NAMED).map(|pair| self::moved(pair)).collect();
            if moved.len() > NAMED {
                named.push(format!("and {} more", moved.len() - NAMED));
            }
            return Some(named.join(", "));
        }
        // The sums are the same; what they are sums of need not be.
        let RanKernels::Shader(before) = &baseline.report else { return None };
        let mut rows = before.dispatches.iter().zip(&self.dispatches);
        let other = rows.position(|(a, b)| (a.ops, a.traffic) != (b.ops, b.traffic))?;
        (*held == HeldTo::Same).then(|| {
            format!("dispatch {} of '{}', not their sums", other + 1, self.dispatches[other].entry)
        })
    }
}

/// Everything that moved, a line each: kinds of operations and traffic, then lines of the source.
fn details(change: &ChangeReport) -> Vec<String> {
    let kinds = change.moved().map(moved);
    let bytes = format!("{} bytes", change.carriers());
    let lines = change.lines.iter().map(|pair| {
        let number = |side: &Option<LineFigures>| side.as_ref().map(|its| its.line);
        let place = match (number(&pair.a), number(&pair.b)) {
            (Some(a), Some(b)) if a != b => format!("line {a}, now {b}"),
            (_, Some(line)) => format!("line {line}"),
            (Some(line), None) => format!("line {line} of before"),
            (None, None) => "a line".to_owned(),
        };
        let figures = |side: &Option<LineFigures>| {
            side.as_ref().map_or([0; 3], |its| [its.executions, its.flops, its.bytes])
        };
        let before_and_after = figures(&pair.a).into_iter().zip(figures(&pair.b));
        let named = ["executions", "FLOPs", &bytes].into_iter().zip(before_and_after);
        let said =
            named.filter(|(_, (a, b))| a != b).map(|(name, (a, b))| format!("{name} {a} to {b}"));
        let said: Vec<String> = said.collect();
        format!("{place}: {}: {}", pair.text.trim(), said.join(", "))
    });
    kinds.chain(lines).collect()
}

/// A count before and after.
fn moved(CountPair { name, a, b }: &CountPair) -> String {
    let percent = 100.0 * (*b as f64 - *a as f64) / *a as f64;
    let percent = if *a == 0 { String::new() } else { format!(" ({percent:+.2} %)") };
    format!("{name} {a} to {b}{percent}")
}
