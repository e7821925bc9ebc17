//! Statements: control flow keeps its structure, stores and atomics become instructions.

use naga::{AtomicFunction, Barrier, Expression, Handle, Span, Statement, SwitchValue, TypeInner};

use super::{
    Frame, Lower, Lowered, Lowering, MAX_INSTRUCTIONS, Pointee, Returns, access::Transferred, types,
};
use crate::{
    execute::{
        Access,
        cpu::{
            alu::Alu,
            program::{Branch, Exchange, Inst, Kind, Node, Num},
        },
    },
    op::Op,
};

impl<'a> Lowering<'a> {
    pub(super) fn statements(
        &mut self,
        frame: &mut Frame<'a>,
        block: &'a naga::Block,
    ) -> Lower<()> {
        for (statement, span) in block.span_iter() {
            self.instructions += 1;
            if self.instructions > MAX_INSTRUCTIONS {
                return Err("its functions, written out at every call, are too long".into());
            }
            if span.is_defined() {
                self.span = *span;
                self.line = self.kernel.line(*span);
            }
            self.statement(frame, statement, *span)?;
        }
        Ok(())
    }

    fn statement(
        &mut self,
        frame: &mut Frame<'a>,
        statement: &'a Statement,
        span: Span,
    ) -> Lower<()> {
        match statement {
            Statement::Emit(range) => {
                for handle in range.clone() {
                    let span = frame.function.expressions.get_span(handle);
                    if span.is_defined() {
                        self.span = span;
                        self.line = self.kernel.line(span);
                    }
                    frame.expressions.remove(&handle);
                    self.lowered(frame, handle)?;
                }
            }
            Statement::Block(block) => self.statements(frame, block)?,
            Statement::If { condition, accept, reject } => {
                let condition = self.scalar(frame, *condition)?;
                let (accept, ()) = self.inside(|this| this.statements(frame, accept))?;
                let (reject, ()) = self.inside(|this| this.statements(frame, reject))?;
                self.push(Node::If { condition, accept, reject });
            }
            Statement::Switch { selector, cases } => {
                let selector = self.scalar(frame, *selector)?;
                let mut lowered = Vec::new();
                for case in cases {
                    let (body, ()) = self.inside(|this| this.statements(frame, &case.body))?;
                    let value = match case.value {
                        SwitchValue::I32(value) => Some(value as u32),
                        SwitchValue::U32(value) => Some(value),
                        SwitchValue::Default => None,
                    };
                    lowered.push(Branch { value, body, fall_through: case.fall_through });
                }
                self.push(Node::Switch { selector, cases: lowered });
            }
            Statement::Loop { body, continuing, break_if } => {
                let line = self.line.clone();
                let (body, ()) = self.inside(|this| this.statements(frame, body))?;
                let (continuing, break_if) = self.inside(|this| {
                    this.statements(frame, continuing)?;
                    break_if.map(|condition| this.scalar(frame, condition)).transpose()
                })?;
                self.push(Node::Loop { body, continuing, break_if, line });
            }
            Statement::Break => self.push(Node::Break),
            Statement::Continue => self.push(Node::Continue),
            Statement::Return { value } => {
                let value = match value {
                    Some(value) => Some(self.value(frame, *value)?),
                    None => None,
                };
                match &mut frame.returns {
                    Returns::Entry => self.push(Node::Return),
                    Returns::Last(result) => *result = value,
                    Returns::Join(variables) => {
                        let variables = variables.clone();
                        for (variable, num) in variables.iter().zip(value.unwrap_or_default()) {
                            self.copy(*variable, num);
                        }
                        self.push(Node::Return);
                    }
                }
            }
            Statement::Kill => return Err("a discarded fragment".into()),
            // Lanes of a subgroup are always together here.
            Statement::ControlBarrier(Barrier::SUB_GROUP) => self.fence(Barrier::SUB_GROUP),
            Statement::ControlBarrier(barrier) => {
                self.cost.traffic.barriers += 1;
                self.barrier(*barrier | self.released);
            }
            Statement::MemoryBarrier(barrier) => {
                self.released |= *barrier - Barrier::SUB_GROUP;
            }
            Statement::Store { pointer, value } => {
                self.kept_together(frame, *value)?;
                let value = self.value(frame, *value)?;
                let (place, inner) = self.place(frame, *pointer)?;
                let inner = self.kernel.plain.seen(inner, span);
                self.touched(frame, *pointer, &inner, Transferred::Store)?;
                if let TypeInner::Atomic(scalar) = inner {
                    let kind = types::kind(scalar)?;
                    self.atomic(&place, kind, Exchange::Replace, value[0], None, None)?;
                } else {
                    self.store_value(&place, &inner, &value)?;
                }
            }
            Statement::Atomic { pointer, fun, value, result } => {
                self.atomic_statement(frame, *pointer, fun, *value, *result)?;
            }
            Statement::WorkGroupUniformLoad { pointer, result } => {
                self.cost.traffic.barriers += 2;
                self.barrier(Barrier::WORK_GROUP);
                let value = if matches!(self.pointee(frame, *pointer)?, TypeInner::Atomic(_)) {
                    vec![self.atomic_load(frame, *pointer)?]
                } else {
                    self.load(frame, *pointer, span)?
                };
                frame.expressions.insert(*result, Lowered::Value(value));
                self.barrier(Barrier::WORK_GROUP);
            }
            Statement::Call { function, arguments, result } => {
                let arguments = arguments
                    .iter()
                    .map(|argument| self.lowered(frame, *argument))
                    .collect::<Lower<Vec<_>>>()?;
                let value = self.call(*function, arguments)?;
                if let (Some(result), Some(value)) = (result, value) {
                    frame.expressions.insert(*result, Lowered::Value(value));
                }
            }
            Statement::SubgroupBallot { result, predicate } => {
                self.ballot(frame, *result, *predicate)?;
            }
            Statement::SubgroupGather { mode, argument, result } => {
                self.gather(frame, *mode, *argument, *result)?;
            }
            Statement::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
                self.collective(frame, *op, *collective_op, *argument, *result)?;
            }
            #[cfg(feature = "textures")]
            Statement::ImageStore { image, coordinate, array_index, value } => {
                self.image_store(frame, *image, (*coordinate, *array_index), *value)?;
            }
            #[cfg(not(feature = "textures"))]
            Statement::ImageStore { .. } => return Err("a texture".into()),
            Statement::ImageAtomic { .. } => return Err("an atomic of a texture".into()),
            Statement::RayQuery { .. } | Statement::RayPipelineFunction(_) => {
                return Err("a ray query".into());
            }
            Statement::CooperativeStore { target, data } => {
                self.matrix_store(frame, *target, data)?;
            }
        }
        Ok(())
    }

    fn barrier(&mut self, barrier: Barrier) {
        let line = self.line.clone();
        self.push(Node::Barrier { line });
        self.fence(barrier);
    }

    fn fence(&mut self, barrier: Barrier) {
        self.released = Barrier::empty();
        if self.watch.is_some() {
            self.emit(Inst::Fence(barrier));
        }
    }

    /// An atomic read of a value.
    pub(super) fn atomic_load(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
    ) -> Lower<Num> {
        let (place, inner) = self.place(frame, pointer)?;
        let kind = match inner {
            TypeInner::Atomic(scalar) | TypeInner::Scalar(scalar) => types::kind(scalar)?,
            other => return Err(format!("an atomic of type {other:?}")),
        };
        self.cost.traffic.atomics += 1;
        let to = self.new_num(kind, false);
        let zero = self.constant_num(kind, 0);
        self.atomic(&place, kind, Exchange::Load, zero, None, Some((to, None)))?;
        Ok(to)
    }

    fn atomic_statement(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
        fun: &AtomicFunction,
        value: Handle<Expression>,
        result: Option<Handle<Expression>>,
    ) -> Lower<()> {
        let kind = self.kind(frame, value)?;
        let operand = self.value(frame, value)?[0];
        let (place, _) = self.place(frame, pointer)?;
        self.cost.traffic.atomics += 1;
        let by_kind = |f: Alu, s: Alu, u: Alu| match (kind.float(), kind.signed()) {
            (true, _) => f,
            (false, true) => s,
            (false, false) => u,
        };
        let (exchange, count, compare) = match *fun {
            AtomicFunction::Add => {
                (Exchange::Combine(by_kind(Alu::AddF, Alu::AddI, Alu::AddI)), Some(Op::Add), None)
            }
            AtomicFunction::Subtract => {
                (Exchange::Combine(by_kind(Alu::SubF, Alu::SubI, Alu::SubI)), Some(Op::Add), None)
            }
            AtomicFunction::And => (Exchange::Combine(Alu::And), Some(Op::Bit), None),
            AtomicFunction::ExclusiveOr => (Exchange::Combine(Alu::Xor), Some(Op::Bit), None),
            AtomicFunction::InclusiveOr => (Exchange::Combine(Alu::Or), Some(Op::Bit), None),
            AtomicFunction::Min => (
                Exchange::Combine(by_kind(Alu::MinF, Alu::MinS, Alu::MinU)),
                Some(Op::MinMax),
                None,
            ),
            AtomicFunction::Max => (
                Exchange::Combine(by_kind(Alu::MaxF, Alu::MaxS, Alu::MaxU)),
                Some(Op::MinMax),
                None,
            ),
            AtomicFunction::Exchange { compare: None } => (Exchange::Replace, None, None),
            AtomicFunction::Exchange { compare: Some(compare) } => {
                let compare = self.value(frame, compare)?[0];
                (Exchange::Compare, Some(Op::Compare), Some(compare))
            }
        };
        if let Some(op) = count {
            self.count(kind, op, 1);
        }
        let to = result.map(|result| {
            let old = self.new_num(kind, false);
            let held = compare.map(|_| self.register(false));
            let mut value = vec![old];
            value.extend(held.map(|low| Num { low, high: None }));
            frame.expressions.insert(result, Lowered::Value(value));
            (old, held)
        });
        self.atomic(&place, kind, exchange, operand, compare, to)
    }

    fn atomic(
        &mut self,
        place: &Pointee,
        kind: Kind,
        exchange: Exchange,
        value: Num,
        compare: Option<Num>,
        to: Option<(Num, Option<crate::execute::cpu::program::Reg>)>,
    ) -> Lower<()> {
        let Pointee::Memory { memory, offset, index } = *place else {
            return Err("an atomic that is not in memory that invocations share".into());
        };
        let at = self.address(memory, offset, index);
        let access = match exchange {
            Exchange::Load => Access::AtomicLoad,
            Exchange::Combine(_) | Exchange::Replace | Exchange::Compare => Access::AtomicUpdate,
        };
        self.watched(at, kind.bytes(), access);
        self.emit(Inst::Atomic {
            at,
            exchange,
            wide: kind.wide(),
            value: value.pair(),
            compare: compare.unwrap_or(value).pair(),
            to: to.map(|(num, _)| num.pair()),
            held: to.and_then(|(_, held)| held),
        });
        Ok(())
    }
}
