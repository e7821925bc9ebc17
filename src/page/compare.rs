//! What a comparison says: the two steps, and what each component costs in either.

use super::answer::{Answer, Problems, at_both_ends};
use super::forecast::RECOMPUTED;
use super::number::{decimals, grouped};
use super::{
    Bar, Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone, adapter_line, bars,
    config_line, estimator_line, not_run, priced, provenance, scope_line, tokens_line, uncharged,
};
use crate::{
    component::Phase,
    exact::Exact,
    family::Scope,
    result::{CompareReport, Figures, Pair, Quantity, Side},
};

impl Paged for CompareReport {
    fn page(&self, _: bool) -> Page {
        let mut sections = vec![Section::facts("What is compared", head(self))];
        if let (Some(a), Some(b)) = (&self.a.exact, &self.b.exact) {
            let [a, b] = [(a, self.a.training.scope), (b, self.b.training.scope)];
            sections.push(Section::table("The exact count", exact(a, b)));
        }
        sections.extend(drawn(self));
        if has_exact_items(self) {
            sections.push(Section::table("The exact count by part", exact_items(self)));
        }
        if !shown(self).is_empty() {
            sections.push(Section::table("Components", components(self)));
        }
        let ratios = ratios(self);
        if !ratios.is_empty() {
            sections.push(Section::facts("Ratios", ratios));
        }
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
    // What is less because less was run is no gain.
    let is_alike = report.checks.is_empty() || report.unlike().is_empty();
    let aside = if is_alike { String::new() } else { format!(", and A and B {}", how(report)) };
    for check in &report.checks {
        let findings = check.findings.iter();
        findings.for_each(|finding| problems.say(format!("{}{aside}", finding.text)));
        holds.push(format!("{}{aside}", check.what));
    }
    (!holds.is_empty()).then(|| problems.answer(holds.join("; ")))
}

/// What is said of two steps that differ in more than their models.
fn how(report: &CompareReport) -> &'static str {
    match [&report.a, &report.b].iter().all(|side| side.provenance.is_some()) {
        true => "were not run alike",
        false => "are not of the same step",
    }
}

fn head(report: &CompareReport) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (name, side) in [("A", &report.a), ("B", &report.b)] {
        let Side { model, file, model_config, batch, seq, training, adapter, .. } = side;
        let file = file.as_ref().map_or_else(String::new, |file| format!("{}: ", file.display()));
        let tokens = tokens_line([*batch, *seq], training.accumulate);
        let scope = scope_line(*training, model_config.trained());
        let who = match (adapter, &side.exact) {
            (Some(adapter), _) => adapter_line(adapter),
            (None, Some(_)) => "not run: counted by closed forms, and estimated".to_owned(),
            (None, None) => "estimated only".to_owned(),
        };
        facts.extend([
            Fact::new(name, format!("{file}{model}: {}", config_line(model_config))),
            Fact::new("", format!("{tokens}; {scope}")),
            Fact::new("", who),
            Fact {
                prose: true,
                ..Fact::new("", format!("estimate by {}", estimator_line(model_config, *training)))
            },
        ]);
        facts.extend(not_run(&side.not_run));
        let is_counted = side.exact.is_some() || adapter.is_some();
        facts.extend(uncharged(*training, is_counted));
        let ran = side.provenance.as_ref();
        facts.extend(ran.and_then(|ran| ran.moved.as_ref()).map(provenance::moved));
        facts.extend(ran.and_then(|ran| provenance::kernels(&ran.kernels_chosen)));
        facts.extend(ran.and_then(|ran| ran.tally.as_ref()).map(|own| provenance::tally("", own)));
    }
    let unlike = report.unlike();
    facts.extend(unlike.iter().filter_map(|[a, b]| {
        super::change::unlike(how(report), std::slice::from_ref(a), std::slice::from_ref(b))
    }));
    if !report.is_one_estimator() {
        let text = "A and B have different estimators, which charge different things: estimates of them \
                    are not divided by each other";
        facts.push(Fact::new("note", text).toned(Tone::Doubtful));
    }
    if let Some(convention) = report.convention {
        let measured = || Fact { prose: true, ..Fact::new("measured", &*report.definition) };
        let has_run = [&report.a, &report.b].iter().any(|side| side.adapter.is_some());
        facts.extend(has_run.then(measured));
        let under = [report.a.saved_under, report.b.saved_under];
        facts.push(priced(if has_run { "FLOPs" } else { "exact" }, convention, under));
    }
    facts
}

/// The exact counts of both sides, of the phases that either is about.
fn exact((a, of_a): (&Exact, Scope), (b, of_b): (&Exact, Scope)) -> Table {
    let has = |phase: Phase| of_a.has(phase) || of_b.has(phase);
    let both = [a, b].map(Exact::executed);
    let again = [a, b].map(|exact| [exact.recomputed, exact.recomputed_products]);
    let mut rows = Vec::new();
    for (place, count) in ["exact", "products, not masked"].into_iter().enumerate() {
        let row = |name: &str, [a, b]: [u128; 2]| {
            let ratio = quotient(a as f64 / b as f64);
            Row::new([Cell::text(name), Cell::Count(a), Cell::Count(b), ratio]).of(count)
        };
        let mut total = [0; 2];
        for phase in Phase::ALL.into_iter().filter(|phase| has(*phase)) {
            let sides = [(both[0], of_a), (both[1], of_b)];
            let [a, b] =
                sides.map(|(its, of)| if of.has(phase) { its[place].of(phase) } else { 0 });
            total = [total[0] + a, total[1] + b];
            rows.push(row(phase.name(), [a, b]));
            let again = again.map(|its| its[place]);
            if phase == Phase::Backward && again != [0, 0] {
                rows.push(row(RECOMPUTED, again));
            }
        }
        rows.push(Row { sum: true, ..row(count, total) });
    }
    let columns = [
        Column::text("phase", "phase"),
        Column::number("exact A", "exact_a"),
        Column::number("exact B", "exact_b").joined(),
        Column::number("A / B", "exact_ratio").joined(),
    ];
    Table { grouped_by: Some("count"), columns: columns.into(), rows, main: false, code: false }
}

/// Whether the parts of both exact counts are known; reports that were saved by older versions have none.
fn has_exact_items(report: &CompareReport) -> bool {
    [&report.a, &report.b].iter().all(|side| !side.exact_items.is_empty())
}

/// The exact counts of both sides by part of the model, what is computed again last in the backward pass.
fn exact_items(report: &CompareReport) -> Table {
    let sides = [&report.a, &report.b];
    let row = |name: &str, [a, b]: [Option<u128>; 2]| {
        let ratio = a.zip(b).map_or(Cell::Missing, |(a, b)| quotient(a as f64 / b as f64));
        let count = |flops: Option<u128>| flops.map_or(Cell::Missing, Cell::Count);
        Row::new([Cell::text(name), count(a), count(b), ratio])
    };
    let mut rows = Vec::new();
    let mut total = [0; 2];
    for phase in Phase::ALL {
        // What is computed again is of no phase in a report, and runs in the backward pass.
        let groups: &[Option<Phase>] = match phase {
            Phase::Backward => &[Some(phase), None],
            Phase::Forward | Phase::Optimizer => &[Some(phase)],
        };
        let sums = sides.map(|side| {
            let items = side.exact_items.iter().filter(|item| groups.contains(&item.phase));
            items.map(|item| item.flops).reduce(|a, b| a + b)
        });
        if sums == [None; 2] {
            continue;
        }
        for group in groups {
            let of = |side: &Side, name: &str| {
                let items = side.exact_items.iter().filter(|item| item.phase == *group);
                let items = items.filter(|item| item.name == name);
                items.map(|item| item.flops).reduce(|a, b| a + b)
            };
            let mut names: Vec<&str> = Vec::new();
            for item in sides.iter().flat_map(|side| &side.exact_items) {
                if item.phase == *group && !names.contains(&&*item.name) {
                    names.push(&item.name);
                }
            }
            let parts = names.iter().map(|name| {
                let shown = if group.is_none() {
                    format!("{name}, recomputed")
                } else {
                    (*name).to_owned()
                };
                row(&shown, sides.map(|side| of(side, name)))
            });
            rows.extend(parts.map(|row| row.of(phase.name())));
        }
        total = [total[0] + sums[0].unwrap_or(0), total[1] + sums[1].unwrap_or(0)];
        rows.push(Row { sum: true, ..row(phase.name(), sums).of(phase.name()) });
    }
    rows.push(Row { sum: true, ..row("total", total.map(Some)) });
    let columns = vec![
        Column::text("component", "component"),
        Column::number("exact A", "exact_a"),
        Column::number("exact B", "exact_b").joined(),
        Column::number("A / B", "exact_ratio").joined(),
    ];
    let main = !shown(report).contains(&Quantity::Measured);
    Table { grouped_by: Some("phase"), columns, rows, main, code: false }
}

/// The kinds of figures that either side has; not the estimates of two estimators, where the exact count of both is known.
fn shown(report: &CompareReport) -> Vec<Quantity> {
    let total = &report.total;
    let has =
        |of: &Quantity| [total.a, total.b].into_iter().flatten().any(|f| f.get(*of).is_some());
    let is_known = has_exact_items(report) && !report.is_one_estimator();
    let is_said = |of: &Quantity| *of != Quantity::Estimate || !is_known;
    Quantity::ALL.into_iter().filter(has).filter(is_said).collect()
}

/// Both steps by phase: as measured where both were, else by the exact count, else as one estimator says.
fn drawn(report: &CompareReport) -> Option<Section> {
    let pairs = || report.phases.iter().chain([&report.total]);
    let measured = pairs().all(|pair| {
        [pair.a, pair.b].iter().all(|side| side.is_some_and(|figures| figures.measured.is_some()))
    });
    let is_exact = !measured && has_exact_items(report);
    if !measured && !is_exact && !report.is_one_estimator() {
        return None;
    }
    let exact = |side: &Side, phase: Option<Phase>| {
        let flops = side.training.scope.exact(side.exact.as_ref()?, phase)?;
        u64::try_from(flops).ok()
    };
    let flops = |side: &Side, phase: Option<Phase>, figures: Option<Figures>| match figures {
        _ if is_exact => exact(side, phase),
        Some(Figures { measured: Some(flops), .. }) if measured => Some(flops),
        figures => figures.map(|figures| figures.estimate),
    };
    let phases: Vec<_> = match is_exact {
        true => {
            let all = Phase::ALL.map(|phase| (phase.name(), Some(phase), [None; 2]));
            all.into_iter().chain([("total", None, [None; 2])]).collect()
        }
        false => pairs().map(|pair| (&*pair.name, pair.phase, [pair.a, pair.b])).collect(),
    };
    let bars = phases.iter().flat_map(|(name, phase, figures)| {
        let sides = [("A", &report.a), ("B", &report.b)].into_iter().enumerate();
        sides.filter_map(move |(series, (letter, side))| {
            let flops = flops(side, *phase, figures[series])?;
            Some(Bar { name: format!("{name} {letter}"), parts: vec![(series, flops)] })
        })
    });
    let how = match (measured, is_exact) {
        (true, _) => "executed FLOPs",
        (false, true) => "FLOPs by the exact count",
        (false, false) => "estimated FLOPs",
    };
    let data = if is_exact { exact_items(report) } else { components(report) };
    Some(bars::section(
        "A beside B",
        format!("Two bars a phase, and two of all of them, each as long as its {how}."),
        &["A", "B"],
        bars.collect(),
        data,
    ))
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
                Quantity::Exact | Quantity::Estimate | Quantity::Measured | Quantity::Seconds => {
                    first
                }
            },
            Column::number(format!("{name} B"), format!("{name}_b")).joined(),
            Column::number("A / B", format!("{name}_ratio")).joined(),
        ]);
    }
    let row = |pair: &Pair| {
        let mut cells = vec![Cell::text(&*pair.name)];
        for &of in &shown {
            let ratio = pair.speedup.get(of);
            let ratio = ratio.map_or(Cell::Missing, quotient);
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

/// How many times the one is the other; what is little has digits, too.
fn quotient(of: f64) -> Cell {
    Cell::rate(of, decimals(of))
}

fn cell(figures: Option<Figures>, of: Quantity) -> Cell {
    let Some(figures) = figures else { return Cell::Missing };
    match of {
        // Its parts are others, and have a table of their own.
        Quantity::Exact => Cell::Missing,
        Quantity::Estimate => Cell::whole(figures.estimate),
        Quantity::Measured => Cell::count(figures.measured),
        Quantity::Bytes => figures.bytes.map_or(Cell::Missing, Cell::Bytes),
        Quantity::Seconds => figures.seconds.map_or(Cell::Missing, Cell::Seconds),
    }
}

/// How many times as much the first step costs as the second, by the exact count first; of times, how many times faster
/// the second is.
fn ratios(report: &CompareReport) -> Vec<Fact> {
    let exact = report.a.exact.zip(report.b.exact).map(|(a, b)| {
        let sides = [(a, report.a.training.scope), (b, report.b.training.scope)];
        let [a, b] = sides.map(|(exact, scope)| scope.flops(&exact)[0] as f64);
        let what = match sides.map(|(_, scope)| scope) {
            [Scope::Forward, Scope::Forward] => "a forward pass",
            [Scope::Step, Scope::Step] => "a training step",
            [Scope::Forward, Scope::Step] => "a forward pass over a training step",
            [Scope::Step, Scope::Forward] => "a training step over a forward pass",
        };
        Fact::new(
            "A / B",
            format!("of FLOPs by the exact count: {what} {}", quotient(a / b).formatted()),
        )
    });
    let pairs = || report.phases.iter().chain([&report.total]);
    let facts = shown(report).into_iter().filter_map(|of| {
        let (key, what, unit) = match of {
            Quantity::Exact => return None,
            Quantity::Estimate => ("A / B", "of FLOPs by the estimate", ""),
            Quantity::Measured => ("A / B", "of executed FLOPs", ""),
            Quantity::Bytes => ("A / B", "of storage bytes", ""),
            Quantity::Seconds => ("speedup", "from A to B by time", "x"),
        };
        let said = |ratio| quotient(ratio).formatted();
        let ratios = pairs().filter_map(|pair| {
            Some(format!("{} {}{unit}", pair.name, said(pair.speedup.get(of)?)))
        });
        let ratios: Vec<String> = ratios.collect();
        (!ratios.is_empty()).then(|| Fact::new(key, format!("{what}: {}", ratios.join(", "))))
    });
    exact.into_iter().chain(facts).collect()
}
