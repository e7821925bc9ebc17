//! The roofline as a figure: ceilings as lines, kernels as points with their names, both axes logarithmic.

use super::cells::{columns, placed, table, unit};
use crate::{
    page::{Cell, Column, Curve, Figure, Mark, Plot, Row, Table, number::share_of},
    result::PlacedKernel,
    roofline::{BoundBy, Ceilings, Resource},
};

/// What is drawn beside the roofs of arithmetic: the slope that memory makes, and kernels by what binds them.
const KINDS: [&str; 5] = [
    "storage traffic",
    "kernel bound by memory",
    "kernel bound by compute",
    "kernel bound by workgroup memory",
    "kernel far below every roof",
];

/// Ceilings with kernels under them, each a row of the table behind the figure. `None` where a ceiling of
/// arithmetic or of storage traffic is missing, so that there is no roof.
pub fn roofline(ceilings: &Ceilings, kernels: &[PlacedKernel]) -> Option<Plot> {
    let bandwidth = ceilings.best(Resource::Storage)?;
    let peaks = [Resource::F16, Resource::F32, Resource::F64];
    let peaks = peaks.into_iter().filter_map(|of| Some((of, ceilings.best(of)?)));
    let peaks: Vec<(Resource, f64)> = peaks.collect();
    let peak = peaks.iter().map(|(_, peak)| *peak).reduce(f64::max)?;
    let ridge = peak / bandwidth;
    let intensities = kernels.iter().map(|kernel| kernel.intensity);
    let (least, most) =
        intensities.fold((ridge, ridge), |(least, most), x| (least.min(x), most.max(x)));
    let (least, most) = (least / 4.0, most * 4.0);
    let slope = Curve { series: 0, points: vec![(least, least * bandwidth), (ridge, peak)] };
    let roofs = (KINDS.len()..).zip(&peaks).map(|(series, &(_, peak))| Curve {
        series,
        points: vec![(peak / bandwidth, peak), (most, peak)],
    });
    let points = kernels.iter().map(|kernel| Mark {
        series: match kernel.placement.bound {
            BoundBy::Memory => 1,
            BoundBy::Compute => 2,
            BoundBy::Workgroup => 3,
            BoundBy::None => 4,
        },
        label: kernel.name.clone(),
        x: kernel.intensity,
        y: kernel.flops_per_second,
    });
    let rows = kernels.iter().map(|kernel| {
        let at = [
            Cell::text(&kernel.name),
            Cell::rate(kernel.intensity, 2),
            Cell::rate(kernel.flops_per_second * 1e-9, 2),
        ];
        Row::new(at.into_iter().chain(placed(Some(kernel.placement))).collect::<Vec<_>>())
    });
    let named = [
        Column::text("kernel", "kernel"),
        Column::number("FLOP/B", "flops_per_byte"),
        Column::number("GFLOP/s", "gflops_per_second"),
    ];
    let data = if kernels.is_empty() {
        table(ceilings)
    } else {
        Table {
            columns: named.into_iter().chain(columns()).collect(),
            rows: rows.collect(),
            ..Table::default()
        }
    };
    let stand = match kernels.len() {
        0 => String::new(),
        1 => " 1 kernel stands".to_owned(),
        many => format!(" {many} kernels stand"),
    };
    let beneath = match stand.is_empty() {
        true => stand,
        false => format!(
            "{stand} under it by what is done for each byte and how fast; what caches serve may stand above."
        ),
    };
    let description = format!(
        "What this adapter allows, measured: {:.1} GB/s of storage traffic up to {ridge:.1} FLOP a byte, and \
         {:.1} GFLOP/s beyond.{beneath}",
        bandwidth * 1e-9,
        peak * 1e-9
    );
    let ceiled = ceilings.ceilings.iter().map(|ceiling| {
        format!("{}: {:.1} {}", ceiling.name, ceiling.rate.max * 1e-9, unit(ceiling.resource))
    });
    let shares = kernels.iter().map(|kernel| {
        format!("{}: {} of the attainable", kernel.name, share_of(kernel.placement.share))
    });
    let key = ceiled.chain(shares).collect();
    let roofed = peaks.iter().map(|(of, _)| format!("{} arithmetic", of.name()));
    let figure = Figure::Curves {
        x: "FLOP for each byte of storage traffic".to_owned(),
        y: "FLOP/s".to_owned(),
        lines: std::iter::once(slope).chain(roofs).collect(),
        points: points.collect(),
    };
    let series = KINDS.map(str::to_owned).into_iter().chain(roofed).collect();
    Some(Plot { description, series, key, figure, data })
}
