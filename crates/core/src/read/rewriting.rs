//! A function whose expressions are written anew, one after the other: which take the place of each, and which of them
//! are emitted where it was. Knows structure, and nothing of why an expression is another one.

use naga::{Arena, Block, Expression, Function, Span, Statement};

use crate::ir::{Operand, arms_mut, emit, operands, statement_operands};

/// The expressions that were written, and where the old ones went.
#[derive(Default)]
pub(super) struct Rewriting {
    /// Those that were written.
    pub(super) expressions: Arena<Expression>,
    /// Where each old expression is, by its index. Nothing that is evaluated refers to one that is nowhere.
    places: Vec<Option<Operand>>,
    /// What is emitted for each old expression.
    emits: Vec<Vec<Operand>>,
}

impl Rewriting {
    /// Where an old expression is, if it is anywhere yet.
    pub(super) fn place(&self, old: Operand) -> Option<Operand> {
        self.places.get(old.index()).copied().flatten()
    }

    /// An old expression with operands where they are now; `None` where one of them is nowhere.
    pub(super) fn moved(&self, expression: &Expression) -> Option<Expression> {
        let mut expression = expression.clone();
        let mut is_known = true;
        operands(&mut expression, &mut |operand| match self.place(*operand) {
            Some(place) => *operand = place,
            None => is_known = false,
        });
        is_known.then_some(expression)
    }

    /// Writes an expression.
    pub(super) fn write(&mut self, expression: Expression, span: Span) -> Operand {
        self.expressions.append(expression, span)
    }

    /// Says where the next old expression is, and what is emitted in its place.
    pub(super) fn put(&mut self, place: Option<Operand>, emits: Vec<Operand>) {
        self.places.push(place);
        self.emits.push(emits);
    }

    /// Gives a function the expressions that were written for its own.
    pub(super) fn finish(self, function: &mut Function) {
        let Self { expressions, places, emits } = self;
        function.expressions = expressions;
        let place = |old: Operand| places[old.index()].unwrap_or(old);
        relocate(&mut function.body, &place, &emits);
        for (_, variable) in function.local_variables.iter_mut() {
            variable.init.iter_mut().for_each(|init| *init = place(*init));
        }
        let named = std::mem::take(&mut function.named_expressions);
        function.named_expressions =
            named.into_iter().map(|(handle, name)| (place(handle), name)).collect();
    }
}

fn relocate(block: &mut Block, place: &dyn Fn(Operand) -> Operand, emits: &[Vec<Operand>]) {
    for (mut statement, span) in std::mem::take(block).span_into_iter() {
        if let Statement::Emit(range) = statement {
            let emitted = range.flat_map(|handle| emits[handle.index()].iter().copied());
            emit(block, emitted, span);
            continue;
        }
        statement_operands(&mut statement, &mut |operand| *operand = place(*operand));
        arms_mut(&mut statement).into_iter().for_each(|arm| relocate(arm, place, emits));
        block.push(statement, span);
    }
}
