//! Where what a function evaluates is charged: each expression to the statement, or the `let`, that it is evaluated for.
//! Knows where things stand in a text, and nothing of what they cost.
//!
//! An expression's own span will not do. naga gives a load the span of its pointer and a scalar that is spread over a vector
//! the span of the scalar, and where those have a name, that is where the name was given. So an expression
//! that is part of another is charged where that one is; the outermost one is charged to the statement that uses
//! it, where that statement begins. Only what a `let` names has no statement: it is charged where it stands itself or, if
//! that is a load with another span, to the `let`, which is looked for in the text.
//!
//! What was read from SPIR-V has the span of its own instruction, and that is where it is charged.

use std::collections::BTreeMap;

use naga::{Block, Expression, Function, Span, Statement};

use crate::{
    ir::{Operand, arms_mut, operands, statement_operands},
    read::{Token, tokens},
    source::Source,
};

/// Where each expression of a function is charged, by its index.
pub(super) fn charged(function: &Function, source: Option<&Source>) -> Vec<Span> {
    if source.is_some_and(|source| source.spanned().is_none()) {
        let expressions = function.expressions.iter();
        return expressions.map(|(handle, _)| function.expressions.get_span(handle)).collect();
    }
    let mut expressions = function.expressions.clone();
    // The first that each is part of.
    let mut wholes: Vec<Option<Operand>> = vec![None; expressions.len()];
    for (whole, expression) in expressions.iter_mut() {
        operands(expression, &mut |part| {
            wholes[part.index()].get_or_insert(whole);
        });
    }
    let mut reader = Reader {
        function,
        source,
        lets: None,
        cursor: header(function),
        statements: BTreeMap::new(),
        named: BTreeMap::new(),
    };
    reader.block(&mut function.body.clone());
    let Reader { statements, named, .. } = reader;
    let mut charged = vec![Span::UNDEFINED; expressions.len()];
    let handles: Vec<Operand> = expressions.iter().map(|(handle, _)| handle).collect();
    for handle in handles.into_iter().rev() {
        let own = stated(function, handle);
        charged[handle.index()] = if function.named_expressions.contains_key(&handle) {
            named.get(&handle).copied().unwrap_or(own)
        } else if let Some(whole) = wholes[handle.index()] {
            // naga's GLSL reader says of nothing that it adds where it stands, as of the copy of an `inout` argument.
            Some(charged[whole.index()]).filter(Span::is_defined).unwrap_or(own)
        } else {
            statements.get(&handle).copied().filter(Span::is_defined).unwrap_or(own)
        };
    }
    charged
}

/// Where an expression stands, or else what it is made of: naga's GLSL reader does not say of a load that it adds.
fn stated(function: &Function, handle: Operand) -> Span {
    let mut span = function.expressions.get_span(handle);
    if !span.is_defined() {
        operands(&mut function.expressions[handle].clone(), &mut |part| {
            if !span.is_defined() {
                span = function.expressions.get_span(*part);
            }
        });
    }
    span
}

/// Where a function's text begins, as far as its arguments tell.
fn header(function: &Function) -> usize {
    let arguments = function.expressions.iter().filter_map(|(handle, expression)| {
        let is_argument = matches!(expression, Expression::FunctionArgument(_));
        let span = is_argument.then(|| function.expressions.get_span(handle))?;
        Some(span.to_range()?.start)
    });
    arguments.min().unwrap_or(0)
}

struct Reader<'a> {
    function: &'a Function,
    source: Option<&'a Source>,
    /// Where each name is given by a `let`, in order; read when it is first asked for.
    lets: Option<BTreeMap<&'a str, Vec<usize>>>,
    /// Up to where the text has been read.
    cursor: usize,
    /// The first statement that uses an expression.
    statements: BTreeMap<Operand, Span>,
    /// The `let` of an expression with another span.
    named: BTreeMap<Operand, Span>,
}

impl Reader<'_> {
    fn block(&mut self, block: &mut Block) {
        for (statement, span) in block.span_iter_mut() {
            let span = span.map_or(Span::UNDEFINED, |span| *span);
            if let Statement::Emit(range) = statement {
                range.clone().for_each(|handle| self.emitted(handle));
                continue;
            }
            self.advance(span);
            statement_operands(statement, &mut |operand| {
                self.statements.entry(*operand).or_insert(span);
            });
            arms_mut(statement).into_iter().for_each(|arm| self.block(arm));
        }
    }

    fn emitted(&mut self, handle: Operand) {
        let Some(name) = self.function.named_expressions.get(&handle) else { return };
        if !has_the_span_of_another(self.function, handle) {
            self.advance(self.function.expressions.get_span(handle));
        } else if let Some(at) = self.find(name) {
            let span = Span::new(at as u32, at as u32 + 1);
            self.advance(span);
            self.named.insert(handle, span);
        }
    }

    fn advance(&mut self, span: Span) {
        self.cursor = self.cursor.max(span.to_range().map_or(0, |range| range.start));
    }

    /// The next `let` of a name from here on.
    fn find(&mut self, name: &str) -> Option<usize> {
        let text = self.source?.spanned()?;
        let lets = self.lets.get_or_insert_with(|| {
            let mut lets: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            let mut last = "";
            for Token { text, at } in tokens(text) {
                if last == "let" {
                    lets.entry(text).or_default().push(at.start);
                }
                last = text;
            }
            lets
        });
        let places = lets.get(name)?;
        places.get(places.partition_point(|&at| at < self.cursor)).copied()
    }
}

/// Whether an expression is a load through a pointer that stands elsewhere in the text, whose span it has.
fn has_the_span_of_another(function: &Function, handle: Operand) -> bool {
    let Function { expressions, named_expressions, .. } = function;
    let Expression::Load { pointer } = expressions[handle] else { return false };
    named_expressions.contains_key(&pointer)
        || matches!(expressions[pointer], Expression::FunctionArgument(_))
        // A place that an argument was replaced by.
        || expressions.get_span(pointer) != expressions.get_span(handle)
}
