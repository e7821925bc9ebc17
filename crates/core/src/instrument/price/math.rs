//! What the built-in mathematical functions cost. A composition is priced by its definition in the
//! WGSL specification, and where that leaves the arithmetic open, by the one written here.

use naga::{Expression, Handle, MathFunction};

use super::{Price, Pricer, Shape, ops};
use crate::op::{Cost, Op, Scalar};

impl Pricer<'_> {
    pub(super) fn math(
        &self,
        fun: MathFunction,
        arg: Handle<Expression>,
        arg1: Option<Handle<Expression>>,
    ) -> Price {
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
            // x (1 - a) + y a
            MathFunction::Mix => ops(scalar, &[(Op::Mul, 2 * n), (Op::Add, 2 * n)]),
            MathFunction::Step => shape.each(Op::Compare, 1),
            // t = clamp((x - low) / (high - low), 0, 1); t t (3 - 2 t)
            MathFunction::SmoothStep => ops(
                scalar,
                &[(Op::Add, 3 * n), (Op::Div, n), (Op::MinMax, 2 * n), (Op::Mul, 3 * n)],
            ),
            MathFunction::Dot => dot(shape),
            MathFunction::Length => dot(shape) + ops(scalar, &[(Op::Sqrt, 1)]),
            MathFunction::Distance => dot(shape) + ops(scalar, &[(Op::Add, n), (Op::Sqrt, 1)]),
            MathFunction::Normalize => dot(shape) + ops(scalar, &[(Op::Rsqrt, 1), (Op::Mul, n)]),
            MathFunction::Cross => ops(scalar, &[(Op::Mul, 6), (Op::Add, 3)]),
            MathFunction::Outer => {
                let other = arg1.ok_or("an outer product of one vector")?;
                ops(scalar, &[(Op::Mul, n * self.shape(other)?.count)])
            }
            // e1 - 2 dot(e2, e1) e2
            MathFunction::Reflect => dot(shape) + ops(scalar, &[(Op::Mul, n + 1), (Op::Add, n)]),
            // select(-e1, e1, dot(e2, e3) < 0)
            MathFunction::FaceForward => {
                dot(shape) + ops(scalar, &[(Op::Compare, 1), (Op::Neg, n), (Op::Select, n)])
            }
            // d = dot(e2, e1); k = 1 - e3 e3 (1 - d d); select(e3 e1 - (e3 d + sqrt(k)) e2, 0, k < 0)
            MathFunction::Refract => {
                dot(shape)
                    + ops(
                        scalar,
                        &[
                            (Op::Mul, 4 + 2 * n),
                            (Op::Add, 3 + n),
                            (Op::Sqrt, 1),
                            (Op::Compare, 1),
                            (Op::Select, n),
                        ],
                    )
            }
            MathFunction::Transpose => Cost::default(),
            MathFunction::Determinant => determinant(shape)?,
            MathFunction::Inverse => inverse(shape)?,
            // To f16 and back.
            MathFunction::QuantizeToF16 => {
                ops(Scalar::F16, &[(Op::Convert, n)]) + shape.each(Op::Convert, 1)
            }
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
            MathFunction::Pack2x16float => {
                ops(Scalar::F16, &[(Op::Convert, 2)]) + ops(Scalar::Int, &[(Op::Bit, 1)])
            }
            MathFunction::Pack4xI8 | MathFunction::Pack4xU8 => ops(Scalar::Int, &[(Op::Bit, 1)]),
            MathFunction::Pack4xI8Clamp | MathFunction::Pack4xU8Clamp => {
                ops(Scalar::Int, &[(Op::MinMax, 8), (Op::Bit, 1)])
            }
            MathFunction::Unpack4x8snorm => unpack_normalized(4, true),
            MathFunction::Unpack4x8unorm => unpack_normalized(4, false),
            MathFunction::Unpack2x16snorm => unpack_normalized(2, true),
            MathFunction::Unpack2x16unorm => unpack_normalized(2, false),
            MathFunction::Unpack2x16float => {
                ops(Scalar::F32, &[(Op::Convert, 2)]) + ops(Scalar::Int, &[(Op::Bit, 1)])
            }
            MathFunction::Unpack4xI8 | MathFunction::Unpack4xU8 => {
                ops(Scalar::Int, &[(Op::Bit, 1)])
            }
        })
    }
}

fn dot(shape: Shape) -> Cost {
    ops(shape.scalar, &[(Op::Mul, shape.count), (Op::Add, shape.count - 1)])
}

/// By the first row, with 2x2 minors shared: a d - b c; three minors; six minors and four 3x3.
fn determinant(matrix: Shape) -> Price {
    let (mul, add) = match matrix.count {
        4 => (2, 1),
        9 => (9, 5),
        16 => (28, 17),
        count => return Err(format!("the determinant of a matrix of {count} components")),
    };
    Ok(ops(matrix.scalar, &[(Op::Mul, mul), (Op::Add, add)]))
}

/// By the adjugate: cofactors (from twelve shared 2x2 minors where the matrix is 4x4), the determinant
/// as the first row's dot product with them, one division, and a multiplication per component. Signs
/// are part of how a minor is written, save for the two of a 2x2 matrix.
fn inverse(matrix: Shape) -> Price {
    let (mul, add, neg) = match matrix.count {
        4 => (2 + 4, 1, 2),
        9 => (18 + 3 + 9, 9 + 2, 0),
        16 => (24 + 48 + 4 + 16, 12 + 32 + 3, 0),
        count => return Err(format!("the inverse of a matrix of {count} components")),
    };
    let list = [(Op::Mul, mul), (Op::Add, add), (Op::Neg, neg), (Op::Div, 1)];
    Ok(ops(matrix.scalar, &list))
}

/// Per component floor(0.5 + scale * clamp(x)), converted; then one packing.
fn pack_normalized(vector: Shape) -> Cost {
    let each = [(Op::MinMax, 2), (Op::Mul, 1), (Op::Add, 1), (Op::Round, 1), (Op::Convert, 1)];
    ops(vector.scalar, &each.map(|(op, count)| (op, count * vector.count)))
        + ops(Scalar::Int, &[(Op::Bit, 1)])
}

/// One unpacking; then per component x / scale, and where signed a max with -1.
fn unpack_normalized(components: u64, signed: bool) -> Cost {
    let max = if signed { components } else { 0 };
    ops(Scalar::F32, &[(Op::Convert, components), (Op::Div, components), (Op::MinMax, max)])
        + ops(Scalar::Int, &[(Op::Bit, 1)])
}
