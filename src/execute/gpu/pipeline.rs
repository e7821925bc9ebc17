//! The pipelines of a kernel. wgpu derives what a kernel binds from its module, and takes every texture that is read
//! through a sampler for one whose texels are weighed, which an adapter may not do with singles. Where it does not, a
//! second pipeline binds samplers that take the nearest texel, and textures of any format.

use std::collections::BTreeMap;

use naga::{ScalarKind, StorageAccess, TypeInner};
use wgpu::{
    BindGroupLayoutEntry, BindingType, BufferBindingType, Features, SamplerBindingType,
    ShaderStages, StorageTextureAccess, TextureSampleType,
};

use super::texture::{self, Held};
use crate::{
    execute::{Bound, Channel, DeclaredTexels, DeclaredTexture},
    kernel::{KernelModule, Resource, ResourceKind},
};

/// The pipelines of a kernel.
pub(super) struct Pipelines {
    pipeline: wgpu::ComputePipeline,
    /// Where the device weighs no singles and the kernel has samplers.
    nearest: Option<Nearest>,
    /// The immediate data of its launches.
    pub(super) immediates: Vec<u8>,
}

/// The pipeline for samplers that take the nearest texel.
struct Nearest {
    pipeline: wgpu::ComputePipeline,
    /// What is read through samplers, by group and binding.
    sampled: Vec<(u32, u32)>,
}

impl Pipelines {
    /// A kernel that has one pipeline.
    pub(super) fn new(pipeline: wgpu::ComputePipeline, immediates: &[u8]) -> Self {
        Self { pipeline, nearest: None, immediates: immediates.to_vec() }
    }

    /// The pipelines of a kernel of naga's.
    pub(super) fn of(
        device: &wgpu::Device,
        module: &wgpu::ShaderModule,
        kernel: &KernelModule,
    ) -> Self {
        let pipeline = |layout: Option<&wgpu::PipelineLayout>| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&kernel.name),
                layout,
                module,
                entry_point: Some(&kernel.entry_point().name),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        };
        let nearest = layout(device, kernel);
        let nearest = nearest
            .map(|layout| Nearest { pipeline: pipeline(Some(&layout)), sampled: sampled(kernel) });
        Self { nearest, ..Self::new(pipeline(None), &kernel.immediates) }
    }

    /// The pipeline for what is bound.
    ///
    /// # Errors
    /// Where texels are to be weighed that the device does not weigh.
    pub(super) fn pipeline(
        &self,
        held: &[Held],
        bindings: &[Bound],
    ) -> Result<&wgpu::ComputePipeline, String> {
        let Some(nearest) = &self.nearest else { return Ok(&self.pipeline) };
        let is_linear = |bound: &Bound| matches!(&held[bound.buffer.0], Held::Sampler(_, sampler) if sampler.linear);
        if !bindings.iter().any(is_linear) {
            return Ok(&nearest.pipeline);
        }
        for &Bound { group, binding, buffer, .. } in bindings {
            if let Held::Texture(.., texture) = &held[buffer.0]
                && let (_, 32, Channel::Float) = texture.format.channels()
                && nearest.sampled.contains(&(group, binding))
            {
                return Err(format!(
                    "{group}.{binding} is a texture of {}, and this adapter does not weigh such texels: give it the \
                     format rgba16float, or have every sampler take the nearest texel",
                    texture.format
                ));
            }
        }
        Ok(&self.pipeline)
    }
}

/// The textures that a kernel reads through samplers.
fn sampled(kernel: &KernelModule) -> Vec<(u32, u32)> {
    let pairs = kernel.info.get_entry_point(0).sampling_set.iter();
    let bindings =
        pairs.filter_map(|pair| kernel.module.global_variables[pair.image].binding.as_ref());
    bindings.map(|at| (at.group, at.binding)).collect()
}

/// What a kernel binds where no sampler weighs texels; `None` where that is as wgpu derives it.
fn layout(device: &wgpu::Device, kernel: &KernelModule) -> Option<wgpu::PipelineLayout> {
    if device.features().contains(Features::FLOAT32_FILTERABLE) || sampled(kernel).is_empty() {
        return None;
    }
    let mut groups: BTreeMap<u32, Vec<BindGroupLayoutEntry>> = BTreeMap::new();
    for resource in &kernel.resources {
        groups.entry(resource.group).or_default().push(BindGroupLayoutEntry {
            binding: resource.binding,
            visibility: ShaderStages::COMPUTE,
            ty: binding_type(kernel, resource)?,
            count: None,
        });
    }
    let last = *groups.last_key_value()?.0;
    let layouts: Vec<wgpu::BindGroupLayout> = (0..=last)
        .map(|group| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(&kernel.name),
                entries: groups.get(&group).map_or(&[], Vec::as_slice),
            })
        })
        .collect();
    let layouts: Vec<_> = layouts.iter().map(Some).collect();
    Some(device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(&kernel.name),
        bind_group_layouts: &layouts,
        immediate_size: kernel.immediates.len() as u32,
    }))
}

/// What a resource is bound as where no sampler weighs texels; `None` where executors bind no such.
fn binding_type(kernel: &KernelModule, resource: &Resource) -> Option<BindingType> {
    let buffer = |ty| BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
    let inner = kernel.declared(resource)?;
    if let TypeInner::BindingArray { .. } = inner {
        return None;
    }
    match (&resource.kind, inner) {
        (ResourceKind::Uniform { .. }, _) => Some(buffer(BufferBindingType::Uniform)),
        (ResourceKind::Storage { writable }, _) => {
            Some(buffer(BufferBindingType::Storage { read_only: !writable }))
        }
        (ResourceKind::Opaque, TypeInner::Sampler { comparison: false }) => {
            Some(BindingType::Sampler(SamplerBindingType::NonFiltering))
        }
        (ResourceKind::Opaque, TypeInner::Image { .. }) => {
            let DeclaredTexture { dimension, texels } = DeclaredTexture::of(inner).ok()?;
            let (_, view_dimension) = texture::dimensions(dimension);
            Some(match texels {
                DeclaredTexels::Sampled(kind) => BindingType::Texture {
                    sample_type: match kind {
                        ScalarKind::Sint => TextureSampleType::Sint,
                        ScalarKind::Uint => TextureSampleType::Uint,
                        ScalarKind::Float => TextureSampleType::Float { filterable: false },
                        ScalarKind::Bool | ScalarKind::AbstractInt | ScalarKind::AbstractFloat => {
                            return None;
                        }
                    },
                    view_dimension,
                    multisampled: false,
                },
                DeclaredTexels::Storage(format, _) => BindingType::StorageTexture {
                    access: storage_access(inner)?,
                    format: texture::translated(format),
                    view_dimension,
                },
            })
        }
        (ResourceKind::Opaque, _) => None,
    }
}

/// How a storage texture is accessed.
fn storage_access(inner: &TypeInner) -> Option<StorageTextureAccess> {
    let TypeInner::Image { class: naga::ImageClass::Storage { access, .. }, .. } = inner else {
        return None;
    };
    let does = |what: StorageAccess| access.contains(what);
    match (does(StorageAccess::ATOMIC), does(StorageAccess::LOAD), does(StorageAccess::STORE)) {
        (true, _, _) => Some(StorageTextureAccess::Atomic),
        (false, true, true) => Some(StorageTextureAccess::ReadWrite),
        (false, true, false) => Some(StorageTextureAccess::ReadOnly),
        (false, false, true) => Some(StorageTextureAccess::WriteOnly),
        (false, false, false) => None,
    }
}
