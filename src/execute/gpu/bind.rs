//! What dispatches bind, as wgpu has it. Knows no kernel and submits nothing.

use std::collections::{BTreeMap, HashMap};

use super::texture::Held;
use crate::execute::{Bound, Dispatch, ProgramId};

/// Bind groups, each with its number.
type Groups = Vec<(u32, wgpu::BindGroup)>;

/// The bind groups of every dispatch so far: a step's passes bind the same at each of its runs.
#[derive(Default)]
pub(super) struct BindGroups(HashMap<ProgramId, HashMap<Vec<Bound>, Groups>>);

impl BindGroups {
    /// The bind groups of a dispatch.
    pub(super) fn of(
        &mut self,
        device: &wgpu::Device,
        held: &[Held],
        dispatch: &Dispatch<'_>,
        pipeline: &wgpu::ComputePipeline,
    ) -> Groups {
        let of_program = self.0.entry(dispatch.program).or_default();
        if let Some(groups) = of_program.get(dispatch.bindings) {
            return groups.clone();
        }
        let groups = groups(device, held, dispatch, pipeline);
        of_program.insert(dispatch.bindings.to_vec(), groups.clone());
        groups
    }

    /// Forgets them all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn groups(
    device: &wgpu::Device,
    held: &[Held],
    dispatch: &Dispatch<'_>,
    pipeline: &wgpu::ComputePipeline,
) -> Groups {
    let mut groups: BTreeMap<u32, Vec<wgpu::BindGroupEntry<'_>>> = BTreeMap::new();
    for &Bound { group, binding, buffer, offset, size } in dispatch.bindings {
        let resource = held[buffer.0].resource(offset, size);
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
