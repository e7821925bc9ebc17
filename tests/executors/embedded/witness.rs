//! What it sees beside the results: its own tally, lanes at work, and accesses out of bounds by their line.

use flopmeter::{
    execute::{Executor as _, LaneUse, OutOfBounds},
    instrument::instrument,
    op::{Op, OpCounts, Scalar},
};

use super::{X, kernel, run};

/// Accesses out of bounds by line.
fn on_lines(outside: &[OutOfBounds]) -> Vec<(Option<u32>, u64)> {
    outside.iter().map(|row| (row.line, row.accesses)).collect()
}

#[test]
fn what_is_out_of_bounds_is_dropped_and_reported_by_line() {
    let source = format!(
        "{X}@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
    let far = x[i + 4u];
    x[i * 2u] = far + 1u;
}}"
    );
    let mut cpu = common::embedded();
    let (outcome, words) = run(&mut cpu, &kernel(&source), &[9; 6], 1);
    assert_eq!(words, [10, 9, 10, 9, 1, 9]);
    let outside = outcome.witness.unwrap().out_of_bounds;
    assert_eq!(on_lines(&outside), [(Some(3), 6), (Some(4), 5)]);
    // Of a buffer of 24 bytes: the third invocation loads x[6], the fourth stores it.
    let said: Vec<String> = outside.iter().map(OutOfBounds::in_words).collect();
    let place = "at byte 24 of 'x', which has 24 bytes, in invocation";
    assert_eq!(said[0], format!("6 accesses out of bounds: the first loads {place} 2 0 0"));
    assert_eq!(said[1], format!("5 accesses out of bounds: the first stores {place} 3 0 0"));
    // Another launch starts to count anew.
    let (outcome, _) = run(&mut cpu, &kernel(&source), &[9; 12], 1);
    assert_eq!(on_lines(&outcome.witness.unwrap().out_of_bounds), [(Some(4), 2)]);
}

/// A table that is a constant, and a vector and an array that are values, end where they do as variables do.
#[test]
fn an_index_past_the_end_of_a_value_is_out_of_bounds() {
    let source = format!(
        "const table = array<u32, 4>(7, 8, 9, 10);
{X}@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
    let v = vec3<u32>(x[i], 5, 6);
    let pairs = array(vec2<u32>(i), vec2<u32>(2, 3));
    if i < 6 {{
        x[i] = table[i];
        x[i] += 100 * v[i % 4u];
    }}
    x[i] += 1000 * pairs[i / 4u][i & 1u];
    x[i] += pairs[i / 3u].x - pairs[i / 3u].x;
}}"
    );
    let mut cpu = common::embedded();
    let (outcome, words) = run(&mut cpu, &kernel(&source), &[1; 8], 1);
    assert_eq!(words, [107, 1508, 2609, 3010, 2100, 3500, 2001, 3001]);
    let wanted = [(Some(7), 2), (Some(8), 1), (Some(11), 4)];
    let outside = outcome.witness.unwrap().out_of_bounds;
    assert_eq!(on_lines(&outside), wanted);
    let first = |outside: &[OutOfBounds]| {
        let strays = outside.iter().map(|its| its.first.clone().unwrap());
        strays.map(|its| (its.variable, its.byte, its.invocation[0])).collect::<Vec<_>>()
    };
    let named = |names: [(&str, u32); 3]| names.map(|(name, by)| (name.to_owned(), None, by));
    assert_eq!(first(&outside), named([("table", 4), ("v", 3), ("pairs", 6)]));
    // As a variable the table is reported alike.
    let variable = source.replace("x[i] = table[i];", "var own = table; x[i] = own[i];");
    let (outcome, words) = run(&mut cpu, &kernel(&variable), &[1; 8], 1);
    assert_eq!(words, [107, 1508, 2609, 3010, 2100, 3500, 2001, 3001]);
    let outside = outcome.witness.unwrap().out_of_bounds;
    assert_eq!(on_lines(&outside), wanted);
    assert_eq!(first(&outside), named([("own", 4), ("v", 3), ("pairs", 6)]));
}

/// Of two indices that are both past the end of a value, the outer one leads the access astray.
#[test]
fn an_access_by_two_indices_is_out_of_bounds_once() {
    let source = format!(
        "{X}@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
    let m = array(vec2<u32>(1, 2), vec2<u32>(3, 4));
    x[i] = m[i / 2u][i % 4u];
    let s = array(array(array(i, i), array(i, i)), array(array(i, i), array(i, i)));
    x[i] += s[i / 4u][i % 4u][i % 4u] + s[i][1][i];
    x[i] += m[i / 2u].yx[i % 4u];
}}"
    );
    let (outcome, _) = run(&mut common::embedded(), &kernel(&source), &[0; 8], 1);
    let outside = outcome.witness.unwrap().out_of_bounds;
    // Line 4: i of 2 and 3 go astray within the rows, 4 and more at the rows. Line 6: the first sum has i of 2, 3, 6 and 7
    // astray, the second has i of 2 and more.
    assert_eq!(on_lines(&outside), [(Some(4), 6), (Some(6), 10), (Some(7), 6)]);
    let said: Vec<String> = outside.iter().map(OutOfBounds::in_words).collect();
    assert!(said[0].contains("'m'") && said[1].contains("'s'"), "{said:?}");
    // The smallest part that has a name is told.
    let source = format!(
        "{X}@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
    let m = array(vec2<u32>(1, 2), vec2<u32>(3, 4));
    let row = m[i & 1u];
    x[i] = row[i];
}}"
    );
    let (outcome, _) = run(&mut common::embedded(), &kernel(&source), &[0; 8], 1);
    let said = outcome.witness.unwrap().out_of_bounds[0].in_words();
    assert!(said.contains("6 accesses") && said.contains("'row'"), "{said}");
}

/// Beyond an inner array, the place may lie in the buffer none the less.
#[test]
fn an_index_past_the_end_of_an_inner_array_is_out_of_bounds() {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<array<u32, 4>>;
fn add(p: ptr<function, array<u32, 2>>, i: u32) {
    (*p)[i] += 1u;
}
@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {
    x[0][i] = i;
    var mine = array(0u, 0u);
    add(&mine, i / 3);
    x[1][i & 3] = mine[0];
}";
    let (outcome, _) = run(&mut common::embedded(), &kernel(source), &[0; 8], 1);
    let outside = outcome.witness.unwrap().out_of_bounds;
    let said: Vec<String> = outside.iter().map(OutOfBounds::in_words).collect();
    let inner = "the first loads at an index out of bounds of 'mine', in invocation 6 0 0";
    let outer = "the first stores at an index out of bounds of 'x', in invocation 4 0 0";
    assert_eq!(
        said,
        [
            format!("4 accesses out of bounds: {inner}"),
            format!("4 accesses out of bounds: {outer}")
        ]
    );
}

/// Whichever thread comes to it first, and in whichever order of workgroups.
#[test]
fn the_first_access_out_of_bounds_is_that_of_the_first_workgroup() {
    let source = format!(
        "{X}@compute @workgroup_size(2, 4) fn main(@builtin(global_invocation_id) at: vec3<u32>) {{
    if at.x == 5u {{ atomicAdd(&counters[at.x + 8u * at.y], 1u); }}
}}"
    );
    let source = source
        .replace("array<u32>", "array<atomic<u32>>")
        .replace("var<storage, read_write> x", "var<storage, read_write> counters");
    let (outcome, _) = run(&mut common::embedded(), &kernel(&source), &[0; 20], 8);
    let outside = outcome.witness.unwrap().out_of_bounds;
    // counters[5] and [13] are within 20 words.
    assert_eq!(
        outside[0].in_words(),
        "2 accesses out of bounds: the first updates atomically at byte 84 of 'counters', which has 80 bytes, in invocation 5 2 0"
    );
}

#[test]
fn lanes_without_work_are_seen() {
    let source = format!(
        "{X}@compute @workgroup_size(16) fn main(@builtin(local_invocation_index) i: u32) {{
    if i < 4u {{ x[i] = x[i] * 2u; }}
}}"
    );
    let (outcome, _) = run(&mut common::embedded(), &kernel(&source), &[0; 16], 3);
    let lanes = outcome.witness.unwrap().lanes;
    // All 16 compare, 4 multiply.
    assert_eq!(lanes, LaneUse { active: 3 * (16 + 4), issued: 3 * (16 + 16) });
    assert_eq!(lanes.share(), Some(0.625));
}

#[test]
fn the_tally_is_the_plain_kernels_and_grows_by_what_counting_costs() {
    let source = format!(
        "{X}@compute @workgroup_size(16) fn main(@builtin(local_invocation_index) i: u32) {{
    var sum = 0.0;
    for (var j = 0u; j < i; j++) {{ sum = fma(sum, 2.0, 1.0); }}
    x[i] = u32(sum);
}}"
    );
    let mut cpu = common::embedded();
    let plain = kernel(&source);
    let counted = instrument(&plain, &cpu.adapter().limits).unwrap();
    let (outcome, _) = run(&mut cpu, &plain, &[0; 16], 3);
    let (counting, _) = run(&mut cpu, &counted.kernel, &[0; 16], 3);
    let (plain, counting) = (outcome.witness.unwrap().tally, counting.witness.unwrap().tally);
    assert_eq!(
        plain.ops.floating(),
        OpCounts::f32(Op::Fma, 3 * 120).with(Scalar::Int, Op::Add, 0)
            + OpCounts::of(plain_convert(), Op::Convert, 3 * 16)
    );
    assert_eq!(plain.ops.floating(), counting.ops.floating());
    assert!(counting.traffic.atomics > plain.traffic.atomics);
}

/// A conversion to an integer counts under the float that it reads.
fn plain_convert() -> Scalar {
    Scalar::F32
}
