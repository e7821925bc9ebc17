//! What the extended instructions of GLSL.std.450 cost. Sets whose names begin with `NonSemantic.` and debug
//! information cost nothing; every other set is refused by name.

use rspirv::spirv::GlslStd450Op as Glsl;

use super::SpirvPricer;
use crate::{
    composition::*,
    op::{Op, Price, Scalar},
    spirv::{silent::is_silent, words::Instruction},
};

impl SpirvPricer<'_> {
    pub(super) fn extended(&self, instruction: Instruction<'_>) -> Priced {
        let &[set, number, ref arguments @ ..] = instruction.operands() else {
            return Err("an extended instruction without a set".into());
        };
        let set = self.module.imports.get(&set).map_or("", String::as_str);
        if set != "GLSL.std.450" {
            if is_silent(set) {
                return Ok(Price::default());
            }
            return Err(format!("the instruction {number} of '{set}' has no price"));
        }
        let Some(function) = Glsl::from_u32(number) else {
            return Err(format!("the instruction {number} of {set} has no price"));
        };
        let &[first, ..] = arguments else {
            return Err(format!("{function:?} of nothing"));
        };
        let shape = self.of(first)?;
        let Shape { scalar, count: n } = shape;
        let bit = || ops(Scalar::Int, &[(Op::Bit, 1)]);
        Ok(match function {
            Glsl::FAbs | Glsl::SAbs => shape.each(Op::Abs, 1),
            Glsl::Round
            | Glsl::RoundEven
            | Glsl::Trunc
            | Glsl::FSign
            | Glsl::SSign
            | Glsl::Floor
            | Glsl::Ceil
            | Glsl::Modf
            | Glsl::ModfStruct
            | Glsl::Frexp
            | Glsl::FrexpStruct
            | Glsl::Ldexp => shape.each(Op::Round, 1),
            Glsl::Fract => ops(scalar, &[(Op::Round, n), (Op::Add, n)]),
            Glsl::Radians | Glsl::Degrees => shape.each(Op::Mul, 1),
            Glsl::Sin
            | Glsl::Cos
            | Glsl::Tan
            | Glsl::Asin
            | Glsl::Acos
            | Glsl::Atan
            | Glsl::Atan2 => shape.each(Op::Trig, 1),
            Glsl::Sinh | Glsl::Cosh | Glsl::Tanh | Glsl::Asinh | Glsl::Acosh | Glsl::Atanh => {
                shape.each(Op::Tanh, 1)
            }
            Glsl::Pow => shape.each(Op::Pow, 1),
            Glsl::Exp | Glsl::Exp2 => shape.each(Op::Exp, 1),
            Glsl::Log | Glsl::Log2 => shape.each(Op::Log, 1),
            Glsl::Sqrt => shape.each(Op::Sqrt, 1),
            Glsl::InverseSqrt => shape.each(Op::Rsqrt, 1),
            Glsl::Determinant => determinant(shape)?,
            Glsl::MatrixInverse => inverse(shape)?,
            Glsl::FMin
            | Glsl::UMin
            | Glsl::SMin
            | Glsl::FMax
            | Glsl::UMax
            | Glsl::SMax
            | Glsl::NMin
            | Glsl::NMax => shape.each(Op::MinMax, 1),
            Glsl::FClamp | Glsl::UClamp | Glsl::SClamp | Glsl::NClamp => shape.each(Op::MinMax, 2),
            Glsl::FMix | Glsl::IMix => mix(shape),
            Glsl::Step => shape.each(Op::Compare, 1),
            Glsl::SmoothStep => smooth_step(shape),
            Glsl::Fma => shape.each(Op::Fma, 1),
            Glsl::PackSnorm4x8 | Glsl::PackUnorm4x8 | Glsl::PackSnorm2x16 | Glsl::PackUnorm2x16 => {
                pack_normalized(shape)
            }
            Glsl::PackHalf2x16 => pack_half(),
            Glsl::PackDouble2x32 | Glsl::UnpackDouble2x32 => bit(),
            Glsl::UnpackSnorm2x16 => unpack_normalized(2, true),
            Glsl::UnpackUnorm2x16 => unpack_normalized(2, false),
            Glsl::UnpackHalf2x16 => unpack_half(),
            Glsl::UnpackSnorm4x8 => unpack_normalized(4, true),
            Glsl::UnpackUnorm4x8 => unpack_normalized(4, false),
            Glsl::Length => length(shape),
            Glsl::Distance => distance(shape),
            Glsl::Cross => cross(scalar),
            Glsl::Normalize => normalize(shape),
            Glsl::FaceForward => face_forward(shape),
            Glsl::Reflect => reflect(shape),
            Glsl::Refract => refract(shape),
            Glsl::FindILsb | Glsl::FindSMsb | Glsl::FindUMsb => shape.each(Op::Bit, 1),
            Glsl::InterpolateAtCentroid | Glsl::InterpolateAtSample | Glsl::InterpolateAtOffset => {
                return Err(format!("{function:?} has no price"));
            }
        })
    }
}
