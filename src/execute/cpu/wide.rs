//! Arithmetic on 64-bit values and conversions to and from them, one lane at a time: the same meanings
//! as the 32-bit operations have. Knows no registers.

use half::f16;

use super::{alu::Alu, program::Kind};

/// The value of a 64-bit operation. A comparison gives a 32-bit truth, and a shift reads the low word of
/// its count. `None` where the operation has no 64-bit form.
pub(super) fn wide(op: Alu, [x, y, z]: [u64; 3]) -> Option<u64> {
    let (a, b, c) = (f64::from_bits(x), f64::from_bits(y), f64::from_bits(z));
    let (s, t) = (x as i64, y as i64);
    let truth = |value: bool| if value { u64::from(u32::MAX) } else { 0 };
    let float = |value: f64| value.to_bits();
    Some(match op {
        Alu::Copy => x,
        Alu::Not => !x,
        Alu::NegF => x ^ (1 << 63),
        Alu::NegI => x.wrapping_neg(),
        Alu::AbsF => float(a.abs()),
        Alu::AbsS => s.wrapping_abs() as u64,
        Alu::SqrtF => float(a.sqrt()),
        Alu::RsqrtF => float(1.0 / a.sqrt()),
        Alu::ExpF => float(a.exp()),
        Alu::Exp2F => float(a.exp2()),
        Alu::LogF => float(a.ln()),
        Alu::Log2F => float(a.log2()),
        Alu::SinF => float(a.sin()),
        Alu::CosF => float(a.cos()),
        Alu::TanF => float(a.tan()),
        Alu::AsinF => float(a.asin()),
        Alu::AcosF => float(a.acos()),
        Alu::AtanF => float(a.atan()),
        Alu::SinhF => float(a.sinh()),
        Alu::CoshF => float(a.cosh()),
        Alu::TanhF => float(a.tanh()),
        Alu::AsinhF => float(a.asinh()),
        Alu::AcoshF => float(a.acosh()),
        Alu::AtanhF => float(a.atanh()),
        Alu::FloorF => float(a.floor()),
        Alu::CeilF => float(a.ceil()),
        Alu::RoundF => float(a.round_ties_even()),
        Alu::TruncF => float(a.trunc()),
        Alu::SignF => float(if a > 0.0 {
            1.0
        } else if a < 0.0 {
            -1.0
        } else {
            0.0
        }),
        Alu::SignS => s.signum() as u64,
        Alu::PartF => float(a - a.trunc()),
        Alu::FrexpPartF => float(split(a).0),
        Alu::FrexpExponentF => split(a).1 as u32 as u64,
        Alu::IsNanF => truth(a.is_nan()),
        Alu::IsInfF => truth(a.is_infinite()),
        Alu::CountOnes => x.count_ones().into(),
        Alu::CountLeading => x.leading_zeros().into(),
        Alu::CountTrailing => x.trailing_zeros().into(),
        Alu::Reverse => x.reverse_bits(),
        Alu::FirstTrailing => first(x, x.trailing_zeros()),
        Alu::FirstLeadingU => first(x, 63_u32.wrapping_sub(x.leading_zeros())),
        Alu::FirstLeadingS => {
            let y = if s < 0 { !x } else { x };
            first(y, 63_u32.wrapping_sub(y.leading_zeros()))
        }
        Alu::AddF => float(a + b),
        Alu::SubF => float(a - b),
        Alu::MulF => float(a * b),
        Alu::DivF => float(a / b),
        Alu::RemF => float(a % b),
        Alu::MinF => float(a.min(b)),
        Alu::MaxF => float(a.max(b)),
        Alu::PowF => float(a.powf(b)),
        Alu::Atan2F => float(a.atan2(b)),
        // In two steps, so that neither power leaves the range.
        Alu::LdexpF => {
            let exponent = (y as u32 as i32).clamp(-2200, 2200);
            let half = exponent / 2;
            float(a * f64::from(half).exp2() * f64::from(exponent - half).exp2())
        }
        Alu::EqF => truth(a == b),
        Alu::NeF => truth(a != b),
        Alu::LtF => truth(a < b),
        Alu::LeF => truth(a <= b),
        Alu::AddI => x.wrapping_add(y),
        Alu::SubI => x.wrapping_sub(y),
        Alu::MulI => x.wrapping_mul(y),
        Alu::DivS => {
            if y == 0 {
                x
            } else {
                s.wrapping_div(t) as u64
            }
        }
        Alu::RemS => {
            if y == 0 {
                0
            } else {
                s.wrapping_rem(t) as u64
            }
        }
        Alu::DivU => x.checked_div(y).unwrap_or(x),
        Alu::RemU => x.checked_rem(y).unwrap_or(0),
        Alu::MinS => s.min(t) as u64,
        Alu::MaxS => s.max(t) as u64,
        Alu::MinU => x.min(y),
        Alu::MaxU => x.max(y),
        Alu::Eq => truth(x == y),
        Alu::Ne => truth(x != y),
        Alu::LtS => truth(s < t),
        Alu::LeS => truth(s <= t),
        Alu::LtU => truth(x < y),
        Alu::LeU => truth(x <= y),
        Alu::And => x & y,
        Alu::Or => x | y,
        Alu::Xor => x ^ y,
        Alu::Shl => x << (y & 63),
        Alu::ShrS => (s >> (y & 63)) as u64,
        Alu::ShrU => x >> (y & 63),
        Alu::LowBits => {
            if y >= 64 {
                x
            } else {
                x & ((1 << y) - 1)
            }
        }
        Alu::FmaF => float(a.mul_add(b, c)),
        Alu::RoundHalf
        | Alu::ToHalfBits
        | Alu::FromHalfBits
        | Alu::SignExtendHalf
        | Alu::FToS
        | Alu::FToU
        | Alu::SToF
        | Alu::UToF
        | Alu::Select => return None,
    })
}

fn first(x: u64, place: u32) -> u64 {
    if x == 0 { u64::MAX } else { place.into() }
}

fn split(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let (y, shift) = if x.is_normal() { (x, 0) } else { (x * 2_f64.powi(54), -54) };
    let exponent = ((y.to_bits() >> 52) & 0x7ff) as i32 - 1022;
    let part = f64::from_bits((y.to_bits() & !(0x7ff << 52)) | (1022 << 52));
    (part, exponent + shift)
}

/// Converts the value of a scalar from one type to another. Half-precision values are held as singles.
pub(super) fn convert([from, to]: [Kind; 2], bits: u64) -> u64 {
    /// A number as widely as its class allows.
    enum Number {
        Float(f64),
        Integer(i128),
    }
    let number = match from {
        Kind::F16 | Kind::F32 => Number::Float(f32::from_bits(bits as u32).into()),
        Kind::F64 => Number::Float(f64::from_bits(bits)),
        Kind::I16 | Kind::I32 => Number::Integer((bits as u32 as i32).into()),
        Kind::U16 | Kind::U32 => Number::Integer((bits as u32).into()),
        Kind::I64 => Number::Integer((bits as i64).into()),
        Kind::U64 => Number::Integer(bits.into()),
        Kind::Bool => Number::Integer((bits as u32 & 1).into()),
    };
    // What is beyond an integer's range becomes the last integer that is a number of the other type, too.
    let within = |x: f64, bits: i32| {
        let (digits, most) = match from {
            Kind::F16 => (11, 65504.0),
            Kind::F64 => (53, f64::MAX),
            _ => (24, f64::MAX),
        };
        x.clamp(-most, most).min(2_f64.powi(bits) - 2_f64.powi((bits - digits).max(0)))
    };
    match (to, number) {
        (Kind::F16, Number::Float(x)) => f16::from_f64(x).to_f32().to_bits().into(),
        (Kind::F16, Number::Integer(x)) => f16::from_f64(x as f64).to_f32().to_bits().into(),
        (Kind::F32, Number::Float(x)) => (x as f32).to_bits().into(),
        (Kind::F32, Number::Integer(x)) => (x as f32).to_bits().into(),
        (Kind::F64, Number::Float(x)) => x.to_bits(),
        (Kind::F64, Number::Integer(x)) => (x as f64).to_bits(),
        (Kind::I16, Number::Float(x)) => i32::from(within(x, 15) as i16) as u32 as u64,
        (Kind::I16, Number::Integer(x)) => i32::from(x as i16) as u32 as u64,
        (Kind::I32, Number::Float(x)) => within(x, 31) as i32 as u32 as u64,
        (Kind::I32, Number::Integer(x)) => x as u32 as u64,
        (Kind::U16, Number::Float(x)) => (within(x, 16) as u16).into(),
        (Kind::U16, Number::Integer(x)) => (x as u16).into(),
        (Kind::U32, Number::Float(x)) => (within(x, 32) as u32).into(),
        (Kind::U32, Number::Integer(x)) => (x as u32).into(),
        (Kind::I64, Number::Float(x)) => within(x, 63) as i64 as u64,
        (Kind::U64, Number::Float(x)) => within(x, 64) as u64,
        (Kind::I64 | Kind::U64, Number::Integer(x)) => x as u64,
        (Kind::Bool, Number::Float(x)) => {
            if x != 0.0 {
                u32::MAX.into()
            } else {
                0
            }
        }
        (Kind::Bool, Number::Integer(x)) => {
            if x != 0 {
                u32::MAX.into()
            } else {
                0
            }
        }
    }
}
