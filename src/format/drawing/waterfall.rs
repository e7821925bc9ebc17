//! From one figure to another, step by step: each bar begins where the one before ended, and the last is
//! their sum.

use plotters::{element::Rectangle, style::Color as _};

use super::canvas::{self, Drawing, Room};
use crate::page::{Rise, number::scaled_flops};

/// The series of steps up, of steps down, and of the sum.
const UP: usize = 0;
const DOWN: usize = 1;
const SUM: usize = 2;

pub(super) fn draw(steps: &[Rise], room: Room) -> Drawing {
    let mut at = 0_i128;
    let mut bars: Vec<(&str, usize, f64, f64)> = Vec::new();
    for Rise { name, difference } in steps {
        let series = if *difference > 0 { UP } else { DOWN };
        bars.push((name, series, at as f64, (at + difference) as f64));
        at += difference;
    }
    bars.push(("altogether", SUM, 0.0, at as f64));
    let ends = || bars.iter().flat_map(|&(_, _, from, to)| [from, to]);
    let (least, most) = (ends().fold(0.0, f64::min), ends().fold(0.0, f64::max));
    let most = if least == most { 1.0 } else { most };
    let names: Vec<&str> = bars.iter().map(|(name, ..)| *name).collect();
    canvas::drawn(room, canvas::height(room, bars.len()), |area| {
        let mut chart = canvas::rows(area, room, &names, least..most, &scaled_flops)?;
        for (row, &(_, series, from, to)) in bars.iter().enumerate() {
            let (top, bottom) = room.bar(row);
            let corners = [(from.min(to), top), (from.max(to), bottom)];
            chart.draw_series([Rectangle::new(corners, canvas::colour(series).filled())])?;
        }
        Ok(())
    })
}
