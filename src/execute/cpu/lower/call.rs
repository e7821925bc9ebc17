//! Calls: a function is written out wherever it is called, with places for its variables and for what it
//! returns. What its statements become is not known here.

use std::collections::HashMap;

use naga::{Function, Handle, Statement, valid::FunctionInfo};

use super::{Frame, Lower, Lowered, Lowering, Returns, types};
use crate::{
    execute::cpu::program::{Node, Num},
    kernel::arms,
};

/// Whether a function may return from anywhere but its last statement.
fn returns_early(body: &naga::Block) -> bool {
    fn returns(block: &naga::Block) -> bool {
        block.iter().any(|statement| {
            matches!(statement, Statement::Return { .. })
                || arms(statement).into_iter().any(returns)
        })
    }
    let last = body.len().saturating_sub(1);
    body.iter().enumerate().any(|(index, statement)| {
        (index < last && matches!(statement, Statement::Return { .. }))
            || arms(statement).into_iter().any(returns)
    })
}

impl<'a> Lowering<'a> {
    /// Opens a function: its local variables get their places and first values.
    pub(super) fn frame(
        &mut self,
        handle: Option<Handle<Function>>,
        function: &'a Function,
        info: &'a FunctionInfo,
        arguments: Vec<Lowered>,
        returns: Returns,
    ) -> Lower<Frame<'a>> {
        let mut frame = Frame {
            function,
            info,
            expressions: HashMap::new(),
            within: HashMap::new(),
            arguments,
            locals: HashMap::new(),
            returns,
        };
        for (local, variable) in function.local_variables.iter() {
            self.span = function.local_variables.get_span(local);
            let indexed = self.indexed.locals.contains(&(handle, local));
            let init = match variable.init {
                Some(init) => Some(self.value(&mut frame, init)?),
                None => None,
            };
            let place = self.variable(variable.name.as_deref(), variable.ty, indexed, init)?;
            frame.locals.insert(local, place);
        }
        Ok(frame)
    }

    /// Calls a function: its body stands where the call was.
    pub(super) fn call(
        &mut self,
        handle: Handle<Function>,
        arguments: Vec<Lowered>,
    ) -> Lower<Option<Vec<Num>>> {
        let function = &self.module.functions[handle];
        let info = &self.kernel.info[handle];
        let returns = if returns_early(&function.body) {
            let mut variables = Vec::new();
            if let Some(result) = &function.result {
                for kind in types::kinds(self.types(), &self.module.types[result.ty].inner)? {
                    let variable = self.new_num(kind, true);
                    let zero = self.constant_num(kind, 0);
                    self.copy(variable, zero);
                    variables.push(variable);
                }
            }
            Returns::Join(variables)
        } else {
            Returns::Last(None)
        };
        let outer = std::mem::take(&mut self.inits);
        let (span, line) = (self.span, self.line.clone());
        let (body, returns) = self.inside(|this| {
            let mut frame = this.frame(Some(handle), function, info, arguments, returns)?;
            this.statements(&mut frame, &function.body)?;
            Ok(frame.returns)
        })?;
        (self.span, self.line) = (span, line);
        let inits = std::mem::replace(&mut self.inits, outer);
        Ok(match returns {
            Returns::Entry => None,
            Returns::Last(value) => {
                // Without a joint its body is simply what happens next.
                if inits.is_empty() {
                    self.block.extend(body);
                } else {
                    self.block.push(Node::Call { body, inits });
                }
                value
            }
            Returns::Join(variables) => {
                self.block.push(Node::Call { body, inits });
                function.result.as_ref().map(|_| variables)
            }
        })
    }
}
