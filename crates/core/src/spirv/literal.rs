//! Numbers as WGSL writes them. Knows no instruction.

use half::f16;

use super::module::Type;

/// A number of a type by its bits: a literal of WGSL, with the suffix of its type where that has one; what WGSL has no
/// literal for, an infinity or a float of another encoding, is its bits in hexadecimal.
pub(super) fn literal(ty: &Type, bits: u64) -> String {
    let signed = |width: u32| (bits << (64 - width)) as i64 >> (64 - width);
    match *ty {
        Type::Int { width: 64, signed: false } => format!("{bits}lu"),
        Type::Int { width: 64, signed: true } => format!("{}li", bits as i64),
        Type::Int { width: 32, signed: false } => format!("{}u", bits as u32),
        Type::Int { width: 32, signed: true } => format!("{}i", signed(32)),
        Type::Int { width, signed: true } => signed(width).to_string(),
        Type::Int { signed: false, .. } => bits.to_string(),
        Type::Float { width: 16, encoding: None } => {
            let value = f16::from_bits(bits as u16);
            finite(value.is_finite(), format!("{value:?}h"), bits)
        }
        Type::Float { width: 32, encoding: None } => {
            let value = f32::from_bits(bits as u32);
            finite(value.is_finite(), format!("{value:?}f"), bits)
        }
        Type::Float { width: 64, encoding: None } => {
            let value = f64::from_bits(bits);
            finite(value.is_finite(), format!("{value:?}lf"), bits)
        }
        _ => hexadecimal(bits),
    }
}

fn finite(is_finite: bool, literal: String, bits: u64) -> String {
    if is_finite { literal } else { hexadecimal(bits) }
}

fn hexadecimal(bits: u64) -> String {
    format!("{bits:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_wgsl() {
        let int = |width, signed| Type::Int { width, signed };
        let float = |width| Type::Float { width, encoding: None };
        for (ty, bits, written) in [
            (int(32, false), 0xffff_ffff, "4294967295u"),
            (int(32, true), 0xffff_ffff, "-1i"),
            (int(64, false), u64::MAX, "18446744073709551615lu"),
            (int(64, true), u64::MAX - 1, "-2li"),
            (int(16, true), 0xffff_fffe, "-2"),
            (int(8, false), 200, "200"),
            (float(32), 1.5_f32.to_bits().into(), "1.5f"),
            (float(32), 1_f32.to_bits().into(), "1.0f"),
            (float(32), (-0_f32).to_bits().into(), "-0.0f"),
            (float(32), 1e-7_f32.to_bits().into(), "1e-7f"),
            (float(32), f32::NEG_INFINITY.to_bits().into(), "0xff800000"),
            (float(16), f16::from_f32(-2.5).to_bits().into(), "-2.5h"),
            (float(16), f16::INFINITY.to_bits().into(), "0x7c00"),
            (float(64), 0.1_f64.to_bits(), "0.1lf"),
            (Type::Float { width: 16, encoding: Some(0) }, 0x3fc0, "0x3fc0"),
        ] {
            assert_eq!(literal(&ty, bits), written, "{ty:?} {bits:#x}");
        }
    }
}
