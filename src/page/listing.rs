//! What a shader leaves to its host: a table each of entry points, bindings, members and overrides.

use super::number::{DASH, grouped, several};
use super::{Cell, Column, Fact, Page, Paged, Row, Section, Table};
use crate::{
    kernel::{OutlinedBinding, OutlinedEntry, OutlinedMember, OutlinedOverride},
    result::ShaderListing,
};

impl Paged for ShaderListing {
    fn page(&self, _every_layer: bool) -> Page {
        let outline = &self.outline;
        let mut sections = vec![
            Section::facts("What was read", head(self)),
            Section::table("Entry points", entries(&outline.entries)),
        ];
        if !outline.bindings.is_empty() {
            sections.push(Section::table("Bindings", bindings(self)));
        }
        let members = members(&outline.bindings, &outline.immediates);
        if !members.rows.is_empty() {
            sections.push(Section::table("Members", members));
        }
        if !outline.overrides.is_empty() {
            sections.push(Section::table("Overrides", overrides(&outline.overrides)));
        }
        Page { title: format!("{}: what it takes to run it", self.shader), sections }
    }
}

fn head(listing: &ShaderListing) -> Vec<Fact> {
    let given = listing.given.iter().map(|(name, value)| format!(", {name} = {value}"));
    let said = match listing.outline.entries.len() {
        0 => "no compute entry point".to_owned(),
        many => several(many as u64, "compute entry point", "compute entry points"),
    };
    let given: String = given.collect();
    vec![Fact::new("shader", format!("{}: {said}{given}", listing.shader))]
}

fn entries(entries: &[OutlinedEntry]) -> Table {
    let rows = entries.iter().map(|entry| {
        let stated = entry.stated_workgroup_size.join(" x ");
        let sized = entry.workgroup_size.map(|[x, y, z]| format!("{x} x {y} x {z}"));
        let invocations = entry.workgroup_size.map(|size| size.map(u64::from).iter().product());
        let size = match sized {
            Some(sized) if sized != stated => format!("{sized} ({stated})"),
            Some(_) | None => stated,
        };
        Row::new([
            Cell::text(&*entry.name),
            Cell::text(size),
            Cell::count(invocations),
            Cell::text(entry.bindings.join(", ")),
        ])
    });
    Table {
        columns: vec![
            Column::text("entry point", "entry"),
            Column::text("workgroup", "workgroup_size"),
            Column::number("invocations", "invocations"),
            Column::text("uses", "bindings"),
        ],
        rows: rows.collect(),
        main: true,
        ..Table::default()
    }
}

fn bindings(listing: &ShaderListing) -> Table {
    let rows = listing.outline.bindings.iter().map(|bound| {
        let at = format!("{}.{}", bound.group, bound.binding);
        let users = listing.outline.entries.iter().filter(|entry| entry.bindings.contains(&at));
        let users: Vec<&str> = users.map(|entry| entry.name.as_str()).collect();
        Row::new([
            Cell::text(&*at),
            Cell::text(&*bound.name),
            Cell::text(&*bound.space),
            Cell::text(&*bound.r#type),
            Cell::text(sized(bound.bytes, bound.element_bytes)),
            Cell::text(sized(bound.scalars, bound.element_scalars)),
            Cell::text(users.join(", ")),
        ])
    });
    Table {
        columns: vec![
            Column::text("binding", "binding"),
            Column::text("name", "name"),
            Column::text("space", "space"),
            Column::text("type", "type"),
            Column::text("bytes", "bytes"),
            Column::text("scalars", "scalars"),
            Column::text("used by", "used_by"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// A size of which the shader fixes a part, and each of n elements behind it.
fn sized(fixed: Option<u64>, each: Option<u64>) -> String {
    match (fixed, each) {
        (None, _) => DASH.to_owned(),
        (Some(fixed), None) => grouped(fixed),
        (Some(0), Some(each)) => format!("n x {}", grouped(each)),
        (Some(fixed), Some(each)) => format!("{} + n x {}", grouped(fixed), grouped(each)),
    }
}

fn members(bindings: &[OutlinedBinding], immediates: &[OutlinedMember]) -> Table {
    let row = |of: &str, member: &OutlinedMember| {
        Row::new([
            Cell::text(of),
            Cell::text(&*member.name),
            Cell::text(&*member.r#type),
            Cell::whole(member.offset),
        ])
    };
    let bound = bindings.iter().flat_map(|bound| {
        let of = format!("{}.{}", bound.group, bound.binding);
        bound.members.iter().map(move |member| row(&of, member))
    });
    let immediate = immediates.iter().map(|member| row("immediate", member));
    Table {
        columns: vec![
            Column::text("of", "binding"),
            Column::text("member", "member"),
            Column::text("type", "type"),
            Column::number("offset", "offset"),
        ],
        rows: bound.chain(immediate).collect(),
        ..Table::default()
    }
}

fn overrides(overrides: &[OutlinedOverride]) -> Table {
    let rows = overrides.iter().map(|one| {
        let name = one.name.as_deref().unwrap_or(DASH);
        let default = one.default.as_deref().unwrap_or("none: it must be given");
        Row::new([
            Cell::text(name),
            Cell::count(one.id.map(u64::from)),
            Cell::text(&*one.r#type),
            Cell::text(default),
        ])
    });
    Table {
        columns: vec![
            Column::text("override", "override"),
            Column::number("id", "id"),
            Column::text("type", "type"),
            Column::text("default", "default"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}
