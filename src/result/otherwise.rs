//! In what two runs of a shader differ before anything is counted: what ran, over which grids, and what it was given.
//! What it cost is compared elsewhere.

use std::collections::BTreeMap;

use super::ShaderReport;

/// What `now` was run with that `before` was not, a clause each; nothing where both were run alike.
pub(super) fn otherwise(before: &ShaderReport, now: &ShaderReport) -> Vec<String> {
    let mut said = Vec::new();
    if before.dispatches.len() == now.dispatches.len() && before.entry != now.entry {
        said.push(went("the entry point", Some(&before.entry), Some(&now.entry)));
    }
    let [grids_before, grids_now] = [before, now].map(grids);
    if grids_before.len() != grids_now.len() {
        let [before, now] = [grids_before.len(), grids_now.len()].map(|count| count.to_string());
        said.push(went("the number of dispatches", Some(&before), Some(&now)));
    } else if grids_before != grids_now {
        let [before, now] = [grids_before, grids_now].map(|grids| grids.join(" and "));
        said.push(went("the grid", Some(&before), Some(&now)));
    }
    let overrides = |report: &ShaderReport| -> BTreeMap<String, String> {
        report.overrides.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    };
    said.extend(changed("override", &overrides(before), &overrides(now)));
    said.extend(changed("the macro", &before.defines, &now.defines));
    let immediates = |report: &ShaderReport| -> BTreeMap<String, String> {
        let set = report.immediates.iter();
        set.filter_map(|its| Some((its.name.clone(), its.value.clone()?))).collect()
    };
    said.extend(changed("the immediate data", &immediates(before), &immediates(now)));
    // By their numbers: what a binding is called may change.
    let called = |key: &str| {
        let mut bound = now.bindings.iter().chain(&before.bindings);
        let bound = bound.find(|its| format!("{}.{}", its.group, its.binding) == key);
        bound.map_or_else(|| key.to_owned(), |its| format!("'{}' at {key}", its.name))
    };
    said.extend(
        differing(&before.bind, &now.bind)
            .map(|(key, before, now)| went(&format!("the binding {}", called(key)), before, now)),
    );
    for binding in &now.bindings {
        let key = (binding.group, binding.binding);
        let other = before.bindings.iter().find(|its| (its.group, its.binding) == key);
        // Reports of before contents were told apart have none.
        let known = other.and_then(|other| other.contents.as_ref());
        if known.is_some_and(|before| binding.contents.as_ref() != Some(before)) {
            let (group, number) = key;
            said.push(format!("the contents of '{}' at {group}.{number} are others", binding.name));
        }
    }
    said
}

/// The grid of a run, or those of its dispatches in order.
fn grids(report: &ShaderReport) -> Vec<String> {
    let grid = |grid: [u32; 3]| grid.map(|extent| extent.to_string()).join(" x ");
    match &report.dispatches[..] {
        [] => vec![grid(report.grid)],
        several => several.iter().map(|row| grid(row.grid)).collect(),
    }
}

/// What was set before and now by name, where that differs.
fn changed(
    what: &str,
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<String> {
    let differing = differing(before, now);
    differing.map(|(name, before, now)| went(&format!("{what} {name}"), before, now)).collect()
}

type Differing<'a> = (&'a str, Option<&'a String>, Option<&'a String>);

fn differing<'a>(
    before: &'a BTreeMap<String, String>,
    now: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = Differing<'a>> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let both = now.keys().chain(gone).map(|name| (&**name, before.get(name), now.get(name)));
    both.filter(|(_, before, now)| before != now)
}

fn went(what: &str, before: Option<&String>, now: Option<&String>) -> String {
    let said = |value: Option<&String>| value.map_or("not set", String::as_str).to_owned();
    format!("{what} was {}, and is {}", said(before), said(now))
}
