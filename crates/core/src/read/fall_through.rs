//! Cases of a `switch` that fall through into the next one. naga's SPIR-V writer knows only such as are empty and loses
//! the others, so the statements that a case falls into are written out behind its own. What executes, and how often,
//! stays what it is.

use std::collections::BTreeMap;

use naga::{Block, Function, Module, Statement, SwitchCase};

use crate::ir::{Operand, arms_mut, emit, functions, is_result, operands, statement_operands};

/// Writes out every case of a module that falls through; control reaches the end of each, as `unreachable` has it.
pub(super) fn write_out(module: &mut Module) {
    for function in functions(module) {
        let mut body = std::mem::take(&mut function.body);
        block(function, &mut body);
        function.body = body;
    }
}

fn block(function: &mut Function, statements: &mut Block) {
    for statement in statements.iter_mut() {
        arms_mut(statement).into_iter().for_each(|arm| block(function, arm));
        if let Statement::Switch { selector: _, cases } = statement {
            write_out_cases(function, cases);
        }
    }
}

fn write_out_cases(function: &mut Function, cases: &mut [SwitchCase]) {
    // What control executes that enters the case below.
    let mut below = Block::new();
    for case in cases.iter_mut().rev() {
        if case.fall_through && !case.body.is_empty() {
            let copied = Copier { function, copies: BTreeMap::new() }.block(&below);
            case.body.extend_block(copied);
            case.fall_through = false;
        }
        // An empty case that falls through is entered where the one below it is.
        if !case.fall_through {
            below = case.body.clone();
        }
    }
}

/// Copies statements. What they evaluate are expressions of their own, as naga's writers ask.
struct Copier<'a> {
    function: &'a mut Function,
    copies: BTreeMap<Operand, Operand>,
}

impl Copier<'_> {
    fn block(&mut self, block: &Block) -> Block {
        let mut copied = Block::with_capacity(block.len());
        for (statement, &span) in block.span_iter() {
            let mut statement = statement.clone();
            if let Statement::Emit(range) = statement {
                let handles: Vec<Operand> = range.map(|handle| self.expression(handle)).collect();
                emit(&mut copied, handles.into_iter(), span);
                continue;
            }
            statement_operands(&mut statement, &mut |operand| {
                // The result of a statement is an expression that only a statement gives a value.
                let is_result = is_result(&self.function.expressions[*operand]);
                *operand = match self.copies.get(operand) {
                    Some(&copy) => copy,
                    None if is_result => self.expression(*operand),
                    None => *operand,
                };
            });
            for arm in arms_mut(&mut statement) {
                *arm = self.block(arm);
            }
            copied.push(statement, span);
        }
        copied
    }

    fn expression(&mut self, handle: Operand) -> Operand {
        let Function { expressions, named_expressions, .. } = &mut *self.function;
        let mut expression = expressions[handle].clone();
        operands(&mut expression, &mut |operand| {
            *operand = self.copies.get(operand).copied().unwrap_or(*operand);
        });
        let copy = expressions.append(expression, expressions.get_span(handle));
        if let Some(name) = named_expressions.get(&handle).cloned() {
            named_expressions.insert(copy, name);
        }
        self.copies.insert(handle, copy);
        copy
    }
}
