//! Private counters that come near 2^32. To count that far takes minutes, so these begin near it.

use flopmeter::{
    KernelError,
    execute::Executor,
    instrument::{Instrumented, instrument},
};
use naga::{
    AddressSpace, Expression, Literal, Span,
    valid::{Capabilities, ValidationFlags, Validator},
};

use super::harness::{kernel, raw_counters, ways};

/// The entry points of three times ten products; the others have thirty.
const NESTED: [&str; 7] = [
    "in_a_loop",
    "in_a_function",
    "around_a_call",
    "in_turn",
    "left_by_return",
    "in_continuing",
    "in_a_switch",
];

/// Thirty products an invocation.
const SOURCE: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
fn one(at: u32) { if (x[at] > 0.0) { x[at] = x[at] * 0.5; } }
fn ten(at: u32) { for (var j = 0u; j < 10u; j++) { x[at] = x[at] * 0.5; } }
@compute @workgroup_size(32) fn in_a_loop(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = 0u; i < 3u; i++) { for (var j = 0u; j < 10u; j++) { x[id.x] = x[id.x] * 0.5; } }
}
@compute @workgroup_size(32) fn in_a_function(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = 0u; i < 3u; i++) { ten(id.x); }
}
@compute @workgroup_size(32) fn around_a_call(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = 0u; i < 3u; i++) {
        for (var j = 0u; j < 2u; j++) { one(id.x); one(id.x); one(id.x); one(id.x); one(id.x); }
    }
}
@compute @workgroup_size(32) fn in_turn(@builtin(global_invocation_id) id: vec3<u32>) {
    ten(id.x); ten(id.x); ten(id.x);
}
fn left(at: u32) { for (var j = 0u; ; j++) { if (j == 10u) { return; } x[at] = x[at] * 0.5; } }
@compute @workgroup_size(32) fn left_by_return(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = 0u; i < 3u; i++) { left(id.x); }
}
@compute @workgroup_size(32) fn in_continuing(@builtin(global_invocation_id) id: vec3<u32>) {
    var i = 0u;
    loop {
        if (x[id.x] < 0.0) { continue; }
        continuing {
            for (var j = 0u; j < 10u; j++) { x[id.x] = x[id.x] * 0.5; }
            i++;
            break if i == 3u;
        }
    }
}
@compute @workgroup_size(32) fn in_a_switch(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = 0u; i < 3u; i++) {
        switch i {
            case 7u: { x[id.x] = 0.0; }
            default: { for (var j = 0u; j < 10u; j++) { x[id.x] = x[id.x] * 0.5; } }
        }
    }
}
fn thirty(at: u32) { for (var j = 0u; j < 30u; j++) { x[at] = x[at] * 0.5; } }
@compute @workgroup_size(32) fn called_once(@builtin(global_invocation_id) id: vec3<u32>) {
    thirty(id.x);
}
@compute @workgroup_size(32) fn alone(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = 0u; i < 30u; i++) { x[id.x] = x[id.x] * 0.5; }
}";

/// What decoding says of an entry point, added up in this way, whose private counters begin at `start`.
fn verdict(
    executor: &mut dyn Executor,
    (way, entry): (usize, &str),
    start: u32,
) -> Result<Vec<u64>, KernelError> {
    let plain = kernel(SOURCE, entry, &[]);
    let (_, limits) = ways(executor.adapter().limits)[way];
    let Instrumented { kernel: mut late, counters, table } = instrument(&plain, &limits).unwrap();
    let module = &mut late.module;
    let start = Expression::Literal(Literal::U32(start));
    let start = module.global_expressions.append(start, Span::UNDEFINED);
    let is_counter = |name: &str| name.starts_with("flopmeter_counter");
    let mut begun = 0;
    for (_, variable) in module.global_variables.iter_mut() {
        let name = variable.name.as_deref().unwrap_or_default();
        if variable.space == AddressSpace::Private && is_counter(name) {
            variable.init = Some(start);
            begun += 1;
        }
    }
    assert!(begun > 0, "{entry} has counters");
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
    late.info = validator.validate(&late.module).unwrap();
    let late = Instrumented { kernel: late, counters, table };
    let raw = raw_counters(executor, &plain, &late, 0, &[[2, 1, 1]]);
    late.table.decode(&raw, 64)
}

#[test]
fn counters_that_may_wrap_are_refused() {
    common::on_every_executor(|executor| {
        for way in 0..ways(executor.adapter().limits).len() {
            for entry in NESTED {
                let mut refused = |start| match verdict(executor, (way, entry), start) {
                    Err(KernelError::Uncountable { problem, .. }) => {
                        assert!(problem.starts_with("the loops of 64 of"), "{entry}: {problem}");
                        true
                    }
                    _ => false,
                };
                // The last look is before the last ten, when there have been twenty.
                assert!(refused((1 << 31) - 20), "{entry} at 2^31, {way}");
                assert!(!refused((1 << 31) - 21), "{entry} below, {way}");
                assert!(!refused(0), "{entry}, {way}");
            }
            // No second execution of these loops can make their counters wrap.
            for entry in ["alone", "called_once"] {
                assert!(verdict(executor, (way, entry), (1 << 31) - 20).is_ok(), "{entry}, {way}");
            }
        }
    });
}
