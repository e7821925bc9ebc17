//! What a shader leaves to its host: entry points, the resources that they use with their members, and overrides.
//! Reflects the module as it was read; runs nothing, and decides no size that the host decides.

use std::collections::BTreeMap;

use naga::{
    AddressSpace, ArraySize, Expression, GlobalVariable, Handle, Literal, Module, ShaderStage,
    StorageAccess, Type, TypeInner, common::wgsl::TypeContext as _,
};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KernelModule, Layout, diagnosis, validate};
use crate::{
    Error,
    guard::{Stage, guarded, with_room},
    read::{Parsed, blocks},
};

/// What a shader leaves to its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Outline {
    /// Its compute entry points, in the order of the file.
    pub entries: Vec<OutlinedEntry>,
    /// Every resource that one of them uses, by group and binding.
    pub bindings: Vec<OutlinedBinding>,
    /// The members of the immediate data, where it has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub immediates: Vec<OutlinedMember>,
    /// Its pipeline overrides, or specialisation constants.
    pub overrides: Vec<OutlinedOverride>,
}

/// A compute entry point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct OutlinedEntry {
    /// Its name.
    pub name: String,
    /// Invocations of a workgroup; `None` where that takes an override that has no value.
    pub workgroup_size: Option<[u32; 3]>,
    /// The same as the shader states it, overrides by their names.
    pub stated_workgroup_size: [String; 3],
    /// What it uses, as GROUP.BINDING.
    pub bindings: Vec<String>,
}

/// A resource that an entry point uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct OutlinedBinding {
    /// Bind group.
    pub group: u32,
    /// Binding within the group.
    pub binding: u32,
    /// The variable's name.
    pub name: String,
    /// `storage, read`, `storage, read_write`, `uniform` or `handle`, which textures and samplers are.
    pub space: String,
    /// Its type, as WGSL has it.
    pub r#type: String,
    /// Bytes whose number the shader fixes; `None` where it is no buffer, or where the number takes an override.
    pub bytes: Option<u64>,
    /// Bytes of each element of a runtime-sized array behind those; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element_bytes: Option<u64>,
    /// Scalars in `bytes`.
    pub scalars: Option<u64>,
    /// Scalars in each element behind those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element_scalars: Option<u64>,
    /// Its members, where it is a structure or has elements that are; those of structures within it by their paths.
    pub members: Vec<OutlinedMember>,
}

/// A member of a structure in a buffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct OutlinedMember {
    /// Its name, behind those of what it is within: `all[].at` is the member `at` of each element of `all`.
    pub name: String,
    /// Its type, as WGSL has it.
    pub r#type: String,
    /// Bytes before it, in the first element of whatever array it is within.
    pub offset: u64,
}

/// A pipeline override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct OutlinedOverride {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its number, where it has one.
    pub id: Option<u16>,
    /// Its type.
    pub r#type: String,
    /// Its default, as the shader states it; `None` where the host must give it a value.
    pub default: Option<String>,
}

impl OutlinedBinding {
    /// A binding without name, type and members, its sizes those of a layout where it has one.
    pub(crate) fn laid([group, binding]: [u32; 2], space: &str, layout: Option<&Layout>) -> Self {
        let (fixed, each) = layout.map(Layout::parts).unzip();
        let each = each.flatten();
        Self {
            group,
            binding,
            name: String::new(),
            space: space.to_owned(),
            r#type: String::new(),
            bytes: fixed.map(|part| part.bytes),
            element_bytes: each.map(|part| part.bytes),
            scalars: fixed.map(|part| part.scalars),
            element_scalars: each.map(|part| part.scalars),
            members: Vec::new(),
        }
    }
}

impl Outline {
    /// Outlines a shader that has been read. Workgroups are as `overrides` and the shader's defaults make them.
    ///
    /// # Errors
    /// Where the module is not valid, or the overrides do not fit it.
    pub fn of(parsed: &Parsed, overrides: &BTreeMap<String, f64>) -> Result<Self, Error> {
        guarded(&parsed.name, Stage::Validating, || {
            with_room(&parsed.name, blocks(&parsed.module), || Self::outlined(parsed, overrides))
        })
    }

    fn outlined(parsed: &Parsed, overrides: &BTreeMap<String, f64>) -> Result<Self, Error> {
        let Parsed { name: kernel, source, module, directives: _, plain: _ } = parsed;
        let info = validate(module).map_err(|error| Error::Shader {
            kernel: kernel.clone(),
            details: diagnosis(&error, kernel, source.as_ref()),
        })?;
        let mut used: BTreeMap<(u32, u32), OutlinedBinding> = BTreeMap::new();
        let mut immediates = Vec::new();
        let mut entries = Vec::new();
        for (index, entry) in module.entry_points.iter().enumerate() {
            if entry.stage != ShaderStage::Compute {
                continue;
            }
            let uses = info.get_entry_point(index);
            let mut bindings = Vec::new();
            for (handle, variable) in module.global_variables.iter() {
                if uses[handle].is_empty() {
                    continue;
                }
                if let Some(at) = variable.binding {
                    bindings.push((at.group, at.binding));
                    used.entry((at.group, at.binding))
                        .or_insert_with(|| binding(module, variable, [at.group, at.binding]));
                } else if variable.space == AddressSpace::Immediate && immediates.is_empty() {
                    let name = variable.name.as_deref().unwrap_or_default();
                    members(module, variable.ty, name, 0, &mut immediates);
                }
            }
            bindings.sort_unstable();
            let kept = KernelModule::from_parsed(parsed, &entry.name, overrides);
            let workgroup_size = match kept {
                Ok(kernel) => Some(kernel.entry_point().workgroup_size),
                Err(Error::MissingOverride { .. }) => None,
                Err(error) => return Err(error),
            };
            entries.push(OutlinedEntry {
                name: entry.name.clone(),
                workgroup_size,
                stated_workgroup_size: std::array::from_fn(|dimension| {
                    let stated = entry.workgroup_size_overrides.and_then(|all| all[dimension]);
                    stated.map_or_else(
                        || entry.workgroup_size[dimension].to_string(),
                        |expression| stated_in(parsed, expression),
                    )
                }),
                bindings: bindings.iter().map(|(g, b)| format!("{g}.{b}")).collect(),
            });
        }
        let overrides = module.overrides.iter().map(|(_, one)| OutlinedOverride {
            name: one.name.clone(),
            id: one.id,
            r#type: spelled(module, one.ty),
            default: one.init.map(|init| stated_in(parsed, init)),
        });
        let overrides = overrides.collect();
        Ok(Self { entries, bindings: used.into_values().collect(), immediates, overrides })
    }
}

fn binding(module: &Module, variable: &GlobalVariable, at: [u32; 2]) -> OutlinedBinding {
    let space = match variable.space {
        AddressSpace::Uniform => "uniform",
        AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => {
            "storage, read_write"
        }
        AddressSpace::Storage { .. } => "storage, read",
        AddressSpace::Handle
        | AddressSpace::Function
        | AddressSpace::Private
        | AddressSpace::WorkGroup
        | AddressSpace::Immediate
        | AddressSpace::TaskPayload
        | AddressSpace::RayPayload
        | AddressSpace::IncomingRayPayload => "handle",
    };
    let mut found = Vec::new();
    members(module, variable.ty, "", 0, &mut found);
    OutlinedBinding {
        name: variable.name.clone().unwrap_or_default(),
        r#type: spelled(module, variable.ty),
        members: found,
        ..OutlinedBinding::laid(at, space, Layout::of(module, variable.ty).as_ref())
    }
}

/// Adds the members of a structure, or of the structures that are elements of an array.
fn members(
    module: &Module,
    ty: Handle<Type>,
    path: &str,
    base: u64,
    found: &mut Vec<OutlinedMember>,
) {
    match &module.types[ty].inner {
        TypeInner::Struct { members: all, span: _ } => {
            for (index, member) in all.iter().enumerate() {
                let name = member.name.clone().unwrap_or_else(|| format!("_{index}"));
                let name = if path.is_empty() { name } else { format!("{path}.{name}") };
                let offset = base + u64::from(member.offset);
                let before = found.len();
                members(module, member.ty, &name, offset, found);
                if found.len() == before {
                    found.push(OutlinedMember { name, r#type: spelled(module, member.ty), offset });
                }
            }
        }
        TypeInner::Array {
            base: element,
            size: ArraySize::Constant(_) | ArraySize::Pending(_) | ArraySize::Dynamic,
            stride: _,
        } => {
            members(module, *element, &format!("{path}[]"), base, found);
        }
        TypeInner::Scalar(_)
        | TypeInner::Vector { .. }
        | TypeInner::Matrix { .. }
        | TypeInner::CooperativeMatrix { .. }
        | TypeInner::Atomic(_)
        | TypeInner::Pointer { .. }
        | TypeInner::ValuePointer { .. }
        | TypeInner::Image { .. }
        | TypeInner::Sampler { .. }
        | TypeInner::AccelerationStructure { .. }
        | TypeInner::RayQuery { .. }
        | TypeInner::BindingArray { .. } => {}
    }
}

/// A type as WGSL has it.
fn spelled(module: &Module, ty: Handle<Type>) -> String {
    module.to_ctx().type_to_string(ty)
}

/// An expression of overrides and constants, as the shader states it.
fn stated_in(parsed: &Parsed, expression: Handle<Expression>) -> String {
    let Parsed { source, module, .. } = parsed;
    let text = || {
        let range = module.global_expressions.get_span(expression).to_range()?;
        source.as_ref()?.spanned()?.get(range).map(str::to_owned)
    };
    if let Expression::Literal(literal) = &module.global_expressions[expression] {
        return spelled_literal(*literal);
    }
    if let Expression::Override(one) = &module.global_expressions[expression] {
        let one = &module.overrides[*one];
        let number = || one.id.map(|id| format!("@id({id})"));
        return one.name.clone().or_else(number).unwrap_or_else(|| "an override".to_owned());
    }
    text().unwrap_or_else(|| "an expression".to_owned())
}

/// A literal as a user says it: a float in the fewest digits that are it.
pub fn spelled_literal(literal: Literal) -> String {
    match literal {
        Literal::F64(value) => value.to_string(),
        Literal::F32(value) => value.to_string(),
        Literal::F16(value) => value.to_string(),
        Literal::U16(value) => value.to_string(),
        Literal::I16(value) => value.to_string(),
        Literal::U32(value) => value.to_string(),
        Literal::I32(value) => value.to_string(),
        Literal::U64(value) => value.to_string(),
        Literal::I64(value) => value.to_string(),
        Literal::Bool(value) => value.to_string(),
        Literal::AbstractInt(value) => value.to_string(),
        Literal::AbstractFloat(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

    use super::*;

    const SOURCE: &str = "
        override TILE: u32;
        @id(7) override SCALE: f32 = 0.5;
        override WIDE: u32 = TILE * 2u;
        struct Particle { at: vec3<f32>, kind: u32 }
        struct All { n: i32, all: array<Particle> }
        @group(1) @binding(0) var<storage, read_write> all: All;
        @group(0) @binding(2) var<uniform> size: vec2<u32>;
        @group(0) @binding(3) var image: texture_2d<f32>;
        @compute @workgroup_size(TILE, 2) fn tiled() { all.n += i32(size.x) * i32(SCALE); }
        @compute @workgroup_size(WIDE) fn plain() { all.all[0].kind = textureDimensions(image).x; }
        @vertex fn other() -> @builtin(position) vec4<f32> { return vec4<f32>(); }";

    #[test]
    fn a_shader_says_what_it_leaves_to_its_host() {
        let parsed = Parsed::wgsl("x.wgsl", SOURCE).unwrap();
        let outline = Outline::of(&parsed, &BTreeMap::new()).unwrap();
        let [tiled, plain] = &outline.entries[..] else { panic!("{outline:?}") };
        assert_eq!((&*tiled.name, tiled.workgroup_size), ("tiled", None));
        assert_eq!(tiled.stated_workgroup_size, ["TILE", "2", "1"]);
        assert_eq!(tiled.bindings, ["0.2", "1.0"]);
        assert_eq!((plain.bindings.join(" "), plain.workgroup_size), ("0.3 1.0".into(), None));
        let named = [("TILE".to_owned(), 4.0)].into();
        let sized = Outline::of(&parsed, &named).unwrap();
        assert_eq!(sized.entries[0].workgroup_size, Some([4, 2, 1]));
        assert_eq!(sized.entries[1].workgroup_size, Some([8, 1, 1]));

        let [size, image, all] = &outline.bindings[..] else { panic!("{outline:?}") };
        assert_eq!((&*size.space, &*size.r#type, size.bytes), ("uniform", "vec2<u32>", Some(8)));
        assert_eq!((&*image.space, image.bytes), ("handle", None));
        assert_eq!(
            (&*all.space, all.bytes, all.element_bytes),
            ("storage, read_write", Some(16), Some(16))
        );
        assert_eq!((all.scalars, all.element_scalars), (Some(1), Some(4)));
        let members = all.members.iter().map(|m| (&*m.name, &*m.r#type, m.offset));
        assert_eq!(
            members.collect::<Vec<_>>(),
            [("n", "i32", 0), ("all[].at", "vec3<f32>", 16), ("all[].kind", "u32", 28)]
        );
        let overrides = outline.overrides.iter();
        let overrides = overrides.map(|one| (one.name.as_deref(), one.id, one.default.as_deref()));
        assert_eq!(
            overrides.collect::<Vec<_>>(),
            [
                (Some("TILE"), None, None),
                (Some("SCALE"), Some(7), Some("0.5")),
                (Some("WIDE"), None, Some("TILE * 2u")),
            ]
        );
    }

    #[test]
    fn what_is_not_valid_is_not_outlined() {
        let invalid = "@compute @workgroup_size(1) fn main() { return 1u; }";
        let parsed = Parsed::wgsl("x.wgsl", invalid).unwrap();
        assert!(matches!(Outline::of(&parsed, &BTreeMap::new()), Err(Error::Shader { .. })));
    }
}
