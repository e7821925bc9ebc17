//! Constants within functions of GLSL, of which naga's reader makes variables: `const float PI = 3.14;` is stored, loaded
//! and computed with as anything else. What is computed of constants alone is a constant here, as it is in GLSL and as
//! naga has it outside of functions.

use std::collections::{BTreeMap, BTreeSet};

use naga::{
    Arena, Block, Expression, Function, Handle, LocalVariable, Module, Span, Statement,
    proc::{ConstantEvaluator, Emitter, ExpressionKind, ExpressionKindTracker, Layouter},
};

use super::token::Token;
use crate::{
    ir::{Operand, arms_mut, operands},
    rewriting::Rewriting,
};

/// Evaluates what is computed of constants within every function of a module; `code` are the tokens of the text that
/// are no directive's.
pub(super) fn fold(module: &mut Module, code: &[Token<'_>]) {
    let all: Vec<Handle<Function>> = module.functions.iter().map(|(handle, _)| handle).collect();
    for handle in all {
        let mut function = std::mem::take(&mut module.functions[handle]);
        in_function(module, &mut function, code);
        module.functions[handle] = function;
    }
    for entry in 0..module.entry_points.len() {
        let mut function = std::mem::take(&mut module.entry_points[entry].function);
        in_function(module, &mut function, code);
        module.entry_points[entry].function = function;
    }
}

fn in_function(module: &mut Module, function: &mut Function, code: &[Token<'_>]) {
    let variables = &function.local_variables;
    // What the reader keeps the value of an operator in has no name, and may be stored to in each arm of it.
    let named = variables.iter().filter(|(_, variable)| variable.name.is_some());
    let constants: BTreeSet<Handle<LocalVariable>> = named
        .map(|(handle, _)| handle)
        .filter(|&handle| is_constant(code, variables.get_span(handle)))
        .collect();
    if constants.is_empty() {
        return;
    }
    let mut values = BTreeMap::new();
    for &constant in &constants {
        values.extend(variables[constant].init.map(|init| (constant, init)));
    }
    // One in a loop has its value stored, each time around. One that is stored to elsewhere, too, is left alone.
    let mut several = BTreeSet::new();
    stored(&mut function.body, &function.expressions, &mut |variable, value| {
        if constants.contains(&variable) && values.insert(variable, value).is_some() {
            several.insert(variable);
        }
    });
    values.retain(|variable, _| !several.contains(variable));
    let mut folder = Folder {
        module,
        values,
        rewriting: Rewriting::default(),
        kinds: ExpressionKindTracker::new(),
        layouter: Layouter::default(),
        folded: BTreeSet::new(),
    };
    let old = function.expressions.take();
    for (handle, expression) in old.iter() {
        folder.write(&old, expression, old.get_span(handle));
    }
    folder.rewriting.finish(function);
}

/// Whether the declaration of a variable, whose name is where `span` begins, states that it is constant.
fn is_constant(code: &[Token<'_>], span: Span) -> bool {
    let Some(name) = span.to_range() else { return false };
    let behind = code.partition_point(|token| token.at.start < name.start);
    let mut depth = 0_u32;
    for token in code[..behind].iter().rev() {
        match token.text {
            ")" | "]" => depth += 1,
            "(" | "[" if depth > 0 => depth -= 1,
            "const" if depth == 0 => return true,
            // Neither an argument of a function nor the first part of a loop is looked at.
            "(" | ";" | "{" | "}" => return false,
            _ => {}
        }
    }
    false
}

/// Visits the stores to whole variables of a block, each with the variable and the value.
fn stored(
    block: &mut Block,
    expressions: &Arena<Expression>,
    visit: &mut dyn FnMut(Handle<LocalVariable>, Operand),
) {
    for statement in block.iter_mut() {
        if let Statement::Store { pointer, value } = *statement
            && let Expression::LocalVariable(variable) = expressions[pointer]
        {
            visit(variable, value);
        }
        arms_mut(statement).into_iter().for_each(|arm| stored(arm, expressions, visit));
    }
}

struct Folder<'a> {
    module: &'a mut Module,
    /// The values of constants, as the old expressions have them.
    values: BTreeMap<Handle<LocalVariable>, Operand>,
    rewriting: Rewriting,
    /// Which of the expressions that were written are constant.
    kinds: ExpressionKindTracker,
    layouter: Layouter,
    /// Those that are constant since something that they are made of is.
    folded: BTreeSet<Operand>,
}

impl Folder<'_> {
    fn write(&mut self, old: &Arena<Expression>, expression: &Expression, span: Span) {
        let constant = match *expression {
            Expression::Load { pointer } => self.constant(old, pointer, span),
            _ => None,
        };
        let place = match constant {
            Some(value) => {
                let copy = self.copy(value, span);
                self.folded.insert(copy);
                Some(copy)
            }
            None => self.rewriting.moved(expression).map(|moved| self.evaluated(moved, span)),
        };
        self.rewriting.put(place);
    }

    /// The value at a place that is a constant or, by numbers that are known, a part of one.
    fn constant(&mut self, old: &Arena<Expression>, place: Operand, span: Span) -> Option<Operand> {
        let value = match old[place] {
            Expression::LocalVariable(variable) => {
                self.rewriting.place(*self.values.get(&variable)?)?
            }
            Expression::AccessIndex { base, index } => {
                let base = self.constant(old, base, span)?;
                self.evaluate(Expression::AccessIndex { base, index }, span)?
            }
            Expression::Access { base, index } => {
                let index = self.rewriting.place(index).filter(|&its| self.kinds.is_const(its))?;
                let base = self.constant(old, base, span)?;
                self.evaluate(Expression::Access { base, index }, span)?
            }
            _ => return None,
        };
        self.kinds.is_const(value).then_some(value)
    }

    /// A constant that is emitted where it is used, if it is one to emit.
    fn copy(&mut self, value: Operand, span: Span) -> Operand {
        let mut copy = self.rewriting.expressions[value].clone();
        if copy.needs_pre_emit() {
            return value;
        }
        operands(&mut copy, &mut |operand| *operand = self.copy(*operand, span));
        self.append(copy, span, ExpressionKind::Const)
    }

    /// An expression, evaluated where it is made of constants that were none before. What naga has no value for is
    /// executed.
    fn evaluated(&mut self, expression: Expression, span: Span) -> Operand {
        let (mut is_new, mut is_const) = (false, true);
        operands(&mut expression.clone(), &mut |operand| {
            is_new |= self.folded.contains(operand);
            is_const &= self.kinds.is_const(*operand);
        });
        if is_new
            && is_const
            && let Some(value) = self.evaluate(expression.clone(), span)
        {
            if self.kinds.is_const(value) {
                self.folded.insert(value);
            }
            return value;
        }
        let kind = match expression {
            Expression::Literal(_) | Expression::Constant(_) | Expression::ZeroValue(_) => {
                ExpressionKind::Const
            }
            Expression::Compose { .. } | Expression::Splat { .. } if is_const => {
                ExpressionKind::Const
            }
            _ => ExpressionKind::Runtime,
        };
        self.append(expression, span, kind)
    }

    /// An expression of constants as naga evaluates it; what it has no value for is written as it is.
    fn evaluate(&mut self, expression: Expression, span: Span) -> Option<Operand> {
        let (mut emitter, mut block) = (Emitter::default(), Block::new());
        let mut evaluator = ConstantEvaluator::for_glsl_function(
            self.module,
            &mut self.rewriting.expressions,
            &mut self.kinds,
            &mut self.layouter,
            &mut emitter,
            &mut block,
        );
        evaluator.try_eval_and_append(expression, span).ok()
    }

    fn append(&mut self, expression: Expression, span: Span, kind: ExpressionKind) -> Operand {
        let handle = self.rewriting.write(expression, span);
        self.kinds.insert(handle, kind);
        handle
    }
}
