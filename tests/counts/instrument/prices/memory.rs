//! Traffic, atomics and barriers, which are counted beside the operations.

use flopmeter::{
    execute::Limits,
    instrument::instrument,
    op::{Cost, Traffic},
};

use super::{
    super::harness::{counted, kernel},
    Ops, check, executed, has_half_floats, ops,
};

/// Each way to touch memory, with what it costs beside operations.
fn statements() -> Vec<(&'static str, Ops<'static>, Traffic)> {
    let none = Traffic::default();
    vec![
        ("let r = s[3];", &[], Traffic { storage_load: 16, ..none }),
        ("let r = s[k].y;", &[], Traffic { storage_load: 4, ..none }),
        ("s[2] = q;", &[], Traffic { storage_store: 16, ..none }),
        (
            "s[2].x += 1.0;",
            &[("f32.add", 1)],
            Traffic { storage_load: 4, storage_store: 4, ..none },
        ),
        // Padding is no number.
        ("let r = pair;", &[], Traffic { storage_load: 16, ..none }),
        ("pair = pair;", &[], Traffic { storage_load: 16, storage_store: 16, ..none }),
        ("let r = m33s;", &[], Traffic { storage_load: 36, ..none }),
        ("pair.second = v;", &[], Traffic { storage_store: 12, ..none }),
        ("let r = dims.x;", &[], Traffic { uniform_load: 4, ..none }),
        ("let r = dims;", &[], Traffic { uniform_load: 16, ..none }),
        ("wg[k] = p;", &[], Traffic { workgroup_store: 8, ..none }),
        ("let r = wg[k];", &[], Traffic { workgroup_load: 8, ..none }),
        ("var local: array<f32, 4>; local[i] = a; a = local[j];", &[], none),
        ("let r = atomicLoad(&sa[0]);", &[], Traffic { atomics: 1, ..none }),
        ("atomicStore(&sa[0], k);", &[], Traffic { atomics: 1, ..none }),
        ("atomicAdd(&sa[k], 1u);", &[("int.add", 1)], Traffic { atomics: 1, ..none }),
        ("atomicSub(&wga, 1);", &[("int.add", 1)], Traffic { atomics: 1, ..none }),
        ("atomicMax(&wga, i);", &[("int.minmax", 1)], Traffic { atomics: 1, ..none }),
        ("atomicXor(&sa[0], k);", &[("int.bit", 1)], Traffic { atomics: 1, ..none }),
        ("let r = atomicExchange(&sa[0], k);", &[], Traffic { atomics: 1, ..none }),
        (
            "let r = atomicCompareExchangeWeak(&sa[0], k, 1u);",
            &[("int.compare", 1)],
            Traffic { atomics: 1, ..none },
        ),
        ("workgroupBarrier();", &[], Traffic { barriers: 1, ..none }),
        ("storageBarrier();", &[], Traffic { barriers: 1, ..none }),
        (
            "let r = workgroupUniformLoad(&wg[1]);",
            &[],
            Traffic { barriers: 2, workgroup_load: 8, ..none },
        ),
    ]
}

#[test]
fn memory_atomics_and_barriers_are_counted_beside_the_operations() {
    for (statement, expected, traffic) in statements() {
        check(statement, expected, traffic);
    }
}

#[test]
fn memory_atomics_and_barriers_are_counted_where_they_run() {
    common::on_every_executor(|executor| {
        if !has_half_floats(executor) {
            return;
        }
        let lines = statements();
        let (source, first) =
            executed(lines.iter().map(|(statement, ..)| format!("{{ {statement} }}")), 1);
        let kernel = kernel(&source, "main", &[]);
        let limits = executor.adapter().limits;
        let found = counted(executor, &kernel, &limits, [1, 1, 1]).lines;
        for (number, (statement, expected, traffic)) in (first..).zip(lines) {
            let found = found.get(&number).map_or(Cost::default(), |line| line.cost);
            assert_eq!(found, Cost { ops: ops(expected), traffic }, "{statement}");
        }
    });
}

#[test]
fn a_float_atomic_is_one_of_its_operation() {
    const SOURCE: &str = "
@group(0) @binding(0) var<storage, read_write> sum: atomic<f32>;
@compute @workgroup_size(1) fn main() { atomicAdd(&sum, 1.5); }";
    let instrumented = instrument(&kernel(SOURCE, "main", &[]), &Limits::WEBGPU).unwrap();
    let cost: Cost = instrumented.table.blocks().iter().map(|block| block.price.times(1)).sum();
    assert_eq!(cost.ops, ops(&[("f32.add", 1)]));
    assert_eq!(cost.traffic, Traffic { atomics: 1, ..Traffic::default() });
}
