//! Links between documents: each leads to a file of the repository, and to a heading that the file has.
use std::{collections::BTreeSet, fs, path::Path};

/// The documents, by their paths from the root of the repository.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec!["README.md".to_owned(), "crates/web/README.md".to_owned()];
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            documents.push(format!("docs/{name}"));
        }
    }
    documents
}

/// The targets of a text's links, except those of the web.
fn targets(text: &str) -> Vec<&str> {
    let behind = text.split("](").skip(1);
    behind
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .filter(|to| !to.contains("://"))
        .collect()
}

/// The names that headings have in links: in lower case, with hyphens in the place of spaces, and without punctuation.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if let Some((marks, heading)) = line.split_once(' ')
            && !fenced
            && !marks.is_empty()
            && marks.bytes().all(|byte| byte == b'#')
        {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            anchors.insert(kept.collect::<String>().to_lowercase().replace(' ', "-"));
        }
    }
    anchors
}

/// The links of a document that lead nowhere.
fn broken(document: &str, text: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join(document).parent().unwrap().to_owned();
    let leads_nowhere = |to: &&str| {
        let (file, anchor) = to.split_once('#').unwrap_or((to, ""));
        let there = if file.is_empty() { root.join(document) } else { folder.join(file) };
        let has =
            |anchor| fs::read_to_string(&there).is_ok_and(|text| anchors(&text).contains(anchor));
        !there.exists() || !anchor.is_empty() && !has(anchor)
    };
    targets(text).into_iter().filter(leads_nowhere).map(|to| format!("{document}: {to}")).collect()
}

#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |document: &String| fs::read_to_string(root.join(document)).unwrap();
    let broken: Vec<String> =
        documents().iter().flat_map(|document| broken(document, &read(document))).collect();
    assert_eq!(broken, [""; 0], "links that lead nowhere");
}

#[test]
fn a_link_to_nothing_is_found() {
    let text = "[a](docs/kernels.md#languages) [b](docs/kernels.md#tongues) [c](none.md) [d](https://example.org) [e](#install)";
    assert_eq!(
        broken("README.md", text),
        ["README.md: docs/kernels.md#tongues", "README.md: none.md"]
    );
}
