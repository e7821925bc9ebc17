//! Packing, unpacking and bit fields, from shifts and conversions. A packing itself is one operation;
//! the arithmetic on what is packed counts as it is written.

use naga::MathFunction;

use super::{Lower, Lowering};
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Kind, Num, Reg},
    },
    op::Op,
};

impl Lowering<'_> {
    /// Fields of `width` bits, first lowest.
    fn join(&mut self, fields: &[Reg], width: u32) -> Vec<Num> {
        self.count(Kind::U32, Op::Bit, 1);
        let mask = self.constant((1 << width) - 1);
        let mut joined = self.alu(Alu::And, &[fields[0], mask]);
        for (field, place) in fields.iter().zip(0..).skip(1) {
            let field = self.alu(Alu::And, &[*field, mask]);
            let shift = self.constant(place * width);
            let field = self.alu(Alu::Shl, &[field, shift]);
            joined = self.alu(Alu::Or, &[joined, field]);
        }
        vec![self.num(joined)]
    }

    /// The fields of a word, extended by their sign or by zeros; nothing is counted.
    fn fields(&mut self, word: Reg, width: u32, signed: bool) -> Vec<Num> {
        let top = self.constant(32 - width);
        (0..32 / width)
            .map(|place| {
                let up = self.constant(32 - width - place * width);
                let field = self.alu(Alu::Shl, &[word, up]);
                let shift = if signed { Alu::ShrS } else { Alu::ShrU };
                let field = self.alu(shift, &[field, top]);
                self.num(field)
            })
            .collect()
    }

    fn float(&mut self, value: f32) -> Num {
        let reg = self.constant(value.to_bits());
        self.num(reg)
    }

    /// Per component floor(0.5 + scale * clamp(x)), converted.
    fn pack_normalized(&mut self, value: &[Num], width: u32, signed: bool) -> Vec<Num> {
        let scale = if signed { (1_u32 << (width - 1)) - 1 } else { (1_u32 << width) - 1 };
        let [scale, half, most] = [scale as f32, 0.5, 1.0].map(|x| self.float(x));
        let least = self.float(if signed { -1.0 } else { 0.0 });
        let fields: Vec<_> = value
            .iter()
            .map(|num| {
                let x = self.counted(Op::MinMax, Alu::MaxF, Kind::F32, &[*num, least]);
                let x = self.counted(Op::MinMax, Alu::MinF, Kind::F32, &[x, most]);
                let x = self.mul(Kind::F32, x, scale);
                let x = self.add(Kind::F32, x, half);
                let x = self.counted(Op::Round, Alu::FloorF, Kind::F32, &[x]);
                let convert = if signed { Alu::FToS } else { Alu::FToU };
                self.counted(Op::Convert, convert, Kind::F32, &[x]).low
            })
            .collect();
        self.join(&fields, width)
    }

    /// Per component x / scale, and where signed not below -1.
    fn unpack_normalized(&mut self, word: Reg, width: u32, signed: bool) -> Vec<Num> {
        let scale = if signed { (1_u32 << (width - 1)) - 1 } else { (1_u32 << width) - 1 };
        let (scale, least) = (self.float(scale as f32), self.float(-1.0));
        self.count(Kind::U32, Op::Bit, 1);
        let fields = self.fields(word, width, signed);
        fields
            .into_iter()
            .map(|field| {
                let convert = if signed { Alu::SToF } else { Alu::UToF };
                let x = self.counted(Op::Convert, convert, Kind::F32, &[field]);
                let x = self.counted(Op::Div, Alu::DivF, Kind::F32, &[x, scale]);
                if signed { self.counted(Op::MinMax, Alu::MaxF, Kind::F32, &[x, least]) } else { x }
            })
            .collect()
    }

    /// A packing function; `None` where the function is another.
    pub(super) fn packing(&mut self, fun: MathFunction, value: &[Num]) -> Option<Vec<Num>> {
        use MathFunction as M;
        let word = value[0].low;
        Some(match fun {
            M::Pack4x8snorm => self.pack_normalized(value, 8, true),
            M::Pack4x8unorm => self.pack_normalized(value, 8, false),
            M::Pack2x16snorm => self.pack_normalized(value, 16, true),
            M::Pack2x16unorm => self.pack_normalized(value, 16, false),
            M::Unpack4x8snorm => self.unpack_normalized(word, 8, true),
            M::Unpack4x8unorm => self.unpack_normalized(word, 8, false),
            M::Unpack2x16snorm => self.unpack_normalized(word, 16, true),
            M::Unpack2x16unorm => self.unpack_normalized(word, 16, false),
            M::Pack2x16float => {
                self.count(Kind::F16, Op::Convert, 2);
                let halves: Vec<_> =
                    value.iter().map(|num| self.alu(Alu::ToHalfBits, &[num.low])).collect();
                self.join(&halves, 16)
            }
            M::Unpack2x16float => {
                self.count(Kind::F32, Op::Convert, 2);
                self.count(Kind::U32, Op::Bit, 1);
                let halves = self.fields(word, 16, false);
                halves
                    .into_iter()
                    .map(|num| {
                        let low = self.alu(Alu::FromHalfBits, &[num.low]);
                        self.num(low)
                    })
                    .collect()
            }
            M::Pack4xI8 | M::Pack4xU8 => {
                let fields: Vec<_> = value.iter().map(|num| num.low).collect();
                self.join(&fields, 8)
            }
            M::Pack4xI8Clamp | M::Pack4xU8Clamp => {
                let signed = fun == M::Pack4xI8Clamp;
                let kind = if signed { Kind::I32 } else { Kind::U32 };
                let (least, most) = if signed { (-128_i32, 127) } else { (0, 255) };
                let bounds = [least, most].map(|x| self.constant_num(kind, u64::from(x as u32)));
                let [max, min] =
                    if signed { [Alu::MaxS, Alu::MinS] } else { [Alu::MaxU, Alu::MinU] };
                let fields: Vec<_> = value
                    .iter()
                    .map(|num| {
                        let x = self.counted(Op::MinMax, max, kind, &[*num, bounds[0]]);
                        self.counted(Op::MinMax, min, kind, &[x, bounds[1]]).low
                    })
                    .collect();
                self.join(&fields, 8)
            }
            M::Unpack4xI8 | M::Unpack4xU8 => {
                self.count(Kind::U32, Op::Bit, 1);
                self.fields(word, 8, fun == M::Unpack4xI8)
            }
            _ => return None,
        })
    }

    /// A dot product of packed bytes.
    pub(super) fn packed_dot(&mut self, a: Reg, b: Reg, signed: bool) -> Num {
        let kind = if signed { Kind::I32 } else { Kind::U32 };
        let (a, b) = (self.fields(a, 8, signed), self.fields(b, 8, signed));
        self.dot(kind, &a, &b)
    }

    /// `count` bits of a word from `offset` on, cut off at its end.
    pub(super) fn extract(&mut self, kind: Kind, [word, offset, count]: [Reg; 3]) -> Lower<Num> {
        let (offset, count) = self.field(kind, offset, count)?;
        let down = self.alu(Alu::ShrU, &[word, offset]);
        let field = self.alu(Alu::LowBits, &[down, count]);
        if !kind.signed() {
            return Ok(self.num(field));
        }
        // Up to the top and back with the sign; a field of no bits is 0.
        let (width, zero) = (self.constant(32), self.constant(0));
        let up = self.alu(Alu::SubI, &[width, count]);
        let high = self.alu(Alu::Shl, &[field, up]);
        let back = self.alu(Alu::ShrS, &[high, up]);
        let none = self.alu(Alu::Eq, &[count, zero]);
        let low = self.alu(Alu::Select, &[back, zero, none]);
        Ok(self.num(low))
    }

    /// A word with `count` bits from `offset` on replaced.
    pub(super) fn insert(
        &mut self,
        kind: Kind,
        [word, new, offset, count]: [Reg; 4],
    ) -> Lower<Num> {
        let (offset, count) = self.field(kind, offset, count)?;
        let all = self.constant(u32::MAX);
        let mask = self.alu(Alu::LowBits, &[all, count]);
        let mask = self.alu(Alu::Shl, &[mask, offset]);
        let new = self.alu(Alu::Shl, &[new, offset]);
        let low = self.alu(Alu::Select, &[word, new, mask]);
        Ok(self.num(low))
    }

    /// Offset and count of a bit field within 32 bits.
    fn field(&mut self, kind: Kind, offset: Reg, count: Reg) -> Lower<(Reg, Reg)> {
        if !matches!(kind, Kind::I32 | Kind::U32) {
            return Err(format!("a bit field of a {kind:?}"));
        }
        let width = self.constant(32);
        let offset = self.alu(Alu::MinU, &[offset, width]);
        let room = self.alu(Alu::SubI, &[width, offset]);
        Ok((offset, self.alu(Alu::MinU, &[count, room])))
    }
}
