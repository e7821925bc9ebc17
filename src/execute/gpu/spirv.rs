//! SPIR-V that goes to a Vulkan driver as it is, past naga: its words, and a layout of what it binds. Knows what wgpu
//! switches on of a device and how it numbers bindings; nothing of what the words compute. wgpu holds no sampler against
//! the textures that such words read through it, so that one layout serves for samplers of every kind.

use std::{borrow::Cow, collections::BTreeMap};

use flopmeter_core::spirv::{Capability, Interface};
use wgpu::{BindGroupLayoutEntry, Features, SamplerBindingType, ShaderStages};

use super::pipeline::{Pipelines, binding_type};
use crate::{
    Error, KernelError,
    execute::{Adapter, DeclaredTexels, DeclaredTexture, SpirvProgram, fits},
};

/// The pipeline of a program. Nothing is kept of what the device says of it.
///
/// # Errors
/// Where the device lacks what the module declares, or executors bind no such thing as it does.
pub(super) fn pipelines(
    device: &wgpu::Device,
    adapter: &Adapter,
    program: &SpirvProgram<'_>,
) -> Result<Pipelines, Error> {
    let SpirvProgram { module, entry, interface, immediates } = *program;
    let refused = |problem: String| -> Error {
        let (kernel, adapter) = (module.name.clone(), adapter.name.clone());
        KernelError::BackEnd { kernel, adapter, problem }.into()
    };
    fits::extent(adapter, &module.name, interface.workgroup_bytes, interface.nesting)?;
    for &capability in &interface.capabilities {
        if !has(device.features(), capability) {
            return Err(refused(format!(
                "it declares the capability {capability:?}, which this adapter is not opened with; where a program runs it, \
                 'flopmeter run' counts it there"
            )));
        }
    }
    let room = match device.features().contains(Features::IMMEDIATES) {
        true => device.limits().max_immediate_size.into(),
        false => 0,
    };
    if interface.immediate_bytes > room {
        return Err(refused(format!(
            "it takes {} bytes of push constants, and this adapter has room for {room}",
            interface.immediate_bytes
        )));
    }
    if interface.immediate_bytes > immediates.len() as u64 {
        return Err(refused("it takes push constants of which some are no numbers".to_owned()));
    }

    let entries = entries(interface).map_err(refused)?;
    let layouts: Vec<wgpu::BindGroupLayout> = entries
        .iter()
        .map(|entries| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(&module.name),
                entries,
            })
        })
        .collect();
    // wgpu gives the bindings of a group consecutive numbers, in their order, and names them so where it writes
    // SPIR-V itself.
    let rebound = module.rebound(|set, binding| {
        let group = entries.get(set as usize)?;
        let at = group.iter().position(|entry| entry.binding == binding)?;
        u32::try_from(at).ok()
    })?;
    let layouts: Vec<_> = layouts.iter().map(Some).collect();
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(&module.name),
        bind_group_layouts: &layouts,
        immediate_size: immediates.len() as u32,
    });
    let [x, y, z] = interface.workgroup_size;
    let descriptor = wgpu::ShaderModuleDescriptorPassthrough {
        label: Some(&*module.name),
        entry_points: Cow::Owned(vec![wgpu::PassthroughShaderEntryPoint {
            name: entry.into(),
            workgroup_size: (x, y, z),
        }]),
        spirv: Some(rebound.words.into()),
        ..Default::default()
    };
    #[expect(
        unsafe_code,
        reason = "the words were read instruction by instruction, what they declare is switched on, and the layout \
                  is that of their own decorations; a module that is not valid otherwise is as it is in any program: \
                  its driver's to refuse"
    )]
    let module = unsafe { device.create_shader_module_passthrough(descriptor) };
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(&program.module.name),
        layout: Some(&layout),
        module: &module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    // Which of its textures a sampler reads is not followed: any may be.
    let is_sampled = |handle: &naga::TypeInner| {
        let texels = DeclaredTexture::of(handle).map(|declared| declared.texels);
        matches!(texels, Ok(DeclaredTexels::Sampled(_)))
    };
    let handles = interface.handles.iter();
    let sampled = handles.filter(|(_, handle)| is_sampled(handle)).map(|(at, _)| *at).collect();
    Ok(Pipelines::new(device, pipeline, sampled, immediates))
}

/// The layout of each descriptor set, in the order of bindings.
///
/// # Errors
/// Which of its resources executors do not bind.
fn entries(interface: &Interface) -> Result<Vec<Vec<BindGroupLayoutEntry>>, String> {
    let mut groups: BTreeMap<u32, Vec<BindGroupLayoutEntry>> = BTreeMap::new();
    for resource in &interface.resources {
        let declared = interface.handles.get(&(resource.group, resource.binding));
        let ty =
            binding_type(resource, declared, SamplerBindingType::Filtering).ok_or_else(|| {
                format!(
                    "'{}' at {}.{} is no buffer, sampler or texture that can be bound",
                    resource.name, resource.group, resource.binding
                )
            })?;
        groups.entry(resource.group).or_default().push(BindGroupLayoutEntry {
            binding: resource.binding,
            visibility: ShaderStages::COMPUTE,
            ty,
            count: None,
        });
    }
    let sets = groups.last_key_value().map_or(0, |(last, _)| last + 1);
    let mut all = vec![Vec::new(); sets as usize];
    for (set, mut entries) in groups {
        entries.sort_by_key(|entry| entry.binding);
        all[set as usize] = entries;
    }
    Ok(all)
}

/// Whether a device with these features has been opened with a capability of SPIR-V.
fn has(features: Features, capability: Capability) -> bool {
    let needed = match capability {
        // Texels of a buffer are not bound, and need nothing where nothing reads them. wgpu takes storage textures of
        // all its formats for granted where an adapter has them.
        Capability::Shader
        | Capability::Matrix
        | Capability::Sampled1D
        | Capability::Image1D
        | Capability::SampledBuffer
        | Capability::ImageBuffer
        | Capability::ImageQuery
        | Capability::StorageImageExtendedFormats => Features::empty(),
        Capability::Float16 => Features::SHADER_F16,
        Capability::Int16 => Features::SHADER_I16,
        Capability::StorageBuffer16BitAccess | Capability::UniformAndStorageBuffer16BitAccess => {
            return features.intersects(Features::SHADER_F16 | Features::SHADER_I16);
        }
        Capability::Float64 => Features::SHADER_F64,
        Capability::Int64 => Features::SHADER_INT64,
        Capability::Int64Atomics => Features::SHADER_INT64_ATOMIC_ALL_OPS,
        Capability::AtomicFloat32AddEXT => Features::SHADER_FLOAT32_ATOMIC,
        Capability::GroupNonUniform
        | Capability::GroupNonUniformVote
        | Capability::GroupNonUniformArithmetic
        | Capability::GroupNonUniformBallot
        | Capability::GroupNonUniformShuffle
        | Capability::GroupNonUniformShuffleRelative
        | Capability::GroupNonUniformQuad => Features::SUBGROUP,
        _ => return false,
    };
    features.contains(needed)
}
