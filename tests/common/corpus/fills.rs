//! What goes into the buffers of a shader whose meaning nobody here knows.

use std::collections::BTreeMap;

use flopmeter::{
    kernel::{KernelModule, ResourceKind},
    shader::{BindingKey, BufferFill},
};

/// Scalars of a buffer that has no fixed size, about.
const SCALARS: u64 = 1 << 13;

/// Small numbers everywhere: `extent` in what has a fixed size, since that is where extents are, and 0 to 3
/// over and over in what has none. None where a texture or the like is bound.
pub fn fills(kernel: &KernelModule, extent: u32) -> Option<BTreeMap<BindingKey, BufferFill>> {
    let resources = kernel.resources.iter();
    resources
        .map(|resource| {
            if resource.kind == ResourceKind::Opaque {
                return None;
            }
            let layout = kernel.layout(resource)?;
            let least = layout.least_scalars();
            let values = if layout.is_runtime_sized() {
                // Whole elements.
                let scalars = (least..=SCALARS).rev().find(|&n| layout.bytes(n).is_ok());
                (0..scalars.unwrap_or(least)).map(|i| (i % 4).to_string()).collect()
            } else {
                vec![extent.to_string(); least as usize]
            };
            Some(((resource.group, resource.binding), BufferFill::Values(values)))
        })
        .collect()
}
