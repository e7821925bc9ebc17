//! A loop of a known number of rounds that no compiler can know, and how many of them an invocation was
//! given. Knows nothing of what follows from the number.
//!
//! A lane that is masked is given none: an adapter in lockstep keeps what a loop carries from round to round
//! under its mask, while it computes a plain expression for every lane.
//! An adapter whose budget of loop rounds is used up gives one.

use naga::{
    Arena, BinaryOperator as Op, Block, Expression, Handle, LocalVariable, Span, Statement, Type,
};

use crate::instrument::code::Code;

/// Writes a loop that asks for `wanted` rounds, and returns how many there were. `groups` is the extent of
/// the grid, `number` the type `u32`.
pub(super) fn given(
    code: &mut Code<'_>,
    locals: &mut Arena<LocalVariable>,
    number: Handle<Type>,
    groups: Handle<Expression>,
    wanted: u32,
) -> Handle<Expression> {
    // An invocation that runs has a grid of at least one column, which compilers do not use: were the
    // number a constant, they would unroll the loop.
    let columns = code.emit(Expression::AccessIndex { base: groups, index: 0 });
    let none = code.binary_number(Op::Equal, columns, 0);
    let (more, wanted, zero) = (code.number(wanted + 1), code.number(wanted), code.number(0));
    let wanted = code.select(none, more, wanted);
    let variable = LocalVariable { name: None, ty: number, init: None };
    let variable = locals.append(variable, Span::UNDEFINED);
    let pointer = code.name(Expression::LocalVariable(variable));
    code.statement(Statement::Store { pointer, value: zero });
    let body = code.inside(|code| {
        let before = code.load(pointer);
        let value = code.binary_number(Op::Add, before, 1);
        code.statement(Statement::Store { pointer, value });
        let condition = code.binary(Op::GreaterEqual, value, wanted);
        let mut accept = Block::new();
        accept.push(Statement::Break, Span::UNDEFINED);
        code.statement(Statement::If { condition, accept, reject: Block::new() });
    });
    code.statement(Statement::Loop { body, continuing: Block::new(), break_if: None });
    code.load(pointer)
}
