//! What each naga expression and statement costs: DESIGN's vocabulary, exhaustively. Every match here
//! names every variant, so that a new one is a compile error, and what has no price is an error and
//! never zero. Nothing here knows how often anything executes.
//!
//! What the vocabulary leaves open is settled here:
//! - An expression costs when it is emitted. Literals, constants, arguments, variables (as pointers),
//!   indexing, composition and swizzles cost nothing: they name values and places.
//! - Bitwise operations, shifts, boolean logic, `all` and `any` are `int.bit`, one per component (or per
//!   joint between components). `isNan` and `isInf` are one float compare per component.
//! - A conversion counts under the float that it makes, else under the float that it reads, else as
//!   `int.convert`; to the same type, and a bitcast, it is none.
//! - Memory is counted at the size of the numbers that are loaded or stored, without padding: a structure
//!   costs what its members do, wherever it lies. Immediates are registers, not memory.
//! - An atomic is counted in `atomics`, not in bytes, and is one operation of its kind: none for a load,
//!   a store or an exchange, one compare for a compare-exchange.
//! - `workgroupUniformLoad` is a workgroup load between two barriers.
//! - A subgroup reduction or scan is one operation per component and active invocation, a ballot one
//!   `int.bit`; a broadcast or shuffle moves data and costs none.
//! - A texture is counted texel by texel, in the size of the format that the kernel states. Where it states none, as
//!   for sampled textures, a texel is what the kernel receives: 16 bytes, or 4 of a depth texture. A read
//!   through a sampler is one `int.sample` and what it gives, whatever it filters; a gather is one as well.
//!   What a texture's size and levels are costs nothing, as `arrayLength` does.
//! - What is done to a cooperative matrix is done once by the invocations of a subgroup together ([`Pricer::together`]).
//! - A step of a ray query is one `int.trace`, and nothing else of it costs: the device traverses and intersects by itself.
//! - Derivatives and ray pipelines are refused by name.

mod cooperative;
mod image;
mod math;
mod memory;
mod rays;

use naga::{
    AddressSpace, Arena, AtomicFunction, Barrier, BinaryOperator, Expression, Function, Handle,
    Module, RelationalFunction, ScalarKind, Span, Statement, SubgroupOperation, TypeInner,
    UnaryOperator, valid::FunctionInfo,
};

use crate::{
    composition::{Priced, Shape, dots, ops, sample, texture_load, texture_store, traffic},
    op::{Op, Price, Scalar, Traffic},
    read::PlainAccesses,
};

/// Prices the expressions and statements of one function.
pub(super) struct Pricer<'a> {
    module: &'a Module,
    plain: &'a PlainAccesses,
    expressions: &'a Arena<Expression>,
    info: &'a FunctionInfo,
    /// How many invocations a whole subgroup has, where that is known.
    subgroup: Option<u32>,
}

impl<'a> Pricer<'a> {
    pub(super) fn new(
        module: &'a Module,
        plain: &'a PlainAccesses,
        function: &'a Function,
        info: &'a FunctionInfo,
        subgroup: Option<u32>,
    ) -> Self {
        Self { module, plain, expressions: &function.expressions, info, subgroup }
    }

    /// What evaluating an emitted expression costs.
    pub(super) fn expression(&self, handle: Handle<Expression>) -> Priced {
        match self.expressions[handle] {
            Expression::Literal(_)
            | Expression::Constant(_)
            | Expression::ZeroValue(_)
            | Expression::Compose { .. }
            | Expression::Access { .. }
            | Expression::AccessIndex { .. }
            | Expression::Splat { .. }
            | Expression::Swizzle { .. }
            | Expression::FunctionArgument(_)
            | Expression::GlobalVariable(_)
            | Expression::LocalVariable(_)
            | Expression::ArrayLength(_) => Ok(Price::default()),
            // The results of statements; the statement is what costs.
            Expression::CallResult(_)
            | Expression::AtomicResult { .. }
            | Expression::WorkGroupUniformLoadResult { .. }
            | Expression::SubgroupBallotResult
            | Expression::SubgroupOperationResult { .. }
            | Expression::RayQueryProceedResult
            | Expression::RayQueryVertexPositions { .. }
            | Expression::RayQueryGetIntersection { .. } => Ok(Price::default()),
            Expression::ImageSample { .. } => Ok(sample(self.received(handle))),
            Expression::ImageLoad { image, .. } => {
                let stated = image::stated(self.inner(image));
                Ok(texture_load(stated.unwrap_or_else(|| self.received(handle))))
            }
            Expression::ImageQuery { .. } => Ok(Price::default()),
            Expression::Load { pointer } => {
                self.access(pointer, Direction::Load, self.expressions.get_span(handle))
            }
            Expression::Unary { op, expr } => self.unary(op, expr),
            Expression::Binary { op, left, right } => self.binary(op, left, right),
            Expression::Select { accept, .. } => Ok(self.shape(accept)?.each(Op::Select, 1)),
            Expression::Relational { fun, argument } => self.relational(fun, argument),
            Expression::Math { fun, arg, arg1, arg2: _, arg3: _ } => self.math(fun, arg, arg1),
            Expression::As { expr, kind, convert } => self.conversion(expr, kind, convert),
            Expression::Override(_) => Err("an override without a value".into()),
            Expression::Derivative { .. } => Err("a derivative has no price".into()),
            Expression::CooperativeLoad { columns, rows, role: _, ref data } => {
                self.loaded(data.pointer, [rows, columns])
            }
            Expression::CooperativeMultiplyAdd { a, b, c } => self.multiply_add([a, b, c]),
        }
    }

    /// What a statement costs by itself: not the expressions it emits, the function it calls or the
    /// blocks inside it.
    pub(super) fn statement(&self, statement: &Statement, span: Span) -> Priced {
        match *statement {
            Statement::Emit(_)
            | Statement::Block(_)
            | Statement::If { .. }
            | Statement::Switch { .. }
            | Statement::Loop { .. }
            | Statement::Break
            | Statement::Continue
            | Statement::Return { .. }
            | Statement::Kill
            | Statement::Call { .. }
            | Statement::SubgroupGather { .. } => Ok(Price::default()),
            Statement::ImageStore { image, .. } => {
                Ok(texture_store(image::stated(self.inner(image)).unwrap_or_default()))
            }
            // These do not wait for the workgroup.
            Statement::ControlBarrier(Barrier::SUB_GROUP) | Statement::MemoryBarrier(_) => {
                Ok(Price::default())
            }
            Statement::ControlBarrier(_) => {
                Ok(traffic(Traffic { barriers: 1, ..Traffic::default() }))
            }
            Statement::Store { pointer, .. } => self.access(pointer, Direction::Store, span),
            Statement::Atomic { fun, value, .. } => {
                let atomic = traffic(Traffic { atomics: 1, ..Traffic::default() });
                Ok(atomic + self.atomic(fun, value)?)
            }
            Statement::ImageAtomic { fun, value, .. } => {
                let atomic = traffic(Traffic { atomics: 1, ..Traffic::default() });
                Ok(atomic + self.atomic(fun, value)?)
            }
            Statement::WorkGroupUniformLoad { pointer, .. } => {
                let barriers = traffic(Traffic { barriers: 2, ..Traffic::default() });
                Ok(barriers + self.access(pointer, Direction::Load, span)?)
            }
            Statement::SubgroupBallot { .. } => Ok(ops(Scalar::Int, &[(Op::Bit, 1)])),
            Statement::SubgroupCollectiveOperation { op, argument, .. } => {
                self.collective(op, argument)
            }
            Statement::RayQuery { query: _, ref fun } => Ok(rays::price(fun)),
            Statement::RayPipelineFunction(_) => Err("a ray pipeline function has no price".into()),
            Statement::CooperativeStore { target, ref data } => self.stored(target, data.pointer),
        }
    }

    fn inner(&self, handle: Handle<Expression>) -> &TypeInner {
        self.info[handle].ty.inner_with(&self.module.types)
    }

    /// Bytes of a value that a texture gives.
    fn received(&self, handle: Handle<Expression>) -> u64 {
        self.inner(handle).size(self.module.to_ctx()).into()
    }

    fn shape(&self, handle: Handle<Expression>) -> Result<Shape, String> {
        match *self.inner(handle) {
            TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => {
                Ok(Shape { scalar: class(scalar)?, count: 1 })
            }
            TypeInner::Vector { size, scalar } => {
                Ok(Shape { scalar: class(scalar)?, count: size as u64 })
            }
            TypeInner::Matrix { columns, rows, scalar } => {
                Ok(Shape { scalar: class(scalar)?, count: columns as u64 * rows as u64 })
            }
            TypeInner::CooperativeMatrix { .. } => {
                Err("a cooperative matrix operation has no price".into())
            }
            TypeInner::Pointer { .. }
            | TypeInner::ValuePointer { .. }
            | TypeInner::Array { .. }
            | TypeInner::Struct { .. }
            | TypeInner::Image { .. }
            | TypeInner::Sampler { .. }
            | TypeInner::AccelerationStructure { .. }
            | TypeInner::RayQuery { .. }
            | TypeInner::BindingArray { .. } => {
                Err("an arithmetic operation on something that is no number".into())
            }
        }
    }

    fn unary(&self, op: UnaryOperator, operand: Handle<Expression>) -> Priced {
        let shape = self.shape(operand)?;
        Ok(match op {
            UnaryOperator::Negate => shape.each(Op::Neg, 1),
            UnaryOperator::LogicalNot | UnaryOperator::BitwiseNot => shape.each(Op::Bit, 1),
        })
    }

    fn binary(
        &self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Priced {
        if let elements @ ([Some(_), _] | [_, Some(_)]) = [left, right].map(|of| self.elements(of))
        {
            return self.of_elements(op, elements);
        }
        let shape = self.shape(left)?;
        Ok(match op {
            BinaryOperator::Add | BinaryOperator::Subtract => shape.each(Op::Add, 1),
            BinaryOperator::Multiply => return self.product(left, right),
            BinaryOperator::Divide => shape.each(Op::Div, 1),
            BinaryOperator::Modulo => shape.each(Op::Rem, 1),
            BinaryOperator::Equal
            | BinaryOperator::NotEqual
            | BinaryOperator::Less
            | BinaryOperator::LessEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterEqual => shape.each(Op::Compare, 1),
            BinaryOperator::And
            | BinaryOperator::ExclusiveOr
            | BinaryOperator::InclusiveOr
            | BinaryOperator::LogicalAnd
            | BinaryOperator::LogicalOr
            | BinaryOperator::ShiftLeft
            | BinaryOperator::ShiftRight => shape.each(Op::Bit, 1),
        })
    }

    /// A product: of components where a scalar is among the factors or both are vectors, of linear
    /// algebra where a matrix meets a vector or a matrix.
    fn product(&self, left: Handle<Expression>, right: Handle<Expression>) -> Priced {
        let (a, b) = (self.shape(left)?, self.shape(right)?);
        let matrix = |inner: &TypeInner| match *inner {
            TypeInner::Matrix { columns, rows, .. } => Some((columns as u64, rows as u64)),
            TypeInner::Scalar(_)
            | TypeInner::Vector { .. }
            | TypeInner::CooperativeMatrix { .. }
            | TypeInner::Atomic(_)
            | TypeInner::Pointer { .. }
            | TypeInner::ValuePointer { .. }
            | TypeInner::Array { .. }
            | TypeInner::Struct { .. }
            | TypeInner::Image { .. }
            | TypeInner::Sampler { .. }
            | TypeInner::AccelerationStructure { .. }
            | TypeInner::RayQuery { .. }
            | TypeInner::BindingArray { .. } => None,
        };
        Ok(match (matrix(self.inner(left)), matrix(self.inner(right))) {
            (Some((inner, rows)), Some((columns, _))) => dots(a.scalar, rows * columns, inner),
            (Some((columns, rows)), None) if b.count > 1 => dots(a.scalar, rows, columns),
            (None, Some((columns, rows))) if a.count > 1 => dots(a.scalar, columns, rows),
            (Some(_), None) | (None, Some(_)) | (None, None) => {
                Shape { scalar: a.scalar, count: a.count.max(b.count) }.each(Op::Mul, 1)
            }
        })
    }

    fn relational(&self, fun: RelationalFunction, argument: Handle<Expression>) -> Priced {
        let shape = self.shape(argument)?;
        Ok(match fun {
            RelationalFunction::All | RelationalFunction::Any => {
                ops(Scalar::Int, &[(Op::Bit, shape.count - 1)])
            }
            RelationalFunction::IsNan | RelationalFunction::IsInf => shape.each(Op::Compare, 1),
        })
    }

    fn conversion(
        &self,
        operand: Handle<Expression>,
        kind: ScalarKind,
        convert: Option<naga::Bytes>,
    ) -> Priced {
        let Some(width) = convert else { return Ok(Price::default()) };
        let from = self.shape(operand)?;
        let target = naga::Scalar { kind, width };
        if self.inner(operand).scalar() == Some(target) {
            return Ok(Price::default());
        }
        let to = class(target)?;
        let scalar = if to.is_float() { to } else { from.scalar };
        Ok(Shape { scalar, count: from.count }.each(Op::Convert, 1))
    }

    fn atomic(&self, fun: AtomicFunction, value: Handle<Expression>) -> Priced {
        let shape = self.shape(value)?;
        Ok(match fun {
            AtomicFunction::Add | AtomicFunction::Subtract => shape.each(Op::Add, 1),
            AtomicFunction::And | AtomicFunction::ExclusiveOr | AtomicFunction::InclusiveOr => {
                shape.each(Op::Bit, 1)
            }
            AtomicFunction::Min | AtomicFunction::Max => shape.each(Op::MinMax, 1),
            AtomicFunction::Exchange { compare: Some(_) } => shape.each(Op::Compare, 1),
            AtomicFunction::Exchange { compare: None } => Price::default(),
        })
    }

    fn collective(&self, op: SubgroupOperation, argument: Handle<Expression>) -> Priced {
        let shape = self.shape(argument)?;
        Ok(match op {
            SubgroupOperation::Add => shape.each(Op::Add, 1),
            SubgroupOperation::Mul => shape.each(Op::Mul, 1),
            SubgroupOperation::Min | SubgroupOperation::Max => shape.each(Op::MinMax, 1),
            SubgroupOperation::All
            | SubgroupOperation::Any
            | SubgroupOperation::And
            | SubgroupOperation::Or
            | SubgroupOperation::Xor => shape.each(Op::Bit, 1),
        })
    }

    fn access(&self, pointer: Handle<Expression>, direction: Direction, span: Span) -> Priced {
        let (space, bytes, atomic) = match *self.inner(pointer) {
            TypeInner::Pointer { base, space } => {
                let inner = &self.module.types[base].inner;
                let bytes = memory::bytes(self.module, inner)
                    .ok_or("an access to memory of no size that is known")?;
                let is_atomic = matches!(inner, TypeInner::Atomic(_)) && !self.plain.has(span);
                (space, bytes, is_atomic)
            }
            TypeInner::ValuePointer { size, scalar, space } => {
                (space, u64::from(scalar.width) * size.map_or(1, |n| n as u64), false)
            }
            TypeInner::Scalar(_)
            | TypeInner::Vector { .. }
            | TypeInner::Matrix { .. }
            | TypeInner::CooperativeMatrix { .. }
            | TypeInner::Atomic(_)
            | TypeInner::Array { .. }
            | TypeInner::Struct { .. }
            | TypeInner::Image { .. }
            | TypeInner::Sampler { .. }
            | TypeInner::AccelerationStructure { .. }
            | TypeInner::RayQuery { .. }
            | TypeInner::BindingArray { .. } => {
                return Err("a memory access through something that is no pointer".into());
            }
        };
        if atomic {
            return Ok(traffic(Traffic { atomics: 1, ..Traffic::default() }));
        }
        moved(space, bytes, direction)
    }
}

/// What moving so many bytes costs.
fn moved(space: AddressSpace, bytes: u64, direction: Direction) -> Priced {
    let mut touched = Traffic::default();
    match (space, direction) {
        (AddressSpace::Function | AddressSpace::Private | AddressSpace::Immediate, _) => {}
        (AddressSpace::WorkGroup, Direction::Load) => touched.workgroup_load = bytes,
        (AddressSpace::WorkGroup, Direction::Store) => touched.workgroup_store = bytes,
        (AddressSpace::Storage { .. }, Direction::Load) => touched.storage_load = bytes,
        (AddressSpace::Storage { .. }, Direction::Store) => touched.storage_store = bytes,
        (AddressSpace::Uniform, Direction::Load) => touched.uniform_load = bytes,
        (AddressSpace::Uniform, Direction::Store) => {
            return Err("a store to a uniform".into());
        }
        (
            AddressSpace::Handle
            | AddressSpace::TaskPayload
            | AddressSpace::RayPayload
            | AddressSpace::IncomingRayPayload,
            _,
        ) => return Err(format!("memory in the address space {space:?} has no price")),
    }
    Ok(traffic(touched))
}

#[derive(Clone, Copy)]
enum Direction {
    Load,
    Store,
}

fn class(scalar: naga::Scalar) -> Result<Scalar, String> {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Sint | ScalarKind::Uint | ScalarKind::Bool, _) => Ok(Scalar::Int),
        (ScalarKind::Float, 2) => Ok(Scalar::F16),
        (ScalarKind::Float, 4) => Ok(Scalar::F32),
        (ScalarKind::Float, 8) => Ok(Scalar::F64),
        (ScalarKind::Float, bytes) => Err(format!("a float of {bytes} bytes")),
        (ScalarKind::AbstractInt | ScalarKind::AbstractFloat, _) => {
            Err("an abstract number that reached run time".into())
        }
    }
}
