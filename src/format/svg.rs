//! A figure as an SVG document of its own: the drawing that a page shows, with its key beside it. Its text
//! is set by the viewer, so that no font is looked for here.

use maud::{PreEscaped, html};

use super::drawing::{self, Drawing, INK, Room, colour, hex};
use crate::page::Plot;

/// The room for the key, and from one of its lines to the next.
const KEY: u32 = 380;
const LINE: u32 = 17;

/// The document of a figure that is called `title`.
pub fn render(title: &str, plot: &Plot) -> String {
    let Drawing { width: drawn, height, elements } = drawing::draw(&plot.figure, Room::Wide);
    let named = plot
        .series
        .iter()
        .enumerate()
        .filter(|(series, _)| plot.figure.shows(*series))
        .map(|(series, name)| (Some(series), name));
    let key: Vec<(Option<usize>, &String)> =
        named.chain(plot.key.iter().map(|line| (None, line))).collect();
    let width = drawn + KEY;
    let height = height.max((key.len() as u32 + 3) * LINE);
    let document = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height)
            viewBox={ "0 0 " (width) " " (height) } role="img" font-family="sans-serif"
            aria-labelledby="title" aria-describedby="description" {
            title id="title" { (title) }
            desc id="description" { (plot.description) }
            rect width=(width) height=(height) fill="#FFFFFF" {}
            (PreEscaped(elements))
            @for (y, (series, line)) in (1..).map(|line| (line + 1) * LINE).zip(key) {
                @if let Some(series) = series {
                    rect x=(drawn) y=(y - 9) width="10" height="10" fill=(colour(series)) {}
                }
                text x=(drawn + 16) y=(y) font-size="12" fill=(hex(INK)) { (line) }
            }
        }
    };
    let mut text = document.into_string();
    text.push('\n');
    text
}
