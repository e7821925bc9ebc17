//! What the built-in mathematical functions of naga cost. A composition is priced by its definition in the
//! WGSL specification, and where that leaves the arithmetic open, by the one that `composition` has.

use naga::{Expression, Handle, MathFunction};

use super::Pricer;
use crate::{
    composition::*,
    op::{Op, Price, Scalar},
};

impl Pricer<'_> {
    pub(super) fn math(
        &self,
        fun: MathFunction,
        arg: Handle<Expression>,
        arg1: Option<Handle<Expression>>,
    ) -> Priced {
        let shape = self.shape(arg)?;
        let Shape { scalar, count: n } = shape;
        Ok(match fun {
            MathFunction::Abs => shape.each(Op::Abs, 1),
            MathFunction::Min | MathFunction::Max => shape.each(Op::MinMax, 1),
            MathFunction::Clamp | MathFunction::Saturate => shape.each(Op::MinMax, 2),
            MathFunction::Sin
            | MathFunction::Cos
            | MathFunction::Tan
            | MathFunction::Asin
            | MathFunction::Acos
            | MathFunction::Atan
            | MathFunction::Atan2 => shape.each(Op::Trig, 1),
            MathFunction::Sinh
            | MathFunction::Cosh
            | MathFunction::Tanh
            | MathFunction::Asinh
            | MathFunction::Acosh
            | MathFunction::Atanh => shape.each(Op::Tanh, 1),
            MathFunction::Radians | MathFunction::Degrees => shape.each(Op::Mul, 1),
            MathFunction::Ceil
            | MathFunction::Floor
            | MathFunction::Round
            | MathFunction::Trunc
            | MathFunction::Sign
            | MathFunction::Modf
            | MathFunction::Frexp
            | MathFunction::Ldexp => shape.each(Op::Round, 1),
            MathFunction::Fract => ops(scalar, &[(Op::Round, n), (Op::Add, n)]),
            MathFunction::Exp | MathFunction::Exp2 => shape.each(Op::Exp, 1),
            MathFunction::Log | MathFunction::Log2 => shape.each(Op::Log, 1),
            MathFunction::Pow => shape.each(Op::Pow, 1),
            MathFunction::Sqrt => shape.each(Op::Sqrt, 1),
            MathFunction::InverseSqrt => shape.each(Op::Rsqrt, 1),
            MathFunction::Fma => shape.each(Op::Fma, 1),
            MathFunction::Mix => mix(shape),
            MathFunction::Step => shape.each(Op::Compare, 1),
            MathFunction::SmoothStep => smooth_step(shape),
            MathFunction::Dot => dot(shape),
            MathFunction::Length => length(shape),
            MathFunction::Distance => distance(shape),
            MathFunction::Normalize => normalize(shape),
            MathFunction::Cross => cross(scalar),
            MathFunction::Outer => {
                let other = arg1.ok_or("an outer product of one vector")?;
                ops(scalar, &[(Op::Mul, n * self.shape(other)?.count)])
            }
            MathFunction::Reflect => reflect(shape),
            MathFunction::FaceForward => face_forward(shape),
            MathFunction::Refract => refract(shape),
            MathFunction::Transpose => Price::default(),
            MathFunction::Determinant => determinant(shape)?,
            MathFunction::Inverse => inverse(shape)?,
            MathFunction::QuantizeToF16 => quantize(shape),
            MathFunction::CountTrailingZeros
            | MathFunction::CountLeadingZeros
            | MathFunction::CountOneBits
            | MathFunction::ReverseBits
            | MathFunction::ExtractBits
            | MathFunction::InsertBits
            | MathFunction::FirstTrailingBit
            | MathFunction::FirstLeadingBit => shape.each(Op::Bit, 1),
            MathFunction::Dot4I8Packed | MathFunction::Dot4U8Packed => {
                ops(Scalar::Int, &[(Op::Mul, 4), (Op::Add, 3)])
            }
            MathFunction::Pack4x8snorm
            | MathFunction::Pack4x8unorm
            | MathFunction::Pack2x16snorm
            | MathFunction::Pack2x16unorm => pack_normalized(shape),
            MathFunction::Pack2x16float => pack_half(),
            MathFunction::Pack4xI8 | MathFunction::Pack4xU8 => ops(Scalar::Int, &[(Op::Bit, 1)]),
            MathFunction::Pack4xI8Clamp | MathFunction::Pack4xU8Clamp => {
                ops(Scalar::Int, &[(Op::MinMax, 8), (Op::Bit, 1)])
            }
            MathFunction::Unpack4x8snorm => unpack_normalized(4, true),
            MathFunction::Unpack4x8unorm => unpack_normalized(4, false),
            MathFunction::Unpack2x16snorm => unpack_normalized(2, true),
            MathFunction::Unpack2x16unorm => unpack_normalized(2, false),
            MathFunction::Unpack2x16float => unpack_half(),
            MathFunction::Unpack4xI8 | MathFunction::Unpack4xU8 => {
                ops(Scalar::Int, &[(Op::Bit, 1)])
            }
        })
    }
}
