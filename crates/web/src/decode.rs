//! The contents of a counter buffer in, counts out.

use std::collections::BTreeMap;

use flopmeter_core::op::{Convention, Cost, OpCounts, Traffic};
use serde::Serialize;

use crate::TABLES;

/// What was counted. A count is a decimal string.
#[derive(Serialize)]
struct Counts {
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

/// Turns the contents of a counter buffer into counts, and holds the invocations that were counted against those that
/// were launched, where their number is known. FLOPs are those of the convention `ieee`.
///
/// # Errors
/// Where there is no table of that number, or the bytes cannot be what its kernel counted.
pub(crate) fn decode(table: usize, raw: &[u8], launched: Option<u64>) -> Result<String, String> {
    TABLES.with_borrow(|tables| {
        let table = tables.get(table).ok_or_else(|| format!("there is no table {table}"))?;
        let executions = table.decode(raw, launched).map_err(|error| error.to_string())?;
        let Cost { ops: all, traffic: touched } = table.cost(&executions);
        let lines = table.lines(&executions).into_iter().filter(|(_, line)| line.executions > 0);
        let counts = Counts {
            ops: ops(&all),
            flops: flops(&all),
            traffic: traffic(touched)?,
            lines: lines
                .map(|(number, line)| {
                    Ok(LineCounts {
                        line: number,
                        executions: line.executions.to_string(),
                        ops: ops(&line.cost.ops),
                        flops: flops(&line.cost.ops),
                        traffic: traffic(line.cost.traffic)?,
                    })
                })
                .collect::<Result<_, String>>()?,
        };
        serde_json::to_string(&counts).map_err(|error| error.to_string())
    })
}

fn ops(counts: &OpCounts) -> BTreeMap<String, String> {
    let key = |scalar: flopmeter_core::op::Scalar, op: flopmeter_core::op::Op| {
        format!("{}.{}", scalar.name(), op.name())
    };
    counts.iter().map(|(scalar, op, count)| (key(scalar, op), count.to_string())).collect()
}

fn flops(counts: &OpCounts) -> String {
    counts.flops(Convention::Ieee).to_string()
}

/// The fields of [`Traffic`] that are not 0, under the names that reports give them.
fn traffic(traffic: Traffic) -> Result<BTreeMap<String, String>, String> {
    let fields = serde_json::to_value(traffic).map_err(|error| error.to_string())?;
    let fields: BTreeMap<String, u64> =
        serde_json::from_value(fields).map_err(|error| error.to_string())?;
    Ok(fields.into_iter().map(|(name, count)| (name, count.to_string())).collect())
}
