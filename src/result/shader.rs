//! What a run of one kernel found out, line by line, as one serialisable value.

use std::{borrow::Cow, collections::BTreeMap};

use flopmeter_core::source::{Source, SourceLine, SourcePart};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DEFINITION, Document, Examined, OwnTally, SPIRV_DEFINITION, Watched};
use crate::{
    execute::Adapter,
    instrument::Line,
    observe::{Countable, KernelLaunch, Moved, Spread, Timing},
    op::{Convention, Cost, OpCounts, Traffic},
    roofline::{Ceilings, Placement},
    shader::{Binding, Immediate, ShaderRun},
};

/// One dispatch of a shader's kernel, or several, whose sums then are what stands beside them.
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
    /// What compiled it to SPIR-V just now, where naga did not take the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiled_by: Option<String>,
    /// Which entry point ran; of several dispatches, the entry points in order, a comma between.
    pub entry: String,
    /// Overrides that the user set, by the shader's names for them.
    pub overrides: BTreeMap<String, f64>,
    /// The numbers by which they may be called, too, of those that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub override_numbers: BTreeMap<String, u32>,
    /// The values that overrides have where nobody sets them, by the same names, of those whose default is a number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub override_defaults: BTreeMap<String, f64>,
    /// Macros that the user defined.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defines: BTreeMap<String, String>,
    /// What the user bound, by group and number.
    pub bind: BTreeMap<String, String>,
    /// Every resource that is used, and what filled it.
    pub bindings: Vec<Binding>,
    /// Every member of the immediate data, and what it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub immediates: Vec<Immediate>,
    /// Workgroups; of several dispatches, those of the first.
    pub grid: [u32; 3],
    /// Invocations of a workgroup; of several dispatches, of the first.
    pub workgroup_size: [u32; 3],
    /// Executed operations.
    pub ops: OpCounts,
    /// What of those has results that nobody uses, where SPIR-V was counted as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_ops: Option<OpCounts>,
    /// Executed FLOPs under the report's convention.
    pub flops: u64,
    /// Memory touched.
    pub traffic: Traffic,
    /// FLOPs for each byte that crosses to or from storage buffers; `None` where none does.
    pub intensity: Option<f64>,
    /// Each line that costs something, in order; empty where there is no source.
    pub lines: Vec<LineRow>,
    /// Whether these lines come to all operations and traffic; `false` where something has no line, or where an older
    /// version did not say it.
    #[serde(default)]
    pub lines_are_whole: bool,
    /// Each dispatch by itself, in order, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dispatches: Vec<DispatchRow>,
    /// Median time of the plain kernel, where it was timed; of several dispatches, the sum of theirs.
    pub seconds: Option<f64>,
    /// The least, the middle and the greatest time of the runs, all dispatches of a run together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// How times were taken.
    pub timing: Timing,
    /// What the executor saw beside the counts, where it looks.
    #[serde(flatten)]
    pub watched: Option<Watched>,
    /// The executor's own tally held against the counters, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<OwnTally>,
    /// What it was examined by, and what speaks against that; empty where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Examined>,
    /// Where the kernel stands under `ceilings`, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Placement>,
    /// The adapter's ceilings, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceilings: Option<Ceilings>,
    /// The source whose lines those are; empty where there is none.
    pub source: String,
    /// Where the source goes on in another file, or in another part of one: files that it is continued in or includes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continued_in: Vec<SourceFile>,
}

/// One of several dispatches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DispatchRow {
    /// Which entry point ran.
    pub entry: String,
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
    /// Each line that costs something, in order; empty where there is no source.
    pub lines: Vec<LineRow>,
    /// Median time of the plain kernel, where it was timed.
    pub seconds: Option<f64>,
    /// The least, the middle and the greatest time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// Where it stands under the report's ceilings, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Placement>,
}

/// Where a source goes on in another file, or in another part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceFile {
    /// What it is called; `None` for the file that the user named.
    pub file: Option<String>,
    /// Lines of the source before it.
    pub before: u32,
    /// Lines of the file before it, where it does not begin with the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(lines: &u32) -> bool {
    *lines == 0
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
    /// Whether a reader should look here first: a tenth of the FLOPs or of the bytes of storage and textures, or more.
    pub hot: bool,
}

impl ShaderReport {
    /// The shader's name of the override that has this number, if the report has one.
    pub fn override_of_number(&self, said: &str) -> Option<&String> {
        let mut numbers = self.override_numbers.iter();
        numbers.find(|(_, number)| number.to_string() == said).map(|(name, _)| name)
    }

    /// Whether a kernel may do more or less where its subgroup has another size: what can be read of it in its text, and
    /// of a source that is no text nothing.
    pub fn may_ask_for_subgroups(&self) -> bool {
        let text = self.source.to_ascii_lowercase();
        text.is_empty() || ["subgroup", "quad", "coop"].iter().any(|word| text.contains(word))
    }

    /// Puts together what a run of some launches of one shader found out.
    ///
    /// # Panics
    /// Where there are no launches.
    pub fn new(
        launches: &[KernelLaunch<'_>],
        overrides: &BTreeMap<String, f64>,
        run: &ShaderRun,
        convention: Convention,
    ) -> Self {
        let ShaderRun { series, bindings, .. } = run;
        let first = launches.first().expect("something was launched");
        let kernel = first.kernel;
        let cost: Cost = series.launches.iter().map(|seen| seen.cost).sum();
        let mut lines: BTreeMap<u32, Line> = BTreeMap::new();
        for (&number, line) in series.launches.iter().flat_map(|seen| &seen.lines) {
            let sum = lines.entry(number).or_default();
            *sum = *sum + *line;
        }
        let rows = launches.iter().zip(&series.launches).zip(&series.seconds);
        let rows = rows.map(|((launch, seen), spread)| DispatchRow {
            entry: launch.kernel.entry().to_owned(),
            grid: launch.grid,
            workgroup_size: launch.kernel.workgroup_size(),
            ops: seen.cost.ops,
            flops: seen.cost.ops.flops(convention),
            traffic: seen.cost.traffic,
            lines: line_rows(kernel, &seen.lines, seen.cost, convention),
            seconds: seen.seconds,
            spread: *spread,
            roofline: None,
        });
        let rows: Vec<DispatchRow> = rows.collect();
        let entries: Vec<&str> = rows.iter().map(|row| row.entry.as_str()).collect();
        let bind = bindings.iter().filter_map(|bound| {
            Some((format!("{}.{}", bound.group, bound.binding), bound.fill.clone()?))
        });
        let Cost { ops, traffic } = cost;
        let (flops, storage) = (ops.flops(convention), traffic.storage_bytes());
        let dead: Option<Cost> = series.launches.iter().map(|seen| seen.dead).sum();
        let definition = if dead.is_some() { SPIRV_DEFINITION } else { DEFINITION };
        let source = kernel.source();
        let names = launches.iter().map(|launch| match launches.len() {
            1 => kernel.name(),
            _ => launch.kernel.entry(),
        });
        let parts = source.map_or(&[][..], Source::parts).iter();
        let mut report = Self {
            schema: Self::SCHEMA.into(),
            definition: definition.into(),
            convention,
            adapter: Adapter::clone(&series.launches[0].adapter),
            shader: kernel.name().to_owned(),
            compiled_by: kernel.compiler().map(str::to_owned),
            entry: entries.join(", "),
            overrides: overrides.clone(),
            override_numbers: BTreeMap::new(),
            override_defaults: BTreeMap::new(),
            defines: BTreeMap::new(),
            bind: bind.collect(),
            bindings: bindings.clone(),
            immediates: Vec::new(),
            grid: first.grid,
            workgroup_size: kernel.workgroup_size(),
            ops,
            dead_ops: dead.map(|dead| dead.ops),
            flops,
            traffic,
            intensity: (storage > 0).then(|| flops as f64 / storage as f64),
            lines: line_rows(kernel, &lines, cost, convention),
            lines_are_whole: lines.values().map(|line| line.cost).sum::<Cost>() == cost,
            seconds: rows.iter().map(|row| row.seconds).sum(),
            spread: series.total_seconds,
            timing: series.timing.clone(),
            watched: Watched::new(series.launches.iter().map(|seen| seen.witness.as_ref())),
            tally: OwnTally::new(names.zip(&series.launches)),
            moved: None,
            checks: Vec::new(),
            roofline: None,
            ceilings: None,
            source: source.map_or_else(String::new, |source| source.stated().to_owned()),
            continued_in: parts
                .map(|SourcePart { file, before, skipped }| SourceFile {
                    file: file.as_deref().map(str::to_owned),
                    before: *before,
                    skipped: *skipped,
                })
                .collect(),
            dispatches: if launches.len() > 1 { rows } else { Vec::new() },
        };
        report.checks = report.missed(launches, &series.launches).into_iter().collect();
        report.checks.extend(report.seen());
        report
    }

    /// The files beside the shader's own that its source is made of.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.continued_in.iter().filter_map(|part| part.file.as_deref())
    }

    /// The file that a line of the whole source is in, where that is not the first, and its number there.
    pub fn file_of(&self, line: u32) -> (Option<&str>, u32) {
        let part = self.continued_in.iter().rev().find(|part| line > part.before);
        part.map_or((None, line), |part| (part.file.as_deref(), line - part.before + part.skipped))
    }

    /// Whether nothing speaks against it that is not allowed: no access out of bounds and no race was seen, where
    /// somebody looks, and the executor's own tally, where there is one, is what the counters say.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(Examined::holds)
    }
}

/// What each line cost, of those that were executed: a branch that was never taken costs nothing, and a listing says
/// so by its silence.
fn line_rows(
    kernel: &dyn Countable,
    lines: &BTreeMap<u32, Line>,
    whole: Cost,
    convention: Convention,
) -> Vec<LineRow> {
    let hot = |part: u64, whole: u64| part > 0 && part >= whole.div_ceil(10);
    let (flops, bytes) = (whole.ops.flops(convention), whole.traffic.storage_bytes());
    // A file that is included twice has each of its lines once here.
    let mut rows: Vec<(SourceLine, Line)> = Vec::new();
    let mut found: BTreeMap<SourceLine, usize> = BTreeMap::new();
    for (&number, line) in lines.iter().filter(|(_, line)| line.executions > 0) {
        let place = match kernel.source() {
            Some(source) => source.place(number),
            None => SourceLine { file: None, number },
        };
        let at = *found.entry(place.clone()).or_insert(rows.len());
        match rows.get_mut(at) {
            Some((_, sum)) => *sum = *sum + *line,
            None => rows.push((place, *line)),
        }
    }
    let rows = rows.into_iter().map(|(SourceLine { file, number }, line)| {
        let Cost { ops, traffic } = line.cost;
        LineRow {
            file: file.as_deref().map(str::to_owned),
            line: number,
            executions: line.executions,
            ops,
            flops: ops.flops(convention),
            traffic,
            hot: hot(ops.flops(convention), flops) || hot(traffic.storage_bytes(), bytes),
        }
    });
    rows.collect()
}
