//! The kernels: find one by name, parse and validate it, resolve its overrides, and reflect what it
//! binds. Nothing here knows a shape or a device; what a binding or a uniform is called in WGSL is
//! stated there alone.

mod layout;

use std::collections::BTreeMap;

pub use layout::{Layout, Number, NumberKind};
use naga::{
    AddressSpace, Handle, Module, ShaderStage, StorageAccess, TypeInner,
    back::pipeline_constants::{PipelineConstantError, process_overrides},
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

use crate::{Error, plan::Dims, plan::KernelName};

macro_rules! shaders {
    ($($stem:literal $(+ $part:literal)*),* $(,)?) => {
        /// Every kernel family: the stem of its file and its source, with that of the files it is
        /// continued in behind it, so that lines of the first are what they are called.
        pub const SOURCES: &[(&str, &str)] = &[$((
            $stem,
            concat!(
                include_str!(concat!("../shaders/", $stem, ".wgsl"))
                $(, "\n", include_str!(concat!("../shaders/", $part, ".wgsl")))*
            ),
        )),*];
    };
}

shaders![
    "attention" + "attention_tiles" + "attention_common" + "products",
    "attention_subgroup" + "attention_common" + "products",
    "bk_core",
    "columns",
    "cross_entropy",
    "embedding",
    "grouping",
    "layer_norm",
    "linear" + "linear_tiles" + "linear_common" + "products",
    "linear_subgroup" + "linear_common" + "products",
    "mix",
    "moe",
    "optimizer",
    "relu",
    "rms_norm" + "products",
    "roofline",
    "rope",
    "swiglu",
];

/// One entry point of a module, with every override resolved: what an executor runs and what the
/// instrumenter rewrites.
#[derive(Clone, Debug)]
pub struct KernelModule {
    /// Name for labels and messages.
    pub name: String,
    /// Source text, for line numbers; empty where there is none.
    pub source: String,
    /// A module with exactly one compute entry point and no overrides.
    pub module: Module,
    /// What the validator found out about `module`.
    pub info: ModuleInfo,
    /// The resources that the entry point uses, by group and binding.
    pub resources: Vec<Resource>,
}

/// One resource that an entry point uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The variable's name in the source.
    pub name: String,
    /// Bind group.
    pub group: u32,
    /// Binding within the group.
    pub binding: u32,
    /// What is bound there.
    pub kind: ResourceKind,
}

/// What kind of resource a kernel wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A uniform block of `size` bytes with named scalar members.
    Uniform {
        /// Bytes.
        size: u32,
        /// Each scalar member.
        members: Vec<Member>,
    },
    /// A storage buffer.
    Storage {
        /// Whether the kernel may write it.
        writable: bool,
    },
    /// A texture, sampler or acceleration structure.
    Opaque,
}

/// A scalar member of a uniform block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Name in the struct.
    pub name: String,
    /// Byte offset.
    pub offset: u32,
    /// Whether it is an `f32`; otherwise it is a `u32`.
    pub float: bool,
}

/// The crate's own kernels, each file parsed at most once.
#[derive(Default)]
pub struct Library {
    parsed: BTreeMap<String, Module>,
}

/// What distinguishes one loaded kernel from another: its name and the overrides it was given.
pub type KernelKey = (KernelName, Vec<(String, u32)>);

impl Library {
    /// One kernel with its overrides taken from `dims` by name, and the key under which a caller
    /// may keep it. Dimensions that are no overrides are left alone: they are uniforms.
    pub fn load(
        &mut self,
        kernel: &KernelName,
        dims: &Dims,
    ) -> Result<(KernelKey, KernelModule), Error> {
        let key = self.key(kernel, dims)?;
        let overrides =
            key.1.iter().map(|(name, value)| (name.clone(), f64::from(*value))).collect();
        let module = KernelModule::from_module(
            &kernel.to_string(),
            source(&kernel.file).unwrap_or_default(),
            &self.parsed[&kernel.file],
            &kernel.entry,
            &overrides,
        )?;
        Ok((key, module))
    }

    /// The key that [`Library::load`] would return, without the work of loading.
    pub fn key(&mut self, kernel: &KernelName, dims: &Dims) -> Result<KernelKey, Error> {
        if !self.parsed.contains_key(&kernel.file) {
            let source = source(&kernel.file).ok_or_else(|| Error::Kernel {
                kernel: kernel.to_string(),
                problem: format!("there is no shader file '{}.wgsl'", kernel.file),
            })?;
            let module = naga::front::wgsl::parse_str(source).map_err(|error| Error::Shader {
                kernel: kernel.to_string(),
                details: error.emit_to_string(source),
            })?;
            self.parsed.insert(kernel.file.clone(), module);
        }
        let overrides = self.parsed[&kernel.file]
            .overrides
            .iter()
            .filter_map(|(_, o)| o.name.as_ref())
            .filter_map(|name| dims.get(name).map(|&value| (name.clone(), value)))
            .collect();
        Ok((kernel.clone(), overrides))
    }
}

fn source(file: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(stem, _)| *stem == file).map(|(_, source)| *source)
}

impl KernelModule {
    /// Loads one of the crate's own kernels, taking its overrides from `dims` by name.
    pub fn load(kernel: &KernelName, dims: &Dims) -> Result<Self, Error> {
        Library::default().load(kernel, dims).map(|(_, module)| module)
    }

    /// Parses a WGSL source and keeps one entry point of it. Values in `overrides` that name no
    /// override of the module are left alone: a pass may carry dimensions that are uniforms.
    pub fn from_wgsl(
        name: &str,
        source: &str,
        entry: &str,
        overrides: &BTreeMap<String, f64>,
    ) -> Result<Self, Error> {
        let shader_error = |details: String| Error::Shader { kernel: name.to_owned(), details };
        let module = naga::front::wgsl::parse_str(source)
            .map_err(|error| shader_error(error.emit_to_string(source)))?;
        Self::from_module(name, source, &module, entry, overrides)
    }

    /// Keeps one entry point of a parsed module, validated, with overrides resolved.
    pub fn from_module(
        name: &str,
        source: &str,
        module: &Module,
        entry: &str,
        overrides: &BTreeMap<String, f64>,
    ) -> Result<Self, Error> {
        let shader_error = |details: String| Error::Shader { kernel: name.to_owned(), details };
        if !module.entry_points.iter().any(|e| e.name == entry && e.stage == ShaderStage::Compute) {
            let known: Vec<_> = module
                .entry_points
                .iter()
                .filter(|e| e.stage == ShaderStage::Compute)
                .map(|e| e.name.as_str())
                .collect();
            return Err(Error::Kernel {
                kernel: name.to_owned(),
                problem: format!(
                    "no compute entry point '{entry}'; there {}",
                    if known.is_empty() {
                        "is none".into()
                    } else {
                        format!("are {}", known.join(", "))
                    }
                ),
            });
        }
        // `process_overrides` leaves a module without overrides alone, other entry points and all;
        // dropping them first makes the result the same kind of thing in every case.
        let mut module = module.clone();
        module.entry_points.retain(|e| e.name == entry && e.stage == ShaderStage::Compute);
        let mut info = validate(&module).map_err(|e| shader_error(diagnosis(&e, source)))?;
        if !module.overrides.is_empty() {
            let constants = module
                .overrides
                .iter()
                .filter_map(|(_, o)| {
                    let key = o.id.map(|id| id.to_string()).or_else(|| o.name.clone())?;
                    let value = o
                        .name
                        .as_ref()
                        .and_then(|n| overrides.get(n))
                        .or_else(|| overrides.get(&key))?;
                    Some((key, *value))
                })
                .collect();
            let resolved =
                process_overrides(&module, &info, Some((ShaderStage::Compute, entry)), &constants)
                    .map_err(|error| Error::Kernel {
                        kernel: name.to_owned(),
                        problem: match error {
                            PipelineConstantError::MissingValue(name) => format!(
                                "its override '{name}' has no default: give it a value with \
                                 --override {name}=VALUE"
                            ),
                            other => format!("its overrides do not fit: {other}"),
                        },
                    })?;
            (module, info) = (resolved.0.into_owned(), resolved.1.into_owned());
        }
        let resources = resources(&module, &info);
        Ok(Self { name: name.to_owned(), source: source.to_owned(), module, info, resources })
    }

    /// The one entry point.
    pub fn entry_point(&self) -> &naga::EntryPoint {
        &self.module.entry_points[0]
    }

    /// How the bytes of one of [`Self::resources`] are made of scalars; none where it is no buffer.
    pub fn layout(&self, resource: &Resource) -> Option<Layout> {
        let entry = self.info.get_entry_point(0);
        let mut variables = self.module.global_variables.iter();
        // Entry points of one file may share a binding; this one uses one variable of it.
        let (_, variable) = variables.find(|(handle, variable)| {
            let at = variable.binding.map(|at| (at.group, at.binding));
            at == Some((resource.group, resource.binding)) && !entry[*handle].is_empty()
        })?;
        Layout::of(&self.module, variable.ty)
    }

    /// The line of the source on which a span begins, from 1; none where the span is undefined.
    pub fn line(&self, span: naga::Span) -> Option<u32> {
        span.is_defined().then(|| span.location(&self.source).line_number)
    }
}

/// Validates with every capability: what a device lacks, the device says itself.
pub(crate) fn validate(
    module: &Module,
) -> Result<ModuleInfo, Box<naga::WithSpan<naga::valid::ValidationError>>> {
    Validator::new(ValidationFlags::all(), Capabilities::all()).validate(module).map_err(Box::new)
}

/// An error with the source line it is about, where there is a source.
fn diagnosis(error: &naga::WithSpan<naga::valid::ValidationError>, source: &str) -> String {
    if !source.is_empty() {
        return error.emit_to_string(source);
    }
    let mut text = error.as_inner().to_string();
    let mut cause = std::error::Error::source(error.as_inner());
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// What the entry point binds.
pub(crate) fn resources(module: &Module, info: &ModuleInfo) -> Vec<Resource> {
    let entry = info.get_entry_point(0);
    let mut resources: Vec<_> = module
        .global_variables
        .iter()
        .filter(|(handle, _)| !entry[*handle].is_empty())
        .filter_map(|(_, variable)| {
            let at = variable.binding?;
            let kind = match variable.space {
                AddressSpace::Uniform => uniform(module, variable.ty),
                AddressSpace::Storage { access } => {
                    ResourceKind::Storage { writable: access.contains(StorageAccess::STORE) }
                }
                _ => ResourceKind::Opaque,
            };
            let name = variable.name.clone().unwrap_or_default();
            Some(Resource { name, group: at.group, binding: at.binding, kind })
        })
        .collect();
    resources.sort_by_key(|r| (r.group, r.binding));
    resources
}

fn uniform(module: &Module, ty: Handle<naga::Type>) -> ResourceKind {
    let inner = &module.types[ty].inner;
    let members = match inner {
        TypeInner::Struct { members, .. } => members
            .iter()
            .filter_map(|member| {
                let TypeInner::Scalar(scalar) = module.types[member.ty].inner else { return None };
                Some(Member {
                    name: member.name.clone()?,
                    offset: member.offset,
                    float: scalar.kind == naga::ScalarKind::Float,
                })
            })
            .collect(),
        _ => Vec::new(),
    };
    ResourceKind::Uniform { size: inner.size(module.to_ctx()), members }
}
