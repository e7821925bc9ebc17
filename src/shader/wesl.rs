//! WESL: WGSL with imports and conditional translation, which the crate of that name resolves. Makes one source of a file
//! and the modules that it imports, in the lines of their own; what it means is for the reader of WGSL.

mod fault;
mod layout;
mod modules;
mod names;
mod stated;

use std::{collections::BTreeMap, path::Path};

use ::wesl::{CompileOptions, CompileResult, EscapeMangler, Features, compile_sourcemap};
use flopmeter_core::{
    guard::{Stage, guarded, with_room},
    read::levels,
    source::{Piece, Source},
};

use self::{layout::Sheet, modules::Modules};
use super::text::{self, SourceOptions};
use crate::{Error, KernelError};

/// Levels that any module may be nested.
const LEVELS: usize = 1 << 12;

/// The source of a file of WESL. What `options` define are features: on, unless they are `0` or `false`.
pub(super) fn source(
    name: &str,
    path: &Path,
    text: String,
    options: &SourceOptions,
) -> Result<Source, Error> {
    let features = features(name, options)?;
    let room = levels(&text).max(LEVELS);
    guarded(name, Stage::Reading, || {
        with_room(name, room, || {
            let modules = Modules::new(path, text, &options.folders, room);
            let options_of_crate = CompileOptions {
                features,
                // What a user may bind or set is there, used or not, as in WGSL.
                keep_root: true,
                // The reader of WGSL knows more, and says where.
                validate: false,
                ..CompileOptions::default()
            };
            let resolved =
                compile_sourcemap(modules.root(), &modules, &EscapeMangler, &options_of_crate);
            fault::of_names(name, &modules)?;
            let resolved = resolved.map_err(|error| fault::told(name, error, &modules))?;
            fault::of_unused(name, &modules)?;
            fault::of_escaped(name, &modules, &resolved)?;
            let loaded = modules.loaded();
            let texts: Vec<&str> = loaded.iter().map(|module| &*module.text).collect();
            text::asked_for(name, options, &texts)?;
            Ok(laid_out(resolved, &loaded))
        })
    })
}

/// What each definition switches.
fn features(name: &str, options: &SourceOptions) -> Result<Features, Error> {
    let mut features = Features::default();
    for (feature, value) in &options.defines {
        let is_on = match value.as_str() {
            "1" | "true" => true,
            "0" | "false" => false,
            _ => {
                let problem = format!(
                    "'{feature}' is defined as '{value}', and a feature of WESL is on or off: 1 or true, 0 or false"
                );
                return Err(KernelError::Kernel { kernel: name.to_owned(), problem }.into());
            }
        };
        features.flags.insert(feature.clone(), is_on.into());
    }
    Ok(features)
}

/// Every module that was read, in its own lines: those of what is used, the others empty.
fn laid_out(resolved: CompileResult, loaded: &[modules::Module]) -> Source {
    let CompileResult { mut syntax, sourcemap, .. } = resolved;
    let homes = names::homes(&syntax, sourcemap.as_ref(), loaded);
    names::restore(&mut syntax, sourcemap.as_ref());
    let mut declared: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for (declaration, home) in syntax.global_declarations.iter().zip(homes) {
        declared.entry(home).or_default().push(declaration);
    }
    // The crate asks for modules in no order of its own.
    let mut order: Vec<usize> = (0..loaded.len()).collect();
    order.sort_by_key(|&index| (index > 0, &loaded[index].file));
    let pieces = order.into_iter().map(|index| {
        let module = &loaded[index];
        let mut sheet = Sheet::new(&module.text);
        if index == 0 {
            syntax.global_directives.iter().for_each(|directive| sheet.directive(directive));
        }
        let mut here = declared.remove(&index).unwrap_or_default();
        here.sort_by_key(|declaration| declaration.span().start);
        here.into_iter().for_each(|declaration| sheet.declaration(declaration));
        let stated = module.text.lines().flat_map(|line| [line, "\n"]).collect();
        Piece { file: module.shown.clone(), skipped: 0, text: sheet.finished(), stated }
    });
    Source::pieced(&pieces.collect::<Vec<_>>())
}
