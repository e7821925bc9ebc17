//! One shader of a run: what it and each line of its source cost, and what it was run with.

use std::{collections::BTreeMap, path::Path};

use super::figures::{KernelFigures, LineFigures, priced};
use crate::{
    op::{Convention, OpCounts},
    result::{ShaderReport, otherwise},
};

/// One shader of a run.
#[derive(Clone, Copy)]
pub(super) struct Shader<'a> {
    /// What its suite calls it, where it is of one.
    pub(super) name: Option<&'a str>,
    /// What it executed.
    pub(super) report: &'a ShaderReport,
}

impl<'a> Shader<'a> {
    /// The lines of the source, each with what it costs under a convention. Those of a suite name their files.
    pub(super) fn lines(&self, convention: Convention) -> Vec<(&'a str, LineFigures)> {
        let Self { name, report } = *self;
        // Lines that nothing is charged to are not lines that cost nothing.
        if report.lines.is_empty() {
            return Vec::new();
        }
        let costs: BTreeMap<(Option<&str>, u32), _> =
            report.lines.iter().map(|row| ((row.file.as_deref(), row.line), row)).collect();
        let shader = Path::new(&report.shader);
        let lines = (1..).zip(report.source.lines()).map(|(number, text)| {
            let (file, line) = report.file_of(number);
            let cost = costs.get(&(file, line));
            let path =
                || file.map_or_else(|| shader.to_owned(), |file| shader.with_file_name(file));
            let figures = LineFigures {
                file: match name {
                    None => file.map(str::to_owned),
                    Some(_) => Some(path().display().to_string()),
                },
                line,
                executions: cost.map_or(0, |row| row.executions),
                flops: cost.map_or(0, |row| self.flops(row.flops, row.ops, convention)),
                bytes: cost.map_or(0, |row| row.traffic.storage_bytes()),
            };
            (text, figures)
        });
        lines.collect()
    }

    /// The FLOPs of some operations of it; `stated` are those under its own convention.
    fn flops(&self, stated: u64, ops: OpCounts, convention: Convention) -> u64 {
        priced(self.report.convention, stated, Some(ops), convention)
    }

    /// What all of it cost.
    pub(super) fn figures(&self, convention: Convention) -> KernelFigures {
        let report = self.report;
        KernelFigures {
            flops: self.flops(report.flops, report.ops, convention),
            bytes: report.traffic.storage_bytes(),
            seconds: report.seconds,
            spread: report.spread,
        }
    }
}

/// The grid or grids of a shader, what its bindings and its immediate data held, and what was set: the same texts in both
/// reports for what means the same.
pub(super) fn run_with(report: &ShaderReport, beside: &ShaderReport) -> Vec<String> {
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
