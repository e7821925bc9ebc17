//! What every command does with its report: each format that was asked for to its place, and a table
//! for whoever reads the terminal.

use std::path::Path;

use anyhow::bail;
use serde::Serialize;

use flopmeter::{
    format::{csv, html, json, markdown, table},
    page::Paged,
};

use super::{
    args::{Common, Exports},
    output::{self, Sink},
};

/// Where the results of a command go, each to a place of its own.
#[derive(Debug, Default)]
pub struct Places(Vec<(&'static str, Sink)>);

impl Places {
    /// Finds out where an option's result goes, before a long run: whether it can be written at the end,
    /// and that no other result goes there too.
    pub fn claim(
        &mut self,
        option: &'static str,
        path: Option<&Path>,
    ) -> super::Result<Option<Sink>> {
        let Some(sink) = path.map(Sink::of) else { return Ok(None) };
        if let Some((other, _)) = self.0.iter().find(|(_, taken)| *taken == sink) {
            bail!("{option} and {other} name the same place: give each its own");
        }
        sink.check()?;
        self.0.push((option, sink.clone()));
        Ok(Some(sink))
    }

    /// Whether a result goes to standard output; then the table is not for who reads that.
    pub fn has_standard(&self) -> bool {
        self.0.iter().any(|(_, sink)| *sink == Sink::Standard)
    }
}

/// The formats that a report was asked for in, and where each goes.
#[derive(Debug)]
pub struct Formats {
    json: Option<Sink>,
    csv: Option<Sink>,
    markdown: Option<Sink>,
    html: Option<Sink>,
}

impl Formats {
    /// Claims a place for each format that was asked for.
    pub fn claim(places: &mut Places, asked: &Exports) -> super::Result<Self> {
        Ok(Self {
            json: places.claim("--json", asked.json.as_deref())?,
            csv: places.claim("--csv", asked.csv.as_deref())?,
            markdown: places.claim("--markdown", asked.markdown.as_deref())?,
            html: places.claim("--html", asked.html.as_deref())?,
        })
    }

    /// Writes a report in each of them, and its table to standard output unless that is taken.
    pub fn write(
        &self,
        report: &(impl Paged + Serialize),
        places: &Places,
        common: &Common,
    ) -> super::Result<()> {
        let page = || report.page(common.verbose > 0);
        let write = |sink: &Option<Sink>, text: &dyn Fn() -> String| match sink {
            Some(sink) => sink.write(&text()),
            None => Ok(()),
        };
        write(&self.json, &|| json::render(report))?;
        // Programs add up for themselves.
        write(&self.csv, &|| csv::render(&report.page(true)))?;
        write(&self.markdown, &|| markdown::render(&page()))?;
        write(&self.html, &|| html::render(&page()))?;
        if !places.has_standard() {
            output::print(&table::render(&page(), output::color(common)))?;
        }
        Ok(())
    }
}
