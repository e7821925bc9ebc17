//! What the crate says of a wrong file, with the file and the line that it is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ::wesl::{CompileResult, Diagnostic, ImportError, ModulePath, SourceMap as _};

use super::modules::{Lost, Module, Modules};
use super::stated::{Stated, begins_with_imports, declarations, declared, stated};
use crate::{Error, KernelError, Remedy};

/// An error of the crate in words, where the user finds what it is about.
pub(super) fn told(name: &str, error: ::wesl::Error, modules: &Modules<'_>) -> Error {
    let about = About::of(error);
    let loaded = modules.loaded();
    let at = |path: &ModulePath| loaded.iter().find(|module| module.path == *path);
    let module = about.module.as_ref().and_then(at).unwrap_or(&loaded[0]);
    if let Some(lost) = modules.lost() {
        let places = || [module].into_iter().chain(&loaded);
        let asks = |it: &Stated| it.path == lost.path;
        let is_it = |it: &Stated| it.path.clone().join([it.item.clone()]) == lost.path;
        // What asks something of the module is wrong, rather than what imports the module.
        let found = places()
            .find_map(|module| Some((module, first(module, asks)?)))
            .or_else(|| places().find_map(|module| Some((module, first(module, is_it)?))));
        return match found {
            Some((module, stated)) => not_read(module, &stated, &lost, modules),
            None => refused(&module.file, format!("it imports {}, {}", lost.path, lost.why), &lost),
        };
    }
    let (module, line) = match (about.place, &about.missing) {
        (Some(place), _) => {
            let before = module.text.bytes().take(place);
            (module, Some(before.filter(|&byte| byte == b'\n').count() + 1))
        }
        // The crate names the module that has not what another asks for.
        (None, Some((path, item))) => {
            let names = |it: &Stated| it.path == *path && it.item == *item;
            let asks = |module| Some((module, Some(first(module, names)?.line)));
            loaded.iter().find_map(asks).or_else(|| find(item, &loaded)).unwrap_or((module, None))
        }
        (None, None) => (module, None),
    };
    drawn(name, &about.problem, module, line)
}

/// What any module imports that is not there, used or not: the crate reads what is used alone.
pub(super) fn of_unused(name: &str, modules: &Modules<'_>) -> Result<(), Error> {
    for module in modules.loaded() {
        let imports = stated(&module.path, &module.text).into_iter();
        // What a feature switches off need not be there.
        for it in imports.filter(|it| it.called.is_some() && !it.is_switched) {
            match modules.has(&it.path, &it.item) {
                Ok(true) => {}
                Ok(false) => {
                    let problem = format!("module `{}` has no declaration `{}`", it.path, it.item);
                    return Err(drawn(name, &problem, &module, Some(it.line)));
                }
                Err(lost) => return Err(not_read(&module, &it, &lost, modules)),
            }
        }
    }
    Ok(())
}

/// What any module gives one name twice: by two imports, or by an import and a declaration. The crate takes one of the
/// two. What a feature switches may be there instead of the other.
pub(super) fn of_names(name: &str, modules: &Modules<'_>) -> Result<(), Error> {
    for module in modules.loaded() {
        let own = declarations(&module.text);
        let imports = stated(&module.path, &module.text).into_iter().filter(|it| !it.is_switched);
        let mut seen: BTreeMap<String, Stated> = BTreeMap::new();
        for (called, it) in imports.filter_map(|it| Some((it.called.clone()?, it))) {
            let Stated { written, line, .. } = &it;
            if let Some(declared) = own.get(&called) {
                let problem = format!(
                    "`{called}` is what line {line} imports and what line {declared} declares: rename one of the two \
                     (`import {written} as NAME;`)"
                );
                return Err(drawn(name, &problem, &module, Some(*line)));
            }
            match seen.get(&called) {
                // The same thing twice is one thing.
                Some(other) if (&other.path, &other.item) != (&it.path, &it.item) => {
                    let problem = format!(
                        "`{called}` is imported twice, as {} in line {} and as {written} in line {line}: rename one of the \
                         two (`import {written} as NAME;`)",
                        other.written, other.line
                    );
                    return Err(drawn(name, &problem, &module, Some(*line)));
                }
                _ => {
                    seen.insert(called, it);
                }
            }
        }
    }
    Ok(())
}

/// What the file itself declares under the name that something it imports has where all modules are one.
pub(super) fn of_escaped(
    name: &str,
    modules: &Modules<'_>,
    resolved: &CompileResult,
) -> Result<(), Error> {
    let loaded = modules.loaded();
    let mut seen = BTreeSet::new();
    for ident in resolved.syntax.global_declarations.iter().filter_map(declared) {
        let called = ident.name().to_string();
        let is_twice = !seen.insert(called.clone());
        let map = resolved.sourcemap.as_ref().filter(|_| is_twice);
        let Some((path, own)) = map.and_then(|map| map.get_decl(&called)) else { continue };
        if let Some(line) = declarations(&loaded[0].text).get(&called) {
            let problem = format!(
                "`{called}` is what line {line} declares and what `{own}` of {path} is called where all modules are one: \
                 rename it"
            );
            return Err(drawn(name, &problem, &loaded[0], Some(*line)));
        }
    }
    Ok(())
}

/// The first that a module states of which something is so.
fn first(module: &Module, is: impl Fn(&Stated) -> bool) -> Option<Stated> {
    stated(&module.path, &module.text).into_iter().find(is)
}

/// A module that another asks for, and why it was not read.
fn not_read(module: &Module, asked: &Stated, lost: &Lost, modules: &Modules<'_>) -> Error {
    let Stated { written, line, called, .. } = asked;
    let Lost { path, why, .. } = lost;
    let wrong = |problem| Error::File { path: module.file.clone(), problem };
    if let Some(called) = called {
        if matches!(modules.has(&asked.path, &asked.item), Ok(true)) {
            return wrong(format!(
                "line {line}: it imports the module {written}, and '{called}' is used as what a module declares: say \
                 {called}::NAME"
            ));
        }
        return refused(&module.file, format!("line {line}: it imports {path}, {why}"), lost);
    }
    // A module of which something is imported has no name of its own by that.
    let (word, item) = written.split_once("::").unwrap_or((written, ""));
    let imported = |is: &dyn Fn(&Stated) -> bool| first(module, |it| it.called.is_some() && is(it));
    if let Some(it) = imported(&|it| it.called.as_deref() == Some(word)) {
        let problem = format!(
            "line {line}: it names {written}, and '{word}' is {}, which is no module",
            it.written
        );
        return wrong(problem);
    }
    if let Some(Stated { called: Some(called), written: whole, .. }) =
        imported(&|it| it.item == word)
    {
        let problem = format!(
            "line {line}: it names {written}, and {whole} is imported as '{called}': say {called}::{item}"
        );
        return wrong(problem);
    }
    let meant = imported(&|it| it.path.components.last().is_some_and(|last| last == word));
    match meant {
        Some(meant) => {
            let whole = meant.written.rsplit_once("::").map_or("", |(whole, _)| whole);
            let problem = format!(
                "line {line}: it names {written}, and nothing is imported as '{word}': say {whole}::{item}, or \
                 import {whole}"
            );
            wrong(problem)
        }
        None => refused(&module.file, format!("line {line}: it names {written}, {why}"), lost),
    }
}

/// A module that a folder more may bring, or another problem of a file.
fn refused(file: &Path, problem: String, lost: &Lost) -> Error {
    match lost.is_missing {
        true => Error::Refused {
            problem: format!("{}: {problem}", file.display()),
            remedy: Remedy::Folder,
        },
        false => Error::File { path: file.to_owned(), problem },
    }
}

/// A problem with the line that it is about, as compilers draw one.
fn drawn(name: &str, problem: &str, module: &Module, line: Option<usize>) -> Error {
    let mut details = format!("error: {problem}\n  --> {}", module.file.display());
    if let Some(line) = line {
        let stated = module.text.lines().nth(line - 1).unwrap_or_default();
        details += &format!(":{line}\n{line:>5} | {stated}\n");
        if stated.trim_start().starts_with("import") && !begins_with_imports(&module.text, line) {
            details += "WESL has its imports before everything else, directives included";
        }
        if stated.trim_start().starts_with('#') {
            details += "WESL has no directives: say @if(NAME) and import, or name the file .wgsl";
        }
    }
    KernelError::Shader { kernel: name.to_owned(), details }.into()
}

/// What an error is about.
struct About {
    problem: String,
    module: Option<ModulePath>,
    /// The offset in the module's text.
    place: Option<usize>,
    /// A module, and a name of it that is asked for and not there.
    missing: Option<(ModulePath, String)>,
}

impl About {
    fn of(error: ::wesl::Error) -> Self {
        let Diagnostic { error, detail } = Diagnostic::from(error);
        let place = detail.span.map(|span| span.start);
        if let ::wesl::Error::Error(within) = *error {
            let within = Self::of(within.into());
            return Self {
                module: within.module.or(detail.module_path),
                place: within.place.or(place),
                ..within
            };
        }
        let missing = match &*error {
            ::wesl::Error::ImportError(
                ImportError::MissingDecl(path, name) | ImportError::Private(name, path),
            ) => Some((path.clone(), name.clone())),
            _ => None,
        };
        let problem = match &*error {
            ::wesl::Error::ParseError(error) => short(&error.error.to_string()),
            other => other.to_string(),
        };
        Self { problem, module: detail.module_path, place, missing }
    }
}

/// What a parser says, without a long list of what it takes.
fn short(problem: &str) -> String {
    const MOST: usize = 40;
    match problem.split_once(", expected") {
        Some((found, expected)) if expected.len() > MOST => found.to_owned(),
        _ => problem.replace('"', ""),
    }
}

/// The first line that has a word, and its module.
fn find<'m>(
    word: &str,
    modules: impl IntoIterator<Item = &'m Module>,
) -> Option<(&'m Module, Option<usize>)> {
    let has = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|found| found == word)
    };
    modules.into_iter().find_map(|module| {
        let line = module.text.lines().position(has)?;
        Some((module, Some(line + 1)))
    })
}
