//! Whether executors agree on a user's kernel: a row for each thing that was examined, and what speaks against it.

use super::number::{bytes, grouped};
use super::{Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone, bars, judged, lines};
use crate::result::{Examined, KernelCheck};

impl Paged for KernelCheck {
    fn page(&self, _every_layer: bool) -> Page {
        let mut sections = vec![
            Section::facts("What was checked", head(self)),
            Section::table("Checks", checks(self)),
        ];
        sections.extend(bars::lines(&self.report, lines::listing(&self.report)));
        let sections = judged::around(sections, &self.checks, &[]);
        Page { title: format!("{}: whether it holds", self.report.shader), sections }
    }

    fn judged(&self) -> Vec<Examined> {
        self.report.placed(&self.checks, judged::FIRST_LINE)
    }
}

fn head(check: &KernelCheck) -> Vec<Fact> {
    let report = &check.report;
    let (flops, storage) = (grouped(report.flops), bytes(report.traffic.storage_bytes()));
    let carriers = lines::carriers(&report.traffic);
    let convention = report.convention;
    vec![
        Fact::new("shader", format!("{}, {}", report.shader, report.entry)),
        Fact::new("ran on", check.executors.join(", ")),
        Fact::new("executed", format!("{flops} FLOPs, {storage} of {carriers} traffic")),
        Fact { prose: true, ..Fact::new("measured", &*check.definition) },
        Fact::new("FLOPs", convention.in_full()),
    ]
}

fn checks(check: &KernelCheck) -> Table {
    let rows = check.checks.iter().map(|check| {
        let (verdict, tone) = verdict(check);
        let findings = Cell::whole(check.findings.len() as u64);
        Row { tone, ..Row::new([Cell::text(&*check.what), Cell::text(verdict), findings]) }
    });
    Table {
        columns: vec![
            Column::text("check", "check"),
            Column::text("verdict", "verdict"),
            Column::number("findings", "findings").gives_way(1),
        ],
        rows: rows.collect(),
        main: true,
        ..Table::default()
    }
}

/// Whether something that was examined holds, in a word.
pub(super) fn verdict(check: &Examined) -> (&'static str, Tone) {
    match (check.holds(), check.findings.len()) {
        (true, 0) => ("holds", Tone::Plain),
        (true, _) => ("allowed", Tone::Doubtful),
        (false, _) => ("FAILS", Tone::Bad),
    }
}
