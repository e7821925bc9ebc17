//! Bars made of parts, one a row.

use plotters::{element::Rectangle, style::Color as _};

use super::canvas::{self, Drawing, Room};
use crate::page::{
    Bar, Unit,
    number::{bytes, scaled_flops},
};

pub(super) fn draw(unit: Unit, bars: &[Bar], room: Room) -> Drawing {
    let names: Vec<&str> = bars.iter().map(|bar| bar.name.as_str()).collect();
    let sum = |bar: &Bar| bar.parts.iter().map(|(_, flops)| *flops as f64).sum::<f64>();
    let label = |count: f64| match unit {
        Unit::Count => scaled_flops(count),
        Unit::Bytes => bytes(count as u64),
    };
    let longest = bars.iter().map(sum).fold(1.0, f64::max);
    canvas::drawn(room, canvas::height(room, bars.len()), |area| {
        let mut chart = canvas::rows(area, room, &names, 0.0..longest, &label)?;
        for (row, bar) in bars.iter().enumerate() {
            let (top, bottom) = room.bar(row);
            let mut left = 0.0;
            for &(series, flops) in &bar.parts {
                let right = left + flops as f64;
                let part =
                    Rectangle::new([(left, top), (right, bottom)], canvas::colour(series).filled());
                chart.draw_series([part])?;
                left = right;
            }
        }
        Ok(())
    })
}
