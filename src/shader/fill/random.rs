//! Random numbers that fill a buffer: which they may be, and the same ones for the same seed. Knows no layout.

use std::{fmt, str::FromStr};

use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;

use super::number::{float, largest, parsed};
use crate::kernel::{Number, NumberKind};

/// From where to below where random numbers lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RandomRange {
    /// Whole numbers, in floats as well.
    Whole(i64, i64),
    /// Floats.
    Floats(f64, f64),
}

/// How often a float is drawn again that its width rounds out of the range.
const ATTEMPTS: usize = 64;

impl FromStr for RandomRange {
    type Err = String;

    /// `LOW..HIGH`: whole numbers, or floats where one of the two has a point or an exponent.
    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once("..").unwrap_or_default();
        let whole = low.parse().ok().zip(high.parse().ok());
        if let Some((low, high)) = whole.filter(|(low, high)| low < high) {
            return Ok(Self::Whole(low, high));
        }
        let is_whole = |end: &str| !end.contains(['.', 'e', 'E']);
        let floats: Option<(f64, f64)> = low.parse().ok().zip(high.parse().ok());
        let floats = floats.filter(|_| !(is_whole(low) && is_whole(high)));
        match floats.filter(|(low, high)| low < high && (high - low).is_finite()) {
            Some((low, high)) => Ok(Self::Floats(low, high)),
            None => Err(format!(
                "'{text}' is no LOW..HIGH with a number in it, such as 0..10 or 0.0..1.0"
            )),
        }
    }
}

impl fmt::Display for RandomRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(low, high) => write!(f, "{low}..{high}"),
            // With its point.
            Self::Floats(low, high) => write!(f, "{low:?}..{high:?}"),
        }
    }
}

impl RandomRange {
    /// The bytes of the next number of a type, then zeros.
    ///
    /// # Errors
    /// Where the type has no such number.
    pub(super) fn drawn(self, random: &mut ChaCha8Rng, number: Number) -> Result<[u8; 8], String> {
        let bytes = match self {
            Self::Whole(low, high) => parsed(&random.random_range(low..high).to_string(), number),
            Self::Floats(low, high) => {
                let is_its = number.kind == NumberKind::Float
                    && low.abs().max(high.abs()) <= largest(number);
                let mut drawn = (0..if is_its { ATTEMPTS } else { 0 })
                    .map(|_| rounded(random.random_range(low..high), number));
                let drawn = drawn.find(|value| (low..high).contains(value));
                drawn.map(|value| float(value, number.width))
            }
        };
        bytes.ok_or_else(|| format!("{self} is no range of numbers of type {number}"))
    }
}

/// A float as its type has it.
fn rounded(value: f64, number: Number) -> f64 {
    match number.width {
        2 => half::f16::from_f64(value).to_f64(),
        4 => f64::from(value as f32),
        _ => value,
    }
}

/// The bytes of the next number where no range is asked for, then zeros: a float from -1 to below 1, or any integer.
pub(super) fn any(random: &mut ChaCha8Rng, number: Number) -> [u8; 8] {
    match number.kind {
        // 11 bits fit a float of any width, and rounding then never reaches 1.
        NumberKind::Float if number.width == 2 => {
            float(f64::from(random.random_range(-1024_i32..1024)) / 1024.0, 2)
        }
        NumberKind::Float if number.width == 4 => {
            let bits = random.next_u32() >> 8;
            float(f64::from(bits) / f64::from(1 << 23) - 1.0, 4)
        }
        NumberKind::Float => float(random.random_range(-1.0..1.0), number.width),
        NumberKind::Signed | NumberKind::Unsigned => random.next_u64().to_le_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_range_is_of_whole_numbers_or_of_floats() {
        let range = |text: &str| text.parse::<RandomRange>();
        assert_eq!(range("-3..10"), Ok(RandomRange::Whole(-3, 10)));
        for (text, low, high) in [
            ("0.0..1", 0.0, 1.0),
            ("-1.5..2.25", -1.5, 2.25),
            ("1e-3...5", 1e-3, 0.5),
            ("1e3..2e3", 1e3, 2e3),
        ] {
            let floats = range(text).unwrap();
            assert_eq!(floats, RandomRange::Floats(low, high), "{text}");
            assert_eq!(range(&floats.to_string()), Ok(floats));
        }
        for wrong in [
            "1..1",
            "2.5..1.0",
            "0.5",
            "a..b",
            "0.0..inf",
            "0.0..nan",
            "0..18446744073709551616",
            "-1.7e308..1.7e308",
        ] {
            assert!(range(wrong).unwrap_err().contains("0.0..1.0"), "{wrong}");
        }
    }

    #[test]
    fn floats_lie_within_their_range_whatever_their_width() {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        for width in [2, 4, 8] {
            let number = Number { kind: NumberKind::Float, width };
            let range = RandomRange::Floats(0.998, 1.0);
            for _ in 0..10_000 {
                let drawn = range.drawn(&mut random, number).unwrap();
                let value = match width {
                    2 => half::f16::from_le_bytes([drawn[0], drawn[1]]).to_f64(),
                    4 => f32::from_le_bytes([drawn[0], drawn[1], drawn[2], drawn[3]]).into(),
                    _ => f64::from_le_bytes(drawn),
                };
                assert!((0.998..1.0).contains(&value), "{value}");
            }
        }
        let half = Number { kind: NumberKind::Float, width: 2 };
        let none = RandomRange::Floats(0.1001, 0.100_101).drawn(&mut random, half).unwrap_err();
        assert!(none.contains("no range of numbers of type f16"), "{none}");
        let beyond = RandomRange::Floats(0.0, 65505.0).drawn(&mut random, half).unwrap_err();
        assert!(beyond.contains("no range of numbers of type f16"), "{beyond}");
        let whole = Number { kind: NumberKind::Signed, width: 4 };
        let none = RandomRange::Floats(0.0, 2.0).drawn(&mut random, whole).unwrap_err();
        assert!(none.contains("no range of numbers of type i32"), "{none}");
    }
}
