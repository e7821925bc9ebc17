//! GLSL that naga's reader takes for something else: functions whose results it gives another type, matrices that it
//! multiplies to change their signs, loops whose condition it passes over, globals whose values it drops, textures that
//! it reads elsewhere, macros that it does not know, and places that it evaluates twice. What is found is refused, and
//! whoever has a compiler of GLSL asks that.

mod twice;

use std::ops::Range;

use naga::{
    AddressSpace, BinaryOperator, Block, Expression, Function, Literal, MathFunction, Module,
    ScalarKind, Span, Statement, front::Typifier, proc::ResolveContext,
};

use super::token::{Token, is_predefined, tokens};
use crate::kernel::arms;

/// What naga reads wrong, and where.
pub(super) struct Misread {
    pub(super) what: &'static str,
    pub(super) span: Span,
}

/// The first thing of a shader that naga's reader takes for something else.
pub(super) fn find(text: &str, module: &Module) -> Option<Misread> {
    let functions = module.functions.iter().map(|(_, function)| function);
    let mut functions = functions.chain(module.entry_points.iter().map(|entry| &entry.function));
    let wrong = |function| {
        retyped(module, function)
            .or_else(|| negated(function))
            .or_else(|| layered(function))
            .or_else(|| continued(text, &function.body))
    };
    functions
        .find_map(wrong)
        .or_else(|| uninitialized(text, module))
        .or_else(|| named(text))
        .or_else(|| {
            let what = "evaluates the index of what is read and written at once for each of the two, which is once";
            twice::evaluated_twice(text).map(|span| Misread { what, span })
        })
}

/// A `continue` of a `do` loop, which naga has begin the body again without asking for the condition. Only loops that
/// the text calls `for` or `while` are known to be none.
fn continued(text: &str, block: &Block) -> Option<Misread> {
    block.span_iter().find_map(|(statement, &span)| {
        if let Statement::Loop { body, continuing, .. } = statement
            && continuing.is_empty()
            && continues(body)
            && !matches!(first_word(text, span), Some("for" | "while"))
        {
            let what = "has a continue of a do loop pass over the condition of that loop";
            return Some(Misread { what, span });
        }
        arms(statement).into_iter().find_map(|arm| continued(text, arm))
    })
}

/// Whether a block has a `continue` of the loop that it is in.
fn continues(block: &Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Continue => true,
        Statement::Loop { .. } => false,
        other => arms(other).into_iter().any(continues),
    })
}

/// The word that a place of the text begins with.
fn first_word(text: &str, span: Span) -> Option<&str> {
    let rest = text.get(span.to_range()?.start..)?;
    tokens(rest).next().filter(|token| token.at.start == 0).map(|token| token.text)
}

/// A global variable whose value is no constant: naga computes it and leaves the variable at 0.
fn uninitialized(text: &str, module: &Module) -> Option<Misread> {
    module.global_variables.iter().find_map(|(handle, variable)| {
        let span = module.global_variables.get_span(handle);
        let name = variable.name.as_deref().unwrap_or_default();
        let declared = span.to_range().and_then(|range| text.get(range)).unwrap_or_default();
        let what = "leaves a global variable at 0 whose value is no constant";
        (variable.space == AddressSpace::Private
            && variable.init.is_none()
            && !name.starts_with("gl_")
            && !is_bare(declared, name))
        .then_some(Misread { what, span })
    })
}

/// Whether a declarator is a name and the lengths of arrays alone. One that macros write is not known to be.
fn is_bare(declared: &str, name: &str) -> bool {
    let mut depth = 0_u32;
    tokens(declared).enumerate().all(|(at, token)| match token.text {
        word if at == 0 => word == name,
        "[" => {
            depth += 1;
            true
        }
        "]" => {
            depth = depth.saturating_sub(1);
            true
        }
        _ => depth > 0,
    }) && !declared.is_empty()
}

/// A layer of a texture that is sampled, of whose number naga drops the fraction; it is rounded.
fn layered(function: &Function) -> Option<Misread> {
    function.expressions.iter().find_map(|(handle, expression)| {
        let Expression::ImageSample { array_index: Some(_), .. } = expression else { return None };
        let what = "drops the fraction of a texture's layer, which is rounded";
        Some(Misread { what, span: function.expressions.get_span(handle) })
    })
}

/// A function or a macro by its name: `texelFetchOffset`, whose offset naga drops, and what a compiler for Vulkan
/// defines before the first line.
fn named(text: &str) -> Option<Misread> {
    let tokens: Vec<Token<'_>> = tokens(text).collect();
    (0..tokens.len()).find_map(|at| {
        let what = match tokens[at].text {
            "texelFetchOffset" => "drops the offset of texelFetchOffset",
            word if is_predefined(word) && !is_extension(&tokens, at) => {
                "has other macros than a compiler for Vulkan"
            }
            _ => return None,
        };
        let Range { start, end } = tokens[at].at;
        Some(Misread { what, span: Span::new(start as u32, end as u32) })
    })
}

/// Whether a token is the name behind `#extension`.
fn is_extension(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(2)
        .is_some_and(|from| tokens[from].text == "#" && tokens[from + 1].text == "extension")
}

/// `-m` of a matrix, which naga makes a product with -1 of. That number stands in no text: its place is that of the
/// product.
fn negated(function: &Function) -> Option<Misread> {
    function.expressions.iter().find_map(|(handle, expression)| {
        let Expression::Binary { op: BinaryOperator::Multiply, left, .. } = *expression else {
            return None;
        };
        let Expression::Literal(Literal::F32(-1.0) | Literal::F64(-1.0)) =
            function.expressions[left]
        else {
            return None;
        };
        let span = function.expressions.get_span(handle);
        let what = "makes a product with -1 of a matrix whose sign is changed";
        (span.is_defined() && function.expressions.get_span(left) == span)
            .then_some(Misread { what, span })
    })
}

/// `bitCount`, `findLSB` and `findMSB`, whose results are signed whatever they are of; naga's are of the type of their
/// argument.
fn retyped(module: &Module, function: &Function) -> Option<Misread> {
    let mut types = Typifier::new();
    let context =
        ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
    function.expressions.iter().find_map(|(handle, expression)| {
        let Expression::Math { fun, arg, .. } = *expression else { return None };
        let counts = matches!(
            fun,
            MathFunction::CountOneBits
                | MathFunction::FirstLeadingBit
                | MathFunction::FirstTrailingBit
        );
        // What has no type is for the validator to say.
        types.grow(arg, &function.expressions, &context).ok().filter(|()| counts)?;
        let kind = types.get(arg, &module.types).scalar_kind();
        let what = "gives bitCount, findLSB and findMSB of an unsigned number an unsigned result, which is a signed one";
        let span = function.expressions.get_span(handle);
        (kind == Some(ScalarKind::Uint)).then_some(Misread { what, span })
    })
}
