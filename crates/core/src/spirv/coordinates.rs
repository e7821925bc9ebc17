//! A module that declares the types of coordinates that readers need to take a texel's place in a layer apart: a place in an
//! array of planes has three components, and they look for the type of two. Knows nothing of readers.

use std::collections::BTreeSet;

use rspirv::spirv::Op;

use super::{
    build::Builder,
    module::{Module, Type},
    words::{BOUND, Id},
};

/// All words of the module; `None` where none is missing.
pub(super) fn of(module: &Module<'_>) -> Option<Vec<u32>> {
    let pair = |component: Id| Type::Vector { component, count: 2 };
    let places = module.instructions.iter().filter_map(|it| {
        let is_texel = matches!(it.op()?, Op::ImageFetch | Op::ImageRead | Op::ImageWrite);
        let place = module.type_of.get(it.operands().get(1).filter(|_| is_texel)?)?;
        match *module.types.get(place)? {
            Type::Vector { component, count: 3 } => Some(component),
            _ => None,
        }
    });
    let is_missing = |component: &Id| !module.types.values().any(|ty| *ty == pair(*component));
    let missing: BTreeSet<Id> = places.filter(is_missing).collect();
    if missing.is_empty() {
        return None;
    }
    let mut b = Builder::new(module);
    for component in missing {
        b.ty(pair(component));
    }
    let functions = module.functions.first().map_or(module.instructions.len(), |it| it.range.start);
    let (head, code) = module.instructions.split_at(functions);
    let mut words = module.header.to_vec();
    words[BOUND] = b.bound();
    words.extend(head.iter().flat_map(|it| it.words));
    words.extend(&b.globals);
    words.extend(code.iter().flat_map(|it| it.words));
    Some(words)
}
