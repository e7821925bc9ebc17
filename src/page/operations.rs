//! What was executed, a row for each kind of operation. Knows neither the executor nor the time.

use super::{Cell, Column, Row, Table};
use crate::op::{Convention, OpCounts};

/// A row for each kind of operation, and its part of all `flops`; `dead` are those of the operations whose results are
/// never used, where that is known.
pub(super) fn operations(
    ops: &OpCounts,
    dead: Option<&OpCounts>,
    flops: u64,
    convention: Convention,
) -> Table {
    let rows = ops.iter().map(|(scalar, op, count)| {
        let own = OpCounts::of(scalar, op, count).flops(convention);
        let dead = dead.map(|dead| Cell::whole(dead.get(scalar, op)));
        let before = [Cell::text(format!("{}.{}", scalar.name(), op.name())), Cell::whole(count)];
        let after = [Cell::whole(own), Cell::Share(own, flops)];
        Row::new(before.into_iter().chain(dead).chain(after).collect::<Vec<_>>())
    });
    let before = [Column::text("operation", "operation"), Column::number("executed", "executed")];
    let dead = dead.map(|_| Column::number("dead", "dead"));
    let after = [Column::number("FLOPs", "flops"), Column::number("share", "share")];
    Table {
        columns: before.into_iter().chain(dead).chain(after).collect(),
        rows: rows.collect(),
        ..Table::default()
    }
}
