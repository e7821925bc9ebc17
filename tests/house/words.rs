//! One word, one thing: no two types of a crate that can be seen outside of their files have one name.

#![allow(clippy::print_stdout, reason = "a twin is renamed where its files can be seen")]

use std::collections::BTreeMap;

use crate::source::{Source, sources};

/// What declares a type.
const DECLARATIONS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// The types that a file declares for others than itself: `pub` of whatever extent, and at the file's top level.
fn shared_types(source: &Source) -> Vec<&str> {
    let declared = source.code.lines().filter(|line| line.starts_with("pub"));
    let types = declared.filter_map(|line| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.by_ref().find(|word| DECLARATIONS.contains(word))?;
        words.find(|word| !word.is_empty())
    });
    types.filter(|name| name.starts_with(char::is_uppercase)).collect()
}

/// The crate that a file is of. The program is a crate of its own beside the library.
fn crate_of(path: &str) -> &str {
    let own = path.starts_with("src/cli") || path == "src/main.rs";
    match path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()) {
        Some(name) => name,
        None if own => "program",
        None => "library",
    }
}

/// The names that several files of a crate declare, each with those files.
fn twins(sources: &[Source]) -> Vec<(String, Vec<&str>)> {
    let mut files: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for source in sources {
        for name in shared_types(source) {
            files.entry((crate_of(&source.path), name)).or_default().push(&source.path);
        }
    }
    let twins = files.into_iter().filter(|(_, files)| files.len() > 1);
    twins.map(|((of, name), files)| (format!("{of}::{name}"), files)).collect()
}

#[test]
fn no_two_types_have_one_name() {
    let sources = sources();
    let twins = twins(&sources);
    for (name, files) in &twins {
        println!("{name}: {}", files.join(", "));
    }
    let names: Vec<String> = twins.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [""; 0], "types of one name");
}

#[test]
fn twins_are_found_in_one_crate() {
    let source = |path: &str, code: &str| Source {
        path: path.to_owned(),
        text: code.to_owned(),
        code: code.to_owned(),
    };
    let sources = [
        source(
            "src/a.rs",
            "pub struct Point;\nstruct Private;\npub fn point() {}\npub(super) enum Only {}",
        ),
        source(
            "src/b.rs",
            "pub(in crate::b) enum Point {}\n    pub type Inner = u32;\nstruct Private;",
        ),
        source("src/cli/c.rs", "pub struct Point;"),
        source("crates/core/src/d.rs", "pub struct Point;\npub type Inner = u32;"),
    ];
    assert_eq!(twins(&sources), [("library::Point".to_owned(), vec!["src/a.rs", "src/b.rs"])]);
}
