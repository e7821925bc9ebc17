//! One workgroup's state and the instructions on it. Every instruction is executed for all lanes at
//! once: arithmetic for all of them, since nobody looks at what idle lanes compute, but what variables
//! and memory hold changes only for lanes that are active. Knows no control flow.

use std::sync::atomic::Ordering::Relaxed;

use super::{
    alu::{self, Alu, CHUNK, Chunk},
    memory::{self, Words},
    program::{Address, Inst, Kind, Program, Reg},
    race::Races,
    subgroup, wide,
};

/// Lanes of half a chunk.
const HALF: usize = CHUNK / 2;

/// Which lanes execute; none stands for all.
pub(super) type Mask<'a> = Option<&'a [Chunk]>;

/// What the instructions of one workgroup work on.
pub(super) struct Machine<'a> {
    pub(super) program: &'a Program,
    pub(super) lanes: usize,
    pub(super) columns: usize,
    pub(super) regs: Vec<Chunk>,
    /// Each lane's own memory, word by word.
    pub(super) own: Vec<u32>,
    pub(super) memories: Vec<Words<'a>>,
    /// Accesses out of bounds at each site.
    pub(super) outside: Vec<u64>,
    /// Who looks for races, if anybody does.
    pub(super) races: Option<Races<'a>>,
}

/// Instructions to be executed with whatever vectors the processor has.
pub(super) struct Straight<'m, 'a> {
    pub(super) machine: &'m mut Machine<'a>,
    pub(super) insts: &'m [Inst],
    pub(super) mask: Mask<'m>,
}

impl pulp::NullaryFnOnce for Straight<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for inst in self.insts {
            self.machine.execute(inst, self.mask);
        }
    }
}

/// Whether lane `i` of chunk `k` is active.
#[inline(always)]
pub(super) fn active(mask: Mask<'_>, k: usize, i: usize) -> bool {
    mask.is_none_or(|mask| mask[k].0[i] != 0)
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        program: &'a Program,
        memories: Vec<Words<'a>>,
        races: Option<Races<'a>>,
    ) -> Self {
        let lanes = program.lanes();
        let columns = lanes.div_ceil(CHUNK);
        Self {
            program,
            lanes,
            columns,
            regs: vec![Chunk::default(); program.chunks],
            own: vec![0; program.lane_words as usize * columns * CHUNK],
            memories,
            outside: vec![0; program.sites.len()],
            races,
        }
    }

    #[inline(always)]
    fn chunks(&self, reg: Reg) -> usize {
        if reg.per_lane() { self.columns } else { 1 }
    }

    /// Lanes in chunk `k`.
    #[inline(always)]
    fn lanes_in(&self, k: usize) -> usize {
        (self.lanes - k * CHUNK).min(CHUNK)
    }

    /// A word of a lane.
    #[inline(always)]
    pub(super) fn word(&self, reg: Reg, lane: usize) -> u32 {
        self.regs[reg.chunk(lane / CHUNK)].0[lane % CHUNK]
    }

    #[inline(always)]
    pub(super) fn set_word(&mut self, reg: Reg, lane: usize, word: u32) {
        self.regs[reg.chunk(lane / CHUNK)].0[lane % CHUNK] = word;
    }

    fn pair(&self, [low, high]: [Reg; 2], lane: usize) -> u64 {
        u64::from(self.word(low, lane)) | u64::from(self.word(high, lane)) << 32
    }

    fn set_pair(&mut self, [low, high]: [Reg; 2], lane: usize, value: u64) {
        // The low half last: of a 32-bit value both are one register.
        self.set_word(high, lane, (value >> 32) as u32);
        self.set_word(low, lane, value as u32);
    }

    #[inline(always)]
    fn execute(&mut self, inst: &Inst, mask: Mask<'_>) {
        match inst {
            Inst::Alu { op, to, from } => {
                let n = self.chunks(*to);
                let at = self.target(*to, mask);
                alu::compute(*op, &mut self.regs, n, at, *from);
                self.settle(*to, at, mask);
            }
            Inst::Chain { to, start, factors } => {
                let n = self.chunks(*to);
                let at = self.target(*to, mask);
                alu::chain(&mut self.regs, n, at, *start, factors);
                self.settle(*to, at, mask);
            }
            Inst::Load { at, to } => match **to {
                [a] => self.load(at, [a], mask),
                [a, b] => self.load(at, [a, b], mask),
                [a, b, c] => self.load(at, [a, b, c], mask),
                [a, b, c, d] => self.load(at, [a, b, c, d], mask),
                _ => unreachable!("a load of one to four words"),
            },
            Inst::Store { at, from } => match **from {
                [a] => self.store(at, [a], mask),
                [a, b] => self.store(at, [a, b], mask),
                [a, b, c] => self.store(at, [a, b, c], mask),
                [a, b, c, d] => self.store(at, [a, b, c, d], mask),
                _ => unreachable!("a store of one to four words"),
            },
            Inst::Length { to, bound } => {
                let length = memory::length(*bound, &self.memories);
                for k in 0..self.chunks(*to) {
                    self.regs[to.base() + k] = Chunk::splat(length);
                }
            }
            other => self.rare(other, mask),
        }
    }

    /// Where to compute what goes to a register: beside it where some lanes keep what they have.
    #[inline(always)]
    fn target(&self, to: Reg, mask: Mask<'_>) -> Reg {
        if mask.is_some() && to.kept() && to.per_lane() {
            Reg::at(self.regs.len() - self.columns, true, false)
        } else {
            to
        }
    }

    #[inline(always)]
    fn settle(&mut self, to: Reg, at: Reg, mask: Mask<'_>) {
        if at.base() == to.base() {
            return;
        }
        let Some(mask) = mask else { return };
        for (k, mask) in mask.iter().enumerate() {
            let (new, old) = (self.regs[at.base() + k], self.regs[to.base() + k]);
            let mut out = old;
            for ((out, new), mask) in out.0.iter_mut().zip(new.0).zip(mask.0) {
                *out = (new & mask) | (*out & !mask);
            }
            self.regs[to.base() + k] = out;
        }
    }

    /// How many lanes are active.
    fn count(&self, mask: Mask<'_>) -> u64 {
        match mask {
            None => self.lanes as u64,
            Some(mask) => mask.iter().flat_map(|chunk| chunk.0).filter(|&m| m != 0).count() as u64,
        }
    }

    /// The first word of an access at an index, if it is within bounds.
    #[inline(always)]
    fn first(at: &Address, index: u32, bound: u32) -> Option<usize> {
        let byte = at.offset as usize + index as usize * at.stride as usize;
        (index < bound).then_some(byte / 4)
    }

    /// Below which index every access of so many words is within bounds.
    #[inline(always)]
    fn within(at: &Address, words: usize, length: usize, bound: u32) -> u32 {
        let Some(last) = length.checked_sub(words) else { return 0 };
        let bytes = (4 * last + 4).saturating_sub(at.offset as usize);
        let count = bytes.div_ceil(at.stride.max(1) as usize);
        bound.min(u32::try_from(count).unwrap_or(u32::MAX))
    }

    #[inline(always)]
    fn load<const W: usize>(&mut self, at: &Address, to: [Reg; W], mask: Mask<'_>) {
        let words = self.memories[at.memory];
        let bound = memory::length(at.bound, &self.memories);
        if !at.index.per_lane() {
            let index = self.regs[at.index.base()].0[0];
            let found = Self::first(at, index, bound)
                .and_then(|first| words.get(first..first + W))
                .and_then(|words| <&[_; W]>::try_from(words).ok());
            if found.is_none() {
                self.outside[at.site] += self.count(mask);
            }
            for (w, to) in to.into_iter().enumerate() {
                let word = found.map_or(0, |words| words[w].load(Relaxed));
                for k in 0..self.chunks(to) {
                    self.regs[to.base() + k] = Chunk::splat(word);
                }
            }
            return;
        }
        let within = Self::within(at, W, words.len(), bound);
        let mut outside = 0;
        for k in 0..self.columns {
            let index = self.regs[at.index.base() + k];
            // Where nothing can go wrong, lanes need not be looked at one by one.
            if mask.is_none() && self.lanes_in(k) == CHUNK && all(index, |index| index < within) {
                // Lanes often come in rows, each of which wants the same words as the one before.
                if k > 0 && index.0 == self.regs[at.index.base() + k - 1].0 {
                    for to in to {
                        self.regs[to.base() + k] = self.regs[to.base() + k - 1];
                    }
                    continue;
                }
                if let Ok(chunks) = self.regs.get_disjoint_mut(places(to, k)) {
                    gather(words, at.offset, at.stride, index, chunks);
                    continue;
                }
            }
            for i in 0..self.lanes_in(k) {
                if !active(mask, k, i) {
                    continue;
                }
                let found = Self::first(at, index.0[i], bound)
                    .and_then(|first| words.get(first..first + W))
                    .and_then(|words| <&[_; W]>::try_from(words).ok());
                // Straight into the register: a chunk put together word by word would have to reach
                // memory before it could be read as a whole.
                for w in 0..W {
                    let word = found.map_or(0, |words| words[w].load(Relaxed));
                    self.regs[to[w].base() + k].0[i] = word;
                }
                outside += u64::from(found.is_none());
            }
        }
        self.outside[at.site] += outside;
    }

    #[inline(always)]
    fn store<const W: usize>(&mut self, at: &Address, from: [Reg; W], mask: Mask<'_>) {
        let words = self.memories[at.memory];
        let bound = memory::length(at.bound, &self.memories);
        let mut outside = 0;
        for k in 0..self.columns {
            let index = self.regs[at.index.chunk(k)];
            let mut values = [Chunk::default(); W];
            for (value, reg) in values.iter_mut().zip(from) {
                *value = self.regs[reg.chunk(k)];
            }
            for i in 0..self.lanes_in(k) {
                if !active(mask, k, i) {
                    continue;
                }
                let found = Self::first(at, index.0[i], bound)
                    .and_then(|first| words.get(first..first + W));
                match found {
                    Some(words) => {
                        for w in 0..W {
                            words[w].store(values[w].0[i], Relaxed);
                        }
                    }
                    None => outside += 1,
                }
            }
        }
        self.outside[at.site] += outside;
    }

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
    fn rare(&mut self, inst: &Inst, mask: Mask<'_>) {
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
                    if found.is_none() {
                        self.outside[at.site] += self.count(mask);
                    }
                    self.regs[to.base()] = Chunk::splat(widened(*kind, found.unwrap_or(0)));
                    return;
                }
                self.each(mask, |this, lane| {
                    let byte = Self::byte(at, this.word(at.index, lane), bound);
                    let found = byte.and_then(|byte| memory::half(memory, byte));
                    this.outside[at.site] += u64::from(found.is_none());
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
                    this.outside[at.site] += u64::from(!stored);
                });
            }
            Inst::Atomic { .. } => self.atomic(inst, mask),
            Inst::LaneLoad { base, index, bound, to, site } => self.each(mask, |this, lane| {
                let index = this.word(*index, lane);
                let within = index < *bound;
                this.outside[*site] += u64::from(!within);
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
                }
            }),
            Inst::Watch { at, bytes, access } => {
                let bound = memory::length(at.bound, &self.memories);
                self.each(mask, |this, lane| {
                    let byte = Self::byte(at, this.word(at.index, lane), bound);
                    if let (Some(races), Some(byte)) = (&mut this.races, byte) {
                        races.touch(at.memory, [byte, *bytes as usize], *access, lane, at.site);
                    }
                });
            }
            Inst::Fence { storage, shared } => {
                if let Some(races) = &mut self.races {
                    races.fence(*storage, *shared);
                }
            }
            Inst::Subgroup { op, wide, to, from, index } => {
                subgroup::execute(self, mask, *op, *wide, *to, *from, *index);
            }
            Inst::Alu { .. }
            | Inst::Chain { .. }
            | Inst::Load { .. }
            | Inst::Store { .. }
            | Inst::Length { .. } => unreachable!("executed for all lanes at once"),
        }
    }

    fn byte(at: &Address, index: u32, bound: u32) -> Option<usize> {
        (index < bound).then(|| at.offset as usize + index as usize * at.stride as usize)
    }

    fn own_place(&self, word: u32, lane: usize) -> usize {
        word as usize * self.columns * CHUNK + lane
    }

    fn atomic(&mut self, inst: &Inst, mask: Mask<'_>) {
        use super::program::Exchange;
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
            this.outside[at.site] += u64::from(old.is_none());
            if let Some(to) = to {
                this.set_pair(*to, lane, old.unwrap_or(0));
            }
            if let Some(held) = held {
                this.set_word(*held, lane, if same { u32::MAX } else { 0 });
            }
        });
    }
}

/// Whether something is true of each word of a chunk; of all of them at once, which vectors can do.
#[inline(always)]
fn all(Chunk(words): Chunk, is: impl Fn(u32) -> bool) -> bool {
    words.into_iter().fold(true, |all, word| all & is(word))
}

/// Where chunk `k` of each register lies.
#[inline(always)]
fn places<const W: usize>(regs: [Reg; W], k: usize) -> [usize; W] {
    let mut places = [0; W];
    for (place, reg) in places.iter_mut().zip(regs) {
        *place = reg.base() + k;
    }
    places
}

/// Loads `W` adjacent words for each lane, all of which are there; offset and stride are in bytes,
/// which a stride of 1 between the sums of several indices needs.
#[inline(always)]
fn gather<const W: usize>(
    words: Words<'_>,
    offset: u32,
    stride: u32,
    index: Chunk,
    to: [&mut Chunk; W],
) {
    let first = index.0.map(|index| offset.wrapping_add(index.wrapping_mul(stride)) / 4);
    let at = |first: u32| {
        let first = first as usize;
        words.get(first..first + W).and_then(|words| <&[_; W]>::try_from(words).ok())
    };
    let (halves, _) = first.as_chunks::<HALF>();
    for (h, half) in halves.iter().enumerate() {
        // Lanes that all want the same words are often neighbours.
        if *half == [half[0]; HALF] {
            if let Some(words) = at(half[0]) {
                for w in 0..W {
                    to[w].0[h * HALF..][..HALF].fill(words[w].load(Relaxed));
                }
            }
            continue;
        }
        for (i, first) in half.iter().enumerate() {
            if let Some(words) = at(*first) {
                for w in 0..W {
                    to[w].0[h * HALF + i] = words[w].load(Relaxed);
                }
            }
        }
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
