//! A module whose loops end where a condition holds, for readers that would negate the one for which a loop goes on, which
//! is an operation: a function chooses the opposite instead, at no cost. Knows nothing of readers.

use std::collections::HashSet;

use rspirv::spirv::Op;

use super::{
    build::Builder,
    choice::Choices,
    module::{Module, Type},
    words::{Id, Instruction, push},
};

/// All words of the module; `None` where they stay what they are.
pub(super) fn of(module: &Module<'_>) -> Option<Vec<u32>> {
    let (_, code) = module.in_two();
    let loops = loops(code);
    let goes_on = |instruction: &Instruction<'_>| match *instruction.operands() {
        [_, to, end, ..] => instruction.is(Op::BranchConditional) && loops.contains(&(to, end)),
        _ => false,
    };
    if !code.iter().any(goes_on) {
        return None;
    }
    let (mut b, mut choices) = (Builder::new(module), Choices::default());
    let boolean = b.ty(Type::Bool);
    let [yes, no] = [Op::ConstantTrue, Op::ConstantFalse].map(|op| {
        let id = b.id();
        push(&mut b.globals, op, &[boolean, id]);
        id
    });
    for instruction in code {
        if !goes_on(instruction) {
            b.code.extend(instruction.words);
            continue;
        }
        let &[condition, to, end, ref weights @ ..] = instruction.operands() else { continue };
        let function = choices.of(&mut b, boolean);
        let ends = b.value(Op::FunctionCall, boolean, &[function, condition, no, yes]);
        let mut operands = vec![ends, end, to];
        operands.extend(weights.iter().rev());
        b.statement(Op::BranchConditional, &operands);
    }
    choices.write(module, &mut b);
    Some(b.rewritten())
}

/// The first block of each loop, and the block behind it.
fn loops(code: &[Instruction<'_>]) -> HashSet<(Id, Id)> {
    let mut block = None;
    let mut found = HashSet::new();
    for instruction in code {
        if instruction.is(Op::Label) {
            block = instruction.result();
        }
        if instruction.is(Op::LoopMerge) {
            found.extend(block.map(|header| (header, instruction.operands()[0])));
        }
    }
    found
}
