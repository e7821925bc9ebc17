//! Arithmetic on 32-bit registers: what each operation means, lane by lane, and the loops over chunks
//! of lanes that a compiler turns into vector instructions. Knows no masks and no memory.
//!
//! Meanings are WGSL's: integers wrap, `x / 0` is x and `x % 0` is 0, shifts take the low bits of their
//! count, conversions to integers saturate. Booleans are 0 and all ones. Half-precision values are
//! computed as singles and rounded by [`Alu::RoundHalf`].

use super::{narrow, register::Reg};

/// Lanes that are computed together.
pub(super) const CHUNK: usize = 16;

/// A word for each of the lanes of a chunk.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Chunk(pub(super) [u32; CHUNK]);

impl Chunk {
    /// The same word for every lane.
    pub(super) const fn splat(word: u32) -> Self {
        Self([word; CHUNK])
    }
}

/// Where the chunks of a register lie: one after the other, or all in one place.
#[derive(Clone, Copy)]
struct Column {
    base: usize,
    step: usize,
}

impl Column {
    #[inline(always)]
    fn of(reg: Reg) -> Self {
        Self { base: reg.base(), step: usize::from(reg.per_lane()) }
    }

    #[inline(always)]
    fn chunk(self, k: usize) -> usize {
        self.base + k * self.step
    }
}

macro_rules! alu {
    (
        unary { $($unary:ident = |$ua:ident| $unary_value:expr;)* }
        binary { $($binary:ident = |$ba:ident, $bb:ident| $binary_value:expr;)* }
        ternary { $($ternary:ident = |$ta:ident, $tb:ident, $tc:ident| $ternary_value:expr;)* }
    ) => {
        /// An operation on one, two or three words. A suffix says what the words are: F floats, S signed
        /// and U unsigned integers, none just bits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Alu { $($unary,)* $($binary,)* $($ternary,)* }

        impl Alu {
            /// How many operands it has.
            pub(super) const fn operands(self) -> usize {
                match self {
                    $(Self::$unary => 1,)*
                    $(Self::$binary => 2,)*
                    $(Self::$ternary => 3,)*
                }
            }

            /// Its value for one lane.
            pub(super) fn one(self, [a, b, c]: [u32; 3]) -> u32 {
                match self {
                    $(Self::$unary => { let $ua = a; $unary_value })*
                    $(Self::$binary => { let ($ba, $bb) = (a, b); $binary_value })*
                    $(Self::$ternary => { let ($ta, $tb, $tc) = (a, b, c); $ternary_value })*
                }
            }
        }

        /// Computes `n` chunks of a register.
        #[inline(always)]
        pub(super) fn compute(op: Alu, regs: &mut [Chunk], n: usize, to: Reg, from: [Reg; 3]) {
            let at = [Column::of(from[0]), Column::of(from[1]), Column::of(from[2])];
            match op {
                $(Alu::$unary => for k in 0..n {
                    let a = regs[at[0].chunk(k)];
                    let mut out = [0; CHUNK];
                    for i in 0..CHUNK {
                        let $ua = a.0[i];
                        out[i] = $unary_value;
                    }
                    regs[to.base() + k] = Chunk(out);
                },)*
                $(Alu::$binary => for k in 0..n {
                    let (a, b) = (regs[at[0].chunk(k)], regs[at[1].chunk(k)]);
                    let mut out = [0; CHUNK];
                    for i in 0..CHUNK {
                        let ($ba, $bb) = (a.0[i], b.0[i]);
                        out[i] = $binary_value;
                    }
                    regs[to.base() + k] = Chunk(out);
                },)*
                $(Alu::$ternary => for k in 0..n {
                    let (a, b) = (regs[at[0].chunk(k)], regs[at[1].chunk(k)]);
                    let c = regs[at[2].chunk(k)];
                    let mut out = [0; CHUNK];
                    for i in 0..CHUNK {
                        let ($ta, $tb, $tc) = (a.0[i], b.0[i], c.0[i]);
                        out[i] = $ternary_value;
                    }
                    regs[to.base() + k] = Chunk(out);
                },)*
            }
        }
    };
}

impl Alu {
    /// Whether the result is a `u32`, whatever the type of the operands is.
    pub(super) const fn gives_u32(self) -> bool {
        matches!(
            self,
            Self::EqF
                | Self::NeF
                | Self::LtF
                | Self::LeF
                | Self::Eq
                | Self::Ne
                | Self::LtS
                | Self::LeS
                | Self::LtU
                | Self::LeU
                | Self::IsNanF
                | Self::IsInfF
                | Self::FrexpExponentF
        )
    }
}

alu! {
    unary {
        Copy = |a| a;
        Not = |a| !a;
        NegF = |a| a ^ SIGN;
        NegI = |a| a.wrapping_neg();
        AbsF = |a| a & !SIGN;
        AbsS = |a| (a as i32).wrapping_abs() as u32;
        SqrtF = |a| bits(f(a).sqrt());
        RsqrtF = |a| bits(1.0 / f(a).sqrt());
        ExpF = |a| bits(f(a).exp());
        Exp2F = |a| bits(f(a).exp2());
        LogF = |a| bits(f(a).ln());
        Log2F = |a| bits(f(a).log2());
        SinF = |a| bits(f(a).sin());
        CosF = |a| bits(f(a).cos());
        TanF = |a| bits(f(a).tan());
        AsinF = |a| bits(f(a).asin());
        AcosF = |a| bits(f(a).acos());
        AtanF = |a| bits(f(a).atan());
        SinhF = |a| bits(f(a).sinh());
        CoshF = |a| bits(f(a).cosh());
        TanhF = |a| bits(f(a).tanh());
        AsinhF = |a| bits(f(a).asinh());
        AcoshF = |a| bits(f(a).acosh());
        AtanhF = |a| bits(f(a).atanh());
        FloorF = |a| bits(f(a).floor());
        CeilF = |a| bits(f(a).ceil());
        RoundF = |a| bits(f(a).round_ties_even());
        TruncF = |a| bits(f(a).trunc());
        SignF = |a| if f(a) > 0.0 { ONE } else if f(a) < 0.0 { ONE | SIGN } else { 0 };
        SignS = |a| (a as i32).signum() as u32;
        // What modf leaves behind the point, with the sign of the whole.
        PartF = |a| bits(f(a) - f(a).trunc());
        FrexpPartF = |a| bits(split(f(a)).0);
        FrexpExponentF = |a| split(f(a)).1 as u32;
        RoundHalf = |a| narrow::round(a);
        ToHalfBits = |a| narrow::to_bits(a);
        FromHalfBits = |a| narrow::from_bits(a);
        SignExtendHalf = |a| i32::from(a as i16) as u32;
        // What is beyond an integer's range becomes the last integer that is a single, too.
        FToS = |a| f(a).min(2_147_483_520.0) as i32 as u32;
        FToU = |a| f(a).min(4_294_967_040.0) as u32;
        SToF = |a| bits(a as i32 as f32);
        UToF = |a| bits(a as f32);
        IsNanF = |a| truth(f(a).is_nan());
        IsInfF = |a| truth(f(a).is_infinite());
        CountOnes = |a| a.count_ones();
        CountLeading = |a| a.leading_zeros();
        CountTrailing = |a| a.trailing_zeros();
        Reverse = |a| a.reverse_bits();
        FirstTrailing = |a| if a == 0 { u32::MAX } else { a.trailing_zeros() };
        FirstLeadingU = |a| if a == 0 { u32::MAX } else { 31 - a.leading_zeros() };
        FirstLeadingS = |a| {
            let x = if a >> 31 == 1 { !a } else { a };
            if x == 0 { u32::MAX } else { 31 - x.leading_zeros() }
        };
    }
    binary {
        AddF = |a, b| bits(f(a) + f(b));
        SubF = |a, b| bits(f(a) - f(b));
        MulF = |a, b| bits(f(a) * f(b));
        DivF = |a, b| bits(f(a) / f(b));
        RemF = |a, b| bits(f(a) % f(b));
        MinF = |a, b| bits(f(a).min(f(b)));
        MaxF = |a, b| bits(f(a).max(f(b)));
        PowF = |a, b| bits(f(a).powf(f(b)));
        Atan2F = |a, b| bits(f(a).atan2(f(b)));
        LdexpF = |a, b| bits(scale(f(a), b as i32));
        EqF = |a, b| truth(f(a) == f(b));
        NeF = |a, b| truth(f(a) != f(b));
        LtF = |a, b| truth(f(a) < f(b));
        LeF = |a, b| truth(f(a) <= f(b));
        AddI = |a, b| a.wrapping_add(b);
        SubI = |a, b| a.wrapping_sub(b);
        MulI = |a, b| a.wrapping_mul(b);
        DivS = |a, b| if b == 0 { a } else { (a as i32).wrapping_div(b as i32) as u32 };
        RemS = |a, b| if b == 0 { 0 } else { (a as i32).wrapping_rem(b as i32) as u32 };
        // A double's quotient of two 32-bit integers never rounds past the next integer, and vectors of
        // doubles can be divided where those of integers cannot.
        DivU = |a, b| if b == 0 { a } else { (f64::from(a) / f64::from(b)) as u32 };
        RemU = |a, b| {
            let quotient = (f64::from(a) / f64::from(b)) as u32;
            if b == 0 { 0 } else { a.wrapping_sub(quotient.wrapping_mul(b)) }
        };
        MinS = |a, b| (a as i32).min(b as i32) as u32;
        MaxS = |a, b| (a as i32).max(b as i32) as u32;
        MinU = |a, b| a.min(b);
        MaxU = |a, b| a.max(b);
        Eq = |a, b| truth(a == b);
        Ne = |a, b| truth(a != b);
        LtS = |a, b| truth((a as i32) < b as i32);
        LeS = |a, b| truth(a as i32 <= b as i32);
        LtU = |a, b| truth(a < b);
        LeU = |a, b| truth(a <= b);
        And = |a, b| a & b;
        Or = |a, b| a | b;
        Xor = |a, b| a ^ b;
        Shl = |a, b| a << (b & 31);
        ShrS = |a, b| ((a as i32) >> (b & 31)) as u32;
        ShrU = |a, b| a >> (b & 31);
        // The low b bits.
        LowBits = |a, b| if b >= 32 { a } else { a & ((1 << b) - 1) };
    }
    ternary {
        FmaF = |a, b, c| bits(f(a).mul_add(f(b), f(c)));
        // c ? b : a, as the operands of WGSL's select.
        Select = |a, b, c| (b & c) | (a & !c);
    }
}

const SIGN: u32 = 1 << 31;
const ONE: u32 = 0x3f80_0000;

#[inline(always)]
fn f(word: u32) -> f32 {
    f32::from_bits(word)
}

#[inline(always)]
fn bits(value: f32) -> u32 {
    value.to_bits()
}

#[inline(always)]
fn truth(value: bool) -> u32 {
    if value { u32::MAX } else { 0 }
}

/// A float as a part of magnitude 0.5 to 1 and a power of two.
fn split(x: f32) -> (f32, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    // A subnormal is brought into the normal range first.
    let (y, shift) = if x.is_normal() { (x, 0) } else { (x * 16_777_216.0, -24) };
    let exponent = ((y.to_bits() >> 23) & 0xff) as i32 - 126;
    let part = f32::from_bits((y.to_bits() & 0x807f_ffff) | (126 << 23));
    (part, exponent + shift)
}

/// `x * 2^e` without leaving the range on the way.
fn scale(x: f32, e: i32) -> f32 {
    (f64::from(x) * f64::from(e.clamp(-400, 400)).exp2()) as f32
}

/// Chunks of a chain that are computed together, so that their sums stay in vector registers and an
/// operand is looked up once for all of them.
const TOGETHER: usize = 4;

/// Computes `n` chunks of a chain of multiply-adds.
#[inline(always)]
pub(super) fn chain(regs: &mut [Chunk], n: usize, to: Reg, start: Reg, factors: &[[Reg; 2]]) {
    let mut k = 0;
    while k + TOGETHER <= n {
        links::<TOGETHER>(regs, k, to, start, factors);
        k += TOGETHER;
    }
    while k < n {
        links::<1>(regs, k, to, start, factors);
        k += 1;
    }
}

/// `C` chunks of a register from chunk `k` on.
#[inline(always)]
fn chunks<const C: usize>(regs: &[Chunk], reg: Reg, k: usize) -> [Chunk; C] {
    if reg.per_lane() {
        let from = reg.base() + k;
        let mut chunks = [Chunk::default(); C];
        // Not copy_from_slice: that would call a function for what are C vector loads.
        for (chunk, found) in chunks.iter_mut().zip(&regs[from..from + C]) {
            *chunk = *found;
        }
        chunks
    } else {
        [regs[reg.base()]; C]
    }
}

#[inline(always)]
fn links<const C: usize>(regs: &mut [Chunk], k: usize, to: Reg, start: Reg, factors: &[[Reg; 2]]) {
    let mut sums = chunks::<C>(regs, start, k);
    for [a, b] in factors {
        let (a, b) = (chunks::<C>(regs, *a, k), chunks::<C>(regs, *b, k));
        for ((sums, a), b) in sums.iter_mut().zip(a).zip(b) {
            for ((sum, a), b) in sums.0.iter_mut().zip(a.0).zip(b.0) {
                *sum = bits(f(a).mul_add(f(b), f(*sum)));
            }
        }
    }
    let first = to.base() + k;
    for (to, sum) in regs[first..first + C].iter_mut().zip(sums) {
        *to = sum;
    }
}
