//! Whether executors agree, as a table: a row for each kernel, a column for each comparison, and
//! what differs below.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::Cell;

use super::{
    NAMED, Style, header, numbers, painted_verdict, plain_table, watched::problems, wrapped,
};
use crate::{
    check::{TOLERANCE, Tally, Verdict},
    plan::{Pass, Plan},
    report::{Agreement, DEFINITION, number::grouped, why},
};

/// The verdict of `check`.
pub fn agreement(plan: &Plan, agreement: &Agreement, style: Style) -> String {
    let mut of_kernel: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, pass) in plan.passes.iter().enumerate() {
        of_kernel.entry(pass.kernel.to_string()).or_default().push(i);
    }
    let mut table = plain_table(style);
    let mut names = header(["kernel", "passes"]);
    names.extend(agreement.counts.iter().map(|comparison| Cell::new(&comparison.name)));
    table.set_header(names);
    for (kernel, passes) in of_kernel {
        let mut row = numbers(kernel, [grouped(passes.len() as u64)]);
        row.extend(agreement.counts.iter().map(|comparison| {
            let verdicts = passes.iter().map(|&i| &comparison.verdicts[i]);
            Cell::new(in_short(verdicts.fold(Tally::default(), |tally, verdict| tally + verdict)))
        }));
        table.add_row(row);
    }
    let mut text = format!("measured  {}\n\n{}\n\n", wrapped(DEFINITION), table.trim_fmt());
    for comparison in &agreement.counts {
        let tally = comparison.tally();
        let said = format!("{}: {}", comparison.name, in_words(tally));
        let _ = writeln!(text, "counts    {}", painted_verdict(&said, tally.mismatch == 0, style));
        let differing = plan.passes.iter().zip(&comparison.verdicts).filter_map(named);
        text.extend(differing.take(NAMED));
    }
    for (name, seen) in &agreement.watched {
        text.push_str(&problems(&format!("{name}: "), seen, style));
    }
    if agreement.values.is_empty() {
        text.push_str("values    one adapter, nothing to hold its values against\n");
        return text;
    }
    let within = agreement.values.iter().filter(|(_, verdict)| *verdict == Verdict::Match).count();
    let all = agreement.values.len();
    let said = format!(
        "{within} of {all} (loss and gradients) are within {TOLERANCE:e} of their norm between adapters"
    );
    let _ = writeln!(text, "values    {}", painted_verdict(&said, within == all, style));
    for (name, verdict) in &agreement.values {
        if let Verdict::Mismatch { difference } = verdict {
            let _ = writeln!(text, "  {name}: {difference}");
        }
    }
    text
}

fn named((pass, verdict): (&Pass, &Verdict)) -> Option<String> {
    let why = why(verdict)?;
    Some(format!("  {}: {why}\n", pass.label))
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
