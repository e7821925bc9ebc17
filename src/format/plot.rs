//! The roofline as a drawing: ceilings as lines, kernels as numbered points with a legend beside them, both
//! axes logarithmic. An SVG whose text the viewer sets, so that no font is looked for here.

use plotters::{
    coord::Shift,
    prelude::{
        ChartBuilder, Circle, DrawingArea, EmptyElement, IntoDrawingArea as _, IntoLogRange as _,
        LineSeries, SVGBackend, Text,
    },
    style::{
        BLACK, Color as _, IntoFont as _, RGBColor, TextStyle, WHITE,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::roofline::{Bound, Ceilings, Resource};
use crate::{page::number::share_of, result::PlacedKernel};

type Drawn<T> = Result<T, Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Pixels of the plot, and beside it of the legend.
const PLOT: (u32, u32) = (860, 600);
const LEGEND: u32 = 380;
/// Pixels from one line of the legend to the next.
const LINE: i32 = 17;
const COMPUTE: RGBColor = RGBColor(0xb0, 0x30, 0x30);
const MEMORY: RGBColor = RGBColor(0x20, 0x60, 0xa0);

/// The ceilings, and `points` under them, as an SVG document.
///
/// # Errors
/// Where there is no ceiling to draw, or the drawing itself fails, in words.
pub fn roofline(ceilings: &Ceilings, points: &[PlacedKernel]) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, ceilings, points).map_err(|problem| format!("the plot: {problem}"))?;
    Ok(svg)
}

fn draw(svg: &mut String, ceilings: &Ceilings, points: &[PlacedKernel]) -> Drawn<()> {
    // As tall as its legend at least.
    let lines = ceilings.ceilings.len() + points.len() + 6;
    let height = PLOT.1.max(lines as u32 * LINE as u32 + 40);
    let root = SVGBackend::with_string(svg, (PLOT.0 + LEGEND, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (plot, legend) = root.split_horizontally(PLOT.0);
    let bandwidth = ceilings.best(Resource::Storage).ok_or("no bandwidth")?;
    let peaks = [Resource::F16, Resource::F32, Resource::F64]
        .into_iter()
        .filter_map(|resource| Some((resource, ceilings.best(resource)?)));
    let peaks: Vec<(Resource, f64)> = peaks.collect();
    let peak = peaks.iter().map(|(_, peak)| *peak).reduce(f64::max).ok_or("no peak")?;

    // A decade around everything, and around where the roof bends.
    let ridge = peak / bandwidth;
    let intensities = points.iter().map(|point| point.intensity).chain([ridge]);
    let (least, most) = range(intensities);
    let rates = points.iter().map(|point| point.flops_per_second).chain([peak]);
    let (slowest, fastest) = range(rates.chain([least * bandwidth]));
    let mut chart = ChartBuilder::on(&plot)
        .caption(format!("Roofline of {}", ceilings.adapter.name), ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(76)
        .build_cartesian_2d((least..most).log_scale(), (slowest..fastest).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("FLOP for each byte of storage traffic")
        .y_desc("FLOP/s")
        .label_style(("sans-serif", 12))
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .light_line_style(BLACK.mix(0.04))
        .draw()?;

    let number = TextStyle::from(("sans-serif", 11).into_font()).color(&BLACK);
    let slope = [(least, least * bandwidth), (ridge, peak)];
    chart.draw_series(LineSeries::new(slope, MEMORY.stroke_width(2)))?;
    for (resource, peak) in &peaks {
        let roof = [(peak / bandwidth, *peak), (most, *peak)];
        chart.draw_series(LineSeries::new(roof, COMPUTE.stroke_width(2)))?;
        let name = number.pos(Pos::new(HPos::Right, VPos::Bottom));
        chart.draw_series([Text::new(resource.name(), (most, *peak), name)])?;
    }
    for (i, point) in (1..).zip(points) {
        let at = (point.intensity, point.flops_per_second);
        let colour = colour(point.placement.bound);
        chart.draw_series([Circle::new(at, 4, colour.filled())])?;
        let beside = Text::new(i.to_string(), (5, -9), number.clone());
        chart.draw_series([EmptyElement::at(at) + beside])?;
    }
    drop(chart);
    write_legend(&legend, ceilings, points)?;
    root.present()?;
    Ok(())
}

fn write_legend(area: &Area<'_>, ceilings: &Ceilings, points: &[PlacedKernel]) -> Drawn<()> {
    let mut y = 30;
    let mut write = |text: &str, colour: &RGBColor| -> Drawn<()> {
        let style = TextStyle::from(("sans-serif", 12).into_font()).color(colour);
        area.draw(&Text::new(text.to_owned(), (4, y), style))?;
        y += LINE;
        Ok(())
    };
    let black = RGBColor(0, 0, 0);
    write("ceilings, median", &black)?;
    for ceiling in &ceilings.ceilings {
        let (unit, colour) = match ceiling.resource.is_compute() {
            true => ("GFLOP/s", COMPUTE),
            false => ("GB/s", MEMORY),
        };
        write(&format!("{}: {:.1} {unit}", ceiling.name, ceiling.rate.median * 1e-9), &colour)?;
    }
    if !points.is_empty() {
        write("", &black)?;
        write("kernels, share of the attainable", &black)?;
    }
    for (i, PlacedKernel { name, placement, .. }) in (1..).zip(points) {
        write(&format!("{i}  {name}: {}", share_of(placement.share)), &colour(placement.bound))?;
    }
    if !points.is_empty() {
        write("", &black)?;
        write("red: bound by compute; blue: by memory", &black)?;
    }
    Ok(())
}

const fn colour(bound: Bound) -> RGBColor {
    match bound {
        Bound::Compute => COMPUTE,
        Bound::Memory => MEMORY,
    }
}

/// From below the least to above the greatest value, in whole decades.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) =
        values.fold((f64::MAX, f64::MIN_POSITIVE), |(l, m), v| (l.min(v), m.max(v)));
    (10_f64.powf((least / 2.0).log10().floor()), 10_f64.powf((most * 2.0).log10().ceil()))
}
