//! Registers, and the scalars that they hold.

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
            Self::Bool => 1,
            Self::F16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}
