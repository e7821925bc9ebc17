//! What an entry point does when the one that it wraps has returned: hands each counter of the invocation to
//! the buffer of counters, as a sum of the subgroup's active invocations where that is to be had. Knows the
//! layout of the buffer and no prices.

use rspirv::spirv::{BuiltIn, Decoration, GroupOperation, Op, Scope, StorageClass};

use super::{Counters, Means, build::Builder, module::Type, words::Id};
use crate::{
    overflow::LAST_BIT,
    table::{Rows, STRIPES},
};

/// A counter of one invocation.
#[derive(Clone, Copy)]
pub(super) struct InvocationCounter {
    pub(super) variable: Id,
    /// Whether it is 0 or 1 at the end.
    pub(super) once: bool,
}

/// The sum that goes to the buffer: its low word, and its high one where it may have one.
type Sum = (Id, Option<Id>);

/// Where sums go.
struct Buffer {
    /// A pointer to all of it.
    base: Id,
    /// The type of pointers to its numbers, and of those.
    pointer: Id,
    number: Id,
    /// Whether its numbers are whole counters, and not halves.
    wide: bool,
    /// Where the workgroup's stripe begins, in such numbers.
    stripe: Id,
    scope: Id,
}

/// The function that wraps an entry point, and the variables that belong to its interface.
pub(super) struct Wrapper {
    pub(super) function: Id,
    pub(super) inputs: Vec<Id>,
    /// The buffer of counters, where that is a variable.
    pub(super) buffer: Option<Id>,
}

/// The function that calls `inner` and hands the counters over. `counters` are those from counter 1 on, and
/// `overflow`, where there is one, has the last bit set of an invocation whose counters may have wrapped; that is the last
/// counter.
pub(super) fn wrapper(
    builder: &mut Builder<'_, '_>,
    (inner, ty, void): (Id, Id, Id),
    (counters, overflow): (&[InvocationCounter], Option<Id>),
    rows: Rows,
    means: &Means,
    vulkan: bool,
    interface: &[Id],
) -> Wrapper {
    let function = builder.id();
    let group = builder.place(BuiltIn::WorkgroupId, interface);
    builder.statement(Op::Function, &[void, function, 0, ty]);
    let label = builder.id();
    builder.statement(Op::Label, &[label]);
    let rounds = (rows.cut > 0).then(|| {
        let uint = builder.uint();
        (builder.local(uint), builder.place(BuiltIn::NumWorkgroups, interface))
    });
    // A loop of the wrapper's would take of a budget of rounds.
    let row =
        (rows.counters > WRITTEN_OUT && rows.cut == 0).then(|| Row::new(builder, rows.counters));
    builder.value(Op::FunctionCall, void, &[inner]);

    let (buffer, variable) = buffer(builder, rows, means, vulkan, group);
    let uint = builder.uint();
    let mut counted = vec![(builder.number(1), true)];
    for counter in counters {
        counted.push((builder.value(Op::Load, uint, &[counter.variable]), counter.once));
    }
    if let Some(variable) = overflow {
        let (seen, last) = (builder.value(Op::Load, uint, &[variable]), builder.number(LAST_BIT));
        counted.push((builder.uints(Op::ShiftRightLogical, &[seen, last]), true));
    }
    match row {
        Some(row) => row.hand_over(builder, &buffer, &counted, means),
        None => hand_over(builder, &buffer, &counted, means),
    }
    if let Some((variable, groups)) = rounds {
        look(builder, variable, groups, &buffer, rows);
    }
    builder.statement(Op::Return, &[]);
    builder.statement(Op::FunctionEnd, &[]);
    let groups = rounds.map(|(_, groups)| groups);
    let inputs = [group].into_iter().chain(groups).collect();
    Wrapper { function, inputs, buffer: variable }
}

fn buffer(
    builder: &mut Builder<'_, '_>,
    rows: Rows,
    means: &Means,
    vulkan: bool,
    group: Id,
) -> (Buffer, Option<Id>) {
    let wide = means.wide_atomics;
    let (number, bytes) = if wide { (builder.ulong(), 8) } else { (builder.uint(), 4) };
    let block = builder.buffer_of(number, bytes);
    let class = match means.counters {
        Counters::Address(_) => StorageClass::PhysicalStorageBuffer,
        Counters::Binding { .. } => StorageClass::StorageBuffer,
    };
    let (base, variable) = match means.counters {
        Counters::Address(address) => {
            let pair = builder.pair([address as u32, (address >> 32) as u32]);
            let ty = builder.pointer(class, block);
            (builder.value(Op::Bitcast, ty, &[pair]), None)
        }
        Counters::Binding { set, binding } => {
            let variable = builder.variable(class, block, None);
            builder.decorate(variable, Decoration::DescriptorSet, &[set]);
            builder.decorate(variable, Decoration::Binding, &[binding]);
            (variable, Some(variable))
        }
    };
    let pointer = builder.pointer(class, number);
    let stripe = stripe(builder, group, rows.stripe_bytes() / bytes);
    // What a queue family does not share, no two dispatches add to at once; the wider scope is a feature.
    let scope = if vulkan { Scope::QueueFamily } else { Scope::Device };
    let scope = builder.number(scope as u32);
    (Buffer { base, pointer, number, wide, stripe, scope }, variable)
}

/// The three components of a built-in: which workgroup this is, or how many there are.
fn extents(builder: &mut Builder<'_, '_>, variable: Id) -> [Id; 3] {
    let uint = builder.uint();
    let vector = builder.ty(Type::Vector { component: uint, count: 3 });
    let vector = builder.pointee(variable, vector);
    let component = builder.component(vector, uint);
    let value = builder.value(Op::Load, vector, &[variable]);
    [0, 1, 2].map(|at| builder.value(Op::CompositeExtract, component, &[value, at]))
}

/// Looks whether an adapter's budget of loop rounds has lasted, and where it has not, counts the invocation as cut.
/// An adapter whose budget is used up ends every loop after one round, so a loop of two is tried behind all else that
/// the invocation does. `variable` is one of the function's, of type `u32`.
fn look(builder: &mut Builder<'_, '_>, variable: Id, groups: Id, buffer: &Buffer, rows: Rows) {
    let (uint, boolean) = (builder.uint(), builder.ty(Type::Bool));
    let one = builder.number(1);
    // The loop goes up by the columns of the grid, of which there is at least one, to twice as many: compilers unroll
    // what goes up by a number that they know, and even what ends at one of two that they know. It asks first and adds
    // then, since a loop that asks last is given its second round.
    let [columns, ..] = extents(builder, groups);
    let wanted = builder.uints(Op::ShiftLeftLogical, &[columns, one]);
    builder.for_each(variable, (columns, wanted), |_, _| {});
    let had = builder.value(Op::Load, uint, &[variable]);
    // Behind the loop compilers take its condition for met, so it is another that is asked: whether there was one round.
    let cut = builder.value(Op::IEqual, boolean, &[had, columns]);
    builder.where_true(cut, |builder| {
        // The rows of cut invocations begin where a counter would, and their upper half is no one's.
        let limb = builder.number(rows.cut_limb() * buffer.numbers() / 2);
        let pointer = buffer.place(builder, limb);
        let one = if buffer.wide { builder.constant(buffer.number, 1) } else { one };
        buffer.add(builder, pointer, one);
    });
}

/// Where the workgroup's stripe begins. Fibonacci hashing, as neighbours run at the same time.
fn stripe(builder: &mut Builder<'_, '_>, group: Id, numbers: u32) -> Id {
    const GOLDEN: u32 = 0x9e37_79b9;
    let [x, y, z] = extents(builder, group);
    let sum = builder.uints(Op::IAdd, &[x, y]);
    let sum = builder.uints(Op::IAdd, &[sum, z]);
    let golden = builder.number(GOLDEN);
    let hash = builder.uints(Op::IMul, &[sum, golden]);
    let shift = builder.number(u32::BITS - STRIPES.ilog2());
    let stripe = builder.uints(Op::ShiftRightLogical, &[hash, shift]);
    let numbers = builder.number(numbers);
    builder.uints(Op::IMul, &[stripe, numbers])
}

/// The sum of a counter over what hands it over together. It is added in halves, so that no sum of a subgroup
/// exceeds a word.
fn sum(builder: &mut Builder<'_, '_>, value: Id, once: bool, means: &Means) -> Sum {
    if !means.subgroups {
        return (value, None);
    }
    let subgroup = builder.number(Scope::Subgroup as u32);
    let reduce = |builder: &mut Builder<'_, '_>, value| {
        let operands = [subgroup, GroupOperation::Reduce as u32, value];
        builder.uints(Op::GroupNonUniformIAdd, &operands)
    };
    if once {
        return (reduce(builder, value), None);
    }
    let (mask, half) = (builder.number(0xffff), builder.number(16));
    let low = builder.uints(Op::BitwiseAnd, &[value, mask]);
    let high = builder.uints(Op::ShiftRightLogical, &[value, half]);
    let (low, high) = (reduce(builder, low), reduce(builder, high));
    let shifted = builder.uints(Op::ShiftLeftLogical, &[high, half]);
    let sum = builder.uints(Op::IAdd, &[low, shifted]);
    let carry = builder.less(sum, low);
    let above = builder.uints(Op::ShiftRightLogical, &[high, half]);
    (sum, Some(builder.uints(Op::IAdd, &[above, carry])))
}

/// Does what `write` writes in one invocation of those that have their counters added up together.
fn where_elected<'m, 'w>(
    builder: &mut Builder<'m, 'w>,
    means: &Means,
    write: impl FnOnce(&mut Builder<'m, 'w>),
) {
    if !means.subgroups {
        return write(builder);
    }
    let boolean = builder.ty(Type::Bool);
    let subgroup = builder.number(Scope::Subgroup as u32);
    let elected = builder.value(Op::GroupNonUniformElect, boolean, &[subgroup]);
    builder.where_true(elected, write);
}

/// Hands over counters, each with whether it is 0 or 1, one after the other.
fn hand_over(
    builder: &mut Builder<'_, '_>,
    buffer: &Buffer,
    counted: &[(Id, bool)],
    means: &Means,
) {
    let sums = counted.iter().map(|&(value, once)| sum(builder, value, once, means));
    let sums: Vec<Sum> = sums.collect();
    where_elected(builder, means, |builder| {
        for (row, &sum) in (0..).zip(&sums) {
            let first = row * buffer.numbers();
            let numbers = [first, first + 1].map(|at| builder.number(at));
            buffer.hand_over(builder, numbers, sum);
        }
    });
}

/// More counters than these are handed over in a loop. Drivers take a time that grows with the square of their number to
/// compile what is written out for each: 500 took Mesa 25 some 23 s, and take 0.8 s in a loop.
const WRITTEN_OUT: u32 = 64;

/// Variables of the wrapper: all counters in a row, and which of them it is about.
struct Row {
    counters: Id,
    at: Id,
    length: u32,
}

impl Row {
    fn new(builder: &mut Builder<'_, '_>, length: u32) -> Self {
        let uint = builder.uint();
        let array = builder.array_of(uint, length);
        Self { counters: builder.local(array), at: builder.local(uint), length }
    }

    /// As [`hand_over`].
    fn hand_over(
        &self,
        builder: &mut Builder<'_, '_>,
        buffer: &Buffer,
        counted: &[(Id, bool)],
        means: &Means,
    ) {
        let uint = builder.uint();
        let pointer = builder.pointer(StorageClass::Function, uint);
        let place = |builder: &mut Builder<'_, '_>, at| {
            builder.value(Op::AccessChain, pointer, &[self.counters, at])
        };
        for (at, &(value, _)) in (0..).zip(counted) {
            let at = builder.number(at);
            let place = place(builder, at);
            builder.statement(Op::Store, &[place, value]);
        }
        let (one, length) = (builder.number(1), builder.number(self.length));
        builder.for_each(self.at, (one, length), |builder, at| {
            let place = place(builder, at);
            let value = builder.value(Op::Load, uint, &[place]);
            let sum = sum(builder, value, false, means);
            where_elected(builder, means, |builder| {
                let numbers = builder.number(buffer.numbers());
                let first = builder.uints(Op::IMul, &[at, numbers]);
                let second = builder.uints(Op::IAdd, &[first, one]);
                buffer.hand_over(builder, [first, second], sum);
            });
        });
    }
}

fn widened(builder: &mut Builder<'_, '_>, (low, high): Sum, ulong: Id) -> Id {
    let low = builder.value(Op::UConvert, ulong, &[low]);
    let Some(high) = high else { return low };
    let high = builder.value(Op::UConvert, ulong, &[high]);
    let word = builder.number(32);
    let high = builder.value(Op::ShiftLeftLogical, ulong, &[high, word]);
    builder.value(Op::BitwiseOr, ulong, &[low, high])
}

impl Buffer {
    /// How many numbers a counter takes.
    const fn numbers(&self) -> u32 {
        if self.wide { 1 } else { 2 }
    }

    /// A pointer to one of the stripe's numbers.
    fn place(&self, builder: &mut Builder<'_, '_>, at: Id) -> Id {
        let member = builder.number(0);
        let at = builder.uints(Op::IAdd, &[self.stripe, at]);
        builder.value(Op::AccessChain, self.pointer, &[self.base, member, at])
    }

    /// Adds to a number and gives its old value back.
    fn add(&self, builder: &mut Builder<'_, '_>, pointer: Id, value: Id) -> Id {
        let relaxed = builder.number(0);
        builder.value(Op::AtomicIAdd, self.number, &[pointer, self.scope, relaxed, value])
    }

    /// Adds to a counter, which is the first of these numbers, or both as its halves.
    fn hand_over(&self, builder: &mut Builder<'_, '_>, [first, second]: [Id; 2], sum: Sum) {
        let pointer = self.place(builder, first);
        if self.wide {
            let value = widened(builder, sum, self.number);
            self.add(builder, pointer, value);
            return;
        }
        let (low, high) = sum;
        let old = self.add(builder, pointer, low);
        let new = builder.uints(Op::IAdd, &[old, low]);
        let carry = builder.less(new, old);
        let high = high.map_or(carry, |high| builder.uints(Op::IAdd, &[high, carry]));
        let (boolean, zero) = (builder.ty(Type::Bool), builder.number(0));
        let some = builder.value(Op::INotEqual, boolean, &[high, zero]);
        builder.where_true(some, |builder| {
            let pointer = self.place(builder, second);
            self.add(builder, pointer, high);
        });
    }
}
