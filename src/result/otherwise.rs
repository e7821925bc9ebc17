//! In what two runs of a shader differ before anything is counted: what ran, over which grids, and what it was given.
//! What it cost is compared elsewhere.

use std::collections::BTreeMap;

use super::ShaderReport;
use crate::shader::{Binding, meant};

/// What is said of an option that was not given.
const UNSET: &str = "not set";

/// What `now` was run with that `before` was not, a clause each; nothing where both were run alike.
pub(super) fn otherwise(before: &ShaderReport, now: &ShaderReport) -> Vec<String> {
    let mut said = Vec::new();
    if before.dispatches.len() == now.dispatches.len() && before.entry != now.entry {
        said.push(went("the entry point", [Some(&before.entry), Some(&now.entry)], UNSET));
    }
    let [grids_before, grids_now] = [before, now].map(grids);
    if grids_before.len() != grids_now.len() {
        let [before, now] = [grids_before.len(), grids_now.len()].map(|count| count.to_string());
        said.push(went("the number of dispatches", [Some(&before), Some(&now)], UNSET));
    } else if grids_before != grids_now {
        let [before, now] = [grids_before, grids_now].map(|grids| grids.join(" and "));
        said.push(went("the grid", [Some(&before), Some(&now)], UNSET));
    }
    let overrides = [overrides(before, now), overrides(now, before)];
    said.extend(changed("override", &overrides, UNSET));
    said.extend(changed("the macro", &[before.defines.clone(), now.defines.clone()], UNSET));
    said.extend(changed("the immediate data", &[before, now].map(immediates), "0"));
    // By their numbers: what a binding is called may change.
    let called = |key: &str| {
        let mut bound = now.bindings.iter().chain(&before.bindings);
        let bound = bound.find(|its| key_of(its) == key);
        bound.map_or_else(|| key.to_owned(), |its| format!("'{}' at {key}", its.name))
    };
    let fills = [fills(before, now), fills(now, before)];
    said.extend(differing(&fills[0], &fills[1]).map(|(key, before, now)| {
        went(&format!("the binding {}", called(key)), [before, now], UNSET)
    }));
    for binding in &now.bindings {
        let other = before.bindings.iter().find(|its| key_of(its) == key_of(binding));
        // Reports of before contents were told apart have none.
        let hashes = other.and_then(|other| other.contents.as_ref()).zip(binding.contents.as_ref());
        if let Some((before, now)) = hashes.filter(|(before, now)| before != now) {
            let what = format!("the contents of '{}' at {}", binding.name, key_of(binding));
            said.push(format!("{what} are others (hash {before}, now {now})"));
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

/// The overrides that were set in either report, by the shader's names, and what they were in this one: its default where
/// only the report `beside` it sets one. Older reports have no defaults, and what the user called an override, which may
/// be a number that the report `beside` them has the name of.
pub(super) fn overrides(of: &ShaderReport, beside: &ShaderReport) -> BTreeMap<String, String> {
    let named = |said: &String| {
        let mut names = [of, beside].into_iter().filter_map(|its| its.override_of_number(said));
        names.next().unwrap_or(said).clone()
    };
    let set = of.overrides.iter().map(|(said, value)| (named(said), value));
    let default = |said| of.override_defaults.get_key_value(&named(said));
    let defaults = beside.overrides.keys().filter_map(default);
    let defaults = defaults.map(|(name, value)| (name.clone(), value));
    // What was set is no default.
    defaults.chain(set).map(|(name, value)| (name, value.to_string())).collect()
}

/// The members of the immediate data that do not hold zeros, and what they hold.
pub(super) fn immediates(report: &ShaderReport) -> BTreeMap<String, String> {
    let set = report.immediates.iter();
    let set = set.filter_map(|its| Some((its.name.clone(), meant::values(its.value.as_ref()?))));
    set.filter(|(_, value)| value.split(',').any(|number| number != "0")).collect()
}

/// What the user bound, by group and number: of files that held the same beside, that; their names say nothing. What was
/// not bound holds zeros, and is told as those where as many of them were bound beside.
pub(super) fn fills(of: &ShaderReport, beside: &ShaderReport) -> BTreeMap<String, String> {
    let bound = |report: &ShaderReport, key: &str| {
        report.bindings.iter().find(|its| key_of(its) == key).cloned()
    };
    let contents = |report, key: &str| bound(report, key).and_then(|its| its.contents);
    let fill = |(key, said): (&String, &String)| {
        let held = contents(of, key).filter(|held| Some(held) == contents(beside, key).as_ref());
        (key.clone(), held.map_or_else(|| meant::fill(said), |hash| meant::contents(said, &hash)))
    };
    let zeros = |its: &Binding| {
        let key = key_of(its);
        let other = bound(beside, &key).filter(|other| other.bytes == its.bytes)?;
        let said = meant::fill(&other.fill.filter(|_| its.fill.is_none())?);
        meant::is_zeros(&said).then_some((key, said))
    };
    of.bindings.iter().filter_map(zeros).chain(of.bind.iter().map(fill)).collect()
}

/// A binding by group and number, as reports name it.
fn key_of(binding: &Binding) -> String {
    format!("{}.{}", binding.group, binding.binding)
}

/// What was set before and now by name, where that differs; what is not there is `unset`.
fn changed(what: &str, of: &[BTreeMap<String, String>; 2], unset: &str) -> Vec<String> {
    let differing = differing(&of[0], &of[1]);
    let went = |(name, before, now)| went(&format!("{what} {name}"), [before, now], unset);
    differing.map(went).collect()
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

fn went(what: &str, sides: [Option<&String>; 2], unset: &str) -> String {
    let [before, now] = sides.map(|value| value.map_or(unset, String::as_str));
    format!("{what} was {before}, and is {now}")
}
