//! What a load or a store moves: the address space that a pointer leads into and the bytes of what it points
//! to; and how large a type is with the strides and offsets that the module states. Knows nothing of arithmetic.

use rspirv::spirv::{Decoration, Op, StorageClass};

use super::{
    module::{Module, Type},
    words::Id,
};
use crate::op::{Price, Traffic};

/// A way that values go.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Load,
    Store,
}

/// What moving one value through a pointer costs.
pub(super) fn access(
    module: &Module<'_>,
    pointer: Id,
    direction: Direction,
) -> Result<Price, String> {
    let &Type::Pointer { class, pointee } = module.ty(module.value_type(pointer)?)? else {
        return Err("a memory access through something that is no pointer".into());
    };
    moved(module, pointer, class, direction, || numbers(module, pointee))
}

/// What moving `bytes` through a pointer costs.
pub(super) fn moved(
    module: &Module<'_>,
    pointer: Id,
    class: u32,
    direction: Direction,
    bytes: impl FnOnce() -> Result<u64, String>,
) -> Result<Price, String> {
    let mut traffic = Traffic::default();
    let field = match (StorageClass::from_u32(class), direction) {
        // Registers, and handles of images and samplers.
        (
            Some(
                StorageClass::Function
                | StorageClass::Private
                | StorageClass::PushConstant
                | StorageClass::Input
                | StorageClass::UniformConstant,
            ),
            _,
        ) => return Ok(Price::default()),
        (Some(StorageClass::Workgroup), Direction::Load) => &mut traffic.workgroup_load,
        (Some(StorageClass::Workgroup), Direction::Store) => &mut traffic.workgroup_store,
        (Some(StorageClass::Uniform), Direction::Load) if !is_buffer_block(module, pointer) => {
            &mut traffic.uniform_load
        }
        (
            Some(
                StorageClass::StorageBuffer
                | StorageClass::PhysicalStorageBuffer
                | StorageClass::Uniform,
            ),
            direction,
        ) => match direction {
            Direction::Load => &mut traffic.storage_load,
            Direction::Store => &mut traffic.storage_store,
        },
        (Some(class), _) => {
            return Err(format!("memory in the storage class {class:?} has no price"));
        }
        (None, _) => return Err(format!("memory in the storage class {class} has no price")),
    };
    *field = bytes()?;
    Ok(traffic.into())
}

/// The variable behind a pointer, as far as it can be followed.
fn variable(module: &Module<'_>, mut pointer: Id) -> Option<Id> {
    // Ids are used behind their definitions, save in loops of phis, which are not followed.
    loop {
        let definition = module.definition(pointer)?;
        match definition.op()? {
            Op::Variable => return Some(pointer),
            Op::AccessChain | Op::InBoundsAccessChain | Op::PtrAccessChain | Op::CopyObject => {
                let base = definition.operands()[0];
                let earlier = module.definitions.get(&base) < module.definitions.get(&pointer);
                pointer = earlier.then_some(base)?;
            }
            _ => return None,
        }
    }
}

/// Whether a pointer to the class `Uniform` leads into what was a storage buffer before SPIR-V 1.3.
fn is_buffer_block(module: &Module<'_>, pointer: Id) -> bool {
    let block = || {
        let variable = variable(module, pointer)?;
        let &Type::Pointer { pointee, .. } = module.types.get(module.type_of.get(&variable)?)?
        else {
            return None;
        };
        let mut block = pointee;
        while let Some(&(Type::Array { element, .. } | Type::RuntimeArray { element })) =
            module.types.get(&block)
        {
            block = element;
        }
        module.decoration(block, Decoration::BufferBlock)
    };
    block().is_some()
}

/// The bytes of the numbers that a value is made of: what lies between them is none of them.
fn numbers(module: &Module<'_>, ty: Id) -> Result<u64, String> {
    let too_many = || "an access to more than there can be".to_owned();
    match module.ty(ty)? {
        &Type::Array { element, length } => {
            let (each, count) = (numbers(module, element)?, module.constant(length)?);
            each.checked_mul(count).ok_or_else(too_many)
        }
        Type::Struct { members } => members.iter().try_fold(0_u64, |sum, &member| {
            sum.checked_add(numbers(module, member)?).ok_or_else(too_many)
        }),
        _ => bytes(module, ty),
    }
}

/// The bytes that a type takes; a struct ends where its last member does.
pub(super) fn bytes(module: &Module<'_>, ty: Id) -> Result<u64, String> {
    Ok(match module.ty(ty)? {
        // What has no size in SPIR-V has that of naga.
        Type::Bool => 1,
        &(Type::Int { width, .. } | Type::Float { width, .. }) => u64::from(width.div_ceil(8)),
        &Type::Vector { component, count } => bytes(module, component)? * u64::from(count),
        &Type::Matrix { column, columns } => bytes(module, column)? * u64::from(columns),
        &Type::Array { element, length } => {
            let stride = module.decoration(ty, Decoration::ArrayStride).map(u64::from);
            let stride = stride.map_or_else(|| bytes(module, element), Ok)?;
            stride * module.constant(length)?
        }
        Type::Struct { members } => {
            let mut end = 0_u64;
            for (member, &of) in (0..).zip(members) {
                let size = match module.ty(of)? {
                    &Type::Matrix { column, columns } => {
                        let rows = module.member(ty, member, Decoration::RowMajor).is_some();
                        let vectors =
                            if rows { module.shape(column)?.count } else { columns.into() };
                        let stride = module.member(ty, member, Decoration::MatrixStride);
                        let stride = stride.map(u64::from);
                        stride.map_or_else(|| bytes(module, column), Ok)? * vectors
                    }
                    _ => bytes(module, of)?,
                };
                let offset = module.member(ty, member, Decoration::Offset).map(u64::from);
                end = end.max(offset.unwrap_or(end) + size);
            }
            end
        }
        &Type::Pointer { class, .. } if class == StorageClass::PhysicalStorageBuffer as u32 => 8,
        Type::Pointer { .. }
        | Type::Void
        | Type::RuntimeArray { .. }
        | Type::Cooperative { .. }
        | Type::Other(_) => return Err("an access to memory of no size that is known".into()),
    })
}
