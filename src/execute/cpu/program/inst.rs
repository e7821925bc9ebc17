//! Instructions: what each reads and writes, and where in memory.

use naga::Barrier;

use crate::execute::cpu::register::{Kind, Reg};
use crate::execute::{Access, cpu::alu::Alu};

/// How many elements an array has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute::cpu) enum Limit {
    /// So many.
    Known(u32),
    /// As many strides as fit in a memory behind an offset, in bytes.
    Runtime { memory: usize, offset: u32, stride: u32 },
}

/// A place in memory, in bytes: `offset + index * stride`, where `index` is below `bound`.
#[derive(Clone, Copy, Debug)]
pub(in crate::execute::cpu) struct Address {
    /// An index of [`Program::memories`].
    pub(in crate::execute::cpu) memory: usize,
    pub(in crate::execute::cpu) offset: u32,
    pub(in crate::execute::cpu) index: Reg,
    pub(in crate::execute::cpu) stride: u32,
    pub(in crate::execute::cpu) bound: Limit,
    /// An index of [`Program::sites`], where accesses out of bounds are counted.
    pub(in crate::execute::cpu) site: usize,
    /// The coordinates of a texel, where it is to be told which one was meant.
    pub(in crate::execute::cpu) texel: Option<[Reg; 3]>,
}

impl Address {
    /// The registers that say where it is.
    fn regs(&mut self) -> impl Iterator<Item = &mut Reg> {
        std::iter::once(&mut self.index).chain(self.texel.iter_mut().flatten())
    }
}

/// What an atomic does with the value that it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute::cpu) enum Exchange {
    /// Leaves it.
    Load,
    /// Combines it with another by an instruction.
    Combine(Alu),
    /// Replaces it.
    Replace,
    /// Replaces it if it is what is compared with.
    Compare,
}

/// How a subgroup operation moves or combines values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute::cpu) enum Subgroup {
    /// From the first active lane.
    First,
    /// From the lane that an index names.
    Lane,
    /// From the lane that an index away names.
    Down,
    /// From the lane that an index back names.
    Up,
    /// From the lane whose number differs by a mask.
    Xor,
    /// From a lane of the quad.
    Quad,
    /// All lanes combined by an instruction, whose neutral element is the second operand.
    Reduce(Alu),
    /// The lanes up to and with this one combined.
    Inclusive(Alu),
    /// The lanes before this one combined.
    Exclusive(Alu),
    /// A bit for each lane that says yes.
    Ballot,
}

/// One instruction.
#[derive(Clone, Debug)]
pub(in crate::execute::cpu) enum Inst {
    /// A 32-bit operation.
    Alu { op: Alu, to: Reg, from: [Reg; 3] },
    /// Multiply-adds onto one sum, first to last.
    Chain { to: Reg, start: Reg, factors: Box<[[Reg; 2]]> },
    /// A 64-bit operation.
    Wide { op: Alu, to: [Reg; 2], from: [[Reg; 2]; 3] },
    /// A conversion of value where one side has 64 bits.
    Convert { kinds: [Kind; 2], to: [Reg; 2], from: [Reg; 2] },
    /// Adjacent words from memory.
    Load { at: Address, to: Box<[Reg]> },
    /// Adjacent words to memory.
    Store { at: Address, from: Box<[Reg]> },
    /// A 16-bit value from memory.
    LoadHalf { at: Address, kind: Kind, to: Reg },
    /// A 16-bit value to memory.
    StoreHalf { at: Address, kind: Kind, from: Reg },
    /// An atomic operation; `to` has what was there before, and whether a comparison held.
    Atomic {
        at: Address,
        exchange: Exchange,
        wide: bool,
        value: [Reg; 2],
        compare: [Reg; 2],
        to: Option<[Reg; 2]>,
        held: Option<Reg>,
    },
    /// A word of a lane's own memory: `base + index`, where `index` is below `bound`.
    LaneLoad { base: u32, index: Reg, bound: u32, to: Reg, site: usize },
    /// The same, written.
    LaneStore { base: u32, index: Reg, bound: u32, from: Reg, site: usize },
    /// How many elements an array has.
    Length { to: Reg, bound: Limit },
    /// Says who touches so many bytes of memory; only where races are looked for. What a subgroup does together counts as
    /// its first lane's.
    Watch { at: Address, bytes: u32, access: Access, together: bool },
    /// Says of which memory a barrier of the workgroup orders accesses, or that it is one of each subgroup; only
    /// there, too.
    Fence(Barrier),
    /// A subgroup operation on 32-bit (then both halves of `to` and `from` are one) or 64-bit values.
    Subgroup { op: Subgroup, wide: bool, to: [Reg; 4], from: [Reg; 2], index: [Reg; 2] },
    /// Makes sure that subgroups are whole, or idle, and that these are the same for all lanes of each.
    Together { same: Box<[Reg]>, site: usize },
    /// The index of an element of a matrix in memory: of the lane's own with this number.
    Element { to: Reg, first: Reg, stride: Reg, number: u32, rows: u32, row_major: bool },
    /// A product of matrices added to a third, each of which the lanes of a subgroup share.
    Multiply(Box<Multiply>),
}

/// Lanes' shares of the matrices of a multiply-add. A lane has every so-manieth element of a matrix, column by column,
/// as many apart as a subgroup has lanes.
#[derive(Clone, Debug)]
pub(in crate::execute::cpu) struct Multiply {
    pub(in crate::execute::cpu) a: Vec<Reg>,
    pub(in crate::execute::cpu) b: Vec<Reg>,
    pub(in crate::execute::cpu) c: Vec<Reg>,
    pub(in crate::execute::cpu) to: Vec<Reg>,
    /// Rows of the first, columns of the second, and what both share.
    pub(in crate::execute::cpu) extent: [usize; 3],
    /// Whether the sum has 16 bits.
    pub(in crate::execute::cpu) half: bool,
}

/// How an instruction uses a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::execute::cpu) enum Role {
    Read,
    Write,
}

impl Inst {
    /// Shows each register to `f`, those that are read first. A register may be shown twice.
    pub(in crate::execute::cpu) fn visit(&mut self, f: &mut dyn FnMut(&mut Reg, Role)) {
        use Role::{Read, Write};
        match self {
            Self::Alu { op, to, from } => {
                from[..op.operands()].iter_mut().for_each(|reg| f(reg, Read));
                f(to, Write);
            }
            Self::Chain { to, start, factors } => {
                f(start, Read);
                factors.iter_mut().flatten().for_each(|reg| f(reg, Read));
                f(to, Write);
            }
            Self::Wide { op: _, to, from } => {
                from.iter_mut().flatten().for_each(|reg| f(reg, Read));
                to.iter_mut().for_each(|reg| f(reg, Write));
            }
            Self::Convert { kinds: _, to, from } => {
                from.iter_mut().for_each(|reg| f(reg, Read));
                to.iter_mut().for_each(|reg| f(reg, Write));
            }
            Self::Load { at, to } => {
                at.regs().for_each(|reg| f(reg, Read));
                to.iter_mut().for_each(|reg| f(reg, Write));
            }
            Self::Store { at, from } => {
                at.regs().for_each(|reg| f(reg, Read));
                from.iter_mut().for_each(|reg| f(reg, Read));
            }
            Self::LoadHalf { at, kind: _, to } => {
                at.regs().for_each(|reg| f(reg, Read));
                f(to, Write);
            }
            Self::StoreHalf { at, kind: _, from } => {
                at.regs().for_each(|reg| f(reg, Read));
                f(from, Read);
            }
            Self::Atomic { at, exchange: _, wide: _, value, compare, to, held } => {
                at.regs().for_each(|reg| f(reg, Read));
                value.iter_mut().chain(compare).for_each(|reg| f(reg, Read));
                to.iter_mut().flatten().chain(held).for_each(|reg| f(reg, Write));
            }
            Self::LaneLoad { base: _, index, bound: _, to, site: _ } => {
                f(index, Read);
                f(to, Write);
            }
            Self::LaneStore { base: _, index, bound: _, from, site: _ } => {
                f(index, Read);
                f(from, Read);
            }
            Self::Length { to, bound: _ } => f(to, Write),
            Self::Watch { at, bytes: _, access: _, together: _ } => {
                at.regs().for_each(|reg| f(reg, Read))
            }
            Self::Fence(_) => {}
            Self::Subgroup { op: _, wide: _, to, from, index } => {
                from.iter_mut().chain(index).for_each(|reg| f(reg, Read));
                to.iter_mut().for_each(|reg| f(reg, Write));
            }
            Self::Together { same, site: _ } => same.iter_mut().for_each(|reg| f(reg, Read)),
            Self::Element { to, first, stride, number: _, rows: _, row_major: _ } => {
                [first, stride].into_iter().for_each(|reg| f(reg, Read));
                f(to, Write);
            }
            Self::Multiply(multiply) => {
                let Multiply { a, b, c, to, extent: _, half: _ } = &mut **multiply;
                a.iter_mut().chain(b).chain(c).for_each(|reg| f(reg, Read));
                to.iter_mut().for_each(|reg| f(reg, Write));
            }
        }
    }

    /// Whether lanes get different results from equal operands.
    pub(in crate::execute::cpu) fn parts_lanes(&self) -> bool {
        match self {
            Self::Atomic { .. }
            | Self::Subgroup { .. }
            | Self::LaneLoad { .. }
            | Self::Element { .. }
            | Self::Multiply(_) => true,
            Self::Alu { .. }
            | Self::Chain { .. }
            | Self::Wide { .. }
            | Self::Convert { .. }
            | Self::Load { .. }
            | Self::Store { .. }
            | Self::LoadHalf { .. }
            | Self::StoreHalf { .. }
            | Self::LaneStore { .. }
            | Self::Length { .. }
            | Self::Watch { .. }
            | Self::Fence(_)
            | Self::Together { .. } => false,
        }
    }
}
