//! Adapters that end loops before they are done: a count is right, or it is said that the kernel was cut
//! off and in which loop. Never is it smaller.

use flopmeter::{
    KernelError,
    execute::{Executor, Limits},
    instrument::instrument,
    kernel::KernelModule,
    op::{Op, OpCounts},
};
use flopmeter_core::source::SourceLine;

use super::harness::{kernel, trial, ways};

/// Rounds that no driver has been seen to cut off, and more than the smallest budget.
const FEW: u32 = 1000;
const MANY: u32 = 100_000;

/// One loop of ROUNDS rounds; with nested loops, and with rounds that only one lane of a subgroup takes.
const SOURCE: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
override ROUNDS: u32;
@compute @workgroup_size(1)
fn one(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = x[id.x];
    for (var i = 0u; i < ROUNDS; i++) {
        sum = sum * 1.0001 + 0.5;
    }
    x[id.x] = sum;
}
@compute @workgroup_size(32)
fn whole_subgroups(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = x[id.x];
    for (var i = 0u; i < ROUNDS; i++) {
        sum = sum * 1.0001 + 0.5;
    }
    x[id.x] = sum;
}
@compute @workgroup_size(32)
fn one_lane(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = x[id.x];
    let rounds = select(3u, ROUNDS, id.x % 32u == 5u);
    for (var i = 0u; i < rounds; i++) {
        sum = sum * 1.0001 + 0.5;
    }
    x[id.x] = sum;
}
@compute @workgroup_size(1)
fn nested(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = x[id.x];
    for (var i = 0u; i < ROUNDS / 100u; i++) {
        for (var j = 0u; j < 100u; j++) {
            sum = sum * 1.0001 + 0.5;
        }
    }
    x[id.x] = sum;
}
";

/// What a kernel counts, or why not, and how many products it has.
fn counted(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    limits: &Limits,
) -> Result<OpCounts, KernelError> {
    let counting = instrument(kernel, limits).unwrap();
    let trial = trial(executor, kernel, &counting).unwrap();
    let counted = trial.count(executor, [2, 1, 1]);
    let counted = counted.map_err(|error| error.kernel().expect("an error of the kernel").clone());
    Ok(counted?.cost.ops.floating())
}

#[test]
fn a_long_loop_is_counted_or_said_to_be_cut_off() {
    common::on_every_executor(|executor| {
        let own = executor.adapter().limits;
        // The rounds of one lane are those of its subgroup.
        let lanes = own.subgroup_lanes.unwrap_or(1).into();
        for (entry, invocations, line) in
            [("one", 1, 6), ("whole_subgroups", 32, 14), ("one_lane", lanes, 23), ("nested", 1, 32)]
        {
            for rounds in [FEW, MANY] {
                let kernel = kernel(SOURCE, entry, &[("ROUNDS", rounds.into())]);
                let long = u64::from(rounds);
                let products = match entry {
                    "whole_subgroups" => 32 * long,
                    "one_lane" => long + 31 * 3,
                    _ => long,
                };
                let products = 2 * products;
                let right = OpCounts::f32(Op::Mul, products) + OpCounts::f32(Op::Add, products);
                for (_, limits) in ways(own) {
                    let found = counted(&mut *executor, &kernel, &limits);
                    match own.loop_rounds {
                        Some(budget) if rounds > budget => {
                            let kernel = kernel.name.clone();
                            let invocations = 2 * invocations;
                            let line = SourceLine { file: None, number: line };
                            let loops = vec![(Some(line), invocations)];
                            let cut = KernelError::Cut { kernel, invocations, budget, loops };
                            assert_eq!(found, Err(cut), "{entry}");
                        }
                        _ => assert_eq!(found, Ok(right), "{entry}, {rounds} rounds"),
                    }
                }
            }
        }
    });
}

/// Around the last round that is had, a count is right or the kernel is said to be cut off; and it is right
/// until the last few.
#[test]
fn the_last_rounds_of_a_budget_are_right_or_refused() {
    common::on_every_executor(|executor| {
        let limits = executor.adapter().limits;
        let budget = limits.loop_rounds.unwrap_or(65535);
        for rounds in budget - 12..budget + 3 {
            let kernel = kernel(SOURCE, "whole_subgroups", &[("ROUNDS", rounds.into())]);
            let products = 2 * 32 * u64::from(rounds);
            let right = OpCounts::f32(Op::Mul, products) + OpCounts::f32(Op::Add, products);
            match counted(&mut *executor, &kernel, &limits) {
                Ok(found) => assert_eq!(found, right, "{rounds} rounds"),
                Err(KernelError::Cut { .. }) => {
                    assert!(limits.loop_rounds.is_some() && rounds > budget - 10, "{rounds}");
                }
                Err(error) => panic!("{rounds} rounds: {error}"),
            }
        }
    });
}

/// llvmpipe 22 fills a vector up with lanes of its own where a workgroup has fewer invocations, and what those load may
/// keep them in a loop that no invocation is in any more.
#[test]
fn lanes_that_fill_a_vector_up_may_use_the_budget_up_and_are_named() {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
override WIDTH: u32;
@compute @workgroup_size(WIDTH)
fn seek(@builtin(global_invocation_id) id: vec3<u32>) {
    var i = 0u;
    loop {
        let found = x[i] * 2.0 >= 9.0;
        i++;
        if (found) { break; }
    }
    x[512u + id.x] = f32(i);
}";
    common::on_every_executor(|executor| {
        let own = executor.adapter().limits;
        for width in [1_u32, 4, 8, 32] {
            let kernel = kernel(source, "seek", &[("WIDTH", width.into())]);
            for (_, limits) in ways(own) {
                match counted(&mut *executor, &kernel, &limits) {
                    Ok(found) => {
                        let invocations = 2 * u64::from(width);
                        let right = OpCounts::f32(Op::Mul, 13 * invocations)
                            + OpCounts::f32(Op::Compare, 13 * invocations)
                            + OpCounts::f32(Op::Convert, invocations);
                        assert_eq!(found, right);
                    }
                    Err(error) => {
                        let said = error.to_string();
                        assert!(matches!(error, KernelError::Cut { .. }), "{said}");
                        assert!(own.loop_rounds.is_some() && width < 8, "{width}: {said}");
                        assert!(said.contains("lanes that only fill it up included"), "{said}");
                        assert!(said.contains(&format!("around {} of its", 2 * width)), "{said}");
                    }
                }
            }
        }
    });
}

/// As deep within itself as an adapter takes, a kernel is counted right, and where not all conditions hold.
#[test]
fn the_deepest_kernel_that_is_taken_is_counted_right() {
    let nested = |levels: u32| {
        let half = levels / 2;
        let conditions = |levels: std::ops::Range<u32>| -> String {
            levels.map(|level| format!("if (v > {level}.5) {{ x[i] = x[i] + 1.0;\n")).collect()
        };
        let close = |levels: u32| "}".repeat(levels as usize);
        let source = format!(
            "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
            fn inner(i: u32, v: f32) {{ {} {} }}
            @compute @workgroup_size(128) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
                let i = id.x;
                let v = f32(i % 128u); {} inner(i, v); {} }}",
            conditions(half..levels),
            close(levels - half),
            conditions(0..half),
            close(half),
        );
        kernel(&source, "main", &[])
    };
    common::on_every_executor(|executor| {
        let limits = executor.adapter().limits;
        let levels = limits.nesting.unwrap_or(100);
        assert_eq!(nested(levels).nesting(), levels);
        for levels in [levels / 2, levels] {
            for (way, limits) in ways(limits) {
                // Invocation i satisfies i conditions, if there are so many.
                let adds: u64 = (0..128).map(|i: u64| i.min(levels.into())).sum();
                let compares: u64 = (0..128).map(|i: u64| (i + 1).min(levels.into())).sum();
                let expected = OpCounts::f32(Op::Add, 2 * adds)
                    + OpCounts::f32(Op::Compare, 2 * compares)
                    + OpCounts::f32(Op::Convert, 2 * 128);
                let found = counted(&mut *executor, &nested(levels), &limits);
                assert_eq!(found, Ok(expected), "{levels} levels, {way}");
            }
        }
    });
}
