//! What a store of a cooperative matrix is given where a WGSL text computes it in place, as in
//! `coopStore(m, &a[i], dims.N)`. naga's reader emits that behind the store that refers to it; here it comes first.

use naga::{Block, Expression, Handle, Module, Range, Span, Statement};

use crate::ir::{arms_mut, functions, statement_operands};

/// Has everything that such a store refers to emitted before it.
pub(super) fn bring_forward(module: &mut Module) {
    for function in functions(module) {
        in_block(&mut function.body);
    }
}

fn in_block(block: &mut Block) {
    let is_store = |statement: &Statement| matches!(statement, Statement::CooperativeStore { .. });
    for statement in block.iter_mut() {
        arms_mut(statement).into_iter().for_each(in_block);
    }
    if !block.iter().any(is_store) {
        return;
    }
    // Stores behind which nothing was emitted yet.
    let mut stores: Vec<(Statement, Span)> = Vec::new();
    let mut ordered = Block::new();
    for (statement, span) in std::mem::take(block).span_into_iter() {
        if is_store(&statement) {
            stores.push((statement, span));
            continue;
        }
        let waiting = std::mem::take(&mut stores);
        match statement {
            Statement::Emit(range) => around(&mut ordered, waiting, range, span),
            other => {
                waiting.into_iter().for_each(|(store, span)| ordered.push(store, span));
                ordered.push(other, span);
            }
        }
    }
    stores.into_iter().for_each(|(store, span)| ordered.push(store, span));
    *block = ordered;
}

/// Puts what stands in a range before the first of these stores that refers to it, or behind them. The reader makes
/// expressions in the order of the text, so that all that a store takes ends with its last operand.
fn around(
    ordered: &mut Block,
    stores: Vec<(Statement, Span)>,
    range: Range<Expression>,
    span: Span,
) {
    let all: Vec<Handle<Expression>> = range.collect();
    let mut rest = &all[..];
    let emit = |ordered: &mut Block, some: &[Handle<Expression>]| {
        if let [first, .., last] | [first @ last] = *some {
            ordered.push(Statement::Emit(Range::new_from_bounds(first, last)), span);
        }
    };
    for (mut store, its_span) in stores {
        let mut last = None;
        statement_operands(&mut store, &mut |operand| last = last.max(Some(*operand)));
        let own = rest.iter().take_while(|&&handle| Some(handle) <= last).count();
        let (now, later) = rest.split_at(own);
        emit(ordered, now);
        ordered.push(store, its_span);
        rest = later;
    }
    emit(ordered, rest);
}
