//! Expressions: each becomes registers, or a place for a pointer. Operators are counted here; the
//! built-in functions are in their own files.

use naga::{
    BinaryOperator, Expression, Handle, Literal, RelationalFunction, Scalar, ScalarKind, TypeInner,
    UnaryOperator,
};

use super::{Frame, Lower, Lowered, Lowering, place::Place, types};
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Bound, Inst, Kind, Num, Reg},
    },
    op::Op,
};

impl<'a> Lowering<'a> {
    /// An expression as it was emitted, or as it is where it needs no emission.
    pub(super) fn lowered(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Expression>,
    ) -> Lower<Lowered> {
        if let Some(lowered) = frame.expressions.get(&handle) {
            return Ok(lowered.clone());
        }
        let lowered = self.expression(frame, handle)?;
        frame.expressions.insert(handle, lowered.clone());
        Ok(lowered)
    }

    /// The scalars of an expression that is a value.
    pub(super) fn value(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Expression>,
    ) -> Lower<Vec<Num>> {
        match self.lowered(frame, handle)? {
            Lowered::Value(value) => Ok(value),
            Lowered::Place(_) => Err("a pointer used as a value".into()),
        }
    }

    /// The one register of an expression that is a 32-bit scalar; of a 64-bit index, whether it fits is
    /// part of the answer.
    pub(super) fn scalar(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Expression>,
    ) -> Lower<Reg> {
        let value = self.value(frame, handle)?;
        let [num] = value[..] else { return Err("a vector used as a scalar".into()) };
        Ok(match num.high {
            None => num.low,
            Some(high) => {
                let (zero, nowhere) = (self.constant(0), self.constant(u32::MAX));
                let fits = self.alu(Alu::Eq, &[high, zero]);
                self.alu(Alu::Select, &[nowhere, num.low, fits])
            }
        })
    }

    pub(super) fn inner(&self, frame: &Frame<'a>, handle: Handle<Expression>) -> &'a TypeInner
    where
        'a: 'a,
    {
        frame.info[handle].ty.inner_with(&self.module.types)
    }

    /// The scalar type of a scalar, vector or matrix.
    pub(super) fn kind(&self, frame: &Frame<'a>, handle: Handle<Expression>) -> Lower<Kind> {
        let inner = self.inner(frame, handle);
        let scalar = inner.scalar().ok_or("arithmetic on something that is no number")?;
        types::kind(scalar)
    }

    fn expression(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>) -> Lower<Lowered> {
        let value = match frame.function.expressions[handle] {
            Expression::Literal(literal) => vec![self.literal(literal)?],
            Expression::Constant(constant) => {
                self.constant_value(self.module.constants[constant].init)?
            }
            Expression::Override(_) => return Err("an override without a value".into()),
            Expression::ZeroValue(ty) => self.zero(&self.module.types[ty].inner)?,
            Expression::Compose { ref components, .. } => {
                let mut value = Vec::new();
                for component in components {
                    value.extend(self.value(frame, *component)?);
                }
                value
            }
            Expression::Access { base, index } => {
                let index = self.scalar(frame, index)?;
                match self.lowered(frame, base)? {
                    Lowered::Place(place) => {
                        let inner = self.pointee(frame, base)?;
                        return self.indexed(place, &inner, index).map(Lowered::Place);
                    }
                    Lowered::Value(value) => self.choose(frame, base, &value, index)?,
                }
            }
            Expression::AccessIndex { base, index } => match self.lowered(frame, base)? {
                Lowered::Place(place) => {
                    let inner = self.pointee(frame, base)?;
                    return self.part(place, &inner, index).map(Lowered::Place);
                }
                Lowered::Value(value) => {
                    let inner = self.inner(frame, base);
                    let first = types::part(self.module, inner, index)?.scalars;
                    let element = types::element(self.module, inner, index)?;
                    let count = types::leaves(self.module, &element)?.len();
                    value.get(first..first + count).ok_or("an index out of bounds")?.to_vec()
                }
            },
            Expression::Splat { size, value } => {
                let value = self.value(frame, value)?;
                vec![value[0]; size as usize]
            }
            Expression::Swizzle { size, vector, pattern } => {
                let value = self.value(frame, vector)?;
                pattern[..size as usize].iter().map(|c| value[*c as usize]).collect()
            }
            Expression::FunctionArgument(index) => {
                return Ok(frame.arguments[index as usize].clone());
            }
            Expression::GlobalVariable(global) => {
                let place = self.globals.get(&global).ok_or("a variable that is not bound")?;
                return Ok(Lowered::Place(place.clone()));
            }
            Expression::LocalVariable(local) => {
                return Ok(Lowered::Place(frame.locals[&local].clone()));
            }
            Expression::Load { pointer } => {
                if matches!(self.pointee(frame, pointer)?, TypeInner::Atomic(_)) {
                    vec![self.atomic_load(frame, pointer)?]
                } else {
                    self.load(frame, pointer)?
                }
            }
            Expression::Unary { op, expr } => {
                let kind = self.kind(frame, expr)?;
                let operand = self.value(frame, expr)?;
                operand.into_iter().map(|num| self.unary(op, kind, num)).collect()
            }
            Expression::Binary { op, left, right } => self.binary(frame, op, left, right)?,
            Expression::Select { condition, accept, reject } => {
                let condition = self.value(frame, condition)?;
                let (accept, reject) = (self.value(frame, accept)?, self.value(frame, reject)?);
                let kind = self.kind_of_select(frame, handle)?;
                (0..accept.len())
                    .map(|i| {
                        let condition = *condition.get(i).unwrap_or(&condition[0]);
                        self.counted(
                            Op::Select,
                            Alu::Select,
                            kind,
                            &[reject[i], accept[i], condition],
                        )
                    })
                    .collect()
            }
            Expression::Relational { fun, argument } => self.relational(frame, fun, argument)?,
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                self.math(frame, fun, [Some(arg), arg1, arg2, arg3])?
            }
            Expression::As { expr, kind, convert } => self.cast(frame, expr, kind, convert)?,
            Expression::ArrayLength(array) => {
                let (place, inner) = self.place(frame, array)?;
                let Place::Memory { memory, offset, .. } = place else {
                    return Err("the length of an array that is in no buffer".into());
                };
                let TypeInner::Array { stride, .. } = inner else {
                    return Err("the length of something that is no array".into());
                };
                let to = self.register(false);
                self.emit(Inst::Length { to, bound: Bound::Runtime { memory, offset, stride } });
                vec![self.num(to)]
            }
            // Their statements put these in place before anyone can ask.
            Expression::CallResult(_)
            | Expression::AtomicResult { .. }
            | Expression::WorkGroupUniformLoadResult { .. }
            | Expression::SubgroupBallotResult
            | Expression::SubgroupOperationResult { .. } => {
                return Err("the result of a statement that has not executed".into());
            }
            Expression::ImageSample { .. }
            | Expression::ImageLoad { .. }
            | Expression::ImageQuery { .. } => return Err("a texture".into()),
            Expression::Derivative { .. } => return Err("a derivative".into()),
            Expression::RayQueryVertexPositions { .. }
            | Expression::RayQueryProceedResult
            | Expression::RayQueryGetIntersection { .. } => return Err("a ray query".into()),
            Expression::CooperativeLoad { .. } | Expression::CooperativeMultiplyAdd { .. } => {
                return Err("a cooperative matrix".into());
            }
        };
        Ok(Lowered::Value(value))
    }

    fn kind_of_select(&self, frame: &Frame<'a>, handle: Handle<Expression>) -> Lower<Kind> {
        self.kind(frame, handle)
    }

    /// A value of the module's constant expressions.
    pub(super) fn constant_value(&mut self, handle: Handle<Expression>) -> Lower<Vec<Num>> {
        match &self.module.global_expressions[handle] {
            Expression::Literal(literal) => Ok(vec![self.literal(*literal)?]),
            Expression::Constant(constant) => {
                self.constant_value(self.module.constants[*constant].init)
            }
            Expression::ZeroValue(ty) => self.zero(&self.module.types[*ty].inner),
            Expression::Compose { components, .. } => {
                let mut value = Vec::new();
                for component in components {
                    value.extend(self.constant_value(*component)?);
                }
                Ok(value)
            }
            Expression::Splat { size, value } => {
                let value = self.constant_value(*value)?;
                Ok(vec![value[0]; *size as usize])
            }
            Expression::Swizzle { size, vector, pattern } => {
                let value = self.constant_value(*vector)?;
                Ok(pattern[..*size as usize].iter().map(|c| value[*c as usize]).collect())
            }
            other => Err(format!("the constant expression {other:?}")),
        }
    }

    fn literal(&mut self, literal: Literal) -> Lower<Num> {
        Ok(match literal {
            Literal::F64(value) => self.constant_num(Kind::F64, value.to_bits()),
            Literal::F32(value) => self.constant_num(Kind::F32, value.to_bits().into()),
            Literal::F16(value) => self.constant_num(Kind::F16, value.to_f32().to_bits().into()),
            Literal::U16(value) => self.constant_num(Kind::U16, value.into()),
            Literal::I16(value) => self.constant_num(Kind::I16, u64::from(i32::from(value) as u32)),
            Literal::U32(value) => self.constant_num(Kind::U32, value.into()),
            Literal::I32(value) => self.constant_num(Kind::I32, u64::from(value as u32)),
            Literal::U64(value) => self.constant_num(Kind::U64, value),
            Literal::I64(value) => self.constant_num(Kind::I64, value as u64),
            Literal::Bool(value) => {
                self.constant_num(Kind::Bool, if value { u32::MAX.into() } else { 0 })
            }
            Literal::AbstractInt(_) | Literal::AbstractFloat(_) => {
                return Err("an abstract number that reached run time".into());
            }
        })
    }

    fn zero(&mut self, inner: &TypeInner) -> Lower<Vec<Num>> {
        let kinds = types::kinds(self.module, inner)?;
        Ok(kinds.into_iter().map(|kind| self.constant_num(kind, 0)).collect())
    }

    /// The element of a value at a computed index: one choice after the other.
    fn choose(
        &mut self,
        frame: &Frame<'a>,
        base: Handle<Expression>,
        value: &[Num],
        index: Reg,
    ) -> Lower<Vec<Num>> {
        let stride = types::stride(self.module, self.inner(frame, base))?.scalars.max(1);
        let mut elements = value.chunks(stride).zip(0..);
        let (first, _) = elements.next().ok_or("an index into nothing")?;
        let mut chosen = first.to_vec();
        for (element, number) in elements {
            let number = self.constant(number);
            let here = self.alu(Alu::Eq, &[index, number]);
            for (chosen, element) in chosen.iter_mut().zip(element) {
                let condition = Num { low: here, high: chosen.high.map(|_| here) };
                *chosen = self.plain(Alu::Select, Kind::U32, &[*chosen, *element, condition]);
            }
        }
        Ok(chosen)
    }

    fn unary(&mut self, op: UnaryOperator, kind: Kind, num: Num) -> Num {
        match op {
            UnaryOperator::Negate => {
                let negate = if kind.float() { Alu::NegF } else { Alu::NegI };
                self.counted(Op::Neg, negate, kind, &[num])
            }
            UnaryOperator::LogicalNot | UnaryOperator::BitwiseNot => {
                self.counted(Op::Bit, Alu::Not, kind, &[num])
            }
        }
    }

    fn binary(
        &mut self,
        frame: &mut Frame<'a>,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Lower<Vec<Num>> {
        let kind = self.kind(frame, left)?;
        let (a, b) = (self.value(frame, left)?, self.value(frame, right)?);
        if op == BinaryOperator::Multiply {
            let (left, right) = (self.inner(frame, left), self.inner(frame, right));
            if let Some(product) = self.matrix_product(kind, left, &a, right, &b) {
                return Ok(product);
            }
        }
        Ok((0..a.len().max(b.len()))
            .map(|i| {
                let (a, b) = (*a.get(i).unwrap_or(&a[0]), *b.get(i).unwrap_or(&b[0]));
                self.component(op, kind, a, b)
            })
            .collect())
    }

    /// An operator on one component.
    fn component(&mut self, op: BinaryOperator, kind: Kind, a: Num, b: Num) -> Num {
        use BinaryOperator as B;
        let (float, signed) = (kind.float(), kind.signed());
        let by_sign = |f: Alu, s: Alu, u: Alu| match (float, signed) {
            (true, _) => f,
            (false, true) => s,
            (false, false) => u,
        };
        let (count, alu) = match op {
            B::Add => (Op::Add, by_sign(Alu::AddF, Alu::AddI, Alu::AddI)),
            B::Subtract => (Op::Add, by_sign(Alu::SubF, Alu::SubI, Alu::SubI)),
            B::Multiply => (Op::Mul, by_sign(Alu::MulF, Alu::MulI, Alu::MulI)),
            B::Divide => (Op::Div, by_sign(Alu::DivF, Alu::DivS, Alu::DivU)),
            B::Modulo => (Op::Rem, by_sign(Alu::RemF, Alu::RemS, Alu::RemU)),
            B::Equal => (Op::Compare, by_sign(Alu::EqF, Alu::Eq, Alu::Eq)),
            B::NotEqual => (Op::Compare, by_sign(Alu::NeF, Alu::Ne, Alu::Ne)),
            B::Less | B::Greater => (Op::Compare, by_sign(Alu::LtF, Alu::LtS, Alu::LtU)),
            B::LessEqual | B::GreaterEqual => (Op::Compare, by_sign(Alu::LeF, Alu::LeS, Alu::LeU)),
            B::And | B::LogicalAnd => (Op::Bit, Alu::And),
            B::InclusiveOr | B::LogicalOr => (Op::Bit, Alu::Or),
            B::ExclusiveOr => (Op::Bit, Alu::Xor),
            B::ShiftLeft => (Op::Bit, Alu::Shl),
            B::ShiftRight => (Op::Bit, by_sign(Alu::ShrU, Alu::ShrS, Alu::ShrU)),
        };
        let operands = match op {
            B::Greater | B::GreaterEqual => [b, a],
            _ => [a, b],
        };
        self.counted(count, alu, kind, &operands)
    }

    fn relational(
        &mut self,
        frame: &mut Frame<'a>,
        fun: RelationalFunction,
        argument: Handle<Expression>,
    ) -> Lower<Vec<Num>> {
        let kind = self.kind(frame, argument)?;
        let value = self.value(frame, argument)?;
        let test = match fun {
            RelationalFunction::All | RelationalFunction::Any => {
                let join = if fun == RelationalFunction::All { Alu::And } else { Alu::Or };
                let mut joined = value[0];
                for num in &value[1..] {
                    joined = self.counted(Op::Bit, join, kind, &[joined, *num]);
                }
                return Ok(vec![joined]);
            }
            RelationalFunction::IsNan => Alu::IsNanF,
            RelationalFunction::IsInf => Alu::IsInfF,
        };
        Ok(value.into_iter().map(|num| self.counted(Op::Compare, test, kind, &[num])).collect())
    }

    fn cast(
        &mut self,
        frame: &mut Frame<'a>,
        operand: Handle<Expression>,
        kind: ScalarKind,
        convert: Option<u8>,
    ) -> Lower<Vec<Num>> {
        let from = self.kind(frame, operand)?;
        let value = self.value(frame, operand)?;
        let Some(width) = convert else { return self.bitcast(from, kind, value) };
        let to = types::kind(Scalar { kind, width })?;
        if from == to {
            return Ok(value);
        }
        // A conversion is the business of the float that comes of it, else of the one that goes in.
        let counts_as = if to.float() { to } else { from };
        Ok(value
            .into_iter()
            .map(|num| {
                self.count(counts_as, Op::Convert, 1);
                self.converted(from, to, num)
            })
            .collect())
    }

    /// Another reading of the same bits. Only half-precision values are not held as their bits.
    fn bitcast(&mut self, from: Kind, kind: ScalarKind, value: Vec<Num>) -> Lower<Vec<Num>> {
        match (from, kind) {
            (Kind::F16, ScalarKind::Float) => Ok(value),
            (Kind::F16, _) => {
                let num = |low| Num { low, high: None };
                Ok(value.into_iter().map(|n| num(self.alu(Alu::ToHalfBits, &[n.low]))).collect())
            }
            (Kind::U16 | Kind::I16, ScalarKind::Float) => {
                let num = |low| Num { low, high: None };
                Ok(value.into_iter().map(|n| num(self.alu(Alu::FromHalfBits, &[n.low]))).collect())
            }
            (Kind::U16, ScalarKind::Sint) => {
                let num = |low| Num { low, high: None };
                Ok(value
                    .into_iter()
                    .map(|n| num(self.alu(Alu::SignExtendHalf, &[n.low])))
                    .collect())
            }
            (Kind::I16, ScalarKind::Uint) => {
                let low = self.constant(0xffff);
                let num = |low| Num { low, high: None };
                Ok(value.into_iter().map(|n| num(self.alu(Alu::And, &[n.low, low]))).collect())
            }
            _ => Ok(value),
        }
    }

    /// A scalar of another type with the same value, or the nearest.
    pub(super) fn converted(&mut self, from: Kind, to: Kind, num: Num) -> Num {
        if from.wide() || to.wide() {
            let result = self.new_num(to, false);
            let (to_pair, from_pair) = (result.pair(), num.pair());
            self.emit(Inst::Convert { kinds: [from, to], to: to_pair, from: from_pair });
            return result;
        }
        let (zero, one) = (self.constant(0), self.constant(1));
        let low = num.low;
        let to_int = |this: &mut Self, clamped: Option<(f32, f32)>, op: Alu| {
            let mut low = low;
            if let Some((least, most)) = clamped {
                let least = this.constant(least.to_bits());
                let most = this.constant(most.to_bits());
                low = this.alu(Alu::MaxF, &[low, least]);
                low = this.alu(Alu::MinF, &[low, most]);
            }
            this.alu(op, &[low])
        };
        let result = match (from, to) {
            (Kind::F16 | Kind::F32, Kind::F16) => self.alu(Alu::RoundHalf, &[low]),
            (Kind::F16 | Kind::F32, Kind::F32) => low,
            (Kind::F32, Kind::I32) => to_int(self, None, Alu::FToS),
            (Kind::F32, Kind::U32) => to_int(self, None, Alu::FToU),
            (Kind::F32, Kind::I16) => to_int(self, Some((-32768.0, 32767.0)), Alu::FToS),
            (Kind::F32, Kind::U16) => to_int(self, Some((0.0, 65535.0)), Alu::FToU),
            // The last integers that are halves, too.
            (Kind::F16, Kind::I32) => to_int(self, Some((-65504.0, 65504.0)), Alu::FToS),
            (Kind::F16, Kind::I16) => to_int(self, Some((-32768.0, 32752.0)), Alu::FToS),
            (Kind::F16, Kind::U16 | Kind::U32) => to_int(self, Some((0.0, 65504.0)), Alu::FToU),
            (Kind::F16 | Kind::F32, Kind::Bool) => self.alu(Alu::NeF, &[low, zero]),
            (Kind::I16 | Kind::I32, Kind::F16 | Kind::F32) => {
                let value = self.alu(Alu::SToF, &[low]);
                self.narrow(Alu::SToF, to, value)
            }
            (Kind::U16 | Kind::U32, Kind::F16 | Kind::F32) => {
                let value = self.alu(Alu::UToF, &[low]);
                self.narrow(Alu::UToF, to, value)
            }
            (Kind::Bool, Kind::F16 | Kind::F32) => {
                let bit = self.alu(Alu::And, &[low, one]);
                self.alu(Alu::UToF, &[bit])
            }
            (Kind::Bool, _) => self.alu(Alu::And, &[low, one]),
            (_, Kind::Bool) => self.alu(Alu::Ne, &[low, zero]),
            (_, Kind::I16 | Kind::U16) => self.narrow(Alu::AddI, to, low),
            _ => low,
        };
        self.num(result)
    }
}
