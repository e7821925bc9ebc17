//! One kernel: parse and validate a source, resolve its overrides, and reflect what it binds. Nothing here
//! knows a shape or a device.

mod cooperative;
mod ends;
mod extended;
mod flat;
mod layout;
mod nesting;
mod order;
mod outline;
mod overrides;
mod resource;
mod shape;

use std::{borrow::Cow, collections::BTreeMap};

#[cfg(feature = "spirv-rewrite")]
pub(crate) use layout::Tail;
pub use layout::{Layout, LayoutMember, LayoutPart};
use naga::{
    AddressSpace, Handle, Module, ShaderStage, StorageAccess, TypeInner,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};
#[cfg(feature = "spirv-rewrite")]
pub(crate) use shape::Numbers;

pub use self::cooperative::CooperativeProduct;
pub use self::ends::hide_ends;
pub use self::outline::{
    Outline, OutlinedBinding, OutlinedEntry, OutlinedMember, OutlinedOverride, spelled_literal,
};
use self::overrides::Problem;
pub use self::resource::{Member, Resource, ResourceKind};
pub use self::shape::{Number, NumberKind};

pub use crate::ir::arms;
use crate::{
    Error,
    guard::{Stage, guarded, with_room},
    read::{Directives, Parsed, PlainAccesses, blocks},
    source::{Source, SourceLine},
};

/// One entry point of a module, with every override resolved: what an executor runs and what the
/// instrumenter rewrites.
#[derive(Clone, Debug)]
pub struct KernelModule {
    /// Name for labels and messages.
    pub name: String,
    /// The text that it was read or compiled from; `None` where there is none, as for SPIR-V that states no lines.
    pub source: Option<Source>,
    /// The directives of the text that `module` does not say.
    pub directives: Directives,
    /// Which accesses of `module` are no atomics, where it says that they are.
    pub plain: PlainAccesses,
    /// A module with exactly one compute entry point and no overrides.
    pub module: Module,
    /// What the validator found out about `module`.
    pub info: ModuleInfo,
    /// The resources that the entry point uses, by group and binding.
    pub resources: Vec<Resource>,
    /// The immediate data of each launch, a multiple of four bytes: zeros, unless the caller sets them. Empty
    /// where the entry point uses none.
    pub immediates: Vec<u8>,
    /// Whether its results may depend on the order of its workgroups, races aside.
    pub heeds_order: bool,
    /// Whether its loops are known to end and its indices to stay within bounds, so that a back end need not add guards.
    /// Readers leave this false; a caller that has proven it sets it.
    pub is_proven: bool,
}

impl KernelModule {
    /// Parses a WGSL source and keeps one entry point of it. Values in `overrides` that name no
    /// override of the module are left alone: a pass may carry dimensions that are uniforms.
    ///
    /// # Errors
    /// As for [`Parsed::wgsl`] and [`Self::from_parsed`].
    pub fn from_wgsl(
        name: &str,
        source: &str,
        entry: &str,
        overrides: &BTreeMap<String, f64>,
    ) -> Result<Self, Error> {
        Self::from_parsed(&Parsed::wgsl(name, source)?, entry, overrides)
    }

    /// Keeps one entry point of a shader that has been read, validated, with overrides resolved.
    ///
    /// # Errors
    /// Where it has no such entry point, where an override has neither value nor default, and where the module is
    /// not valid.
    pub fn from_parsed(
        parsed: &Parsed,
        entry: &str,
        overrides: &BTreeMap<String, f64>,
    ) -> Result<Self, Error> {
        guarded(&parsed.name, Stage::Validating, || {
            with_room(&parsed.name, blocks(&parsed.module), || {
                Self::selected(parsed, entry, overrides)
            })
        })
    }

    /// Keeps one entry point of a module, as [`Self::from_parsed`] does. `source` is the text that its spans are
    /// offsets in.
    ///
    /// # Errors
    /// As for [`Self::from_parsed`].
    pub fn from_module(
        name: &str,
        source: Option<&str>,
        module: &Module,
        entry: &str,
        overrides: &BTreeMap<String, f64>,
    ) -> Result<Self, Error> {
        let parsed = Parsed::module(name, source, module.clone())?;
        Self::from_parsed(&parsed, entry, overrides)
    }

    fn selected(
        parsed: &Parsed,
        entry: &str,
        overrides: &BTreeMap<String, f64>,
    ) -> Result<Self, Error> {
        let Parsed { name, source, module, directives, plain } = parsed;
        let shader_error = |details: String| Error::Shader { kernel: name.clone(), details };
        if !module.entry_points.iter().any(|e| e.name == entry && e.stage == ShaderStage::Compute) {
            let known: Vec<_> = module
                .entry_points
                .iter()
                .filter(|e| e.stage == ShaderStage::Compute)
                .map(|e| e.name.as_str())
                .collect();
            return Err(Error::Kernel {
                kernel: name.clone(),
                problem: format!(
                    "no compute entry point '{entry}'; there {}",
                    match known[..] {
                        [] => "is none".to_owned(),
                        [only] => format!("is {only}"),
                        _ => format!("are {}", known.join(", ")),
                    }
                ),
            });
        }
        // `process_overrides` leaves a module without overrides alone, other entry points and all;
        // dropping them first makes the result the same kind of thing in every case.
        let mut module = module.clone();
        module.entry_points.retain(|e| e.name == entry && e.stage == ShaderStage::Compute);
        let mut info =
            validate(&module).map_err(|e| shader_error(diagnosis(&e, name, source.as_ref())))?;
        if !module.overrides.is_empty() {
            overrides::resolve(&mut module, &info, overrides).map_err(|problem| match problem {
                Problem::Missing(missing) => {
                    Error::MissingOverride { kernel: name.clone(), name: missing }
                }
                Problem::Unfit(why) => Error::Kernel {
                    kernel: name.clone(),
                    problem: format!("its overrides do not fit: {why}"),
                },
            })?;
            info = validate(&module)
                .map_err(|e| shader_error(diagnosis(&e, name, source.as_ref())))?;
        }
        let resources = resources(&module, &info);
        let heeds_order = order::is_heeded(&module, &info);
        let mut kernel = Self {
            name: name.clone(),
            source: source.clone(),
            directives: directives.clone(),
            plain: plain.clone(),
            module,
            info,
            resources,
            immediates: Vec::new(),
            heeds_order,
            is_proven: false,
        };
        if let Some(variable) = kernel.immediate_variable() {
            let size = kernel.module.types[variable.ty].inner.size(kernel.module.to_ctx());
            kernel.immediates = vec![0; size.next_multiple_of(4) as usize];
        }
        Ok(kernel)
    }

    /// The variable of the immediate data that the entry point uses, of which there is one at most.
    fn immediate_variable(&self) -> Option<&naga::GlobalVariable> {
        let entry = self.info.get_entry_point(0);
        let mut variables = self.module.global_variables.iter();
        let found = variables.find(|(handle, variable)| {
            variable.space == AddressSpace::Immediate && !entry[*handle].is_empty()
        });
        found.map(|(_, variable)| variable)
    }

    /// The name of the immediate data, empty where it has none, and how they are made of scalars; `None` where the
    /// entry point uses none.
    pub fn immediate_layout(&self) -> Option<(&str, Layout)> {
        let variable = self.immediate_variable()?;
        let name = variable.name.as_deref().unwrap_or_default();
        Some((name, Layout::of(&self.module, variable.ty)?))
    }

    /// The module as naga's back ends take it: its workgroup has one dimension where they ask for that, and no conversion
    /// extends a number and changes its sign at once. What it computes is the same; what it executes is not, so it is
    /// never counted.
    pub fn for_back_ends(&self) -> Cow<'_, Module> {
        let mut module = Cow::Borrowed(&self.module);
        if let Some(crossings) = extended::crossings(&self.module, &self.info) {
            extended::split(module.to_mut(), &crossings);
        }
        if flat::has_subgroups_in_several_dimensions(&self.module) {
            return Cow::Owned(flat::flattened(module.into_owned()));
        }
        module
    }

    /// Does `work` on this kernel, with room on the stack for its nesting. A panic of `work` is an error.
    ///
    /// # Errors
    /// What `work` fails with, [`Error::Panicked`], and [`Error::Kernel`] where the kernel is nested too deep.
    pub fn guarded<T: Send, E: From<Error> + Send>(
        &self,
        stage: Stage,
        work: impl FnOnce() -> Result<T, E> + Send,
    ) -> Result<T, E> {
        guarded(&self.name, stage, || with_room(&self.name, blocks(&self.module), work))
    }

    /// The one entry point.
    pub fn entry_point(&self) -> &naga::EntryPoint {
        &self.module.entry_points[0]
    }

    /// Bytes of workgroup memory that the entry point uses, as adapters reckon: each variable on a multiple
    /// of 16.
    pub fn workgroup_bytes(&self) -> u64 {
        let entry = self.info.get_entry_point(0);
        let variables = self.module.global_variables.iter();
        variables
            .filter(|(handle, v)| v.space == AddressSpace::WorkGroup && !entry[*handle].is_empty())
            .filter_map(|(_, v)| self.module.types[v.ty].inner.try_size(self.module.to_ctx()))
            .map(|bytes| u64::from(bytes).next_multiple_of(16))
            .sum()
    }

    /// How many conditions and loops stand within each other at most, those of called functions included;
    /// what follows a `return`, `break` or `continue` stands within the condition of that.
    pub fn nesting(&self) -> u32 {
        nesting::of(&self.module, &self.entry_point().function)
    }

    /// How the bytes of one of [`Self::resources`] are made of scalars; `None` where it is no buffer.
    pub fn layout(&self, resource: &Resource) -> Option<Layout> {
        Layout::of(&self.module, self.variable(resource)?.ty)
    }

    /// What one of [`Self::resources`] is declared as: an image or a sampler, among others.
    pub fn declared(&self, resource: &Resource) -> Option<&TypeInner> {
        Some(&self.module.types[self.variable(resource)?.ty].inner)
    }

    /// Whether one of [`Self::resources`] is a sampler with which textures of integers are read.
    pub fn samples_integers(&self, resource: &Resource) -> bool {
        let ty = |variable: naga::Handle<naga::GlobalVariable>| {
            &self.module.types[self.module.global_variables[variable].ty].inner
        };
        let is_integer = |ty: &TypeInner| {
            use naga::{ImageClass::Sampled, ScalarKind};
            let TypeInner::Image { class: Sampled { kind, .. }, .. } = ty else { return false };
            matches!(kind, ScalarKind::Sint | ScalarKind::Uint)
        };
        let own = self.handle(resource);
        let mut pairs = self.info.get_entry_point(0).sampling_set.iter();
        pairs.any(|pair| Some(pair.sampler) == own && is_integer(ty(pair.image)))
    }

    fn variable(&self, resource: &Resource) -> Option<&naga::GlobalVariable> {
        Some(&self.module.global_variables[self.handle(resource)?])
    }

    fn handle(&self, resource: &Resource) -> Option<naga::Handle<naga::GlobalVariable>> {
        let entry = self.info.get_entry_point(0);
        let mut variables = self.module.global_variables.iter();
        // Entry points of one file may share a binding; this one uses one variable of it.
        let (handle, _) = variables.find(|(handle, variable)| {
            let at = variable.binding.map(|at| (at.group, at.binding));
            at == Some((resource.group, resource.binding)) && !entry[*handle].is_empty()
        })?;
        Some(handle)
    }

    /// The line of the source on which a span begins; `None` where the span is undefined or there is no source.
    pub fn line(&self, span: naga::Span) -> Option<SourceLine> {
        let source = self.source.as_ref()?;
        Some(source.place(source.line(span)?))
    }
}

/// Validates with every capability: what a device lacks, the device says itself.
pub(crate) fn validate(
    module: &Module,
) -> Result<ModuleInfo, Box<naga::WithSpan<naga::valid::ValidationError>>> {
    let validator = || Validator::new(ValidationFlags::all(), Capabilities::all());
    if !flat::has_subgroups_in_several_dimensions(module) {
        return validator().validate(module).map_err(Box::new);
    }
    // naga's validator refuses those; nothing else that it looks at depends on the extents.
    let mut narrow = module.clone();
    narrow.entry_points.iter_mut().for_each(|entry| entry.workgroup_size = [1; 3]);
    validator().validate(&narrow).map_err(Box::new)
}

/// An error with the source line it is about, where there is a source.
pub(crate) fn diagnosis(
    error: &naga::WithSpan<naga::valid::ValidationError>,
    name: &str,
    source: Option<&Source>,
) -> String {
    let problem = error.as_inner().to_string();
    let first = std::error::Error::source(error.as_inner());
    let causes = std::iter::successors(first, |cause| cause.source()).map(ToString::to_string);
    match source.and_then(|source| Some((source, source.spanned()?))) {
        Some((source, text)) => {
            // Of places within each other, the innermost says most. What naga calls it says nothing to a reader.
            let innermost =
                error.spans().filter_map(|(span, _)| Some((span.to_range()?.len(), *span)));
            let innermost = innermost.min_by_key(|&(length, _)| length);
            let places = innermost.map(|(_, span)| (span, String::new()));
            source
                .elsewhere(name, &problem, places, causes)
                .unwrap_or_else(|| error.emit_to_string_with_path(text, name))
        }
        None => causes.fold(problem, |text, cause| format!("{text}: {cause}")),
    }
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
