//! Figures as drawings: each kind of figure has a file here, and a figure is drawn in one way whichever
//! format it stands in, for a window or for a telephone. Knows neither pages nor documents.

mod bars;
mod canvas;
mod curves;
mod names;
mod ratios;
mod timeline;
mod times;
mod waterfall;

pub(super) use canvas::{Drawing, INK, Room, hex, style, variable};

use crate::page::Figure;

/// Draws a figure for so much room.
pub(super) fn draw(figure: &Figure, room: Room) -> Drawing {
    match figure {
        Figure::Bars { unit, bars } => bars::draw(*unit, bars, room),
        Figure::Times(times) => times::draw(times, room),
        Figure::Waterfall(steps) => waterfall::draw(steps, room),
        Figure::Ratios(ratios) => ratios::draw(ratios, room),
        Figure::Timeline(tracks) => timeline::draw(tracks, room),
        Figure::Curves { x, y, lines, points } => curves::draw([x, y], lines, points, room),
    }
}

/// The colour of a series in the light, as a document states it.
pub(super) fn colour(series: usize) -> String {
    hex(canvas::colour(series))
}
