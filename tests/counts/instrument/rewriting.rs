//! What the rewritten module looks like, where its counters go, how far they reach, and that a counter
//! that goes wrong is noticed.

use std::collections::BTreeMap;

use flopmeter::{
    KernelError,
    execute::Limits,
    instrument::{Instrumented, instrument},
    kernel::KernelModule,
    op::{Cost, Op, OpCounts, Scalar},
};
use naga::{AddressSpace, Block, Expression, Statement};

use super::{
    expectations,
    harness::{CONTROL, CROWDED, kernel, raw_counters, trial, ways},
};

fn wgsl(kernel: &KernelModule) -> String {
    naga::back::wgsl::write_string(
        &kernel.module,
        &kernel.info,
        naga::back::wgsl::WriterFlags::empty(),
    )
    .unwrap()
}

#[test]
fn instrumented_modules_read_as_expected() {
    for entry in ["straight", "early_return", "for_loop", "switches", "calls", "struct_input"] {
        let instrumented = instrument(&kernel(CONTROL, entry, &[]), &Limits::WEBGPU).unwrap();
        insta::assert_snapshot!(entry, wgsl(&instrumented.kernel));
    }
    let crowded = kernel(CROWDED, "main", &[("LANES", 64.0)]);
    insta::assert_snapshot!(
        "crowded",
        wgsl(&instrument(&crowded, &Limits::WEBGPU).unwrap().kernel)
    );
    let loops = kernel(CONTROL, "nested_loops", &[]);
    let subgroups = Limits { subgroup_lanes: Some(32), ..Limits::WEBGPU };
    insta::assert_snapshot!("subgroups", wgsl(&instrument(&loops, &subgroups).unwrap().kernel));
    let vectors = Limits { subgroup_lanes: Some(8), lockstep: true, ..Limits::WEBGPU };
    insta::assert_snapshot!("vectors", wgsl(&instrument(&loops, &vectors).unwrap().kernel));
    let budget = Limits { loop_rounds: Some(65535), ..vectors };
    insta::assert_snapshot!("budget", wgsl(&instrument(&loops, &budget).unwrap().kernel));
    let cramped = Limits { workgroup_bytes: 256, ..Limits::WEBGPU };
    insta::assert_snapshot!("cramped", wgsl(&instrument(&crowded, &cramped).unwrap().kernel));
}

/// Mesa 25 compiles for minutes where a loop of known length counts before it breaks.
#[test]
fn a_loop_is_counted_where_it_is_entered() {
    const SOURCE: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&x)) {
        var sum = 0.0;
        for (var i = 0u; i < 4096u; i++) { sum += x[id.x] * 0.5; }
        x[id.x] = sum;
    }
}";
    let instrumented = instrument(&kernel(SOURCE, "main", &[]), &Limits::WEBGPU).unwrap();
    let text = wgsl(&instrumented.kernel);
    // That of the loop, behind which the flush has others.
    let (before, _) = text.split_once("break;").unwrap();
    assert!(before.trim_end().ends_with('{'), "nothing is counted before the break: {text}");
}

#[test]
fn name_source_and_spans_are_kept() {
    let plain = kernel(CONTROL, "nested_loops", &[]);
    let counted = instrument(&plain, &Limits::WEBGPU).unwrap().kernel;
    assert_eq!((&plain.name, &plain.source), (&counted.name, &counted.source));
    assert_eq!(counted.entry_point().name, "nested_loops");
    let before = &plain.entry_point().function;
    let mut after = counted.module.functions.iter().map(|(_, f)| f);
    let after = after.rfind(|f| f.name.as_deref() == Some("nested_loops")).unwrap();
    for (handle, expression) in before.expressions.iter() {
        assert_eq!(expression, &after.expressions[handle]);
        assert_eq!(before.expressions.get_span(handle), after.expressions.get_span(handle));
    }
}

#[test]
fn costs_are_known_by_line() {
    const SOURCE: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = x[id.x] * 2.0;
    for (var i = 0u; i < 9u; i++) {
        sum = sum + 1.0;
        sum = sqrt(sum + 2.0);
    }
    x[id.x] = -sum;
}";
    let table = instrument(&kernel(SOURCE, "main", &[]), &Limits::WEBGPU).unwrap().table;
    let mut lines: BTreeMap<u32, Cost> = BTreeMap::new();
    for block in table.blocks() {
        for (&line, price) in &block.lines {
            let sum = lines.entry(line).or_default();
            *sum = *sum + price.times(1);
        }
        let all: Cost = block.lines.values().map(|price| price.times(1)).sum();
        assert_eq!(all, block.price.times(1));
        assert_eq!(block.function, "main");
    }
    let floats: BTreeMap<u32, OpCounts> = lines
        .into_iter()
        .map(|(line, cost)| (line, cost.ops.floating()))
        .filter(|(_, ops)| !ops.is_zero())
        .collect();
    let expected = BTreeMap::from([
        (4, OpCounts::f32(Op::Mul, 1)),
        (6, OpCounts::f32(Op::Add, 1)),
        (7, OpCounts::f32(Op::Add, 1) + OpCounts::f32(Op::Sqrt, 1)),
        (9, OpCounts::f32(Op::Neg, 1)),
    ]);
    assert_eq!(floats, expected);
}

#[test]
fn few_runs_are_counted_and_the_rest_follow() {
    let counters = |entry: &str| {
        let counting = instrument(&kernel(CONTROL, entry, &[]), &Limits::WEBGPU).unwrap().kernel;
        let variables = counting.module.global_variables.iter();
        let names = variables.filter_map(|(_, variable)| variable.name.as_deref());
        names.filter(|name| name.starts_with("flopmeter_counter_")).count()
    };
    // Nothing parts, one guard, one loop, three ways, two loops with two conditional leaps.
    assert_eq!(counters("straight"), 0);
    assert_eq!(counters("early_return"), 1);
    assert_eq!(counters("for_loop"), 1);
    assert_eq!(counters("if_else"), 2);
    assert_eq!(counters("nested_loops"), 4);
}

#[test]
fn the_counters_are_bound_where_there_is_room() {
    let at = |kernel: &KernelModule, limits: &Limits| {
        instrument(kernel, limits).map(|i| (i.counters.group, i.counters.binding))
    };
    let roomy = kernel(CONTROL, "straight", &[]);
    assert_eq!(at(&roomy, &Limits::WEBGPU).unwrap(), (1, 0));
    assert_eq!(at(&roomy, &Limits { bind_groups: 1, ..Limits::WEBGPU }).unwrap(), (0, 1));
    let crowded = kernel(CROWDED, "main", &[("LANES", 64.0)]);
    assert_eq!(at(&crowded, &Limits::WEBGPU).unwrap(), (0, 1));
    assert_eq!(at(&crowded, &Limits { bindings_per_group: 1, ..Limits::WEBGPU }).unwrap(), (2, 0));

    let full = Limits { bindings_per_group: 1, bind_groups: 1, ..Limits::WEBGPU };
    let error = at(&roomy, &full).unwrap_err();
    assert!(matches!(error, KernelError::Uncountable { line: None, .. }), "{error}");
    let error = at(&crowded, &Limits { storage_bindings: 3, ..Limits::WEBGPU }).unwrap_err();
    assert!(error.to_string().contains("3 storage bindings"), "{error}");
}

#[test]
fn what_is_never_called_need_not_be_countable() {
    const SOURCE: &str = "enable wgpu_ray_query;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
fn unused() { var query: ray_query; rayQueryTerminate(&query); }
@compute @workgroup_size(1) fn main() { x[0] = x[1] + 1.0; }";
    assert!(instrument(&kernel(SOURCE, "main", &[]), &Limits::WEBGPU).is_ok());
}

/// Executions of the one block of an instrumented kernel with a float operation, in so many workgroups.
fn executions(instrumented: &Instrumented, counters: &[u8], workgroups: u32) -> u64 {
    let table = &instrumented.table;
    let executions = table.decode(counters, table.invocations([workgroups, 1, 1])).unwrap();
    let floating = table.blocks().iter().zip(executions);
    let mut floating = floating.filter(|(block, _)| !block.price.times(1).ops.floating().is_zero());
    let (_, count) = floating.next().unwrap();
    assert!(floating.next().is_none());
    count
}

#[test]
fn a_carry_reaches_the_upper_half() {
    common::on_every_executor(|gpu| {
        for (entry, times) in [("straight", 120), ("for_loop", 1200)] {
            let kernel = kernel(CONTROL, entry, &[]);
            let instrumented = instrument(&kernel, &Limits::WEBGPU).unwrap();
            // Every counter stands 5 before the boundary, so every one that is used carries.
            let before = (7_u64 << 32) - 5;
            let [preloaded, fresh] = [before, 0].map(|before| {
                raw_counters(&mut *gpu, &kernel, &instrumented, before, &[[3, 1, 1]])
            });
            let (old, new) = (preloaded.as_chunks::<8>().0, fresh.as_chunks::<8>().0);
            for (&preloaded, &fresh) in old.iter().zip(new) {
                let (preloaded, fresh) = (u64::from_le_bytes(preloaded), u64::from_le_bytes(fresh));
                assert_eq!(preloaded, before + fresh);
                assert!(preloaded > 7 << 32 || fresh == 0);
            }
            assert_eq!(executions(&instrumented, &fresh, 3), times);
        }
    });
}

/// Past 2^16 in one invocation and past 2^32 in one dispatch. Mesa's llvmpipe cuts every invocation off
/// after 65535 rounds of loops in all, so a function called twice a round is what is counted.
#[test]
fn one_dispatch_counts_past_32_bits() {
    const SOURCE: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
fn half(value: f32) -> f32 {
    if (value < 1e9) { return value * 0.5; }
    return value;
}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var value = f32(id.x);
    for (var i = 0u; i < 65100u; i++) { value = half(half(value)); }
    if (id.x == 0u) { x[0] = value; }
}";
    common::on_every_executor(|gpu| {
        for (limits, groups) in [(Limits::WEBGPU, 2), (gpu.adapter().limits, 129)] {
            let kernel = kernel(SOURCE, "main", &[]);
            let instrumented = instrument(&kernel, &limits).unwrap();
            let trial = trial(&mut *gpu, &kernel, &instrumented).unwrap();
            let cost = trial.count(&mut *gpu, [groups, 1, 1]).unwrap().cost;
            let count = cost.ops.get(Scalar::F32, Op::Mul);
            assert_eq!(count, u64::from(groups) * 256 * 65100 * 2);
            assert!(groups < 129 || count > 1 << 32);
        }
    });
}

#[test]
fn dispatches_add_up_in_one_buffer() {
    // Workgroups that share a row write the same elements; how often a loop goes round does not depend on them.
    common::on_every_executor_with_races(|gpu| {
        let kernel = kernel(CONTROL, "for_loop", &[]);
        let instrumented = instrument(&kernel, &Limits::WEBGPU).unwrap();
        let grids = [[3, 1, 1], [2, 2, 3], [1, 1, 1]];
        let raw = raw_counters(&mut *gpu, &kernel, &instrumented, 0, &grids);
        assert_eq!(executions(&instrumented, &raw, 3 + 12 + 1), (3 + 12 + 1) * 40 * 10);
    });
}

/// Removes the `index`th increment of a private counter; false where there are fewer.
fn drop_increment(kernel: &mut KernelModule, mut index: usize) -> bool {
    let globals = &kernel.module.global_variables;
    for (_, function) in kernel.module.functions.iter_mut() {
        let expressions = &function.expressions;
        let mut body = std::mem::take(&mut function.body);
        let dropped = drop_store(&mut body, &mut index, &|pointer| match expressions[pointer] {
            Expression::GlobalVariable(global) => {
                let variable = &globals[global];
                let name = variable.name.as_deref().unwrap_or_default();
                variable.space == AddressSpace::Private && name.starts_with("flopmeter_counter")
            }
            _ => false,
        });
        function.body = body;
        if dropped {
            return true;
        }
    }
    false
}

fn drop_store(
    block: &mut Block,
    index: &mut usize,
    is_counter: &dyn Fn(naga::Handle<Expression>) -> bool,
) -> bool {
    for at in 0..block.len() {
        let dropped = match &mut block[at] {
            Statement::Store { pointer, .. } if is_counter(*pointer) => {
                if *index == 0 {
                    block.cull(at..=at);
                    return true;
                }
                *index -= 1;
                false
            }
            Statement::Block(inner) => drop_store(inner, index, is_counter),
            Statement::If { accept, reject, .. } => {
                drop_store(accept, index, is_counter) || drop_store(reject, index, is_counter)
            }
            Statement::Switch { cases, .. } => {
                cases.iter_mut().any(|case| drop_store(&mut case.body, index, is_counter))
            }
            Statement::Loop { body, continuing, .. } => {
                drop_store(body, index, is_counter) || drop_store(continuing, index, is_counter)
            }
            _ => false,
        };
        if dropped {
            return true;
        }
    }
    false
}

/// Every increment matters: without any one of them the total is wrong or the counters contradict
/// each other.
#[test]
fn a_dropped_increment_is_seen() {
    common::on_every_executor(|gpu| {
        let mut dropped = 0;
        let ways = ways(gpu.adapter().limits);
        // Every way of adding up has its turn with several kernels.
        for ((entry, _, _), (_, limits)) in expectations().into_iter().zip(ways.iter().cycle()) {
            let plain = kernel(CONTROL, entry, &[]);
            let whole = instrument(&plain, limits).unwrap();
            let mut total = |counting: &Instrumented| {
                let trial = trial(&mut *gpu, &plain, counting).unwrap();
                Some(trial.count(&mut *gpu, [3, 1, 1]).ok()?.cost)
            };
            let expected = total(&whole);
            assert!(expected.is_some());
            for index in 0.. {
                let mut spoiled = whole.clone();
                if !drop_increment(&mut spoiled.kernel, index) {
                    break;
                }
                dropped += 1;
                assert_ne!(total(&spoiled), expected, "{entry} without increment {index}");
            }
        }
        assert!(dropped > 20, "only {dropped} increments were there to drop");
    });
}

#[test]
fn a_buffer_of_another_kernel_is_refused() {
    let table = instrument(&kernel(CONTROL, "early_return", &[]), &Limits::WEBGPU).unwrap().table;
    let mut raw = vec![0; table.bytes() as usize];
    let problem = table.decode(&raw[..8], 0).unwrap_err().to_string();
    assert!(problem.contains(&format!("{} bytes, not 8", raw.len())), "{problem}");
    // More invocations returned than were launched.
    raw[8] = 41;
    raw[0] = 40;
    let problem = table.decode(&raw, 40).unwrap_err().to_string();
    assert!(problem.contains("contradict"), "{problem}");
}
