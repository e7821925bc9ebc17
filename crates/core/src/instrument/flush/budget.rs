//! Looking whether an adapter's budget of loop rounds has lasted to the end of an invocation. Knows that
//! such an adapter, once the budget is used up, ends every loop after one round; and which loop of the
//! kernel took most of it.
//!
//! Two rounds are tried behind everything else that an invocation does. If they are had, no loop before
//! was cut off, that of the flush included; if not, the invocation adds itself to the cut ones of the loop
//! that it went round most. The adapter counts the rounds of a subgroup, for as long as one of its lanes
//! is in the loop, so no lane could know from its own.

use naga::{
    Arena, BinaryOperator as Op, Block, Expression, GlobalVariable, Handle, LocalVariable,
    Statement, Type,
};

use super::rounds;
use crate::{
    flow::Flow,
    instrument::code::Code,
    table::{Loop, Rows},
};

/// Rounds to try; an adapter whose budget is used up gives one.
const WANTED: u32 = 2;

/// The loops that take of a budget of rounds.
pub(in crate::instrument) struct Budget<'a> {
    /// All loops that the kernel may execute.
    pub(in crate::instrument) loops: &'a [Loop],
}

impl Budget<'_> {
    /// Looks, and where the budget is used up, says so in the rows behind the counters. `counters` are the
    /// values of the private ones, from counter 1 on, and `groups` the extent of the grid.
    pub(super) fn look(
        &self,
        code: &mut Code<'_>,
        locals: &mut Arena<LocalVariable>,
        number: Handle<Type>,
        counters: &[Handle<Expression>],
        groups: Handle<Expression>,
        (buffer, stripe, rows): (Handle<GlobalVariable>, Handle<Expression>, Rows),
    ) {
        let had = rounds::given(code, locals, number, groups, WANTED);
        let cut = code.binary_number(Op::Less, had, WANTED);
        let chief = self.chief(code, counters);
        let accept = code.inside(|code| {
            let limb = code.binary_number(Op::Add, chief, rows.cut_limb());
            let index = code.binary(Op::Add, stripe, limb);
            let base = code.global(buffer);
            let pointer = code.emit(Expression::Access { base, index });
            let one = code.number(1);
            code.atomic_add(pointer, one, number);
        });
        code.statement(Statement::If { condition: cut, accept, reject: Block::new() });
    }

    /// Which loop this invocation went round most; the number of loops where it went round none.
    fn chief(&self, code: &mut Code<'_>, counters: &[Handle<Expression>]) -> Handle<Expression> {
        let mut chief = code.number(self.loops.len() as u32);
        let mut most = code.number(0);
        for (the_loop, index) in self.loops.iter().zip(0..) {
            let rounds = flow_of(code, &the_loop.rounds, counters);
            // What a cut loop makes of the flow may be a round short of none.
            let more = code.binary(Op::Less, most, rounds);
            let sane = code.binary_number(Op::Less, rounds, 1 << 31);
            let condition = code.binary(Op::LogicalAnd, more, sane);
            let index = code.number(index);
            chief = code.select(condition, index, chief);
            most = code.select(condition, rounds, most);
        }
        chief
    }
}

/// A flow of this invocation, modulo 2^32.
fn flow_of(
    code: &mut Code<'_>,
    flow: &Flow,
    counters: &[Handle<Expression>],
) -> Handle<Expression> {
    let mut sum = None;
    for (counter, times) in flow.terms() {
        let times = times as u32;
        let term = match counter.checked_sub(1) {
            None => code.number(times),
            Some(index) if times == 1 => counters[index as usize],
            Some(index) => code.binary_number(Op::Multiply, counters[index as usize], times),
        };
        sum = Some(sum.map_or(term, |sum| code.binary(Op::Add, sum, term)));
    }
    sum.unwrap_or_else(|| code.number(0))
}
