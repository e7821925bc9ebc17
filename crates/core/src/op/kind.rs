//! What an operation is, and on which scalars it works.

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

            /// Whether floating-point numbers have it.
            pub const fn is_of_floats(self) -> bool {
                !matches!(self, Self::Bit | Self::Sample | Self::Trace)
            }

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
    /// Reads of a texture through a sampler, which fixed-function hardware filters; only ever `int.sample`.
    Sample = "sample",
    /// Steps of a ray query, in which the device traverses an acceleration structure and intersects by itself; only ever
    /// `int.trace`.
    Trace = "trace",
}
