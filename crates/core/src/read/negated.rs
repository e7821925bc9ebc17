//! Conditions of GLSL's loops, which naga's reader negates: it leaves a loop where the condition does not hold, and a text
//! states no negation. The loop is left in the other arm here.

use std::collections::BTreeSet;

use naga::{Arena, Block, Expression, Module, Statement, UnaryOperator};

use super::unused::omit;
use crate::ir::{Operand, arms_mut, functions};

/// Has every loop of a module go by the condition that is stated.
pub(super) fn take_out(module: &mut Module) {
    for function in functions(module) {
        let mut negations = BTreeSet::new();
        turn(&mut function.body, &function.expressions, &mut negations);
        if !negations.is_empty() {
            omit(&mut function.body, &negations);
        }
    }
}

fn turn(block: &mut Block, expressions: &Arena<Expression>, negations: &mut BTreeSet<Operand>) {
    for statement in block.iter_mut() {
        if let Statement::If { condition, accept, reject } = statement
            && let Expression::Unary { op: UnaryOperator::LogicalNot, expr } =
                expressions[*condition]
            && matches!(&accept[..], [Statement::Break])
            && reject.is_empty()
            // A negation that a text states begins before what it negates.
            && expressions.get_span(*condition) == expressions.get_span(expr)
        {
            negations.insert(*condition);
            *condition = expr;
            std::mem::swap(accept, reject);
        }
        arms_mut(statement).into_iter().for_each(|arm| turn(arm, expressions, negations));
    }
}
