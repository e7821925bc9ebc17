//! What an invocation has to hand over, and the one loop that empties it into the counter buffer, carries
//! included. Knows limbs and amounts; not whose counters they are.

use naga::{
    Arena, BinaryOperator as Op, Block, Expression, GlobalVariable, Handle, LocalVariable, Span,
    Statement, Type,
};

use crate::instrument::code::Code;

/// What an invocation still has to add to the buffer.
pub(super) struct Queue<'a> {
    variables: &'a mut Arena<LocalVariable>,
    /// The type of a counter.
    pub(super) number: Handle<Type>,
    /// Where the counters of this workgroup begin, in limbs.
    stripe: Handle<Expression>,
    /// Which limb, and the variable that holds how much; 0 is nothing.
    adds: Vec<(Handle<Expression>, Handle<Expression>)>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(
        variables: &'a mut Arena<LocalVariable>,
        number: Handle<Type>,
        stripe: Handle<Expression>,
    ) -> Self {
        Self { variables, number, stripe, adds: Vec::new() }
    }

    /// A variable of the function that holds `value`.
    pub(super) fn variable(
        &mut self,
        code: &mut Code<'_>,
        value: Handle<Expression>,
    ) -> Handle<Expression> {
        let variable = LocalVariable { name: None, ty: self.number, init: None };
        let variable = self.variables.append(variable, Span::UNDEFINED);
        let pointer = code.name(Expression::LocalVariable(variable));
        code.statement(Statement::Store { pointer, value });
        pointer
    }

    /// Puts `value` for a counter.
    pub(super) fn put(&mut self, code: &mut Code<'_>, counter: u32, value: Handle<Expression>) {
        let limb = code.number(2 * counter);
        self.put_at(code, limb, value);
    }

    /// Puts `value` for a limb of the workgroup's stripe.
    pub(super) fn put_at(
        &mut self,
        code: &mut Code<'_>,
        limb: Handle<Expression>,
        value: Handle<Expression>,
    ) {
        let variable = self.variable(code, value);
        self.put_variable(code, limb, variable);
    }

    /// Puts what a variable holds for a limb of the workgroup's stripe.
    pub(super) fn put_variable(
        &mut self,
        code: &mut Code<'_>,
        limb: Handle<Expression>,
        variable: Handle<Expression>,
    ) {
        let limb = code.binary(Op::Add, self.stripe, limb);
        self.adds.push((limb, variable));
    }

    /// Adds everything to the buffer. The first round hands over what was put first; invocations with
    /// a carry or more in the queue go round again.
    pub(super) fn empty(mut self, code: &mut Code<'_>, buffer: Handle<GlobalVariable>) {
        let zero = code.number(0);
        let (limb, value) = self.adds.remove(0);
        let at = self.variable(code, limb);
        let carry = self.variable(code, zero);
        let body = code.inside(|code| {
            let limb = code.load(at);
            let amount = code.load(value);
            code.statement(Statement::Store { pointer: carry, value: zero });
            code.unless_zero(amount, |code| {
                let base = code.global(buffer);
                let pointer = code.emit(Expression::Access { base, index: limb });
                let before = code.atomic_add(pointer, amount, self.number);
                let after = code.binary(Op::Add, before, amount);
                let above = code.less(after, before);
                code.statement(Statement::Store { pointer: carry, value: above });
            });
            let mut limb = code.binary_number(Op::Add, limb, 1);
            let mut amount = code.load(carry);
            for &(its_limb, variable) in &self.adds {
                let its_amount = code.load(variable);
                let condition = code.binary_number(Op::Equal, amount, 0);
                let mut pick =
                    |accept, reject| code.emit(Expression::Select { condition, accept, reject });
                limb = pick(its_limb, limb);
                amount = pick(its_amount, amount);
                let left = pick(zero, its_amount);
                code.statement(Statement::Store { pointer: variable, value: left });
            }
            code.statement(Statement::Store { pointer: at, value: limb });
            code.statement(Statement::Store { pointer: value, value: amount });
            // Here, and not where loops go on: Mesa puts that before the body, for another masked round.
            let condition = code.binary_number(Op::Equal, amount, 0);
            let mut accept = Block::new();
            accept.push(Statement::Break, Span::UNDEFINED);
            code.statement(Statement::If { condition, accept, reject: Block::new() });
        });
        code.statement(Statement::Loop { body, continuing: Block::new(), break_if: None });
    }
}
