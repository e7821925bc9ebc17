//! Places in GLSL that are read and written at once, as in `d[i * 2] += 1.0`: naga's reader evaluates the index for the
//! load and once more for the store, and GLSL evaluates it once. The load takes the place of the store here; what only
//! the second evaluation refers to is left for `unused` to take out. An index that does something is refused by
//! `misread` before.

use std::collections::BTreeMap;

use naga::{Arena, Block, Expression, Function, Module, Span, Statement};

use super::token::Token;
use crate::ir::{Operand, arms_mut, functions, operands};

/// Has every update in a module evaluate its place once; `code` are the tokens of the text that are no directive's.
pub(super) fn evaluate_once(module: &mut Module, code: &[Token<'_>]) {
    for function in functions(module) {
        let mut stores = Vec::new();
        find(&mut function.body, &mut stores);
        // A user that stands twice in a text has two places there, and both of its evaluations are meant.
        stores.retain(|&(place, _)| is_updated(code, function.expressions.get_span(place)));
        if stores.is_empty() {
            continue;
        }
        let mut second = BTreeMap::new();
        for (place, value) in stores {
            pair(&function.expressions, place, value, &mut second);
        }
        redirect(function, &second);
    }
}

/// The stores of a block, each with its place and its value.
fn find(block: &mut Block, stores: &mut Vec<(Operand, Operand)>) {
    for statement in block.iter_mut() {
        if let Statement::Store { pointer, value } = *statement {
            stores.push((pointer, value));
        }
        arms_mut(statement).into_iter().for_each(|arm| find(arm, stores));
    }
}

/// Whether an operator that updates stands behind a place: `+=`, `<<=` and their like.
fn is_updated(code: &[Token<'_>], place: Span) -> bool {
    let Some(place) = place.to_range() else { return false };
    let behind = code.partition_point(|token| token.at.start < place.end);
    let mut operator = code[behind..].iter().skip_while(|token| token.text == ")");
    let first = operator.next().map(|token| token.text);
    let second = operator.next().map(|token| token.text);
    match first {
        Some("+" | "-" | "*" | "/" | "%" | "&" | "|" | "^") => second == Some("="),
        Some("<" | ">") => {
            second == first && operator.next().is_some_and(|third| third.text == "=")
        }
        _ => false,
    }
}

/// Puts what the value of a store evaluates again of its place beside what the place evaluates.
fn pair(
    expressions: &Arena<Expression>,
    place: Operand,
    value: Operand,
    second: &mut BTreeMap<Operand, Operand>,
) {
    let mut of_place = tree(expressions, place);
    let of_value = tree(expressions, value);
    // What both refer to is evaluated once as it is.
    of_place.retain(|handle| !of_value.contains(handle));
    for handle in of_value {
        let again = |first: &&Operand| {
            expressions.get_span(**first) == expressions.get_span(handle)
                && stated(expressions, **first, second) == stated(expressions, handle, second)
        };
        if let Some(&first) = of_place.iter().find(again) {
            second.insert(handle, first);
        }
    }
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
