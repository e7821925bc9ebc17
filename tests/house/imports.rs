//! Who imports whom: circles of files, and of the rooms that they lie in, are found as strongly connected parts.
#![allow(clippy::print_stdout, reason = "a circle is mended where its edges can be seen")]

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    modules::{Path, Tree, path},
    source::{self, Source, sources},
};

/// A crate's name and the file of its root, and from which crate's names a path may start.
pub const ROOTS: [(&str, &str); 5] = [
    ("flopmeter", "src/lib.rs"),
    ("main", "src/main.rs"),
    ("flopmeter_core", "crates/core/src/lib.rs"),
    ("flopmeter_layer", "crates/layer/src/lib.rs"),
    ("flopmeter_web", "crates/web/src/lib.rs"),
];

/// The strongly connected parts of more than one node, each in order.
fn circles<T: Ord + Clone>(edges: &BTreeMap<T, BTreeSet<T>>) -> Vec<Vec<T>> {
    let reach = |from: &T| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&T> = edges[from].iter().collect();
        while let Some(node) = next.pop() {
            if seen.insert(node.clone()) {
                next.extend(edges.get(node).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&T, BTreeSet<T>> = edges.keys().map(|node| (node, reach(node))).collect();
    let mut circles: Vec<Vec<T>> = Vec::new();
    for (node, there) in &reached {
        let with: Vec<T> = there
            .iter()
            .filter(|other| reached.get(other).is_some_and(|b| b.contains(node)))
            .cloned()
            .collect();
        if with.len() > 1 && !circles.contains(&with) {
            circles.push(with);
        }
    }
    circles
}

/// The edges between the rooms of each module: a room is a module with all that lies within it.
fn rooms(edges: &BTreeMap<Path, BTreeSet<Path>>) -> BTreeMap<Path, BTreeSet<Path>> {
    let mut rooms: BTreeMap<Path, BTreeSet<Path>> = BTreeMap::new();
    for (from, needs) in edges {
        for to in needs {
            let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            // A module and what lies within it are one room to their neighbours.
            if shared > 0 && from.len() > shared && to.len() > shared {
                let [from, to] = [from, to].map(|path| path[..=shared].to_vec());
                rooms.entry(to.clone()).or_default();
                rooms.entry(from).or_default().insert(to);
            }
        }
    }
    rooms
}

/// The modules that are in any circle, by name.
fn members(circles: Vec<Vec<Path>>) -> Vec<String> {
    let members: BTreeSet<String> = circles.iter().flatten().map(|node| node.join("::")).collect();
    members.into_iter().collect()
}

/// Says of each circle which of its modules needs which.
fn show(circles: &[Vec<Path>], edges: &BTreeMap<Path, BTreeSet<Path>>) {
    for circle in circles {
        println!("a circle of {}:", circle.len());
        for (from, to) in edges {
            for to in to {
                // The innermost of the circle's modules, since one of them may lie within another.
                let within = |path: &Path| {
                    let around = circle.iter().filter(|node| path.starts_with(node));
                    around.max_by_key(|node| node.len())
                };
                if let (Some(a), Some(b)) = (within(from), within(to))
                    && a != b
                {
                    println!("  {} -> {}", from.join("::"), to.join("::"));
                }
            }
        }
    }
}

#[test]
fn no_files_import_each_other() {
    let edges = Tree::of(&sources(), &ROOTS).edges();
    let circles = circles(&edges);
    show(&circles, &edges);
    assert_eq!(members(circles), [""; 0], "files that import each other");
}

#[test]
fn no_rooms_import_each_other() {
    let edges = Tree::of(&sources(), &ROOTS).edges();
    let circles = circles(&rooms(&edges));
    show(&circles, &edges);
    assert_eq!(members(circles), [""; 0], "rooms that import each other");
}

/// A crate of such files, each a path and its text.
fn edges_of(files: &[(&str, &str)]) -> BTreeMap<Path, BTreeSet<Path>> {
    let source = |&(path, text): &(&str, &str)| {
        let path = path.to_owned();
        Source { path, text: text.to_owned(), code: source::code(text) }
    };
    let sources: Vec<Source> = files.iter().map(source).collect();
    Tree::of(&sources, &[("root", "src/lib.rs")]).edges()
}

#[test]
fn names_lead_to_the_files_that_declare_them() {
    let edges = edges_of(&[
        ("src/lib.rs", "pub mod a; pub mod b; mod c; pub use c::Late;"),
        ("src/a.rs", "mod inner; pub use inner::{One, Two as Three};"),
        ("src/a/inner.rs", "pub struct One; pub struct Two;"),
        ("src/b.rs", "use crate::{a, Late}; fn f() -> a::Three { a::One; Late }"),
        ("src/c.rs", "// use crate::b::f;\npub struct Late; fn g() { super::b::f(); }"),
    ]);
    let edge = |from: &str, to: &[&str]| {
        let needs: Vec<String> = edges[&path(from)].iter().map(|n| n.join("::")).collect();
        assert_eq!(needs, to, "{from}");
    };
    edge("root", &[]);
    edge("root::a", &[]);
    edge("root::b", &["root::a::inner", "root::c"]);
    edge("root::c", &["root::b"]);
    assert_eq!(members(circles(&edges)), ["root::b", "root::c"]);
    assert_eq!(members(circles(&rooms(&edges))), ["root::b", "root::c"]);
}

#[test]
fn rooms_make_circles_that_files_do_not() {
    let edges = edges_of(&[
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "mod one; mod two;"),
        ("src/a/one.rs", "use crate::b::three::Three;"),
        ("src/a/two.rs", "pub struct Two;"),
        ("src/b.rs", "pub mod three; mod four;"),
        ("src/b/three.rs", "pub struct Three;"),
        ("src/b/four.rs", "use crate::a::two::Two;"),
    ]);
    assert_eq!(members(circles(&edges)), [""; 0]);
    assert_eq!(members(circles(&rooms(&edges))), ["root::a", "root::b"]);
}
