//! Where modules lie: from the path by which one is imported to a file and its text.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use ::wesl::{
    ModulePath, ResolveError, Resolver,
    syntax::{
        Attribute, GlobalDeclarationNode, Import, ImportContent, PathOrigin, TranslationUnit,
    },
};
use flopmeter_core::read::levels;

use super::super::text::text_of;
use super::stated::{declared, stated};

/// The endings of modules, in the order in which they are looked for.
const ENDINGS: [&str; 2] = ["wesl", "wgsl"];

/// A module that was read.
#[derive(Clone)]
pub(super) struct Module {
    pub path: ModulePath,
    pub file: PathBuf,
    /// What reports call it; `None` for the first, whose file the user named.
    pub shown: Option<String>,
    pub text: Rc<str>,
}

/// Why a module was not read.
#[derive(Clone)]
pub(super) struct Lost {
    pub path: ModulePath,
    pub why: String,
    /// Whether a file of it in another folder would help.
    pub is_missing: bool,
}

/// An item of a module.
type Item = (ModulePath, String);

/// The modules of a shader, read where they are asked for.
pub(super) struct Modules<'a> {
    root: ModulePath,
    /// The folder of the first file.
    home: &'a Path,
    folders: &'a [PathBuf],
    /// Levels that a module may be nested.
    deepest: usize,
    loaded: RefCell<Vec<Module>>,
    /// What modules pass on of others.
    passed_on: RefCell<HashMap<Item, Item>>,
    lost: RefCell<Option<Lost>>,
}

impl<'a> Modules<'a> {
    /// The modules of a file with this text: they lie in its folder, and those of packages in the others.
    pub fn new(file: &'a Path, text: String, folders: &'a [PathBuf], deepest: usize) -> Self {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let root = ModulePath::new(PathOrigin::Absolute, vec![stem.into_owned()]);
        let first =
            Module { path: root.clone(), file: file.to_owned(), shown: None, text: text.into() };
        Self {
            root,
            home: file.parent().unwrap_or(Path::new("")),
            folders,
            deepest,
            loaded: RefCell::new(vec![first]),
            passed_on: RefCell::default(),
            lost: RefCell::default(),
        }
    }

    /// The path of the first.
    pub fn root(&self) -> &ModulePath {
        &self.root
    }

    /// Those that were read, the first file before all others.
    pub fn loaded(&self) -> Vec<Module> {
        self.loaded.borrow().clone()
    }

    /// The one that could not be read, if any.
    pub fn lost(&self) -> Option<Lost> {
        self.lost.borrow().clone()
    }

    /// Whether there is such an item in a module, or such a module in it. A module that is no text of the language has
    /// what one asks for: that is told where it is used.
    pub fn has(&self, path: &ModulePath, item: &str) -> Result<bool, Lost> {
        let within = path.clone().join([item.to_owned()]);
        let is_module = |path: &ModulePath| {
            self.loaded.borrow().iter().any(|it| it.path == *path) || self.load(path).is_ok()
        };
        let known = self.loaded.borrow().iter().find(|it| it.path == *path).cloned();
        let module = match known.map_or_else(|| self.load(path), Ok) {
            Ok(module) => module,
            Err(_) if is_module(&within) => return Ok(true),
            // What is no place of a module may be of modules.
            Err(lost) if !lost.is_missing => return Err(self.load(&within).err().unwrap_or(lost)),
            Err(lost) => return Err(lost),
        };
        let Ok(unit) = module.text.parse::<TranslationUnit>() else { return Ok(true) };
        let names = |node: &GlobalDeclarationNode| {
            declared(node).is_some_and(|ident| *ident.name() == item)
        };
        Ok(unit.global_declarations.iter().any(names)
            || stated(path, &module.text).iter().any(|it| it.called.as_deref() == Some(item))
            || is_module(&within))
    }

    /// Reads a module from the first folder that has it.
    fn load(&self, path: &ModulePath) -> Result<Module, Lost> {
        let lost = |why, is_missing| Lost { path: path.clone(), why, is_missing };
        let (package, folders): (_, Vec<&Path>) = match &path.origin {
            PathOrigin::Absolute | PathOrigin::Relative(_) => {
                (None, [self.home].into_iter().chain(self.folders.iter().map(|f| &**f)).collect())
            }
            // A package within a package has both names.
            PathOrigin::Package(name) => {
                (name.rsplit('/').next(), self.folders.iter().map(|f| &**f).collect())
            }
        };
        let within: PathBuf =
            package.into_iter().chain(path.components.iter().map(String::as_str)).collect();
        if within.as_os_str().is_empty() {
            return Err(lost("which names no module".to_owned(), false));
        }
        let mut tried = Vec::new();
        for folder in folders {
            for ending in ENDINGS {
                let file = folder.join(&within).with_extension(ending);
                match text_of(&file) {
                    Ok(text) => return self.read(path, file, text),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => {
                        let why = format!("and {} cannot be read: {error}", file.display());
                        return Err(lost(why, false));
                    }
                }
            }
            tried.push(format!("{}.{}", folder.join(&within).display(), ENDINGS.join(" or .")));
        }
        let why = match (package, tried.is_empty()) {
            (Some(name), true) => format!(
                "and no folder was named that has the package '{name}' (a file beside is package::{name})"
            ),
            _ => format!("and there is no {}", tried.join(" and no ")),
        };
        Err(lost(why, true))
    }

    fn read(&self, path: &ModulePath, file: PathBuf, text: String) -> Result<Module, Lost> {
        let lost = |why| Lost { path: path.clone(), why, is_missing: false };
        let nested = levels(&text);
        if nested > self.deepest {
            return Err(lost(format!(
                "and {} is nested {nested} levels deep: {} are read at most",
                file.display(),
                self.deepest
            )));
        }
        if let Some((module, item)) = self.circle(path, &text) {
            return Err(lost(format!("which passes '{item}' of {module} on in a circle")));
        }
        let shown = file.strip_prefix(self.home).unwrap_or(&file).display().to_string();
        let (path, text) = (path.clone(), text.into());
        Ok(Module { path, file, shown: Some(shown), text })
    }

    /// Remembers what a module passes on of others; an item that is passed on to where it comes from, if there is one.
    fn circle(&self, path: &ModulePath, text: &str) -> Option<Item> {
        // A module that does not parse is reported when it is compiled.
        let unit: TranslationUnit = match text.contains("@publish") {
            true => text.parse().ok()?,
            false => return None,
        };
        let mut passed_on = self.passed_on.borrow_mut();
        for import in unit.imports {
            let is_public = |it: &::wesl::syntax::AttributeNode| matches!(**it, Attribute::Publish);
            if !import.attributes.iter().any(is_public) {
                continue;
            }
            let from = import.path.map_or_else(|| path.clone(), |from| path.join_path(&from));
            items(&import.content, from, &mut |name, item| {
                passed_on.insert((path.clone(), name), item);
            });
        }
        // One and the same of several, whatever order they are kept in.
        let keys = passed_on.keys();
        let is_circle = |start: &&Item| {
            let mut at = *start;
            // As many steps as there are lead out of a chain of all of them.
            for _ in 0..=passed_on.len() {
                match passed_on.get(at) {
                    Some(next) => at = next,
                    None => return false,
                }
            }
            true
        };
        keys.filter(is_circle).min_by_key(|(path, item)| (path.to_string(), item.clone())).cloned()
    }
}

/// Each name that an import gives, and the item that it stands for.
fn items(content: &ImportContent, from: ModulePath, each: &mut impl FnMut(String, Item)) {
    match content {
        ImportContent::Item(item) => {
            let name = item.rename.as_ref().unwrap_or(&item.ident).to_string();
            each(name, (from, item.ident.to_string()));
        }
        ImportContent::Collection(imports) => {
            for Import { path, content } in imports {
                items(content, from.clone().join(path.iter().cloned()), each);
            }
        }
    }
}

impl Resolver for Modules<'_> {
    fn resolve_source<'a>(&'a self, path: &ModulePath) -> Result<Cow<'a, str>, ResolveError> {
        let known = self.loaded.borrow().iter().find(|it| it.path == *path).cloned();
        let module = match known {
            Some(module) => module,
            None => {
                let module = self.load(path).map_err(|lost| {
                    let error = ResolveError::ModuleNotFound(path.clone(), lost.why.clone());
                    self.lost.replace(Some(lost));
                    error
                })?;
                self.loaded.borrow_mut().push(module.clone());
                module
            }
        };
        Ok(Cow::Owned(module.text.to_string()))
    }
}
