//! Whether executors agree: a row for each kernel, a column for each comparison, and what differs
//! below.

use std::collections::BTreeMap;

use super::answer::{Answer, Problems, at_both_ends};
use super::number::{grouped, several};
use super::{
    Bar, Cell, Column, Fact, NAMED, Page, Paged, Row, Section, Table, Tone, bars, not_run,
    provenance, watched,
};
use crate::{
    check::{ROUNDING, Tally, Verdict},
    family::{self, Training},
    operation::Precision,
    result::{Agreement, CheckedModel, Comparison},
};

impl Paged for Agreement {
    fn page(&self, _every_layer: bool) -> Page {
        let definition = Fact { prose: true, ..Fact::new("measured", &*self.definition) };
        let beside = self.subject.iter().flat_map(|subject| not_run(&subject.not_run));
        let chosen = provenance::kernels(&self.kernels_chosen);
        let mut found: Vec<Fact> = self.counts.iter().map(|counts| counted(self, counts)).collect();
        let seen = self.watched.iter();
        found.extend(seen.flat_map(|(name, seen)| watched::problems(&format!("{name}: "), seen)));
        found.push(values(self));
        Page {
            title: "Whether executors agree".to_owned(),
            sections: at_both_ends(
                Some(answer(self)),
                vec![
                    Section::facts(
                        "What is measured",
                        subject(self)
                            .into_iter()
                            .chain(beside)
                            .chain([definition])
                            .chain(chosen)
                            .collect::<Vec<_>>(),
                    ),
                    drawn(self),
                    Section::table("Kernels", kernels(self)),
                    Section::facts("Findings", found),
                ],
            ),
        }
    }
}

/// What was run, and what is held against what.
fn subject(agreement: &Agreement) -> Option<Fact> {
    let CheckedModel { model, batch, seq, options, not_run: _ } = agreement.subject.as_ref()?;
    let opinions: Vec<&str> = agreement.counts.iter().map(|counts| counts.name.as_str()).collect();
    let how: String =
        options.unusual().map(|(of, value)| format!(", {value} {}", of.noun)).collect();
    let between = if agreement.values.is_empty() { "" } else { ", and values between adapters" };
    let said = format!(
        "{model}, batch {batch} x seq {seq}{how}: the counts of every pass ({}){between}",
        opinions.join(", ")
    );
    Some(Fact { prose: true, ..Fact::new("checked", said) })
}

/// Whether all opinions agree.
fn answer(agreement: &Agreement) -> Answer {
    let mut problems = Problems::default();
    for counts in &agreement.counts {
        problems.counts(counts.tally(), &format!("each other ({})", counts.name));
    }
    let all = agreement.values.len() as u64;
    let same = agreement.values.iter().filter(|value| value.verdict == Verdict::Match).count();
    problems.count(all - same as u64, |n| format!("{n} of {all} values differ"));
    agreement.watched.iter().for_each(|(_, watched)| problems.watched(watched));
    let opinions = several(agreement.counts.len() as u64, "comparison", "comparisons");
    let passes = several(agreement.passes.len() as u64, "pass", "passes");
    let values = match all {
        0 => String::new(),
        _ => format!(", and {}", several(all, "value does", "values do")),
    };
    problems.answer(format!("the counts of {passes} agree in {opinions}{values}"))
}

/// How many passes of each comparison came out how.
fn drawn(agreement: &Agreement) -> Section {
    let bars = agreement.counts.iter().map(|counts| {
        let Tally { r#match, mismatch, not_comparable, extrapolated } = counts.tally();
        let parts = [r#match, mismatch, not_comparable, extrapolated];
        Bar { name: counts.name.clone(), parts: parts.into_iter().enumerate().collect() }
    });
    bars::section(
        "How many passes agree",
        "One bar a comparison, as long as its passes and divided by how they came out.".to_owned(),
        &["match", "mismatch", "not comparable", "extrapolated"],
        bars.collect(),
        kernels(agreement),
    )
}

fn kernels(agreement: &Agreement) -> Table {
    let mut of_kernel: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, pass) in agreement.passes.iter().enumerate() {
        of_kernel.entry(pass.kernel.to_string()).or_default().push(i);
    }
    let names = agreement.counts.iter().map(|counts| counts.name.clone());
    let columns = [Column::text("kernel", "kernel"), Column::number("passes", "passes")];
    let rows = of_kernel.into_iter().map(|(kernel, passes)| {
        let verdicts = agreement.counts.iter().map(|counts| {
            let verdicts = passes.iter().map(|&i| &counts.verdicts[i]);
            Cell::text(in_short(verdicts.fold(Tally::default(), |tally, verdict| tally + verdict)))
        });
        let name = [Cell::text(kernel), Cell::whole(passes.len() as u64)];
        Row::new(name.into_iter().chain(verdicts).collect::<Vec<_>>())
    });
    Table {
        columns: columns
            .into_iter()
            .chain(names.map(|name| Column::text(name.clone(), name)))
            .collect(),
        rows: rows.collect(),
        ..Table::default()
    }
}

/// How a comparison of counts came out, and which passes do not agree.
fn counted(agreement: &Agreement, counts: &Comparison) -> Fact {
    let tally = counts.tally();
    let passes = agreement.passes.iter().zip(&counts.verdicts);
    let named =
        passes.filter_map(|(pass, verdict)| Some(format!("{}: {}", pass.label, verdict.why()?)));
    let fact = Fact::new("counts", format!("{}: {}", counts.name, in_words(tally)));
    Fact { details: named.take(NAMED).collect(), ..fact.toned(tone(tally.holds())) }
}

/// How the comparison of values came out, and which do not agree.
fn values(agreement: &Agreement) -> Fact {
    if agreement.values.is_empty() {
        return Fact::new("values", "one adapter, nothing to hold its values against");
    }
    let values = &agreement.values;
    let within = values.iter().filter(|value| value.verdict == Verdict::Match).count();
    let all = values.len();
    let what = if all == 1 { "the loss" } else { "loss and gradients" };
    let said = format!(
        "{within} of {all} ({what}) {} within {:e} of their norm between adapters",
        if all == 1 { "is" } else { "are" },
        agreement.tolerance
    );
    let doubtful = values.iter().filter(|value| value.not_finite).count();
    let said = match doubtful {
        0 => said,
        n => {
            let is_narrow = agreement.subject.as_ref().is_some_and(|checked| {
                let training = Training { options: checked.options, ..Training::default() };
                family::precision(training) == Precision::Half
            });
            let way = if is_narrow { "take products in single precision, or " } else { "" };
            format!(
                "{said}; {n} of them are not finite on either: {way}look at the weights and the input"
            )
        }
    };
    let named = values.iter().filter_map(|value| match &value.verdict {
        Verdict::Mismatch { difference } => Some(format!("{}: {difference}", value.name)),
        Verdict::Match if value.not_finite => {
            Some(format!("{}: not finite, in the same places", value.name))
        }
        Verdict::Match if value.rounding => Some(format!(
            "{}: all terms cancel, and what is left is rounding, below {ROUNDING:.1e} of the step's gradient",
            value.name
        )),
        Verdict::Match | Verdict::NotComparable { .. } | Verdict::Extrapolated { .. } => None,
    });
    let tone = if doubtful > 0 && within == all { Tone::Doubtful } else { tone(within == all) };
    let fact = Fact::new("values", said).toned(tone);
    Fact { details: named.take(NAMED).collect(), ..fact }
}

fn tone(holds: bool) -> Tone {
    if holds { Tone::Good } else { Tone::Bad }
}

/// How a whole comparison came out.
pub(super) fn in_words(tally: Tally) -> String {
    format!(
        "{} passes match, {} mismatch, {} not comparable",
        grouped(tally.r#match),
        grouped(tally.mismatch),
        grouped(tally.not_comparable)
    ) + &match tally.extrapolated {
        0 => String::new(),
        passes => format!("; {} did not run and are extrapolated", grouped(passes)),
    }
}

fn in_short(tally: Tally) -> String {
    match tally {
        Tally { mismatch: 0, not_comparable: 0, .. } => "match".to_owned(),
        Tally { mismatch: 0, not_comparable, .. } => format!("{not_comparable} not comparable"),
        Tally { mismatch, .. } => format!("{mismatch} MISMATCH"),
    }
}
