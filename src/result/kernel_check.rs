//! Whether executors agree on a user's kernel: what each of them counts, leaves and sees. Judges runs; running them
//! is somebody else's business.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Document, Examined, Finding, FindingKind, ShaderReport};
use crate::{
    check,
    shader::{BindingKey, ShaderRun, not_finite, other_values},
};

/// A kernel, or several in order, as several executors ran them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelCheck {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// Whether nothing speaks against it that is not allowed.
    pub pass: bool,
    /// What is measured.
    pub definition: Cow<'static, str>,
    /// Who ran it.
    pub executors: Vec<String>,
    /// What was examined, and what speaks against it.
    pub checks: Vec<Examined>,
    /// How many floats of which buffers were infinite or no numbers after the run, on the first executor; buffers that
    /// have none are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_finite: BTreeMap<String, u64>,
    /// What the first executor found out.
    pub report: ShaderReport,
}

impl Document for KernelCheck {
    const SCHEMA: &'static str = "flopmeter.check-kernel/1";

    fn contradiction(&self) -> Option<String> {
        self.report.contradiction().map(|problem| format!("in 'report', {problem}"))
    }
}

/// What became of a kernel on one executor.
pub struct ExecutorRun {
    /// Who ran it.
    pub executor: String,
    /// Its report, already examined by itself, and what it left; else why it could not run it.
    pub ran: Result<(ShaderReport, ShaderRun), String>,
    /// The file and the line of what it could not run, where they are known.
    pub place: Option<(String, u32)>,
}

impl KernelCheck {
    /// Holds runs of the same launches against each other; `None` where none ran. Findings of the kinds in `allowed`
    /// pass.
    pub fn new(runs: &[ExecutorRun], allowed: &[FindingKind]) -> Option<Self> {
        let ran = || runs.iter().filter_map(|run| Some((&run.executor, run.ran.as_ref().ok()?)));
        let (first, (report, left)) = ran().next()?;
        let mut checks = Vec::new();
        for (executor, (report, _)) in ran() {
            checks.extend(report.checks.iter().map(|check| Examined {
                what: format!("{executor}: {}", check.what),
                findings: check.findings.iter().map(|its| its.on(executor)).collect(),
            }));
        }
        for (executor, (_, other)) in ran().skip(1) {
            checks.push(counts((first, left), (executor, other)));
            checks.push(values((first, left), (executor, other)));
        }
        for ExecutorRun { executor, ran, place } in runs {
            let finding = ran.as_ref().err().map(|why| {
                Finding::new(FindingKind::Missing, format!("{executor} could not run it: {why}"))
                    .at(place.clone())
            });
            if let Some(finding) = finding {
                checks.push(Examined {
                    what: format!("{executor} runs it"),
                    findings: vec![finding],
                });
            }
        }
        for finding in checks.iter_mut().flat_map(|check| &mut check.findings) {
            finding.allowed |= allowed.contains(&finding.kind);
        }
        Some(Self {
            schema: Self::SCHEMA.into(),
            pass: checks.iter().all(Examined::holds),
            definition: report.definition.clone(),
            executors: ran().map(|(executor, _)| executor.clone()).collect(),
            checks,
            not_finite: doubtful(left).collect(),
            report: report.clone(),
        })
    }

    /// Whether nothing speaks against it that is not allowed.
    pub fn holds(&self) -> bool {
        self.pass
    }
}

/// One run, and who ran it.
type Named<'a> = (&'a String, &'a ShaderRun);

/// Whether every launch costs the same, to the operation and, where both are of one text, to the byte.
fn counts((one, a): Named<'_>, (other, b): Named<'_>) -> Examined {
    let pairs = a.series.launches.iter().zip(&b.series.launches);
    let what = match pairs.clone().all(|(a, b)| check::of_one_text(a, b)) {
        true => format!("{other} counts what {one} does"),
        false => format!("{other} counts the floating-point operations that {one} does"),
    };
    let differ = pairs.filter_map(|(a, b)| {
        let verdict = check::observed((one, a), (other, b));
        Some(Finding::new(FindingKind::Counts, format!("counts differ: {}", verdict.why()?)))
    });
    Examined { what, findings: differ.collect() }
}

/// What a binding is called.
fn name<'a>(run: &'a ShaderRun, key: &BindingKey) -> &'a str {
    let found = run.bindings.iter().find(|its| (its.group, its.binding) == *key);
    found.map_or("", |its| its.name.as_str())
}

/// How many floats of which buffers a run left that are infinite or no numbers.
fn doubtful(run: &ShaderRun) -> impl Iterator<Item = (String, u64)> {
    run.dumps.iter().filter_map(|(key, left)| {
        let floats = not_finite(run.layouts.get(key)?, left) as u64;
        (floats > 0).then(|| (name(run, key).to_owned(), floats))
    })
}

/// Whether every buffer that both were read from holds the same.
fn values((one, a): Named<'_>, (other, b): Named<'_>) -> Examined {
    // What is infinite or no number is the same on both, and may hide what would differ.
    let doubtful = doubtful(a).map(|(name, floats)| format!("; not finite in '{name}': {floats}"));
    let doubtful: String = doubtful.collect();
    let differ = a.dumps.iter().filter_map(|(key, left)| {
        let (layout, others) = (a.layouts.get(key)?, b.dumps.get(key)?);
        let leeway = *a.leeways.get(key)?;
        let differs = other_values(layout, leeway, (one, left), (other, others))?;
        let name = name(a, key);
        let text = format!("values of '{name}' at {}.{} differ: {differs}", key.0, key.1);
        Some(Finding::new(FindingKind::Values, text))
    });
    let apart = a.leeways.values().map(|leeway| leeway.of_norm).fold(0.0, f64::max);
    Examined {
        what: format!(
            "the buffers after the run are equal on {one} and {other}: integers are the same, floats within {} \
             of their buffer's norm{doubtful}",
            part(apart)
        ),
        findings: differ.collect(),
    }
}

/// A part of one as a person says it: 1/64 where it is that, else in powers of ten.
fn part(of: f64) -> String {
    let whole = of.recip();
    match whole.is_finite() && whole.fract() == 0.0 && whole < 10_000.0 {
        true => format!("1/{whole}"),
        false => format!("{of:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_leeway_is_said_as_it_is() {
        let said = [1.0 / 64.0, 1.0 / 128.0, 1e-6, 0.0].map(super::part);
        assert_eq!(said, ["1/64", "1/128", "1e-6", "0e0"]);
    }
}
