//! SPIR-V as a user hands it over: naga's module of it has the lines that it states.

use common::on_every_executor;
use flopmeter::op::Traffic;

use crate::{
    run::{expected, glsl_of, iota, ops, ran, spirv, spirv_of, spirv_with_lines},
    words,
};

#[test]
fn every_executor_runs_and_counts_a_file_without_lines() {
    let Some(kernel) = spirv("spirv_embedded_panic.comp") else { return };
    assert_eq!(kernel.source, None);
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64)]);
        assert_eq!(ran.floats(), (0..64).map(|i| 2.0 * i as f32 + 1.0).collect::<Vec<_>>());
        assert_eq!((ran.ops()["f32.mul"], ran.ops()["f32.add"]), (64, 64));
        assert!(ran.lines.is_empty());
    });
}

/// What naga reads of a module has the lines that the module states, which are what the rewriter of SPIR-V charges.
#[test]
fn a_file_with_lines_is_charged_to_them() {
    let text = "#version 450
layout(local_size_x = 16) in;
layout(set = 0, binding = 0) buffer X { float x[]; };
float twice(float of) {
    return of * 2.0;
}
void main() {
    uint i = gl_GlobalInvocationID.x;
    float s = x[i];
    for (uint k = 0u; k < i; k++) {
        s = twice(s) + 1.0;
        if (s > 100.0)
            s -= 100.0;
    }
    x[i] = s / 4.0;
}
";
    let Some(kernel) = spirv_with_lines(text) else { return };
    assert!(kernel.source.as_ref().unwrap().text().contains("return of * 2.0;"));
    let rounds = (0..16).sum::<u64>();
    let (mut left, mut over) = (Vec::new(), 0);
    for i in 0..16 {
        let mut s = i as f32;
        for _ in 0..i {
            s = s * 2.0 + 1.0;
            if s > 100.0 {
                s -= 100.0;
                over += 1;
            }
        }
        left.push(s / 4.0);
    }
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(16)]);
        assert_eq!(ran.floats(), left);
        let on = |line: u32| {
            let mut floats = ops(&ran.lines.get(&line).map(|its| its.cost).unwrap_or_default());
            floats.retain(|key, _| key.starts_with("f32."));
            floats
        };
        assert_eq!(on(5), expected(&[("f32.mul", rounds)]));
        assert_eq!(on(11), expected(&[("f32.add", rounds)]));
        assert_eq!(on(12), expected(&[("f32.compare", rounds)]));
        assert_eq!(on(13), expected(&[("f32.add", over)]));
        assert_eq!(on(15), expected(&[("f32.div", 16)]));
        assert_eq!(ran.lines[&9].cost.traffic.storage_load, 64);
        assert_eq!(ran.lines[&15].cost.traffic.storage_store, 64);
    });
}

#[test]
fn a_write_only_buffer_is_one_that_is_written() {
    let kernel = crate::run::case("glsl_writeonly.comp");
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(64), vec![0; 64]]);
        assert_eq!(ran.ops(), expected(&[("f32.mul", 64)]));
    });
}

/// What picks a component of a vector by a computed index costs nothing, whoever reads the module.
#[test]
fn a_component_is_picked_without_comparing() {
    let text = "#version 450
layout(local_size_x = 8) in;
layout(constant_id = 0) const uint NONE = 5;
layout(set = 0, binding = 0) buffer X { float x[]; };
void main() {
    uint i = gl_GlobalInvocationID.x;
    bvec2 is_odd = bvec2(false, true);
    float from = vec3(x[i], 2.0 * x[i], 3.0)[i % 3u];
    for (uint k = 0u; k < 2u; k++)
        from += ivec4(1, 2, 3, 4)[k] + (notEqual(is_odd, bvec2(i > 3u))[i & 1u] ? 0.5 : 0.0);
    x[i] = NONE < 3u ? vec3(from)[NONE] : from;
}
";
    let Some(kernel) = spirv_of(text) else { return };
    let left = |i: u32| {
        let x = i as f32;
        let from = [x, 2.0 * x, 3.0][i as usize % 3] + 3.0;
        if (i % 2 == 1) != (i > 3) { from + 1.0 } else { from }
    };
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(8)]);
        assert_eq!(ran.floats(), (0..8).map(left).collect::<Vec<_>>());
        let mut floats = ran.ops();
        floats.retain(|key, _| key.starts_with("f32."));
        let selects = 8 * 2;
        let counts =
            [("f32.mul", 8), ("f32.add", 32), ("f32.convert", 16), ("f32.select", selects)];
        assert_eq!(floats, expected(&counts));
    });
}

/// A structure that is moved as a whole is its members, loaded and stored, in text and in a module.
#[test]
fn a_structure_is_as_large_as_its_members() {
    let text = "#version 450
layout(local_size_x = 8) in;
struct Part { vec3 at; vec3 to; float much; vec3 of[2]; };
layout(std430, set = 0, binding = 0) buffer X { Part x[]; };
shared Part all[8];
shared mat3 turns[8];
void main() {
    uint i = gl_GlobalInvocationID.x;
    all[i] = x[i];
    turns[i] = mat3(1.0);
    barrier();
    x[i] = all[7u - i];
    x[i].at = x[i].at * turns[7u - i];
}
";
    let kernels = [Some(glsl_of(text)), spirv_of(text)];
    for kernel in kernels.into_iter().flatten() {
        on_every_executor(|executor| {
            let ran = ran(executor, &kernel, [1; 3], &[iota(8 * 20)]);
            let part = 8 * 4 * (3 + 3 + 1 + 2 * 3);
            let Traffic { storage_load, storage_store, workgroup_load, workgroup_store, .. } =
                ran.cost.traffic;
            assert_eq!([storage_load, storage_store], [part + 8 * 12; 2]);
            assert_eq!([workgroup_load, workgroup_store], [part + 8 * 36; 2]);
        });
    }
}

/// naga has no type for the two parts of such a result, unless whoever reads for it adds one.
#[test]
fn a_float_is_taken_apart_into_fraction_and_exponent() {
    let text = "#version 450
layout(local_size_x = 8) in;
layout(set = 0, binding = 0) buffer X { float x[]; };
void main() {
    uint i = gl_GlobalInvocationID.x;
    ivec2 both;
    int one;
    float part = frexp(x[i], one);
    vec2 parts = frexp(vec2(x[i] * 4.0, -x[i]), both);
    float whole;
    float rest = modf(x[i] / 2.0 - 4.0, whole);
    x[i] = part + float(one) * 10.0 + parts.y * 100.0 + float(both.x) * 1000.0 + rest * 8.0 - whole;
}
";
    let Some(kernel) = spirv_of(text) else { return };
    let left = |i: u32| {
        let exponent = if i == 0 { 0.0 } else { f64::from(i).log2().floor() + 1.0 };
        let part = f64::from(i) / exponent.exp2();
        let of_four = if i == 0 { 0.0 } else { exponent + 2.0 };
        let halves = f64::from(i) / 2.0 - 4.0;
        let all = part + exponent * 10.0 - part * 100.0 + of_four * 1000.0;
        (all + halves.fract() * 8.0 - halves.trunc()) as f32
    };
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(8)]);
        assert_eq!(ran.floats(), (0..8).map(left).collect::<Vec<_>>());
        assert_eq!((ran.ops()["f32.round"], ran.ops()["f32.mul"]), (8 * 4, 8 * 5));
    });
}

/// A number without a sign is subtracted from zero as one with a sign, which naga alone takes the sign of.
#[test]
fn a_number_without_a_sign_is_negated() {
    let text = "#version 450
layout(local_size_x = 8) in;
layout(set = 0, binding = 0) buffer X { float x[]; };
void main() {
    uint i = gl_GlobalInvocationID.x;
    x[i] = float(-uint(x[i]) >> 24);
}
";
    let Some(kernel) = spirv_of(text) else { return };
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[iota(8)]);
        let left: Vec<f32> = (0..8).map(|i| if i == 0 { 0.0 } else { 255.0 }).collect();
        assert_eq!(ran.floats(), left);
        assert_eq!((ran.ops()["int.neg"], ran.ops()["f32.convert"]), (8, 16));
    });
}

/// A part of a constant that a pipeline gives is known.
#[test]
fn memory_may_be_as_large_as_a_workgroup() {
    let text = "#version 450
layout(local_size_x = 8, local_size_x_id = 7) in;
layout(set = 0, binding = 0) buffer X { float x[]; };
const uint HALF = gl_WorkGroupSize.x / 2u;
shared float all[gl_WorkGroupSize.x];
void main() {
    uint i = gl_LocalInvocationID.x;
    all[i] = x[i];
    barrier();
    x[i] = all[gl_WorkGroupSize.x - 1u - i] * float(HALF);
}
";
    let Some(case) = words::Case::new(text, &[]) else { return };
    for size in [8, 4] {
        on_every_executor(|executor| {
            let given = [("7", f64::from(size))];
            let (observed, left) =
                words::ran(executor, &case.spirv(), &given, &[iota(size)]).unwrap();
            let reversed = (0..size).rev().map(|i| (i * (size / 2)) as f32);
            assert_eq!(left, reversed.collect::<Vec<_>>());
            assert_eq!(ops(&observed.cost)["f32.mul"], u64::from(size));
            assert_eq!(observed.cost.traffic.workgroup_load, u64::from(4 * size));
        });
    }
}
