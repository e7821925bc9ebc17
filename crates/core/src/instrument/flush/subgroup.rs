//! Adding counters up within a subgroup, as many at once as fit into 32 bits, and sharing the sums out
//! among its lanes, so that one atomic does for all.
//!
//! Counter 0 is summed with the others or beside them, so it says how many lanes the sums are of.

use naga::{BinaryOperator as Op, Expression, Handle, Type};

use super::queue::Queue;
use crate::instrument::code::Code;

/// Which lanes of a subgroup add up.
#[derive(Clone, Copy)]
pub(super) enum Lanes {
    /// All of them, a power of two, in butterflies of shuffles. Right where a subgroup is one vector under a
    /// mask and whole: at the top level of the entry point, behind the call, every lane is unmasked again.
    /// Counter 0 is the lanes that were given a round of a loop (`rounds`), so a masked one is missing there.
    /// A ballot would say the same, but Mesa's llvmpipe makes a tour of the lanes for it.
    Vector {
        /// How many.
        lanes: u32,
        /// Whether a lane is given its number.
        numbered: bool,
    },
    /// Those that are active together, whichever they are, in collective operations.
    Active {
        /// How many they are at most, a power of two.
        most: u32,
    },
}

impl Lanes {
    const fn most(self) -> u32 {
        match self {
            Self::Vector { lanes, .. } => lanes,
            Self::Active { most } => most,
        }
    }

    fn sum(
        self,
        code: &mut Code<'_>,
        number: Handle<Type>,
        value: Handle<Expression>,
    ) -> Handle<Expression> {
        match self {
            Self::Vector { lanes, .. } => code.vector_sum(value, number, lanes),
            Self::Active { .. } => code.active_sum(value, number),
        }
    }
}

/// The sum of a counter over the lanes that add up.
struct Sum {
    row: u32,
    value: Handle<Expression>,
}

/// Adds up `counters`, each with whether it is 0 or 1, and puts the sums. `here` is 1 where the invocation is
/// active and 0 where it is not; `lane` is its number in its vector where it is given that.
pub(super) fn gather(
    code: &mut Code<'_>,
    queue: &mut Queue<'_>,
    counters: &[(bool, Handle<Expression>)],
    lanes: Lanes,
    here: Handle<Expression>,
    lane: Option<Handle<Expression>>,
) {
    let number = queue.number;
    let (mut own, mut once, mut many) = (Vec::new(), vec![Sum { row: 0, value: here }], Vec::new());
    for (&(is_once, value), row) in counters.iter().zip(1..) {
        let kind = if is_once { &mut once } else { &mut many };
        kind.push(Sum { row, value });
    }
    let mut sums = Vec::new();
    // A sum of ones is the number of lanes at most.
    let width = lanes.most().ilog2() + 1;
    for together in once.chunks((u32::BITS / width) as usize) {
        sums.extend(summed(code, number, together, width, lanes));
    }
    for together in many.chunks(2) {
        // What is above the bits that are summed, in a counter of which that is seldom, is its own lane's
        // to hand over.
        let width = u32::BITS / together.len() as u32;
        let summable = u32::MAX >> (u32::BITS - width + lanes.most().ilog2());
        let low: Vec<Sum> = together
            .iter()
            .map(|&Sum { row, value }| {
                own.push(Sum { row, value: code.binary_number(Op::And, value, !summable) });
                Sum { row, value: code.binary_number(Op::And, value, summable) }
            })
            .collect();
        sums.extend(summed(code, number, &low, width, lanes));
    }
    let lane = lane.unwrap_or_else(|| code.rank(number));
    match lanes {
        Lanes::Vector { lanes, .. } => share_among_all(code, queue, &sums, lane, lanes),
        Lanes::Active { .. } => share_among_active(code, queue, &sums, lane),
    }
    for Sum { row, value } in own {
        queue.put(code, row, value);
    }
}

/// Sums of counters, each of which has so many bits of the word that is summed.
fn summed(
    code: &mut Code<'_>,
    number: Handle<Type>,
    counters: &[Sum],
    width: u32,
    lanes: Lanes,
) -> Vec<Sum> {
    let mut word = counters[0].value;
    for (counter, index) in counters.iter().zip(0..).skip(1) {
        let shifted = code.binary_number(Op::ShiftLeft, counter.value, index * width);
        word = code.binary(Op::InclusiveOr, word, shifted);
    }
    let word = lanes.sum(code, number, word);
    let field = |(counter, index): (&Sum, u32)| {
        let shifted = code.binary_number(Op::ShiftRight, word, index * width);
        let value = code.binary_number(Op::And, shifted, u32::MAX >> (u32::BITS - width));
        Sum { row: counter.row, value }
    };
    counters.iter().zip(0..).map(field).collect()
}

/// Puts sums where every lane is there: lane i hands over the sums i, i + lanes, and so on.
fn share_among_all(
    code: &mut Code<'_>,
    queue: &mut Queue<'_>,
    sums: &[Sum],
    lane: Handle<Expression>,
    lanes: u32,
) {
    for turn in sums.chunks(lanes as usize) {
        let (mut limb, mut amount) = (code.number(2 * turn[0].row), turn[0].value);
        // With a single lane there is nothing to select.
        for (sum, place) in turn.iter().zip(0..).skip(1) {
            let condition = code.binary_number(Op::Equal, lane, place);
            let its_limb = code.number(2 * sum.row);
            limb = code.select(condition, its_limb, limb);
            amount = code.select(condition, sum.value, amount);
        }
        // Lanes beyond the sums have taken the first one's so far.
        if turn.len() < lanes as usize {
            let condition = code.binary_number(Op::Less, lane, turn.len() as u32);
            let nothing = code.number(0);
            amount = code.select(condition, amount, nothing);
        }
        queue.put_at(code, limb, amount);
    }
}

/// Puts sums where some lanes may be missing: the active lane of rank i hands over sum i, and the first one
/// what is left.
fn share_among_active(
    code: &mut Code<'_>,
    queue: &mut Queue<'_>,
    sums: &[Sum],
    rank: Handle<Expression>,
) {
    let active = sums[0].value;
    for (sum, place) in sums.iter().zip(0..) {
        let nothing = code.number(0);
        let place = code.number(place);
        let there = code.binary(Op::Less, place, active);
        let owner = code.select(there, place, nothing);
        let condition = code.binary(Op::Equal, rank, owner);
        let amount = code.select(condition, sum.value, nothing);
        queue.put(code, sum.row, amount);
    }
}
