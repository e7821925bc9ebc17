//! Errors in the place of a hang, each naming its line.

use super::{X, fails, kernel, run};

#[test]
fn a_loop_without_an_end_is_named() {
    let inner = format!(
        "{X}@compute @workgroup_size(1) fn main() {{
    x[0] = 1u;
    while x[0] > 0u {{ x[1] = 1u; }}
}}"
    );
    assert!(
        fails(&inner).contains(
            "the embedded executor gave up a loop without an end: 10000 rounds in one workgroup (line 4)"
        )
    );
    // It is not the loop within that does not end.
    let outer = format!(
        "{X}@compute @workgroup_size(1) fn main() {{
    x[0] = 1u;
    loop {{
        for (var i = 0u; i < 20u; i++) {{ x[1] = i; }}
        if x[0] == 0u {{ break; }}
    }}
}}"
    );
    assert!(fails(&outer).contains("(line 4)"), "{}", fails(&outer));
    // Each loop ends, but hardly all of them: what is within budget runs, in each workgroup.
    let long = format!(
        "{X}@compute @workgroup_size(1) fn main(@builtin(workgroup_id) group: vec3<u32>) {{
    for (var i = 0u; i < 97u; i++) {{
        for (var j = 0u; j < 100u; j++) {{ x[group.x] += 1u; }}
    }}
}}"
    );
    let mut cpu = common::embedded().with_max_rounds(98 + 97 * 101);
    assert_eq!(run(&mut cpu, &kernel(&long), &[0; 3], 3).1, [9700; 3]);
}

#[test]
fn a_barrier_that_not_all_reach_is_named() {
    // naga sees a condition that depends on the invocation, but not through a variable.
    let barrier = |condition: &str| {
        format!(
            "{X}@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
    var here = {condition};
    if here {{
        storageBarrier();
    }}
    x[i] = 1u;
}}"
        )
    };
    let divergent = fails(&barrier("i < 4u"));
    assert!(
        divergent.contains("not all invocations") && divergent.contains("(line 5)"),
        "{divergent}"
    );
    let (_, words) = run(&mut common::embedded(), &kernel(&barrier("i < 9u")), &[0; 8], 1);
    assert_eq!(words, [1; 8]);
}

#[test]
fn what_cannot_run_is_refused_by_name_and_line() {
    let texture = fails(
        "@group(0) @binding(0) var t: texture_depth_2d;
@compute @workgroup_size(1) fn main() {
    let size = textureDimensions(t);
}",
    );
    assert!(texture.contains("a depth texture") && texture.contains("line 1"), "{texture}");
}
