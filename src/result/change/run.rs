//! One run of kernels as it is held against another: the saved report that it is, of a shader, of a suite of them or of a
//! program, and what of it can be compared.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    figures::{KernelFigures, priced},
    shader::{Shader, run_with},
};
use crate::{
    Error,
    op::{Convention, OpCounts, Traffic},
    result::{
        Document, Finding, FindingKind, KernelCheck, KernelSuite, RunReport, ShaderReport,
        document::{load, schema_of},
    },
};

/// A saved report of kernels, and the file that it was read from, if it was.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelRun {
    /// What ran.
    pub report: RanKernels,
    /// Where the report was read from.
    pub file: Option<PathBuf>,
    /// The names that kernels of a suite have in that report, where they are called as those of the run that this one is
    /// compared with: by the names that they are called.
    pub own_names: BTreeMap<String, String>,
}

/// A report of kernels.
#[derive(Clone, Debug, PartialEq)]
pub enum RanKernels {
    /// Of a shader.
    Shader(Box<ShaderReport>),
    /// Of shaders that were checked one after the other.
    Suite(Box<KernelSuite>),
    /// Of a program.
    Program(Box<RunReport>),
}

impl RanKernels {
    /// The shader of this name.
    pub(super) fn shader(&self, name: Option<&str>) -> Option<Shader<'_>> {
        self.shaders().into_iter().find(|shader| shader.name == name)
    }

    /// The shaders that ran: one, those of a suite, or none of a program.
    pub(super) fn shaders(&self) -> Vec<Shader<'_>> {
        match self {
            Self::Shader(report) => vec![Shader { name: None, report }],
            Self::Suite(suite) => {
                let ran = suite.kernels.iter();
                let ran = ran.filter_map(|kernel| Some((&*kernel.name, &kernel.check()?.report)));
                ran.map(|(name, report)| Shader { name: Some(name), report }).collect()
            }
            Self::Program(_) => Vec::new(),
        }
    }

    /// What it is a report of.
    pub(super) const fn of(&self) -> &'static str {
        match self {
            Self::Shader(_) => "a shader, which is compared line by line",
            Self::Suite(_) => "a suite, which is compared kernel by kernel and line by line",
            Self::Program(_) => "a program, which is compared kernel by kernel",
        }
    }

    /// In which words it says what is measured; `None` where nothing ran.
    pub(super) fn definition(&self) -> Option<&str> {
        match self {
            Self::Program(report) => Some(&report.definition),
            Self::Shader(_) | Self::Suite(_) => {
                self.shaders().first().map(|shader| &*shader.report.definition)
            }
        }
    }
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedRun {
    /// The saved report, where it was read from one.
    pub file: Option<PathBuf>,
    /// The shader as the user named it, the file that lists those of a suite, or the program with its arguments.
    pub what: String,
    /// Whether it is a suite, whose kernels are judged each by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suite: bool,
    /// The entry points that ran, where it is one shader.
    pub entry: Option<String>,
    /// The convention that its report is under, where that is another than the comparison's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_under: Option<Convention>,
    /// Who ran it.
    pub adapters: Vec<String>,
    /// How the program ended, where that is no success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What of it was not counted, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_counted: Vec<String>,
    /// What speaks against it by what its own report was judged by, where that is not allowed. What yet another report had
    /// is not among that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Kernels of a suite that are called otherwise here than in their report: by the names here, the names there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own_names: BTreeMap<String, String>,
    /// What a shader was run with: its grids, what its bindings and its immediate data held, and what was set. Those of a
    /// suite have their names before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run_with: Vec<String>,
}

impl ChangedRun {
    /// How the program that is called `name` in the comparison ended, where that is no success.
    pub fn ended_in_words(&self, name: &str) -> Option<String> {
        Some(format!("the program of {name} ended {}", self.ended.as_ref()?))
    }
}

impl From<RanKernels> for KernelRun {
    fn from(report: RanKernels) -> Self {
        Self { report, file: None, own_names: BTreeMap::new() }
    }
}

impl KernelRun {
    /// Reads a saved report of kernels; `None` where the file is another report.
    ///
    /// # Errors
    /// As [`load`](crate::result::load).
    pub fn load(path: &Path) -> Result<Option<Self>, Error> {
        let schema = schema_of(path)?;
        let report = if schema == ShaderReport::SCHEMA {
            RanKernels::Shader(Box::new(load(path)?))
        } else if schema == KernelCheck::SCHEMA {
            let check: KernelCheck = load(path)?;
            // What all executors found is what it was judged by.
            RanKernels::Shader(Box::new(ShaderReport { checks: check.checks, ..check.report }))
        } else if schema == KernelSuite::SCHEMA {
            RanKernels::Suite(Box::new(load(path)?))
        } else if schema == RunReport::SCHEMA {
            RanKernels::Program(Box::new(load(path)?))
        } else {
            return Ok(None);
        };
        Ok(Some(Self { file: Some(path.to_owned()), ..Self::from(report) }))
    }

    /// Whether anything was counted, and not timed alone.
    pub(super) fn is_counted(&self) -> bool {
        match &self.report {
            RanKernels::Shader(_) => true,
            RanKernels::Suite(_) => !self.report.shaders().is_empty(),
            RanKernels::Program(report) => report.counted,
        }
    }

    /// How its operations became FLOPs; of a suite, those of its first kernel that ran.
    pub fn convention(&self) -> Convention {
        match &self.report {
            RanKernels::Program(report) => report.convention,
            RanKernels::Shader(_) | RanKernels::Suite(_) => {
                let shaders = self.report.shaders();
                shaders.first().map_or_else(Convention::default, |shader| shader.report.convention)
            }
        }
    }

    /// Whether each of its FLOPs has a price under this convention: those under its own are stated.
    pub(super) fn has_price(&self, convention: Convention) -> bool {
        match &self.report {
            _ if self.convention() == convention => true,
            RanKernels::Shader(_) | RanKernels::Suite(_) => true,
            RanKernels::Program(report) => {
                let rows = report.kernels.iter().map(|row| (row.flops, row.ops));
                let mut all = rows.chain([(report.totals.flops, report.totals.ops)]);
                all.all(|(flops, ops)| flops.is_none() || ops.is_some())
            }
        }
    }

    /// All of its operations and traffic.
    pub(super) fn counts(&self) -> (OpCounts, Traffic) {
        match &self.report {
            RanKernels::Shader(_) | RanKernels::Suite(_) => {
                let each = self.report.shaders().into_iter();
                let each = each.map(|shader| (shader.report.ops, shader.report.traffic));
                each.reduce(|(ops, traffic), (more, moved)| (ops + more, traffic + moved))
                    .unwrap_or_default()
            }
            RanKernels::Program(report) => {
                let totals = &report.totals;
                (totals.ops.unwrap_or_default(), totals.traffic.unwrap_or_default())
            }
        }
    }

    /// What all of its kernels cost together.
    pub(super) fn total(&self, convention: Convention) -> KernelFigures {
        match &self.report {
            RanKernels::Shader(_) | RanKernels::Suite(_) => {
                let each = self.report.shaders().into_iter();
                let each = each.map(|shader| shader.figures(convention));
                each.reduce(KernelFigures::and).unwrap_or_default()
            }
            RanKernels::Program(report) => KernelFigures {
                flops: priced(
                    report.convention,
                    report.totals.flops.unwrap_or_default(),
                    report.totals.ops,
                    convention,
                ),
                bytes: report.totals.traffic.unwrap_or_default().storage_bytes(),
                seconds: report.totals.seconds,
                spread: None,
            },
        }
    }

    /// Each kernel, or each dispatch of a shader, with its name, by which it is found beside those of another run. A name
    /// that comes again has its number behind it; of a program, what tells its kernels apart.
    pub(super) fn kernels(
        &self,
        beside: &Self,
        convention: Convention,
    ) -> Vec<(String, KernelFigures)> {
        let mut kernels: Vec<(String, KernelFigures)> = Vec::new();
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let mut add = |name: &str, figures| {
            let times = seen.entry(name.to_owned()).or_default();
            *times += 1;
            let name = if *times == 1 { name.to_owned() } else { format!("{name} #{times}") };
            kernels.push((name, figures));
        };
        match &self.report {
            RanKernels::Suite(_) => {
                for shader in self.report.shaders() {
                    add(shader.name.unwrap_or_default(), shader.figures(convention));
                }
            }
            RanKernels::Shader(report) if report.dispatches.is_empty() => {
                add(&report.entry, self.total(convention));
            }
            RanKernels::Shader(report) => {
                for row in &report.dispatches {
                    let bytes = row.traffic.storage_bytes();
                    let flops = priced(report.convention, row.flops, Some(row.ops), convention);
                    let (seconds, spread) = (row.seconds, row.spread);
                    add(&row.entry, KernelFigures { flops, bytes, seconds, spread });
                }
            }
            RanKernels::Program(report) => {
                let names = match &beside.report {
                    RanKernels::Program(other) => report.names_beside(other),
                    RanKernels::Shader(_) | RanKernels::Suite(_) => report.names(),
                };
                for (row, name) in report.kernels.iter().zip(&names) {
                    let bytes = row.traffic.unwrap_or_default().storage_bytes();
                    let flops = row.flops.unwrap_or_default();
                    let flops = priced(report.convention, flops, row.ops, convention);
                    let seconds = row.seconds;
                    add(name, KernelFigures { flops, bytes, seconds, spread: None });
                }
            }
        }
        kernels
    }

    /// Who ran its shaders.
    fn adapters(&self) -> Vec<String> {
        let shaders = self.report.shaders().into_iter();
        let mut names: Vec<String> = Vec::new();
        for shader in shaders {
            if !names.contains(&shader.report.adapter.name) {
                names.push(shader.report.adapter.name.clone());
            }
        }
        names
    }

    /// What speaks against its shaders by their own checks, each with its file and, where it has one, its line.
    fn findings(&self) -> Vec<Finding> {
        let checks = match &self.report {
            RanKernels::Shader(report) => report.placed(&report.checks, None),
            RanKernels::Suite(suite) => suite.placed(None),
            RanKernels::Program(_) => Vec::new(),
        };
        let findings = checks.into_iter().flat_map(|check| check.findings);
        // What did not run is told as not counted, and an earlier report has no say in what is compared with this one.
        let is_its_own = |finding: &Finding| match finding.kind {
            FindingKind::Baseline | FindingKind::More | FindingKind::NotRun => false,
            FindingKind::Bounds
            | FindingKind::Race
            | FindingKind::Barrier
            | FindingKind::Tally
            | FindingKind::Counts
            | FindingKind::Values
            | FindingKind::Expected
            | FindingKind::Missing
            | FindingKind::Answer => !finding.allowed,
        };
        findings.filter(is_its_own).collect()
    }

    /// What the shaders that both have were run with.
    fn run_with(&self, beside: &Self) -> Vec<String> {
        let shaders = self.report.shaders().into_iter();
        let both = shaders.filter_map(|shader| Some((shader, beside.report.shader(shader.name)?)));
        let said = both.flat_map(|(Shader { name, report }, other)| {
            // Several dispatches say by themselves what they run.
            let is_one = report.dispatches.is_empty();
            let entry = is_one.then(|| format!("entry point {}", report.entry));
            let said = run_with(report, other.report).into_iter().chain(entry);
            // A suite is listed in any order.
            let name = name.map_or_else(String::new, |name| format!("{name}: "));
            said.map(|text| format!("{name}{text}")).collect::<Vec<_>>()
        });
        let mut said: Vec<String> = said.collect();
        if matches!(self.report, RanKernels::Suite(_)) {
            said.sort();
        }
        said
    }

    /// What it is, beside another, where both are compared under this convention.
    pub(super) fn side(&self, beside: &Self, convention: Convention) -> ChangedRun {
        let file = self.file.clone();
        let (findings, own_names) = (self.findings(), self.own_names.clone());
        let shaders = self.report.shaders();
        let own = shaders.iter().map(|its| its.report.convention).chain([self.convention()]);
        let saved_under = own.into_iter().find(|own| *own != convention);
        match &self.report {
            RanKernels::Shader(report) => ChangedRun {
                file,
                what: report.shader.clone(),
                suite: false,
                entry: Some(report.entry.clone()),
                saved_under,
                adapters: self.adapters(),
                ended: None,
                not_counted: Vec::new(),
                findings,
                own_names,
                run_with: self.run_with(beside),
            },
            RanKernels::Suite(suite) => ChangedRun {
                file,
                what: suite.suite.clone(),
                suite: true,
                entry: None,
                saved_under,
                adapters: self.adapters(),
                ended: None,
                not_counted: suite
                    .kernels
                    .iter()
                    .filter(|kernel| kernel.check().is_none())
                    .map(|kernel| {
                        let name = own_names.get(&kernel.name).unwrap_or(&kernel.name);
                        format!("{name} did not run")
                    })
                    .collect(),
                findings,
                own_names,
                run_with: self.run_with(beside),
            },
            RanKernels::Program(report) => ChangedRun {
                file,
                what: report.command.join(" "),
                suite: false,
                entry: None,
                saved_under,
                adapters: report.devices.iter().map(|device| device.name.clone()).collect(),
                ended: report.failed().map(|ending| ending.to_string()),
                not_counted: report.missing(),
                findings,
                own_names,
                run_with: Vec::new(),
            },
        }
    }
}
