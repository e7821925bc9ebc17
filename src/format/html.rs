//! A report as one file for a browser: a page's facts, tables and plots, with everything it needs in it and
//! nothing fetched. Readable in light and dark, on paper, by a screen reader, and without its script, which
//! only sorts tables. Names are escaped by the template.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Format,
    drawing::{self, Drawing, Room, style, variable},
};
use crate::page::{Column, Content, Fact, Narrow, Page, Plot, Row, Section, Shown, Table, Tone};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/sort.js");

pub(super) const FORMAT: Format = Format {
    name: "html",
    about: "Write the report as one file for a browser, with plots",
    render: |result, origin, every_layer| render(&result.page(every_layer).signed(origin)),
};

/// Nothing is fetched, even if a name in the report is an address.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// A whole page.
pub fn render(page: &Page) -> String {
    // The beginning has the answer in full.
    let shown = |its: &&Section| !is_empty(its) && its.shown != Shown::Again;
    let mut sections: Vec<&Section> = page.sections.iter().filter(shown).collect();
    // Who opens a file looks for the verdict and the drawings before the tables; a terminal ends with it.
    sections.sort_by_key(|section| match section.content {
        Content::Facts(_) => 0,
        Content::Plot(_) => 1,
        Content::Table(_) => 2,
    });
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "flopmeter " (env!("CARGO_PKG_VERSION")) };
                title { (page.title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style())) }
            }
            body {
                main {
                    h1 { (page.title) }
                    @for (number, part) in sections.into_iter().enumerate() {
                        (section(number, part))
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let mut text = body.into_string();
    text.push('\n');
    text
}

/// Whether a section has nothing to show.
fn is_empty(section: &Section) -> bool {
    match &section.content {
        Content::Facts(facts) => facts.is_empty(),
        Content::Plot(_) => false,
        Content::Table(table) => table.rows.is_empty(),
    }
}

fn section(number: usize, section: &Section) -> Markup {
    let id = format!("section-{number}");
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (section.title) }
            @match &section.content {
                Content::Facts(facts) => { (list(facts)) }
                Content::Table(content) => { (table(section.title, content)) }
                Content::Plot(content) => { (figure(number, section.title, content)) }
            }
        }
    }
}

/// So many details of a fact are seen at once; more are folded.
const SHOWN: usize = 12;

fn list(facts: &[Fact]) -> Markup {
    html! {
        dl {
            @for fact in facts {
                dt { (fact.name) }
                dd class=[class(fact.tone)] {
                    (fact.whole())
                    @if fact.details.len() > SHOWN {
                        details { summary { (fact.details.len()) " in all" } (details(&fact.details)) }
                    } @else if !fact.details.is_empty() {
                        (details(&fact.details))
                    }
                }
            }
        }
    }
}

fn details(details: &[String]) -> Markup {
    html! { ul { @for detail in details { li { (detail) } } } }
}

/// A table whose body the script sorts; sums stay at its foot. Each number stands there twice: as people
/// read it, and whole, as programs do.
fn table(caption: &str, table: &Table) -> Markup {
    let (columns, rows) = table.flat();
    let (sums, parts): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.sum);
    let cells = |row: &Row| {
        html! {
            tr class=[class(row.tone)] {
                @for (cell, column) in row.cells.iter().zip(&columns) {
                    @if column.numeric {
                        // A telephone has no room for headings over a source.
                        td.number data-value=(cell.raw()) data-name=[table.code.then_some(&column.name)] {
                            (cell.formatted())
                        }
                    } @else {
                        td class=[is_code(column).then_some("code")] { (cell.formatted()) }
                    }
                }
            }
        }
    };
    html! {
        // What scrolls can be reached without a mouse.
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table class=[table.code.then_some("listing")] {
                caption { (caption) }
                thead {
                    tr {
                        @for column in &columns {
                            th scope="col" data-key=(column.key) class=[column.numeric.then_some("number")] {
                                (column.name)
                            }
                        }
                    }
                }
                tbody { @for row in parts { (cells(row)) } }
                @if !sums.is_empty() { tfoot { @for row in sums { (cells(row)) } } }
            }
        }
    }
}

/// Whether a column's cells are lines of a source.
fn is_code(column: &Column) -> bool {
    column.key == "source" && column.narrow == Narrow::IsCut
}

/// A plot as a picture, with a description for screen readers and its numbers as a table.
fn figure(number: usize, title: &str, plot: &Plot) -> Markup {
    let drawn = |room| drawing::draw(&plot.figure, room);
    let [named, described] = ["title", "description"].map(|part| format!("plot-{number}-{part}"));
    html! {
        figure {
            // Of the two, a window shows the one that fits it; either is called by the same words.
            @for (class, room) in [("wide", Room::Wide), ("narrow", Room::Narrow)] {
                @let Drawing { width, height, elements } = drawn(room);
                svg class=(class) xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) }
                    role="img" aria-labelledby=(named) aria-describedby=(described) {
                    @if room == Room::Wide {
                        title id=(named) { (title) }
                        desc id=(described) { (plot.description) }
                    }
                    (PreEscaped(elements))
                }
            }
            ul.legend {
                @for (i, name) in plot.series.iter().enumerate().filter(|(i, _)| plot.figure.shows(*i)) {
                    li { span.swatch style={ "background:" (variable(i)) } {} (name) }
                }
            }
            figcaption { (plot.description) }
            details { summary { "The numbers" } (table(title, &plot.data)) }
        }
    }
}

const fn class(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some("good"),
        Tone::Doubtful => Some("doubtful"),
        Tone::Bad => Some("bad"),
        Tone::Hot => Some("hot"),
    }
}
