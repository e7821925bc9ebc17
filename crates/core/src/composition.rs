//! What compositions cost by their definitions, for each IR that is priced: a dot product, a refraction, the
//! inverse of a matrix. Knows no IR.

use crate::op::{Op, Price, Scalar, Traffic};

/// A price, or what it is that has none.
pub(crate) type Priced = Result<Price, String>;

/// The scalar class of a value and how many components it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) scalar: Scalar,
    pub(crate) count: u64,
}

impl Shape {
    /// `per_component` operations of one kind for each component.
    pub(crate) fn each(self, op: Op, per_component: u64) -> Price {
        ops(self.scalar, &[(op, self.count * per_component)])
    }
}

/// Operations on one scalar class.
pub(crate) fn ops(scalar: Scalar, list: &[(Op, u64)]) -> Price {
    Price::of(scalar, list)
}

/// Nothing but traffic.
pub(crate) fn traffic(traffic: Traffic) -> Price {
    traffic.into()
}

/// Bytes loaded from a texture.
pub(crate) fn texture_load(bytes: u64) -> Price {
    traffic(Traffic { texture_load: bytes, ..Traffic::default() })
}

/// Bytes stored to a texture.
pub(crate) fn texture_store(bytes: u64) -> Price {
    traffic(Traffic { texture_store: bytes, ..Traffic::default() })
}

/// A read of a texture through a sampler, which gives the kernel so many bytes.
pub(crate) fn sample(bytes: u64) -> Price {
    ops(Scalar::Int, &[(Op::Sample, 1)]) + texture_load(bytes)
}

/// A step of a ray query.
pub(crate) fn trace() -> Price {
    ops(Scalar::Int, &[(Op::Trace, 1)])
}

pub(crate) fn dot(shape: Shape) -> Price {
    ops(shape.scalar, &[(Op::Mul, shape.count), (Op::Add, shape.count - 1)])
}

/// So many dot products of so many pairs each: a product with a matrix.
pub(crate) fn dots(scalar: Scalar, outputs: u64, length: u64) -> Price {
    ops(scalar, &[(Op::Mul, outputs * length), (Op::Add, outputs * (length - 1))])
}

/// `x (1 - a) + y a`
pub(crate) fn mix(Shape { scalar, count }: Shape) -> Price {
    ops(scalar, &[(Op::Mul, 2 * count), (Op::Add, 2 * count)])
}

/// `t = clamp((x - low) / (high - low), 0, 1); t t (3 - 2 t)`
pub(crate) fn smooth_step(Shape { scalar, count: n }: Shape) -> Price {
    ops(scalar, &[(Op::Add, 3 * n), (Op::Div, n), (Op::MinMax, 2 * n), (Op::Mul, 3 * n)])
}

pub(crate) fn length(shape: Shape) -> Price {
    dot(shape) + ops(shape.scalar, &[(Op::Sqrt, 1)])
}

pub(crate) fn distance(shape: Shape) -> Price {
    dot(shape) + ops(shape.scalar, &[(Op::Add, shape.count), (Op::Sqrt, 1)])
}

pub(crate) fn normalize(shape: Shape) -> Price {
    dot(shape) + ops(shape.scalar, &[(Op::Rsqrt, 1), (Op::Mul, shape.count)])
}

pub(crate) fn cross(scalar: Scalar) -> Price {
    ops(scalar, &[(Op::Mul, 6), (Op::Add, 3)])
}

/// `e1 - 2 dot(e2, e1) e2`
pub(crate) fn reflect(shape: Shape) -> Price {
    let n = shape.count;
    dot(shape) + ops(shape.scalar, &[(Op::Mul, n + 1), (Op::Add, n)])
}

/// `select(-e1, e1, dot(e2, e3) < 0)`
pub(crate) fn face_forward(shape: Shape) -> Price {
    let n = shape.count;
    dot(shape) + ops(shape.scalar, &[(Op::Compare, 1), (Op::Neg, n), (Op::Select, n)])
}

/// `d = dot(e2, e1); k = 1 - e3 e3 (1 - d d); select(e3 e1 - (e3 d + sqrt(k)) e2, 0, k < 0)`
pub(crate) fn refract(shape: Shape) -> Price {
    let n = shape.count;
    let list =
        [(Op::Mul, 4 + 2 * n), (Op::Add, 3 + n), (Op::Sqrt, 1), (Op::Compare, 1), (Op::Select, n)];
    dot(shape) + ops(shape.scalar, &list)
}

/// To f16 and back.
pub(crate) fn quantize(shape: Shape) -> Price {
    ops(Scalar::F16, &[(Op::Convert, shape.count)]) + shape.each(Op::Convert, 1)
}

/// By the first row, with 2x2 minors shared: a d - b c; three minors; six minors and four 3x3.
pub(crate) fn determinant(matrix: Shape) -> Priced {
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
pub(crate) fn inverse(matrix: Shape) -> Priced {
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
pub(crate) fn pack_normalized(vector: Shape) -> Price {
    let each = [(Op::MinMax, 2), (Op::Mul, 1), (Op::Add, 1), (Op::Round, 1), (Op::Convert, 1)];
    ops(vector.scalar, &each.map(|(op, count)| (op, count * vector.count)))
        + ops(Scalar::Int, &[(Op::Bit, 1)])
}

/// One unpacking; then per component x / scale, and where signed a max with -1.
pub(crate) fn unpack_normalized(components: u64, signed: bool) -> Price {
    let max = if signed { components } else { 0 };
    ops(Scalar::F32, &[(Op::Convert, components), (Op::Div, components), (Op::MinMax, max)])
        + ops(Scalar::Int, &[(Op::Bit, 1)])
}

/// Two conversions to f16, and one packing.
pub(crate) fn pack_half() -> Price {
    ops(Scalar::F16, &[(Op::Convert, 2)]) + ops(Scalar::Int, &[(Op::Bit, 1)])
}

/// One unpacking, and two conversions of f16.
pub(crate) fn unpack_half() -> Price {
    ops(Scalar::F32, &[(Op::Convert, 2)]) + ops(Scalar::Int, &[(Op::Bit, 1)])
}
