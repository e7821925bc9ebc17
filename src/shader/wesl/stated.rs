//! What a module declares and what it states of other modules: what it imports, and the paths by which it names things where it uses them,
//! each on its line. Reads words alone, since the crate knows no lines of imports; what they resolve to is not asked.

use std::collections::BTreeMap;

use ::wesl::{
    ModulePath,
    syntax::{
        Attribute, AttributeNode, GlobalDeclaration, GlobalDeclarationNode, Ident, PathOrigin,
        TranslationUnit,
    },
};

/// A name of another module, as a module states it.
pub(super) struct Stated {
    /// The module that is named.
    pub path: ModulePath,
    /// What is named of it.
    pub item: String,
    /// As it is written, without what is renamed.
    pub written: String,
    /// What an import calls it here; none of a path where it is used.
    pub called: Option<String>,
    /// Whether a feature switches it.
    pub is_switched: bool,
    pub line: usize,
}

/// The name that a declaration declares.
pub(super) fn declared(node: &GlobalDeclarationNode) -> Option<&Ident> {
    match node.node() {
        GlobalDeclaration::Declaration(it) => Some(&it.ident),
        GlobalDeclaration::TypeAlias(it) => Some(&it.ident),
        GlobalDeclaration::Struct(it) => Some(&it.ident),
        GlobalDeclaration::Function(it) => Some(&it.ident),
        GlobalDeclaration::Void | GlobalDeclaration::ConstAssert(_) => None,
    }
}

/// The names that a module declares whatever features are on, each with its line; none of a text that is no module.
pub(super) fn declarations(text: &str) -> BTreeMap<String, usize> {
    let Ok(unit) = text.parse::<TranslationUnit>() else { return BTreeMap::new() };
    let is_switch = |it: &AttributeNode| {
        matches!(**it, Attribute::If(_) | Attribute::Elif(_) | Attribute::Else)
    };
    let named = unit.global_declarations.iter().filter_map(|node| {
        let ident = declared(node)?.name().to_string();
        // Attributes stand before it, on lines of their own perhaps.
        let (start, stated) = (node.span().start, text.get(node.span().range())?);
        let at = words(stated).into_iter().find(|(word, _)| *word == ident)?.1;
        let line = text[..start].matches('\n').count() + at;
        let attributes = match node.node() {
            GlobalDeclaration::Declaration(it) => &it.attributes,
            GlobalDeclaration::TypeAlias(it) => &it.attributes,
            GlobalDeclaration::Struct(it) => &it.attributes,
            GlobalDeclaration::Function(it) => &it.attributes,
            GlobalDeclaration::Void | GlobalDeclaration::ConstAssert(_) => return None,
        };
        (!attributes.iter().any(is_switch)).then_some((ident, line))
    });
    named.collect()
}

/// All that a module of this path states, in the order of its text.
pub(super) fn stated(module: &ModulePath, text: &str) -> Vec<Stated> {
    let mut reader =
        Reader { module, words: words(text), at: 0, is_switched: false, all: Vec::new() };
    reader.read();
    // What is imported may be a module, by whose name others are found.
    let aliases: Vec<(String, ModulePath)> = reader
        .all
        .iter()
        .filter_map(|it| Some((it.called.clone()?, it.path.clone().join([it.item.clone()]))))
        .collect();
    for used in reader.all.iter_mut().filter(|it| it.called.is_none()) {
        let first = used.written.split("::").next();
        if let Some((_, of)) = aliases.iter().find(|(name, _)| Some(&**name) == first) {
            let more = used.written.split("::").skip(1).map(str::to_owned);
            let mut more: Vec<String> = more.collect();
            more.pop();
            used.path = of.clone().join(more);
        }
    }
    reader.all
}

/// Whether nothing but imports stands before a line, the first being 1.
pub(super) fn begins_with_imports(text: &str, line: usize) -> bool {
    let mut before = words(text).into_iter().take_while(|(_, at)| *at < line).map(|(word, _)| word);
    let mut is_import = false;
    before.all(|word| {
        is_import = (is_import || word == "import" || word == "@") && word != ";";
        is_import || word == ";"
    })
}

/// Words and signs with their lines; no comments.
fn words(text: &str) -> Vec<(&str, usize)> {
    let mut words = Vec::new();
    let (mut rest, mut line, mut depth) = (text, 1, 0_usize);
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let length = match rest.get(..2) {
            Some("/*") => {
                depth += 1;
                2
            }
            Some("*/") if depth > 0 => {
                depth -= 1;
                2
            }
            Some("//") if depth == 0 => rest.find('\n').unwrap_or(rest.len()),
            Some("::") => 2,
            _ => word.max(first.len_utf8()),
        };
        let taken = &rest[..length];
        let is_comment = depth > 0 || taken.starts_with("//") || taken == "*/";
        if !is_comment && !taken.trim().is_empty() {
            words.push((taken, line));
        }
        line += taken.matches('\n').count();
        rest = &rest[length..];
    }
    words
}

struct Reader<'t> {
    module: &'t ModulePath,
    words: Vec<(&'t str, usize)>,
    at: usize,
    is_switched: bool,
    all: Vec<Stated>,
}

impl<'t> Reader<'t> {
    fn word(&self, ahead: usize) -> &'t str {
        self.words.get(self.at + ahead).map_or("", |(word, _)| word)
    }

    fn read(&mut self) {
        while self.at < self.words.len() {
            let word = self.word(0);
            match word {
                "@" if matches!(self.word(1), "if" | "elif" | "else") => self.is_switched = true,
                "import" => {
                    self.at += 1;
                    self.import(&[]);
                    self.is_switched = false;
                    continue;
                }
                ";" | "{" | "}" => self.is_switched = false,
                _ if is_name(word) && self.word(1) == "::" => {
                    let line = self.words[self.at].1;
                    let path = self.path();
                    self.state(&path, None, line);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The names from here that are joined by `::`.
    fn path(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        while is_name(self.word(0)) {
            path.push(self.word(0).to_owned());
            self.at += 1;
            if self.word(0) != "::" {
                break;
            }
            self.at += 1;
        }
        path
    }

    /// One import, or one of several in braces, up to what ends it.
    fn import(&mut self, before: &[String]) {
        let line = |at: usize, words: &[(&str, usize)]| words.get(at).map_or(0, |(_, line)| *line);
        let path = [before.to_vec(), self.path()].concat();
        let named_on = line(self.at.saturating_sub(1), &self.words);
        if self.word(0) == "{" {
            loop {
                self.at += 1;
                if !matches!(self.word(0), "}" | "") {
                    self.import(&path);
                }
                if self.word(0) != "," {
                    break;
                }
            }
            self.at += usize::from(self.word(0) == "}");
            return;
        }
        let called = match self.word(0) {
            "as" => {
                self.at += 2;
                self.words.get(self.at - 1).map(|(word, _)| (*word).to_owned())
            }
            _ => path.last().cloned(),
        };
        self.state(&path, called, named_on);
    }

    /// A path of several names; one alone names nothing of another module.
    fn state(&mut self, path: &[String], called: Option<String>, line: usize) {
        let [first, between @ .., item] = path else { return };
        let supers = path.iter().take_while(|name| *name == "super").count();
        let (origin, components) = match first.as_str() {
            "package" => (PathOrigin::Absolute, between),
            "super" => {
                (PathOrigin::Relative(supers), &path[supers..path.len().max(supers + 1) - 1])
            }
            name => (PathOrigin::Package(name.to_owned()), between),
        };
        let path_of = ModulePath::new(origin, components.to_vec());
        self.all.push(Stated {
            path: self.module.join_path(&path_of),
            item: item.clone(),
            written: path.join("::"),
            called,
            is_switched: self.is_switched,
            line,
        });
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
