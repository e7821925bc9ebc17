//! Adding counters up within a workgroup: in atomics of workgroup memory, two limbs of 16 bits a counter,
//! which up to 65536 invocations cannot overflow. Relies on a barrier, which stands at the top level of the
//! entry point, where WGSL has control uniform whatever the kernel did before.

use naga::{
    Barrier, BinaryOperator as Op, Block, Expression, GlobalVariable, Handle, Statement, Type,
};

use super::queue::Queue;
use crate::instrument::code::Code;

/// Bytes of workgroup memory that a counter takes.
pub(super) const COUNTER_BYTES: u64 = 8;

/// Adds up `counters`, each with whether it is 0 or 1, and puts the sums. The invocation of `index` puts
/// counters `index`, `index + size`, and so on.
pub(super) fn gather(
    code: &mut Code<'_>,
    queue: &mut Queue<'_>,
    counters: &[(bool, Handle<Expression>)],
    sums: Handle<GlobalVariable>,
    (index, size): (Handle<Expression>, u32),
) {
    add_up(code, queue.number, counters, sums);
    let rows = counters.len() as u32 + 1;
    for from in (0..rows).step_by(size as usize) {
        let row = code.binary_number(Op::Add, index, from);
        take(code, queue, sums, row, rows);
    }
}

/// Adds up `counters` and waits for the workgroup.
pub(super) fn add_up(
    code: &mut Code<'_>,
    number: Handle<Type>,
    counters: &[(bool, Handle<Expression>)],
    sums: Handle<GlobalVariable>,
) {
    let one = code.number(1);
    add(code, number, sums, 0, one);
    for (&(once, value), limb) in counters.iter().zip((2..).step_by(2)) {
        if once {
            add_unless_zero(code, number, sums, limb, value);
        } else {
            let low = code.binary_number(Op::And, value, 0xffff);
            let high = code.binary_number(Op::ShiftRight, value, 16);
            add_unless_zero(code, number, sums, limb, low);
            add_unless_zero(code, number, sums, limb + 1, high);
        }
    }
    code.statement(Statement::ControlBarrier(Barrier::WORK_GROUP));
}

fn add(
    code: &mut Code<'_>,
    number: Handle<Type>,
    sums: Handle<GlobalVariable>,
    limb: u32,
    value: Handle<Expression>,
) {
    let base = code.global(sums);
    let pointer = code.emit(Expression::AccessIndex { base, index: limb });
    code.atomic_add(pointer, value, number);
}

fn add_unless_zero(
    code: &mut Code<'_>,
    number: Handle<Type>,
    sums: Handle<GlobalVariable>,
    limb: u32,
    value: Handle<Expression>,
) {
    code.unless_zero(value, |code| add(code, number, sums, limb, value));
}

/// Puts the sum of counter `row`, if there are so many, from limbs of 16 bits to limbs of 32.
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
        for (pointer, value) in [low, high].into_iter().zip(halves(code, sums, low_limb, high_limb))
        {
            code.statement(Statement::Store { pointer, value });
        }
    });
    code.statement(Statement::If { condition, accept, reject: Block::new() });
    queue.put_variable(code, low_limb, low);
    queue.put_variable(code, high_limb, high);
}

/// The low and the high half, of 32 bits each, of what two limbs of 16 bits hold.
pub(super) fn halves(
    code: &mut Code<'_>,
    sums: Handle<GlobalVariable>,
    low_limb: Handle<Expression>,
    high_limb: Handle<Expression>,
) -> [Handle<Expression>; 2] {
    let base = code.global(sums);
    let [below, above] = [low_limb, high_limb].map(|index| {
        let pointer = code.emit(Expression::Access { base, index });
        code.load(pointer)
    });
    let shifted = code.binary_number(Op::ShiftLeft, above, 16);
    let total = code.binary(Op::Add, below, shifted);
    let carry = code.less(total, below);
    let above = code.binary_number(Op::ShiftRight, above, 16);
    [total, code.binary(Op::Add, above, carry)]
}
