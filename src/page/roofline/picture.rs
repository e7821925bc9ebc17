//! The roofline as a figure: ceilings as lines, kernels as points with their names, both axes logarithmic. What
//! workgroup memory allows a kernel depends on more than the axis across, so that each kernel has a bar of its own.

use super::cells::{columns, placed, table, unit};
use crate::{
    page::{
        Cell, Column, Curve, Figure, Mark, OwnRoof, Plot, Row, Table,
        number::{bytes, grouped, rate, several, share_of},
    },
    result::PlacedKernel,
    roofline::{BoundBy, Ceilings, Resource},
};

/// What is drawn beside the roofs of arithmetic. A kernel that memory binds has the colour of that memory's roof.
const STORAGE: usize = 0;
const WORKGROUP: usize = 1;
const COMPUTE: usize = 2;
const FAR_BELOW: usize = 3;
const ARITHMETIC: usize = 4;

/// How many times all arithmetic a bar may be: what is further up binds nothing, and would press the picture flat.
const FARTHEST: f64 = 10.0;
/// Where more kernels than these are drawn, bars have no names: a line from each kernel to its bar says whose it is.
const NAMED: usize = 8;

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
    let slope = Curve { series: STORAGE, points: vec![(least, least * bandwidth), (ridge, peak)] };
    let roofs = (ARITHMETIC..).zip(&peaks).map(|(series, &(_, peak))| Curve {
        series,
        points: vec![(peak / bandwidth, peak), (most, peak)],
    });
    let bar = |kernel: &PlacedKernel| {
        let y = own_roof(ceilings, kernel).filter(|roof| *roof <= FARTHEST * peak)?;
        let label = match kernels.len() {
            ..=NAMED => format!("{} (workgroup)", kernel.name),
            _ => String::new(),
        };
        Some(OwnRoof { series: WORKGROUP, label, y })
    };
    let points = kernels.iter().map(|kernel| Mark {
        series: match kernel.placement.bound {
            BoundBy::Memory => STORAGE,
            BoundBy::Workgroup => WORKGROUP,
            BoundBy::Compute => COMPUTE,
            BoundBy::None => FAR_BELOW,
        },
        label: kernel.name.clone(),
        x: kernel.intensity,
        y: kernel.flops_per_second,
        bound: bar(kernel),
    });
    let points: Vec<Mark> = points.collect();
    let ceiled = ceilings.ceilings.iter().map(|ceiling| {
        format!("{}: {:.1} {}", ceiling.name, ceiling.rate.max * 1e-9, unit(ceiling.resource))
    });
    let shares = kernels.iter().flat_map(|kernel| {
        let share = share_of(kernel.placement.share);
        let its = own_roof(ceilings, kernel);
        let its = its.map(|roof| format!("workgroup memory allows it {}", rate(roof)));
        [format!("{}: {share} of the attainable", kernel.name)].into_iter().chain(its)
    });
    let key = ceiled.chain(shares).collect();
    let description = format!(
        "What this adapter allows, measured: {:.1} GB/s of storage traffic up to {ridge:.1} FLOP a byte, and \
         {:.1} GFLOP/s beyond.{}{}",
        bandwidth * 1e-9,
        peak * 1e-9,
        beneath(kernels),
        beside(ceilings, kernels, &points)
    );
    let data = if kernels.is_empty() { table(ceilings) } else { under(ceilings, kernels) };
    let series = names(&points).into_iter();
    let roofed = peaks.iter().map(|(of, _)| format!("{} arithmetic", of.name()));
    let series = series.chain(roofed).collect();
    let figure = Figure::Curves {
        x: "FLOP for each byte of storage traffic".to_owned(),
        y: "FLOP/s".to_owned(),
        lines: std::iter::once(slope).chain(roofs).collect(),
        points,
    };
    Some(Plot { description, series, key, figure, data })
}

/// What the traffic of workgroup memory allows a kernel, in FLOP/s; `None` where it has none, or no ceiling is known.
fn own_roof(ceilings: &Ceilings, kernel: &PlacedKernel) -> Option<f64> {
    Some(ceilings.best(Resource::Workgroup)? * kernel.workgroup_intensity?)
}

/// What the colours stand for, but for arithmetic's.
fn names(points: &[Mark]) -> [String; ARITHMETIC] {
    let roof = |series, of: &str| {
        let binds = points.iter().any(|point| point.series == series);
        format!("{of}{}", if binds { ", and kernels bound by it" } else { "" })
    };
    [
        roof(STORAGE, "storage traffic"),
        roof(WORKGROUP, "what workgroup memory allows a kernel"),
        "kernel bound by compute".to_owned(),
        "kernel far below every roof".to_owned(),
    ]
}

/// That kernels stand under the roof, in words.
fn beneath(kernels: &[PlacedKernel]) -> String {
    let stand = match kernels.len() {
        0 => return String::new(),
        many => several(many as u64, "kernel stands", "kernels stand"),
    };
    format!(
        " {stand} under it by what is done for each byte and how fast; what caches serve may stand above."
    )
}

/// What the bars beside kernels are, in words.
fn beside(ceilings: &Ceilings, kernels: &[PlacedKernel], points: &[Mark]) -> String {
    let using = kernels.iter().filter_map(|kernel| Some((kernel, own_roof(ceilings, kernel)?)));
    let using: Vec<(&PlacedKernel, f64)> = using.collect();
    let best = ceilings.best(Resource::Workgroup).unwrap_or_default();
    let fast = format!(" Workgroup memory, at {}/s, allows", bytes(best as u64));
    let drawn = points.iter().filter(|point| point.bound.is_some()).count();
    let shown = match drawn {
        0 => "which is too far up to be drawn",
        _ => "a short bar at the kernel's place",
    };
    match &using[..] {
        [] => String::new(),
        [(kernel, roof)] => format!("{fast} {} {}: {shown}.", kernel.name, rate(*roof)),
        several => {
            let far = several.len() - drawn;
            let far = match far {
                0 => String::new(),
                _ => format!("; {} are too far up to be drawn", grouped(far as u64)),
            };
            let several = grouped(several.len() as u64);
            format!("{fast} {several} of them what short bars at their places show{far}.")
        }
    }
}

/// Each kernel, where it stands.
fn under(ceilings: &Ceilings, kernels: &[PlacedKernel]) -> Table {
    let shares = kernels.iter().any(|kernel| own_roof(ceilings, kernel).is_some());
    let rows = kernels.iter().map(|kernel| {
        let at = [
            Cell::text(&kernel.name),
            Cell::rate(kernel.intensity, 2),
            Cell::rate(kernel.flops_per_second * 1e-9, 2),
        ];
        let its = own_roof(ceilings, kernel);
        let its = its.map_or(Cell::Missing, |roof| Cell::rate(roof * 1e-9, 2));
        let cells = at.into_iter().chain(placed(Some(kernel.placement)));
        Row::new(cells.chain(shares.then_some(its)).collect::<Vec<_>>())
    });
    let named = [
        Column::text("kernel", "kernel"),
        Column::number("FLOP/B", "flops_per_byte"),
        Column::number("GFLOP/s", "gflops_per_second"),
    ];
    let own = Column::number("GFLOP/s by workgroup memory", "workgroup_gflops_per_second");
    Table {
        columns: named.into_iter().chain(columns()).chain(shares.then_some(own)).collect(),
        rows: rows.collect(),
        ..Table::default()
    }
}
