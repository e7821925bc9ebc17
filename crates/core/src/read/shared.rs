//! Structures in GLSL's shared memory, which naga's reader lays out as std140 has those of uniform blocks: two floats
//! take 16 bytes there. No layout is stated for shared memory, so that its members are put as close to each other here
//! as they may lie. What cannot be is refused by `layout` afterwards.

use std::collections::{BTreeMap, BTreeSet};

use naga::{AddressSpace, Handle, Module, Type, TypeInner, UniqueArena};

use super::layout::{Rules, place};

/// Puts members of structures that are in shared memory, and in no block, as close to each other as they may lie.
pub(super) fn lay_out(module: &mut Module) {
    let (mut shared, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
    for (_, variable) in module.global_variables.iter() {
        match variable.space {
            AddressSpace::WorkGroup => within(&module.types, variable.ty, &mut shared),
            AddressSpace::Uniform | AddressSpace::Storage { .. } | AddressSpace::Immediate => {
                within(&module.types, variable.ty, &mut elsewhere);
            }
            _ => {}
        }
    }
    // What a type is made of stands before it.
    let mut same = BTreeMap::new();
    for &ty in shared.difference(&elsewhere) {
        let Some(closer) = closer(&module.types, ty, &same) else { continue };
        match module.types.get(&closer) {
            Some(known) => {
                same.insert(ty, known);
            }
            None => module.types.replace(ty, closer),
        }
    }
    for (_, variable) in module.global_variables.iter_mut() {
        if variable.space == AddressSpace::WorkGroup {
            variable.ty = *same.get(&variable.ty).unwrap_or(&variable.ty);
        }
    }
}

/// The types that are others' by now.
type Same = BTreeMap<Handle<Type>, Handle<Type>>;

/// A type and all that it is made of.
fn within(types: &UniqueArena<Type>, ty: Handle<Type>, found: &mut BTreeSet<Handle<Type>>) {
    if !found.insert(ty) {
        return;
    }
    match types[ty].inner {
        TypeInner::Array { base, .. } => within(types, base, found),
        TypeInner::Struct { ref members, .. } => {
            members.iter().for_each(|member| within(types, member.ty, found));
        }
        _ => {}
    }
}

/// A type whose parts lie closer to each other, if they can.
fn closer(types: &UniqueArena<Type>, ty: Handle<Type>, same: &Same) -> Option<Type> {
    // One that stands behind this type cannot be a part of it.
    let part = |part: Handle<Type>| *same.get(&part).filter(|&&known| known < ty).unwrap_or(&part);
    let mut closer = types[ty].clone();
    match &mut closer.inner {
        TypeInner::Array { base, stride, .. } => {
            *base = part(*base);
            let element = place(types, *base, Rules::Std430);
            *stride = element.size.next_multiple_of(element.align);
        }
        TypeInner::Struct { members, span } => {
            let mut end = 0_u32;
            for member in members.iter_mut() {
                member.ty = part(member.ty);
                let place = place(types, member.ty, Rules::Std430);
                member.offset = end.next_multiple_of(place.align);
                end = member.offset.saturating_add(place.size);
            }
            *span = place(types, ty, Rules::Std430).size;
        }
        _ => {}
    }
    (closer != types[ty]).then_some(closer)
}
