//! The executor's contract: buffers hold what is written, programs run, errors come back as errors.

use std::collections::BTreeMap;

use flopmeter::{
    execute::{Bound, Dispatch},
    kernel::KernelModule,
};

const DOUBLE: &str = "
override LANES: u32;
@group(0) @binding(3) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&x)) { x[id.x] = x[id.x] * 2u; }
}";

fn double() -> KernelModule {
    let overrides = BTreeMap::from([("LANES".to_owned(), 32.0)]);
    KernelModule::from_wgsl("double", DOUBLE, "main", &overrides).unwrap()
}

#[test]
fn a_program_changes_its_window_of_a_buffer_and_nothing_else() {
    common::on_every_executor(|gpu| {
        let program = gpu.compile(&double()).unwrap();
        let alignment = gpu.adapter().limits.offset_alignment;
        let buffer = gpu.allocate("x", 4 * alignment).unwrap();
        let words: Vec<u32> = (0..alignment as u32).collect();
        gpu.write(buffer, 0, bytemuck::cast_slice(&words)).unwrap();
        let window = [Bound { group: 0, binding: 3, buffer, offset: alignment, size: 8 }];
        let outcome = gpu
            .dispatch(&Dispatch { label: "double", program, bindings: &window, grid: [1, 1, 1] })
            .unwrap();
        assert!(outcome.seconds > 0.0);
        let mut expected = words;
        let first = alignment as usize / 4;
        for word in &mut expected[first..first + 2] {
            *word *= 2;
        }
        assert_eq!(
            gpu.read(buffer, 0, 4 * alignment).unwrap(),
            bytemuck::cast_slice::<_, u8>(&expected)
        );
    });
}

#[test]
fn a_transfer_larger_than_a_piece_arrives_whole() {
    common::on_every_executor(|gpu| {
        let words: Vec<u32> = (0..(80 << 20) / 4).collect();
        let buffer = gpu.allocate("large", 4 * words.len() as u64).unwrap();
        gpu.write(buffer, 0, bytemuck::cast_slice(&words)).unwrap();
        let back = gpu.read(buffer, 0, 4 * words.len() as u64).unwrap();
        assert!(back == bytemuck::cast_slice::<_, u8>(&words));
    });
}

#[test]
fn what_the_device_refuses_is_an_error_that_names_it() {
    common::on_every_executor(|gpu| {
        let too_large = gpu.adapter().limits.buffer_bytes / 4 * 4 + 4;
        let error = gpu.allocate("colossus", too_large).unwrap_err().to_string();
        assert!(error.contains("colossus"), "{error}");

        let program = gpu.compile(&double()).unwrap();
        let error = gpu
            .dispatch(&Dispatch { label: "unbound", program, bindings: &[], grid: [1, 1, 1] })
            .unwrap_err()
            .to_string();
        assert!(error.contains("unbound"), "{error}");

        // And the executor still works.
        let buffer = gpu.allocate("x", 64).unwrap();
        gpu.write(buffer, 0, &[1; 64]).unwrap();
        assert_eq!(gpu.read(buffer, 0, 64).unwrap(), [1; 64]);
    });
}

#[test]
fn an_unknown_adapter_is_refused_by_name() {
    let error = flopmeter::execute::gpu::Gpu::open("voodoo 2").err().unwrap().to_string();
    assert!(error.contains("mesa-vulkan-drivers"), "{error}");
}

#[test]
fn dims_reach_overrides_and_reflection_sees_what_is_used() {
    let kernel = double();
    assert_eq!(kernel.entry_point().workgroup_size, [32, 1, 1]);
    assert_eq!(kernel.resources.len(), 1);
    assert_eq!((kernel.resources[0].name.as_str(), kernel.resources[0].binding), ("x", 3));
}
