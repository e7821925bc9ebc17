//! The value of a specialisation constant, as a file has it: a number of the constant's type.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

/// A value that a pipeline gave a constant; its bits where the type is not known.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum SpecValue {
    /// True or false.
    Bool(bool),
    /// An integer that is not negative, or bits.
    Unsigned(u64),
    /// An integer that is negative.
    Signed(i64),
    /// A float.
    Float(f64),
    /// A float that files have no number for.
    NotFinite(NotFinite),
}

/// A float that is infinite or no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "their names say what they are")]
pub enum NotFinite {
    #[serde(rename = "NaN")]
    NotANumber,
    #[serde(rename = "inf")]
    Infinite,
    #[serde(rename = "-inf")]
    NegativeInfinite,
}

/// The type of a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecType {
    /// True or false.
    Bool,
    /// An integer.
    Int {
        /// Its bits.
        width: u32,
        /// Whether it can be negative.
        signed: bool,
    },
    /// A float.
    Float {
        /// Its bits.
        width: u32,
    },
}

impl SpecValue {
    /// The value that has these bits in a type.
    pub fn of(bits: u64, ty: SpecType) -> Self {
        match ty {
            SpecType::Bool => Self::Bool(bits != 0),
            SpecType::Int { width: width @ 1..=64, signed } => {
                let spare = 64 - width;
                let value = (bits << spare).cast_signed() >> spare;
                if signed && value < 0 {
                    Self::Signed(value)
                } else {
                    Self::Unsigned((bits << spare) >> spare)
                }
            }
            SpecType::Float { width: 16 } => {
                Self::float(half::f16::from_bits(bits as u16).to_f64())
            }
            SpecType::Float { width: 32 } => {
                let value = f32::from_bits(bits as u32);
                // The fewest digits that say this number, as a person writes it.
                Self::float(value.to_string().parse().unwrap_or_else(|_| value.into()))
            }
            SpecType::Float { width: 64 } => Self::float(f64::from_bits(bits)),
            SpecType::Int { .. } | SpecType::Float { .. } => Self::Unsigned(bits),
        }
    }

    fn float(value: f64) -> Self {
        if value.is_finite() {
            Self::Float(value)
        } else if value.is_nan() {
            Self::NotFinite(NotFinite::NotANumber)
        } else if value > 0.0 {
            Self::NotFinite(NotFinite::Infinite)
        } else {
            Self::NotFinite(NotFinite::NegativeInfinite)
        }
    }

    /// Its kind and its bits, which are those of no other value.
    fn key(self) -> (u8, u64) {
        match self {
            Self::Bool(value) => (0, value.into()),
            Self::Unsigned(value) => (1, value),
            Self::Signed(value) => (2, value.cast_unsigned()),
            Self::Float(value) => (3, value.to_bits()),
            Self::NotFinite(value) => (4, value as u64),
        }
    }
}

impl From<u64> for SpecValue {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}

impl PartialEq for SpecValue {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for SpecValue {}

impl PartialOrd for SpecValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SpecValue {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for SpecValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::NotFinite(NotFinite::NotANumber) => f.write_str("NaN"),
            Self::NotFinite(NotFinite::Infinite) => f.write_str("inf"),
            Self::NotFinite(NotFinite::NegativeInfinite) => f.write_str("-inf"),
        }
    }
}
