//! What adds up in the reports that are read back, each sum once, by the keys of the file. How a sum is taken and told is
//! known elsewhere.

use std::collections::BTreeMap;

use super::{
    Document, KernelRow, Report, RunReport, ShaderReport,
    profile::Totals,
    shader::LineRow,
    sums::{self, Sums},
};
use crate::{
    check::Tally,
    component::Phase,
    op::{Convention, Cost, OpCounts, Traffic},
};

impl Document for ShaderReport {
    const SCHEMA: &'static str = "flopmeter.shader/1";

    fn contradiction(&self) -> Option<String> {
        let Self { ops, traffic, lines, dispatches, convention, .. } = self;
        let row = |at: &str, ops, traffic, flops, lines: &[LineRow]| {
            let priced = |at: &str, flops, ops| {
                sums::priced(at, ("flops", Some(flops)), Some(ops), *convention)
            };
            let mut rows = lines.iter().enumerate();
            priced(at, flops, ops)
                .or_else(|| sums::moved(at, Some(traffic)))
                .or_else(|| {
                    rows.find_map(|(i, row)| {
                        priced(&format!("{at}lines[{i}]."), row.flops, row.ops)
                    })
                })
                .or_else(|| {
                    // What has no line is in none of them.
                    let adds_up = if self.lines_are_whole { sums::total } else { sums::within };
                    adds_up(at, &cost(ops, traffic), &format!("{at}lines"), &of(lines))
                })
        };
        let of_dispatches = || {
            let mut rows = dispatches.iter().enumerate();
            rows.find_map(|(index, its)| {
                row(&format!("dispatches[{index}]."), its.ops, its.traffic, its.flops, &its.lines)
            })
        };
        let of_sums = || {
            let rows = dispatches.iter().map(|row| Cost { ops: row.ops, traffic: row.traffic });
            sums::total("", &cost(*ops, *traffic), "dispatches", &rows.collect())
        };
        row("", *ops, *traffic, self.flops, lines).or_else(|| names(self)).or_else(|| {
            if dispatches.is_empty() {
                return None;
            }
            of_dispatches().or_else(of_sums).or_else(|| lines_of_dispatches(self))
        })
    }
}

fn cost(ops: OpCounts, traffic: Traffic) -> Sums {
    [Cost { ops, traffic }].into_iter().collect()
}

fn of<'a>(lines: impl IntoIterator<Item = &'a LineRow>) -> Sums {
    lines.into_iter().map(|row| Cost { ops: row.ops, traffic: row.traffic }).collect()
}

/// Whether the entry points are those of the dispatches. One alone is no row of its own.
fn names(report: &ShaderReport) -> Option<String> {
    let ShaderReport { entry, dispatches, .. } = report;
    let ran: Vec<&str> = dispatches.iter().map(|row| row.entry.as_str()).collect();
    let names: Vec<&str> = entry.split(", ").collect();
    // Those of SPIR-V may have commas themselves.
    let is_word = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let are_several = names.len() > 1 && names.iter().all(is_word);
    match &ran[..] {
        [] if are_several => Some(format!(
            "'entry' names {} dispatches, '{entry}', and 'dispatches' has 0",
            names.len()
        )),
        [] => None,
        _ => {
            let ran = ran.join(", ");
            (*entry != ran).then(|| format!("'entry' is '{entry}', and 'dispatches' ran '{ran}'"))
        }
    }
}

/// Whether each line has what it has in all dispatches.
fn lines_of_dispatches(report: &ShaderReport) -> Option<String> {
    let place = |row: &LineRow| (row.file.clone(), row.line);
    let mut rows: BTreeMap<_, Vec<&LineRow>> = BTreeMap::new();
    for row in report.dispatches.iter().flat_map(|row| &row.lines) {
        rows.entry(place(row)).or_default().push(row);
    }
    let differing = report.lines.iter().enumerate().find_map(|(index, line)| {
        let at = format!("lines[{index}].");
        let parts = rows.remove(&place(line)).unwrap_or_default();
        let executions = parts.iter().map(|row| u128::from(row.executions));
        let name = "dispatches[].lines";
        sums::count(&format!("{at}executions"), line.executions, name, executions)
            .or_else(|| sums::total(&at, &of([line]), name, &of(parts)))
    });
    differing.or_else(|| {
        let ((_, line), _) = rows.pop_first()?;
        Some(format!("'lines' has no line {line}, and 'dispatches[].lines' does"))
    })
}

impl Document for RunReport {
    const SCHEMA: &'static str = "flopmeter.run/1";

    fn contradiction(&self) -> Option<String> {
        let Self { totals, kernels, dispatches_in_order, convention, .. } = self;
        let priced = |at: &str, flops, ops| sums::priced(at, ("flops", flops), ops, *convention);
        let of_kernels = || {
            let mut rows = kernels.iter().enumerate();
            rows.find_map(|(i, row)| {
                let at = format!("kernels[{i}].");
                priced(&at, row.flops, row.ops)
                    .or_else(|| sums::moved(&at, row.traffic))
                    .or_else(|| of_lines(&at, row, *convention))
            })
        };
        let of_dispatches = || {
            let mut rows = dispatches_in_order.iter().flatten().enumerate();
            rows.find_map(|(i, row)| {
                let at = format!("dispatches_in_order[{i}].");
                priced(&at, row.flops, row.ops).or_else(|| sums::moved(&at, row.traffic))
            })
        };
        let of_sums = || {
            let all = |ops, traffic| Some(cost(ops?, traffic?));
            let rows = kernels
                .iter()
                .filter_map(|row| Some(Cost { ops: row.ops?, traffic: row.traffic? }));
            let whole = all(totals.ops, totals.traffic)?;
            sums::total("totals.", &whole, "kernels", &rows.collect())
        };
        let of_dead = || {
            let dead = kernels.iter().filter_map(|row| row.dead_ops);
            let dead = dead.map(|ops| Cost { ops, ..Cost::default() });
            let whole = cost(totals.dead_ops?, Traffic::default());
            sums::total("totals.dead_", &whole, "kernels", &dead.collect())
        };
        priced("totals.", totals.flops, totals.ops)
            .or_else(|| sums::moved("totals.", totals.traffic))
            .or_else(of_kernels)
            .or_else(of_dispatches)
            .or_else(of_sums)
            .or_else(of_dead)
            .or_else(|| {
                let rows = kernels.iter().map(|row| u128::from(row.dispatches));
                sums::count("totals.dispatches", totals.dispatches, "kernels", rows)
            })
    }
}

/// Whether the lines of a kernel are priced, and no more than the kernel. What has no line is in none of them.
fn of_lines(at: &str, row: &KernelRow, convention: Convention) -> Option<String> {
    let mut lines = row.lines.iter().enumerate();
    let priced = lines.find_map(|(i, line)| {
        let flops = ("flops", Some(line.flops));
        sums::priced(&format!("{at}lines[{i}]."), flops, Some(line.ops), convention)
    });
    priced.or_else(|| {
        let whole = cost(row.ops?, row.traffic?);
        let lines = row.lines.iter().map(|line| Cost { ops: line.ops, traffic: line.traffic });
        sums::within(at, &whole, &format!("{at}lines"), &lines.collect())
    })
}

impl Document for Report {
    const SCHEMA: &'static str = "flopmeter.profile/1";

    fn contradiction(&self) -> Option<String> {
        let Self { passes, components, convention, verdict, .. } = self;
        let priced = |at: &str, flops, ops| sums::priced(at, flops, Some(ops), *convention);
        let mut rows = passes.iter().enumerate();
        let mut parts = components.iter().enumerate();
        rows.find_map(|(i, row)| {
            let at = format!("passes[{i}].");
            priced(&at, ("flops", Some(row.flops)), row.ops)
                .or_else(|| sums::moved(&at, Some(row.traffic)))
        })
        .or_else(|| {
            parts.find_map(|(i, its)| {
                let measured = ("measured", Some(its.measured));
                let at = format!("components[{i}].");
                priced(&at, measured, its.ops).or_else(|| sums::moved(&at, Some(its.traffic)))
            })
        })
        .or_else(|| sums::moved_together("passes", passes.iter().map(|row| row.traffic)))
        .or_else(|| sums::moved_together("components", components.iter().map(|row| row.traffic)))
        .or_else(|| totals(self))
        .or_else(|| phases(self))
        .or_else(|| {
            let is = passes.iter().fold(Tally::default(), |tally, row| tally + &row.verdict);
            [
                ("match", verdict.r#match, is.r#match),
                ("mismatch", verdict.mismatch, is.mismatch),
                ("not_comparable", verdict.not_comparable, is.not_comparable),
                ("extrapolated", verdict.extrapolated, is.extrapolated),
            ]
            .into_iter()
            .find_map(|(key, says, is)| {
                sums::count(&format!("verdict.{key}"), says, "passes", [u128::from(is)])
            })
        })
    }
}

/// Whether the totals are the sums of the passes, as far as every pass has what is summed.
fn totals(report: &Report) -> Option<String> {
    let Report { passes, components, convention, .. } = report;
    let Totals { measured, exact, algebraic, estimate, recomputed, extrapolated } = &report.totals;
    let price = |ops: Option<OpCounts>| Some(ops?.wide_flops(*convention));
    let stated = |ops: fn(&super::PassRow) -> Option<OpCounts>| {
        passes.iter().map(|row| Some((row.phase, price(ops(row))?))).collect::<Option<Vec<_>>>()
    };
    let of = |is_one: fn(&super::PassRow) -> bool| {
        let rows = passes.iter().filter(move |row| is_one(row));
        rows.map(|row| (row.phase, u128::from(row.flops))).collect::<Vec<_>>()
    };
    let charged = components.iter().map(|row| (row.phase, u128::from(row.estimate))).collect();
    let all = [
        ("measured", Some(measured), "passes", Some(of(|_| true))),
        ("exact", exact.as_ref(), "passes", stated(|row| row.exact_ops)),
        ("algebraic", algebraic.as_ref(), "passes", stated(|row| row.algebraic_ops)),
        (
            "extrapolated",
            extrapolated.as_ref(),
            "passes",
            Some(of(super::PassRow::is_extrapolated)),
        ),
        ("estimate", Some(estimate), "components", Some(charged)),
    ];
    let again = of(|row| row.recomputed).into_iter().map(|(_, flops)| flops);
    let mut all = all.into_iter();
    all.find_map(|(key, says, parts, rows)| {
        let says = says?;
        sums::by_phase(&format!("totals.{key}"), |phase| says.get(phase), parts, &rows?)
    })
    .or_else(|| sums::count("totals.recomputed", *recomputed, "passes", again))
    .or_else(|| {
        let costs = &report.schedule_costs;
        let (exact, algebraic) = exact.zip(*algebraic).filter(|_| !costs.is_empty())?;
        stated(|row| row.exact_ops.and(row.algebraic_ops))?;
        let says: i128 = costs.iter().map(|cost| i128::from(cost.flops)).sum();
        let is = i128::from(exact.total()) - i128::from(algebraic.total());
        let text = format!(
            "'schedule_costs' come to {says}, and 'totals.exact' less 'totals.algebraic' is {is}"
        );
        (says != is).then_some(text)
    })
}

/// Whether in each phase the components are the passes, and the causes are why the two counts differ.
fn phases(report: &Report) -> Option<String> {
    let Report { passes, components, causes, totals, .. } = report;
    let of_components = |phase: Phase| {
        let parts = components.iter().filter(|row| row.phase == phase);
        let parts = parts.map(|row| Cost { ops: row.ops, traffic: row.traffic }).collect();
        let rows = passes.iter().filter(|row| row.phase == phase);
        let rows = rows.map(|row| Cost { ops: row.ops, traffic: row.traffic }).collect();
        let at = format!("components[{}].", phase.name());
        sums::total(&at, &parts, "passes", &rows)
    };
    let of_causes = |phase: Phase| {
        let its = || causes.iter().filter(|cause| cause.phase == phase);
        // A wrong number has no cause but that it is wrong.
        its().next()?;
        let sum = |key, says, rows: Vec<u128>| {
            sums::count(&format!("totals.{key}.{}", phase.name()), says, "causes", rows)
        };
        let rows =
            |of: fn(&crate::explain::Cause) -> u64| its().map(|its| of(its).into()).collect();
        sum("measured", totals.measured.get(phase), rows(|its| its.measured))
            .or_else(|| sum("estimate", totals.estimate.get(phase), rows(|its| its.estimate)))
    };
    let of_difference = || {
        causes.iter().enumerate().find_map(|(i, cause)| {
            let (says, is) =
                (cause.difference, i128::from(cause.measured) - i128::from(cause.estimate));
            let text = || {
                format!(
                    "'causes[{i}].difference' is {says}, and 'measured' less 'estimate' is {is}"
                )
            };
            (says != is).then(text)
        })
    };
    let mut phases = Phase::ALL.into_iter();
    phases
        .find_map(|phase| of_components(phase).or_else(|| of_causes(phase)))
        .or_else(of_difference)
}
