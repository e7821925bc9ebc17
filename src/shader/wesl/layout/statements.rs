//! Blocks and what stands in them, each statement on its line.

use std::slice;

use ::wesl::syntax::{
    CaseSelector, CompoundStatement, LoopStatement, Statement, StatementNode, SwitchStatement,
};

use super::Sheet;

impl Sheet<'_> {
    /// A block, whose last brace stands where the source's does where `end` is behind that.
    pub(super) fn block(&mut self, it: &CompoundStatement, end: Option<usize>) {
        self.attributes(&it.attributes);
        self.put("{ ");
        self.statements(&it.statements);
        if let Some(end) = end {
            self.go_to(end.saturating_sub(1));
        }
        self.put("} ");
    }

    fn statements(&mut self, statements: &[StatementNode]) {
        for node in statements {
            self.go_to(node.span().start);
            let end = Some(node.span().end);
            match node.node() {
                Statement::Void => {}
                Statement::Compound(it) => self.block(it, end),
                Statement::If(it) => {
                    self.attributes(&it.attributes);
                    self.put("if ");
                    self.expression(&it.if_clause.expression);
                    self.put(" ");
                    self.block(&it.if_clause.body, None);
                    for clause in &it.else_if_clauses {
                        self.attributes(&clause.attributes);
                        self.put("else if ");
                        self.expression(&clause.expression);
                        self.put(" ");
                        self.block(&clause.body, None);
                    }
                    if let Some(clause) = &it.else_clause {
                        self.attributes(&clause.attributes);
                        self.put("else ");
                        self.block(&clause.body, end);
                    }
                }
                Statement::Switch(it) => self.switch(it),
                Statement::Loop(it) => self.repeat(it),
                Statement::For(it) => {
                    self.attributes(&it.attributes);
                    self.put("for (");
                    it.initializer.iter().for_each(|node| self.simple(node));
                    self.put("; ");
                    it.condition.iter().for_each(|condition| self.expression(condition));
                    self.put("; ");
                    it.update.iter().for_each(|node| self.simple(node));
                    self.put(") ");
                    self.block(&it.body, end);
                }
                Statement::While(it) => {
                    self.attributes(&it.attributes);
                    self.put("while ");
                    self.expression(&it.condition);
                    self.put(" ");
                    self.block(&it.body, end);
                }
                Statement::Assignment(_)
                | Statement::Increment(_)
                | Statement::Decrement(_)
                | Statement::Break(_)
                | Statement::Continue(_)
                | Statement::Return(_)
                | Statement::Discard(_)
                | Statement::FunctionCall(_)
                | Statement::ConstAssert(_)
                | Statement::Declaration(_) => {
                    self.simple(node);
                    self.put("; ");
                }
            }
        }
    }

    /// A statement that has no block, without its semicolon.
    fn simple(&mut self, node: &StatementNode) {
        self.go_to(node.span().start);
        match node.node() {
            Statement::Assignment(it) => {
                self.attributes(&it.attributes);
                self.expression(&it.lhs);
                self.put(format_args!(" {} ", it.operator));
                self.expression(&it.rhs);
            }
            Statement::Increment(it) => {
                self.attributes(&it.attributes);
                self.expression(&it.expression);
                self.put("++");
            }
            Statement::Decrement(it) => {
                self.attributes(&it.attributes);
                self.expression(&it.expression);
                self.put("--");
            }
            Statement::Return(it) => {
                self.attributes(&it.attributes);
                self.put("return ");
                it.expression.iter().for_each(|value| self.expression(value));
            }
            Statement::FunctionCall(it) => {
                self.attributes(&it.attributes);
                self.call(&it.call);
            }
            Statement::ConstAssert(it) => {
                self.attributes(&it.attributes);
                self.put("const_assert ");
                self.expression(&it.expression);
            }
            Statement::Declaration(it) => self.variable(it),
            Statement::Break(it) => {
                self.attributes(&it.attributes);
                self.put("break");
            }
            Statement::Continue(it) => {
                self.attributes(&it.attributes);
                self.put("continue");
            }
            Statement::Discard(it) => {
                self.attributes(&it.attributes);
                self.put("discard");
            }
            Statement::Void
            | Statement::Compound(_)
            | Statement::If(_)
            | Statement::Switch(_)
            | Statement::Loop(_)
            | Statement::For(_)
            | Statement::While(_) => {
                self.statements(slice::from_ref(node));
            }
        }
    }

    fn switch(&mut self, it: &SwitchStatement) {
        self.attributes(&it.attributes);
        self.put("switch ");
        self.expression(&it.expression);
        self.put(" ");
        self.attributes(&it.body_attributes);
        self.put("{ ");
        for clause in &it.clauses {
            self.attributes(&clause.attributes);
            self.put("case ");
            for (index, selector) in clause.case_selectors.iter().enumerate() {
                self.separate(index);
                match selector {
                    CaseSelector::Default => self.put("default"),
                    CaseSelector::Expression(value) => self.expression(value),
                }
            }
            self.put(" ");
            self.block(&clause.body, None);
        }
        self.put("} ");
    }

    fn repeat(&mut self, it: &LoopStatement) {
        self.attributes(&it.attributes);
        self.put("loop ");
        self.attributes(&it.body.attributes);
        self.put("{ ");
        self.statements(&it.body.statements);
        if let Some(last) = &it.continuing {
            self.attributes(&last.attributes);
            self.put("continuing ");
            self.attributes(&last.body.attributes);
            self.put("{ ");
            self.statements(&last.body.statements);
            if let Some(leaves) = &last.break_if {
                self.attributes(&leaves.attributes);
                self.put("break if ");
                self.expression(&leaves.expression);
                self.put("; ");
            }
            self.put("} ");
        }
        self.put("} ");
    }
}
