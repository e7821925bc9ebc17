//! What a dispatch binds, as wgpu has it. Knows no kernel and submits nothing.

use std::collections::BTreeMap;

use crate::execute::{Bound, Dispatch};

/// The bind groups of a dispatch, each with its number.
pub(super) fn groups(
    device: &wgpu::Device,
    buffers: &[wgpu::Buffer],
    dispatch: &Dispatch<'_>,
    pipeline: &wgpu::ComputePipeline,
) -> Vec<(u32, wgpu::BindGroup)> {
    let mut groups: BTreeMap<u32, Vec<wgpu::BindGroupEntry<'_>>> = BTreeMap::new();
    for &Bound { group, binding, buffer, offset, size } in dispatch.bindings {
        let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &buffers[buffer.0],
            offset,
            size: std::num::NonZeroU64::new(size),
        });
        groups.entry(group).or_default().push(wgpu::BindGroupEntry { binding, resource });
    }
    groups
        .into_iter()
        .map(|(index, entries)| {
            let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(dispatch.label),
                layout: &pipeline.get_bind_group_layout(index),
                entries: &entries,
            });
            (index, bind_group)
        })
        .collect()
}
