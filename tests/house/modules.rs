//! The modules of a crate, and the files that names lead to: through `use` declarations and whatever re-exports
//! them, to the module that declares an item.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, is_word};

/// A path of names: a crate, then modules, then perhaps an item.
pub type Path = Vec<String>;

/// A module with a file of its own.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    /// What its `use` declarations name, and what they lead to.
    uses: BTreeMap<String, Use>,
    /// Modules whose names are all imported.
    globs: Vec<Path>,
    /// Its code without `use` declarations.
    body: String,
}

struct Use {
    path: Path,
    public: bool,
}

/// What a path leads to.
#[derive(PartialEq, Eq, Debug)]
enum Found {
    Module(Path),
    /// An item, by the module that declares it.
    Item(Path),
}

/// The modules of all crates.
pub struct Tree(BTreeMap<Path, Module>);

impl Tree {
    /// The modules of the crates with these names and files of their roots.
    pub fn of(sources: &[Source], roots: &[(&str, &str)]) -> Self {
        let files: BTreeMap<&str, &Source> =
            sources.iter().map(|source| (source.path.as_str(), source)).collect();
        let mut tree = Self(BTreeMap::new());
        for (name, file) in roots {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            tree.add(&files, vec![(*name).to_owned()], file, folder);
        }
        tree
    }

    /// Adds a module and those within it; files of the latter lie in `folder`.
    fn add(&mut self, files: &BTreeMap<&str, &Source>, path: Path, file: &str, folder: &str) {
        let code = &files[file].code;
        let mut module = Module::default();
        let (declarations, body) = declarations(code);
        for (public, text) in declarations {
            for (names, alias) in use_tree(&text) {
                match alias.as_str() {
                    "*" => module.globs.push(names),
                    "_" => drop(module.uses.insert(names.join("::"), Use { path: names, public })),
                    _ => drop(module.uses.insert(alias, Use { path: names, public })),
                }
            }
        }
        module.children = children(&body);
        module.body = body;
        for child in &module.children {
            let within = format!("{folder}/{child}");
            let file = [format!("{within}.rs"), format!("{within}/mod.rs")]
                .into_iter()
                .find(|file| files.contains_key(file.as_str()))
                .unwrap_or_else(|| panic!("{within}: no file of that module"));
            let path = path.iter().cloned().chain([child.clone()]).collect();
            self.add(files, path, &file, &within);
        }
        self.0.insert(path, module);
    }

    /// What names lead to from within a module; none where it is of another crate, or an item of its own.
    fn find(&self, from: &Path, names: &[String], depth: usize) -> Option<Found> {
        let (first, mut rest) = names.split_first()?;
        if depth == 0 {
            return None;
        }
        let here = &self.0[from];
        let mut at: Path = match first.as_str() {
            "crate" => vec![from[0].clone()],
            "self" => from.clone(),
            "super" => from[..from.len() - 1].to_vec(),
            name if self.0.contains_key(&vec![name.to_owned()]) => vec![name.to_owned()],
            name if here.children.contains(name) => [from.as_slice(), &[name.to_owned()]].concat(),
            name => match self.find(from, &here.uses.get(name)?.path, depth - 1)? {
                Found::Module(path) => path,
                item @ Found::Item(_) => return Some(item),
            },
        };
        while let Some((name, after)) = rest.split_first() {
            let module = &self.0[&at];
            if name == "super" {
                at.pop();
            } else if module.children.contains(name) {
                at.push(name.clone());
            } else if let Some(Use { path, .. }) = module.uses.get(name) {
                let all = [path.as_slice(), after].concat();
                // A name of another crate that a module of ours passes on is nobody's.
                return self.find(&at, &all, depth - 1);
            } else {
                let globs = module.globs.iter();
                let passed = globs.filter_map(|glob| {
                    let all = [glob.as_slice(), rest].concat();
                    let found = self.find(&at, &all, depth - 1)?;
                    let declared = matches!(&found, Found::Item(path) if self.declares(path, name));
                    declared.then_some(found)
                });
                return passed.into_iter().next().or(Some(Found::Item(at.clone())));
            }
            rest = after;
        }
        Some(Found::Module(at))
    }

    /// Whether a module's own code has a declaration of that name.
    fn declares(&self, path: &Path, name: &str) -> bool {
        let body = &self.0[path].body;
        ["struct", "enum", "trait", "fn", "type", "const", "static"].iter().any(|kind| {
            body.match_indices(&format!("{kind} {name}"))
                .any(|(at, all)| !body.as_bytes().get(at + all.len()).copied().is_some_and(is_word))
        })
    }

    /// The modules that each module's code needs something of.
    pub fn edges(&self) -> BTreeMap<Path, BTreeSet<Path>> {
        self.0.iter().map(|(path, module)| (path.clone(), self.needs(path, module))).collect()
    }

    fn needs(&self, path: &Path, module: &Module) -> BTreeSet<Path> {
        let words: BTreeSet<&str> =
            module.body.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let mut needs = BTreeSet::new();
        for (name, Use { path: names, public }) in &module.uses {
            // What is only passed on, by a facade, is not used there; a module's name is followed where it stands.
            let passed_on = *public && !words.contains(name.as_str());
            if let Some(Found::Item(to)) = self.find(path, names, 16)
                && !passed_on
            {
                needs.insert(to);
            }
        }
        for glob in &module.globs {
            if let Some(Found::Module(to) | Found::Item(to)) = self.find(path, glob, 16) {
                needs.insert(to);
            }
        }
        for names in paths(&module.body) {
            if let Some(Found::Item(to)) = self.find(path, &names, 16) {
                needs.insert(to);
            }
        }
        needs.remove(path);
        needs
    }
}

/// The `use` declarations of a code, each with whether it passes its names on, and the code without them.
fn declarations(code: &str) -> (Vec<(bool, String)>, String) {
    let mut found = Vec::new();
    let mut body = code.to_owned();
    let mut from = 0;
    while let Some(at) = code[from..].find("use ").map(|at| from + at) {
        from = at + 4;
        if at > 0 && is_word(code.as_bytes()[at - 1]) {
            continue;
        }
        let end = code[at..].find(';').map_or(code.len(), |n| at + n);
        let line = code[..at].rfind(['\n', ';', '}', '{']).map_or(0, |n| n + 1);
        found.push((code[line..at].contains("pub"), code[at + 4..end].to_owned()));
        let blank: String =
            code[line..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        body.replace_range(line..end, &blank);
        from = end;
    }
    (found, body)
}

/// The modules that a code declares in files of their own.
fn children(code: &str) -> BTreeSet<String> {
    let declared = code.split(';').filter_map(|text| {
        let (_, name) = text.rsplit_once("mod ")?;
        let name = name.trim();
        (!name.is_empty() && name.bytes().all(is_word)).then(|| name.to_owned())
    });
    declared.collect()
}

/// What a `use` declaration names: each path, and the name that it has here.
fn use_tree(text: &str) -> Vec<(Path, String)> {
    let text = text.trim();
    if let Some(open) = text.find('{') {
        let before: Path = path(text[..open].trim().trim_end_matches("::"));
        let inner = &text[open + 1..text.rfind('}').unwrap_or(text.len())];
        let parts = split(inner).into_iter().flat_map(use_tree);
        return parts
            .map(|(names, alias)| {
                if names == ["self"] {
                    let alias = if alias == "self" { last(&before) } else { alias };
                    return (before.clone(), alias);
                }
                (before.iter().cloned().chain(names).collect(), alias)
            })
            .collect();
    }
    let (names, alias) = match text.split_once(" as ") {
        Some((names, alias)) => (path(names), alias.trim().to_owned()),
        None => (path(text), String::new()),
    };
    match (last(&names).as_str(), alias.is_empty()) {
        ("", _) => Vec::new(),
        ("*", _) => vec![(names[..names.len() - 1].to_vec(), "*".to_owned())],
        (name, true) => vec![(names.clone(), name.to_owned())],
        (_, false) => vec![(names, alias)],
    }
}

fn last(names: &[String]) -> String {
    names.last().cloned().unwrap_or_default()
}

pub fn path(text: &str) -> Path {
    text.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The parts of a list, by the commas that are not within braces.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut from) = (0, 0);
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Every path of two names or more in a code.
fn paths(code: &str) -> Vec<Path> {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(|c: char| !word(c))
        .filter(|text| text.contains("::") && !text.starts_with("::"))
        .map(path)
        .filter(|names| names.len() > 1)
        .collect()
}
