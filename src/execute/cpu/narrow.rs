//! Half precision by the bits of singles, without a branch and without a call, so that many lanes are computed together.

const SIGN: u32 = 1 << 31;

/// 2^-14, the least half that is normal.
const NORMAL: u32 = 0x3880_0000;

/// 65520, from which on the nearest half is infinite.
const BEYOND: u32 = 0x477f_f000;

const INFINITE: u32 = 0x7f80_0000;

/// What keeps a single no number whatever becomes of its other bits.
const QUIET: u32 = 0x7fc0_0000;

/// The bits of a single that a half has no room for.
const LOST: u32 = 0x1fff;

/// A single rounded to half precision, to the nearest and of two to the even one.
#[inline(always)]
pub(super) fn round(word: u32) -> u32 {
    /// A single's last bit is 2^-24 here, as a subnormal half's is.
    const HALF: f32 = 0.5;
    let (sign, size) = (word & SIGN, word & !SIGN);
    let normal = (size + LOST / 2 + (size >> 13 & 1)) & !LOST;
    let subnormal = (f32::from_bits(size) + HALF - HALF).to_bits();
    let finite = if size < NORMAL { subnormal } else { normal };
    let number = if size >= BEYOND { INFINITE } else { finite };
    sign | if size > INFINITE { size & !LOST | QUIET } else { number }
}

/// A single as a half's bits, rounded likewise.
#[inline(always)]
pub(super) fn to_bits(word: u32) -> u32 {
    let word = round(word);
    let (sign, size) = (word & SIGN, word & !SIGN);
    // The exponents of singles begin 112 below those of halves.
    let normal = size.wrapping_sub(112 << 23) >> 13;
    let subnormal = (f32::from_bits(size) * 16_777_216.0) as u32;
    let finite = if size < NORMAL { subnormal } else { normal };
    sign >> 16 | if size >= INFINITE { 0x7c00 | (size >> 13 & 0x3ff) } else { finite }
}

/// The single of a half's bits.
#[inline(always)]
pub(super) fn from_bits(half: u32) -> u32 {
    let (sign, size) = ((half & 0x8000) << 16, (half & 0x7fff) << 13);
    // 2^112 brings exponents to where those of singles are, and what is subnormal to its size.
    let finite = (f32::from_bits(size) * f32::from_bits((127 + 112) << 23)).to_bits();
    let quiet = if size > 0x7c00 << 13 { QUIET } else { INFINITE };
    sign | if size >= 0x7c00 << 13 { size | quiet } else { finite }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn singles_and_halves_become_each_other_as_elsewhere() {
        let near = |half: u16| {
            let word = f16::from_bits(half).to_f32().to_bits();
            [-0x1001_i32, -0x1000, -0xfff, -1, 0, 1, 0xfff, 0x1000, 0x1001]
                .map(|off| word.wrapping_add_signed(off))
        };
        let words = (0..=u16::MAX).flat_map(near).chain((0..u32::MAX - 4099).step_by(4099));
        for word in words {
            let half = f16::from_f32(f32::from_bits(word));
            assert_eq!(round(word), half.to_f32().to_bits(), "{word:#x}");
            assert_eq!(to_bits(word), u32::from(half.to_bits()), "{word:#x}");
        }
        for bits in 0..=u16::MAX {
            let single = f16::from_bits(bits).to_f32().to_bits();
            assert_eq!(from_bits(bits.into()), single, "{bits:#x}");
        }
    }
}
