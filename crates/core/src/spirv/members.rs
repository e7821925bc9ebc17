//! The members of a block as a person reads them: names behind the names of what they are within, and types as WGSL
//! spells them. Knows nothing of what is bound.

use rspirv::spirv::Decoration;

use super::{
    module::{Module, Type},
    words::Id,
};
use crate::kernel::OutlinedMember;

/// Adds the members of a structure, or of the structures that are elements of an array.
pub(super) fn add(
    module: &Module<'_>,
    ty: Id,
    path: &str,
    base: u64,
    found: &mut Vec<OutlinedMember>,
) {
    match module.types.get(&ty) {
        Some(Type::Struct { members }) => {
            for (at, &member) in (0..).zip(members) {
                let name = module.member_name(ty, at);
                let name = if path.is_empty() { name } else { format!("{path}.{name}") };
                let offset = module.member(ty, at, Decoration::Offset).unwrap_or(0);
                let offset = base + u64::from(offset);
                let before = found.len();
                add(module, member, &name, offset, found);
                if found.len() == before {
                    found.push(OutlinedMember { name, r#type: spelled(module, member), offset });
                }
            }
        }
        Some(&(Type::Array { element, .. } | Type::RuntimeArray { element })) => {
            add(module, element, &format!("{path}[]"), base, found);
        }
        Some(
            Type::Void
            | Type::Bool
            | Type::Int { .. }
            | Type::Float { .. }
            | Type::Vector { .. }
            | Type::Matrix { .. }
            | Type::Pointer { .. }
            | Type::Cooperative { .. }
            | Type::Other(_),
        )
        | None => {}
    }
}

/// A type as WGSL spells it.
fn spelled(module: &Module<'_>, ty: Id) -> String {
    let of = |ty: Id| spelled(module, ty);
    match module.types.get(&ty) {
        Some(&Type::Vector { component, count }) => format!("vec{count}<{}>", of(component)),
        Some(&Type::Matrix { column, columns }) => match module.types.get(&column) {
            Some(&Type::Vector { component, count }) => {
                format!("mat{columns}x{count}<{}>", of(component))
            }
            _ => format!("mat{columns}<{}>", of(column)),
        },
        Some(&Type::Array { element, length }) => match module.constant(length) {
            Ok(length) => format!("array<{}, {length}>", of(element)),
            Err(_) => format!("array<{}, %{length}>", of(element)),
        },
        Some(&Type::RuntimeArray { element }) => format!("array<{}>", of(element)),
        // A pointer may lead back to what it is within.
        Some(Type::Pointer { .. }) => "ptr".to_owned(),
        Some(ty @ (Type::Bool | Type::Int { .. } | Type::Float { .. })) => scalar(ty),
        Some(Type::Void | Type::Struct { .. } | Type::Cooperative { .. } | Type::Other(_))
        | None => module.name(ty),
    }
}

/// A scalar as WGSL spells it.
pub(super) fn scalar(ty: &Type) -> String {
    match *ty {
        Type::Bool => "bool".to_owned(),
        Type::Int { width, signed } => format!("{}{width}", if signed { 'i' } else { 'u' }),
        Type::Float { width, encoding: None } => format!("f{width}"),
        Type::Float { width: 16, encoding: Some(_) } => "bf16".to_owned(),
        Type::Float { .. } => "f8".to_owned(),
        Type::Void
        | Type::Vector { .. }
        | Type::Matrix { .. }
        | Type::Array { .. }
        | Type::RuntimeArray { .. }
        | Type::Struct { .. }
        | Type::Pointer { .. }
        | Type::Cooperative { .. }
        | Type::Other(_) => "no number".to_owned(),
    }
}
