//! Built-in functions. Those that WGSL defines by others are emitted as those others, and counted as
//! what was emitted.

use naga::{Expression, Handle, MathFunction};

use super::{Frame, Lower, Lowering};
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Kind, Num},
    },
    op::Op,
};

impl<'a> Lowering<'a> {
    pub(super) fn math(
        &mut self,
        frame: &mut Frame<'a>,
        fun: MathFunction,
        arguments: [Option<Handle<Expression>>; 4],
    ) -> Lower<Vec<Num>> {
        let kind = match arguments[0] {
            Some(first) => self.kind(frame, first)?,
            None => return Err("a function without an argument".into()),
        };
        let mut values = Vec::new();
        for argument in arguments.into_iter().flatten() {
            values.push(self.value(frame, argument)?);
        }
        if let (MathFunction::Transpose, Some(first)) = (fun, arguments[0])
            && let naga::TypeInner::Matrix { columns, rows, .. } = *self.inner(frame, first)
        {
            let (columns, rows) = (columns as usize, rows as usize);
            let at = |row: usize| (0..columns).map(move |column| column * rows + row);
            return Ok((0..rows).flat_map(at).map(|i| values[0][i]).collect());
        }
        if let Some(packed) = self.packing(fun, &values[0]) {
            return Ok(packed);
        }
        if let Some((count, op)) = simple(fun, kind) {
            return Ok((0..values[0].len())
                .map(|i| {
                    let operands: Vec<_> =
                        values.iter().map(|v| *v.get(i).unwrap_or(&v[0])).collect();
                    self.counted(count, op, kind, &operands)
                })
                .collect());
        }
        self.composed(fun, kind, &values)
    }

    /// Functions that are more than one operation.
    fn composed(&mut self, fun: MathFunction, kind: Kind, values: &[Vec<Num>]) -> Lower<Vec<Num>> {
        use MathFunction as M;
        let a = &values[0];
        let n = a.len();
        let argument = |index: usize| {
            values.get(index).ok_or_else(|| format!("{fun:?} with too few arguments"))
        };
        let at = |value: &Vec<Num>, i: usize| *value.get(i).unwrap_or(&value[0]);
        Ok(match fun {
            M::Clamp => {
                let (low, high) = (argument(1)?, argument(2)?);
                (0..n).map(|i| self.clamp(kind, a[i], at(low, i), at(high, i))).collect()
            }
            M::Saturate => {
                let (zero, one) = (self.real(kind, 0.0), self.real(kind, 1.0));
                a.iter().map(|x| self.clamp(kind, *x, zero, one)).collect()
            }
            M::Radians | M::Degrees => {
                let factor = if fun == M::Radians {
                    std::f64::consts::PI / 180.0
                } else {
                    180.0 / std::f64::consts::PI
                };
                let factor = self.real(kind, factor);
                a.iter().map(|x| self.mul(kind, *x, factor)).collect()
            }
            M::Fract => a
                .iter()
                .map(|x| {
                    let floor = self.counted(Op::Round, Alu::FloorF, kind, &[*x]);
                    self.sub(kind, *x, floor)
                })
                .collect(),
            M::Modf | M::Frexp => {
                let (first, second) = if fun == M::Modf {
                    (Alu::PartF, Alu::TruncF)
                } else {
                    (Alu::FrexpPartF, Alu::FrexpExponentF)
                };
                // Both results come of one operation.
                let mut parts: Vec<_> =
                    a.iter().map(|x| self.counted(Op::Round, first, kind, &[*x])).collect();
                parts.extend(a.iter().map(|x| self.plain(second, kind, &[*x])).collect::<Vec<_>>());
                parts
            }
            M::Mix => {
                let (b, t) = (argument(1)?, argument(2)?);
                let one = self.real(kind, 1.0);
                (0..n)
                    .map(|i| {
                        let rest = self.sub(kind, one, at(t, i));
                        let left = self.mul(kind, a[i], rest);
                        let right = self.mul(kind, b[i], at(t, i));
                        self.add(kind, left, right)
                    })
                    .collect()
            }
            M::Step => {
                let x = argument(1)?;
                let (zero, one) = (self.real(kind, 0.0), self.real(kind, 1.0));
                (0..n)
                    .map(|i| {
                        let above = self.counted(Op::Compare, Alu::LeF, kind, &[a[i], x[i]]);
                        self.choice(zero, one, above)
                    })
                    .collect()
            }
            M::SmoothStep => {
                let (high, x) = (argument(1)?, argument(2)?);
                let [zero, one, two, three] =
                    [0.0, 1.0, 2.0, 3.0].map(|value| self.real(kind, value));
                (0..n)
                    .map(|i| {
                        let above = self.sub(kind, x[i], a[i]);
                        let range = self.sub(kind, high[i], a[i]);
                        let t = self.counted(Op::Div, Alu::DivF, kind, &[above, range]);
                        let t = self.clamp(kind, t, zero, one);
                        let square = self.mul(kind, t, t);
                        let double = self.mul(kind, two, t);
                        let rest = self.sub(kind, three, double);
                        self.mul(kind, square, rest)
                    })
                    .collect()
            }
            M::Dot => vec![self.dot(kind, a, argument(1)?)],
            M::Length => vec![self.length_of(kind, a)],
            M::Distance => {
                let b = argument(1)?;
                let difference: Vec<_> = (0..n).map(|i| self.sub(kind, a[i], b[i])).collect();
                vec![self.length_of(kind, &difference)]
            }
            M::Normalize => {
                let square = self.dot(kind, a, a);
                let inverse = self.counted(Op::Rsqrt, Alu::RsqrtF, kind, &[square]);
                a.iter().map(|x| self.mul(kind, *x, inverse)).collect()
            }
            M::Cross => {
                let b = argument(1)?;
                (0..3)
                    .map(|i| {
                        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
                        let left = self.mul(kind, a[j], b[k]);
                        let right = self.mul(kind, a[k], b[j]);
                        self.sub(kind, left, right)
                    })
                    .collect()
            }
            M::Outer => {
                let mut product = Vec::new();
                for b in argument(1)? {
                    product.extend(a.iter().map(|a| self.mul(kind, *a, *b)).collect::<Vec<_>>());
                }
                product
            }
            M::Reflect => {
                let normal = argument(1)?;
                let dot = self.dot(kind, normal, a);
                let two = self.real(kind, 2.0);
                let double = self.mul(kind, two, dot);
                (0..n)
                    .map(|i| {
                        let part = self.mul(kind, double, normal[i]);
                        self.sub(kind, a[i], part)
                    })
                    .collect()
            }
            M::FaceForward => {
                let dot = self.dot(kind, argument(1)?, argument(2)?);
                let zero = self.real(kind, 0.0);
                let facing = self.counted(Op::Compare, Alu::LtF, kind, &[dot, zero]);
                a.iter()
                    .map(|x| {
                        let negative = self.counted(Op::Neg, Alu::NegF, kind, &[*x]);
                        self.count(kind, Op::Select, 1);
                        self.choice(negative, *x, facing)
                    })
                    .collect()
            }
            M::Refract => {
                let (normal, eta) = (argument(1)?, argument(2)?[0]);
                let (zero, one) = (self.real(kind, 0.0), self.real(kind, 1.0));
                let dot = self.dot(kind, normal, a);
                let square = self.mul(kind, dot, dot);
                let rest = self.sub(kind, one, square);
                let eta_square = self.mul(kind, eta, eta);
                let part = self.mul(kind, eta_square, rest);
                let k = self.sub(kind, one, part);
                let total = self.counted(Op::Compare, Alu::LtF, kind, &[k, zero]);
                let root = self.counted(Op::Sqrt, Alu::SqrtF, kind, &[k]);
                let along = self.mul(kind, eta, dot);
                let along = self.add(kind, along, root);
                (0..n)
                    .map(|i| {
                        let kept = self.mul(kind, eta, a[i]);
                        let bent = self.mul(kind, along, normal[i]);
                        let difference = self.sub(kind, kept, bent);
                        self.count(kind, Op::Select, 1);
                        self.choice(difference, zero, total)
                    })
                    .collect()
            }
            M::Transpose => {
                return Err("the transpose of something that is no matrix".into());
            }
            M::Determinant => vec![self.determinant(kind, a)],
            M::Inverse => self.inverse(kind, a),
            M::QuantizeToF16 => {
                self.count(Kind::F16, Op::Convert, n as u64);
                self.count(kind, Op::Convert, n as u64);
                a.iter().map(|x| self.plain(Alu::RoundHalf, kind, &[*x])).collect()
            }
            M::Dot4I8Packed | M::Dot4U8Packed => {
                vec![self.packed_dot(a[0].low, argument(1)?[0].low, fun == M::Dot4I8Packed)]
            }
            M::ExtractBits => {
                let (offset, count) = (argument(1)?[0].low, argument(2)?[0].low);
                self.count(kind, Op::Bit, n as u64);
                a.iter()
                    .map(|x| self.extract(kind, [x.low, offset, count]))
                    .collect::<Lower<Vec<_>>>()?
            }
            M::InsertBits => {
                let new = argument(1)?;
                let (offset, count) = (argument(2)?[0].low, argument(3)?[0].low);
                self.count(kind, Op::Bit, n as u64);
                (0..n)
                    .map(|i| self.insert(kind, [a[i].low, new[i].low, offset, count]))
                    .collect::<Lower<Vec<_>>>()?
            }
            other => return Err(format!("the function {other:?} on a {kind:?}")),
        })
    }

    fn clamp(&mut self, kind: Kind, x: Num, low: Num, high: Num) -> Num {
        let (max, min) = match (kind.float(), kind.signed()) {
            (true, _) => (Alu::MaxF, Alu::MinF),
            (false, true) => (Alu::MaxS, Alu::MinS),
            (false, false) => (Alu::MaxU, Alu::MinU),
        };
        let x = self.counted(Op::MinMax, max, kind, &[x, low]);
        self.counted(Op::MinMax, min, kind, &[x, high])
    }

    fn length_of(&mut self, kind: Kind, a: &[Num]) -> Num {
        let square = self.dot(kind, a, a);
        self.counted(Op::Sqrt, Alu::SqrtF, kind, &[square])
    }

    /// `condition ? accept : reject`, not counted.
    fn choice(&mut self, reject: Num, accept: Num, condition: Num) -> Num {
        let condition = Num { low: condition.low, high: reject.high.map(|_| condition.low) };
        self.plain(Alu::Select, Kind::U32, &[reject, accept, condition])
    }

    /// A floating-point constant of a type.
    pub(super) fn real(&mut self, kind: Kind, value: f64) -> Num {
        match kind {
            Kind::F64 => self.constant_num(kind, value.to_bits()),
            _ => self.constant_num(kind, (value as f32).to_bits().into()),
        }
    }
}

/// Functions that are one operation per component.
fn simple(fun: MathFunction, kind: Kind) -> Option<(Op, Alu)> {
    use MathFunction as M;
    let by_kind = |f: Alu, s: Alu, u: Alu| match (kind.float(), kind.signed()) {
        (true, _) => f,
        (false, true) => s,
        (false, false) => u,
    };
    Some(match fun {
        M::Abs => (Op::Abs, by_kind(Alu::AbsF, Alu::AbsS, Alu::Copy)),
        M::Min => (Op::MinMax, by_kind(Alu::MinF, Alu::MinS, Alu::MinU)),
        M::Max => (Op::MinMax, by_kind(Alu::MaxF, Alu::MaxS, Alu::MaxU)),
        M::Cos => (Op::Trig, Alu::CosF),
        M::Sin => (Op::Trig, Alu::SinF),
        M::Tan => (Op::Trig, Alu::TanF),
        M::Acos => (Op::Trig, Alu::AcosF),
        M::Asin => (Op::Trig, Alu::AsinF),
        M::Atan => (Op::Trig, Alu::AtanF),
        M::Atan2 => (Op::Trig, Alu::Atan2F),
        M::Cosh => (Op::Tanh, Alu::CoshF),
        M::Sinh => (Op::Tanh, Alu::SinhF),
        M::Tanh => (Op::Tanh, Alu::TanhF),
        M::Acosh => (Op::Tanh, Alu::AcoshF),
        M::Asinh => (Op::Tanh, Alu::AsinhF),
        M::Atanh => (Op::Tanh, Alu::AtanhF),
        M::Ceil => (Op::Round, Alu::CeilF),
        M::Floor => (Op::Round, Alu::FloorF),
        M::Round => (Op::Round, Alu::RoundF),
        M::Trunc => (Op::Round, Alu::TruncF),
        M::Sign => (Op::Round, by_kind(Alu::SignF, Alu::SignS, Alu::SignS)),
        M::Ldexp => (Op::Round, Alu::LdexpF),
        M::Exp => (Op::Exp, Alu::ExpF),
        M::Exp2 => (Op::Exp, Alu::Exp2F),
        M::Log => (Op::Log, Alu::LogF),
        M::Log2 => (Op::Log, Alu::Log2F),
        M::Pow => (Op::Pow, Alu::PowF),
        M::Fma => (Op::Fma, Alu::FmaF),
        M::Sqrt => (Op::Sqrt, Alu::SqrtF),
        M::InverseSqrt => (Op::Rsqrt, Alu::RsqrtF),
        M::CountTrailingZeros => (Op::Bit, Alu::CountTrailing),
        M::CountLeadingZeros => (Op::Bit, Alu::CountLeading),
        M::CountOneBits => (Op::Bit, Alu::CountOnes),
        M::ReverseBits => (Op::Bit, Alu::Reverse),
        M::FirstTrailingBit => (Op::Bit, Alu::FirstTrailing),
        M::FirstLeadingBit => {
            (Op::Bit, by_kind(Alu::FirstLeadingU, Alu::FirstLeadingS, Alu::FirstLeadingU))
        }
        M::Clamp
        | M::Saturate
        | M::Radians
        | M::Degrees
        | M::Fract
        | M::Modf
        | M::Frexp
        | M::Dot
        | M::Dot4I8Packed
        | M::Dot4U8Packed
        | M::Outer
        | M::Cross
        | M::Distance
        | M::Length
        | M::Normalize
        | M::FaceForward
        | M::Reflect
        | M::Refract
        | M::Mix
        | M::Step
        | M::SmoothStep
        | M::Inverse
        | M::Transpose
        | M::Determinant
        | M::QuantizeToF16
        | M::ExtractBits
        | M::InsertBits
        | M::Pack4x8snorm
        | M::Pack4x8unorm
        | M::Pack2x16snorm
        | M::Pack2x16unorm
        | M::Pack2x16float
        | M::Pack4xI8
        | M::Pack4xU8
        | M::Pack4xI8Clamp
        | M::Pack4xU8Clamp
        | M::Unpack4x8snorm
        | M::Unpack4x8unorm
        | M::Unpack2x16snorm
        | M::Unpack2x16unorm
        | M::Unpack2x16float
        | M::Unpack4xI8
        | M::Unpack4xU8 => return None,
    })
}
