//! A scene of a kernel that asks where rays go: a triangle, which a device knows as an acceleration structure, and one ray
//! for each invocation, of which half meet it.
#![allow(unsafe_code, reason = "a program that uses Vulkan")]

use ash::{khr::acceleration_structure, vk};
use flopmeter_core::op::{Op, Scalar};
use flopmeter_layer::NAME;

use crate::{
    asks::Asks,
    glsl::compile_with,
    host::{Host, visible},
    process::{Stage, can_play, skipped},
    scenes::ended,
};

/// Memory that the device finds at an address.
struct Part {
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
    address: vk::DeviceAddress,
}

impl Part {
    fn new(host: &Host, bytes: u64) -> Self {
        let Host { device, instance, .. } = host;
        let usage = vk::BufferUsageFlags::SHADER_DEVICE_ADDRESS
            | vk::BufferUsageFlags::STORAGE_BUFFER
            | vk::BufferUsageFlags::ACCELERATION_STRUCTURE_STORAGE_KHR
            | vk::BufferUsageFlags::ACCELERATION_STRUCTURE_BUILD_INPUT_READ_ONLY_KHR;
        let info = vk::BufferCreateInfo::default().size(bytes).usage(usage);
        let mut flags =
            vk::MemoryAllocateFlagsInfo::default().flags(vk::MemoryAllocateFlags::DEVICE_ADDRESS);
        unsafe {
            let buffer = device.create_buffer(&info, None).unwrap();
            let needs = device.get_buffer_memory_requirements(buffer);
            let info = vk::MemoryAllocateInfo::default()
                .allocation_size(needs.size)
                .memory_type_index(visible(instance, needs))
                .push_next(&mut flags);
            let memory = device.allocate_memory(&info, None).unwrap();
            device.bind_buffer_memory(buffer, memory, 0).unwrap();
            let info = vk::BufferDeviceAddressInfo::default().buffer(buffer);
            let address = device.get_buffer_device_address(&info);
            Self { buffer, memory, address }
        }
    }

    /// Memory with something in it.
    fn with<T: Copy>(host: &Host, values: &[T]) -> Self {
        let bytes = size_of_val(values) as u64;
        let part = Self::new(host, bytes);
        let flags = vk::MemoryMapFlags::empty();
        unsafe {
            let to = host.device.map_memory(part.memory, 0, bytes, flags).unwrap();
            to.cast::<T>().copy_from_nonoverlapping(values.as_ptr(), values.len());
            host.device.unmap_memory(part.memory);
        }
        part
    }

    fn destroy(self, host: &Host) {
        unsafe {
            host.device.destroy_buffer(self.buffer, None);
            host.device.free_memory(self.memory, None);
        }
    }
}

/// An acceleration structure, and the memory that it lies in.
struct Structure {
    handle: vk::AccelerationStructureKHR,
    address: vk::DeviceAddress,
    part: Part,
}

impl Structure {
    /// A structure of one thing, built by the device.
    fn of(
        host: &Host,
        functions: &acceleration_structure::Device,
        ty: vk::AccelerationStructureTypeKHR,
        geometry: vk::AccelerationStructureGeometryKHR<'_>,
    ) -> Self {
        let geometries = [geometry];
        let mut build = vk::AccelerationStructureBuildGeometryInfoKHR::default()
            .ty(ty)
            .mode(vk::BuildAccelerationStructureModeKHR::BUILD)
            .geometries(&geometries);
        let mut sizes = vk::AccelerationStructureBuildSizesInfoKHR::default();
        let by = vk::AccelerationStructureBuildTypeKHR::DEVICE;
        unsafe {
            functions.get_acceleration_structure_build_sizes(by, &build, &[1], &mut sizes);
            let part = Part::new(host, sizes.acceleration_structure_size);
            let scratch = Part::new(host, sizes.build_scratch_size);
            let info = vk::AccelerationStructureCreateInfoKHR::default()
                .buffer(part.buffer)
                .size(sizes.acceleration_structure_size)
                .ty(ty);
            let handle = functions.create_acceleration_structure(&info, None).unwrap();
            build.dst_acceleration_structure = handle;
            build.scratch_data.device_address = scratch.address;
            let range = [vk::AccelerationStructureBuildRangeInfoKHR::default().primitive_count(1)];
            host.run(|commands| {
                functions.cmd_build_acceleration_structures(commands.commands, &[build], &[&range]);
            });
            scratch.destroy(host);
            let info = vk::AccelerationStructureDeviceAddressInfoKHR::default()
                .acceleration_structure(handle);
            let address = functions.get_acceleration_structure_device_address(&info);
            Self { handle, address, part }
        }
    }

    fn destroy(self, host: &Host, functions: &acceleration_structure::Device) {
        unsafe { functions.destroy_acceleration_structure(self.handle, None) };
        self.part.destroy(host);
    }
}

/// Each of 32 invocations sends a ray. Those of the first half find the triangle and confirm it.
pub fn rays() -> Vec<u32> {
    let Some(host) = Host::with(Asks::Rays) else { return Vec::new() };
    let functions = acceleration_structure::Device::new(&host.instance, &host.device);
    let corners = Part::with(&host, &[[0.0_f32, 0.0, 0.0], [16.0, 0.0, 0.0], [0.0, 1000.0, 0.0]]);
    let triangles = vk::AccelerationStructureGeometryTrianglesDataKHR::default()
        .vertex_format(vk::Format::R32G32B32_SFLOAT)
        .vertex_data(vk::DeviceOrHostAddressConstKHR { device_address: corners.address })
        .vertex_stride(12)
        .max_vertex(2)
        .index_type(vk::IndexType::NONE_KHR);
    let geometry = vk::AccelerationStructureGeometryKHR::default()
        .geometry_type(vk::GeometryTypeKHR::TRIANGLES)
        .geometry(vk::AccelerationStructureGeometryDataKHR { triangles });
    let level = vk::AccelerationStructureTypeKHR::BOTTOM_LEVEL;
    let bottom = Structure::of(&host, &functions, level, geometry);

    let instance = vk::AccelerationStructureInstanceKHR {
        transform: vk::TransformMatrixKHR {
            matrix: [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        },
        instance_custom_index_and_mask: vk::Packed24_8::new(0, 0xff),
        instance_shader_binding_table_record_offset_and_flags: vk::Packed24_8::new(0, 0),
        acceleration_structure_reference: vk::AccelerationStructureReferenceKHR {
            device_handle: bottom.address,
        },
    };
    let placed = Part::with(&host, &[instance]);
    let instances = vk::AccelerationStructureGeometryInstancesDataKHR::default()
        .data(vk::DeviceOrHostAddressConstKHR { device_address: placed.address });
    let geometry = vk::AccelerationStructureGeometryKHR::default()
        .geometry_type(vk::GeometryTypeKHR::INSTANCES)
        .geometry(vk::AccelerationStructureGeometryDataKHR { instances });
    let level = vk::AccelerationStructureTypeKHR::TOP_LEVEL;
    let top = Structure::of(&host, &functions, level, geometry);

    let words = compile_with(
        "#version 460
        #extension GL_EXT_ray_query : require
        layout(local_size_x = 32) in;
        layout(binding = 0) buffer B { uvec2 scene; float f[]; } b;
        void main() {
            uint i = gl_GlobalInvocationID.x;
            vec3 from = vec3(float(i) + 0.5, 0.5, -1.0);
            rayQueryEXT query;
            rayQueryInitializeEXT(query, accelerationStructureEXT(b.scene), gl_RayFlagsNoneEXT, 0xffu,
                from, 0.0, vec3(0.0, 0.0, 1.0), 10.0);
            while (rayQueryProceedEXT(query)) {
                b.f[64u + i] = rayQueryGetIntersectionTEXT(query, false) * 0.5;
                rayQueryConfirmIntersectionEXT(query);
            }
            if (rayQueryGetIntersectionTypeEXT(query, true) == gl_RayQueryCommittedIntersectionTriangleEXT)
                b.f[128u + i] = rayQueryGetIntersectionTEXT(query, true) + 2.0;
        }",
        &["--target-env", "spirv1.4"],
    );
    let pipeline = host.pipeline(&words, &[]);
    host.write(&[top.address as u32, (top.address >> 32) as u32]);
    host.run(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1);
    });
    // Where the structure lies differs from run to run.
    host.write(&[0, 0]);
    let left = host.read();
    let met = |from: usize| left[2 + from..][..32].iter().map(|&bits| f32::from_bits(bits));
    let halves = |value| (0..32).map(move |i| if i < 16 { value } else { 0.0 });
    assert!(met(64).eq(halves(0.5)) && met(128).eq(halves(3.0)));
    for structure in [top, bottom] {
        structure.destroy(&host, &functions);
    }
    placed.destroy(&host);
    corners.destroy(&host);
    ended(host, &[pipeline])
}

/// Those that meet the triangle take a step to it and one to the end.
#[test]
fn steps_of_a_ray_query_are_counted_apart() {
    if !can_play() {
        return;
    }
    let played = Stage::new().play("rays", &[NAME]);
    if played.left.is_empty() {
        skipped("EXTENSION", "the device has no ray queries");
        return;
    }
    let ops = played.recordings[0].kernels[0].cost.ops;
    assert_eq!(ops.get(Scalar::Int, Op::Trace), 32 + 16);
}
