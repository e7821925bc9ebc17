//! A module that picks components of vectors by places, for readers that would compare a computed index with the number
//! of each component: the vector is stored to a variable of the function, and the component loaded or stored there.
//! Neither costs anything, as the instruction itself does not. Knows nothing of readers.

use std::collections::BTreeMap;

use rspirv::spirv::{Op, StorageClass};

use super::{
    build::Builder,
    module::Module,
    words::{Id, Instruction},
};

/// All words of the module; `None` where it picks none.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>) -> Result<Option<Vec<u32>>, String> {
    if !module.instructions.iter().any(|&instruction| picks(instruction)) {
        return Ok(None);
    }
    let mut b = Builder::new(module);
    for function in &module.functions {
        let instructions = &module.instructions[function.range.clone()];
        let mut places = BTreeMap::new();
        for instruction in instructions.iter().filter(|&&instruction| picks(instruction)) {
            let (vector, index) = operands(*instruction);
            let known = module.values.contains_key(&index).then_some(index);
            for value in [Some(vector), known].into_iter().flatten() {
                places.entry(module.value_type(value)?).or_insert_with(|| b.id());
            }
        }
        let mut is_begun = false;
        for &instruction in instructions {
            if picks(instruction) {
                pick(module, &mut b, instruction, &places)?;
                continue;
            }
            b.code.extend(instruction.words);
            // Variables stand at the beginning of the first block.
            if instruction.is(Op::Label) && !std::mem::replace(&mut is_begun, true) {
                for (&of, &place) in &places {
                    let ty = b.pointer(StorageClass::Function, of);
                    b.statement(Op::Variable, &[ty, place, StorageClass::Function as u32]);
                }
            }
        }
    }
    Ok(Some(b.rewritten()))
}

fn picks(instruction: Instruction<'_>) -> bool {
    matches!(instruction.op(), Some(Op::VectorExtractDynamic | Op::VectorInsertDynamic))
}

/// The vector and the index.
fn operands(instruction: Instruction<'_>) -> (Id, Id) {
    let operands = instruction.operands();
    (operands[0], operands[operands.len() - 1])
}

/// Writes such an instruction; `places` has a variable for each type of vectors, and of indices that are known.
fn pick(
    module: &Module<'_>,
    b: &mut Builder<'_, '_>,
    instruction: Instruction<'_>,
    places: &BTreeMap<Id, Id>,
) -> Result<(), String> {
    let (vector, mut index) = operands(instruction);
    let (ty, id) =
        instruction.result_type().zip(instruction.result()).ok_or("a value without a type")?;
    let place = places[&module.value_type(vector)?];
    b.statement(Op::Store, &[place, vector]);
    // Readers refuse one that is known to be past the end, even in code that never runs.
    if module.values.contains_key(&index) {
        let ty = module.value_type(index)?;
        b.statement(Op::Store, &[places[&ty], index]);
        index = b.value(Op::Load, ty, &[places[&ty]]);
    }
    if instruction.is(Op::VectorInsertDynamic) {
        let component = instruction.operands()[1];
        let pointer = b.pointer(StorageClass::Function, module.value_type(component)?);
        let part = b.value(Op::AccessChain, pointer, &[place, index]);
        b.statement(Op::Store, &[part, component]);
        b.statement(Op::Load, &[ty, id, place]);
    } else {
        let pointer = b.pointer(StorageClass::Function, ty);
        let part = b.value(Op::AccessChain, pointer, &[place, index]);
        b.statement(Op::Load, &[ty, id, part]);
    }
    Ok(())
}
