//! What a module leaves to its host, as a person reads it: entry points, bindings and constants. Knows types and
//! names; nothing of counting.

use std::collections::BTreeMap;

use super::{
    entry_point, handles, interface, members,
    module::Module,
    shader::{SpecConstant, SpirvModule},
    words::Id,
};
use crate::{
    Error,
    kernel::{
        Layout, Outline, OutlinedBinding, OutlinedEntry, OutlinedMember, OutlinedOverride,
        Resource, ResourceKind,
    },
};

impl SpirvModule {
    /// What it leaves to its host, workgroups as these values of constants make them.
    ///
    /// # Errors
    /// As [`Self::specialized`] and [`Self::interface`].
    pub fn outline(&self, values: &BTreeMap<String, f64>) -> Result<Outline, Error> {
        let overrides = self.constants()?.into_iter().map(outlined).collect();
        let specialized = self.specialized(values)?;
        // What cannot be taken apart is listed as it is.
        let module = specialized.clone().apart().unwrap_or(specialized);
        let outline = module.view(of)?;
        Ok(Outline { overrides, ..outline })
    }
}

/// The outline of a module without its constants.
fn of(module: &Module<'_>) -> Result<Outline, String> {
    let (mut entries, mut bindings) = (Vec::new(), BTreeMap::new());
    let mut immediates = Vec::new();
    for (entry, _) in module.entries() {
        let interface = interface::of(module, entry_point(module, &entry)?)?;
        let size = interface.workgroup_size;
        let named = |its: &Resource| format!("{}.{}", its.group, its.binding);
        entries.push(OutlinedEntry {
            name: entry,
            workgroup_size: Some(size),
            stated_workgroup_size: size.map(|extent| extent.to_string()),
            bindings: interface.resources.iter().map(named).collect(),
        });
        for resource in interface.resources {
            let key = (resource.group, resource.binding);
            let layout = interface.layouts.get(&key);
            let block = interface.blocks.get(&key).copied();
            let handle = interface.handles.get(&key);
            bindings.entry(key).or_insert_with(|| {
                let bound = binding(module, resource, layout, block);
                let r#type = handle.map(handles::spelled).unwrap_or(bound.r#type);
                OutlinedBinding { r#type, ..bound }
            });
        }
        if let (Some(block), true) = (interface.immediate_block, immediates.is_empty()) {
            let name = interface.immediates.map(|(name, _)| name).unwrap_or_default();
            members::add(module, block, &name, 0, &mut immediates);
        }
    }
    let bindings = bindings.into_values().collect();
    Ok(Outline { entries, bindings, immediates, overrides: Vec::new() })
}

fn binding(
    module: &Module<'_>,
    resource: Resource,
    layout: Option<&Layout>,
    block: Option<Id>,
) -> OutlinedBinding {
    let Resource { name, group, binding, kind } = resource;
    let space = match kind {
        ResourceKind::Uniform { .. } => "uniform",
        ResourceKind::Storage { writable: true } => "storage, read_write",
        ResourceKind::Storage { writable: false } => "storage, read",
        ResourceKind::Opaque => "handle",
    };
    let mut found: Vec<OutlinedMember> = Vec::new();
    if let Some(block) = block {
        members::add(module, block, "", 0, &mut found);
    }
    OutlinedBinding {
        name,
        members: found,
        r#type: layout.map_or_else(String::new, Layout::numbers),
        ..OutlinedBinding::laid([group, binding], space, layout)
    }
}

fn outlined(constant: SpecConstant) -> OutlinedOverride {
    let SpecConstant { number, name, ty, default } = constant;
    OutlinedOverride {
        name,
        id: u16::try_from(number).ok(),
        r#type: ty,
        default: Some(default.to_string()),
    }
}
