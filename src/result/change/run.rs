//! One run of kernels as it is held against another: the saved report that it is, of a shader or of a program, and
//! what of it can be compared.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    observe::Spread,
    op::{Convention, OpCounts, Traffic},
    result::{
        Document, KernelCheck, RunReport, ShaderReport,
        document::{load, schema_of},
        otherwise,
    },
};

/// A saved report of kernels, and the file that it was read from, if it was.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelRun {
    /// What ran.
    pub report: RanKernels,
    /// Where the report was read from.
    pub file: Option<PathBuf>,
}

/// A report of kernels.
#[derive(Clone, Debug, PartialEq)]
pub enum RanKernels {
    /// Of a shader.
    Shader(Box<ShaderReport>),
    /// Of a program.
    Program(Box<RunReport>),
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedRun {
    /// The saved report, where it was read from one.
    pub file: Option<PathBuf>,
    /// The shader as the user named it, or the program with its arguments.
    pub what: String,
    /// The entry points that ran, where it is a shader.
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
    /// What a shader was run with: its grids, what its bindings and its immediate data held, and what was set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run_with: Vec<String>,
}

impl ChangedRun {
    /// How the program that is called `name` in the comparison ended, where that is no success.
    pub fn ended_in_words(&self, name: &str) -> Option<String> {
        Some(format!("the program of {name} ended {}", self.ended.as_ref()?))
    }
}

/// The grid or grids of a shader, what its bindings and its immediate data held, and what was set: the same texts in both
/// reports for what means the same.
fn run_with(report: &ShaderReport, beside: &ShaderReport) -> Vec<String> {
    let grid = |grid: [u32; 3]| grid.map(|extent| extent.to_string()).join(" x ");
    let mut with = match &report.dispatches[..] {
        [] => vec![format!("{} workgroups", grid(report.grid))],
        several => {
            let each = several.iter();
            each.map(|one| format!("{} workgroups of {}", grid(one.grid), one.entry)).collect()
        }
    };
    let fills = otherwise::fills(report, beside);
    with.extend(report.bindings.iter().map(|binding| {
        let fill = fills.get(&format!("{}.{}", binding.group, binding.binding));
        let fill = fill.map_or("zeros", String::as_str);
        let contents = binding.contents.as_ref().filter(|hash| !fill.ends_with(*hash));
        let contents = contents.map_or_else(String::new, |hash| format!(" ({hash})"));
        format!("'{}' of {} bytes: {fill}{contents}", binding.name, binding.bytes)
    }));
    let immediates = otherwise::immediates(report);
    with.extend(report.immediates.iter().map(|immediate| {
        let value = immediates.get(&immediate.name).map_or("0", String::as_str);
        format!("{} = {value}", immediate.name)
    }));
    let overrides = otherwise::overrides(report, beside);
    with.extend(overrides.iter().map(|(name, value)| format!("override {name} = {value}")));
    with.extend(report.defines.iter().map(|(name, value)| format!("{name} defined as {value}")));
    with
}

/// What a kernel costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelFigures {
    /// Executed FLOPs.
    pub flops: u64,
    /// Bytes that cross to or from storage buffers.
    pub bytes: u64,
    /// Median time, where it was timed.
    pub seconds: Option<f64>,
    /// How far apart its runs were, where there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
}

/// What a line costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineFigures {
    /// The file that it is in, where that is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its number there, from 1.
    pub line: u32,
    /// How often it was executed.
    pub executions: u64,
    /// Executed FLOPs.
    pub flops: u64,
    /// Bytes loaded from and stored to storage buffers and textures.
    pub bytes: u64,
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
            RanKernels::Shader(Box::new(load::<KernelCheck>(path)?.report))
        } else if schema == RunReport::SCHEMA {
            RanKernels::Program(Box::new(load(path)?))
        } else {
            return Ok(None);
        };
        Ok(Some(Self { report, file: Some(path.to_owned()) }))
    }

    /// Whether anything was counted, and not timed alone.
    pub(super) fn is_counted(&self) -> bool {
        match &self.report {
            RanKernels::Shader(_) => true,
            RanKernels::Program(report) => report.counted,
        }
    }

    /// How its operations became FLOPs.
    pub fn convention(&self) -> Convention {
        match &self.report {
            RanKernels::Shader(report) => report.convention,
            RanKernels::Program(report) => report.convention,
        }
    }

    /// Whether each of its FLOPs has a price under this convention: those under its own are stated.
    pub(super) fn has_price(&self, convention: Convention) -> bool {
        match &self.report {
            _ if self.convention() == convention => true,
            RanKernels::Shader(_) => true,
            RanKernels::Program(report) => {
                let rows = report.kernels.iter().map(|row| (row.flops, row.ops));
                let mut all = rows.chain([(report.totals.flops, report.totals.ops)]);
                all.all(|(flops, ops)| flops.is_none() || ops.is_some())
            }
        }
    }

    /// The FLOPs of some operations; `stated` are those under its own convention.
    fn flops(&self, stated: u64, ops: Option<OpCounts>, convention: Convention) -> u64 {
        match ops.filter(|_| self.convention() != convention) {
            Some(ops) => u64::try_from(ops.wide_flops(convention)).unwrap_or(u64::MAX),
            None => stated,
        }
    }

    /// All of its operations and traffic.
    pub(super) fn counts(&self) -> (OpCounts, Traffic) {
        match &self.report {
            RanKernels::Shader(report) => (report.ops, report.traffic),
            RanKernels::Program(report) => {
                let totals = &report.totals;
                (totals.ops.unwrap_or_default(), totals.traffic.unwrap_or_default())
            }
        }
    }

    /// What all of its kernels cost together.
    pub(super) fn total(&self, convention: Convention) -> KernelFigures {
        match &self.report {
            RanKernels::Shader(report) => KernelFigures {
                flops: self.flops(report.flops, Some(report.ops), convention),
                bytes: report.traffic.storage_bytes(),
                seconds: report.seconds,
                spread: report.spread,
            },
            RanKernels::Program(report) => KernelFigures {
                flops: self.flops(
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

    /// Each kernel with its name, by which it is found beside those of another run. A name that comes again has its
    /// number behind it; of a program, what tells its kernels apart.
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
            RanKernels::Shader(report) if report.dispatches.is_empty() => {
                add(&report.entry, self.total(convention));
            }
            RanKernels::Shader(report) => {
                for row in &report.dispatches {
                    let bytes = row.traffic.storage_bytes();
                    let flops = self.flops(row.flops, Some(row.ops), convention);
                    let (seconds, spread) = (row.seconds, row.spread);
                    add(&row.entry, KernelFigures { flops, bytes, seconds, spread });
                }
            }
            RanKernels::Program(report) => {
                let names = match &beside.report {
                    RanKernels::Program(other) => report.names_beside(other),
                    RanKernels::Shader(_) => report.names(),
                };
                for (row, name) in report.kernels.iter().zip(&names) {
                    let bytes = row.traffic.unwrap_or_default().storage_bytes();
                    let flops = self.flops(row.flops.unwrap_or_default(), row.ops, convention);
                    let seconds = row.seconds;
                    add(name, KernelFigures { flops, bytes, seconds, spread: None });
                }
            }
        }
        kernels
    }

    /// The lines of the source, each with what it costs.
    pub(super) fn lines(&self, convention: Convention) -> Vec<(&str, LineFigures)> {
        let RanKernels::Shader(report) = &self.report else { return Vec::new() };
        // Lines that nothing is charged to are not lines that cost nothing.
        if report.lines.is_empty() {
            return Vec::new();
        }
        let costs: BTreeMap<(Option<&str>, u32), _> =
            report.lines.iter().map(|row| ((row.file.as_deref(), row.line), row)).collect();
        let lines = (1..).zip(report.source.lines()).map(|(number, text)| {
            let (file, line) = report.file_of(number);
            let cost = costs.get(&(file, line));
            let figures = LineFigures {
                file: file.map(str::to_owned),
                line,
                executions: cost.map_or(0, |row| row.executions),
                flops: cost.map_or(0, |row| self.flops(row.flops, Some(row.ops), convention)),
                bytes: cost.map_or(0, |row| row.traffic.storage_bytes()),
            };
            (text, figures)
        });
        lines.collect()
    }

    /// What it is, beside another, where both are compared under this convention.
    pub(super) fn side(&self, beside: &Self, convention: Convention) -> ChangedRun {
        let file = self.file.clone();
        let saved_under = Some(self.convention()).filter(|own| *own != convention);
        match &self.report {
            RanKernels::Shader(report) => ChangedRun {
                file,
                what: report.shader.clone(),
                entry: Some(report.entry.clone()),
                saved_under,
                adapters: vec![report.adapter.name.clone()],
                ended: None,
                not_counted: Vec::new(),
                run_with: match &beside.report {
                    RanKernels::Shader(beside) => run_with(report, beside),
                    RanKernels::Program(_) => Vec::new(),
                },
            },
            RanKernels::Program(report) => ChangedRun {
                file,
                what: report.command.join(" "),
                entry: None,
                saved_under,
                adapters: report.devices.iter().map(|device| device.name.clone()).collect(),
                ended: report.failed().map(|ending| ending.to_string()),
                not_counted: report.missing(),
                run_with: Vec::new(),
            },
        }
    }
}
