//! Conversions between integers that change width and sign at once, as `i64(x)` of a `u32`. A number is extended by its
//! own sign, and naga's writer of SPIR-V extends it by that of what it becomes. Two conversions, the first of which
//! changes the width and the second the sign, leave no such choice.

use std::collections::BTreeMap;

use naga::{
    Arena, Expression, Function, Module, ScalarKind, Span, Type, TypeInner, UniqueArena,
    valid::{FunctionInfo, ModuleInfo},
};

use crate::{
    ir::{Operand, functions},
    rewriting::Rewriting,
};

/// The conversions of a function that extend by a sign and change it, each with the kind of number that it extends.
type Crossing = BTreeMap<Operand, ScalarKind>;

/// Those of each function of a module, of its entry points last; `None` where it has none.
pub(super) fn crossings(module: &Module, info: &ModuleInfo) -> Option<Vec<Crossing>> {
    let types = &module.types;
    let functions = module.functions.iter();
    let functions = functions.map(|(handle, function)| of(function, &info[handle], types));
    let entries = module.entry_points.iter().enumerate();
    let entries = entries.map(|(at, entry)| of(&entry.function, info.get_entry_point(at), types));
    let all: Vec<Crossing> = functions.chain(entries).collect();
    all.iter().any(|found| !found.is_empty()).then_some(all)
}

fn of(function: &Function, info: &FunctionInfo, types: &UniqueArena<Type>) -> Crossing {
    let is_integer = |kind| matches!(kind, ScalarKind::Sint | ScalarKind::Uint);
    let found = function.expressions.iter().filter_map(|(handle, expression)| {
        let Expression::As { expr, kind, convert: Some(width) } = *expression else { return None };
        let from = match *info[expr].ty.inner_with(types) {
            TypeInner::Scalar(from) | TypeInner::Vector { scalar: from, .. } => from,
            _ => return None,
        };
        let crosses = is_integer(kind) && is_integer(from.kind) && kind != from.kind;
        (crosses && from.width < width).then_some((handle, from.kind))
    });
    found.collect()
}

/// Makes two conversions of each.
pub(super) fn split(module: &mut Module, crossings: &[Crossing]) {
    for (function, crossing) in functions(module).zip(crossings) {
        if crossing.is_empty() {
            continue;
        }
        let mut rewriting = Rewriting::behind(Arena::new());
        let old = std::mem::take(&mut function.expressions);
        for (handle, expression) in old.iter() {
            let span = old.get_span(handle);
            let place =
                rewriting.moved(expression).map(|moved| match (moved, crossing.get(&handle)) {
                    (Expression::As { expr, kind, convert }, Some(&own)) => extended(
                        &mut rewriting,
                        Expression::As { expr, kind: own, convert },
                        kind,
                        span,
                    ),
                    (moved, _) => rewriting.write(moved, span),
                });
            rewriting.put(place);
        }
        rewriting.finish(function);
    }
}

/// A number that is extended as its own kind, and then taken for one of another.
fn extended(
    rewriting: &mut Rewriting,
    extended: Expression,
    kind: ScalarKind,
    span: Span,
) -> Operand {
    let expr = rewriting.write(extended, span);
    rewriting.write(Expression::As { expr, kind, convert: None }, span)
}
