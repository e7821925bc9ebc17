//! One workgroup's state and the instructions on it. Every instruction is executed for all lanes at
//! once: arithmetic for all of them, since the results of idle lanes are never used, but what variables
//! and memory hold changes only for lanes that are active. Knows no control flow.

mod access;
mod cooperative;
mod lanes;
mod subgroup;

use super::{
    alu::{self, CHUNK, Chunk},
    memory::{self, Words},
    program::{ARE_STRAYS_TOLD, Address, Inst, Memory, Program, Reg},
    race::Races,
    texel,
};
use crate::execute::{Access, Stray};

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
    /// The first of them at each site that has any, where it was meant for memory.
    pub(super) strays: Vec<First>,
    /// Which workgroup of the grid it is.
    pub(super) group: [u32; 3],
    /// Where first a subgroup was not together that had to be, and at which site.
    pub(super) apart: Option<(Apart, usize)>,
    /// What looks for races, where that is asked for.
    pub(super) races: Option<Races<'a>>,
}

/// Why a subgroup could not do something together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Apart {
    /// Some of its lanes are elsewhere.
    Parted,
    /// Its lanes name different places.
    Differing,
}

/// The first access out of bounds at a site.
pub(super) struct First {
    pub(super) site: usize,
    /// Its workgroup, by which workgroups are in the order of the grid.
    pub(super) order: [u32; 3],
    pub(super) stray: Stray,
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
            strays: Vec::new(),
            group: [0; 3],
            apart: None,
            races,
        }
    }

    /// Keeps the first access out of bounds at a site: a lane's, at an index.
    #[cold]
    fn went_astray(&mut self, at: &Address, index: u32, lane: usize, access: Access) {
        if !ARE_STRAYS_TOLD {
            return;
        }
        let byte = u64::from(at.offset) + u64::from(index) * u64::from(at.stride);
        let (variable, byte) = self.program.variable(at.memory, at.offset as usize, byte);
        let bytes = match self.program.memories[at.memory] {
            // A texture has texels, and its layout here is the executor's own.
            Memory::Buffer { .. } if self.program.textures.contains_key(&at.memory) => None,
            Memory::Buffer { .. } => Some(4 * self.memories[at.memory].len() as u64),
            Memory::WorkGroup | Memory::Immediate => None,
        };
        let variable = variable.to_owned();
        // That is what lowering makes of an inner index that is beyond its array, and no buffer is as large.
        let byte = (index != u32::MAX).then_some(byte);
        let texture = self.program.textures.get(&at.memory).zip(at.texel);
        let texel = texture.and_then(|((axes, _), place)| {
            let extent = texel::extent(self.memories[at.memory], *axes);
            texel::outside(extent, place.map(|along| self.word(along, lane)))
        });
        self.keep_stray(at.site, lane, |invocation| Stray {
            access,
            variable,
            byte,
            bytes,
            texel,
            invocation,
        });
    }

    /// Keeps the first access out of bounds at a site: a lane's, in a variable of its own that begins at this word or before.
    #[cold]
    fn went_astray_in_own(&mut self, word: u32, site: usize, lane: usize, access: Access) {
        if !ARE_STRAYS_TOLD {
            return;
        }
        let variable = self.program.own_variable(word).to_owned();
        self.keep_stray(site, lane, |invocation| Stray {
            access,
            variable,
            byte: None,
            bytes: None,
            texel: None,
            invocation,
        });
    }

    fn keep_stray(&mut self, site: usize, lane: usize, stray: impl FnOnce([u32; 3]) -> Stray) {
        if self.strays.iter().any(|first| first.site == site) {
            return;
        }
        let ([x, y, z], lane) = (self.program.size, lane as u32);
        let [column, row, layer] = [lane % x, lane / x % y, lane / x / y];
        let [group_x, group_y, group_z] = self.group;
        let stray = stray([group_x * x + column, group_y * y + row, group_z * z + layer]);
        self.strays.push(First { site, order: [group_z, group_y, group_x], stray });
    }

    /// The first active lane.
    fn first_lane(&self, mask: Mask<'_>) -> usize {
        (0..self.lanes).find(|lane| active(mask, lane / CHUNK, lane % CHUNK)).unwrap_or_default()
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
}
