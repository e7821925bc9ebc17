//! Instructions that are executed one lane after the other: 64-bit and 16-bit values, atomics, lanes' own
//! memory, and what is watched for races.

use naga::Barrier;

use super::{Machine, Mask, active, cooperative, subgroup};
use crate::execute::{
    Access,
    cpu::{
        alu::{Alu, CHUNK, Chunk},
        memory,
        program::{Address, Exchange, Inst, Kind, Reg},
        wide,
    },
};

impl Machine<'_> {
    /// Calls `f` for each active lane, or once where the result is the same for all.
    fn each(&mut self, mask: Mask<'_>, mut f: impl FnMut(&mut Self, usize)) {
        for lane in 0..self.lanes {
            if active(mask, lane / CHUNK, lane % CHUNK) {
                f(self, lane);
            }
        }
    }

    /// Calls `f` for each lane that a register has a value of its own for, and spreads it otherwise.
    fn fill(&mut self, to: [Reg; 2], mut f: impl FnMut(&mut Self, usize)) {
        if to[0].per_lane() {
            (0..self.lanes).for_each(|lane| f(self, lane));
            return;
        }
        f(self, 0);
        for reg in to {
            let word = self.regs[reg.base()].0[0];
            self.regs[reg.base()] = Chunk::splat(word);
        }
    }

    /// Instructions that are executed lane by lane.
    #[inline(never)]
    pub(super) fn rare(&mut self, inst: &Inst, mask: Mask<'_>) {
        match inst {
            Inst::Wide { op, to, from } => self.fill(*to, |this, lane| {
                let operands = from.map(|pair| this.pair(pair, lane));
                let value = wide::wide(*op, operands).unwrap_or_default();
                this.set_pair(*to, lane, value);
            }),
            Inst::Convert { kinds, to, from } => self.fill(*to, |this, lane| {
                let value = wide::convert(*kinds, this.pair(*from, lane));
                this.set_pair(*to, lane, value);
            }),
            Inst::LoadHalf { at, kind, to } => {
                let memory = self.memories[at.memory];
                let bound = memory::length(at.bound, &self.memories);
                if !to.per_lane() {
                    let byte = Self::byte(at, self.word(at.index, 0), bound);
                    let found = byte.and_then(|byte| memory::half(memory, byte));
                    let lanes = self.count(mask);
                    if found.is_none() && lanes > 0 {
                        self.outside[at.site] += lanes;
                        let (index, lane) = (self.word(at.index, 0), self.first_lane(mask));
                        self.went_astray(at, index, lane, Access::Load);
                    }
                    self.regs[to.base()] = Chunk::splat(widened(*kind, found.unwrap_or(0)));
                    return;
                }
                self.each(mask, |this, lane| {
                    let byte = Self::byte(at, this.word(at.index, lane), bound);
                    let found = byte.and_then(|byte| memory::half(memory, byte));
                    this.judge(at, found.is_some(), lane, Access::Load);
                    this.set_word(*to, lane, widened(*kind, found.unwrap_or(0)));
                });
            }
            Inst::StoreHalf { at, kind, from } => {
                let memory = self.memories[at.memory];
                let bound = memory::length(at.bound, &self.memories);
                self.each(mask, |this, lane| {
                    let word = this.word(*from, lane);
                    let value = match kind {
                        Kind::F16 => Alu::ToHalfBits.one([word; 3]),
                        _ => word,
                    };
                    let byte = Self::byte(at, this.word(at.index, lane), bound);
                    let stored =
                        byte.is_some_and(|byte| memory::set_half(memory, byte, value as u16));
                    this.judge(at, stored, lane, Access::Store);
                });
            }
            Inst::Atomic { .. } => self.atomic(inst, mask),
            Inst::LaneLoad { base, index, bound, to, site } => self.each(mask, |this, lane| {
                let index = this.word(*index, lane);
                let within = index < *bound;
                if !within {
                    this.outside[*site] += 1;
                    this.went_astray_in_own(*base, *site, lane, Access::Load);
                }
                let word = if within { this.own[this.own_place(base + index, lane)] } else { 0 };
                this.set_word(*to, lane, word);
            }),
            Inst::LaneStore { base, index, bound, from, site } => self.each(mask, |this, lane| {
                let index = this.word(*index, lane);
                if index < *bound {
                    let place = this.own_place(base + index, lane);
                    this.own[place] = this.word(*from, lane);
                } else {
                    this.outside[*site] += 1;
                    this.went_astray_in_own(*base, *site, lane, Access::Store);
                }
            }),
            Inst::Watch { at, bytes, access, together } => {
                let bound = memory::length(at.bound, &self.memories);
                let lanes = if *together { self.program.subgroup as usize } else { 1 };
                self.each(mask, |this, lane| {
                    let byte = Self::byte(at, this.word(at.index, lane), bound);
                    let who = lane / lanes * lanes;
                    if let (Some(races), Some(byte)) = (&mut this.races, byte) {
                        races.touch(at.memory, [byte, *bytes as usize], *access, who, at.site);
                    }
                });
            }
            Inst::Fence(barrier) => {
                if let Some(races) = &mut self.races {
                    if *barrier == Barrier::SUB_GROUP {
                        let is_active = |&lane: &usize| active(mask, lane / CHUNK, lane % CHUNK);
                        races.fence_subgroups((0..self.lanes).filter(is_active));
                    } else {
                        races.fence(*barrier);
                    }
                }
            }
            Inst::Subgroup { op, wide, to, from, index } => {
                subgroup::execute(self, mask, *op, *wide, *to, *from, *index);
            }
            Inst::Together { same, site } => self.together(same, *site, mask),
            Inst::Element { to, first, stride, number, rows, row_major } => {
                let lanes = self.program.subgroup;
                self.each(mask, |this, lane| {
                    let element = lane as u32 % lanes + number * lanes;
                    let place = [element % rows, element / rows];
                    let [first, stride] = [*first, *stride].map(|reg| this.word(reg, lane));
                    this.set_word(*to, lane, cooperative::index(first, stride, place, *row_major));
                });
            }
            Inst::Multiply(multiply) => self.multiply(multiply, mask),
            Inst::Alu { .. }
            | Inst::Chain { .. }
            | Inst::Load { .. }
            | Inst::Store { .. }
            | Inst::Length { .. } => unreachable!("executed for all lanes at once"),
        }
    }

    /// Keeps a lane's access, where it is not within bounds.
    fn judge(&mut self, at: &Address, is_within: bool, lane: usize, access: Access) {
        if !is_within {
            self.outside[at.site] += 1;
            self.went_astray(at, self.word(at.index, lane), lane, access);
        }
    }

    fn byte(at: &Address, index: u32, bound: u32) -> Option<usize> {
        (index < bound).then(|| at.offset as usize + index as usize * at.stride as usize)
    }

    fn own_place(&self, word: u32, lane: usize) -> usize {
        word as usize * self.columns * CHUNK + lane
    }

    fn atomic(&mut self, inst: &Inst, mask: Mask<'_>) {
        let Inst::Atomic { at, exchange, wide: is_wide, value, compare, to, held } = inst else {
            return;
        };
        let memory = self.memories[at.memory];
        let bound = memory::length(at.bound, &self.memories);
        self.each(mask, |this, lane| {
            let operand = this.pair(*value, lane);
            let expected = this.pair(*compare, lane);
            let new = |old: u64, expected: u64| match exchange {
                Exchange::Load => None,
                Exchange::Replace => Some(operand),
                Exchange::Compare => (old == expected).then_some(operand),
                Exchange::Combine(op) if *is_wide => wide::wide(*op, [old, operand, 0]),
                Exchange::Combine(op) => Some(op.one([old as u32, operand as u32, 0]).into()),
            };
            let first = Self::first(at, this.word(at.index, lane), bound);
            let (old, same) = if *is_wide {
                let words = first
                    .and_then(|first| memory.get(first..first + 2))
                    .and_then(|words| <&[_; 2]>::try_from(words).ok());
                let old = words.map(|words| memory::exchange_wide(words, |old| new(old, expected)));
                (old, old == Some(expected))
            } else {
                let expected = expected as u32;
                let old = first.and_then(|first| memory.get(first)).map(|word| {
                    let new = |old: u32| new(old.into(), expected.into()).map(|new| new as u32);
                    memory::exchange(word, new)
                });
                (old.map(u64::from), old == Some(expected))
            };
            let access = match exchange {
                Exchange::Load => Access::AtomicLoad,
                Exchange::Replace | Exchange::Compare | Exchange::Combine(_) => {
                    Access::AtomicUpdate
                }
            };
            this.judge(at, old.is_some(), lane, access);
            if let Some(to) = to {
                this.set_pair(*to, lane, old.unwrap_or(0));
            }
            if let Some(held) = held {
                this.set_word(*held, lane, if same { u32::MAX } else { 0 });
            }
        });
    }
}

/// A 16-bit value as a register holds it.
fn widened(kind: Kind, bits: u16) -> u32 {
    let op = match kind {
        Kind::F16 => Alu::FromHalfBits,
        Kind::I16 => Alu::SignExtendHalf,
        _ => Alu::Copy,
    };
    op.one([bits.into(); 3])
}
