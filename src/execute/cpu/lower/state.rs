//! What lowering knows while it goes on: of the kernel, of a function that is written out, of an expression, and
//! what a pointer points to. Plain data; what becomes of it is told by the files beside this one.

use std::collections::{BTreeMap, HashMap};

use flopmeter_core::source::SourceLine;
use naga::{
    Barrier, Expression, Function, GlobalVariable, Handle, LocalVariable, Module, Span,
    valid::FunctionInfo,
};

use super::indexed::Indexed;
use crate::{
    execute::cpu::program::{
        Block, Given, Inst, Limit, Memory, Num, Reg, Variable, Virtual, Watch,
    },
    kernel::KernelModule,
    op::Cost,
};

/// A result, or what it is that cannot be lowered.
pub(super) type Lower<T> = Result<T, String>;

/// An expression, lowered.
#[derive(Clone)]
pub(super) enum Lowered {
    Value(Vec<Num>),
    Pointee(Pointee),
}

/// The state of lowering one kernel.
pub(super) struct Lowering<'a> {
    pub(super) kernel: &'a KernelModule,
    pub(super) module: &'a Module,
    pub(super) virtuals: Vec<Virtual>,
    pub(super) given: HashMap<Given, Reg>,
    pub(super) block: Block,
    pub(super) insts: Vec<Inst>,
    pub(super) cost: Cost,
    pub(super) costs: Vec<Cost>,
    pub(super) sites: Vec<Option<SourceLine>>,
    pub(super) memories: Vec<Memory>,
    pub(super) variables: Vec<Variable>,
    pub(super) textures: BTreeMap<usize, (usize, u64)>,
    pub(super) watch: Option<Watch>,
    /// Memory that memory barriers since the last access were for: the next barrier of the workgroup orders it, too.
    pub(super) released: Barrier,
    pub(super) globals: HashMap<Handle<GlobalVariable>, Pointee>,
    pub(super) inits: Vec<(Reg, Reg)>,
    pub(super) workgroup_bytes: u32,
    /// Bytes of workgroup memory for each of those that naga has: a boolean, one there, is a word.
    pub(super) spread: u32,
    pub(super) lane_words: u32,
    pub(super) size: [u32; 3],
    pub(super) subgroup: u32,
    pub(super) instructions: usize,
    pub(super) depth: usize,
    /// Where the statement being lowered is.
    pub(super) span: Span,
    pub(super) line: Option<SourceLine>,
    /// Pointers to function or private memory through which an index is computed.
    pub(super) indexed: Indexed,
}

/// What becomes of a `return`.
pub(super) enum Returns {
    /// It ends the invocation.
    Entry,
    /// It is the function's last statement; the value is kept here.
    Last(Option<Vec<Num>>),
    /// Lanes come together behind the call, with the value in these variables.
    Join(Vec<Num>),
}

/// A function being lowered.
pub(super) struct Frame<'a> {
    pub(super) function: &'a Function,
    pub(super) info: &'a FunctionInfo,
    pub(super) expressions: HashMap<Handle<Expression>, Lowered>,
    /// Of an element that was taken from a value by computed indices: whether all of them were within bounds.
    pub(super) within: HashMap<Handle<Expression>, Reg>,
    pub(super) arguments: Vec<Lowered>,
    pub(super) locals: HashMap<Handle<LocalVariable>, Pointee>,
    pub(super) returns: Returns,
}

/// What a pointer points to.
#[derive(Clone)]
pub(super) enum Pointee {
    /// A variable, or a part of one, in registers.
    Registers(Vec<Num>),
    /// A variable in each lane's own memory, from a word on; an index adds more.
    Lane { base: u32, index: Option<Sum>, size: u32 },
    /// Memory that invocations share, from a byte on.
    Memory { memory: usize, offset: u32, index: Index },
}

/// A sum of indices times strides, and whether all of them were within bounds.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    pub(super) value: Reg,
    pub(super) valid: Reg,
}

/// The computed part of an address.
#[derive(Clone, Copy)]
pub(super) enum Index {
    None,
    One { index: Reg, stride: u32, bound: Limit },
    Sum(Sum),
}
