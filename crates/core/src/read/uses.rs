//! Who uses what in a function: what emitted expressions, statements and the first values of variables refer to. What is
//! never emitted uses nothing. Knows no kind of expression apart from another.

use naga::{Block, Function, Statement};

use crate::ir::{Operand, arms_mut, operands, statement_operands};

/// The users of the expressions of a function.
pub(super) struct Uses {
    /// The expressions that are emitted, in the order in which they may refer to each other.
    pub(super) emitted: Vec<Operand>,
    /// By the index of what is used: an expression, or what is none.
    pub(super) users: Vec<Vec<Option<Operand>>>,
}

impl Uses {
    pub(super) fn of(function: &Function) -> Self {
        let users = vec![Vec::new(); function.expressions.len()];
        let mut uses = Self { emitted: Vec::new(), users };
        uses.block(&mut function.body.clone());
        uses.emitted.sort();
        for &user in &uses.emitted {
            let mut expression = function.expressions[user].clone();
            operands(&mut expression, &mut |used| uses.users[used.index()].push(Some(user)));
        }
        let variables = function.local_variables.iter();
        for init in variables.filter_map(|(_, variable)| variable.init) {
            uses.users[init.index()].push(None);
        }
        // A name is there to be seen.
        for named in function.named_expressions.keys() {
            uses.users[named.index()].push(None);
        }
        uses
    }

    fn block(&mut self, block: &mut Block) {
        for statement in block.iter_mut() {
            if let Statement::Emit(range) = statement {
                self.emitted.extend(range.clone());
            }
            statement_operands(statement, &mut |used| self.users[used.index()].push(None));
            arms_mut(statement).into_iter().for_each(|arm| self.block(arm));
        }
    }
}
