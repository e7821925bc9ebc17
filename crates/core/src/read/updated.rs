//! Places in GLSL that are read and written at once, as in `d[i * 2] += 1.0`: naga's reader evaluates the index for the
//! load and once more for the store, and GLSL evaluates it once. The load takes the place of the store here. An index that
//! does something is refused by `misread` before.

use std::{collections::BTreeMap, mem::discriminant};

use naga::{Arena, Block, Expression, Function, Module, Span, Statement};

use super::{
    misread::{self, Misread},
    token::Token,
    unused::omit,
};
use crate::ir::{Operand, arms_mut, functions, operands};

/// Has every update in a module evaluate its place once; `code` are the tokens of the text that are no directive's.
/// Answers with one of which a macro hides whether it is an update or an assignment of what is stated twice.
pub(super) fn evaluate_once(module: &mut Module, code: &[Token<'_>]) -> Option<Misread> {
    for function in functions(module) {
        let mut stores = Vec::new();
        find(&mut function.body, &mut stores);
        let stated_at = match &stores[..] {
            [] => continue,
            _ => stated_at(&function.expressions),
        };
        let mut second = BTreeMap::new();
        for Store { place, value, span } in stores {
            let place = tree(&function.expressions, place);
            let again = pair(&function.expressions, &place, value);
            if is_update(code, span) {
                if is_left(&function.expressions, &stated_at, &place, span, &again) {
                    let what =
                        "evaluates the index of what is read and written at once in two ways";
                    return Some(Misread { what, span });
                }
                second.extend(again);
            } else if again.keys().any(|&its| costs(&function.expressions, its)) {
                let what = "evaluates the index of what a macro reads and writes at once for each of the two";
                return Some(Misread { what, span });
            }
        }
        if !second.is_empty() {
            redirect(function, &second);
            omit(&mut function.body, &second.into_keys().collect());
        }
    }
    None
}

/// A store, and where it is stated.
struct Store {
    place: Operand,
    value: Operand,
    span: Span,
}

/// The stores of a block.
fn find(block: &mut Block, stores: &mut Vec<Store>) {
    for (statement, span) in block.span_iter_mut() {
        if let Statement::Store { pointer: place, value } = *statement {
            stores.push(Store { place, value, span: span.copied().unwrap_or_default() });
        }
        arms_mut(statement).into_iter().for_each(|arm| find(arm, stores));
    }
}

/// Whether an operator that updates, as `+=` does, stands between the place and the value of what is stated here.
fn is_update(code: &[Token<'_>], stated: Span) -> bool {
    let Some(stated) = stated.to_range() else { return false };
    let from = code.partition_point(|token| token.at.start < stated.start);
    let to = code.partition_point(|token| token.at.start < stated.end);
    let mut depth = 0_u32;
    (from..to.max(from)).any(|at| {
        match code[at].text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && misread::is_update(code, at)
    })
}

/// Whether anything of a place is evaluated again where it is not known to be the same: in what is stored elsewhere
/// first, say. What a macro states is not looked for; it has one place in the text, wherever it is used.
fn is_left(
    expressions: &Arena<Expression>,
    stated_at: &StatedAt,
    place: &[Operand],
    stated: Span,
    again: &BTreeMap<Operand, Operand>,
) -> bool {
    let Some(stated) = stated.to_range() else { return false };
    place.iter().filter(|&&its| costs(expressions, its)).any(|&its| {
        let Some(at) = expressions.get_span(its).to_range() else { return false };
        let kind = discriminant(&expressions[its]);
        let mut others = stated_at.get(&(at.start, at.end)).into_iter().flatten();
        stated.start <= at.start
            && at.end <= stated.end
            && others.any(|&other| {
                discriminant(&expressions[other]) == kind
                    && !place.contains(&other)
                    && !again.contains_key(&other)
            })
    })
}

/// The expressions by where they are stated.
type StatedAt = BTreeMap<(usize, usize), Vec<Operand>>;

fn stated_at(expressions: &Arena<Expression>) -> StatedAt {
    let mut found = StatedAt::new();
    for (handle, _) in expressions.iter() {
        if let Some(at) = expressions.get_span(handle).to_range() {
            found.entry((at.start, at.end)).or_default().push(handle);
        }
    }
    found
}

/// Whether it matters how often an expression is evaluated.
fn costs(expressions: &Arena<Expression>, handle: Operand) -> bool {
    let its = &expressions[handle];
    let is_place = matches!(its, Expression::Access { .. } | Expression::AccessIndex { .. });
    let is_of_variable = match *its {
        Expression::Load { pointer } => {
            matches!(expressions[pointer], Expression::LocalVariable(_))
        }
        _ => false,
    };
    !(its.needs_pre_emit() || is_place || is_of_variable)
}

/// What the value of a store evaluates again of its place, each with what the place evaluates.
fn pair(
    expressions: &Arena<Expression>,
    place: &[Operand],
    value: Operand,
) -> BTreeMap<Operand, Operand> {
    let mut second = BTreeMap::new();
    let of_value = tree(expressions, value);
    // What both refer to is evaluated once as it is.
    let of_place: Vec<Operand> =
        place.iter().copied().filter(|handle| !of_value.contains(handle)).collect();
    for handle in of_value {
        let again = |first: &&Operand| {
            expressions.get_span(**first) == expressions.get_span(handle)
                && stated(expressions, **first, &second) == stated(expressions, handle, &second)
        };
        if let Some(&first) = of_place.iter().find(again) {
            second.insert(handle, first);
        }
    }
    second
}

/// An expression and all that it refers to, operands first.
fn tree(expressions: &Arena<Expression>, root: Operand) -> Vec<Operand> {
    let (mut found, mut left) = (vec![root], vec![root]);
    while let Some(handle) = left.pop() {
        operands(&mut expressions[handle].clone(), &mut |&mut operand| {
            if !found.contains(&operand) {
                found.push(operand);
                left.push(operand);
            }
        });
    }
    found.sort();
    found
}

/// What an expression states, of operands that are the same wherever they were evaluated.
fn stated(
    expressions: &Arena<Expression>,
    handle: Operand,
    second: &BTreeMap<Operand, Operand>,
) -> String {
    let mut expression = expressions[handle].clone();
    operands(&mut expression, &mut |operand| *operand = *second.get(operand).unwrap_or(operand));
    format!("{expression:?}")
}

/// Has everything that refers to a second evaluation refer to the first.
fn redirect(function: &mut Function, second: &BTreeMap<Operand, Operand>) {
    for (handle, expression) in function.expressions.iter_mut() {
        if !second.contains_key(&handle) {
            operands(expression, &mut |operand| {
                *operand = *second.get(operand).unwrap_or(operand);
            });
        }
    }
}
