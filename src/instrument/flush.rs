//! The wrapped entry point: the new one calls the old one, then the workgroup adds up its private
//! counters and hands the sums to the counter buffer. After the call all invocations have come together
//! again, so barriers and subgroup operations are uniform.
//!
//! A workgroup's sum is kept as two limbs of 16 bits in workgroup atomics, which up to 65536
//! invocations cannot overflow; the buffer's as two limbs of 32 bits, where the old value that
//! `atomicAdd` returns tells the carry. Where there are subgroups, each adds up first and one lane of it
//! speaks for all. Counters that are all rare go to the buffer without a stop, and so does every one
//! where workgroup memory is short. Counter 0, the invocations launched, needs no counting: the first
//! invocation of each row of workgroups adds the row's size.
//!
//! There are no loops here: Mesa's llvmpipe cuts an invocation off after 65535 rounds of all its loops,
//! and its masked lanes pay for every atomic that is written down, so these are few.

use std::num::NonZeroU32;

use naga::{
    AddressSpace, ArraySize, Barrier, BinaryOperator as Op, Binding, Block, BuiltIn, Expression,
    Function, FunctionArgument, GlobalVariable, Handle, MemoryDecorations, Module, ResourceBinding,
    Scalar, Span, Statement, StorageAccess, Type, TypeInner, VectorSize,
};

use super::{CounterBinding, code::Code};

/// A private counter as the flush sees it.
pub(super) struct Counter {
    /// The private variable.
    pub(super) variable: Handle<GlobalVariable>,
    /// Whether it is 0 or 1 at the end.
    pub(super) once: bool,
    /// Whether it is a guard's, where few invocations, if any, count anything.
    pub(super) rare: bool,
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
    /// Whether there are subgroup operations.
    pub(super) subgroups: bool,
}

/// Wraps the entry point. `counters` are the private ones, from counter 1 on.
pub(super) fn wrap(module: &mut Module, types: &Types, counters: &[Counter], means: &Means) {
    let size: u32 = module.entry_points[0].workgroup_size.iter().product();
    let rows = counters.len() as u32 + 1;
    let buffer = {
        let CounterBinding { group, binding } = means.at;
        let space = AddressSpace::Storage { access: StorageAccess::all() };
        let ty = types.array(module, 2 * rows);
        let binding = Some(ResourceBinding { group, binding });
        declare(module, "flopmeter_counters", space, ty, binding)
    };
    let add = module.functions.append(add_to_buffer(types, buffer), Span::UNDEFINED);
    let shared = counters.iter().any(|c| !c.rare) && u64::from(rows) * SHARED_BYTES <= means.room;
    let speaks = shared && means.subgroups;

    let old = std::mem::take(&mut module.entry_points[0].function);
    let diagnostic_filter_leaf = old.diagnostic_filter_leaf;
    let mut inputs = Inputs { module, arguments: old.arguments.clone() };
    let index = inputs.find(BuiltIn::LocalInvocationIndex, types.number, "flopmeter_index");
    let group = inputs.find(BuiltIn::WorkGroupId, types.place, "flopmeter_group");
    let groups = inputs.find(BuiltIn::NumWorkGroups, types.place, "flopmeter_groups");
    let lane =
        speaks.then(|| inputs.find(BuiltIn::SubgroupInvocationId, types.number, "flopmeter_lane"));
    let arguments = inputs.arguments;
    let mut new = Function { arguments, diagnostic_filter_leaf, ..Function::default() };
    let old = inner(module, old);

    let mut code = Code::new(&mut new.expressions, Span::UNDEFINED);
    let arguments = (0..module.functions[old].arguments.len() as u32)
        .map(|index| code.name(Expression::FunctionArgument(index)))
        .collect();
    code.statement(Statement::Call { function: old, arguments, result: None });

    let call = |code: &mut Code<'_>, arguments| {
        code.statement(Statement::Call { function: add, arguments, result: None });
    };
    let zero = code.number(0);
    let index = index.read(&mut code);
    let launched = {
        let [column, columns] = [&group, &groups].map(|input| {
            let base = input.read(&mut code);
            code.emit(Expression::AccessIndex { base, index: 0 })
        });
        let accept = code.binary_number(Op::Multiply, columns, size);
        let either = code.binary(Op::InclusiveOr, index, column);
        let condition = code.binary_number(Op::Equal, either, 0);
        code.emit(Expression::Select { condition, accept, reject: zero })
    };
    if shared {
        let ty = types.array(module, 2 * rows);
        let sums = declare(module, "flopmeter_sums", AddressSpace::WorkGroup, ty, None);
        match lane {
            Some(lane) => {
                let lane = lane.read(&mut code);
                share_by_subgroup(&mut code, types, counters, sums, lane);
            }
            None => share(&mut code, types, counters, sums),
        }
        code.statement(Statement::ControlBarrier(Barrier::WORK_GROUP));
        // Invocation i hands over counter i, i + size, ...
        for from in (0..rows).step_by(size as usize) {
            let row = code.binary_number(Op::Add, index, from);
            let condition = code.binary_number(Op::Less, row, rows);
            let accept = code.inside(|code| {
                let (mut low, high) = sum(code, sums, row);
                if from == 0 {
                    // The sum of row 0 is 0, and only there is this anything else.
                    low = code.binary(Op::Add, low, launched);
                }
                call(code, vec![row, low, high]);
            });
            code.statement(Statement::If { condition, accept, reject: Block::new() });
        }
    } else {
        let row = code.number(0);
        call(&mut code, vec![row, launched, zero]);
        for (counter, row) in counters.iter().zip(1..) {
            let value = load(&mut code, counter);
            let row = code.number(row);
            call(&mut code, vec![row, value, zero]);
        }
    }
    code.statement(Statement::Return { value: None });
    new.body = code.block;
    module.entry_points[0].function = new;
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

/// `fn (counter, low, high)`: adds `low + high * 2^32` to a counter of the buffer.
fn add_to_buffer(types: &Types, buffer: Handle<GlobalVariable>) -> Function {
    let argument = |name: &str| FunctionArgument {
        name: Some(name.to_owned()),
        ty: types.number,
        binding: None,
    };
    let mut function = Function {
        name: Some("flopmeter_add".to_owned()),
        arguments: vec![argument("counter"), argument("low"), argument("high")],
        ..Function::default()
    };
    let mut code = Code::new(&mut function.expressions, Span::UNDEFINED);
    let [counter, low, high] = [0, 1, 2].map(|i| code.name(Expression::FunctionArgument(i)));
    let buffer = code.global(buffer);
    let either = code.binary(Op::InclusiveOr, low, high);
    code.unless_zero(either, |code| {
        let index = code.binary_number(Op::Multiply, counter, 2);
        let pointer = code.emit(Expression::Access { base: buffer, index });
        let before = code.atomic_add(pointer, low, types.number);
        let after = code.binary(Op::Add, before, low);
        let carry = code.less(after, before);
        let high = code.binary(Op::Add, high, carry);
        code.unless_zero(high, |code| {
            let index = code.binary_number(Op::Add, index, 1);
            let pointer = code.emit(Expression::Access { base: buffer, index });
            code.atomic_add(pointer, high, types.number);
        });
    });
    code.statement(Statement::Return { value: None });
    function.body = code.block;
    function
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

/// Adds a subgroup's counters to the workgroup's sums: each limb is summed over the subgroup, where up
/// to 65536 lanes cannot overflow it, and one lane adds the sums.
fn share_by_subgroup(
    code: &mut Code<'_>,
    types: &Types,
    counters: &[Counter],
    sums: Handle<GlobalVariable>,
    lane: Handle<Expression>,
) {
    let first = code.subgroup_first(lane, types.number);
    let mut limbs = Vec::new();
    for (counter, limb) in counters.iter().zip((2..).step_by(2)) {
        let value = load(code, counter);
        if counter.once {
            limbs.push((limb, code.subgroup_sum(value, types.number)));
        } else {
            let low = code.binary_number(Op::And, value, 0xffff);
            let high = code.binary_number(Op::ShiftRight, value, 16);
            limbs.push((limb, code.subgroup_sum(low, types.number)));
            limbs.push((limb + 1, code.subgroup_sum(high, types.number)));
        }
    }
    let condition = code.binary(Op::Equal, lane, first);
    let accept = code.inside(|code| {
        for (limb, sum) in limbs {
            add_unless_zero(code, types, sums, limb, sum);
        }
    });
    code.statement(Statement::If { condition, accept, reject: Block::new() });
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

/// A workgroup's sum, from limbs of 16 bits to limbs of 32.
fn sum(
    code: &mut Code<'_>,
    sums: Handle<GlobalVariable>,
    counter: Handle<Expression>,
) -> (Handle<Expression>, Handle<Expression>) {
    let base = code.global(sums);
    let index = code.binary_number(Op::Multiply, counter, 2);
    let pointer = code.emit(Expression::Access { base, index });
    let low = code.load(pointer);
    let index = code.binary_number(Op::Add, index, 1);
    let pointer = code.emit(Expression::Access { base, index });
    let high = code.load(pointer);
    let shifted = code.binary_number(Op::ShiftLeft, high, 16);
    let total = code.binary(Op::Add, low, shifted);
    let carry = code.less(total, low);
    let above = code.binary_number(Op::ShiftRight, high, 16);
    (total, code.binary(Op::Add, above, carry))
}

/// What the new entry point is given: what the old one was, and what the flush needs beside it.
struct Inputs<'a> {
    module: &'a Module,
    arguments: Vec<FunctionArgument>,
}

impl Inputs<'_> {
    /// Finds a built-in value among the arguments and their members, or adds it.
    fn find(&mut self, built_in: BuiltIn, ty: Handle<Type>, name: &str) -> Input {
        let wanted = Some(Binding::BuiltIn(built_in));
        let found = self.arguments.iter().zip(0..).find_map(|(argument, index)| {
            if argument.binding == wanted {
                return Some(Input { argument: index, member: None });
            }
            let TypeInner::Struct { members, .. } = &self.module.types[argument.ty].inner else {
                return None;
            };
            let member = members.iter().position(|member| member.binding == wanted)?;
            Some(Input { argument: index, member: Some(member as u32) })
        });
        found.unwrap_or_else(|| {
            let name = Some(name.to_owned());
            self.arguments.push(FunctionArgument { name, ty, binding: wanted });
            Input { argument: self.arguments.len() as u32 - 1, member: None }
        })
    }
}

/// Where a built-in value is found.
struct Input {
    argument: u32,
    member: Option<u32>,
}

impl Input {
    fn read(&self, code: &mut Code<'_>) -> Handle<Expression> {
        let base = code.name(Expression::FunctionArgument(self.argument));
        self.member.map_or(base, |index| code.emit(Expression::AccessIndex { base, index }))
    }
}

/// Makes the old entry point a function that takes its built-in values as plain arguments.
fn inner(module: &mut Module, mut entry: Function) -> Handle<Function> {
    entry.name = Some(module.entry_points[0].name.clone());
    for argument in &mut entry.arguments {
        argument.binding = None;
    }
    module.functions.append(entry, Span::UNDEFINED)
}
