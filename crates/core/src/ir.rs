//! naga's IR as a structure: the operands of expressions and statements, and the blocks inside statements. Every match
//! names every variant. Knows what refers to what, and nothing of what anything means or costs.

use naga::{
    AtomicFunction, Block, Expression, Function, GatherMode, Handle, ImageQuery, Module, Range,
    RayPipelineFunction, RayQueryFunction, SampleLevel, Span, Statement,
};

/// An expression's handle.
pub(crate) type Operand = Handle<Expression>;

/// Visits the operands of an expression.
pub(crate) fn operands(expression: &mut Expression, visit: &mut dyn FnMut(&mut Operand)) {
    match expression {
        Expression::Literal(_)
        | Expression::Constant(_)
        | Expression::Override(_)
        | Expression::ZeroValue(_)
        | Expression::FunctionArgument(_)
        | Expression::GlobalVariable(_)
        | Expression::LocalVariable(_)
        | Expression::CallResult(_)
        | Expression::AtomicResult { .. }
        | Expression::WorkGroupUniformLoadResult { .. }
        | Expression::SubgroupBallotResult
        | Expression::SubgroupOperationResult { .. }
        | Expression::RayQueryProceedResult => {}
        Expression::Compose { ty: _, components } => components.iter_mut().for_each(visit),
        Expression::Access { base, index } => [base, index].into_iter().for_each(visit),
        Expression::AccessIndex { base, index: _ } => visit(base),
        Expression::Splat { size: _, value } => visit(value),
        Expression::Swizzle { size: _, vector, pattern: _ } => visit(vector),
        Expression::Load { pointer } => visit(pointer),
        Expression::ImageSample {
            image,
            sampler,
            gather: _,
            coordinate,
            array_index,
            offset,
            level,
            depth_ref,
            clamp_to_edge: _,
        } => {
            [image, sampler, coordinate].into_iter().for_each(&mut *visit);
            array_index.iter_mut().chain(offset).chain(depth_ref).for_each(&mut *visit);
            match level {
                SampleLevel::Auto | SampleLevel::Zero => {}
                SampleLevel::Exact(level) | SampleLevel::Bias(level) => visit(level),
                SampleLevel::Gradient { x, y } => [x, y].into_iter().for_each(visit),
            }
        }
        Expression::ImageLoad { image, coordinate, array_index, sample, level } => {
            [image, coordinate].into_iter().for_each(&mut *visit);
            array_index.iter_mut().chain(sample).chain(level).for_each(visit);
        }
        Expression::ImageQuery { image, query } => {
            visit(image);
            match query {
                ImageQuery::Size { level } => level.iter_mut().for_each(visit),
                ImageQuery::NumLevels | ImageQuery::NumLayers | ImageQuery::NumSamples => {}
            }
        }
        Expression::Unary { op: _, expr } => visit(expr),
        Expression::Binary { op: _, left, right } => [left, right].into_iter().for_each(visit),
        Expression::Select { condition, accept, reject } => {
            [condition, accept, reject].into_iter().for_each(visit);
        }
        Expression::Derivative { axis: _, ctrl: _, expr } => visit(expr),
        Expression::Relational { fun: _, argument } => visit(argument),
        Expression::Math { fun: _, arg, arg1, arg2, arg3 } => {
            visit(arg);
            arg1.iter_mut().chain(arg2).chain(arg3).for_each(visit);
        }
        Expression::As { expr, kind: _, convert: _ } => visit(expr),
        Expression::ArrayLength(array) => visit(array),
        Expression::RayQueryVertexPositions { query, committed: _ }
        | Expression::RayQueryGetIntersection { query, committed: _ } => visit(query),
        Expression::CooperativeLoad { columns: _, rows: _, role: _, data } => {
            [&mut data.pointer, &mut data.stride].into_iter().for_each(visit);
        }
        Expression::CooperativeMultiplyAdd { a, b, c } => [a, b, c].into_iter().for_each(visit),
    }
}

/// Whether an expression is what a statement gives a value, and is never emitted.
pub(crate) fn is_result(expression: &Expression) -> bool {
    match expression {
        Expression::CallResult(_)
        | Expression::AtomicResult { .. }
        | Expression::WorkGroupUniformLoadResult { .. }
        | Expression::SubgroupBallotResult
        | Expression::SubgroupOperationResult { .. }
        | Expression::RayQueryProceedResult => true,
        Expression::Literal(_)
        | Expression::Constant(_)
        | Expression::Override(_)
        | Expression::ZeroValue(_)
        | Expression::Compose { .. }
        | Expression::Access { .. }
        | Expression::AccessIndex { .. }
        | Expression::Splat { .. }
        | Expression::Swizzle { .. }
        | Expression::FunctionArgument(_)
        | Expression::GlobalVariable(_)
        | Expression::LocalVariable(_)
        | Expression::Load { .. }
        | Expression::ImageSample { .. }
        | Expression::ImageLoad { .. }
        | Expression::ImageQuery { .. }
        | Expression::Unary { .. }
        | Expression::Binary { .. }
        | Expression::Select { .. }
        | Expression::Derivative { .. }
        | Expression::Relational { .. }
        | Expression::Math { .. }
        | Expression::As { .. }
        | Expression::ArrayLength(_)
        | Expression::RayQueryVertexPositions { .. }
        | Expression::RayQueryGetIntersection { .. }
        | Expression::CooperativeLoad { .. }
        | Expression::CooperativeMultiplyAdd { .. } => false,
    }
}

/// Visits what a statement itself reads and the results that it defines: neither what it emits nor what the blocks
/// inside it do.
pub(crate) fn statement_operands(statement: &mut Statement, visit: &mut dyn FnMut(&mut Operand)) {
    match statement {
        Statement::Emit(_)
        | Statement::Block(_)
        | Statement::Break
        | Statement::Continue
        | Statement::Kill
        | Statement::ControlBarrier(_)
        | Statement::MemoryBarrier(_) => {}
        Statement::If { condition, accept: _, reject: _ } => visit(condition),
        Statement::Switch { selector, cases: _ } => visit(selector),
        Statement::Loop { body: _, continuing: _, break_if } => break_if.iter_mut().for_each(visit),
        Statement::Return { value } => value.iter_mut().for_each(visit),
        Statement::Store { pointer, value } => [pointer, value].into_iter().for_each(visit),
        Statement::ImageStore { image, coordinate, array_index, value } => {
            [image, coordinate, value].into_iter().for_each(&mut *visit);
            array_index.iter_mut().for_each(visit);
        }
        Statement::Atomic { pointer, fun, value, result } => {
            [pointer, value].into_iter().for_each(&mut *visit);
            atomic_operands(fun, visit);
            result.iter_mut().for_each(visit);
        }
        Statement::ImageAtomic { image, coordinate, array_index, fun, value } => {
            [image, coordinate, value].into_iter().for_each(&mut *visit);
            atomic_operands(fun, visit);
            array_index.iter_mut().for_each(visit);
        }
        Statement::WorkGroupUniformLoad { pointer, result } => {
            [pointer, result].into_iter().for_each(visit);
        }
        Statement::Call { function: _, arguments, result } => {
            arguments.iter_mut().chain(result).for_each(visit);
        }
        Statement::RayQuery { query, fun } => {
            visit(query);
            match fun {
                RayQueryFunction::Initialize { acceleration_structure, descriptor } => {
                    [acceleration_structure, descriptor].into_iter().for_each(visit);
                }
                RayQueryFunction::Proceed { result } => visit(result),
                RayQueryFunction::GenerateIntersection { hit_t } => visit(hit_t),
                RayQueryFunction::ConfirmIntersection | RayQueryFunction::Terminate => {}
            }
        }
        Statement::RayPipelineFunction(RayPipelineFunction::TraceRay {
            acceleration_structure,
            descriptor,
            payload,
        }) => [acceleration_structure, descriptor, payload].into_iter().for_each(visit),
        Statement::SubgroupBallot { result, predicate } => {
            predicate.iter_mut().chain([result]).for_each(visit);
        }
        Statement::SubgroupGather { mode, argument, result } => {
            match mode {
                GatherMode::BroadcastFirst | GatherMode::QuadSwap(_) => {}
                GatherMode::Broadcast(index)
                | GatherMode::Shuffle(index)
                | GatherMode::ShuffleDown(index)
                | GatherMode::ShuffleUp(index)
                | GatherMode::ShuffleXor(index)
                | GatherMode::QuadBroadcast(index) => visit(index),
            }
            [argument, result].into_iter().for_each(visit);
        }
        Statement::SubgroupCollectiveOperation { op: _, collective_op: _, argument, result } => {
            [argument, result].into_iter().for_each(visit);
        }
        Statement::CooperativeStore { target, data } => {
            [target, &mut data.pointer, &mut data.stride].into_iter().for_each(visit);
        }
    }
}

fn atomic_operands(function: &mut AtomicFunction, visit: &mut dyn FnMut(&mut Operand)) {
    match function {
        AtomicFunction::Exchange { compare } => compare.iter_mut().for_each(visit),
        AtomicFunction::Add
        | AtomicFunction::Subtract
        | AtomicFunction::And
        | AtomicFunction::ExclusiveOr
        | AtomicFunction::InclusiveOr
        | AtomicFunction::Min
        | AtomicFunction::Max => {}
    }
}

macro_rules! arms {
    ($(#[$doc:meta])* $visible:vis $name:ident, $iter:ident, $($mutable:tt)?) => {
        $(#[$doc])*
        $visible fn $name(statement: & $($mutable)? Statement) -> Vec<& $($mutable)? Block> {
            match statement {
                Statement::Block(block) => vec![block],
                Statement::If { condition: _, accept, reject } => vec![accept, reject],
                Statement::Switch { selector: _, cases } => {
                    cases.$iter().map(|case| & $($mutable)? case.body).collect()
                }
                Statement::Loop { body, continuing, break_if: _ } => vec![body, continuing],
                Statement::Emit(_)
                | Statement::Break
                | Statement::Continue
                | Statement::Return { .. }
                | Statement::Kill
                | Statement::ControlBarrier(_)
                | Statement::MemoryBarrier(_)
                | Statement::Store { .. }
                | Statement::ImageStore { .. }
                | Statement::Atomic { .. }
                | Statement::ImageAtomic { .. }
                | Statement::WorkGroupUniformLoad { .. }
                | Statement::Call { .. }
                | Statement::RayQuery { .. }
                | Statement::RayPipelineFunction(_)
                | Statement::SubgroupBallot { .. }
                | Statement::SubgroupGather { .. }
                | Statement::SubgroupCollectiveOperation { .. }
                | Statement::CooperativeStore { .. } => Vec::new(),
            }
        }
    };
}

arms! {
    /// The blocks inside a statement, in order.
    pub arms, iter,
}

arms! {
    /// The blocks inside a statement, in order, to be changed.
    pub(crate) arms_mut, iter_mut, mut
}

/// Blocks within each other in a block, itself included. Takes no more of the stack where there are more.
pub(crate) fn depth(block: &Block) -> usize {
    let mut open = vec![(block, 1)];
    let mut deepest = 0;
    while let Some((block, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(block.iter().flat_map(arms).map(|arm| (arm, depth + 1)));
    }
    deepest
}

/// Emits expressions at the end of a block, with one statement for all that follow one another.
pub(crate) fn emit(block: &mut Block, handles: impl Iterator<Item = Operand>, span: Span) {
    let mut open: Option<(Operand, Operand)> = None;
    let mut close = |open: Option<(Operand, Operand)>| {
        if let Some((first, last)) = open {
            block.push(Statement::Emit(Range::new_from_bounds(first, last)), span);
        }
    };
    for handle in handles {
        open = match open {
            Some((first, last)) if last.index() + 1 == handle.index() => Some((first, handle)),
            other => {
                close(other);
                Some((handle, handle))
            }
        };
    }
    close(open);
}

/// The functions of a module, those of its entry points included.
pub(crate) fn functions(module: &mut Module) -> impl Iterator<Item = &mut Function> {
    let entries = module.entry_points.iter_mut().map(|entry| &mut entry.function);
    module.functions.iter_mut().map(|(_, function)| function).chain(entries)
}
