//! Expressions: each becomes registers, or a place for a pointer. What takes values apart and puts them
//! together is here; operators, conversions and functions, which compute, are in their own files.

use naga::{Expression, Handle, TypeInner};

use super::{Frame, Lower, Lowered, Lowering, Pointee, Sum, types};
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Inst, Kind, Limit, Num, Reg},
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
            Lowered::Pointee(_) => Err("a pointer used as a value".into()),
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
                    Lowered::Pointee(place) => {
                        let inner = self.pointee(frame, base)?;
                        return self.indexed(place, &inner, index).map(Lowered::Pointee);
                    }
                    Lowered::Value(value) => {
                        let (chosen, within) = self.choose(frame, base, &value, index)?;
                        frame.within.insert(handle, within);
                        chosen
                    }
                }
            }
            Expression::AccessIndex { base, index } => match self.lowered(frame, base)? {
                Lowered::Pointee(place) => {
                    let inner = self.pointee(frame, base)?;
                    return self.part(place, &inner, index).map(Lowered::Pointee);
                }
                Lowered::Value(value) => {
                    let inner = self.inner(frame, base);
                    let first = types::part(self.types(), inner, index)?.scalars;
                    let element = types::element(self.types(), inner, index)?;
                    let count = types::leaves(self.types(), &element)?.len();
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
                return Ok(Lowered::Pointee(place.clone()));
            }
            Expression::LocalVariable(local) => {
                return Ok(Lowered::Pointee(frame.locals[&local].clone()));
            }
            Expression::Load { pointer } => {
                let span = frame.function.expressions.get_span(handle);
                let place = self.pointee(frame, pointer)?;
                if matches!(self.kernel.plain.seen(place, span), TypeInner::Atomic(_)) {
                    vec![self.atomic_load(frame, pointer)?]
                } else {
                    self.load(frame, pointer, span)?
                }
            }
            Expression::Unary { op, expr } => {
                let kind = self.kind(frame, expr)?;
                let operand = self.value(frame, expr)?;
                operand.into_iter().map(|num| self.unary(op, kind, num)).collect()
            }
            Expression::Binary { op, left, right } => self.binary(frame, op, left, right)?,
            Expression::Select { condition, accept, reject } => {
                self.chosen_together(frame, condition, accept)?;
                let condition = self.value(frame, condition)?;
                let (accept, reject) = (self.value(frame, accept)?, self.value(frame, reject)?);
                let kind = self.kind(frame, handle)?;
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
                let Pointee::Memory { memory, offset, .. } = place else {
                    return Err("the length of an array that is in no buffer".into());
                };
                let TypeInner::Array { stride, .. } = inner else {
                    return Err("the length of something that is no array".into());
                };
                let to = self.register(false);
                self.emit(Inst::Length { to, bound: Limit::Runtime { memory, offset, stride } });
                vec![self.num(to)]
            }
            // Their statements have put these in place before any use.
            Expression::CallResult(_)
            | Expression::AtomicResult { .. }
            | Expression::WorkGroupUniformLoadResult { .. }
            | Expression::SubgroupBallotResult
            | Expression::SubgroupOperationResult { .. } => {
                return Err("the result of a statement that has not executed".into());
            }
            #[cfg(feature = "textures")]
            ref image @ (Expression::ImageSample { .. }
            | Expression::ImageLoad { .. }
            | Expression::ImageQuery { .. }) => self.image(frame, handle, image)?,
            #[cfg(not(feature = "textures"))]
            Expression::ImageSample { .. }
            | Expression::ImageLoad { .. }
            | Expression::ImageQuery { .. } => return Err("a texture".into()),
            Expression::Derivative { .. } => return Err("a derivative".into()),
            Expression::RayQueryVertexPositions { .. }
            | Expression::RayQueryProceedResult
            | Expression::RayQueryGetIntersection { .. } => return Err("a ray query".into()),
            Expression::CooperativeLoad { ref data, .. } => {
                self.matrix_load(frame, handle, data)?
            }
            Expression::CooperativeMultiplyAdd { a, b, c } => {
                self.multiply_add(frame, [a, b, c])?
            }
        };
        Ok(Lowered::Value(value))
    }

    /// The element of a value at a computed index: one choice after the other, and 0 where there is none. With it comes
    /// whether this index and those by which the value was taken from another are within bounds.
    fn choose(
        &mut self,
        frame: &Frame<'a>,
        base: Handle<Expression>,
        value: &[Num],
        index: Reg,
    ) -> Lower<(Vec<Num>, Reg)> {
        let stride = types::stride(self.types(), self.inner(frame, base))?.scalars.max(1);
        let (zero, count) = (self.constant(0), self.constant((value.len() / stride) as u32));
        let valid = self.alu(Alu::LtU, &[index, count]);
        let Taken { whole, name, outer } = taken_from(frame, base);
        // An access that an outer index led astray was counted there.
        let (within, stands) = match outer {
            None => (valid, valid),
            Some(outer) => {
                let outside = self.alu(Alu::Eq, &[outer, zero]);
                (self.alu(Alu::And, &[valid, outer]), self.alu(Alu::Or, &[valid, outside]))
            }
        };
        // Who is outside is counted where memory is accessed: here in a word that stands for the value.
        let place = self.whole(Sum { value: zero, valid: stands });
        let (to, site) = (self.register(false), self.site());
        let name = match frame.function.expressions[whole] {
            Expression::Constant(constant) => self.module.constants[constant].name.as_ref(),
            _ => name,
        };
        let base = self.own_words(name.map(String::as_str), 1);
        self.emit(Inst::LaneLoad { base, index: place, bound: 1, to, site });
        let first = value.get(..stride).ok_or("an index into nothing")?;
        let mut chosen: Vec<_> =
            first.iter().map(|num| Num { low: zero, high: num.high.map(|_| zero) }).collect();
        for (element, number) in value.chunks(stride).zip(0..) {
            let number = self.constant(number);
            let here = self.alu(Alu::Eq, &[index, number]);
            for (chosen, element) in chosen.iter_mut().zip(element) {
                let condition = Num { low: here, high: chosen.high.map(|_| here) };
                *chosen = self.plain(Alu::Select, Kind::U32, &[*chosen, *element, condition]);
            }
        }
        Ok((chosen, within))
    }
}

/// Where a part of a value comes from.
struct Taken<'a> {
    /// The value that it is a part of.
    whole: Handle<Expression>,
    /// The name of the smallest part with one that it is in.
    name: Option<&'a String>,
    /// Whether the computed indices on the way were within bounds, where there are any.
    outer: Option<Reg>,
}

fn taken_from<'a>(frame: &Frame<'a>, part: Handle<Expression>) -> Taken<'a> {
    let named = |part| frame.function.named_expressions.get(&part);
    let mut taken = Taken { whole: part, name: named(part), outer: None };
    while let Expression::Access { base, .. }
    | Expression::AccessIndex { base, .. }
    | Expression::Swizzle { vector: base, .. } = frame.function.expressions[taken.whole]
    {
        taken.outer = taken.outer.or_else(|| frame.within.get(&taken.whole).copied());
        taken.whole = base;
        taken.name = taken.name.or_else(|| named(base));
    }
    taken
}
