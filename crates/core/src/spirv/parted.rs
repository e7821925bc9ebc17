//! A module that takes floats apart into structures, for readers that know no function that leaves one of two parts in a
//! variable: `Modf` and `Frexp` of GLSL become `ModfStruct` and `FrexpStruct`, whose second part is stored. Variables of
//! a function and private ones cost nothing; what is left elsewhere stays as it is. Knows nothing of readers.

use std::collections::BTreeMap;

use rspirv::spirv::{GlslStd450Op as Glsl, Op, StorageClass};

use super::{
    build::Builder,
    module::{Module, Type},
    signs,
    words::{Id, Instruction, push},
};

/// All words of the module; `None` where they stay what they are.
pub(super) fn of(module: &Module<'_>) -> Option<Vec<u32>> {
    let mut b = Builder::new(module);
    let mut structures = BTreeMap::new();
    for instruction in module.in_two().1 {
        if part(module, &mut b, *instruction, &mut structures).is_none() {
            b.code.extend(instruction.words);
        }
    }
    (!structures.is_empty()).then(|| b.rewritten())
}

/// Writes such a function; `None` where an instruction is none. `structures` has a type for each two parts.
fn part(
    module: &Module<'_>,
    b: &mut Builder<'_, '_>,
    instruction: Instruction<'_>,
    structures: &mut BTreeMap<(Id, Id), Id>,
) -> Option<()> {
    let function = match signs::glsl(module, instruction)? {
        Glsl::Modf => Glsl::ModfStruct,
        Glsl::Frexp => Glsl::FrexpStruct,
        _ => return None,
    };
    let &[set, _, of, place] = instruction.operands() else { return None };
    let (first, result) = (instruction.result_type()?, instruction.result()?);
    let Type::Pointer { class, pointee: second } =
        *module.types.get(module.type_of.get(&place)?)?
    else {
        return None;
    };
    let free = [StorageClass::Function as u32, StorageClass::Private as u32];
    if !free.contains(&class) {
        return None;
    }
    let both = *structures.entry((first, second)).or_insert_with(|| {
        let id = b.id();
        push(&mut b.globals, Op::TypeStruct, &[id, first, second]);
        id
    });
    let parts = b.value(Op::ExtInst, both, &[set, function as u32, of]);
    b.statement(Op::CompositeExtract, &[first, result, parts, 0]);
    let part = b.value(Op::CompositeExtract, second, &[parts, 1]);
    b.statement(Op::Store, &[place, part]);
    Some(())
}
