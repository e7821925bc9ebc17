//! `flopmeter check`: one plan on every adapter present. Each adapter's counts are held against the
//! closed forms, and every adapter's counts and values against the first one's.

use std::collections::BTreeMap;

use anyhow::Context as _;
use comfy_table::Cell;

use flopmeter::{
    check::{self, TOLERANCE, Tally, Verdict},
    execute::{Executor as _, gpu::Gpu, gpu::adapters},
    model::lower,
    op::Convention,
    plan::Plan,
    profile::{self, Keep, Run},
    report::table,
};

use super::{
    Outcome,
    args::{Check, Common},
    interrupt, output,
    profile::subject,
    progress::Bar,
};

/// Differences that are shown for each comparison.
const SHOWN: usize = 5;

/// One comparison of a whole plan: its heading, and a verdict for each pass.
struct Comparison {
    name: String,
    verdicts: Vec<Verdict>,
}

pub fn run(asked: &Check, common: &Common) -> super::Result {
    interrupt::listen()?;
    let (model, weights, batch) = subject(&asked.work)?;
    let mut devices = open(asked.adapter.as_deref())?;
    let limits = devices.iter().map(|gpu| gpu.adapter().limits).reduce(|a, b| a.and(b));
    let limits = limits.context("no adapter")?;
    let plan = lower::lower(&model.config, batch.shape, asked.work.training(), &limits)?;
    let inputs = lower::inputs(&plan, &weights, &batch);
    let mut runs = Vec::new();
    for gpu in &mut devices {
        let bar = Bar::new(common, 0);
        let observe = &mut |progress: flopmeter::measure::Progress<'_>| bar.show(progress);
        runs.push(profile::run(gpu, &plan, &inputs, 0, Keep::Gradients, observe)?);
    }

    let comparisons = comparisons(&plan, &runs);
    let values = values(&runs);
    let mut text = format!("{}\n\n", counts(&plan, &runs, &comparisons, common));
    let mut holds = true;
    for comparison in &comparisons {
        holds &= describe(&mut text, &plan, comparison);
    }
    for (name, verdict) in &values {
        if let Verdict::Mismatch { difference } = verdict {
            holds = false;
            text.push_str(&format!("  {name}: {difference}\n"));
        }
    }
    if runs.len() > 1 {
        text.push_str(&format!(
            "values    loss and gradients within {TOLERANCE:e} of their norm on {} of {} comparisons\n",
            values.iter().filter(|(_, verdict)| *verdict == Verdict::Match).count(),
            values.len()
        ));
    } else {
        text.push_str("values    one adapter, nothing to hold its values against\n");
    }
    output::print(&text)?;
    Ok(Outcome::of(holds))
}

/// The adapter asked for, or every one there is.
fn open(asked: Option<&str>) -> super::Result<Vec<Gpu>> {
    let names = match asked {
        Some(name) => vec![name.to_owned()],
        None => adapters().into_iter().map(|adapter| adapter.name).collect(),
    };
    if names.is_empty() {
        // Opening one says what is missing and how to get it.
        return Ok(vec![Gpu::open("auto")?]);
    }
    Ok(names.iter().map(|name| Gpu::open(name)).collect::<Result<_, _>>()?)
}

/// Every run against the closed forms, and against the first run.
fn comparisons(plan: &Plan, runs: &[Run]) -> Vec<Comparison> {
    let name = |run: &Run| run.measurement.adapter.name.clone();
    let forms = runs.iter().map(|run| Comparison {
        name: format!("{} = formula", name(run)),
        verdicts: check::passes(plan, &run.measurement),
    });
    let pairs = runs.iter().skip(1).map(|run| Comparison {
        name: format!("{} = {}", name(run), name(&runs[0])),
        verdicts: check::executors(plan, &runs[0].measurement, &run.measurement),
    });
    forms.chain(pairs).collect()
}

/// Loss and gradients of every run against those of the first.
fn values(runs: &[Run]) -> Vec<(String, Verdict)> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let mut verdicts = Vec::new();
    for other in others {
        let names = (&*first.measurement.adapter.name, &*other.measurement.adapter.name);
        let mut hold = |name: &str, a: &[f32], b: &[f32]| {
            verdicts.push((name.to_owned(), check::values((names.0, a), (names.1, b))));
        };
        hold("loss", first.loss.as_slice(), other.loss.as_slice());
        for (a, b) in first.tensors.iter().zip(&other.tensors) {
            hold(&a.name, &a.data, &b.data);
        }
    }
    verdicts
}

/// A row for each kernel, a column for each comparison.
fn counts(plan: &Plan, runs: &[Run], comparisons: &[Comparison], common: &Common) -> String {
    let mut of_kernel: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, pass) in plan.passes.iter().enumerate() {
        of_kernel.entry(pass.kernel.to_string()).or_default().push(i);
    }
    let mut listed = table::plain_table(output::style(common));
    let names = ["kernel", "passes", "FLOPs"].map(str::to_owned);
    listed.set_header(names.into_iter().chain(comparisons.iter().map(|c| c.name.clone())));
    for (kernel, passes) in of_kernel {
        let flops: u64 = passes
            .iter()
            .filter_map(|&i| {
                Some(runs.first()?.measurement.passes[i].cost.ops.flops(Convention::Ieee))
            })
            .sum();
        let mut row = vec![Cell::new(kernel), Cell::new(passes.len()), Cell::new(flops)];
        row.extend(comparisons.iter().map(|comparison| {
            let verdicts = passes.iter().map(|&i| &comparison.verdicts[i]);
            Cell::new(in_short(verdicts.fold(Tally::default(), |tally, v| tally + v)))
        }));
        listed.add_row(row);
    }
    listed.trim_fmt()
}

fn in_short(tally: Tally) -> String {
    match tally {
        Tally { mismatch: 0, not_comparable: 0, .. } => "match".to_owned(),
        Tally { mismatch: 0, not_comparable, .. } => format!("{not_comparable} not comparable"),
        Tally { mismatch, .. } => format!("{mismatch} MISMATCH"),
    }
}

/// Adds one comparison's outcome; whether it holds.
fn describe(text: &mut String, plan: &Plan, comparison: &Comparison) -> bool {
    let tally = comparison.verdicts.iter().fold(Tally::default(), |tally, verdict| tally + verdict);
    text.push_str(&format!(
        "counts    {}: {} passes match, {} mismatch, {} not comparable\n",
        comparison.name, tally.r#match, tally.mismatch, tally.not_comparable
    ));
    let differing =
        plan.passes.iter().zip(&comparison.verdicts).filter_map(|(pass, verdict)| match verdict {
            Verdict::Match => None,
            Verdict::Mismatch { difference } => Some(format!("  {}: {difference}\n", pass.label)),
            Verdict::NotComparable { reason } => Some(format!("  {}: {reason}\n", pass.label)),
        });
    text.extend(differing.take(SHOWN));
    tally.mismatch == 0
}
