//! What a comparison says: the two steps, and what each component costs in either.

use super::answer::{Answer, Problems, at_both_ends};
use super::number::grouped;
use super::{
    Bar, Cell, Column, Fact, Page, Paged, Row, Section, Table, adapter_line, bars, config_line,
    provenance, scope_line, tokens_line,
};
use crate::{
    exact::Exact,
    family::Scope,
    plan::Phase,
    result::{CompareReport, Figures, Pair, Quantity, Side},
};

impl Paged for CompareReport {
    fn page(&self, _: bool) -> Page {
        let mut sections = vec![Section::facts("What is compared", head(self))];
        if let (Some(a), Some(b)) = (&self.a.exact, &self.b.exact) {
            let [a, b] = [(a, self.a.training.scope), (b, self.b.training.scope)];
            sections.push(Section::table("The exact count", exact(a, b)));
        }
        sections.extend([
            drawn(self),
            Section::table("Components", components(self)),
            Section::facts("Speedup", speedup(self)),
        ]);
        let sections = at_both_ends(answer(self), sections);
        Page { title: format!("{} beside {}", self.a.model, self.b.model), sections }
    }
}

/// Whether what ran can be relied on, where anything ran.
fn answer(report: &CompareReport) -> Option<Answer> {
    let mut problems = Problems::default();
    let mut passes = 0;
    for side in [&report.a, &report.b] {
        if let Some(verdict) = side.verdict {
            problems.counts(verdict, "their closed forms");
            passes += verdict.r#match;
        }
        side.provenance.iter().for_each(|ran| problems.provenance(ran));
    }
    let ran = [&report.a, &report.b].iter().any(|side| side.verdict.is_some());
    let mut holds = Vec::new();
    if ran {
        holds.push(format!(
            "{} passes executed exactly what their closed forms say",
            grouped(passes)
        ));
    }
    for check in &report.checks {
        check.findings.iter().for_each(|finding| problems.say(finding.text.clone()));
        holds.push(check.what.clone());
    }
    (!holds.is_empty()).then(|| problems.answer(holds.join("; ")))
}

fn head(report: &CompareReport) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (name, side) in [("A", &report.a), ("B", &report.b)] {
        let Side { model, file, model_config, batch, seq, training, adapter, .. } = side;
        let file = file.as_ref().map_or_else(String::new, |file| format!("{}: ", file.display()));
        let tokens = tokens_line([*batch, *seq], training.accumulate);
        let scope = scope_line(*training, None);
        let who = adapter.as_ref().map_or_else(|| "estimated only".to_owned(), adapter_line);
        facts.extend([
            Fact::new(name, format!("{file}{model}: {}", config_line(model_config))),
            Fact::new("", format!("{tokens}; {scope}")),
            Fact::new("", who),
        ]);
        let ran = side.provenance.as_ref();
        facts.extend(ran.and_then(|ran| ran.moved.as_ref()).map(provenance::moved));
        facts.extend(ran.and_then(|ran| provenance::kernels(&ran.kernels_chosen)));
        facts.extend(ran.and_then(|ran| ran.tally.as_ref()).map(|own| provenance::tally("", own)));
    }
    if let Some(convention) = report.convention {
        facts.push(Fact { prose: true, ..Fact::new("measured", &*report.definition) });
        facts.push(Fact::new(
            "FLOPs",
            format!("convention {convention}: {}", convention.describe()),
        ));
    }
    facts
}

/// The exact counts of both sides, of the phases that either is about.
fn exact((a, of_a): (&Exact, Scope), (b, of_b): (&Exact, Scope)) -> Table {
    let has = |phase: Phase| of_a.has(phase) || of_b.has(phase);
    let is_step = has(Phase::Backward);
    let sides = [
        ("algebraic", (a.algebraic, b.algebraic), [a.recomputed, b.recomputed]),
        (
            "products, not masked",
            (a.products, b.products),
            [a.recomputed_products, b.recomputed_products],
        ),
    ];
    let mut rows = Vec::new();
    for (count, (a, b), again) in sides {
        let row = |(phase, a, b): (&str, u128, u128)| {
            let ratio = Cell::rate(a as f64 / b as f64, 3);
            Row::new([Cell::text(phase), Cell::Count(a), Cell::Count(b), ratio]).of(count)
        };
        let mut total = [0; 2];
        for phase in Phase::ALL.into_iter().filter(|phase| has(*phase)) {
            let sides = [(a, of_a), (b, of_b)];
            let [a, b] = sides.map(|(side, of)| if of.has(phase) { side.of(phase) } else { 0 });
            total = [total[0] + a, total[1] + b];
            rows.push(row((phase.name(), a, b)));
        }
        if is_step && again != [0, 0] {
            total = [total[0] + again[0], total[1] + again[1]];
            rows.push(row(("recomputed", again[0], again[1])));
        }
        let total = row((count, total[0], total[1]));
        rows.push(Row { sum: true, ..total });
    }
    let columns = [
        Column::text("phase", "phase"),
        Column::number("exact A", "exact_a"),
        Column::number("B", "exact_b").joined(),
        Column::number("A / B", "exact_ratio").joined(),
    ];
    Table { grouped_by: Some("count"), columns: columns.into(), rows, main: false, code: false }
}

/// The kinds of figures that either side has.
fn shown(report: &CompareReport) -> Vec<Quantity> {
    let total = &report.total;
    let has =
        |of: &Quantity| [total.a, total.b].into_iter().flatten().any(|f| f.get(*of).is_some());
    Quantity::ALL.into_iter().filter(has).collect()
}

/// Both steps by phase: as measured where both were, else as estimated.
fn drawn(report: &CompareReport) -> Section {
    let pairs = || report.phases.iter().chain([&report.total]);
    let measured = pairs().all(|pair| {
        [pair.a, pair.b].iter().all(|side| side.is_some_and(|figures| figures.measured.is_some()))
    });
    let flops = |figures: Figures| match figures.measured {
        Some(flops) if measured => flops,
        _ => figures.estimate,
    };
    let bars = pairs().flat_map(|pair| {
        [("A", pair.a), ("B", pair.b)].into_iter().enumerate().filter_map(move |(series, side)| {
            let (name, figures) = (side.0, side.1?);
            let name = format!("{} {name}", pair.name);
            Some(Bar { name, parts: vec![(series, flops(figures))] })
        })
    });
    let how = if measured { "executed" } else { "estimated" };
    bars::section(
        "A beside B",
        format!("Two bars a phase, and two of all of them, each as long as its {how} FLOPs."),
        &["A", "B"],
        bars.collect(),
        components(report),
    )
}

fn components(report: &CompareReport) -> Table {
    let shown = shown(report);
    let mut columns = vec![Column::text("component", "component")];
    for of in &shown {
        let name = of.name();
        let first = Column::number(format!("{name} A"), format!("{name}_a"));
        columns.extend([
            match of {
                // What was executed and how fast is what two runs are compared for.
                Quantity::Estimate if shown.contains(&Quantity::Measured) => first.gives_way(1),
                Quantity::Bytes => first.gives_way(2),
                Quantity::Estimate | Quantity::Measured | Quantity::Seconds => first,
            },
            Column::number("B", format!("{name}_b")).joined(),
            Column::number("A / B", format!("{name}_ratio")).joined(),
        ]);
    }
    let row = |pair: &Pair| {
        let mut cells = vec![Cell::text(&*pair.name)];
        for &of in &shown {
            let ratio = pair.speedup.get(of);
            let ratio = ratio.map_or(Cell::Missing, |ratio| Cell::Number(ratio, 3));
            cells.extend([cell(pair.a, of), cell(pair.b, of), ratio]);
        }
        Row::new(cells)
    };
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        let of_phase = |pair: &&Pair| pair.phase == Some(phase);
        let items = report.components.iter().filter(of_phase);
        rows.extend(items.map(|pair| row(pair).of(phase.name())));
        let sums = report.phases.iter().filter(of_phase);
        rows.extend(sums.map(|pair| Row { sum: true, ..row(pair).of(phase.name()) }));
    }
    rows.push(Row { sum: true, ..row(&report.total) });
    Table { grouped_by: Some("phase"), columns, rows, main: true, code: false }
}

fn cell(figures: Option<Figures>, of: Quantity) -> Cell {
    let Some(figures) = figures else { return Cell::Missing };
    match of {
        Quantity::Estimate => Cell::whole(figures.estimate),
        Quantity::Measured => Cell::count(figures.measured),
        Quantity::Bytes => figures.bytes.map_or(Cell::Missing, Cell::Bytes),
        Quantity::Seconds => figures.seconds.map_or(Cell::Missing, Cell::Seconds),
    }
}

/// How many times faster the second step is, by the exact count first, then by each kind of figures.
fn speedup(report: &CompareReport) -> Vec<Fact> {
    let exact = report.a.exact.zip(report.b.exact).map(|(a, b)| {
        let sides = [(a, report.a.training.scope), (b, report.b.training.scope)];
        let [a, b] = sides.map(|(exact, scope)| scope.flops(&exact)[0] as f64);
        let what = match sides.map(|(_, scope)| scope) {
            [Scope::Forward, Scope::Forward] => "a forward pass",
            _ => "a training step",
        };
        Fact::new("speedup", format!("from A to B by exact: {what} {:.3}x", a / b))
    });
    let pairs = || report.phases.iter().chain([&report.total]);
    let facts = shown(report).into_iter().filter_map(|of| {
        let said =
            pairs().filter_map(|pair| Some(format!("{} {:.3}x", pair.name, pair.speedup.get(of)?)));
        let said: Vec<String> = said.collect();
        let text = format!("from A to B by {}: {}", of.name(), said.join(", "));
        (!said.is_empty()).then(|| Fact::new("speedup", text))
    });
    exact.into_iter().chain(facts).collect()
}
