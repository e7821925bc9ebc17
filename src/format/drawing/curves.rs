//! Lines and points over two logarithmic axes: a roofline with its kernels, or how a cost grows.

use std::ops::Range;

use plotters::{
    chart::ChartBuilder,
    coord::combinators::IntoLogRange as _,
    element::{Circle, EmptyElement, PathElement, Text},
    series::LineSeries,
    style::{
        Color as _,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    canvas::{self, Drawing, GRID, INK, Room},
    names,
};
use crate::page::{Curve, Mark};

pub(super) fn draw([x, y]: [&str; 2], lines: &[Curve], points: &[Mark], room: Room) -> Drawing {
    let (height, margin, below, beside, ticks) = match room {
        Room::Wide => (520, 14, 44, 84, 10),
        Room::Narrow => (420, 14, 40, 58, 3),
    };
    let line_ends = lines.iter().flat_map(|line| line.points.iter().copied());
    let all = || line_ends.clone().chain(points.iter().map(|point| (point.x, point.y)));
    let across = decades(all().map(|(x, _)| x));
    let up = decades(all().map(|(_, y)| y));
    canvas::drawn(room, height, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(margin)
            .x_label_area_size(below)
            .y_label_area_size(beside)
            .build_cartesian_2d(across.log_scale(), up.log_scale())?;
        chart
            .configure_mesh()
            .x_desc(x)
            .y_desc(y)
            .x_labels(ticks)
            .y_labels(ticks)
            .x_label_formatter(&power)
            .y_label_formatter(&power)
            .label_style(canvas::text(12))
            .axis_desc_style(canvas::text(13))
            .axis_style(INK.stroke_width(1))
            .bold_line_style(GRID.stroke_width(1))
            .light_line_style(GRID.mix(0.0))
            .draw()?;
        for line in lines {
            let style = canvas::colour(line.series).stroke_width(2);
            chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        }
        for point in points {
            let dot = Circle::new((0, 0), 4, canvas::colour(point.series).filled());
            chart.draw_series([EmptyElement::at((point.x, point.y)) + dot])?;
        }
        let at: Vec<(i32, i32)> =
            points.iter().map(|point| chart.backend_coord(&(point.x, point.y))).collect();
        let named = at.iter().copied().zip(points.iter().map(|point| point.label.as_str()));
        let (across, up) = chart.plotting_area().get_pixel_range();
        let places = names::placed(&named.collect::<Vec<_>>(), &across, &up);
        let style = canvas::text(11).pos(Pos::new(HPos::Left, VPos::Center));
        for ((point, (x, y)), place) in points.iter().zip(at).zip(places) {
            // What has no place here has its name in the table behind the figure.
            let Some((left, middle)) = place else { continue };
            let name = Text::new(point.label.clone(), (left, middle), style.clone());
            if middle != y {
                // From the nearer end of the name, which is longer than the gap.
                let end = if left > x { left - 2 } else { x - (x - left).min(2 * names::GAP) };
                area.draw(&PathElement::new([(x, y), (end, middle)], GRID.stroke_width(1)))?;
            }
            area.draw(&name)?;
        }
        Ok(())
    })
}

/// Whole decades around positive values.
fn decades(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = values
        .filter(|value| *value > 0.0)
        .fold((f64::MAX, f64::MIN_POSITIVE), |(l, m), v| (l.min(v), m.max(v)));
    if least > most {
        return 1.0..10.0;
    }
    10_f64.powf((least / 1.2).log10().floor())..10_f64.powf((most * 1.2).log10().ceil())
}

/// A power of ten as it is said, and as a power where that would be long.
fn power(value: &f64) -> String {
    if (0.001..10_000.0).contains(value) { format!("{value}") } else { format!("{value:.0e}") }
}
