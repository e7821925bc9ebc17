//! A device that goes away, a clock that is read at the ends of passes alone, and cooperative matrices that an
//! adapter does not have.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeMap;

use super::*;
use crate::execute::Bound;

/// The best adapter; says so where there is none.
fn opened() -> Option<Gpu> {
    Gpu::open("auto").map_err(|error| common::skipped("ADAPTER", &error.to_string())).ok()
}

/// A kernel that adds one to the number in its buffer, and the buffer.
fn increment(gpu: &mut Gpu) -> (ProgramId, [Bound; 1]) {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1) fn main() { x[0] += 1.0; }";
    let kernel = KernelModule::from_wgsl("increment", source, "main", &BTreeMap::new()).unwrap();
    let program = gpu.compile(&kernel).unwrap();
    let buffer = gpu.allocate("x", 4).unwrap();
    (program, [Bound { group: 0, binding: 0, buffer, offset: 0, size: 4 }])
}

/// A device that goes away makes each operation on it an error, not a panic.
#[test]
fn a_lost_device_is_an_error_that_says_so() {
    let Some(mut gpu) = opened() else { return };
    let (program, bindings) = increment(&mut gpu);
    let buffer = bindings[0].buffer;
    let launch = Dispatch { label: "increment", program, bindings: &bindings, grid: [1; 3] };
    gpu.dispatch(&launch).unwrap();

    gpu.device.destroy();
    let errors =
        [gpu.dispatch(&launch).map(|_| ()).unwrap_err(), gpu.read(buffer, 0, 4).unwrap_err()];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("lost"), "{text}");
        assert!(text.contains(&gpu.adapter.name), "{text}");
    }
}

/// A device whose clock is read at the ends of passes alone has each dispatch in a pass of its own.
#[test]
fn dispatches_have_passes_of_their_own_where_a_clock_asks_for_them() {
    let Some(mut gpu) = opened() else { return };
    let (program, bindings) = increment(&mut gpu);
    let launch = Dispatch { label: "increment", program, bindings: &bindings, grid: [1; 3] };
    let timed = |gpu: &mut Gpu| {
        let outcomes = gpu.dispatch_all(&[launch; 20]).unwrap();
        outcomes.map(|all| all.iter().filter(|outcome| outcome.seconds > 0.0).count())
    };
    let together = timed(&mut gpu);
    if let Some(timer) = &mut gpu.timer {
        timer.inside_passes = false;
    }
    // Timestamps that were not written would tell no time.
    assert_eq!(timed(&mut gpu), together);
    let read = gpu.read(bindings[0].buffer, 0, 4).unwrap();
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, f32>(&read), [40.0]);
}

/// A driver may accept matrices of sizes that it does not list, with undefined results.
#[test]
fn matrices_that_an_adapter_has_not_are_named() {
    use flopmeter_core::kernel::CooperativeProduct;

    let adapter = crate::execute::cpu::Cpu::new(32).unwrap().adapter().clone();
    let kernel = |body: &str| {
        let source = format!(
            "enable wgpu_cooperative_matrix;
            @group(0) @binding(0) var<storage, read_write> x: array<f32>;
            @compute @workgroup_size(64) fn main() {{ {body} }}"
        );
        KernelModule::from_wgsl("matrices", &source, "main", &BTreeMap::new()).unwrap()
    };
    let multiplies = kernel(
        "let a = coopLoad<coop_mat8x8<f32, A>>(&x[0]);
        let b = coopLoad<coop_mat8x8<f32, B>>(&x[0]);
        coopStore(coopMultiplyAdd(a, b, coop_mat8x8<f32, C>()), &x[0]);",
    );
    let product = |size: u32, factors| CooperativeProduct {
        extent: [size; 3],
        factors,
        sum: naga::Scalar::F32,
    };
    let (large, small) = (product(16, naga::Scalar::F16), product(8, naga::Scalar::F32));
    let refusal = |has: &[CooperativeProduct]| {
        fits::matrices(&adapter, &multiplies, has).map_err(|error| error.to_string())
    };
    assert_eq!(refusal(&[large, small]), Ok(()));
    let other = refusal(&[large]).unwrap_err();
    assert!(
        other.contains("8x8x8 of f32 onto f32, and this adapter those of 16x16x16 of f16 onto f32")
    );
    let none = refusal(&[]).unwrap_err();
    assert!(none.contains("EXPERIMENTAL_COOPERATIVE_MATRIX: the embedded executor"), "{none}");
    fits::matrices(&adapter, &kernel("x[0] = 1.0;"), &[]).unwrap();
}
