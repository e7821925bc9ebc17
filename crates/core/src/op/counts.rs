//! How many operations of each kind were executed.

#[cfg(feature = "schema")]
use std::borrow::Cow;
use std::{fmt, iter::Sum, ops::Add};

#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    convention::Convention,
    kind::{Op, Scalar},
};

const KINDS: usize = Scalar::ALL.len() * Op::ALL.len();

fn index(scalar: Scalar, op: Op) -> usize {
    scalar as usize * Op::ALL.len() + op as usize
}

/// How many operations of each kind were executed. A checked monoid under `+`.
///
/// Arithmetic panics past `u64::MAX`: at 10^15 operations a second that is five hours of a whole
/// accelerator in one pass, which no plan that fits in memory reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpCounts([u64; KINDS]);

impl Default for OpCounts {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

impl OpCounts {
    /// No operation at all.
    pub const ZERO: Self = Self([0; KINDS]);

    /// `count` operations of one kind.
    pub fn of(scalar: Scalar, op: Op, count: u64) -> Self {
        Self::ZERO.with(scalar, op, count)
    }

    /// `count` single-precision operations of one kind.
    pub fn f32(op: Op, count: u64) -> Self {
        Self::of(Scalar::F32, op, count)
    }

    /// These counts and `count` more operations of one kind.
    #[must_use]
    pub fn with(mut self, scalar: Scalar, op: Op, count: u64) -> Self {
        self.charge(scalar, op, count);
        self
    }

    /// Adds `count` operations of one kind.
    pub(super) fn charge(&mut self, scalar: Scalar, op: Op, count: u64) {
        let slot = &mut self.0[index(scalar, op)];
        *slot = slot.checked_add(count).expect("an operation count fits in u64");
    }

    /// How many operations of one kind there are.
    pub fn get(&self, scalar: Scalar, op: Op) -> u64 {
        self.0[index(scalar, op)]
    }

    /// These counts, executed `times` times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        for slot in &mut self.0 {
            *slot = slot.checked_mul(times).expect("an operation count fits in u64");
        }
        self
    }

    /// The floating-point part, which is what a closed form speaks about: integer arithmetic is
    /// how a kernel finds its data, not what it computes.
    #[must_use]
    pub fn floating(mut self) -> Self {
        for op in Op::ALL {
            self.0[index(Scalar::Int, op)] = 0;
        }
        self
    }

    /// Whether nothing was counted.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&count| count == 0)
    }

    /// Each kind that occurs, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Scalar, Op, u64)> + '_ {
        Scalar::ALL
            .into_iter()
            .flat_map(|scalar| Op::ALL.into_iter().map(move |op| (scalar, op)))
            .map(|(scalar, op)| (scalar, op, self.get(scalar, op)))
            .filter(|&(_, _, count)| count != 0)
    }

    /// The FLOPs that these operations are under a convention; integers are never FLOPs.
    ///
    /// # Panics
    /// Where they exceed 64 bits, as no device executes but an edited report may say: see [`Self::wide_flops`].
    pub fn flops(&self, convention: Convention) -> u64 {
        u64::try_from(self.wide_flops(convention)).expect("FLOPs fit in u64")
    }

    /// The same, however many they are.
    pub fn wide_flops(&self, convention: Convention) -> u128 {
        let floats = self.iter().filter(|(scalar, ..)| scalar.is_float());
        floats.map(|(_, op, count)| u128::from(count) * u128::from(convention.price(op))).sum()
    }
}

impl Add for OpCounts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        let mut is_over = false;
        for (slot, count) in self.0.iter_mut().zip(other.0) {
            let (sum, over) = slot.overflowing_add(count);
            *slot = sum;
            is_over |= over;
        }
        assert!(!is_over, "an operation count fits in u64");
        self
    }
}

impl Sum for OpCounts {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Debug for OpCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(scalar, op, count)| (key(scalar, op), count)))
            .finish()
    }
}

impl Serialize for OpCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(scalar, op, count)| (key(scalar, op), count)))
    }
}

impl<'de> Deserialize<'de> for OpCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<String, u64>::deserialize(deserializer)?;
        map.into_iter().try_fold(Self::ZERO, |counts, (key, count)| {
            let kind = key.split_once('.').and_then(|(scalar, op)| {
                let scalar = Scalar::ALL.into_iter().find(|s| s.name() == scalar)?;
                let op = Op::ALL.into_iter().find(|o| o.name() == op)?;
                Some((scalar, op))
            });
            let (scalar, op) =
                kind.ok_or_else(|| D::Error::custom(format!("unknown operation '{key}'")))?;
            Ok(counts.with(scalar, op, count))
        })
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for OpCounts {
    fn schema_name() -> Cow<'static, str> {
        "OpCounts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let keys = Scalar::ALL.into_iter().flat_map(|scalar| Op::ALL.map(|op| key(scalar, op)));
        json_schema!({
            "description": "How many operations of each kind were executed; those that were not are left out.",
            "type": "object",
            "propertyNames": { "enum": keys.collect::<Vec<_>>() },
            "additionalProperties": { "type": "integer", "minimum": 0 },
        })
    }
}

/// What a kind of operation is called in reports and files.
fn key(scalar: Scalar, op: Op) -> String {
    format!("{}.{}", scalar.name(), op.name())
}
