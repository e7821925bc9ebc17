//! The cells of ceilings, and of kernels that stand under them.

use crate::{
    page::{Cell, Column, Row, Table},
    roofline::{BoundBy, Ceilings, Placement, Resource, Spread},
};

/// Every ceiling, a row each.
pub(super) fn table(ceilings: &Ceilings) -> Table {
    let rows = ceilings.ceilings.iter().map(|ceiling| {
        let Spread { min, median, max } = ceiling.rate;
        let [median, min, max] = [median, min, max].map(|rate| Cell::rate(rate * 1e-9, 2));
        Row::new([
            Cell::text(&ceiling.name),
            median,
            min,
            max,
            Cell::text(unit(ceiling.resource)),
            Cell::whole(ceiling.work),
            Cell::Seconds(ceiling.seconds.median),
            Cell::Bytes(ceiling.buffer_bytes),
        ])
    });
    let missing = ceilings.missing.iter().map(|missing| {
        let cells = [const { Cell::Missing }; 7];
        Row::new([Cell::text(&missing.name)].into_iter().chain(cells).collect::<Vec<_>>())
    });
    Table {
        columns: vec![
            Column::text("ceiling", "ceiling"),
            Column::number("median", "median"),
            Column::number("least", "least"),
            Column::number("most", "most"),
            Column::text("unit", "unit"),
            Column::number("work per run", "work").gives_way(3),
            Column::number("time", "seconds"),
            Column::number("buffers", "buffer_bytes").gives_way(2),
        ],
        rows: rows.chain(missing).collect(),
        ..Table::default()
    }
}

/// The unit that a resource's rates are said in.
pub(super) const fn unit(resource: Resource) -> &'static str {
    if resource.is_compute() { "GFLOP/s" } else { "GB/s" }
}

/// The columns that ceilings add to a table of kernels: what binds, and the share of the attainable.
pub(in crate::page) fn columns() -> [Column; 2] {
    [Column::text("bound by", "bound_by"), Column::number("of roof", "share_of_attainable")]
}

/// What stands in them.
pub(in crate::page) fn placed(placement: Option<Placement>) -> [Cell; 2] {
    match placement {
        None => [Cell::Missing, Cell::Missing],
        Some(Placement { share, bound, .. }) => [Cell::text(in_words(bound)), Cell::Part(share)],
    }
}

/// What limits a kernel.
pub(in crate::page) const fn in_words(bound: BoundBy) -> &'static str {
    match bound {
        BoundBy::Compute => "compute",
        BoundBy::Memory => "memory",
        BoundBy::Workgroup => "workgroup",
        BoundBy::None => "none",
    }
}
