//! The wrapped entry point: the new one calls the old one, then every invocation that has come back hands
//! its private counters over to the counter buffer, and itself to counter 0, the invocations that arrived.
//! Whatever is lost on the way, an invocation, a subgroup or a workgroup, is missing there, and the host
//! knows how many there should be.
//!
//! The buffer keeps a counter as two limbs of 32 bits in each of its stripes, of which a workgroup uses
//! one; the old value that `atomicAdd` returns tells the carry. On the way there, counters are added up
//! within whatever the adapter has:
//!
//! | within | how | relies on |
//! |---|---|---|
//! | a vector | butterflies of shuffles (`subgroup`) | [`Limits::lockstep`](crate::device::Limits::lockstep), whole subgroups |
//! | a subgroup | collective sums over the active lanes (`subgroup`) | nothing: sums and election are over the same lanes |
//! | a workgroup | atomics in workgroup memory (`workgroup`) | a barrier at the top level of the entry point |
//! | nothing | each invocation hands over its own | nothing |
//!
//! What an invocation has to hand over waits in a queue, mostly empty, and one loop with a single atomic
//! empties it, carries included. That is for Mesa's llvmpipe, where every atomic, reduction and barrier
//! that is written down is a tour of the lanes, masked or not (one is a tenth of the time of an element of
//! `x + y`), and only a loop's way back is a branch. A shuffle is one instruction, hence the butterflies.
//! Small code matters there for one more reason: it recompiles a kernel of over 100 values at every
//! dispatch, milliseconds each, where uniforms bound a loop of up to 32 rounds.
//!
//! That loop may itself be cut off where an adapter has a budget of rounds, and so `budget` looks, behind
//! everything else, whether the budget has lasted.
//!
//! Where there is no buffer but a texture, sums over the workgroup are stored there (`texels`). The caller that
//! dispatches the kernel adds them up.

mod budget;
mod entry;
mod queue;
mod rounds;
mod subgroup;
mod texels;
mod workgroup;

use std::num::NonZeroU32;

use naga::{
    AddressSpace, ArraySize, BinaryOperator as Op, BuiltIn, Expression, Function, GlobalVariable,
    Handle, MemoryDecorations, Module, ResourceBinding, Scalar, Span, Statement, StorageAccess,
    Type, TypeInner, VectorSize,
};

pub(super) use self::budget::Budget;
pub use self::texels::COLUMNS as TEXEL_COLUMNS;
use self::{
    entry::{Input, Inputs},
    queue::Queue,
    subgroup::Lanes,
};
use super::{CounterBinding, code::Code};
use crate::{
    overflow::LAST_BIT,
    table::{Rows, STRIPES},
};

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

/// Where counters are handed over to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// A storage buffer.
    Buffer,
    /// A storage texture, with texels of its own for each workgroup.
    Texture,
}

/// What the flush may use.
pub(super) struct FlushMeans<'a> {
    /// Where the counters are bound.
    pub(super) at: CounterBinding,
    /// What is bound there.
    pub(super) destination: Destination,
    /// Bytes of workgroup memory that the kernel leaves.
    pub(super) room: u64,
    /// How many lanes a subgroup has, a power of two.
    pub(super) lanes: Option<u32>,
    /// Whether a subgroup is a vector under a mask.
    pub(super) lockstep: bool,
    /// What the kernel's loops take of the adapter's budget, where it has one and there are loops.
    pub(super) budget: Option<Budget<'a>>,
}

/// Within what counters are added up on their way to the buffer.
#[derive(Clone, Copy)]
enum Within {
    Subgroup(Lanes),
    Workgroup,
    Nothing,
}

impl FlushMeans<'_> {
    /// Where a workgroup has this extent and there are so many counters to hand over.
    fn within(&self, [width, height, depth]: [u32; 3], counters: u32) -> Within {
        if self.destination == Destination::Texture {
            return Within::Workgroup;
        }
        match self.lanes {
            // As Vulkan has it: subgroups are whole where the first extent is a multiple of their lanes.
            Some(lanes) if self.lockstep && width.is_multiple_of(lanes) => {
                // naga has no such input where a workgroup has more than one dimension.
                let numbered = height * depth == 1;
                Within::Subgroup(Lanes::Vector { lanes, numbered })
            }
            Some(most) if !self.lockstep => Within::Subgroup(Lanes::Active { most }),
            _ if self.has_room(counters) => Within::Workgroup,
            _ => Within::Nothing,
        }
    }

    /// Whether so many counters can be added up in workgroup memory.
    pub(super) fn has_room(&self, counters: u32) -> bool {
        u64::from(counters) * workgroup::COUNTER_BYTES <= self.room
    }
}

/// Wraps the entry point. `counters` are the private ones, from counter 1 on, and `overflow`, where there is one, has
/// the last bit set of an invocation whose counters may have wrapped; that is the last counter.
pub(super) fn wrap(
    module: &mut Module,
    types: &Types,
    (counters, overflow): (&[Counter], Option<Handle<GlobalVariable>>),
    rows: Rows,
    means: &FlushMeans<'_>,
) {
    let extent @ [width, height, depth] = module.entry_points[0].workgroup_size;
    let size = width * height * depth;
    let into_texture = means.destination == Destination::Texture;
    let buffer = {
        let CounterBinding { group, binding } = means.at;
        let (space, ty) = if into_texture {
            (AddressSpace::Handle, texels::image(module))
        } else {
            let space = AddressSpace::Storage { access: StorageAccess::all() };
            (space, types.array(module, STRIPES * stripe_limbs(rows)))
        };
        let binding = Some(ResourceBinding { group, binding });
        declare(module, "flopmeter_counters", space, ty, binding)
    };
    let within = means.within(extent, rows.counters);
    let sums = matches!(within, Within::Workgroup).then(|| {
        let ty = types.array(module, 2 * rows.counters);
        declare(module, "flopmeter_sums", AddressSpace::WorkGroup, ty, None)
    });

    let vectors = into_texture.then(|| texels::Vectors::new(module));

    let old = std::mem::take(&mut module.entry_points[0].function);
    let diagnostic_filter_leaf = old.diagnostic_filter_leaf;
    let mut inputs = Inputs::of(module, &old);
    let group = inputs.find(BuiltIn::WorkGroupId, types.place, "flopmeter_group");
    let vector = matches!(within, Within::Subgroup(Lanes::Vector { .. }));
    let groups = (vector || means.budget.is_some() || into_texture)
        .then(|| inputs.find(BuiltIn::NumWorkGroups, types.place, "flopmeter_groups"));
    let index = sums
        .is_some()
        .then(|| inputs.find(BuiltIn::LocalInvocationIndex, types.number, "flopmeter_index"));
    let lane = matches!(within, Within::Subgroup(Lanes::Vector { numbered: true, .. }))
        .then(|| inputs.find(BuiltIn::SubgroupInvocationId, types.number, "flopmeter_lane"));
    let arguments = inputs.arguments;
    let mut new = Function { arguments, diagnostic_filter_leaf, ..Function::default() };
    let old = entry::inner(module, old);

    let mut code = Code::new(&mut new.expressions, Span::UNDEFINED);
    let arguments = (0..module.functions[old].arguments.len() as u32)
        .map(|index| code.name(Expression::FunctionArgument(index)))
        .collect();
    code.statement(Statement::Call { function: old, arguments, result: None });

    let groups = groups.map(|groups| groups.read(&mut code));
    let stripe = stripe(&mut code, &group, rows);
    let here = match groups {
        Some(groups) if vector => {
            let locals = &mut new.local_variables;
            rounds::given(&mut code, locals, types.number, groups, 1)
        }
        _ => code.number(1),
    };
    let mut counted: Vec<_> =
        counters.iter().map(|its| (its.once, load(&mut code, its.variable))).collect();
    counted.extend(overflow.map(|variable| {
        let seen = load(&mut code, variable);
        (true, code.binary_number(Op::ShiftRight, seen, LAST_BIT))
    }));
    let mut queue = Queue::new(&mut new.local_variables, types.number, stripe);
    match (within, &sums) {
        (Within::Subgroup(lanes), _) => {
            let lane = lane.map(|lane| lane.read(&mut code));
            subgroup::gather(&mut code, &mut queue, &counted, lanes, here, lane);
        }
        (Within::Workgroup, Some(sums)) if let Some(vectors) = vectors => {
            let index = index.map(|index| index.read(&mut code)).expect("asked for with the sums");
            let place = texels::place(&mut code, &group, groups.expect("asked for, too"), rows);
            workgroup::add_up(&mut code, types.number, &counted, *sums);
            texels::store(&mut code, vectors, (*sums, buffer), place, (index, size), rows);
        }
        (Within::Workgroup, Some(sums)) => {
            let index = index.map(|index| index.read(&mut code)).expect("asked for with the sums");
            workgroup::gather(&mut code, &mut queue, &counted, *sums, (index, size));
        }
        (Within::Workgroup | Within::Nothing, _) => {
            queue.put(&mut code, 0, here);
            for (&(_, value), row) in counted.iter().zip(1..) {
                queue.put(&mut code, row, value);
            }
        }
    }
    if !into_texture {
        queue.empty(&mut code, buffer);
    }
    if let (Some(budget), Some(groups)) = (&means.budget, groups) {
        let locals = &mut new.local_variables;
        let values: Vec<_> = counted.iter().map(|&(_, value)| value).collect();
        budget.look(&mut code, locals, types.number, &values, groups, (buffer, stripe, rows));
    }
    code.statement(Statement::Return { value: None });
    new.body = code.block;
    module.entry_points[0].function = new;
}

/// Limbs from one stripe to the next.
const fn stripe_limbs(rows: Rows) -> u32 {
    rows.stripe_bytes() / 4
}

/// Where the workgroup's stripe begins, in limbs. Fibonacci hashing, because neighbours run at the same
/// time, and so do the first workgroups of two halves.
fn stripe(code: &mut Code<'_>, group: &Input, rows: Rows) -> Handle<Expression> {
    const GOLDEN: u32 = 0x9e37_79b9;
    let base = group.read(code);
    let [x, y, z] = [0, 1, 2].map(|index| code.emit(Expression::AccessIndex { base, index }));
    let sum = code.binary(Op::Add, x, y);
    let sum = code.binary(Op::Add, sum, z);
    let hash = code.binary_number(Op::Multiply, sum, GOLDEN);
    let stripe = code.binary_number(Op::ShiftRight, hash, u32::BITS - STRIPES.ilog2());
    code.binary_number(Op::Multiply, stripe, stripe_limbs(rows))
}

fn load(code: &mut Code<'_>, variable: Handle<GlobalVariable>) -> Handle<Expression> {
    let pointer = code.global(variable);
    code.load(pointer)
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
