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

#[test]
fn a_lane_is_told_by_a_number_without_a_type() {
    let kernel = wgsl(
        "enable subgroups;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(4)
        fn main(@builtin(local_invocation_index) i: u32) {
            x[i] = subgroupShuffle(x[i], 0) + subgroupBroadcast(x[i], 1);
        }",
    );
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[vec![3_f32.to_bits(), 5_f32.to_bits(), 0, 0]]);
        assert_eq!(ran.floats(), [8.0; 4]);
        assert_eq!(ran.ops(), expected(&[("f32.add", 4)]));
    });
}

/// The lanes of each subgroup number themselves from 0 on, whatever the shape of the workgroup, and each invocation
/// is at its own place.
#[test]
fn a_workgroup_of_two_dimensions_may_ask_for_lanes() {
    let kernel = wgsl(
        "enable subgroups;
        struct Place { @builtin(local_invocation_id) local: vec3u, @builtin(subgroup_size) size: u32 }
        @group(0) @binding(0) var<storage, read_write> x: array<u32>;
        @compute @workgroup_size(8, 4)
        fn main(
            @builtin(subgroup_invocation_id) lane: u32,
            @builtin(global_invocation_id) id: vec3u,
            @builtin(local_invocation_index) index: u32,
            place: Place,
        ) {
            let own = 32u * (id.x / 8u) + index;
            let right = subgroupShuffle(lane, lane) == lane && lane < place.size;
            let here = all(id.xy == place.local.xy + vec2u(8u * (id.x / 8u), 0u));
            x[own] = select(0u, place.local.x + 10u * place.local.y + 1000u, right && here);
        }",
    );
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [2, 1, 1], &[vec![0; 64]]);
        let places = (0..64).map(|i| 1000 + i % 8 + 10 * (i % 32 / 8));
        assert_eq!(ran.left, places.collect::<Vec<_>>());
    });
}

#[test]
fn pointers_to_workgroup_memory_are_passed() {
    let kernel = case("pointer_parameters.wgsl");
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64)]);
        assert_eq!(ran.floats(), [2016.0; 64]);
        assert_eq!(ran.ops()["f32.add"], 64 * 64);
        assert_eq!(ran.cost.traffic.workgroup_load, 64 * 64 * 4);
        // The line of the loop's body, not the caller's.
        assert_eq!(
            ran.lines[&8].cost.ops.iter().map(|(_, _, count)| count).sum::<u64>(),
            3 * 64 * 64 + 64
        );
    });
}

#[test]
fn pointers_to_elements_are_passed() {
    let kernel = case("pointer_to_element_panics.wgsl");
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64)]);
        let doubled = (0..64).map(|i| if i % 4 == 0 { 2.0 * i as f32 } else { 0.0 });
        assert_eq!(ran.floats(), doubled.collect::<Vec<_>>());
        assert_eq!(ran.ops()["f32.mul"], 64);
        assert_eq!(ran.lines[&5].cost.ops.iter().count(), 1);
    });
}

/// Pointers to members and elements, through two functions, of which one returns early and both are called with
/// several places.
#[test]
fn pointers_are_passed_on() {
    let kernel = wgsl(
        "requires unrestricted_pointer_parameters;
        struct Row { scale: f32, parts: array<vec4f, 4>, seen: atomic<u32> }
        @group(0) @binding(0) var<storage, read_write> rows: array<Row>;
        var<workgroup> votes: array<atomic<u32>, 2>;
        fn count(seen: ptr<storage, atomic<u32>, read_write>) { atomicAdd(seen, 1u); }
        fn vote(votes: ptr<workgroup, atomic<u32>>, by: u32) -> u32 { return atomicAdd(votes, by); }
        fn add(part: ptr<storage, vec4f, read_write>, by: f32) -> f32 {
            if by == 0.0 { return 0.0; }
            *part += vec4(by);
            return (*part).x;
        }
        fn row(r: ptr<storage, Row, read_write>, n: u32, twice: ptr<function, vec2f>) {
            for (var i = 0u; i < n; i++) {
                let sum = add(&(*r).parts[i], (*r).scale);
                (*twice)[1] += sum;
            }
            count(&(*r).seen);
        }
        @compute @workgroup_size(2)
        fn main(@builtin(local_invocation_index) i: u32) {
            var both = array<vec2f, 2>();
            let own = &rows[i];
            row(own, 2u + i, &both[1]);
            let before = vote(&votes[i], 3u) + vote(&votes[1u - i], 0u);
            rows[i].scale = both[1].y + f32(before % 1u);
        }",
    );
    // A row is a scale, padding, four vectors of which the first component is written here, a count and padding.
    let row = |scale: f32, parts: [f32; 4], seen: u32| {
        let mut words = vec![0; 24];
        words[0] = scale.to_bits();
        for (part, value) in parts.into_iter().enumerate() {
            words[4 + 4 * part..8 + 4 * part].fill(value.to_bits());
        }
        words[20] = seen;
        words
    };
    on_every_executor(|executor| {
        let before = [row(2.0, [0.0; 4], 0), row(0.0, [0.0; 4], 0)].concat();
        let ran = ran(executor, &kernel, [1; 3], &[before]);
        let after = [row(4.0, [2.0, 2.0, 0.0, 0.0], 1), row(0.0, [0.0; 4], 1)].concat();
        assert_eq!(ran.left, after);
        // Two vectors and two sums of the first invocation, three sums of the second, and the last line's.
        assert_eq!(ran.ops()["f32.add"], 2 * 4 + 2 + 3 + 2);
        assert_eq!(ran.cost.traffic.atomics, 2 + 4);
    });
}
