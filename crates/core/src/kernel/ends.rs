//! Loops whose trip count a driver's compiler computes at compile time. Mesa's compiler does so where a counter begins at
//! a constant and steps by a constant to a constant. The trip count is wrong where the counter wraps around first and is
//! compared after its step: such a loop ends too early or too late. This pass joins the conditions that end a loop with a
//! condition on a value that is known at run time alone and always holds, so that no trip count is computed. Conditions at
//! the head of a loop, as those of `for` and `while`, are left as they are, and so is the speed of such loops. A module
//! computes the same values with the pass and without.

use naga::{
    AddressSpace, Arena, BinaryOperator, Binding, Block, BuiltIn, EntryPoint, Expression,
    FunctionArgument, GlobalVariable, Handle, Literal, MemoryDecorations, Module, Range, Scalar,
    Span, Statement, Type, TypeInner, UnaryOperator, UniqueArena, VectorSize,
};

use crate::ir::{Operand, arms, arms_mut, emit, functions};

/// Hides from compilers when the loops of a module of one entry point end.
pub fn hide_ends(module: &mut Module) {
    let has_loops = functions(module).any(|function| has_loop(&function.body));
    if !has_loops {
        return;
    }
    let mut insert = |inner| module.types.insert(Type { name: None, inner }, Span::UNDEFINED);
    let ty = insert(TypeInner::Scalar(Scalar::BOOL));
    let vector = insert(TypeInner::Vector { size: VectorSize::Tri, scalar: Scalar::U32 });
    let always = GlobalVariable {
        name: None,
        space: AddressSpace::Private,
        binding: None,
        ty,
        init: None,
        memory_decorations: MemoryDecorations::empty(),
    };
    let always = module.global_variables.append(always, Span::UNDEFINED);
    for function in functions(module) {
        hide(&mut function.body, &mut function.expressions, always, false);
    }
    for entry in &mut module.entry_points {
        set(entry, &module.types, always, vector);
    }
}

fn has_loop(block: &Block) -> bool {
    block.iter().any(|statement| {
        matches!(statement, Statement::Loop { .. }) || arms(statement).into_iter().any(has_loop)
    })
}

/// Joins each condition of a block that ends a loop with `always`, but for those `at_head` of a loop. One that leaves a
/// `switch` alone is joined as well, which changes as little.
fn hide(
    block: &mut Block,
    expressions: &mut Arena<Expression>,
    always: Handle<GlobalVariable>,
    mut at_head: bool,
) {
    for (mut statement, span) in std::mem::take(block).span_into_iter() {
        let mut bodies = matches!(statement, Statement::Loop { .. });
        for arm in arms_mut(&mut statement) {
            // The first arm of a loop is its body.
            hide(arm, expressions, always, std::mem::take(&mut bodies));
        }
        let leaves = matches!(
            &statement,
            Statement::If { accept, reject, .. } if ends(accept) || ends(reject)
        );
        at_head &= leaves || matches!(statement, Statement::Emit(_));
        let mut joined = |block: &mut Block, condition: Operand, holds: bool| {
            let mut write = |expression| expressions.append(expression, span);
            let pointer = write(Expression::GlobalVariable(always));
            let always = write(Expression::Load { pointer });
            let (op, right) = if holds {
                (BinaryOperator::LogicalAnd, always)
            } else {
                let never = Expression::Unary { op: UnaryOperator::LogicalNot, expr: always };
                (BinaryOperator::LogicalOr, write(never))
            };
            let joined = write(Expression::Binary { op, left: condition, right });
            // With the negation, three in a row.
            block.push(Statement::Emit(Range::new_from_bounds(always, joined)), span);
            joined
        };
        if let Statement::If { condition, accept, reject } = &mut statement
            && !at_head
        {
            if ends(accept) {
                *condition = joined(block, *condition, true);
            } else if ends(reject) {
                *condition = joined(block, *condition, false);
            }
        }
        if let Statement::Loop { body: _, continuing, break_if: Some(condition) } = &mut statement {
            *condition = joined(continuing, *condition, true);
        }
        block.push(statement, span);
    }
}

/// Whether the last that a block does is to leave.
fn ends(block: &Block) -> bool {
    let Some(last) = block.last() else { return false };
    matches!(last, Statement::Break) || matches!(last, Statement::Block(inner) if ends(inner))
}

/// Has an entry point begin with `always`: a dispatch that runs has workgroups.
fn set(
    entry: &mut EntryPoint,
    types: &UniqueArena<Type>,
    always: Handle<GlobalVariable>,
    vector: Handle<Type>,
) {
    let function = &mut entry.function;
    let binding = Some(Binding::BuiltIn(BuiltIn::NumWorkGroups));
    // Nothing is given to an entry point twice, by itself or within a structure.
    let known = function.arguments.iter().enumerate().find_map(|(at, argument)| {
        let TypeInner::Struct { members, .. } = &types[argument.ty].inner else {
            return (argument.binding == binding).then_some((at, None));
        };
        let member = members.iter().position(|member| member.binding == binding)?;
        Some((at, Some(member as u32)))
    });
    let (at, member) = known.unwrap_or((function.arguments.len(), None));
    if known.is_none() {
        function.arguments.push(FunctionArgument { name: None, ty: vector, binding });
    }
    let mut write = |expression| function.expressions.append(expression, Span::UNDEFINED);
    let given = write(Expression::FunctionArgument(at as u32));
    let (pointer, right) =
        (write(Expression::GlobalVariable(always)), write(Expression::Literal(Literal::U32(0))));
    let groups = member.map(|index| write(Expression::AccessIndex { base: given, index }));
    let left = write(Expression::AccessIndex { base: groups.unwrap_or(given), index: 0 });
    let value = write(Expression::Binary { op: BinaryOperator::NotEqual, left, right });
    let mut body = Block::new();
    emit(&mut body, groups.into_iter().chain([left, value]), Span::UNDEFINED);
    body.push(Statement::Store { pointer, value }, Span::UNDEFINED);
    body.extend_block(std::mem::take(&mut function.body));
    function.body = body;
}
