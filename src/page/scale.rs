//! What a sweep's report says: its points, how each component grows, what was skipped, and which published
//! claims hold.

use super::answer::{Answer, Problems, at_both_ends};
use super::forecast::RECOMPUTED;
use super::number::{grouped, percent, several};
use super::{
    Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone, about, adapter_line, config_line,
    estimator_line, exact_line, growth, not_run, provenance, scope_line, uncharged,
};
use crate::{
    component::Phase,
    family::{Chosen, StepOption, Training},
    observe::Spread,
    result::{
        Claim, Crossover, Judgement, Law, OwnTally, Quantity, Reason, Ruling, ScalePoint,
        ScaleReport, Skipped,
    },
    sweep::{Axis, BATCH, SEQ, Sweep},
};

impl Paged for ScaleReport {
    fn page(&self, _: bool) -> Page {
        let mut sections = vec![Section::facts("What was swept", head(self))];
        sections.push(Section::table("Points", points(self)));
        for axis in &self.sweep.axes {
            if self.laws.iter().any(|law| law.of == Quantity::Exact) {
                let growth = growth(self, axis, &[Quantity::Exact]);
                sections.push(Section::table("Growth of the exact count", growth));
            }
            let beside =
                [Quantity::Estimate, Quantity::Measured, Quantity::Bytes, Quantity::Seconds];
            sections.push(Section::table("Growth", growth(self, axis, &beside)));
            sections.extend(growth::picture(self, axis));
        }
        sections.extend(self.crossover.as_ref().map(|its| Section::facts("Beyond", [beyond(its)])));
        sections.push(Section::table("Published claims", claims(self)));
        sections.push(Section::facts("Findings", findings(self)));
        let sections = at_both_ends(answer(self), sections);
        let how = if self.is_measured() { "measured" } else { "estimated" };
        Page { title: format!("{}: how cost grows, {how}", self.sweep.model), sections }
    }
}

fn head(report: &ScaleReport) -> Vec<Fact> {
    let sweep = &report.sweep;
    let axes = sweep.axes.iter().map(|Axis { key, field, values }| {
        let of = if key == field { String::new() } else { format!(" ({field})") };
        let values: Vec<String> = values.iter().map(u32::to_string).collect();
        Fact::new("axis", format!("{key}{of} = {}", values.join(", ")))
    });
    let Sweep { scope, recompute, packed, optimizer, accumulate, .. } = *sweep;
    let training = Training { scope, recompute, packed, ..optimizer.into() };
    let bill = report.points.first().map(|point| &point.bill);
    let scope = scope_line(training, bill.and_then(|bill| bill.model_config.trained()));
    let of_all = sweep.options.0.first().filter(|_| varied(report).is_empty());
    let unusual = of_all.into_iter().flat_map(Chosen::unusual);
    let scope = unusual.fold(scope, |scope, (of, value)| format!("{scope}, {value} {}", of.noun));
    let scope = match accumulate {
        1 => scope,
        parts => format!("{scope}, in {parts} micro-batches"),
    };
    let model = report.points.first().map(|point| {
        let first = &point.bill;
        format!("{}, at the first point: {}", first.model, config_line(&first.model_config))
    });
    let mut facts = vec![Fact::new("model", model.unwrap_or_else(|| sweep.model.clone()))];
    facts.extend(report.points.first().and_then(|point| about(&point.bill.model_config)));
    facts.extend(bill.into_iter().flat_map(|bill| not_run(&bill.not_run)));
    facts.extend(report.points.first().map(|point| Fact {
        prose: true,
        ..Fact::new("estimate", estimator_line(&point.bill.model_config, point.bill.training))
    }));
    facts.extend(axes);
    let is_axis = |key: &str| sweep.axes.iter().any(|axis| axis.field == key);
    let fixed = bill.into_iter().flat_map(|bill| [(BATCH, bill.batch), (SEQ, bill.seq)]);
    let fixed =
        fixed.filter(|(key, _)| !is_axis(key)).map(|(key, value)| format!("{key} {value}, "));
    facts.push(Fact::new("run", format!("{}{scope}", fixed.collect::<String>())));
    if let Some(first) = report.sweep.options.0.first() {
        // Counts and bytes of the other values may grow otherwise.
        facts.extend(varied(report).into_iter().map(|option| {
            let its = format!("of the points with {} {}", first.of(option), option.noun);
            Fact::new("growth", its)
        }));
    }
    match &report.adapter {
        None => {
            facts.push(Fact::new("figures", "FLOPs of one step by closed forms; nothing was run"));
            let has_exact = report.points.iter().any(|point| point.bill.exact.is_some());
            facts.extend(has_exact.then(|| exact_line(report.convention)));
            facts.extend(uncharged(training, has_exact));
        }
        Some(adapter) => {
            let convention = report.convention;
            facts.extend([
                Fact::new("adapter", adapter_line(adapter)),
                Fact { prose: true, ..Fact::new("measured", &*report.definition) },
                Fact::new("FLOPs", convention.in_full()),
            ]);
        }
    }
    facts
}

/// A point's coordinates, one cell an axis, and its options where points differ in them.
fn place(report: &ScaleReport, point: &ScalePoint) -> Vec<Cell> {
    let along = report.sweep.axes.iter().map(|axis| {
        point.at.get(&axis.key).map_or(Cell::Missing, |&value| Cell::whole(u64::from(value)))
    });
    let chosen = |option| Cell::text(point.bill.training.options.of(option));
    along.chain(varied(report).into_iter().map(chosen)).collect()
}

/// The options in which the points of a sweep differ.
fn varied(report: &ScaleReport) -> Vec<&'static StepOption> {
    let options = report.sweep.options.0.first().into_iter().flat_map(Chosen::iter);
    let several = report.sweep.options.0.len() > 1;
    options.map(|(option, _)| option).filter(|_| several).collect()
}

/// How far apart the times of a point's runs were; `None` where there was one run at most.
fn apart(point: &ScalePoint) -> Option<Spread> {
    point.timing.as_ref().filter(|timing| timing.repeats > 1)?.spread
}

fn points(report: &ScaleReport) -> Table {
    let keys =
        report.sweep.axes.iter().map(|axis| Column::number(axis.key.clone(), axis.key.clone()));
    let mut columns: Vec<Column> = keys.collect();
    let options = varied(report).into_iter();
    columns.extend(options.map(|option| Column::text(option.title, option.key)));
    let phases = |of: Quantity, order: u8| {
        let of = of.name();
        let named = Phase::ALL.map(|phase| {
            Column::number(format!("{of} {phase}"), format!("{of}_{phase}_flops")).gives_way(order)
        });
        named.into_iter().chain([Column::number(of, format!("{of}_total_flops"))])
    };
    let exact = report.points.iter().any(|point| point.bill.exact.is_some());
    let spread = report.points.iter().any(|point| apart(point).is_some());
    // What is computed again is in the backward pass, and so in the whole.
    let again = |point: &ScalePoint| point.bill.recomputed();
    let has_again = report.points.iter().any(|point| again(point).is_some());
    if exact {
        columns.extend(phases(Quantity::Exact, 2));
    }
    if has_again {
        columns.push(Column::number(RECOMPUTED, "exact_recomputed_flops").gives_way(2));
    }
    columns.extend(phases(Quantity::Estimate, 4));
    let products = |point: &ScalePoint| {
        let scope = point.bill.training.scope;
        point.bill.exact.map(|exact| scope.flops(&exact)[1])
    };
    // Where no estimator was published, the estimate is those products.
    let has_products = report.points.iter().any(|point| {
        products(point).is_some_and(|flops| flops != u128::from(point.total.estimate))
    });
    if has_products {
        let name = "matrix products";
        columns.push(Column::number(name, "exact_products_flops").gives_way(5));
    }
    if report.is_measured() {
        columns.extend(phases(Quantity::Measured, 3));
        columns.extend([
            Column::number("ran / estimate", "measured_over_estimate"),
            Column::number("bytes", "bytes"),
            Column::number("time", "seconds"),
        ]);
        if spread {
            columns.push(Column::number("shortest run", "seconds_min").gives_way(1));
            columns.push(Column::number("longest run", "seconds_max").gives_way(1));
        }
        columns.push(Column::text("verdict", "verdict"));
    }
    let rows = report.points.iter().map(|point| {
        let of = |phase| point.bill.total(phase);
        let every = || Phase::ALL.map(Some).into_iter().chain([None]);
        let mut cells = place(report, point);
        let count = |flops: Option<u128>| flops.map_or(Cell::Missing, Cell::Count);
        if exact {
            cells.extend(every().map(|phase| count(point.bill.exact(None, phase))));
        }
        if has_again {
            cells.push(Cell::Count(again(point).unwrap_or(0)));
        }
        cells.extend(every().map(|phase| Cell::count(of(phase).map(|f| f.estimate))));
        if has_products {
            cells.push(count(products(point)));
        }
        if report.is_measured() {
            let total = point.total;
            cells.extend(every().map(|phase| Cell::count(of(phase).and_then(|f| f.measured))));
            cells.extend([
                total.measured.map_or(Cell::Missing, |ran| Cell::ratio(ran, total.estimate)),
                total.bytes.map_or(Cell::Missing, Cell::Bytes),
                total.seconds.map_or(Cell::Missing, Cell::Seconds),
            ]);
            if spread {
                let ends =
                    apart(point).map(|Spread { min, max, .. }| [min, max].map(Cell::Seconds));
                cells.extend(ends.unwrap_or([Cell::Missing, Cell::Missing]));
            }
            cells.push(Cell::text(match point.verdict {
                None => "not run".to_owned(),
                Some(tally) if tally.mismatch > 0 => {
                    format!("{} MISMATCH", grouped(tally.mismatch))
                }
                Some(tally) => format!("{} match", grouped(tally.r#match)),
            }));
        }
        let bad = point.verdict.is_some_and(|tally| tally.mismatch > 0);
        Row { tone: if bad { Tone::Bad } else { Tone::Plain }, ..Row::new(cells) }
    });
    Table { columns, rows: rows.collect(), main: true, ..Table::default() }
}

/// The exponents along one axis of these quantities: of each component and phase, and of the whole.
fn growth(report: &ScaleReport, axis: &Axis, of: &[Quantity]) -> Table {
    let shown: Vec<Quantity> =
        of.iter().copied().filter(|of| report.laws.iter().any(|law| law.of == *of)).collect();
    let key = &axis.key;
    let mut columns = vec![Column::text(format!("grows with {key}^"), "component")];
    for of in &shown {
        let name = of.name();
        columns.push(Column::number(name, format!("{name}_exponent_of_{key}")));
        columns.push(Column::number("+-", format!("{name}_standard_error")));
        columns.push(Column::number("residual", format!("{name}_residual")));
    }
    columns.push(Column::text("that is", "growth"));
    let row = |name: &str, component: Option<&str>, phase: Option<Phase>| {
        let laws: Vec<Option<&Law>> =
            shown.iter().map(|of| report.law(component, phase, *of)).collect();
        let exponent = |law: &Law| law.exponents[key];
        let mut cells = vec![Cell::text(name)];
        for law in &laws {
            let Some(law) = law else {
                cells.extend([Cell::Missing, Cell::Missing, Cell::Missing]);
                continue;
            };
            let error = exponent(law).standard_error;
            cells.extend([
                Cell::Number(exponent(law).value, 3),
                error.map_or(Cell::Missing, |error| Cell::Number(error, 3)),
                // As many points as unknowns always fit.
                error.map_or(Cell::Missing, |_| Cell::Number(law.residual, 3)),
            ]);
        }
        // What ran goes before what is estimated.
        let of = |wanted| laws.iter().flatten().find(|law| law.of == wanted);
        let law =
            [Quantity::Exact, Quantity::Measured, Quantity::Estimate].into_iter().find_map(of);
        cells.push(law.map_or(Cell::Missing, |law| Cell::text(in_words(exponent(law).value))));
        (!laws.iter().all(Option::is_none)).then(|| Row::new(cells))
    };
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        let items = report.laws.iter().filter(|law| law.phase == Some(phase));
        let items = items.filter(|law| shown.contains(&law.of));
        let mut names: Vec<&str> = Vec::new();
        for name in items.filter_map(|law| law.component.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let items = names.into_iter().filter_map(|name| row(name, Some(name), Some(phase)));
        rows.extend(items.map(|row| row.of(phase.name())));
        let sum = row(phase.name(), None, Some(phase));
        rows.extend(sum.map(|sum| Row { sum: true, ..sum.of(phase.name()) }));
    }
    rows.extend(row("total", None, None).map(|sum| Row { sum: true, ..sum }));
    Table { grouped_by: Some("phase"), columns, rows, main: false, code: false }
}

/// What outgrows the sequence, and where that is half of a step.
fn beyond(crossover: &Crossover) -> Fact {
    let Crossover { parts, power, at, flops, total, half_from } = crossover;
    let place = at.iter().map(|(key, value)| format!("{key} = {}", grouped(*value)));
    let place: Vec<String> = place.collect();
    let is_half = 2 * flops >= *total;
    // One digit behind the point says as much as the words that stand beside exponents; what hardly grows takes another.
    let digits = if *power < 1.05 { 100.0 } else { 10.0 };
    let power = (power * digits).round() / digits;
    let text = format!(
        "parts that outgrow the sequence are {} of the exact count at {}, and {} half of it from {SEQ} = {} on, where they \
         grow with {SEQ}^{power}",
        percent(*flops as f64 / *total as f64),
        place.join(", "),
        if is_half { "at least" } else { "will be" },
        grouped(*half_from),
    );
    Fact { details: vec![parts.join(", ")], ..Fact::new("beyond", text) }
}

/// An exponent beside the whole numbers that people quote.
fn in_words(exponent: f64) -> String {
    const NEAR: f64 = 0.05;
    let quoted = [(0.0, "constant"), (1.0, "linear"), (2.0, "quadratic")];
    match quoted.iter().find(|(whole, _)| (exponent - whole).abs() <= NEAR) {
        Some((_, name)) => (*name).to_owned(),
        None => match quoted.windows(2).find(|pair| (pair[0].0..pair[1].0).contains(&exponent)) {
            Some(pair) => format!("{} to {}", pair[0].1, pair[1].1),
            None if exponent < 0.0 => "falling".to_owned(),
            None => "more than quadratic".to_owned(),
        },
    }
}

fn claims(report: &ScaleReport) -> Table {
    let columns = vec![
        Column::text("claim", "claim"),
        Column::text("judged by", "judged_by"),
        Column::text("ruling", "ruling"),
        Column::text("because", "because"),
        Column::text("published in", "source"),
    ];
    let row = |claim: &Claim, judgement: &Judgement, first: bool| {
        let (ruling, tone) = match judgement.ruling {
            Ruling::Holds => ("holds", Tone::Good),
            Ruling::DoesNotHold => ("does not hold", Tone::Bad),
            Ruling::NotJudged => ("not judged", Tone::Plain),
        };
        let said = |text: &str| if first { Cell::text(text) } else { Cell::Blank };
        let cells = vec![
            said(&claim.claim),
            Cell::text(judgement.by.name()),
            Cell::text(ruling),
            Cell::text(&*judgement.why),
            said(&claim.source),
        ];
        Row { tone, ..Row::new(cells) }
    };
    let rows = report.claims.iter().flat_map(|claim| {
        claim.judged.iter().enumerate().map(move |(i, judgement)| row(claim, judgement, i == 0))
    });
    Table { columns, rows: rows.collect(), ..Table::default() }
}

/// Whether what was measured can be relied on. A sweep that did not come to its end has no answer; points of other
/// machines are not missing in a part of one.
fn answer(report: &ScaleReport) -> Option<Answer> {
    let broken = |its: &Skipped| matches!(its.reason, Reason::Failed | Reason::Interrupted);
    if !report.is_measured() || report.skipped.iter().any(broken) {
        return None;
    }
    let mut problems = Problems::default();
    for point in &report.points {
        point.verdict.iter().for_each(|verdict| problems.counts(*verdict, "their closed forms"));
        point.provenance.iter().for_each(|ran| problems.provenance(ran));
    }
    let cut = report.skipped.iter().filter(|skipped| skipped.reason == Reason::Cut).count();
    problems.count(cut as u64, |_| {
        several(
            cut as u64,
            "point was cut off by the adapter",
            "points were cut off by the adapter",
        )
    });
    let passes = report.points.iter().filter_map(|point| point.verdict).map(|t| t.r#match).sum();
    let passes: u64 = passes;
    let passes = grouped(passes);
    Some(problems.answer(format!("{passes} passes executed exactly what their closed forms say")))
}

/// What was not measured, and whether what was measured holds.
fn findings(report: &ScaleReport) -> Vec<Fact> {
    let mut facts = Vec::new();
    for Skipped { point, reason, why } in &report.skipped {
        let (word, tone) = match reason {
            Reason::Refused => ("skipped", Tone::Doubtful),
            Reason::Failed => ("failed", Tone::Bad),
            Reason::Cut => ("cut off", Tone::Bad),
            Reason::Interrupted => ("stopped", Tone::Doubtful),
            Reason::Missing => ("missing", Tone::Doubtful),
        };
        facts.push(Fact::new(word, format!("{}: {why}", report.sweep.name(point))).toned(tone));
    }
    if report.is_measured() {
        let tallies = || report.points.iter().filter_map(|point| point.verdict);
        let [matches, mismatches] =
            [tallies().map(|t| t.r#match).sum::<u64>(), tallies().map(|t| t.mismatch).sum()]
                .map(grouped);
        let tone = if report.holds() { Tone::Good } else { Tone::Bad };
        let verdict = format!("{matches} passes match their closed forms, {mismatches} mismatch");
        facts.push(Fact::new("verdict", verdict).toned(tone));
    }
    let ran = || report.points.iter().filter_map(|point| point.provenance.as_ref());
    let tally = OwnTally::sum(ran().filter_map(|ran| ran.tally.as_ref()));
    facts.extend(tally.map(|own| provenance::tally("", &own)));
    facts.extend(ran().find_map(|ran| ran.moved.as_ref()).map(provenance::moved));
    facts.extend(ran().next().and_then(|ran| provenance::kernels(&ran.kernels_chosen)));
    facts
}
