//! What a load or a store moves: the numbers that a value is made of, without what lies between them. Knows nothing of
//! address spaces.

use naga::{Module, TypeInner, proc::IndexableLength};

/// Bytes of the numbers of a value; `None` where it has no size that is known.
pub(super) fn bytes(module: &Module, inner: &TypeInner) -> Option<u64> {
    match *inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => Some(scalar.width.into()),
        TypeInner::Vector { size, scalar } => Some(u64::from(scalar.width) * size as u64),
        TypeInner::Matrix { columns, rows, scalar } => {
            Some(u64::from(scalar.width) * columns as u64 * rows as u64)
        }
        TypeInner::Array { base, size, stride: _ } => {
            let each = bytes(module, &module.types[base].inner)?;
            match size.resolve(module.to_ctx()).ok()? {
                IndexableLength::Known(count) => each.checked_mul(count.into()),
                IndexableLength::Dynamic => None,
            }
        }
        TypeInner::Struct { ref members, span: _ } => {
            members.iter().try_fold(0_u64, |sum, member| {
                sum.checked_add(bytes(module, &module.types[member.ty].inner)?)
            })
        }
        TypeInner::CooperativeMatrix { columns, rows, scalar, role: _ } => {
            Some(u64::from(scalar.width) * columns as u64 * rows as u64)
        }
        TypeInner::Pointer { .. }
        | TypeInner::ValuePointer { .. }
        | TypeInner::Image { .. }
        | TypeInner::Sampler { .. }
        | TypeInner::AccelerationStructure { .. }
        | TypeInner::RayQuery { .. }
        | TypeInner::BindingArray { .. } => None,
    }
}
