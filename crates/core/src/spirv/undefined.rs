//! A module whose functions have values that nobody defines, for readers that take none there: each is the zero of its
//! type, in front of all functions. Pointers stay as they are, since they have no zero. Knows nothing of readers.

use rspirv::spirv::Op;

use super::{
    module::{Module, Type},
    words::{Instruction, push},
};

/// All words of the module; `None` where it has no such value.
pub(super) fn of(module: &Module<'_>) -> Option<Vec<u32>> {
    let (head, code) = module.in_two();
    let zero = |instruction: &Instruction<'_>| {
        let (ty, id) = instruction.result_type().zip(instruction.result())?;
        let is_pointer = matches!(module.types.get(&ty), Some(Type::Pointer { .. }));
        (instruction.is(Op::Undef) && !is_pointer).then_some([ty, id])
    };
    let mut words = module.header.to_vec();
    words.extend(head.iter().flat_map(|it| it.words));
    let before = words.len();
    for zero in code.iter().filter_map(zero) {
        push(&mut words, Op::ConstantNull, &zero);
    }
    let is_changed = words.len() > before;
    words.extend(code.iter().filter(|it| zero(it).is_none()).flat_map(|it| it.words));
    is_changed.then_some(words)
}
