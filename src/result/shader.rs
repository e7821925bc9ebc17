//! What a run of one kernel found out, line by line, as one serialisable value.

use std::{borrow::Cow, collections::BTreeMap};

use flopmeter_core::source::SourceLine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DEFINITION, Document, OwnTally, Watched};
use crate::{
    execute::Adapter,
    kernel::KernelModule,
    observe::{Moved, Observed, Timing},
    op::{Convention, Cost, OpCounts, Traffic},
    roofline::{Ceilings, Placement},
    shader::{Binding, ShaderRun},
};

/// One dispatch of one kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShaderReport {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// What is measured.
    pub definition: Cow<'static, str>,
    /// How operations became FLOPs.
    pub convention: Convention,
    /// The adapter that ran it.
    pub adapter: Adapter,
    /// The adapter that was asked first, where that could not run the kernel to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// The shader as the user named it.
    pub shader: String,
    /// Which entry point ran.
    pub entry: String,
    /// Overrides that the user set.
    pub overrides: BTreeMap<String, f64>,
    /// What the user bound, by group and number.
    pub bind: BTreeMap<String, String>,
    /// Every resource of the kernel, and what filled it.
    pub bindings: Vec<Binding>,
    /// Workgroups.
    pub grid: [u32; 3],
    /// Invocations of a workgroup.
    pub workgroup_size: [u32; 3],
    /// Executed operations.
    pub ops: OpCounts,
    /// Executed FLOPs under the report's convention.
    pub flops: u64,
    /// Memory touched.
    pub traffic: Traffic,
    /// FLOPs for each byte that crosses to or from storage buffers; none where none does.
    pub intensity: Option<f64>,
    /// Each line that costs something, in order; empty where there is no source.
    pub lines: Vec<LineRow>,
    /// Median time of the plain kernel, where it was timed.
    pub seconds: Option<f64>,
    /// How times were taken.
    pub timing: Timing,
    /// What the executor saw beside the counts, where it looks.
    #[serde(flatten)]
    pub watched: Option<Watched>,
    /// The executor's own tally held against the counters, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<OwnTally>,
    /// Where the kernel stands under `ceilings`, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Placement>,
    /// The adapter's ceilings, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceilings: Option<Ceilings>,
    /// The source whose lines those are; empty where there is none.
    pub source: String,
    /// The files that the source is continued in, where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continued_in: Vec<SourceFile>,
}

/// A file that a source is continued in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceFile {
    /// What it is called.
    pub file: String,
    /// Lines of the source before it.
    pub before: u32,
}

impl Document for ShaderReport {
    const SCHEMA: &'static str = "flopmeter.shader/1";
}

/// One line of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineRow {
    /// The file that it is in, where that is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its number in its file, from 1.
    pub line: u32,
    /// How often it was executed: the part of it that was executed most.
    pub executions: u64,
    /// Executed operations.
    pub ops: OpCounts,
    /// Executed FLOPs under the report's convention.
    pub flops: u64,
    /// Memory touched.
    pub traffic: Traffic,
    /// Whether a reader should look here first: a tenth of the FLOPs or of the bytes, or more.
    pub hot: bool,
}

impl ShaderReport {
    /// Puts together what a run of `kernel` over `grid` workgroups found out.
    pub fn new(
        kernel: &KernelModule,
        overrides: &BTreeMap<String, f64>,
        grid: [u32; 3],
        run: &ShaderRun,
        convention: Convention,
    ) -> Self {
        let Observed { adapter, cost: Cost { ops, traffic }, lines, seconds, witness, .. } =
            &run.observed;
        let (ops, traffic) = (*ops, *traffic);
        let flops = ops.flops(convention);
        let bind = run.bindings.iter().filter_map(|bound| {
            Some((format!("{}.{}", bound.group, bound.binding), bound.fill.clone()?))
        });
        let storage = traffic.storage_bytes();
        let hot = |part: u64, whole: u64| part > 0 && part >= whole.div_ceil(10);
        let lines = lines.iter().filter(|(_, line)| {
            // A branch that was never taken costs nothing, and a listing says so by its silence.
            line.executions > 0
        });
        let lines = lines
            .map(|(&number, line)| {
                let Cost { ops, traffic: touched } = line.cost;
                let SourceLine { file, number } = match &kernel.source {
                    Some(source) => source.place(number),
                    None => SourceLine { file: None, number },
                };
                LineRow {
                    file: file.as_deref().map(str::to_owned),
                    line: number,
                    executions: line.executions,
                    ops,
                    flops: ops.flops(convention),
                    traffic: touched,
                    hot: hot(ops.flops(convention), flops) || hot(touched.bytes(), traffic.bytes()),
                }
            })
            .collect();
        Self {
            schema: Self::SCHEMA.into(),
            definition: DEFINITION.into(),
            convention,
            adapter: Adapter::clone(adapter),
            shader: kernel.name.clone(),
            entry: kernel.entry_point().name.clone(),
            overrides: overrides.clone(),
            bind: bind.collect(),
            bindings: run.bindings.clone(),
            grid,
            workgroup_size: kernel.entry_point().workgroup_size,
            ops,
            flops,
            traffic,
            intensity: (storage > 0).then(|| flops as f64 / storage as f64),
            lines,
            seconds: *seconds,
            timing: run.timing.clone(),
            watched: Watched::new([witness.as_ref()]),
            tally: OwnTally::new([(kernel.name.as_str(), &run.observed)]),
            moved: None,
            roofline: None,
            ceilings: None,
            source: kernel.source.as_ref().map_or_else(String::new, |s| s.text().to_owned()),
            continued_in: kernel.source.as_ref().map_or_else(Vec::new, |source| {
                let others = source.others().iter();
                others
                    .map(|(file, before)| SourceFile { file: file.to_string(), before: *before })
                    .collect()
            }),
        }
    }

    /// The file that a line of the whole source is in, where that is not the first, and its number there.
    pub fn file_of(&self, line: u32) -> (Option<&str>, u32) {
        let file = self.continued_in.iter().rev().find(|file| line > file.before);
        file.map_or((None, line), |file| (Some(&file.file), line - file.before))
    }

    /// Whether no race was found and the executor's own tally, where there is one, is what the counters say. An
    /// access out of bounds in a kernel of the user's is for the user to judge.
    pub fn holds(&self) -> bool {
        !self.watched.as_ref().is_some_and(Watched::has_races)
            && self.tally.as_ref().is_none_or(OwnTally::holds)
    }
}
