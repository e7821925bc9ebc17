//! Kernels whose operations depend on their data, against plain Rust that does what they must.

use flopmeter::{
    execute::Limits,
    op::{Op, OpCounts},
};

use super::harness::{counted, kernel, number};

const SOURCE: &str = include_str!("../../fixtures/data.wgsl");
const GROUPS: usize = 3;
const LANES: usize = 32;

/// What the harness puts into `x`.
fn numbers() -> impl Iterator<Item = f32> {
    (0..GROUPS * LANES).map(number)
}

/// Checks the floating-point operations, the atomics and the barriers of an entry point.
fn check(entry: &str, ops: OpCounts, [atomics, barriers]: [u64; 2]) {
    common::on_every_executor(|executor| {
        let cramped = Limits { workgroup_bytes: 7, ..Limits::WEBGPU };
        for limits in [Limits::WEBGPU, cramped, executor.adapter().limits] {
            let kernel = kernel(SOURCE, entry, &[]);
            let cost = counted(executor, &kernel, &limits, [GROUPS as u32, 1, 1]).cost;
            assert_eq!(cost.ops.floating(), ops, "{entry}");
            assert_eq!(
                [cost.traffic.atomics, cost.traffic.barriers],
                [atomics, barriers],
                "{entry}"
            );
        }
    });
}

#[test]
fn a_loop_takes_as_long_as_its_data_say() {
    let mut ops = OpCounts::ZERO;
    let mut count = |op| ops = ops + OpCounts::f32(op, 1);
    for x in numbers() {
        count(Op::Fma);
        let mut n = x * 4.0 - 1.0;
        loop {
            count(Op::Compare);
            if n <= 1.0 {
                break;
            }
            [Op::Mul, Op::Round, Op::Compare, Op::Add].into_iter().for_each(&mut count);
            n = if n % 2.0 == 0.0 {
                n / 2.0
            } else {
                count(Op::Fma);
                3.0 * n + 1.0
            };
        }
    }
    check("collatz", ops, [0, 0]);
}

#[test]
fn invocations_leave_by_different_ways_at_different_times() {
    let mut ops = OpCounts::ZERO;
    let mut count = |op| ops = ops + OpCounts::f32(op, 1);
    let mut ways = [0; 4];
    'invocations: for step in numbers() {
        count(Op::Compare);
        if step < 1.0 {
            ways[0] += 1;
            continue;
        }
        count(Op::Mul);
        let mut sum = step * 2.0;
        for i in 0..10 {
            count(Op::Compare);
            if sum > 20.0 {
                count(Op::Neg);
                ways[1] += 1;
                continue 'invocations;
            }
            if i == 7 {
                break;
            }
            [Op::Add, Op::Compare].into_iter().for_each(&mut count);
            sum += step;
            if sum == 12.0 {
                count(Op::Abs);
                ways[2] += 1;
                continue 'invocations;
            }
        }
        count(Op::Sqrt);
        ways[3] += 1;
    }
    assert!(ways.iter().all(|&taken| taken > 0), "every way is taken: {ways:?}");
    check("exits", ops, [0, 0]);
}

#[test]
fn atomics_and_barriers_are_counted_as_they_ran() {
    let all = (GROUPS * LANES) as u64;
    let numbers: Vec<f32> = numbers().collect();
    let mut atomics = all + (GROUPS * 17) as u64;
    for group in numbers.chunks(LANES) {
        let mut bins = [0; 17];
        group.iter().for_each(|x| bins[(x * 4.0 - 2.0) as usize] += 1);
        atomics += bins.iter().filter(|&&held| held > 1).count() as u64;
    }
    let ops = OpCounts::f32(Op::Fma, all) + OpCounts::f32(Op::Convert, all);
    check("histogram", ops, [atomics, GROUPS as u64]);
}
