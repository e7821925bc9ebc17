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
    /// For samplers that take the nearest texel, where that is another one.
    nearest: Option<wgpu::ComputePipeline>,
    /// What is read through samplers where the device weighs no singles, by group and binding.
    unweighed: Vec<(u32, u32)>,
    /// The immediate data of its launches.
    pub(super) immediates: Vec<u8>,
}

impl Pipelines {
    /// A kernel that has one pipeline, and reads some of its textures through samplers.
    pub(super) fn new(
        device: &wgpu::Device,
        pipeline: wgpu::ComputePipeline,
        sampled: Vec<(u32, u32)>,
        immediates: &[u8],
    ) -> Self {
        let weighs = device.features().contains(Features::FLOAT32_FILTERABLE);
        let unweighed = if weighs { Vec::new() } else { sampled };
        Self { pipeline, nearest: None, unweighed, immediates: immediates.to_vec() }
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
        let pipelines = Self::new(device, pipeline(None), sampled(kernel), &kernel.immediates);
        if pipelines.unweighed.is_empty() {
            return pipelines;
        }
        let nearest = layout(device, kernel).map(|layout| pipeline(Some(&layout)));
        Self { nearest, ..pipelines }
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
        let is_linear = |bound: &Bound| matches!(&held[bound.buffer.0], Held::Sampler(_, sampler) if sampler.linear);
        if self.unweighed.is_empty() || !bindings.iter().any(is_linear) {
            return Ok(self.nearest.as_ref().unwrap_or(&self.pipeline));
        }
        for &Bound { group, binding, buffer, .. } in bindings {
            if let Held::Texture(.., texture) = &held[buffer.0]
                && let (_, 32, Channel::Float) = texture.format.channels()
                && self.unweighed.contains(&(group, binding))
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

/// What a kernel binds where no sampler weighs texels; `None` where executors do not bind it.
fn layout(device: &wgpu::Device, kernel: &KernelModule) -> Option<wgpu::PipelineLayout> {
    let mut groups: BTreeMap<u32, Vec<BindGroupLayoutEntry>> = BTreeMap::new();
    for resource in &kernel.resources {
        groups.entry(resource.group).or_default().push(BindGroupLayoutEntry {
            binding: resource.binding,
            visibility: ShaderStages::COMPUTE,
            ty: binding_type(
                resource,
                kernel.declared(resource),
                SamplerBindingType::NonFiltering,
            )?,
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

/// What a resource is bound as, which a texture and a sampler declare; `None` where executors bind no such.
pub(super) fn binding_type(
    resource: &Resource,
    declared: Option<&TypeInner>,
    sampler: SamplerBindingType,
) -> Option<BindingType> {
    let buffer = |ty| BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
    if let Some(TypeInner::BindingArray { .. }) = declared {
        return None;
    }
    match (&resource.kind, declared) {
        (ResourceKind::Uniform { .. }, _) => Some(buffer(BufferBindingType::Uniform)),
        (ResourceKind::Storage { writable }, _) => {
            Some(buffer(BufferBindingType::Storage { read_only: !writable }))
        }
        (ResourceKind::Opaque, Some(TypeInner::Sampler { comparison: false })) => {
            Some(BindingType::Sampler(sampler))
        }
        (ResourceKind::Opaque, Some(inner @ TypeInner::Image { .. })) => {
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
    match (does(StorageAccess::LOAD), does(StorageAccess::STORE)) {
        (true, true) => Some(StorageTextureAccess::ReadWrite),
        (true, false) => Some(StorageTextureAccess::ReadOnly),
        (false, true) => Some(StorageTextureAccess::WriteOnly),
        (false, false) => None,
    }
}
