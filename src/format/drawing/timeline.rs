//! Slices of time, a row a track.

use plotters::{element::Rectangle, style::Color as _};

use super::canvas::{self, Drawing, Room};
use crate::page::{Track, number::seconds};

/// The narrowest slice, as a part of the whole: about a pixel, so that none is lost.
const NARROWEST: f64 = 1.0 / 700.0;

pub(super) fn draw(tracks: &[Track], room: Room) -> Drawing {
    let names: Vec<&str> = tracks.iter().map(|track| track.name.as_str()).collect();
    let slices = tracks.iter().flat_map(|track| &track.slices);
    let end = slices.map(|slice| slice.start + slice.seconds).fold(0.0, f64::max);
    let end = if end > 0.0 { end } else { 1.0 };
    canvas::drawn(room, canvas::height(room, tracks.len()), |area| {
        let mut chart = canvas::rows(area, room, &names, 0.0..end, &seconds)?;
        for (row, track) in tracks.iter().enumerate() {
            let (top, bottom) = room.bar(row);
            for slice in &track.slices {
                let right = slice.start + slice.seconds.max(end * NARROWEST);
                let corners = [(slice.start, top), (right.min(end), bottom)];
                let colour = canvas::colour(slice.series).filled();
                chart.draw_series([Rectangle::new(corners, colour)])?;
            }
        }
        Ok(())
    })
}
