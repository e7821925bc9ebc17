//! Variables that some computed index reaches into, in a function or in one that it hands a pointer to:
//! those need addresses, all others live in registers. Knows no values.

use std::collections::HashSet;

use naga::{Arena, Expression, Function, GlobalVariable, Handle, LocalVariable, Module};

use crate::kernel::arms;

/// Variables that some computed index reaches into, so that they need addresses.
#[derive(Default)]
pub(super) struct Indexed {
    pub(super) locals: HashSet<(Option<Handle<Function>>, Handle<LocalVariable>)>,
    pub(super) arguments: HashSet<(Option<Handle<Function>>, u32)>,
    pub(super) globals: HashSet<Handle<GlobalVariable>>,
}

impl Indexed {
    /// Functions come before their callers, so what a callee does with an argument is known.
    pub(super) fn of(module: &Module) -> Self {
        let mut indexed = Self::default();
        for (handle, function) in module.functions.iter() {
            indexed.function(Some(handle), function);
        }
        for entry in &module.entry_points {
            indexed.function(None, &entry.function);
        }
        indexed
    }

    fn function(&mut self, handle: Option<Handle<Function>>, function: &Function) {
        for (_, expression) in function.expressions.iter() {
            if let Expression::Access { base, .. } = *expression {
                self.reach(handle, &function.expressions, base);
            }
        }
        self.calls(handle, function, &function.body);
    }

    fn calls(
        &mut self,
        handle: Option<Handle<Function>>,
        function: &Function,
        block: &naga::Block,
    ) {
        for statement in block {
            match statement {
                naga::Statement::Call { function: callee, arguments, .. } => {
                    for (index, argument) in (0..).zip(arguments) {
                        if self.arguments.contains(&(Some(*callee), index)) {
                            self.reach(handle, &function.expressions, *argument);
                        }
                    }
                }
                other => {
                    for inner in arms(other) {
                        self.calls(handle, function, inner);
                    }
                }
            }
        }
    }

    /// Marks the variable that an expression points into, if it does.
    fn reach(
        &mut self,
        function: Option<Handle<Function>>,
        expressions: &Arena<Expression>,
        mut at: Handle<Expression>,
    ) {
        loop {
            match expressions[at] {
                Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => at = base,
                Expression::LocalVariable(local) => {
                    self.locals.insert((function, local));
                    return;
                }
                Expression::FunctionArgument(index) => {
                    self.arguments.insert((function, index));
                    return;
                }
                Expression::GlobalVariable(global) => {
                    self.globals.insert(global);
                    return;
                }
                _ => return,
            }
        }
    }
}
