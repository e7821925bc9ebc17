//! SPIR-V's `OpSMod`, the remainder that has the sign of the divisor. naga reads it as `x - y * int(floor(float(x) /
//! float(y)))`, which counts floating-point operations that the module does not state and is wrong past 2^24. It is
//! put back to integers: the remainder that has the sign of the dividend, and the divisor added where the signs differ.

use std::collections::BTreeMap;

use naga::{
    Arena, BinaryOperator, Expression, Function, Handle, MathFunction, Module, ScalarKind, Span,
    Type, front::Typifier, proc::ResolveContext,
};

use crate::ir::{Operand, prepend};

/// Mends every such remainder of a module.
pub(super) fn mend(module: &mut Module) {
    let mut functions = module.functions.clone();
    for (_, function) in functions.iter_mut() {
        mend_function(module, function);
    }
    let mut entries = std::mem::take(&mut module.entry_points);
    for entry in &mut entries {
        mend_function(module, &mut entry.function);
    }
    module.functions = functions;
    module.entry_points = entries;
}

/// One remainder: the seven expressions that naga makes of it, and its operands.
struct Found {
    slots: [Operand; 7],
    dividend: Operand,
    divisor: Operand,
    ty: Handle<Type>,
}

fn mend_function(module: &mut Module, function: &mut Function) {
    let handles: Vec<Operand> = function.expressions.iter().map(|(handle, _)| handle).collect();
    let mut typifier = Typifier::new();
    let mut found = Vec::new();
    for slots in handles.windows(7) {
        let Ok(slots) = <[Operand; 7]>::try_from(slots) else { continue };
        let Some((dividend, divisor)) = operands(&function.expressions, slots) else { continue };
        let context =
            ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
        // A type that naga cannot tell belongs to a module that its validator refuses.
        if typifier.grow(dividend, &function.expressions, &context).is_err() {
            continue;
        }
        let inner = typifier.get(dividend, &module.types).clone();
        if inner.scalar_kind() == Some(ScalarKind::Sint) {
            let ty = module.types.insert(Type { name: None, inner }, Span::UNDEFINED);
            found.push(Found { slots, dividend, divisor, ty });
        }
    }
    if found.is_empty() {
        return;
    }
    let mut prefix = Arena::new();
    let zeros: Vec<Operand> = found
        .iter()
        .map(|found| prefix.append(Expression::ZeroValue(found.ty), Span::UNDEFINED))
        .collect();
    let shift = prefix.len();
    prepend(function, prefix, &BTreeMap::new());
    let moved: Vec<Operand> = function.expressions.iter().map(|(handle, _)| handle).collect();
    let at = |old: Operand| moved[old.index() + shift];
    for (Found { slots, dividend, divisor, ty: _ }, zero) in found.into_iter().zip(zeros) {
        let [rest, signs, differ, some, both, sum, result] = slots.map(at);
        let (dividend, divisor) = (at(dividend), at(divisor));
        let binary = |op, left, right| Expression::Binary { op, left, right };
        let written = [
            (rest, binary(BinaryOperator::Modulo, dividend, divisor)),
            (signs, binary(BinaryOperator::ExclusiveOr, rest, divisor)),
            (differ, binary(BinaryOperator::Less, signs, zero)),
            (some, binary(BinaryOperator::NotEqual, rest, zero)),
            (both, binary(BinaryOperator::And, differ, some)),
            (sum, binary(BinaryOperator::Add, rest, divisor)),
            (result, Expression::Select { condition: both, accept: sum, reject: rest }),
        ];
        for (slot, expression) in written {
            function.expressions[slot] = expression;
        }
    }
}

/// The operands of the remainder that naga made these seven expressions of, if it did: they stand where one
/// instruction stands, which no seven instructions of a module do.
fn operands(expressions: &Arena<Expression>, slots: [Operand; 7]) -> Option<(Operand, Operand)> {
    let span = expressions.get_span(slots[6]);
    if !span.is_defined() || slots.iter().any(|&slot| expressions.get_span(slot) != span) {
        return None;
    }
    let [left_cast, right_cast, quotient, floor, cast, product, difference] = slots;
    let converted = |slot, to| match expressions[slot] {
        Expression::As { expr, kind, convert: Some(_) } if kind == to => Some(expr),
        _ => None,
    };
    let binary = |slot, operator| match expressions[slot] {
        Expression::Binary { op, left, right } if op == operator => Some((left, right)),
        _ => None,
    };
    let dividend = converted(left_cast, ScalarKind::Float)?;
    let divisor = converted(right_cast, ScalarKind::Float)?;
    let Expression::Math { fun: MathFunction::Floor, arg, .. } = expressions[floor] else {
        return None;
    };
    let matches = binary(quotient, BinaryOperator::Divide)? == (left_cast, right_cast)
        && arg == quotient
        && converted(cast, ScalarKind::Sint)? == floor
        && binary(product, BinaryOperator::Multiply)? == (cast, divisor)
        && binary(difference, BinaryOperator::Subtract)? == (dividend, product);
    matches.then_some((dividend, divisor))
}
