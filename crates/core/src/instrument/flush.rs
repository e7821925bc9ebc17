//! The wrapped entry point: the new one calls the old one, then the workgroup adds up its private
//! counters and hands the sums to the counter buffer. After the call all invocations have come together
//! again, so barriers and subgroup operations are uniform.
//!
//! The buffer keeps a counter as two limbs of 32 bits in each of its stripes, of which a workgroup uses
//! one; the old value that `atomicAdd` returns tells the carry. Where there are subgroups, each adds up
//! what its invocations have and its lanes hand the sums over; where there are none, the workgroup does it
//! in atomics of its own, in two limbs of 16 bits, which up to 65536 invocations cannot overflow. Where
//! workgroup memory is short, counters go to the buffer as they are. Counter 0, the invocations launched,
//! needs no counting: the first invocation of each row of workgroups adds the row's size.
//!
//! What an invocation has to hand over waits in a queue, mostly empty, and one loop with a single atomic
//! empties it, carries included. That is for Mesa's llvmpipe, where every atomic, reduction and barrier
//! that is written down is a tour of the lanes, masked or not (one is a tenth of the time of an element of
//! `x + y`), and only a loop's way back is a branch. A shuffle is one instruction, hence the butterflies.
//! Small code matters there for one more reason: it recompiles a kernel of over 100 values at every
//! dispatch, milliseconds each, where uniforms bound a loop of up to 32 rounds.

mod entry;
mod queue;

use std::num::NonZeroU32;

use naga::{
    AddressSpace, ArraySize, Barrier, BinaryOperator as Op, Block, BuiltIn, Expression, Function,
    GlobalVariable, Handle, MemoryDecorations, Module, ResourceBinding, Scalar, Span, Statement,
    StorageAccess, Type, TypeInner, VectorSize,
};

use self::{
    entry::{Input, Inputs},
    queue::Queue,
};
use super::{CounterBinding, code::Code};
use crate::table::{STRIPES, stripe_bytes};

/// A private counter as the flush sees it.
pub(super) struct Counter {
    /// The private variable.
    pub(super) variable: Handle<GlobalVariable>,
    /// Whether it is 0 or 1 at the end.
    pub(super) once: bool,
}

/// The types that counters are made of.
pub(super) struct Types {
    pub(super) number: Handle<Type>,
    place: Handle<Type>,
    atomic: Handle<Type>,
}

impl Types {
    pub(super) fn new(module: &mut Module) -> Self {
        let mut insert = |inner| module.types.insert(Type { name: None, inner }, Span::UNDEFINED);
        Self {
            number: insert(TypeInner::Scalar(Scalar::U32)),
            place: insert(TypeInner::Vector { size: VectorSize::Tri, scalar: Scalar::U32 }),
            atomic: insert(TypeInner::Atomic(Scalar::U32)),
        }
    }

    /// `length` atomics in a row.
    fn array(&self, module: &mut Module, length: u32) -> Handle<Type> {
        let size = ArraySize::Constant(NonZeroU32::new(length).expect("there are counters"));
        let inner = TypeInner::Array { base: self.atomic, size, stride: 4 };
        module.types.insert(Type { name: None, inner }, Span::UNDEFINED)
    }
}

/// What the flush may use.
pub(super) struct Means {
    /// Where the counter buffer is bound.
    pub(super) at: CounterBinding,
    /// Bytes of workgroup memory that the kernel leaves.
    pub(super) room: u64,
    /// How many lanes a subgroup has, a power of two, where the workgroup is nothing but whole subgroups.
    pub(super) lanes: Option<u32>,
}

/// Wraps the entry point. `counters` are the private ones, from counter 1 on.
pub(super) fn wrap(module: &mut Module, types: &Types, counters: &[Counter], means: &Means) {
    let [width, height, depth] = module.entry_points[0].workgroup_size;
    let size = width * height * depth;
    let rows = counters.len() as u32 + 1;
    let buffer = {
        let CounterBinding { group, binding } = means.at;
        let space = AddressSpace::Storage { access: StorageAccess::all() };
        let ty = types.array(module, STRIPES * stripe_limbs(rows));
        let binding = Some(ResourceBinding { group, binding });
        declare(module, "flopmeter_counters", space, ty, binding)
    };
    let lanes = means.lanes.filter(|_| !counters.is_empty());
    let shared =
        !counters.is_empty() && lanes.is_none() && u64::from(rows) * SHARED_BYTES <= means.room;

    let old = std::mem::take(&mut module.entry_points[0].function);
    let diagnostic_filter_leaf = old.diagnostic_filter_leaf;
    let mut inputs = Inputs::of(module, &old);
    let index = inputs.find(BuiltIn::LocalInvocationIndex, types.number, "flopmeter_index");
    let group = inputs.find(BuiltIn::WorkGroupId, types.place, "flopmeter_group");
    let groups = inputs.find(BuiltIn::NumWorkGroups, types.place, "flopmeter_groups");
    // naga has no such input where a workgroup has more than one dimension.
    let lane = (lanes.is_some() && height * depth == 1)
        .then(|| inputs.find(BuiltIn::SubgroupInvocationId, types.number, "flopmeter_lane"));
    let arguments = inputs.arguments;
    let mut new = Function { arguments, diagnostic_filter_leaf, ..Function::default() };
    let old = entry::inner(module, old);

    let mut code = Code::new(&mut new.expressions, Span::UNDEFINED);
    let arguments = (0..module.functions[old].arguments.len() as u32)
        .map(|index| code.name(Expression::FunctionArgument(index)))
        .collect();
    code.statement(Statement::Call { function: old, arguments, result: None });

    let index = index.read(&mut code);
    let launched = {
        let [column, columns] = [&group, &groups].map(|input| {
            let base = input.read(&mut code);
            code.emit(Expression::AccessIndex { base, index: 0 })
        });
        let accept = code.binary_number(Op::Multiply, columns, size);
        let either = code.binary(Op::InclusiveOr, index, column);
        let condition = code.binary_number(Op::Equal, either, 0);
        let reject = code.number(0);
        code.emit(Expression::Select { condition, accept, reject })
    };
    let stripe = stripe(&mut code, &group, rows);
    let mut queue = Queue::new(&mut new.local_variables, types.number, stripe);
    if let Some(lanes) = lanes {
        let lane = match lane {
            Some(lane) => lane.read(&mut code),
            None => code.lane(types.number),
        };
        speak(&mut code, &mut queue, counters, launched, (lane, lanes));
    } else if shared {
        let ty = types.array(module, 2 * rows);
        let sums = declare(module, "flopmeter_sums", AddressSpace::WorkGroup, ty, None);
        share(&mut code, types, counters, sums);
        code.statement(Statement::ControlBarrier(Barrier::WORK_GROUP));
        // Invocation i hands over counter i, i + size, ...
        for from in (0..rows).step_by(size as usize) {
            let row = code.binary_number(Op::Add, index, from);
            take(&mut code, &mut queue, sums, row, rows);
        }
        queue.put(&mut code, 0, launched);
    } else {
        queue.put(&mut code, 0, launched);
        for (counter, row) in counters.iter().zip(1..) {
            let value = load(&mut code, counter);
            queue.put(&mut code, row, value);
        }
    }
    queue.empty(&mut code, buffer);
    code.statement(Statement::Return { value: None });
    new.body = code.block;
    module.entry_points[0].function = new;
}

/// Limbs from one stripe to the next.
const fn stripe_limbs(rows: u32) -> u32 {
    stripe_bytes(rows) / 4
}

/// Where the workgroup's stripe begins, in limbs. Fibonacci hashing, because neighbours run at the same
/// time, and so do the first workgroups of two halves.
fn stripe(code: &mut Code<'_>, group: &Input, rows: u32) -> Handle<Expression> {
    const GOLDEN: u32 = 0x9e37_79b9;
    let base = group.read(code);
    let [x, y, z] = [0, 1, 2].map(|index| code.emit(Expression::AccessIndex { base, index }));
    let sum = code.binary(Op::Add, x, y);
    let sum = code.binary(Op::Add, sum, z);
    let hash = code.binary_number(Op::Multiply, sum, GOLDEN);
    let stripe = code.binary_number(Op::ShiftRight, hash, u32::BITS - STRIPES.ilog2());
    code.binary_number(Op::Multiply, stripe, stripe_limbs(rows))
}

/// Bytes of workgroup memory that a counter takes.
const SHARED_BYTES: u64 = 8;

fn load(code: &mut Code<'_>, counter: &Counter) -> Handle<Expression> {
    let variable = code.global(counter.variable);
    code.load(variable)
}

/// Declares a module-scope variable under a name that nothing else has.
pub(super) fn declare(
    module: &mut Module,
    name: &str,
    space: AddressSpace,
    ty: Handle<Type>,
    binding: Option<ResourceBinding>,
) -> Handle<GlobalVariable> {
    let mut name = name.to_owned();
    while module.global_variables.iter().any(|(_, v)| v.name.as_ref() == Some(&name)) {
        name.push('_');
    }
    let memory_decorations = MemoryDecorations::empty();
    let variable =
        GlobalVariable { name: Some(name), space, binding, ty, init: None, memory_decorations };
    module.global_variables.append(variable, Span::UNDEFINED)
}

/// Puts a subgroup's counters and what was launched, which is the first lane's: all lanes make the sums,
/// as many at once as fit into 32 bits, and each hands another one over, so that one atomic does for all.
fn speak(
    code: &mut Code<'_>,
    queue: &mut Queue<'_>,
    counters: &[Counter],
    launched: Handle<Expression>,
    (lane, lanes): (Handle<Expression>, u32),
) {
    let (mut own, mut once, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for (counter, row) in counters.iter().zip(1..) {
        let kind = if counter.once { &mut once } else { &mut many };
        kind.push((row, load(code, counter)));
    }
    let mut sums = Vec::new();
    // A sum of ones is the number of lanes at most.
    let width = lanes.ilog2() + 1;
    for together in once.chunks((u32::BITS / width) as usize) {
        sums.extend(summed(code, queue.number, together, (width, lanes)));
    }
    for together in many.chunks(2) {
        // What is above the bits that are summed, in a counter of which that is seldom, is its own lane's
        // to hand over.
        let width = u32::BITS / together.len() as u32;
        let summable = u32::MAX >> (u32::BITS - width + lanes.ilog2());
        let mut low = together.to_vec();
        for (row, value) in &mut low {
            own.push((*row, code.binary_number(Op::And, *value, !summable)));
            *value = code.binary_number(Op::And, *value, summable);
        }
        sums.extend(summed(code, queue.number, &low, (width, lanes)));
    }
    let nothing = code.number(0);
    let mut turns = vec![(nothing, launched)];
    for ((row, sum), place) in sums.into_iter().zip(1..) {
        let turn = (place / lanes) as usize;
        turns.resize(turns.len().max(turn + 1), (nothing, nothing));
        let condition = code.binary_number(Op::Equal, lane, place % lanes);
        let limb = code.number(2 * row);
        let (other_limb, other_sum) = turns[turn];
        let mut pick = |accept, reject| code.emit(Expression::Select { condition, accept, reject });
        turns[turn] = (pick(limb, other_limb), pick(sum, other_sum));
    }
    for (limb, amount) in turns {
        queue.put_at(code, limb, amount);
    }
    for (row, value) in own {
        queue.put(code, row, value);
    }
}

/// The subgroup's sums of counters, each of which has so many bits of the word that is summed.
fn summed(
    code: &mut Code<'_>,
    ty: Handle<Type>,
    counters: &[(u32, Handle<Expression>)],
    (width, lanes): (u32, u32),
) -> Vec<(u32, Handle<Expression>)> {
    let (_, mut word) = counters[0];
    for (&(_, value), index) in counters.iter().zip(0..).skip(1) {
        let shifted = code.binary_number(Op::ShiftLeft, value, index * width);
        word = code.binary(Op::InclusiveOr, word, shifted);
    }
    let word = code.subgroup_sum(word, ty, lanes);
    let field = |(&(row, _), index): (&(u32, Handle<Expression>), u32)| {
        let shifted = code.binary_number(Op::ShiftRight, word, index * width);
        (row, code.binary_number(Op::And, shifted, u32::MAX >> (u32::BITS - width)))
    };
    counters.iter().zip(0..).map(field).collect()
}

/// Adds an invocation's counters to the workgroup's sums; counter k has the limbs 2k and 2k + 1.
fn share(code: &mut Code<'_>, types: &Types, counters: &[Counter], sums: Handle<GlobalVariable>) {
    for (counter, limb) in counters.iter().zip((2..).step_by(2)) {
        let value = load(code, counter);
        if counter.once {
            add_unless_zero(code, types, sums, limb, value);
        } else {
            let low = code.binary_number(Op::And, value, 0xffff);
            let high = code.binary_number(Op::ShiftRight, value, 16);
            add_unless_zero(code, types, sums, limb, low);
            add_unless_zero(code, types, sums, limb + 1, high);
        }
    }
}

fn add_unless_zero(
    code: &mut Code<'_>,
    types: &Types,
    sums: Handle<GlobalVariable>,
    limb: u32,
    value: Handle<Expression>,
) {
    code.unless_zero(value, |code| {
        let base = code.global(sums);
        let pointer = code.emit(Expression::AccessIndex { base, index: limb });
        code.atomic_add(pointer, value, types.number);
    });
}

/// Puts a workgroup's sum of counter `row`, if there are so many, from limbs of 16 bits to limbs of 32.
fn take(
    code: &mut Code<'_>,
    queue: &mut Queue<'_>,
    sums: Handle<GlobalVariable>,
    row: Handle<Expression>,
    rows: u32,
) {
    let zero = code.number(0);
    let low_limb = code.binary_number(Op::Multiply, row, 2);
    let high_limb = code.binary_number(Op::Add, low_limb, 1);
    let [low, high] = [zero; 2].map(|zero| queue.variable(code, zero));
    let condition = code.binary_number(Op::Less, row, rows);
    let accept = code.inside(|code| {
        let base = code.global(sums);
        let [below, above] = [low_limb, high_limb].map(|index| {
            let pointer = code.emit(Expression::Access { base, index });
            code.load(pointer)
        });
        let shifted = code.binary_number(Op::ShiftLeft, above, 16);
        let total = code.binary(Op::Add, below, shifted);
        code.statement(Statement::Store { pointer: low, value: total });
        let carry = code.less(total, below);
        let above = code.binary_number(Op::ShiftRight, above, 16);
        let above = code.binary(Op::Add, above, carry);
        code.statement(Statement::Store { pointer: high, value: above });
    });
    code.statement(Statement::If { condition, accept, reject: Block::new() });
    queue.put_variable(code, low_limb, low);
    queue.put_variable(code, high_limb, high);
}
