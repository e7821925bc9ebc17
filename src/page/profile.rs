//! What a training step's report says: what ran, components by phase, why measured and estimate
//! differ, verdict, loss and timing.

use super::answer::{Answer, Problems};
use super::number::{self, decimal, grouped, ratio, seconds, signed};
use super::{
    Fact, NAMED, Page, Paged, Section, Tone, about, adapter_line, agreement::in_words, beyond,
    causes, components, config_line, estimator_line, forecast, marked, not_run, pictures,
    provenance, roofline, scope_line, tokens_line, watched,
};
use crate::{
    check::Verdict,
    claim::MULTIPLY_ADD,
    estimate::FieldFormula,
    family::Scope,
    observe::{Spread, Timing, WarmUp},
    op::{Convention, Op},
    result::{PassRow, Report, Totals},
};

impl Paged for Report {
    fn page(&self, every_layer: bool) -> Page {
        let mut found = beside(self);
        found.push(verdict(self));
        found.push(loss(self));
        found.extend(timing(self));
        found.extend(self.watched.iter().flat_map(watched::facts));
        found.extend(self.provenance.tally.as_ref().map(|own| provenance::tally("", own)));
        found.extend(self.ceilings.iter().flat_map(roofline::ceilings));
        let mut sections = vec![
            Section::facts("What ran", head(self)),
            Section::table("Components", components::table(self, every_layer)),
            Section::table("Measured against estimate", causes::table(self)),
        ];
        sections.extend(
            beyond::table(self).map(|table| Section::table("Beyond the mathematics", table)),
        );
        if let Some(first) = self.forecasts.first() {
            sections.push(Section::facts("Many steps", forecast::asked(first)));
            sections.push(Section::table("By each count", forecast::table(&self.forecasts)));
        }
        sections.extend([
            Section::facts("Findings", found),
            pictures::shares(self),
            pictures::opinions(self),
            pictures::waterfall(self),
        ]);
        sections.extend(pictures::timeline(self));
        let ceilings = self.ceilings.as_ref();
        sections.extend(ceilings.and_then(|under| roofline::section(under, &self.points())));
        let sections = answer(self).around(short(self), sections);
        Page { title: format!("{}: a training step, measured", self.model.as_given), sections }
    }
}

/// What was executed, how fast, and how far off the estimate is.
fn short(report: &Report) -> Vec<Fact> {
    let Totals { measured, estimate, .. } = report.totals;
    let (measured, estimate) = (measured.total(), estimate.total());
    let marked = |figure| marked(report.extrapolation.is_some(), figure);
    let speed = report.timing.plain_seconds.map_or_else(String::new, |plain| {
        let rate = decimal(measured as f64 / plain * 1e-9, 2);
        format!(" in {}: {} GFLOP/s", marked(seconds(plain)), marked(rate))
    });
    let executed = format!("{} FLOPs{speed}", marked(grouped(measured)));
    let off = (estimate > 0).then(|| {
        let ratio = marked(ratio(measured, estimate));
        let largest = report.causes.iter().max_by_key(|cause| cause.difference.unsigned_abs());
        let largest = largest.filter(|cause| cause.difference != 0);
        let most = largest.map_or_else(String::new, |cause| {
            format!("; the largest difference: {}, {}", signed(cause.difference), cause.text)
        });
        let said = format!("{ratio} x the estimate of {}{most}", grouped(estimate));
        Fact { prose: true, ..Fact::new("that is", said) }
    });
    [Fact::new("executed", executed)].into_iter().chain(off).collect()
}

/// What was run, on what, and what its numbers mean.
fn head(report: &Report) -> Vec<Fact> {
    let Report { model, batch, seq, training, convention, .. } = report;
    let scope = scope_line(*training, report.model_config.trained());
    let mut facts =
        vec![Fact::new("model", format!("{model}: {}", config_line(&report.model_config)))];
    facts.extend(about(&report.model_config));
    facts.extend([
        Fact::new("run", format!("{}; {scope}", tokens_line([*batch, *seq], training.accumulate))),
        Fact::new("data", &report.data),
    ]);
    facts.extend(not_run(&report.not_run));
    facts.push(Fact::new("adapter", adapter_line(&report.adapter)));
    facts.extend(report.provenance.moved.as_ref().map(provenance::moved));
    facts.extend(provenance::kernels(&report.provenance.kernels_chosen));
    facts.extend([
        Fact { prose: true, ..Fact::new("measured", &*report.definition) },
        Fact {
            prose: true,
            ..Fact::new(
                "estimate",
                format!(
                    "{}. A ratio is measured over estimate{}",
                    estimator_line(&report.model_config, *training),
                    by_other_prices(*convention)
                ),
            )
        },
        Fact::new("FLOPs", convention.in_full()),
    ]);
    if let Some(of) = &report.extrapolation {
        let ran = match of.measured_layers {
            1 => "layer 0 of".to_owned(),
            layers => format!("layers 0..{} of", layers - 1),
        };
        let said =
            format!("{ran} {} ran; figures with ~ contain others. {}", of.layers, of.definition);
        facts.push(Fact { prose: true, ..Fact::new("scaled up", said) });
    }
    facts
}

/// The backward pass against the forward pass, and what the field quotes.
/// That an estimate charges a multiply-add otherwise than a convention does, where that is so.
fn by_other_prices(convention: Convention) -> String {
    match convention.price(Op::Fma) {
        MULTIPLY_ADD => String::new(),
        price => format!(
            ", which charges {MULTIPLY_ADD} for a multiply-add, where {convention} has {price}"
        ),
    }
}

fn beside(report: &Report) -> Vec<Fact> {
    let Totals { measured, estimate, recomputed, .. } = report.totals;
    let step = report.training.scope == Scope::Step;
    let marked = |figure| marked(report.extrapolation.is_some(), figure);
    let backward = step.then(|| {
        let (measured, estimate) = (
            marked(ratio(measured.backward, measured.forward)),
            ratio(estimate.backward, estimate.forward),
        );
        Fact::new(
            "backward",
            format!("{measured} x forward as measured, {estimate} x as estimated"),
        )
    });
    let again = (recomputed > 0).then(|| {
        let rest = marked(ratio(measured.backward - recomputed, measured.forward));
        let again = marked(grouped(recomputed));
        let text = format!("{again} of it made layers again; without them {rest} x forward");
        Fact::new("", text)
    });
    let ways = report.ways_to_train.iter();
    let ways: Vec<String> = ways
        .map(|way| format!("{} x training {}", ratio(way.backward, way.forward), way.trained))
        .collect();
    let ways =
        (!ways.is_empty()).then(|| Fact::new("", format!("by closed forms {}", ways.join(", "))));
    let field = report.field_formulas.iter().map(|FieldFormula { name, of, flops, .. }| {
        let ran = match &**of {
            "forward" => Some(measured.forward),
            _ => step.then_some(measured.total()),
        };
        let ran = ran.map_or_else(String::new, |ran| {
            format!("; measured {} of it", marked(ratio(ran, *flops)))
        });
        Fact::new("field", format!("{name} ({of}): {}{ran}", grouped(*flops)))
    });
    backward.into_iter().chain(again).chain(ways).chain(field).collect()
}

/// Whether every number in the report can be relied on.
fn answer(report: &Report) -> Answer {
    let mut problems = Problems::default();
    problems.counts(report.verdict, "their closed forms");
    problems.provenance(&report.provenance);
    report.watched.iter().for_each(|watched| problems.watched(watched));
    problems.answer(match report.verdict.r#match {
        1 => "1 pass executed exactly what its closed form says".to_owned(),
        passes => {
            format!("{} passes executed exactly what their closed forms say", grouped(passes))
        }
    })
}

/// How many passes agree, and which do not.
fn verdict(report: &Report) -> Fact {
    let named = |what: &str, is: fn(&Verdict) -> bool| {
        let passes: Vec<&PassRow> = report.passes.iter().filter(|p| is(&p.verdict)).collect();
        let more = passes.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more (the JSON report has all)"));
        let line = |pass: &&PassRow| {
            format!("{what}: {}: {}", pass.label, pass.verdict.why().unwrap_or_default())
        };
        passes.iter().take(NAMED).map(line).chain(more).collect::<Vec<String>>()
    };
    let details = [
        named("mismatch", |verdict| matches!(verdict, Verdict::Mismatch { .. })),
        named("not comparable", |verdict| matches!(verdict, Verdict::NotComparable { .. })),
    ];
    let tone = if report.holds() { Tone::Good } else { Tone::Bad };
    let fact = Fact::new("verdict", in_words(report.verdict)).toned(tone);
    Fact { details: details.concat(), ..fact }
}

fn loss(report: &Report) -> Fact {
    match report.loss {
        Some(loss) if loss.is_finite() => Fact::new("loss", loss.to_string()),
        None if report.loss_is_finite.is_none() => {
            Fact::new("loss", "not known: it takes every layer")
        }
        loss => {
            // A file has no word for which of them it was.
            let loss = loss.map_or_else(String::new, |loss| format!("{loss}: "));
            let warning = format!(
                "{loss}not finite; the counts hold all the same, but look at the weights and the input"
            );
            Fact::new("loss", warning).toned(Tone::Doubtful)
        }
    }
}

/// How far apart the timed runs were and what moved before them, as part of a sentence.
fn from_to(timing: &Timing) -> String {
    let spread = timing.spread.filter(|_| timing.repeats > 1);
    let spread = spread.map(|Spread { min, median: _, max }| {
        format!("{} to {}", number::seconds(min), number::seconds(max))
    });
    let parts = spread.into_iter().chain(timing.warm_up.and_then(WarmUp::in_words));
    parts.map(|part| format!(", {part}")).collect()
}

fn timing(report: &Report) -> Vec<Fact> {
    let timing = &report.timing;
    let clock = timing.source.in_words();
    let seconds = |time| marked(report.extrapolation.is_some(), seconds(time));
    let counted = seconds(timing.counted_seconds);
    let parts = report.components.iter().filter_map(|part| part.seconds).sum();
    let mut facts = vec![Fact::new(
        "timing",
        match timing.plain_seconds {
            Some(plain) => format!(
                "plain kernels {} (the whole step: median of {}{}, by {clock}); the medians of the passes come to {}, the \
                 total of the table; counting once took {counted}, {:.2}x",
                seconds(plain),
                timing.repeats,
                from_to(timing),
                seconds(parts),
                timing.counted_seconds / plain
            ),
            None => format!("{clock}; counting once took {counted}"),
        },
    )];
    facts.extend(watched::embedded_times(&report.adapter));
    facts
}
