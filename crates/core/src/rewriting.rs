//! A function whose expressions are written anew, one after the other: which take the place of each, and which of them
//! are emitted where it was. Knows structure, and nothing of why an expression is another one.

use std::collections::BTreeMap;

use naga::{Arena, Block, Expression, Function, Span, Statement};

use crate::ir::{Operand, arms_mut, emit, operands, statement_operands};

/// The expressions that were written, and where the old ones went.
#[derive(Default)]
pub(crate) struct Rewriting {
    /// Those that were written.
    pub(crate) expressions: Arena<Expression>,
    /// How many of them come before all that stand for old ones.
    prefix: usize,
    /// Where each old expression is, by its index. Nothing that is evaluated refers to one that is nowhere.
    places: Vec<Option<Operand>>,
    /// How many expressions were written when each old one had its place.
    written: Vec<usize>,
}

impl Rewriting {
    /// Begins behind expressions to which everything may refer.
    pub(crate) fn behind(prefix: Arena<Expression>) -> Self {
        Self { prefix: prefix.len(), expressions: prefix, ..Self::default() }
    }

    /// Where an old expression is, if it is anywhere yet.
    pub(crate) fn place(&self, old: Operand) -> Option<Operand> {
        self.places.get(old.index()).copied().flatten()
    }

    /// An old expression with operands where they are now; `None` where one of them is nowhere.
    pub(crate) fn moved(&self, expression: &Expression) -> Option<Expression> {
        let mut expression = expression.clone();
        let mut is_known = true;
        operands(&mut expression, &mut |operand| match self.place(*operand) {
            Some(place) => *operand = place,
            None => is_known = false,
        });
        is_known.then_some(expression)
    }

    /// Writes an expression.
    pub(crate) fn write(&mut self, expression: Expression, span: Span) -> Operand {
        self.expressions.append(expression, span)
    }

    /// Says where the next old expression is. All that was written since the one before it is emitted where it was.
    pub(crate) fn put(&mut self, place: Option<Operand>) {
        self.places.push(place);
        self.written.push(self.expressions.len());
    }

    /// Gives a function the expressions that were written in place of its own.
    pub(crate) fn finish(self, function: &mut Function) {
        let Self { expressions, prefix, places, written } = self;
        let handles: Vec<Operand> = expressions.iter().map(|(handle, _)| handle).collect();
        let emits = |old: Operand| {
            let from = old.index().checked_sub(1).map_or(prefix, |before| written[before]);
            handles[from..written[old.index()]]
                .iter()
                .copied()
                .filter(|&handle| !expressions[handle].needs_pre_emit())
        };
        let place = |old: Operand| places[old.index()].unwrap_or(old);
        relocate(&mut function.body, &place, &emits);
        for (_, variable) in function.local_variables.iter_mut() {
            variable.init.iter_mut().for_each(|init| *init = place(*init));
        }
        let named = std::mem::take(&mut function.named_expressions).into_iter();
        function.named_expressions =
            named.filter_map(|(old, name)| Some((places[old.index()]?, name))).collect();
        function.expressions = expressions;
    }
}

fn relocate<I: Iterator<Item = Operand>>(
    block: &mut Block,
    place: &dyn Fn(Operand) -> Operand,
    emits: &dyn Fn(Operand) -> I,
) {
    for (mut statement, span) in std::mem::take(block).span_into_iter() {
        if let Statement::Emit(range) = statement {
            emit(block, range.flat_map(emits), span);
            continue;
        }
        statement_operands(&mut statement, &mut |operand| *operand = place(*operand));
        arms_mut(&mut statement).into_iter().for_each(|arm| relocate(arm, place, emits));
        block.push(statement, span);
    }
}

/// Puts expressions before all others of a function, where everything may refer to them; `replaced` says which of the
/// old ones are now one of those.
pub(crate) fn prepend(
    function: &mut Function,
    prefix: Arena<Expression>,
    replaced: &BTreeMap<Operand, Operand>,
) {
    let mut rewriting = Rewriting::behind(prefix);
    let old = function.expressions.take();
    for (handle, expression) in old.iter() {
        let place =
            rewriting.moved(expression).map(|its| rewriting.write(its, old.get_span(handle)));
        rewriting.put(replaced.get(&handle).copied().or(place));
    }
    rewriting.finish(function);
}
