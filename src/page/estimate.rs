//! What the published estimator says: components, functions where it was published so, what the field
//! quotes beside it, and many steps where they were asked for.

use super::number::grouped;
use super::{
    Bar, Cell, Column, Fact, Page, Paged, Row, Section, Table, about, bars, components::Layers,
    config_line, estimator_line, exact_line, how_line, not_run, tokens_line, uncharged,
};
use crate::{
    component::Phase,
    estimate::{Estimate, PerFunction, PhaseFlops},
    exact::{Exact, ExactItem, Phases},
    family::Scope,
    result::component,
};

impl Paged for Estimate {
    fn page(&self, every_layer: bool) -> Page {
        let shape = self.shape();
        let tokens = tokens_line([shape.batch(), shape.seq()], self.training().accumulate);
        let step = match self.training().scope {
            Scope::Forward => "one forward pass",
            Scope::Step => "one training step",
        };
        let trained = match self.training().scope {
            Scope::Forward => None,
            Scope::Step => self.config().trained(),
        };
        let of = trained.map_or_else(String::new, |of| format!("{of}, "));
        let run = format!("{tokens}; {of}{}", how_line(self.training()));
        let source = estimator_line(self.config(), self.training());
        let mut head = vec![Fact::new("model", model(self))];
        head.extend(about(self.config()));
        head.extend([
            Fact::new("step", run),
            Fact::new("estimate", format!("of {step}, in FLOPs, by {source}")),
        ]);
        head.extend(not_run(self.not_run()));
        head.extend(uncharged(self.training(), self.exact().is_some()));
        let mut sections = vec![Section::facts("What is estimated", head)];
        if let Some(exact) = self.exact() {
            sections.push(Section::facts(
                "Counts",
                [counts(&exact, step), exact_line(self.convention())],
            ));
            let table = super::formulas::exact(&exact, self.training().scope);
            sections.push(Section::table("The exact count, by closed forms", table));
            let parts = exact_parts(self.exact_items(), self.training().scope);
            sections.push(Section::table("The exact count by part", parts));
        }
        sections.extend(drawn(self, every_layer));
        sections.push(Section::table("The estimate by component", components(self, every_layer)));
        if let Some(functions) = self.per_function() {
            sections.push(Section::table("Functions", per_function(functions)));
        }
        if !self.field().is_empty() {
            sections.push(Section::table("Common formulas", field(self)));
        }
        if let Some(first) = self.forecasts().first() {
            sections.push(Section::facts("Many steps", super::forecast::asked(first)));
            let table = super::forecast::table(self.forecasts());
            sections.push(Section::table("Many steps by each count", table));
        }
        let name = self.model().map_or_else(String::new, |model| format!("{}: ", model.as_given));
        Page { title: format!("{name}what {step} costs by closed forms"), sections }
    }
}

/// What the rows of the exact count are.
fn counts(exact: &Exact, step: &str) -> Fact {
    let again = match exact.recomputed {
        0 => " (algebraic in JSON)",
        _ => " (algebraic in JSON) and what is recomputed in its backward pass",
    };
    let text = format!(
        "exact is what the mathematics of {step} asks for{again}, schedule what this crate's kernels execute for it, \
         products its matrix products alone, 2 M N K each by any convention, with attention over the whole square; the \
         table by component is of the estimate"
    );
    Fact { prose: true, ..Fact::new("counts", text) }
}

/// The exact count by part of the model, in the phases of a scope. What is computed again is a row of its own, and runs in the
/// backward pass.
fn exact_parts(items: &[ExactItem], scope: Scope) -> Table {
    let phases: Vec<Phase> = Phase::ALL.into_iter().filter(|phase| scope.has(*phase)).collect();
    let shown = |item: &ExactItem| match item.phase {
        Some(_) => item.name.clone(),
        None => format!("{}, recomputed", item.name),
    };
    let mut parts: Vec<(String, Phases)> = Vec::new();
    let mut total = Phases::default();
    for item in items {
        let (name, phase) = (shown(item), item.phase.unwrap_or(Phase::Backward));
        total.add(phase, item.flops);
        match parts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, flops)) => flops.add(phase, item.flops),
            None => {
                let mut flops = Phases::default();
                flops.add(phase, item.flops);
                parts.push((name, flops));
            }
        }
    }
    let cells = |name: &str, flops: &Phases| {
        let mut cells = vec![Cell::text(name)];
        cells.extend(phases.iter().map(|phase| Cell::Count(flops.of(*phase))));
        cells.extend(scope.is_step().then_some(Cell::Count(flops.total)));
        cells
    };
    let rows = parts.iter().map(|(name, flops)| Row::new(cells(name, flops)));
    let mut columns = vec![Column::text("exact of", "part")];
    columns.extend(phases.iter().map(|phase| Column::number(phase.name(), phase.name())));
    columns.extend(scope.is_step().then(|| Column::number("total", "total")));
    Table {
        columns,
        rows: rows.chain([Row::sum(cells("total", &total))]).collect(),
        ..Table::default()
    }
}

/// Which model it is of, and what was changed of it.
fn model(estimate: &Estimate) -> String {
    let name = estimate.model().map_or_else(String::new, |name| format!("{name}: "));
    format!("{name}{}", config_line(estimate.config()))
}

/// Where the estimate has its FLOPs.
fn drawn(estimate: &Estimate, every_layer: bool) -> Option<Section> {
    let scope = estimate.training().scope;
    let phases = || Phase::ALL.into_iter().filter(|phase| scope.has(*phase));
    let bars = breakdown(estimate, every_layer).into_iter().map(|(name, flops)| Bar {
        name,
        parts: phases().map(|phase| (phase as usize, flops.get(phase))).collect(),
    });
    let all = estimate.total_flops().total();
    bars::of_flops(
        "Where the estimate has its FLOPs",
        format!(
            "One bar a component, as long as its estimated FLOPs and divided by phase; {} in all.",
            grouped(all)
        ),
        &Phase::ALL.map(Phase::name),
        bars.collect(),
        components(estimate, every_layer),
    )
}

/// The FLOPs of each component, those of layers summed unless each is wanted or there is but one.
fn breakdown(estimate: &Estimate, every_layer: bool) -> Vec<(String, PhaseFlops)> {
    let parts = estimate.component_breakdown();
    let layers = Layers::of(parts.iter().map(|(component, _)| *component), every_layer);
    let parts = parts.iter().map(|(component, flops)| (layers.name(component), *flops));
    // The sum of all components fits, so these do.
    component::merged(parts, |a, b| PhaseFlops {
        forward: a.forward + b.forward,
        backward: a.backward + b.backward,
        optimizer: a.optimizer + b.optimizer,
    })
}

fn components(estimate: &Estimate, every_layer: bool) -> Table {
    let scope = estimate.training().scope;
    let phases: Vec<Phase> = Phase::ALL.into_iter().filter(|phase| scope.has(*phase)).collect();
    let cells = |name: &str, flops: PhaseFlops| {
        let mut cells = vec![Cell::text(name)];
        cells.extend(phases.iter().map(|phase| Cell::whole(flops.get(*phase))));
        if scope == Scope::Step {
            cells.push(Cell::whole(flops.total()));
        }
        cells
    };
    let parts = breakdown(estimate, every_layer);
    let parts = parts.iter().map(|(name, flops)| Row::new(cells(name, *flops)));
    let total = Row::sum(cells("total", estimate.total_flops()));
    let mut columns = vec![Column::text("estimate of", "component")];
    columns.extend(phases.iter().map(|phase| Column::number(phase.name(), phase.name())));
    if scope == Scope::Step {
        columns.push(Column::number("total", "total"));
    }
    Table { columns, rows: parts.chain([total]).collect(), main: true, ..Table::default() }
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
            Column::text("common formula", "name"),
            Column::text("of", "of"),
            Column::number("FLOPs", "flops"),
            Column::text("formula", "formula"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}
