//! Numbers in words as their bytes. Knows no layout.

use crate::kernel::{Number, NumberKind};

/// The bytes of a float of `width` bytes, then zeros.
pub(super) fn float(value: f64, width: u8) -> [u8; 8] {
    let mut bytes = [0; 8];
    match width {
        2 => bytes[..2].copy_from_slice(&half::f16::from_f64(value).to_le_bytes()),
        4 => bytes[..4].copy_from_slice(&(value as f32).to_le_bytes()),
        _ => bytes = value.to_le_bytes(),
    }
    bytes
}

/// The largest float of a type.
pub(super) fn largest(number: Number) -> f64 {
    match number.width {
        2 => half::f16::MAX.to_f64(),
        4 => f32::MAX.into(),
        _ => f64::MAX,
    }
}

/// The bytes of a number, then zeros; `None` where the text is none of its type.
pub(super) fn parsed(text: &str, number: Number) -> Option<[u8; 8]> {
    let bits = 8 * u32::from(number.width);
    match number.kind {
        NumberKind::Float => {
            let value: f64 = text.parse().ok()?;
            // A number in digits is not infinity, however large it is.
            let digits = text.contains(|c: char| c.is_ascii_digit());
            (!digits || value.abs() <= largest(number)).then(|| float(value, number.width))
        }
        NumberKind::Unsigned => {
            let value: u64 = text.parse().ok()?;
            (bits == 64 || value >> bits == 0).then(|| value.to_le_bytes())
        }
        NumberKind::Signed => {
            let value: i64 = text.parse().ok()?;
            let spare = 64 - bits;
            ((value << spare) >> spare == value).then(|| value.to_le_bytes())
        }
    }
}
