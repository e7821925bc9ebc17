//! Instructions that are newer than the grammar at hand and have a price: the dot products of small floats of
//! `SPV_VALVE_mixed_float_dot_product`. Knows no prices.

/// A dot product that is added to a number of more precision, or of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MixedDot {
    Two32,
    Two16,
    Four32,
}

impl MixedDot {
    /// Words behind its first: the result's type, the result, two vectors and the number that is added to.
    pub(super) const OPERANDS: usize = 5;

    /// The instruction of an opcode.
    pub(super) fn of(opcode: u16) -> Option<Self> {
        match opcode {
            6916 => Some(Self::Two32),
            6917 => Some(Self::Two16),
            6918 => Some(Self::Four32),
            _ => None,
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Two32 => "FDot2MixAcc32VALVE",
            Self::Two16 => "FDot2MixAcc16VALVE",
            Self::Four32 => "FDot4MixAcc32VALVE",
        }
    }
}
