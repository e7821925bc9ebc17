//! Subgroup operations: lanes of a subgroup, which are neighbours, see each other's registers. What a
//! lane that is not active would give is 0, and it takes no part in a reduction.

use super::{Machine, Mask, active};
use crate::execute::cpu::{
    alu::{Alu, CHUNK},
    program::{Reg, Subgroup},
    wide,
};

pub(super) fn execute(
    machine: &mut Machine<'_>,
    mask: Mask<'_>,
    op: Subgroup,
    is_wide: bool,
    to: [Reg; 4],
    from: [Reg; 2],
    index: [Reg; 2],
) {
    let width = machine.program.subgroup as usize;
    let halves = if is_wide { 2 } else { 1 };
    for start in (0..machine.lanes).step_by(width) {
        let lanes = start..(start + width).min(machine.lanes);
        let is_active =
            |lane: usize| lanes.contains(&lane) && active(mask, lane / CHUNK, lane % CHUNK);
        let read = |machine: &Machine<'_>, pair: [Reg; 2], lane: usize| -> u64 {
            let low = u64::from(machine.word(pair[0], lane));
            if is_wide { low | u64::from(machine.word(pair[1], lane)) << 32 } else { low }
        };
        let values: Vec<u64> = lanes
            .clone()
            .map(|lane| if is_active(lane) { read(machine, from, lane) } else { 0 })
            .collect();
        let first = lanes.clone().find(|&lane| is_active(lane));
        let Some(first) = first else { continue };
        if op == Subgroup::Ballot {
            let mut bits = [0_u32; 4];
            for (place, lane) in lanes.clone().enumerate() {
                if is_active(lane) && values[place] != 0 && place < 128 {
                    bits[place / 32] |= 1 << (place % 32);
                }
            }
            for lane in lanes {
                for (reg, bits) in to.into_iter().zip(bits) {
                    machine.set_word(reg, lane, bits);
                }
            }
            continue;
        }
        let combine = |op: Alu, a: u64, b: u64| -> u64 {
            if is_wide {
                wide::wide(op, [a, b, 0]).unwrap_or_default()
            } else {
                op.one([a as u32, b as u32, 0]).into()
            }
        };
        // What each lane's operand is: an index into the subgroup, or the neutral element.
        let operands: Vec<u64> = lanes.clone().map(|lane| read(machine, index, lane)).collect();
        let total = match op {
            Subgroup::Reduce(alu) => {
                lanes.clone().filter(|&lane| is_active(lane)).fold(None, |sum, lane| {
                    let value = values[lane - start];
                    Some(sum.map_or(value, |sum| combine(alu, sum, value)))
                })
            }
            _ => None,
        };
        let mut running = operands[first - start];
        for lane in lanes.clone() {
            if !is_active(lane) {
                continue;
            }
            let place = lane - start;
            let other = |at: Option<usize>| at.and_then(|at| values.get(at)).copied().unwrap_or(0);
            let operand = operands[place] as u32 as usize;
            let value = match op {
                Subgroup::First => values[first - start],
                Subgroup::Lane => other(Some(operand)),
                Subgroup::Down => other(place.checked_add(operand)),
                Subgroup::Up => other(place.checked_sub(operand)),
                Subgroup::Xor => other(Some(place ^ operand)),
                Subgroup::Quad => other(Some((place & !3) + (operand & 3))),
                Subgroup::Reduce(_) => total.unwrap_or_default(),
                Subgroup::Inclusive(alu) => {
                    running = combine(alu, running, values[place]);
                    running
                }
                Subgroup::Exclusive(alu) => {
                    let before = running;
                    running = combine(alu, running, values[place]);
                    before
                }
                Subgroup::Ballot => 0,
            };
            for (reg, half) in to.into_iter().zip([value as u32, (value >> 32) as u32]).take(halves)
            {
                machine.set_word(reg, lane, half);
            }
        }
    }
}
