//! Counts as JSON: each is a decimal string.

use std::collections::BTreeMap;

use flopmeter_core::{
    keyed::keyed,
    op::{Convention, Cost, Op, OpCounts, Scalar, Traffic},
    table::Line,
};
use serde::Serialize;

/// What a kernel was counted for. FLOPs are those of the convention `ieee`.
#[derive(Serialize)]
pub(crate) struct Counts {
    ops: BTreeMap<String, String>,
    flops: String,
    traffic: BTreeMap<String, String>,
    lines: Vec<LineCounts>,
}

/// What one line of the source was counted for.
#[derive(Serialize)]
struct LineCounts {
    line: u32,
    executions: String,
    ops: BTreeMap<String, String>,
    flops: String,
    traffic: BTreeMap<String, String>,
}

impl Counts {
    /// The counts of a kernel: in all, and by line of its source from 1.
    ///
    /// # Errors
    /// Where traffic cannot be written as JSON.
    pub(crate) fn of(cost: &Cost, lines: &BTreeMap<u32, Line>) -> Result<Self, String> {
        let Cost { ops: all, traffic: touched } = *cost;
        // A branch that was never taken costs nothing, and a listing says so by its silence.
        let lines = lines.iter().filter(|(_, line)| line.executions > 0);
        let lines = lines.map(|(&number, line)| {
            Ok(LineCounts {
                line: number,
                executions: line.executions.to_string(),
                ops: ops(&line.cost.ops),
                flops: flops(&line.cost.ops),
                traffic: traffic(line.cost.traffic)?,
            })
        });
        let lines = lines.collect::<Result<_, String>>()?;
        Ok(Self { ops: ops(&all), flops: flops(&all), traffic: traffic(touched)?, lines })
    }
}

fn ops(counts: &OpCounts) -> BTreeMap<String, String> {
    let key = |scalar: Scalar, op: Op| format!("{}.{}", scalar.name(), op.name());
    keyed(counts.iter().map(|(scalar, op, count)| (key(scalar, op), count.to_string())))
}

fn flops(counts: &OpCounts) -> String {
    counts.flops(Convention::Ieee).to_string()
}

/// The fields of [`Traffic`] that are not 0, under the names that reports give them.
fn traffic(traffic: Traffic) -> Result<BTreeMap<String, String>, String> {
    let fields = serde_json::to_value(traffic).map_err(|error| error.to_string())?;
    let fields: BTreeMap<String, u64> =
        serde_json::from_value(fields).map_err(|error| error.to_string())?;
    Ok(keyed(fields.into_iter().map(|(name, count)| (name, count.to_string()))))
}
