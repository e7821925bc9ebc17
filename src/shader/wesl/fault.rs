//! What the crate says of a wrong file, with the file and the line that it is about.

use ::wesl::{Diagnostic, ImportError, ModulePath, syntax::PathOrigin};

use super::modules::{Lost, Module, Modules};
use crate::{Error, KernelError, Remedy};

/// An error of the crate in words, where the user finds what it is about.
pub(super) fn told(name: &str, error: ::wesl::Error, modules: &Modules<'_>) -> Error {
    let about = About::of(error);
    let loaded = modules.loaded();
    if let Some(Lost { path, why, is_missing }) = modules.lost() {
        let word = match (&path.origin, path.components.last()) {
            (_, Some(last)) => last,
            (PathOrigin::Package(name), None) => name,
            (PathOrigin::Absolute | PathOrigin::Relative(_), None) => "package",
        };
        let importer = about.module.as_ref();
        let first = loaded.iter().position(|module| Some(&module.path) == importer).unwrap_or(0);
        let found = find(word, [&loaded[first]].into_iter().chain(&loaded));
        let (module, line) = found.unwrap_or((&loaded[first], None));
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        let problem = format!("{line}it imports {path}, {why}");
        return match is_missing {
            true => Error::Refused {
                problem: format!("{}: {problem}", module.file.display()),
                remedy: Remedy::Folder,
            },
            false => Error::File { path: module.file.clone(), problem },
        };
    }
    let at = |path: &ModulePath| loaded.iter().find(|module| module.path == *path);
    let module = about.module.as_ref().and_then(at).unwrap_or(&loaded[0]);
    let (module, line) = match (about.place, &about.missing) {
        (Some(place), _) => {
            let before = module.text.bytes().take(place);
            (module, Some(before.filter(|&byte| byte == b'\n').count() + 1))
        }
        // The crate names the module that has not what another asks for.
        (None, Some(word)) => find(word, &loaded).unwrap_or((module, None)),
        (None, None) => (module, None),
    };
    let mut details = format!("error: {}\n  --> {}", about.problem, module.file.display());
    if let Some(line) = line {
        let stated = module.text.lines().nth(line - 1).unwrap_or_default();
        details += &format!(":{line}\n{line:>5} | {stated}\n");
        if stated.trim_start().starts_with("import") {
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
    /// A name that is asked for and not there.
    missing: Option<String>,
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
                ImportError::MissingDecl(_, name) | ImportError::Private(name, _),
            ) => Some(name.clone()),
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
