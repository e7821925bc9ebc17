//! What all drawings share: the elements of an SVG, rows with names, and colours that follow the page's. A drawing says
//! each colour as it is in the light; a style sheet made here says what it is in the dark.

use std::{error::Error, fmt::Write as _, ops::Range};

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{Shift, cartesian::Cartesian2d, types::RangedCoordf64},
    drawing::{DrawingArea, IntoDrawingArea as _},
    element::Text,
    prelude::SVGBackend,
    style::{
        Color as _, IntoFont as _, RGBColor, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

/// Drawing into a string, whose only errors are those of this program.
pub(super) type Drawn = Result<(), Box<dyn Error>>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a, X, Y> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>;

pub(in crate::format) const INK: RGBColor = RGBColor(0x1a, 0x1a, 0x19);
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xdc, 0xd8);

/// The colours of series in the light and in the dark; the last is of whatever has none of its own.
const SERIES: [(RGBColor, RGBColor); 8] = [
    (RGBColor(0x2a, 0x78, 0xd6), RGBColor(0x39, 0x87, 0xe5)),
    (RGBColor(0xeb, 0x68, 0x34), RGBColor(0xd9, 0x59, 0x26)),
    (RGBColor(0x1b, 0xaf, 0x7a), RGBColor(0x19, 0x9e, 0x70)),
    (RGBColor(0xed, 0xa1, 0x00), RGBColor(0xc9, 0x85, 0x00)),
    (RGBColor(0x4a, 0x3a, 0xa7), RGBColor(0x90, 0x85, 0xe9)),
    (RGBColor(0xe8, 0x7b, 0xa4), RGBColor(0xd5, 0x51, 0x81)),
    (RGBColor(0x00, 0x83, 0x00), RGBColor(0x3f, 0xa0, 0x3f)),
    (RGBColor(0x89, 0x87, 0x81), RGBColor(0x8f, 0x8d, 0x87)),
];

/// What stands below rows.
const AXIS: u32 = 34;

/// How much room a drawing has across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) enum Room {
    /// A window's: names stand before their rows.
    Wide,
    /// A telephone's: names stand above their rows.
    Narrow,
}

impl Room {
    /// The width of a drawing; the page scales it.
    pub(in crate::format) const fn width(self) -> u32 {
        match self {
            Self::Wide => 960,
            Self::Narrow => 340,
        }
    }

    /// What stands to the left of rows.
    const fn names(self) -> u32 {
        match self {
            Self::Wide => 264,
            Self::Narrow => 22,
        }
    }

    const fn row(self) -> u32 {
        match self {
            Self::Wide => 28,
            Self::Narrow => 44,
        }
    }

    /// The top and bottom of a bar in a row.
    pub(super) fn bar(self, row: usize) -> (f64, f64) {
        let (top, bottom) = match self {
            Self::Wide => (0.16, 0.84),
            Self::Narrow => (0.46, 0.9),
        };
        (row as f64 + top, row as f64 + bottom)
    }
}

/// A figure that was drawn: what stands within an SVG of its size.
pub(in crate::format) struct Drawing {
    /// Its width.
    pub(in crate::format) width: u32,
    /// Its height.
    pub(in crate::format) height: u32,
    /// Its elements.
    pub(in crate::format) elements: String,
}

/// The colour of a series in the light.
pub(super) fn colour(series: usize) -> RGBColor {
    SERIES[series.min(SERIES.len() - 1)].0
}

/// The colour of a series as the page's style sheet calls it.
pub(in crate::format) fn variable(series: usize) -> String {
    format!("var(--series-{})", series.min(SERIES.len() - 1))
}

/// A colour as a document states it.
pub(in crate::format) fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// The style sheet by which drawings follow the page.
pub(in crate::format) fn style() -> String {
    let mut sheet = String::new();
    let variables = |pick: fn(&(RGBColor, RGBColor)) -> RGBColor| {
        let series = SERIES.iter().enumerate();
        series.map(|(i, both)| format!("--series-{i}:{};", hex(pick(both)))).collect::<String>()
    };
    let (light, dark) = (variables(|both| both.0), variables(|both| both.1));
    let _ = write!(
        sheet,
        ":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    );
    let series = SERIES.iter().enumerate().map(|(i, (light, _))| (hex(*light), variable(i)));
    let ink = [(hex(INK), "currentColor".to_owned()), (hex(GRID), "var(--grid)".to_owned())];
    for (said, meant) in series.chain(ink) {
        let _ = write!(
            sheet,
            "svg [fill=\"{said}\"]{{fill:{meant}}}svg [stroke=\"{said}\"]{{stroke:{meant}}}"
        );
    }
    sheet
}

/// A drawing of this height.
pub(super) fn drawn(room: Room, height: u32, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawing {
    let mut svg = String::new();
    let width = room.width();
    let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
    let drawn = draw(&area).and_then(|()| Ok(area.present()?));
    drop(area);
    drawn.expect("a string takes any drawing");
    // The document that the drawing stands in opens and closes the element.
    let inside = svg.split_once('>').map_or("", |(_, inside)| inside);
    let elements = inside.trim_end().trim_end_matches("</svg>").to_owned();
    Drawing { width, height, elements }
}

/// How high a chart of so many rows is.
pub(super) const fn height(room: Room, rows: usize) -> u32 {
    rows as u32 * room.row() + AXIS
}

/// A chart with a row for each name, the first on top, over an axis that `label` labels.
pub(super) fn rows<'a>(
    area: &Area<'a>,
    room: Room,
    names: &[&str],
    across: Range<f64>,
    label: &dyn Fn(f64) -> String,
) -> Result<Chart<'a, RangedCoordf64, RangedCoordf64>, Box<dyn Error>> {
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(AXIS - 4)
        .y_label_area_size(room.names())
        .margin_right(36)
        .build_cartesian_2d(across, names.len() as f64..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_labels(match room {
            Room::Wide => 8,
            Room::Narrow => 3,
        })
        .x_label_formatter(&|x| label(*x))
        .label_style(text(12))
        .axis_style(INK.stroke_width(1))
        .bold_line_style(GRID.stroke_width(1))
        .light_line_style(GRID.mix(0.0))
        .draw()?;
    let (at, side, down) = match room {
        Room::Wide => (room.names() as i32 - 8, HPos::Right, 0.5),
        Room::Narrow => (room.names() as i32 + 4, HPos::Left, 0.26),
    };
    let style = text(13).pos(Pos::new(side, VPos::Center));
    for (row, name) in names.iter().enumerate() {
        let (_, y) = chart.backend_coord(&(0.0, row as f64 + down));
        area.draw(&Text::new(shortened(name), (at, y), style.clone()))?;
    }
    Ok(chart)
}

/// A name that fits in front of a row; the table behind the drawing has it whole.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 32;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// Text in the page's ink.
pub(super) fn text(size: u32) -> TextStyle<'static> {
    // The backend takes a size for the height of a line.
    TextStyle::from(("sans-serif", f64::from(size) * 1.24).into_font()).color(&INK)
}
