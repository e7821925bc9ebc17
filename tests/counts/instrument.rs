//! Evidence for the instrumenter: hand-counted fixtures for each form of control flow, run on a device,
//! plain and instrumented outputs compared bit for bit, and every check seen to fail.

mod cut;
mod data;
mod harness;
mod lost;
mod overflow;
mod prices;
mod random;
mod rewriting;

use self::harness::{CONTROL, CROWDED, counted, kernel};
use flopmeter::{
    execute::{Executor as _, Limits, cpu::Cpu},
    op::{Cost, Op, OpCounts, Traffic},
};

/// Invocations that run each entry point of `control.wgsl`.
const N: u64 = 120;

fn f32s(list: &[(Op, u64)]) -> OpCounts {
    list.iter().map(|&(op, count)| OpCounts::f32(op, count)).sum()
}

/// How many of the invocations satisfy something.
fn those(condition: impl Fn(u64) -> bool) -> u64 {
    (0..N).filter(|&i| condition(i)).count() as u64
}

/// Each entry point of `control.wgsl` with the floating-point operations and the storage traffic, in
/// words loaded and stored, that its source says.
fn expectations() -> Vec<(&'static str, OpCounts, [u64; 2])> {
    use Op::*;
    // nested_loops, for each i: all rounds j <= i, and one more that breaks, while j < 5.
    let (adds, muls) = [0, 1, 2, 3, 5].iter().fold((0, 0), |(adds, muls), &i: &u64| match i {
        i if i < 4 => (adds + i + 2, muls + i + 1),
        _ => (adds + 5, muls + 5),
    });
    // break_if: i % 4 + 1 rounds, of which every other one skips the product.
    let rounds: u64 = (0..N).map(|i| i % 4 + 1).sum();
    let products: u64 = (0..N).map(|i| (i % 4 + 2) / 2).sum();
    // switches: over its five rounds an invocation takes each of the five ways once; where the way 2 is
    // taken in round 0, that is where i % 5 is 2, it breaks before its product.
    let broken = those(|i| i % 5 == 2);
    // short_circuit: the first condition evaluates its product where i < 50 and holds there, since x >= 0.
    // The second evaluates its negation where i >= 30 and never holds there, since x > 0.
    let first = those(|i| i < 50);
    let second = those(|i| i >= 30);
    // calls: leaf(_, 1) multiplies. branch calls leaf for i, i + 1, i + 2 and i again.
    let leaves: u64 =
        (0..20).map(|i| [i, i + 1, i + 2, i].iter().filter(|&j| j % 2 == 1).count() as u64).sum();
    let local = 3 * 11;
    vec![
        ("straight", f32s(&[(Mul, N), (Add, N)]), [N, N]),
        ("early_return", f32s(&[(Mul, 100)]), [100, 100]),
        ("if_else", f32s(&[(Add, 40), (Mul, 40), (Neg, 40), (Sqrt, N), (Abs, N)]), [N, N]),
        ("for_loop", f32s(&[(Fma, 10 * N)]), [N, N]),
        ("triangle", f32s(&[(Add, N * (N - 1) / 2)]), [N, N]),
        ("nested_loops", f32s(&[(Add, N * adds), (Mul, N * muls), (Neg, N * 5)]), [N, N]),
        ("break_if", f32s(&[(Add, rounds), (Mul, products), (Abs, rounds)]), [N, N]),
        ("while_return", f32s(&[(Add, 36 + 8 * (N - 8)), (Neg, 8), (Mul, N - 8)]), [N, N]),
        ("switches", f32s(&[(Add, 2 * N), (Mul, N - broken), (Neg, N), (Abs, 4 * N)]), [N, N]),
        (
            "short_circuit",
            f32s(&[
                (Mul, first),
                (Neg, second),
                (Compare, first + second),
                (Add, first),
                (Sqrt, 30),
            ]),
            [first + first + second + 30, first + 30],
        ),
        ("calls", f32s(&[(Mul, N + leaves), (Add, 3 * 20)]), [N, N]),
        ("struct_input", f32s(&[(Mul, local)]), [local, local]),
        ("index_input", f32s(&[(Mul, local)]), [local, local]),
        ("return_only", f32s(&[(Add, 7 * N)]), [7 * N, 7 * N]),
    ]
}

#[test]
fn every_form_of_control_flow_is_counted_exactly() {
    common::on_every_executor(|gpu| {
        // However the counters are gathered: by workgroups, invocation by invocation, and with whatever this
        // adapter has, subgroups perhaps.
        let cramped = Limits { workgroup_bytes: 7, ..Limits::WEBGPU };
        for limits in [Limits::WEBGPU, cramped, gpu.adapter().limits] {
            for (entry, ops, [loaded, stored]) in expectations() {
                let kernel = kernel(CONTROL, entry, &[]);
                let cost = counted(&mut *gpu, &kernel, &limits, [3, 1, 1]).cost;
                let storage = (cost.traffic.storage_load, cost.traffic.storage_store);
                assert_eq!(cost.ops.floating(), ops, "{entry}");
                assert_eq!(storage, (4 * loaded, 4 * stored), "{entry}");
            }
        }
    });
}

/// Workgroups of 40 are whole subgroups of these sizes, from fewer lanes than counters to more.
#[test]
fn subgroups_of_any_size_hand_counters_over() {
    for lanes in [1, 2, 4, 8] {
        let mut embedded = Cpu::new(lanes).unwrap();
        let limits = embedded.adapter().limits;
        for (entry, ops, _) in expectations() {
            let seen = counted(&mut embedded, &kernel(CONTROL, entry, &[]), &limits, [3, 1, 1]);
            assert_eq!(seen.cost.ops.floating(), ops, "{entry}, {lanes} lanes");
        }
    }
}

#[test]
fn a_crowded_module_is_counted_with_all_its_traffic() {
    common::on_every_executor(|gpu| {
        let kernel = kernel(CROWDED, "main", &[("LANES", 64.0)]);
        let cost = counted(&mut *gpu, &kernel, &Limits::WEBGPU, [5, 1, 1]).cost;
        let (groups, lanes) = (5_u64, 64_u64);
        // A tree over 64 elements adds 63 times, in 6 rounds.
        let expected = Cost {
            ops: f32s(&[
                (Op::Mul, groups * lanes),
                (Op::Convert, groups * lanes),
                (Op::Add, groups * (lanes - 1)),
            ]),
            traffic: Traffic {
                storage_load: 4 * groups * lanes,
                storage_store: 4 * groups,
                uniform_load: 4 * groups * lanes,
                workgroup_load: 4 * groups * (2 * (lanes - 1) + lanes),
                workgroup_store: 4 * groups * (lanes + lanes - 1),
                atomics: groups,
                // One, one a round, and two around the uniform load.
                barriers: groups * (1 + 6 + 2),
                ..Traffic::default()
            },
        };
        assert_eq!(Cost { ops: cost.ops.floating(), ..cost }, expected);
    });
}
