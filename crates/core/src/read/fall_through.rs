//! Cases of a `switch` that fall through into the next one. naga's SPIR-V writer knows only such as are empty and loses
//! the others, so the statements that a case falls into are written out behind its own. What executes, and how often,
//! stays what it is.

use naga::{Block, Module, Statement, SwitchCase};

use crate::ir::{arms_mut, functions};

/// Writes out every case of a module that falls through.
pub(super) fn write_out(module: &mut Module) {
    functions(module).for_each(|function| block(&mut function.body));
}

fn block(statements: &mut Block) {
    for statement in statements.iter_mut() {
        arms_mut(statement).into_iter().for_each(block);
        if let Statement::Switch { selector: _, cases } = statement {
            write_out_cases(cases);
        }
    }
}

fn write_out_cases(cases: &mut [SwitchCase]) {
    // What control executes that enters the case below.
    let mut below = Block::new();
    for case in cases.iter_mut().rev() {
        if case.fall_through && !case.body.is_empty() {
            if !leaves(&case.body) {
                case.body.extend_block(std::mem::take(&mut below));
            }
            case.fall_through = false;
        }
        // An empty case that falls through is entered where the one below it is.
        if !case.fall_through {
            below = case.body.clone();
        }
    }
}

/// Whether control never reaches the end of a block.
fn leaves(block: &Block) -> bool {
    matches!(
        block.last(),
        Some(Statement::Break | Statement::Continue | Statement::Return { .. } | Statement::Kill)
    )
}
