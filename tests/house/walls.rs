//! What each room never knows: the last column of the table in the crate's documentation, held against what the files
//! of the room need.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    imports::ROOTS,
    modules::{Path, Tree, path},
    source::{Source, sources},
};

/// The words of that column, and the rooms that are meant by them. Some have none here: `wgpu` and the names of flags are held
/// by rules of their own, and what a family computes is known by what it is called alone.
const MEANT: &[(&str, &[&str])] = &[
    ("WGSL", &["kernel", "library", "read", "shader", "wgsl"]),
    ("arguments", &[]),
    ("devices", &["device", "execute", "measure", "observe", "tune"]),
    (
        "everything else",
        &["device", "flow", "instrument", "ir", "kernel", "read", "source", "spirv", "table"],
    ),
    ("executors", &["execute", "observe"]),
    ("families", &["family"]),
    ("formulas", &["estimate", "formula", "published"]),
    ("how it is said", &["format", "page"]),
    ("how it looks", &["format"]),
    ("kernels", &["choice", "execute", "kernel", "library", "registry"]),
    ("models", &["family", "model"]),
    ("naga", &["instrument", "ir", "kernel", "read"]),
    ("plans", &["plan"]),
    ("printing", &["format", "page"]),
    ("reports", &["format", "page", "result"]),
    ("running", &["execute", "measure", "observe"]),
    ("shapes", &["family", "model"]),
    ("the program's options", &[]),
    ("wgpu", &[]),
    ("what a family computes", &[]),
    ("what grows", &["family", "model", "sweep"]),
    ("what is chosen", &["choice"]),
    ("what is in it", &["result", "tensors"]),
    ("what it is about", &["check", "explain", "family", "measure", "model"]),
];

/// The rows of the table of rooms: the names in the first cell, and what is never known.
fn rows(documentation: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let lines = documentation.lines().filter_map(|line| line.strip_prefix("//! | "));
    let of_rooms = lines.skip_while(|line| !line.starts_with("module |")).skip(1);
    let cells = of_rooms.take_while(|line| !line.starts_with("feature |")).filter_map(|row| {
        let mut cells = row.trim_end_matches([' ', '|']).split(" | ");
        let (rooms, unknown) = (cells.next()?, cells.nth(1)?);
        Some((rooms.split('`').skip(1).step_by(2).collect(), unknown.split(", ").collect()))
    });
    cells.collect()
}

/// The rooms behind each wall of the table that files need nevertheless, and words that mean nothing here.
fn breaches(documentation: &str, edges: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (rooms, unknown) in rows(documentation) {
        for word in unknown {
            if word == OTHER_FAMILIES {
                breaches.extend(between_families(edges));
                continue;
            }
            let Some((_, behind)) = MEANT.iter().find(|(known, _)| *known == word) else {
                breaches.push(format!("'{word}' means no room"));
                continue;
            };
            let of_rooms = edges
                .iter()
                .filter(|(from, _)| from.get(1).is_some_and(|room| rooms.contains(&room.as_str())));
            for (from, to) in
                of_rooms.flat_map(|(from, needs)| needs.iter().map(move |to| (from, to)))
            {
                let is_own = from.get(1) == to.get(1);
                if !is_own && to.get(1).is_some_and(|room| behind.contains(&room.as_str())) {
                    breaches.push(format!("{} -> {} ({word})", from.join("::"), to.join("::")));
                }
            }
        }
    }
    breaches
}

/// What a family never knows.
const OTHER_FAMILIES: &str = "other families";

/// What the folder of one family needs of another's.
fn between_families(edges: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<String> {
    let of = |module: &Path| match module.as_slice() {
        [_, room, family, _, ..] if room == "family" => Some(family.clone()),
        _ => None,
    };
    let needs = edges.iter().flat_map(|(from, needs)| needs.iter().map(move |to| (from, to)));
    let between = needs.filter(|(from, to)| {
        of(from).is_some_and(|family| of(to).is_some_and(|other| family != other))
    });
    between.map(|(from, to)| format!("{} -> {}", from.join("::"), to.join("::"))).collect()
}

/// The text that opens the library.
fn documentation(sources: &[Source]) -> &str {
    &sources.iter().find(|source| source.path == "src/lib.rs").unwrap().text
}

#[test]
fn no_room_knows_what_its_documentation_says_it_never_does() {
    let sources = sources();
    let edges = Tree::of(&sources, &ROOTS).edges();
    let found = breaches(documentation(&sources), &edges);
    assert_eq!(found, [""; 0], "what rooms know against the table of the crate's documentation");
}

#[test]
fn every_room_is_in_the_documentation() {
    let sources = sources();
    let text = documentation(&sources);
    let told: BTreeSet<&str> = rows(text).into_iter().flat_map(|(rooms, _)| rooms).collect();
    let public = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let untold: Vec<&str> = public.filter(|room| !told.contains(room)).collect();
    assert_eq!(untold, [""; 0], "rooms that the table of the crate's documentation lacks");
}

#[test]
fn a_breach_is_found() {
    let table = "//! | module | job | what it never knows |\n//! |---|---|---|\n//! | [`term`], [`claim`] | terms | plans, the weather |\n";
    let edges =
        [("flopmeter::claim", "flopmeter::plan"), ("flopmeter::term::priced", "flopmeter::claim")];
    let edges = edges.map(|(from, to)| (path(from), BTreeSet::from([path(to)])));
    let found = breaches(table, &BTreeMap::from(edges));
    let one = path("flopmeter::family::one::lower");
    let other = BTreeSet::from([path("flopmeter::family::two::config")]);
    let between = breaches(
        "//! | module | job | what it never knows |\n//! | [`family`] | models | other families |\n",
        &BTreeMap::from([(one, other)]),
    );
    assert_eq!(between, ["flopmeter::family::one::lower -> flopmeter::family::two::config"]);
    assert_eq!(
        found,
        ["flopmeter::claim -> flopmeter::plan (plans)", "'the weather' means no room"]
    );
}
