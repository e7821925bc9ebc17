//! Quotients around 1, one a row: a bar from 1 to each, as far to the left for a half as to the right for twice as much.

use plotters::{element::Rectangle, style::Color as _};

use super::canvas::{self, Drawing, Room};
use crate::page::Ratio;

/// The series of what is more than it is held against, and of what is less.
const MORE: usize = 0;
const LESS: usize = 1;

pub(super) fn draw(ratios: &[Ratio], room: Room) -> Drawing {
    // The axis may be screens away.
    let names = ratios.iter().map(|ratio| format!("{:.3} {}", ratio.value, ratio.name));
    let names: Vec<String> = names.collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let twos: Vec<f64> = ratios.iter().map(|ratio| ratio.value.log2()).collect();
    // An axis has an extent where nothing is off.
    let (least, most) = twos
        .iter()
        .fold((-0.5, 0.5), |(least, most): (f64, f64), &twos| (least.min(twos), most.max(twos)));
    canvas::drawn(room, canvas::height(room, ratios.len()), |area| {
        let label = |twos: f64| format!("{:.2}", twos.exp2());
        let mut chart = canvas::rows(area, room, &names, least..most, &label)?;
        for (row, &twos) in twos.iter().enumerate() {
            let (top, bottom) = room.bar(row);
            let series = if twos < 0.0 { LESS } else { MORE };
            let corners = [(twos.min(0.0), top), (twos.max(0.0), bottom)];
            chart.draw_series([Rectangle::new(corners, canvas::colour(series).filled())])?;
        }
        Ok(())
    })
}
