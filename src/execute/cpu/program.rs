//! What a kernel is lowered to: instructions on registers, in the order in which they execute, inside
//! the control flow of the source. Everything is split into scalars; a register is a 32-bit word for
//! each lane, or one word for all of them. Nothing here says how a kernel becomes this or how it runs.

use std::collections::HashSet;

use super::alu::Alu;
use crate::{execute::Access, op::Cost};

/// A register. While lowering its number is an index of [`Virtual`]s; afterwards it says where the
/// register lies and how it is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Reg(pub(super) u32);

impl Reg {
    const PER_LANE: u32 = 1 << 31;
    const KEPT: u32 = 1 << 30;

    /// A register at a chunk of the register file.
    pub(super) fn at(chunk: usize, per_lane: bool, kept: bool) -> Self {
        let flags = if per_lane { Self::PER_LANE } else { 0 } | if kept { Self::KEPT } else { 0 };
        Self(chunk as u32 | flags)
    }

    /// Its first chunk.
    pub(super) fn base(self) -> usize {
        (self.0 & !(Self::PER_LANE | Self::KEPT)) as usize
    }

    /// Whether it holds a word for each lane.
    pub(super) fn per_lane(self) -> bool {
        self.0 & Self::PER_LANE != 0
    }

    /// Whether lanes that do not execute an instruction must keep what it holds.
    pub(super) fn kept(self) -> bool {
        self.0 & Self::KEPT != 0
    }

    /// Chunk `k` of it, which is the only chunk of a register that all lanes share.
    #[inline(always)]
    pub(super) fn chunk(self, k: usize) -> usize {
        self.base() + if self.per_lane() { k } else { 0 }
    }
}

/// A scalar: one register, or two where it has 64 bits, the low half first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Num {
    pub(super) low: Reg,
    pub(super) high: Option<Reg>,
}

impl Num {
    pub(super) fn regs(self) -> impl Iterator<Item = Reg> {
        std::iter::once(self.low).chain(self.high)
    }

    /// Both halves; a 32-bit scalar twice.
    pub(super) fn pair(self) -> [Reg; 2] {
        [self.low, self.high.unwrap_or(self.low)]
    }
}

/// What is known of a register while lowering.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Virtual {
    /// Whether it is written more than once, by different instructions or from different lanes' control
    /// flow: a variable, not the value of an expression.
    pub(super) variable: bool,
    /// Where it is filled before the kernel starts.
    pub(super) given: Option<Given>,
}

/// A register that is filled from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Given {
    /// A number.
    Constant(u32),
    /// One component of the workgroup's place in the grid.
    WorkGroup(usize),
    /// One extent of the grid.
    WorkGroups(usize),
    /// One component of the invocation's place in the workgroup.
    Local(usize),
    /// The invocation's number in the workgroup.
    LocalIndex,
    /// The subgroup's number in the workgroup.
    SubgroupId,
    /// The invocation's number in its subgroup.
    SubgroupLane,
}

impl Given {
    /// Whether lanes of a workgroup see different values.
    pub(super) fn per_lane(self) -> bool {
        match self {
            Self::Constant(_) | Self::WorkGroup(_) | Self::WorkGroups(_) => false,
            Self::Local(_) | Self::LocalIndex | Self::SubgroupId | Self::SubgroupLane => true,
        }
    }
}

/// A scalar type as the interpreter tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    F16,
    F32,
    F64,
    I16,
    I32,
    I64,
    U16,
    U32,
    U64,
    Bool,
}

impl Kind {
    pub(super) fn wide(self) -> bool {
        matches!(self, Self::F64 | Self::I64 | Self::U64)
    }

    pub(super) fn float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    pub(super) fn signed(self) -> bool {
        matches!(self, Self::I16 | Self::I32 | Self::I64)
    }

    /// Bytes in memory.
    pub(super) fn bytes(self) -> u32 {
        match self {
            Self::F16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 | Self::Bool => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}

/// Statements in order.
pub(super) type Block = Vec<Node>;

/// A piece of control flow.
#[derive(Debug)]
pub(super) enum Node {
    /// Instructions that all execute once the first does; `cost` is an index of [`Program::costs`],
    /// none where they only prepare.
    Run { insts: Vec<Inst>, cost: Option<usize> },
    /// Lanes part by a condition and come together again.
    If { condition: Reg, accept: Block, reject: Block },
    /// Lanes part by the value of a selector.
    Switch { selector: Reg, cases: Vec<Case> },
    /// Lanes go round until they break.
    Loop { body: Block, continuing: Block, break_if: Option<Reg>, line: Option<u32> },
    /// The body of a function, and the first values of its variables: lanes that return from it come
    /// together behind it.
    Call { body: Block, inits: Vec<(Reg, Reg)> },
    /// Leaves the innermost loop or switch.
    Break,
    /// Leaves the body of the innermost loop.
    Continue,
    /// Leaves the innermost call, or the kernel.
    Return,
    /// All lanes of the workgroup wait for each other.
    Barrier { line: Option<u32> },
}

/// One way through a switch.
#[derive(Debug)]
pub(super) struct Case {
    /// The selectors that lead here; none is the default.
    pub(super) value: Option<u32>,
    pub(super) body: Block,
    pub(super) fall_through: bool,
}

/// How many elements an array has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// So many.
    Known(u32),
    /// As many strides as fit in a memory behind an offset, in bytes.
    Runtime { memory: usize, offset: u32, stride: u32 },
}

/// A place in memory, in bytes: `offset + index * stride`, where `index` is below `bound`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    /// An index of [`Program::memories`].
    pub(super) memory: usize,
    pub(super) offset: u32,
    pub(super) index: Reg,
    pub(super) stride: u32,
    pub(super) bound: Bound,
    /// An index of [`Program::sites`], where accesses out of bounds are counted.
    pub(super) site: usize,
}

/// What an atomic does with the value that it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
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
pub(super) enum Subgroup {
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
pub(super) enum Inst {
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
    Length { to: Reg, bound: Bound },
    /// Says who touches so many bytes of memory; only where races are looked for.
    Watch { at: Address, bytes: u32, access: Access },
    /// Says that a barrier orders accesses to storage or workgroup memory; only there, too.
    Fence { storage: bool, shared: bool },
    /// A subgroup operation on 32-bit (then both halves of `to` and `from` are one) or 64-bit values.
    Subgroup { op: Subgroup, wide: bool, to: [Reg; 4], from: [Reg; 2], index: [Reg; 2] },
}

/// How an instruction uses a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Read,
    Write,
}

impl Inst {
    /// Shows each register to `f`, those that are read first. A register may be shown twice.
    pub(super) fn visit(&mut self, f: &mut dyn FnMut(&mut Reg, Role)) {
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
                f(&mut at.index, Read);
                to.iter_mut().for_each(|reg| f(reg, Write));
            }
            Self::Store { at, from } => {
                f(&mut at.index, Read);
                from.iter_mut().for_each(|reg| f(reg, Read));
            }
            Self::LoadHalf { at, kind: _, to } => {
                f(&mut at.index, Read);
                f(to, Write);
            }
            Self::StoreHalf { at, kind: _, from } => {
                f(&mut at.index, Read);
                f(from, Read);
            }
            Self::Atomic { at, exchange: _, wide: _, value, compare, to, held } => {
                f(&mut at.index, Read);
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
            Self::Watch { at, bytes: _, access: _ } => f(&mut at.index, Read),
            Self::Fence { .. } => {}
            Self::Subgroup { op: _, wide: _, to, from, index } => {
                from.iter_mut().chain(index).for_each(|reg| f(reg, Read));
                to.iter_mut().for_each(|reg| f(reg, Write));
            }
        }
    }

    /// Whether lanes get different results from equal operands.
    pub(super) fn parts_lanes(&self) -> bool {
        match self {
            Self::Atomic { .. } | Self::Subgroup { .. } | Self::LaneLoad { .. } => true,
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
            | Self::Fence { .. } => false,
        }
    }
}

/// What a memory slot of a program is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// A buffer.
    Buffer { group: u32, binding: u32 },
    /// The workgroup's own memory.
    WorkGroup,
}

/// A variable in memory that invocations share.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) memory: usize,
    pub(super) offset: u32,
}

/// What is watched of a kernel where races are looked for.
#[derive(Debug)]
pub(super) struct Watch {
    /// Bytes of the smallest access.
    pub(super) unit: u32,
    /// Memories that it writes.
    pub(super) written: HashSet<usize>,
}

/// A kernel, lowered.
#[derive(Debug)]
pub(super) struct Program {
    /// Named in errors.
    pub(super) name: String,
    pub(super) body: Block,
    /// What one execution of each run costs.
    pub(super) costs: Vec<Cost>,
    /// Lines of the accesses that may be out of bounds.
    pub(super) sites: Vec<Option<u32>>,
    pub(super) memories: Vec<Memory>,
    /// What lies in them, in the order of declaration.
    pub(super) variables: Vec<Variable>,
    pub(super) watch: Option<Watch>,
    /// Bytes of workgroup memory.
    pub(super) workgroup_bytes: u32,
    /// Words of memory that each lane has for itself.
    pub(super) lane_words: u32,
    /// Extents of a workgroup.
    pub(super) size: [u32; 3],
    /// Lanes of a subgroup.
    pub(super) subgroup: u32,
    /// Registers that are filled from outside.
    pub(super) given: Vec<(Given, Reg)>,
    /// Chunks in the register file; the last column is free for what an instruction needs in between.
    pub(super) chunks: usize,
}

impl Program {
    /// Invocations in a workgroup.
    pub(super) fn lanes(&self) -> usize {
        self.size.iter().product::<u32>() as usize
    }

    /// The variable at a byte of a memory, and where it begins.
    pub(super) fn variable(&self, memory: usize, byte: usize) -> (&str, usize) {
        let variables = self.variables.iter().filter(|v| v.memory == memory);
        let found = variables.filter(|v| v.offset as usize <= byte).max_by_key(|v| v.offset);
        found.map_or(("", 0), |v| (&v.name, v.offset as usize))
    }
}
