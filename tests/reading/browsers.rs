//! What browsers write and naga does not read: directives, subgroups in workgroups of two dimensions, pointers to
//! anything.

use common::on_every_executor;

use crate::run::{case, expected, iota, ran, wgsl};

#[test]
fn directives_are_read_and_lines_stay_what_they_are() {
    let kernel = case("enable_subgroups.wgsl");
    assert_eq!(kernel.directives.iter().collect::<Vec<_>>(), ["enable subgroups;"]);
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64)]);
        assert_eq!(ran.ops(), expected(&[("f32.add", 64)]));
        assert_eq!(ran.lines.keys().collect::<Vec<_>>(), [&8]);
    });
}

#[test]
fn requirements_and_diagnostics_change_nothing() {
    let kernel = wgsl(
        "diagnostic(off, subgroup_uniformity);
        requires unrestricted_pointer_parameters, no_such_feature;
        enable subgroups;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(64) @diagnostic(warning, chromium.unreachable_code)
        fn main(@builtin(global_invocation_id) id: vec3u) {
            x[id.x] = x[id.x] * 2.0;
        }",
    );
    assert_eq!(kernel.directives.iter().count(), 3);
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64)]);
        assert_eq!(ran.lines.keys().collect::<Vec<_>>(), [&7]);
    });
}
