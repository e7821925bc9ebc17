//! What a kernel is lowered to: instructions on registers, in the order in which they execute, inside
//! the control flow of the source. Everything is split into scalars; a register is a 32-bit word for
//! each lane, or one word for all of them. Nothing here says how a kernel becomes this or how it runs.

mod inst;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::atomic::AtomicU32,
};

use flopmeter_core::source::SourceLine;

pub(super) use self::inst::{Address, Exchange, Inst, Limit, Multiply, Role, Subgroup};
pub(super) use super::register::{Given, Kind, Num, Reg, Virtual};
use crate::{execute::Access, op::Cost};

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
    Switch { selector: Reg, cases: Vec<Branch> },
    /// Lanes go round until they break.
    Loop { body: Block, continuing: Block, break_if: Option<Reg>, line: Option<SourceLine> },
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
    Barrier { line: Option<SourceLine> },
}

impl Node {
    /// The blocks within a node.
    pub(super) fn arms_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Self::If { condition: _, accept, reject } => vec![accept, reject],
            Self::Switch { selector: _, cases } => {
                cases.iter_mut().map(|case| &mut case.body).collect()
            }
            Self::Loop { body, continuing, break_if: _, line: _ } => vec![body, continuing],
            Self::Call { body, inits: _ } => vec![body],
            Self::Run { .. }
            | Self::Break
            | Self::Continue
            | Self::Return
            | Self::Barrier { .. } => Vec::new(),
        }
    }

    /// The register that a node itself reads.
    pub(super) fn reads(&self) -> Option<Reg> {
        match self {
            Self::If { condition, .. } => Some(*condition),
            Self::Switch { selector, .. } => Some(*selector),
            Self::Loop { break_if, .. } => *break_if,
            Self::Call { .. }
            | Self::Run { .. }
            | Self::Break
            | Self::Continue
            | Self::Return
            | Self::Barrier { .. } => None,
        }
    }
}

/// One way through a switch.
#[derive(Debug)]
pub(super) struct Branch {
    /// The selectors that lead here; none is the default.
    pub(super) value: Option<u32>,
    pub(super) body: Block,
    pub(super) fall_through: bool,
}

/// What a memory slot of a program is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// A buffer.
    Buffer { group: u32, binding: u32 },
    /// The workgroup's own memory.
    WorkGroup,
    /// The immediate data.
    Immediate,
}

/// A variable in memory that invocations share.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    /// The memory that it is in; `None` is that which each lane has for itself.
    pub(super) memory: Option<usize>,
    /// Where it begins: at which byte, and in a lane's own memory at which word.
    pub(super) offset: u32,
}

/// Whether accesses out of bounds are told one by one. A page is told of none, and would load the code for nothing.
pub(super) const ARE_STRAYS_TOLD: bool = !cfg!(target_family = "wasm");

/// What is watched of a kernel where races are looked for.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Bytes of the smallest access.
    pub(super) unit: u32,
    /// Memories that it writes.
    pub(super) written: HashSet<usize>,
    /// The kinds of its accesses.
    pub(super) accesses: BTreeSet<Access>,
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
    pub(super) sites: Vec<Option<SourceLine>>,
    pub(super) memories: Vec<Memory>,
    /// What lies in them, in the order of declaration.
    pub(super) variables: Vec<Variable>,
    /// Memories that are textures: along how many axes each is addressed, layers included, and bytes of a texel in its format.
    pub(super) textures: BTreeMap<usize, (usize, u64)>,
    pub(super) watch: Option<Watch>,
    /// Whether what it does may depend on which of its workgroups runs first.
    pub(super) heeds_order: bool,
    /// What the immediate data hold.
    pub(super) immediates: Box<[AtomicU32]>,
    /// Bytes of workgroup memory.
    pub(super) workgroup_bytes: u32,
    /// How many bytes of workgroup memory there are for each of those that naga has.
    pub(super) spread: u32,
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

    /// The variable at a byte of a memory, and at which of its bytes, as naga counts them, another byte is.
    pub(super) fn variable(&self, memory: usize, byte: usize, other: u64) -> (&str, u64) {
        let variables = self.variables.iter().filter(|v| v.memory == Some(memory));
        let found = variables.filter(|v| v.offset as usize <= byte).max_by_key(|v| v.offset);
        let (name, start) = found.map_or(("", 0), |v| (&*v.name, v.offset.into()));
        let spread = if self.memories[memory] == Memory::WorkGroup { self.spread } else { 1 };
        (name, (other - start) / u64::from(spread))
    }

    /// The variable at a word of each lane's own memory.
    pub(super) fn own_variable(&self, word: u32) -> &str {
        let variables = self.variables.iter().filter(|v| v.memory.is_none() && v.offset <= word);
        variables.max_by_key(|v| v.offset).map_or("", |v| &*v.name)
    }
}
