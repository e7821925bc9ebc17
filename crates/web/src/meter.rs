//! A kernel's WGSL in, WGSL that counts out. Where the counters are bound is the caller's choice where the
//! caller lays out the pipeline.

use std::{collections::BTreeMap, hash::Hasher as _};

use flopmeter_core::{
    Error,
    device::Limits,
    instrument::{self, CounterBinding, Instrumented},
    kernel::{KernelModule, ResourceKind},
    read::Parsed,
};
use serde::{Deserialize, Serialize};

use crate::TABLES;

/// What is to be rewritten.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// The page's WGSL.
    source: String,
    /// The entry point; absent where there is only one.
    entry: Option<String>,
    /// Overrides, by name or number.
    #[serde(default)]
    overrides: BTreeMap<String, f64>,
    /// What the kernel is called in messages.
    #[serde(default)]
    label: String,
    /// The bind group that the counters go to, at its binding 0; absent where the rewriter chooses.
    group: Option<u32>,
    /// When counters go to a texture.
    #[serde(default)]
    texture: Texture,
    /// What the device allows.
    limits: DeviceLimits,
}

/// When counters go to a texture instead of a storage buffer.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Texture {
    #[default]
    Never,
    /// Where the kernel takes all storage buffers.
    WhereNeeded,
    /// Because the caller's layout takes all storage buffers.
    Always,
}

/// The limits of a device that a rewritten kernel must fit into.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceLimits {
    storage_bindings: u32,
    workgroup_bytes: u32,
    bind_groups: u32,
    /// Lanes that a subgroup has at most, where the device was asked for subgroups.
    #[serde(default)]
    subgroup_lanes: Option<u32>,
}

/// The rewritten kernel.
#[derive(Serialize)]
pub(crate) struct Reply {
    /// By which number [`crate::decode`] knows it.
    pub(crate) table: usize,
    wgsl: String,
    entry: String,
    group: u32,
    binding: u32,
    /// How many counters go to texels of a texture, from where they are to be added to the counter buffer; absent where they
    /// go to the buffer itself.
    texel_counters: Option<u32>,
    /// How many columns that texture has.
    texel_columns: Option<u32>,
    /// Bytes of the counter buffer.
    bytes: u64,
    workgroup_size: [u32; 3],
    /// A name for the source that is the same on every machine.
    module: String,
    resources: Vec<Binding>,
}

/// What the page's own kernel binds.
#[derive(Serialize)]
struct Binding {
    group: u32,
    binding: u32,
    name: String,
    /// As a bind group layout calls it.
    kind: &'static str,
}

/// Rewrites a kernel.
///
/// # Errors
/// Where the request is not understood, the kernel is not valid or cannot be counted, or the limits leave no
/// room for counters; each says which kernel and why.
pub(crate) fn instrument(request: &[u8]) -> Result<String, String> {
    let request: Request = serde_json::from_slice(request).map_err(|e| e.to_string())?;
    let limits = Limits {
        storage_bindings: request.limits.storage_bindings,
        workgroup_bytes: request.limits.workgroup_bytes,
        bind_groups: request.limits.bind_groups,
        subgroup_lanes: request.limits.subgroup_lanes,
        ..Limits::WEBGPU
    };
    let Request { source, entry, overrides, label, .. } = &request;
    let kernel = kernel(label, source, entry.as_deref(), overrides).map_err(|e| e.to_string())?;
    let at = request.group.map(|group| CounterBinding { group, binding: 0 });
    let into_texture = match request.texture {
        Texture::Never => false,
        Texture::WhereNeeded => instrument::takes_all_storage_bindings(&kernel.resources, &limits),
        Texture::Always => true,
    };
    let counting = match at {
        at if into_texture => instrument::instrument_into_texture(&kernel, &limits, at),
        Some(at) => instrument::instrument_at(&kernel, &limits, at),
        None => instrument::instrument(&kernel, &limits),
    };
    let Instrumented { kernel: counting, counters, table } = counting.map_err(|e| e.to_string())?;
    let wgsl = counting.to_wgsl().map_err(|error| error.to_string())?;
    let bytes = table.bytes();
    let texel_counters = into_texture.then(|| table.counters());
    let table = TABLES.with_borrow_mut(|tables| {
        tables.push(table);
        tables.len() - 1
    });
    let reply = Reply {
        table,
        wgsl,
        entry: kernel.entry_point().name.clone(),
        group: counters.group,
        binding: counters.binding,
        texel_counters,
        texel_columns: into_texture.then_some(instrument::TEXEL_COLUMNS),
        bytes,
        workgroup_size: kernel.entry_point().workgroup_size,
        module: format!("{:016x}", hash(source)),
        resources: kernel
            .resources
            .iter()
            .map(|resource| Binding {
                group: resource.group,
                binding: resource.binding,
                name: resource.name.clone(),
                kind: match resource.kind {
                    ResourceKind::Uniform { .. } => "uniform",
                    ResourceKind::Storage { writable: true } => "storage",
                    ResourceKind::Storage { writable: false } => "read-only-storage",
                    ResourceKind::Opaque => "opaque",
                },
            })
            .collect(),
    };
    serde_json::to_string(&reply).map_err(|error| error.to_string())
}

/// A kernel of a source: the entry point of that name, or the only one there is.
///
/// # Errors
/// Where the source is not valid, or has no such entry point, or several and none is named.
pub(crate) fn kernel(
    label: &str,
    source: &str,
    entry: Option<&str>,
    overrides: &BTreeMap<String, f64>,
) -> Result<KernelModule, Error> {
    let parsed = Parsed::wgsl(label, source)?;
    let entries = &parsed.module.entry_points;
    let computes = || entries.iter().filter(|e| e.stage == naga::ShaderStage::Compute);
    let entry = match (entry, computes().next(), computes().nth(1)) {
        (Some(entry), ..) => entry,
        (None, Some(only), None) => &only.name,
        (None, ..) => {
            let problem = format!("it has {} compute entry points: name one", computes().count());
            return Err(Error::Kernel { kernel: label.to_owned(), problem });
        }
    };
    KernelModule::from_parsed(&parsed, entry, overrides)
}

/// What the sources of kernels are told apart by.
fn hash(source: &str) -> u64 {
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(source.as_bytes());
    hasher.finish()
}
