//! A module that copies an aggregate as another type, or chooses between two, for readers that do neither: a copy is put
//! together of the parts, a choice between structures or arrays is a function that returns one of them, and one between
//! matrices is made of their columns. None of it costs anything but the columns, which cost what the matrices do. Knows
//! nothing of readers.

use rspirv::spirv::Op;

use super::{
    build::Builder,
    choice::Choices,
    module::{Module, Type},
    words::{Id, Instruction},
};

/// Parts that an aggregate may be put together of: as many as an instruction has words.
const MOST: u64 = u16::MAX as u64 - 3;

/// All words of the module; `None` where they stay what they are.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>) -> Result<Option<Vec<u32>>, String> {
    let mut b = Builder::new(module);
    let (mut choices, mut is_changed) = (Choices::default(), false);
    for &instruction in module.in_two().1 {
        match written(module, &mut b, instruction, &mut choices)? {
            Some(()) => is_changed = true,
            None => b.code.extend(instruction.words),
        }
    }
    choices.write(module, &mut b);
    Ok(is_changed.then(|| b.rewritten()))
}

/// Writes a copy or a choice of an aggregate; `None` where an instruction is neither.
fn written(
    module: &Module<'_>,
    b: &mut Builder<'_, '_>,
    instruction: Instruction<'_>,
    choices: &mut Choices,
) -> Result<Option<()>, String> {
    let Some((ty, id)) = instruction.result_type().zip(instruction.result()) else {
        return Ok(None);
    };
    let operands = instruction.operands();
    match (instruction.op(), module.ty(ty)?) {
        (Some(Op::CopyLogical), _) => {
            let from = module.value_type(operands[0])?;
            let Some(parts) = parts(module, b, operands[0], from, ty)? else { return Ok(None) };
            b.statement(Op::CompositeConstruct, &[&[ty, id], &parts[..]].concat());
        }
        (Some(Op::Select), Type::Struct { .. } | Type::Array { .. }) => {
            let function = choices.of(b, ty);
            b.statement(Op::FunctionCall, &[&[ty, id, function], operands].concat());
        }
        (Some(Op::Select), &Type::Matrix { column, columns }) => {
            let mut parts = vec![ty, id];
            for at in 0..columns {
                let of = |b: &mut Builder<'_, '_>, matrix| {
                    b.value(Op::CompositeExtract, column, &[matrix, at])
                };
                let [accepted, rejected] = [operands[1], operands[2]].map(|matrix| of(b, matrix));
                parts.push(b.value(Op::Select, column, &[operands[0], accepted, rejected]));
            }
            b.statement(Op::CompositeConstruct, &parts);
        }
        _ => return Ok(None),
    }
    Ok(Some(()))
}

/// The parts of a value as those of a type that is made the same; `None` where it has too many.
fn parts(
    module: &Module<'_>,
    b: &mut Builder<'_, '_>,
    value: Id,
    from: Id,
    to: Id,
) -> Result<Option<Vec<Id>>, String> {
    let (Some(from), Some(to)) = (members(module, from)?, members(module, to)?) else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for (at, (from, to)) in (0..).zip(from.into_iter().zip(to)) {
        let part = b.value(Op::CompositeExtract, from, &[value, at]);
        let part = match from == to {
            true => part,
            false => match parts(module, b, part, from, to)? {
                Some(its) => b.value(Op::CompositeConstruct, to, &its),
                None => return Ok(None),
            },
        };
        found.push(part);
    }
    Ok(Some(found))
}

/// The types of the members of an aggregate; `None` where it is none, or has too many.
fn members(module: &Module<'_>, ty: Id) -> Result<Option<Vec<Id>>, String> {
    Ok(match module.ty(ty)? {
        Type::Struct { members } => Some(members.clone()),
        &Type::Array { element, length } => {
            let length = module.constant(length)?;
            (length <= MOST).then(|| vec![element; length as usize])
        }
        _ => None,
    })
}
