//! Figures as drawings: each kind of figure has a file here, and a figure is drawn in one way whichever
//! format it stands in. Knows neither pages nor documents.

mod bars;
mod canvas;
mod curves;
mod timeline;
mod waterfall;

pub(super) use canvas::{Drawing, INK, WIDTH, hex, style, variable};

use crate::page::Figure;

/// Draws a figure.
pub(super) fn draw(figure: &Figure) -> Drawing {
    match figure {
        Figure::Bars(bars) => bars::draw(bars),
        Figure::Waterfall(steps) => waterfall::draw(steps),
        Figure::Timeline(tracks) => timeline::draw(tracks),
        Figure::Curves { x, y, lines, points } => curves::draw([x, y], lines, points),
    }
}

/// The colour of a series in the light, as a document states it.
pub(super) fn colour(series: usize) -> String {
    hex(canvas::colour(series))
}
