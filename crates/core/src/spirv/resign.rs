//! A module whose operations of integers have the sign of their types, for readers that go by those: what has another
//! sign is taken for it by `OpBitcast`, which changes no bit and costs nothing. Knows nothing of readers.

use rspirv::spirv::Op;

use super::{
    build::Builder,
    module::{Module, Type},
    signs::{self, is_signed},
    words::{Id, Instruction},
};

/// All words of the module; `None` where they stay what they are.
pub(super) fn of(module: &Module<'_>) -> Option<Vec<u32>> {
    let mut b = Builder::new(module);
    let mut is_changed = false;
    for instruction in module.in_two().1 {
        match resigned(module, &mut b, *instruction) {
            Some(()) => is_changed = true,
            None => b.code.extend(instruction.words),
        }
    }
    is_changed.then(|| b.rewritten())
}

/// Writes an instruction with the signs that it goes by; `None` where that changes nothing or cannot be.
fn resigned(
    module: &Module<'_>,
    b: &mut Builder<'_, '_>,
    instruction: Instruction<'_>,
) -> Option<()> {
    let (result, ty) = (instruction.result()?, instruction.result_type()?);
    let taken = signs::of(module, instruction).filter(|taken| {
        // A pointer leads to what its type says.
        !(taken.result && instruction.name().starts_with("OpAtomic"))
    });
    let kept = signs::kept(module, instruction);
    let mut operands = instruction.operands().to_vec();
    let sign = |id: Id| is_signed(module, *module.type_of.get(&id)?);
    let range = taken.as_ref().map(|taken| taken.operands.clone()).unwrap_or_default();
    let meant = match (&taken, kept) {
        (Some(taken), kept) if taken.result || kept.is_some() => Some(taken.signed),
        (_, Some(kept)) => sign(kept),
        (_, None) => None,
    };
    let is_of_it = taken.as_ref().is_none_or(|taken| {
        let given = operands.get(range.clone()).unwrap_or_default();
        given.iter().all(|&id| sign(id).is_none_or(|its| its == taken.signed))
    });
    let own = is_signed(module, ty);
    let turned = own.is_some() && meant.is_some_and(|meant| own != Some(meant));
    if is_of_it && !turned {
        return None;
    }
    if let Some(taken) = taken {
        for operand in operands.get_mut(range)? {
            if sign(*operand).is_some_and(|its| its != taken.signed) {
                let other = flipped(module, b, *module.type_of.get(operand)?)?;
                *operand = b.value(Op::Bitcast, other, &[*operand]);
            }
        }
    }
    let op = instruction.op()?;
    if turned {
        let other = flipped(module, b, ty)?;
        let value = b.value(op, other, &operands);
        b.statement(Op::Bitcast, &[ty, result, value]);
    } else {
        b.statement(op, &[&[ty, result], &operands[..]].concat());
    }
    Some(())
}

/// The same integers of the other sign.
fn flipped(module: &Module<'_>, b: &mut Builder<'_, '_>, ty: Id) -> Option<Id> {
    match *module.types.get(&ty)? {
        Type::Int { width, signed } => Some(b.ty(Type::Int { width, signed: !signed })),
        Type::Vector { component, count } => {
            let component = flipped(module, b, component)?;
            Some(b.ty(Type::Vector { component, count }))
        }
        _ => None,
    }
}
