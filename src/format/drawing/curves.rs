//! Lines and points over two logarithmic axes: a roofline with its kernels, or how a cost grows.

use std::ops::Range;

use plotters::{
    chart::ChartBuilder,
    coord::combinators::IntoLogRange as _,
    element::{Circle, PathElement, Text},
    series::LineSeries,
    style::{
        Color as _,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    canvas::{self, Drawing, GRID, INK, Room},
    names::{self, NamePlace, Nameable},
};
use crate::page::{Curve, Mark};

/// The radius of a point.
const DOT: i32 = 4;

pub(super) fn draw([x, y]: [&str; 2], lines: &[Curve], points: &[Mark], room: Room) -> Drawing {
    // The last is how far the bar of a bound reaches to either side.
    let (height, margin, below, beside, ticks, reach) = match room {
        Room::Wide => (520, 14, 44, 84, 10, 20),
        Room::Narrow => (420, 14, 40, 58, 3, 12),
    };
    let line_ends = lines.iter().flat_map(|line| line.points.iter().copied());
    let bounds = points.iter().filter_map(|point| Some((point.x, point.bound.as_ref()?.y)));
    let points_at = points.iter().map(|point| (point.x, point.y)).chain(bounds);
    let all = || line_ends.clone().chain(points_at.clone());
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
        let at = |x, y| chart.backend_coord(&(x, y));
        let bounds = points.iter().filter_map(|point| Some((point, point.bound.as_ref()?)));
        for (point, bound) in bounds.clone() {
            let (bar, colour) = (at(point.x, bound.y), canvas::colour(bound.series));
            let ends = vec![(bar.0 - reach, bar.1), (bar.0 + reach, bar.1)];
            area.draw(&PathElement::new(vec![at(point.x, point.y), bar], colour.stroke_width(1)))?;
            area.draw(&PathElement::new(ends, colour.stroke_width(3)))?;
        }
        for point in points {
            let colour = canvas::colour(point.series).filled();
            area.draw(&Circle::new(at(point.x, point.y), DOT, colour))?;
        }
        let dots = points.iter().map(|point| Nameable {
            at: at(point.x, point.y),
            reach: (DOT + 1, DOT + 1),
            name: &point.label,
        });
        let bars = bounds.map(|(point, bound)| Nameable {
            at: at(point.x, bound.y),
            reach: (reach, 2),
            name: &bound.label,
        });
        let named: Vec<Nameable<'_>> = dots.chain(bars).collect();
        let (across, up) = chart.plotting_area().get_pixel_range();
        let style = canvas::text(11).pos(Pos::new(HPos::Left, VPos::Center));
        for (drawn, place) in named.iter().zip(names::placed(&named, &across, &up)) {
            // What has no place here has its name in the table behind the figure.
            let Some(NamePlace { left, middle, line_to }) = place else { continue };
            if let Some(end) = line_to {
                area.draw(&PathElement::new([drawn.at, end], GRID.stroke_width(1)))?;
            }
            area.draw(&Text::new(drawn.name.to_owned(), (left, middle), style.clone()))?;
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
