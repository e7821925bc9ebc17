//! Times, one a row: a bar as long as the median, and a line from the least to the most of the runs.

use plotters::{
    element::{PathElement, Rectangle},
    style::Color as _,
};

use super::canvas::{self, Drawing, INK, Room};
use crate::page::{TimeBar, number::seconds};

/// How far up and down the ends of a line reach, as a part of a row.
const END: f64 = 0.12;

pub(super) fn draw(times: &[TimeBar], room: Room) -> Drawing {
    let names: Vec<&str> = times.iter().map(|time| time.name.as_str()).collect();
    let most =
        |time: &TimeBar| time.spread.map_or(time.seconds, |(_, most)| most.max(time.seconds));
    let longest = times.iter().map(most).fold(f64::MIN_POSITIVE, f64::max);
    canvas::drawn(room, canvas::height(room, times.len()), |area| {
        let mut chart = canvas::rows(area, room, &names, 0.0..longest, &seconds)?;
        for (row, time) in times.iter().enumerate() {
            let (top, bottom) = room.bar(row);
            let colour = canvas::colour(time.series).filled();
            chart.draw_series([Rectangle::new([(0.0, top), (time.seconds, bottom)], colour)])?;
            let Some((least, most)) = time.spread else { continue };
            let middle = f64::midpoint(top, bottom);
            let end = |at| vec![(at, middle - END), (at, middle + END)];
            let lines = [vec![(least, middle), (most, middle)], end(least), end(most)];
            chart.draw_series(lines.map(|line| PathElement::new(line, INK.stroke_width(1))))?;
        }
        Ok(())
    })
}
