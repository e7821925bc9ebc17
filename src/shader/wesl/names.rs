//! Which module a declaration is of, and what it is called where all modules are one.

use std::collections::{HashMap, HashSet};

use ::wesl::{
    BasicSourceMap, SourceMap,
    syntax::{GlobalDeclarationNode, Ident, TranslationUnit},
};

use super::{modules::Module, stated::declared};

/// The module of each declaration, by its place among those that were read. Names of modules but the first are still as
/// `map` has them.
pub(super) fn homes(
    unit: &TranslationUnit,
    map: Option<&BasicSourceMap>,
    modules: &[Module],
) -> Vec<usize> {
    let mut last = 0;
    let homes = unit.global_declarations.iter().map(|node| {
        last = match declared(node) {
            Some(ident) => {
                let home = map.and_then(|map| map.get_decl(&ident.name()));
                let home =
                    home.and_then(|(path, _)| modules.iter().position(|it| it.path == *path));
                home.unwrap_or(0)
            }
            // An assertion has no name. Modules follow one another.
            None => {
                let has_it = |module: &Module| {
                    let stated = module.text.get(node.span().range());
                    stated.is_some_and(|stated| stated.contains("const_assert"))
                };
                (last..modules.len()).find(|&at| has_it(&modules[at])).unwrap_or(last)
            }
        };
        last
    });
    homes.collect()
}

/// Gives what was imported its own name again, where nothing else has that name: it is what a user sets, binds and reads.
pub(super) fn restore(unit: &mut TranslationUnit, map: Option<&BasicSourceMap>) {
    let text = unit.to_string();
    let parts = |c: char| c.is_ascii() && !(c.is_ascii_alphanumeric() || c == '_');
    let taken: HashSet<&str> = text.split(parts).collect();
    let own = |node: &GlobalDeclarationNode| {
        let ident = declared(node)?;
        let (_, own) = map?.get_decl(&ident.name())?;
        Some((ident.clone(), own.to_owned()))
    };
    let imported: Vec<(Ident, String)> = unit.global_declarations.iter().filter_map(own).collect();
    let mut wanted: HashMap<&str, usize> = HashMap::new();
    for (_, own) in &imported {
        *wanted.entry(own).or_default() += 1;
    }
    for (mut ident, own) in imported.iter().cloned() {
        if wanted[own.as_str()] == 1 && !taken.contains(own.as_str()) {
            // All uses share the name.
            ident.rename(own);
        }
    }
}
