//! What the hosts of published shaders do to their text before a device sees it: conditionals, macros and
//! includes, by one plain reading of the dialects in use.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Macros by name; one without a value is only defined.
pub type Macros = BTreeMap<String, String>;

/// The text of a file under `macros`, with what it includes taken from `folders`; none where something is
/// included that is not there.
pub fn preprocess(path: &Path, folders: &[&Path], macros: &Macros) -> Option<String> {
    let mut state =
        State { folders, macros: macros.clone(), out: String::new(), seen: BTreeSet::new() };
    state.file(path)?;
    Some(state.out)
}

/// The names that a file's conditionals ask for.
pub fn asked(text: &str) -> BTreeSet<String> {
    let directives = text.lines().map(str::trim_start).filter(|line| line.starts_with('#'));
    directives
        .filter(|line| line.contains("if"))
        .flat_map(|line| words(line).filter(|w| is_name(w) && w.starts_with(char::is_uppercase)))
        .map(str::to_owned)
        .collect()
}

struct State<'a> {
    folders: &'a [&'a Path],
    macros: Macros,
    out: String,
    seen: BTreeSet<String>,
}

impl State<'_> {
    fn file(&mut self, path: &Path) -> Option<()> {
        let text = fs::read_to_string(path).ok()?;
        // For each open conditional: whether its lines count, and whether an arm of it has been taken.
        let mut open: Vec<(bool, bool)> = Vec::new();
        for line in text.lines() {
            let directive = line.trim_start();
            let (word, rest) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
            let rest = rest.split("//").next().unwrap_or_default().trim();
            let active = open.iter().all(|(active, _)| *active);
            match word {
                "#ifdef" => push(&mut open, self.macros.contains_key(rest)),
                "#ifndef" => push(&mut open, !self.macros.contains_key(rest)),
                "#if" => push(&mut open, self.holds(rest)),
                "#elif" | "#else" => {
                    let holds = word == "#else" || self.holds(rest);
                    let (active, taken) = open.last_mut()?;
                    *active = !*taken && holds;
                    *taken |= holds;
                }
                "#endif" => {
                    open.pop()?;
                }
                // naga knows subgroup operations, and not that they may be asked for.
                _ if !active || line.trim() == "enable subgroups;" => {}
                "#define" => {
                    let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                    let value = self.expanded(value.trim());
                    self.macros.insert(name.to_owned(), value);
                }
                "#undef" => {
                    self.macros.remove(rest);
                }
                "#import" | "#include" => {
                    let name = rest.trim_matches('"');
                    if self.seen.insert(name.to_owned()) {
                        let files = [name.to_owned(), format!("{name}.wgsl")];
                        let paths =
                            self.folders.iter().flat_map(|f| files.iter().map(|n| f.join(n)));
                        let path = paths.into_iter().find(|path| path.is_file())?;
                        self.file(&path)?;
                    }
                }
                _ => {
                    let line = self.expanded(line);
                    self.out.push_str(&line);
                    self.out.push('\n');
                }
            }
        }
        Some(())
    }

    /// A condition: `defined(A) || B && !C`.
    fn holds(&self, condition: &str) -> bool {
        let atom = |atom: &str| {
            let (negated, atom) = match atom.trim().strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, atom.trim()),
            };
            let holds = match atom.split_once("==") {
                Some((name, value)) => {
                    self.macros.get(name.trim()).is_some_and(|v| v == value.trim())
                }
                None => words(atom)
                    .filter(|w| is_name(w) && *w != "defined")
                    .any(|w| self.macros.contains_key(w)),
            };
            holds != negated
        };
        condition.split("||").any(|any| any.split("&&").all(atom))
    }

    fn expanded(&self, line: &str) -> String {
        let value = |word: &str| self.macros.get(word).filter(|value| !value.is_empty());
        words(line).map(|word| value(word).map_or(word, String::as_str)).collect()
    }
}

fn push(open: &mut Vec<(bool, bool)>, holds: bool) {
    open.push((holds, holds));
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// A line as names and what stands between them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let named = part_of_name(first);
        let end = rest.find(|c| part_of_name(c) != named).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}
