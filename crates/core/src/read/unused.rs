//! Loads in GLSL that naga's reader adds and whose values are never used: of the array whose length is asked, of what an
//! `out` argument is written to, of the vector whose components are assigned. They are not emitted here, nor is what
//! only they refer to. What a text computes and drops stays: only loads and parts of values are looked for.

use std::collections::BTreeSet;

use naga::{Block, Expression, Function, Module, Statement};

use super::uses::Uses;
use crate::ir::{Operand, arms_mut, emit, functions, operands};

/// Removes unused loads from every function of a module.
pub(super) fn take_out(module: &mut Module) {
    for function in functions(module) {
        let unused = unused(function);
        if !unused.is_empty() {
            omit(&mut function.body, &unused);
        }
    }
}

fn unused(function: &Function) -> BTreeSet<Operand> {
    let Uses { emitted, users } = Uses::of(function);
    let mut left: Vec<usize> = users.iter().map(Vec::len).collect();
    let mut unused = BTreeSet::new();
    // Users come behind what they use.
    for &handle in emitted.iter().rev() {
        let is_part = matches!(
            function.expressions[handle],
            Expression::Load { .. }
                | Expression::Access { .. }
                | Expression::AccessIndex { .. }
                | Expression::Swizzle { .. }
        );
        let had_users = !users[handle.index()].is_empty();
        if left[handle.index()] == 0 && (is_part || had_users) {
            unused.insert(handle);
            let mut expression = function.expressions[handle].clone();
            operands(&mut expression, &mut |operand| left[operand.index()] -= 1);
        }
    }
    unused
}

/// Emits none of these expressions any more.
pub(super) fn omit(block: &mut Block, unused: &BTreeSet<Operand>) {
    for (mut statement, span) in std::mem::take(block).span_into_iter() {
        if let Statement::Emit(range) = statement {
            emit(block, range.filter(|handle| !unused.contains(handle)), span);
            continue;
        }
        arms_mut(&mut statement).into_iter().for_each(|arm| omit(arm, unused));
        block.push(statement, span);
    }
}
