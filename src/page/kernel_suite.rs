//! Whether the kernels of a suite hold: a row for each, and what speaks against them.

use super::number::grouped;
use super::{
    Cell, Column, Fact, JudgedPart, Page, Paged, Row, Section, Table, Tone, judged, kernel_check,
};
use crate::op::Convention;
use crate::result::{Examined, KernelSuite, SuiteKernel, SuiteOutcome, Unchecked};

impl Paged for KernelSuite {
    /// With `every_layer` each check of each kernel, too.
    fn page(&self, every_layer: bool) -> Page {
        let mut sections = vec![
            Section::facts("What was checked", head(self)),
            Section::table("Kernels", kernels(self)),
        ];
        if every_layer {
            sections.push(Section::table("Checks", checks(self)));
        }
        let sections = judged::around(sections, &self.examined(), &[]);
        Page { title: format!("{}: whether its kernels hold", self.suite), sections }
    }

    fn judged(&self) -> Vec<Examined> {
        self.placed(judged::FIRST_LINE)
    }

    /// A part for each kernel.
    fn parts(&self, every_layer: bool) -> Vec<JudgedPart> {
        let parts = self.kernels.iter().map(|kernel| {
            let page = match &kernel.outcome {
                SuiteOutcome::Checked(check) => check.page(every_layer),
                SuiteOutcome::NotRun(why) => {
                    Unchecked { subject: kernel.name.clone(), check: why.clone() }.page(every_layer)
                }
            };
            JudgedPart {
                name: kernel.name.clone(),
                checks: kernel.placed(judged::FIRST_LINE),
                page,
            }
        });
        parts.collect()
    }
}

fn head(suite: &KernelSuite) -> Vec<Fact> {
    let checks = || suite.kernels.iter().filter_map(SuiteKernel::check);
    let mut executors: Vec<&str> =
        checks().flat_map(|check| &check.executors).map(String::as_str).collect();
    executors.sort_unstable();
    executors.dedup();
    let held = suite.kernels.iter().filter(|kernel| kernel.holds()).count();
    let all = suite.kernels.len();
    let mut facts = vec![
        Fact::new("suite", &*suite.suite),
        Fact::new(
            "ran on",
            if executors.is_empty() { "no executor".into() } else { executors.join(", ") },
        ),
        Fact::new("hold", format!("{} of {} kernels", grouped(held as u64), grouped(all as u64))),
    ];
    // Kernels of WGSL and of SPIR-V are measured by what each states.
    let mut definitions: Vec<&str> = Vec::new();
    for check in checks() {
        if !definitions.contains(&&*check.definition) {
            definitions.push(&check.definition);
        }
    }
    let measured = |definition| Fact { prose: true, ..Fact::new("measured", definition) };
    facts.extend(definitions.into_iter().map(measured));
    let mut conventions: Vec<Convention> = checks().map(|check| check.report.convention).collect();
    conventions.dedup();
    let priced = |of: Convention| Fact::new("FLOPs", of.in_full());
    facts.extend(conventions.into_iter().map(priced));
    // What is infinite or no number is the same on each executor, and may hide what would differ.
    facts.extend(suite.kernels.iter().flat_map(|kernel| {
        let doubtful = kernel.check().into_iter().flat_map(|check| &check.not_finite);
        doubtful.map(|(buffer, floats)| {
            let said = format!("{}: {} numbers of '{buffer}'", kernel.name, grouped(*floats));
            Fact::new("not finite", said).toned(Tone::Doubtful)
        })
    }));
    facts
}

fn kernels(suite: &KernelSuite) -> Table {
    let rows = suite.kernels.iter().map(|kernel| {
        let findings = kernel.checks().iter().flat_map(|check| &check.findings).count() as u64;
        let (verdict, tone) = match (kernel.check(), kernel.holds(), findings) {
            (None, ..) => ("NOT RUN", Tone::Bad),
            (_, true, 0) => ("holds", Tone::Plain),
            (_, true, _) => ("allowed", Tone::Doubtful),
            (_, false, _) => ("FAILS", Tone::Bad),
        };
        let report = kernel.check().map(|check| &check.report);
        let storage = report.map(|report| Cell::Bytes(report.traffic.storage_bytes()));
        let cells = [
            Cell::text(&*kernel.name),
            Cell::whole(u64::from(kernel.line)),
            Cell::text(verdict),
            Cell::whole(kernel.checks().len() as u64),
            Cell::whole(findings),
            Cell::count(report.map(|report| report.flops)),
            storage.unwrap_or(Cell::Missing),
        ];
        Row { tone, ..Row::new(cells) }
    });
    Table {
        columns: vec![
            Column::text("kernel", "kernel"),
            Column::number("in line", "line").gives_way(3),
            Column::text("verdict", "verdict"),
            Column::number("checks", "checks").gives_way(4),
            Column::number("findings", "findings").gives_way(1),
            Column::number("FLOPs", "flops").gives_way(2),
            Column::number("storage", "storage_bytes").gives_way(5),
        ],
        rows: rows.collect(),
        main: true,
        ..Table::default()
    }
}

fn checks(suite: &KernelSuite) -> Table {
    let rows = suite.kernels.iter().flat_map(|kernel| {
        kernel.checks().iter().map(|check| {
            let (verdict, tone) = kernel_check::verdict(check);
            let cells = [
                Cell::text(&*kernel.name),
                Cell::text(&*check.what),
                Cell::text(verdict),
                Cell::whole(check.findings.len() as u64),
            ];
            Row { tone, ..Row::new(cells) }
        })
    });
    Table {
        columns: vec![
            Column::text("kernel", "kernel"),
            Column::text("check", "check"),
            Column::text("verdict", "verdict"),
            Column::number("findings", "findings").gives_way(1),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}
