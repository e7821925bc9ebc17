//! What the published estimator says: components, functions where it was published so, what the field
//! quotes beside it, and many steps where they were asked for.

use super::number::{duration, grouped};
use super::{
    Bar, Cell, Column, Fact, Page, Paged, Row, Section, Table, bars, config_line,
    forecast::{at, kind},
    how_line, tokens_line,
};
use crate::{
    estimate::{Estimate, PerFunction, PhaseFlops},
    forecast::{Experiment, Times},
    plan::Phase,
};

impl Paged for Estimate {
    fn page(&self, _every_layer: bool) -> Page {
        let shape = self.shape();
        let tokens = tokens_line([shape.batch(), shape.seq()], self.training().accumulate);
        let run = format!("{tokens}; {}", how_line(self.training()));
        let head = [
            Fact::new("model", config_line(self.config())),
            Fact::new("step", run),
            Fact::new(
                "estimate",
                "the published estimate of one training step, in FLOPs; nothing was run",
            ),
        ];
        let mut sections = vec![Section::facts("What is estimated", head)];
        if let Some(exact) = self.exact() {
            let table = super::formulas::exact(&exact);
            sections.push(Section::table("The exact count, by closed forms", table));
        }
        sections.extend(drawn(self));
        sections.push(Section::table("Components", components(self)));
        if let Some(functions) = self.per_function() {
            sections.push(Section::table("Functions", per_function(functions)));
        }
        if !self.field().is_empty() {
            sections.push(Section::table("What the field quotes", field(self)));
        }
        let many = many(self);
        if let Some(exact) = self.exact_forecast() {
            let facts = super::forecast::asked(exact);
            sections.push(Section::facts("Many steps by the exact count", facts));
            let table = super::forecast::table(std::slice::from_ref(exact));
            sections.push(Section::table("What it answers", table));
        }
        if !many.is_empty() {
            sections.push(Section::facts("Many steps by the published estimate", many));
        }
        Page { title: "The published estimate of a training step".to_owned(), sections }
    }
}

/// Where the estimate has its FLOPs.
fn drawn(estimate: &Estimate) -> Option<Section> {
    let breakdown = estimate.component_breakdown();
    let bars = breakdown.iter().map(|(component, flops)| Bar {
        name: component.to_string(),
        parts: Phase::ALL.map(|phase| (phase as usize, flops.get(phase))).into(),
    });
    bars::of_flops(
        "Where the FLOPs are",
        format!(
            "One bar a component, as long as its estimated FLOPs and divided by phase; {} in all.",
            grouped(estimate.total_flops().total())
        ),
        &Phase::ALL.map(Phase::name),
        bars.collect(),
        components(estimate),
    )
}

fn components(estimate: &Estimate) -> Table {
    let cells = |name: &str, flops: PhaseFlops| {
        let [forward, backward, optimizer] = Phase::ALL.map(|phase| Cell::whole(flops.get(phase)));
        [Cell::text(name), forward, backward, optimizer, Cell::whole(flops.total())]
    };
    let breakdown = estimate.component_breakdown();
    let parts =
        breakdown.iter().map(|(component, flops)| Row::new(cells(&component.to_string(), *flops)));
    let total = Row::sum(cells("total", estimate.total_flops()));
    let phases = Phase::ALL.map(|phase| Column::number(phase.name(), phase.name()));
    let name = [Column::text("component", "component")];
    let total_of = [Column::number("total", "total")];
    Table {
        columns: name.into_iter().chain(phases).chain(total_of).collect(),
        rows: parts.chain([total]).collect(),
        main: true,
        ..Table::default()
    }
}

fn per_function(functions: &PerFunction) -> Table {
    let PerFunction { attention, feed_forward, norm, block, model } = *functions;
    let functions = [
        ("attention", attention),
        ("feed_forward", feed_forward),
        ("norm", norm),
        ("block", block),
        ("model", model),
    ];
    Table {
        columns: vec![Column::text("function", "function"), Column::number("forward", "forward")],
        rows: functions
            .map(|(name, flops)| Row::new([Cell::text(name), Cell::whole(flops)]))
            .into(),
        ..Table::default()
    }
}

fn field(estimate: &Estimate) -> Table {
    let rows = estimate.field().iter().map(|rule| {
        Row::new([
            Cell::text(&*rule.name),
            Cell::text(&*rule.of),
            Cell::whole(rule.flops),
            Cell::text(&*rule.formula),
        ])
    });
    Table {
        columns: vec![
            Column::text("what the field quotes", "name"),
            Column::text("of", "of"),
            Column::number("FLOPs", "flops"),
            Column::text("formula", "formula"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// What many steps cost, and how many a budget pays for.
fn many(estimate: &Estimate) -> Vec<Fact> {
    let peak = estimate.stated();
    let there = |seconds: Times| match peak.zip(seconds.stated) {
        Some(((peak, _), seconds)) => format!("; {} {}", duration(seconds), at(peak)),
        None => String::new(),
    };
    let budget = estimate.budget().map(|budget| {
        let [flops, steps, left] = [budget.flops, budget.steps, budget.left].map(grouped);
        let (kind, there) = (kind(budget.training), there(budget.seconds));
        Fact::new(
            "budget",
            format!("{flops} FLOPs pay for {steps} {kind}, {left} left over{there}"),
        )
    });
    let experiment = estimate.experiment().map(|experiment| {
        let Experiment { steps, tokens, training, total, seconds } = experiment;
        let [steps, tokens] = [steps, tokens].map(grouped);
        let total = grouped(total);
        let (kind, there) = (kind(training), there(seconds));
        Fact::new("steps", format!("{steps} {kind} ({tokens} tokens): {total} FLOPs{there}"))
    });
    let one = peak.map(|(peak, seconds)| {
        Fact::new("one step", format!("{} {}", duration(seconds), at(peak)))
    });
    budget.into_iter().chain(experiment).chain(one).collect()
}
