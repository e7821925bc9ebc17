//! What a module leaves to its host, as a person reads it: entry points, bindings and constants. Knows types and
//! names; nothing of counting.

use std::collections::BTreeMap;

use super::shader::{SpecConstant, SpirvModule};
use crate::{
    Error,
    kernel::{
        Layout, Outline, OutlinedBinding, OutlinedEntry, OutlinedOverride, Resource, ResourceKind,
    },
};

impl SpirvModule {
    /// What it leaves to its host, workgroups as these values of constants make them.
    ///
    /// # Errors
    /// As [`Self::specialized`] and [`Self::interface`].
    pub fn outline(&self, values: &BTreeMap<String, f64>) -> Result<Outline, Error> {
        let module = self.specialized(values)?;
        let (mut entries, mut bindings) = (Vec::new(), BTreeMap::new());
        for entry in module.entries()? {
            let interface = module.interface(&entry)?;
            let size = interface.workgroup_size;
            entries.push(OutlinedEntry {
                name: entry,
                workgroup_size: Some(size),
                stated_workgroup_size: size.map(|extent| extent.to_string()),
                bindings: interface
                    .resources
                    .iter()
                    .map(|its| format!("{}.{}", its.group, its.binding))
                    .collect(),
            });
            for resource in interface.resources {
                let key = (resource.group, resource.binding);
                let layout = interface.layouts.get(&key);
                bindings.entry(key).or_insert_with(|| binding(resource, layout));
            }
        }
        let overrides = self.constants()?.into_iter().map(outlined).collect();
        let bindings = bindings.into_values().collect();
        Ok(Outline { entries, bindings, immediates: Vec::new(), overrides })
    }
}

fn binding(resource: Resource, layout: Option<&Layout>) -> OutlinedBinding {
    let Resource { name, group, binding, kind } = resource;
    let space = match kind {
        ResourceKind::Uniform { .. } => "uniform",
        ResourceKind::Storage { writable: true } => "storage, read_write",
        ResourceKind::Storage { writable: false } => "storage, read",
        ResourceKind::Opaque => "handle",
    };
    OutlinedBinding {
        name,
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
