//! Literals without a type that name the lane a subgroup operation reads from. naga's reader makes them `i32`, and its
//! validator requires `u32`.

use naga::{Arena, Expression, GatherMode, Literal, Module, Statement};

use crate::ir::{arms_mut, functions};

/// Makes such literals `u32`.
pub(super) fn retype(module: &mut Module) {
    for function in functions(module) {
        block(&mut function.body, &mut function.expressions);
    }
}

fn block(statements: &mut naga::Block, expressions: &mut Arena<Expression>) {
    for statement in statements.iter_mut() {
        if let Statement::SubgroupGather { mode, argument: _, result: _ } = statement {
            match mode {
                GatherMode::BroadcastFirst | GatherMode::QuadSwap(_) => {}
                GatherMode::Broadcast(lane)
                | GatherMode::Shuffle(lane)
                | GatherMode::ShuffleDown(lane)
                | GatherMode::ShuffleUp(lane)
                | GatherMode::ShuffleXor(lane)
                | GatherMode::QuadBroadcast(lane) => {
                    // A number in a text is an expression of its own, which nothing else refers to.
                    if let Expression::Literal(literal) = &mut expressions[*lane]
                        && let Literal::I32(number) = *literal
                        && let Ok(number) = u32::try_from(number)
                    {
                        *literal = Literal::U32(number);
                    }
                }
            }
        }
        arms_mut(statement).into_iter().for_each(|arm| block(arm, expressions));
    }
}
