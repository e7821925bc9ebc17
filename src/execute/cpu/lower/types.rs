//! Types as the lowering sees them: how many scalars a value has, and where each lies in memory by
//! WGSL's layout. A lane has its share of a cooperative matrix. Knows nothing of registers.

use naga::{
    ArraySize, CooperativeSize, Module, ScalarKind, TypeInner, VectorSize,
    proc::{Alignment, IndexableLength},
};

use super::Lower;
use crate::execute::cpu::program::Kind;

/// Scalars that one value may have.
const MAX_SCALARS: usize = 1 << 14;

/// What types are of: a module, and how many lanes share a cooperative matrix.
#[derive(Clone, Copy)]
pub(super) struct Types<'a> {
    pub(super) module: &'a Module,
    pub(super) subgroup: u32,
}

/// A scalar within a value in memory.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub(super) offset: u32,
    pub(super) kind: Kind,
}

/// A part of a composite: where it begins, in bytes, in scalars and in words of a lane's own memory.
#[derive(Clone, Copy, Default)]
pub(super) struct Piece {
    pub(super) bytes: u32,
    pub(super) scalars: usize,
    pub(super) words: u32,
}

pub(super) fn kind(scalar: naga::Scalar) -> Lower<Kind> {
    Ok(match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 2) => Kind::F16,
        (ScalarKind::Float, 4) => Kind::F32,
        (ScalarKind::Float, 8) => Kind::F64,
        (ScalarKind::Sint, 2) => Kind::I16,
        (ScalarKind::Sint, 4) => Kind::I32,
        (ScalarKind::Sint, 8) => Kind::I64,
        (ScalarKind::Uint, 2) => Kind::U16,
        (ScalarKind::Uint, 4) => Kind::U32,
        (ScalarKind::Uint, 8) => Kind::U64,
        (ScalarKind::Bool, _) => Kind::Bool,
        (kind, width) => return Err(format!("a scalar {kind:?} of {width} bytes")),
    })
}

fn refused(inner: &TypeInner) -> String {
    match inner {
        TypeInner::Image { .. } | TypeInner::Sampler { .. } => "a texture or sampler".into(),
        TypeInner::AccelerationStructure { .. } | TypeInner::RayQuery { .. } => {
            "a ray query".into()
        }
        TypeInner::CooperativeMatrix { .. } => "a cooperative matrix".into(),
        TypeInner::BindingArray { .. } => "an array of bindings".into(),
        other => format!("a value of type {other:?}"),
    }
}

/// Bytes from one column of a matrix to the next.
pub(super) fn column_stride(rows: VectorSize, width: u8) -> u32 {
    Alignment::from(rows) * u32::from(width)
}

/// How many elements an array has; `None` where only the binding tells.
fn length(types: Types<'_>, size: ArraySize) -> Lower<Option<u32>> {
    match size.resolve(types.module.to_ctx()) {
        Ok(IndexableLength::Known(length)) => Ok(Some(length)),
        Ok(IndexableLength::Dynamic) => Ok(None),
        Err(problem) => Err(format!("an array whose length is not known: {problem}")),
    }
}

fn known(types: Types<'_>, size: ArraySize) -> Lower<u32> {
    length(types, size)?.ok_or_else(|| "a runtime-sized array as a value".into())
}

/// The scalars of a value in order, with their places.
pub(super) fn leaves(types: Types<'_>, inner: &TypeInner) -> Lower<Vec<Leaf>> {
    let mut leaves = Vec::new();
    collect(types, inner, 0, &mut leaves)?;
    Ok(leaves)
}

/// The types of a value's scalars.
pub(super) fn kinds(types: Types<'_>, inner: &TypeInner) -> Lower<Vec<Kind>> {
    Ok(leaves(types, inner)?.into_iter().map(|leaf| leaf.kind).collect())
}

fn collect(types: Types<'_>, inner: &TypeInner, at: u32, to: &mut Vec<Leaf>) -> Lower<()> {
    if to.len() > MAX_SCALARS {
        return Err(format!("a value of more than {MAX_SCALARS} scalars"));
    }
    match inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => {
            to.push(Leaf { offset: at, kind: kind(*scalar)? });
        }
        TypeInner::Vector { size, scalar } => {
            let kind = kind(*scalar)?;
            let width = u32::from(scalar.width);
            to.extend((0..*size as u32).map(|i| Leaf { offset: at + i * width, kind }));
        }
        TypeInner::Matrix { columns, rows, scalar } => {
            let stride = column_stride(*rows, scalar.width);
            for column in 0..*columns as u32 {
                let inner = TypeInner::Vector { size: *rows, scalar: *scalar };
                collect(types, &inner, at + column * stride, to)?;
            }
        }
        TypeInner::Array { base, size, stride } => {
            for index in 0..known(types, *size)? {
                collect(types, &types.module.types[*base].inner, at + index * stride, to)?;
            }
        }
        TypeInner::Struct { members, .. } => {
            for member in members {
                collect(types, &types.module.types[member.ty].inner, at + member.offset, to)?;
            }
        }
        TypeInner::CooperativeMatrix { columns, rows, scalar, role: _ } => {
            // It lies in no memory: loads and stores of it name places for its elements.
            let leaf = Leaf { offset: at, kind: kind(*scalar)? };
            to.extend(std::iter::repeat_n(leaf, share(types, [*rows, *columns])?));
        }
        TypeInner::Pointer { .. }
        | TypeInner::ValuePointer { .. }
        | TypeInner::Image { .. }
        | TypeInner::Sampler { .. }
        | TypeInner::AccelerationStructure { .. }
        | TypeInner::RayQuery { .. }
        | TypeInner::BindingArray { .. } => return Err(refused(inner)),
    }
    Ok(())
}

/// How many elements of a cooperative matrix each lane of a subgroup has.
pub(super) fn share(types: Types<'_>, extent: [CooperativeSize; 2]) -> Lower<usize> {
    let elements = extent.into_iter().map(|n| n as u32).product::<u32>();
    if !elements.is_multiple_of(types.subgroup) {
        let lanes = types.subgroup;
        return Err(format!(
            "a cooperative matrix of {elements} elements in subgroups of {lanes} invocations: choose smaller ones"
        ));
    }
    Ok((elements / types.subgroup) as usize)
}

/// Whether a value has cooperative matrices among its parts.
pub(super) fn has_matrix(module: &Module, inner: &TypeInner) -> bool {
    match inner {
        TypeInner::CooperativeMatrix { .. } => true,
        TypeInner::Array { base, .. } => has_matrix(module, &module.types[*base].inner),
        TypeInner::Struct { members, .. } => {
            members.iter().any(|member| has_matrix(module, &module.types[member.ty].inner))
        }
        TypeInner::Scalar(_)
        | TypeInner::Vector { .. }
        | TypeInner::Matrix { .. }
        | TypeInner::Atomic(_)
        | TypeInner::Pointer { .. }
        | TypeInner::ValuePointer { .. }
        | TypeInner::Image { .. }
        | TypeInner::Sampler { .. }
        | TypeInner::AccelerationStructure { .. }
        | TypeInner::RayQuery { .. }
        | TypeInner::BindingArray { .. } => false,
    }
}

/// Bytes that a value takes in memory, padding included.
pub(super) fn bytes(types: Types<'_>, inner: &TypeInner) -> Lower<u64> {
    Ok(match inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => u64::from(kind(*scalar)?.bytes()),
        TypeInner::Vector { size, scalar } => {
            u64::from(kind(*scalar)?.bytes()) * u64::from(*size as u32)
        }
        TypeInner::Matrix { columns, rows, scalar } => {
            u64::from(column_stride(*rows, scalar.width)) * u64::from(*columns as u32)
        }
        TypeInner::Array { size, stride, .. } => {
            u64::from(known(types, *size)?) * u64::from(*stride)
        }
        TypeInner::Struct { span, .. } => u64::from(*span),
        TypeInner::CooperativeMatrix { .. }
        | TypeInner::Pointer { .. }
        | TypeInner::ValuePointer { .. }
        | TypeInner::Image { .. }
        | TypeInner::Sampler { .. }
        | TypeInner::AccelerationStructure { .. }
        | TypeInner::RayQuery { .. }
        | TypeInner::BindingArray { .. } => return Err(refused(inner)),
    })
}

/// Words that a value takes in a lane's own memory.
pub(super) fn words(types: Types<'_>, inner: &TypeInner) -> Lower<u32> {
    Ok(kinds(types, inner)?.iter().map(|kind| if kind.wide() { 2 } else { 1 }).sum())
}

/// The type of an element of a composite; of a struct, of the member.
pub(super) fn element(types: Types<'_>, inner: &TypeInner, index: u32) -> Lower<TypeInner> {
    Ok(match inner {
        TypeInner::Vector { scalar, .. } => TypeInner::Scalar(*scalar),
        TypeInner::Matrix { rows, scalar, .. } => {
            TypeInner::Vector { size: *rows, scalar: *scalar }
        }
        TypeInner::Array { base, .. } => types.module.types[*base].inner.clone(),
        TypeInner::Struct { members, .. } => {
            let member = members.get(index as usize).ok_or("a member that is not there")?;
            types.module.types[member.ty].inner.clone()
        }
        other => return Err(format!("an index into {other:?}")),
    })
}

/// How far apart elements of a vector, matrix or array lie.
pub(super) fn stride(types: Types<'_>, inner: &TypeInner) -> Lower<Piece> {
    let element = element(types, inner, 0)?;
    let bytes = match inner {
        TypeInner::Vector { scalar, .. } => scalar.width.into(),
        TypeInner::Matrix { rows, scalar, .. } => column_stride(*rows, scalar.width),
        TypeInner::Array { stride, .. } => *stride,
        other => return Err(format!("a computed index into {other:?}")),
    };
    // An element may itself have no fixed size only in memory, where bytes are what counts.
    Ok(Piece { bytes, scalars: leaves(types, &element)?.len(), words: words(types, &element)? })
}

/// Where a part with a known index begins.
pub(super) fn part(types: Types<'_>, inner: &TypeInner, index: u32) -> Lower<Piece> {
    let TypeInner::Struct { members, .. } = inner else {
        let stride = stride(types, inner)?;
        return Ok(Piece {
            bytes: stride.bytes * index,
            scalars: stride.scalars * index as usize,
            words: stride.words * index,
        });
    };
    let mut part = Piece::default();
    for member in members.iter().take(index as usize) {
        let before = &types.module.types[member.ty].inner;
        part.scalars += leaves(types, before)?.len();
        part.words += words(types, before)?;
    }
    part.bytes = members.get(index as usize).ok_or("a member that is not there")?.offset;
    Ok(part)
}

/// How many elements a vector, matrix or array has; `None` where only the binding tells.
pub(super) fn count(types: Types<'_>, inner: &TypeInner) -> Lower<Option<u32>> {
    match inner {
        TypeInner::Vector { size, .. } => Ok(Some(*size as u32)),
        TypeInner::Matrix { columns, .. } => Ok(Some(*columns as u32)),
        TypeInner::Array { size, .. } => length(types, *size),
        other => Err(format!("a computed index into {other:?}")),
    }
}
