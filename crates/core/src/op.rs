//! The vocabulary: what an operation is, how many were executed, and what they cost under a named
//! convention. Everything else in the crate speaks in these types; this file knows nothing of the rest.

#[cfg(feature = "schema")]
use std::borrow::Cow;
use std::{fmt, iter::Sum, ops::Add, str::FromStr};

#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The scalar that an operation works on. All integers and booleans share one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scalar {
    /// 16-bit floating point.
    F16,
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
    /// bfloat16.
    Bf16,
    /// 8-bit floating point of either encoding.
    F8,
    /// Any integer or boolean.
    Int,
}

impl Scalar {
    /// Every scalar class, in the order of reports.
    pub const ALL: [Self; 6] = [Self::F16, Self::F32, Self::F64, Self::Bf16, Self::F8, Self::Int];

    /// The first half of an operation's key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bf16 => "bf16",
            Self::F8 => "f8",
            Self::Int => "int",
        }
    }

    /// Whether operations on this scalar are floating-point operations.
    pub const fn is_float(self) -> bool {
        !matches!(self, Self::Int)
    }
}

macro_rules! ops {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One row of the operation vocabulary. A vector operation counts once per component.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Op { $($(#[$doc])* $variant,)* }

        impl Op {
            /// Every operation, in the order of reports.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The second half of an operation's key.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

ops! {
    /// `+` and `-`.
    Add = "add",
    /// `*`.
    Mul = "mul",
    /// `/`.
    Div = "div",
    /// `%`.
    Rem = "rem",
    /// Fused multiply-add.
    Fma = "fma",
    /// Unary `-`.
    Neg = "neg",
    /// `abs`.
    Abs = "abs",
    /// `min`, `max`; `clamp` and `saturate` are two.
    MinMax = "minmax",
    /// `sqrt`.
    Sqrt = "sqrt",
    /// `inverseSqrt`.
    Rsqrt = "rsqrt",
    /// `exp`, `exp2`.
    Exp = "exp",
    /// `log`, `log2`.
    Log = "log",
    /// `pow`.
    Pow = "pow",
    /// `sin`, `cos`, `tan` and their inverses.
    Trig = "trig",
    /// `sinh`, `cosh`, `tanh` and their inverses.
    Tanh = "tanh",
    /// `floor`, `ceil`, `round`, `trunc`, `sign`, `frexp`, `ldexp`, `modf`.
    Round = "round",
    /// Comparisons.
    Compare = "compare",
    /// `select`.
    Select = "select",
    /// Conversions of value between scalar types (a bitcast is none).
    Convert = "convert",
    /// Bitwise and logical operations, shifts, bit counts and packing; only ever `int.bit`.
    Bit = "bit",
}

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
        let slot = &mut self.0[index(scalar, op)];
        *slot = slot.checked_add(count).expect("an operation count fits in u64");
        self
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

    /// The part of one of `parts`; `None` where something does not divide evenly.
    fn divided(mut self, parts: u64) -> Option<Self> {
        for slot in &mut self.0 {
            *slot = slot.is_multiple_of(parts).then(|| *slot / parts)?;
        }
        Some(self)
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
    pub fn flops(&self, convention: Convention) -> u64 {
        self.iter()
            .filter(|(scalar, _, _)| scalar.is_float())
            .map(|(_, op, count)| count * convention.price(op))
            .sum()
    }
}

impl Add for OpCounts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (slot, count) in self.0.iter_mut().zip(other.0) {
            *slot = slot.checked_add(count).expect("an operation count fits in u64");
        }
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

macro_rules! traffic {
    ($($(#[$doc:meta])* $field:ident = $name:literal,)*) => {
        /// Memory touched beside the arithmetic. Private and function memory are not memory.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(JsonSchema))]
        #[serde(default, deny_unknown_fields)]
        pub struct Traffic {
            $($(#[$doc])*
            #[serde(rename = $name, skip_serializing_if = "is_zero")]
            pub $field: u64,)*
        }

        impl Traffic {
            /// The same traffic, `times` times.
            #[must_use]
            pub fn times(self, times: u64) -> Self {
                Self { $($field: self.$field.checked_mul(times).expect("traffic fits in u64"),)* }
            }
        }

        impl Traffic {
            /// The part of one of `parts`; `None` where something does not divide evenly.
            fn divided(self, parts: u64) -> Option<Self> {
                let part = |all: u64| all.is_multiple_of(parts).then(|| all / parts);
                Some(Self { $($field: part(self.$field)?,)* })
            }
        }

        impl Add for Traffic {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($field: self.$field.checked_add(other.$field).expect("traffic fits in u64"),)* }
            }
        }
    };
}

/// Whether a count is 0: serialised structures leave such fields out. By reference, as serde passes it.
pub fn is_zero(value: &u64) -> bool {
    *value == 0
}

traffic! {
    /// Bytes loaded from storage buffers.
    storage_load = "storage.load_bytes",
    /// Bytes stored to storage buffers.
    storage_store = "storage.store_bytes",
    /// Bytes loaded from uniform buffers.
    uniform_load = "uniform.load_bytes",
    /// Bytes loaded from workgroup memory.
    workgroup_load = "workgroup.load_bytes",
    /// Bytes stored to workgroup memory.
    workgroup_store = "workgroup.store_bytes",
    /// Atomic operations in any address space.
    atomics = "atomics",
    /// Barriers at which the invocations of a workgroup wait for each other, once a workgroup.
    barriers = "barriers",
}

impl Traffic {
    /// Bytes that cross to and from storage buffers, the denominator of arithmetic intensity.
    pub fn storage_bytes(&self) -> u64 {
        self.storage_load + self.storage_store
    }

    /// Bytes loaded and stored in every address space.
    pub fn bytes(&self) -> u64 {
        self.storage_bytes() + self.uniform_load + self.workgroup_load + self.workgroup_store
    }

    /// Whether nothing was touched.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// Operations and traffic together: what executing a piece of a kernel costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Cost {
    /// Operations by kind.
    pub ops: OpCounts,
    /// Memory touched.
    pub traffic: Traffic,
}

impl Cost {
    /// The same cost, `times` times.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { ops: self.ops.times(times), traffic: self.traffic.times(times) }
    }

    /// The same cost, summed over invocations, with the barriers at which all invocations of a workgroup waited
    /// counted once for the workgroup, which has `size` of them.
    #[must_use]
    pub fn barriers_once(mut self, size: u64) -> Self {
        self.traffic.barriers /= size.max(1);
        self
    }

    /// The part of one of `parts` that do it together; `None` where something does not divide evenly.
    #[must_use]
    pub fn divided(self, parts: u64) -> Option<Self> {
        Some(Self { ops: self.ops.divided(parts)?, traffic: self.traffic.divided(parts)? })
    }

    /// Whether it costs nothing.
    pub fn is_zero(&self) -> bool {
        self.ops.is_zero() && self.traffic.is_zero()
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { ops: self.ops + other.ops, traffic: self.traffic + other.traffic }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}

/// A named price list that turns operations into FLOPs; printed with every number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Convention {
    /// Arithmetic and elementary functions are 1, a fused multiply-add 2, the rest 0.
    #[default]
    Ieee,
    /// Arithmetic, `neg`, `abs` and `minmax` are 1, a fused multiply-add 2, elementary functions
    /// 10, the rest 0: the table behind the published Qwen estimator.
    Primitive,
    /// `add` and `mul` are 1, a fused multiply-add 2, the rest 0: what NVIDIA's roofline sums.
    Ncu,
}

impl Convention {
    /// Every convention.
    pub const ALL: [Self; 3] = [Self::Ieee, Self::Primitive, Self::Ncu];

    /// The name that a user types and a report prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ieee => "ieee",
            Self::Primitive => "primitive",
            Self::Ncu => "ncu",
        }
    }

    /// The price list in one line, for the head of a report.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Ieee => {
                "add mul div rem sqrt rsqrt exp log pow trig tanh = 1, fma = 2, the rest 0"
            }
            Self::Primitive => {
                "add neg mul div abs minmax = 1, fma = 2, exp log pow sqrt rsqrt trig tanh = 10, the rest 0"
            }
            Self::Ncu => "add mul = 1, fma = 2, the rest 0",
        }
    }

    /// FLOPs for one operation.
    pub const fn price(self, op: Op) -> u64 {
        use Op::*;
        match (self, op) {
            (_, Fma) => 2,
            (_, Add | Mul) => 1,
            (Self::Ieee, Div | Rem | Sqrt | Rsqrt | Exp | Log | Pow | Trig | Tanh) => 1,
            (Self::Ieee, Neg | Abs | MinMax) => 0,
            (Self::Primitive, Div | Neg | Abs | MinMax) => 1,
            (Self::Primitive, Exp | Log | Pow | Sqrt | Rsqrt | Trig | Tanh) => 10,
            (Self::Primitive, Rem) => 0,
            (Self::Ncu, Div | Rem | Neg | Abs | MinMax) => 0,
            (Self::Ncu, Sqrt | Rsqrt | Exp | Log | Pow | Trig | Tanh) => 0,
            (_, Round | Compare | Select | Convert | Bit) => 0,
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Convention {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|c| c.name() == s)
            .ok_or_else(|| format!("unknown convention '{s}': one of ieee, primitive, ncu"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_price_as_documented() {
        let one_of_each: OpCounts = Op::ALL.into_iter().map(|op| OpCounts::f32(op, 1)).sum();
        assert_eq!(one_of_each.flops(Convention::Ieee), 11 + 2);
        assert_eq!(one_of_each.flops(Convention::Primitive), 6 + 2 + 70);
        assert_eq!(one_of_each.flops(Convention::Ncu), 2 + 2);
        let ints = OpCounts::of(Scalar::Int, Op::Add, 7);
        assert_eq!(ints.flops(Convention::Ieee), 0);
        assert!(ints.floating().is_zero());
    }

    #[test]
    fn counts_survive_json_without_their_zeros() {
        let counts = OpCounts::f32(Op::Fma, 3).with(Scalar::Int, Op::Bit, 5);
        let json = serde_json::to_string(&counts).unwrap();
        assert_eq!(json, r#"{"f32.fma":3,"int.bit":5}"#);
        assert_eq!(serde_json::from_str::<OpCounts>(&json).unwrap(), counts);
        assert!(serde_json::from_str::<OpCounts>(r#"{"f32.fmla":3}"#).is_err());
    }

    #[test]
    #[should_panic(expected = "fits in u64")]
    fn an_overflow_is_never_silent() {
        let _ = OpCounts::f32(Op::Add, u64::MAX).times(2);
    }
}
