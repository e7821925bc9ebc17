//! Types of a shader as scalars at byte offsets, and the types that scalars have. Knows nothing of what is bound.

use naga::{ArraySize, Handle, Module, ScalarKind, Type, TypeInner, proc::Alignment};

/// The type of one scalar in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// What kind of number.
    pub kind: NumberKind,
    /// Bytes: 1, 2, 4 or 8.
    pub width: u8,
}

/// What kind of number a scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// Signed integer.
    Signed,
    /// Unsigned integer.
    Unsigned,
    /// Floating point.
    Float,
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            NumberKind::Signed => 'i',
            NumberKind::Unsigned => 'u',
            NumberKind::Float => 'f',
        };
        write!(f, "{kind}{}", 8 * u32::from(self.width))
    }
}

/// A type that can be in a buffer, as scalars at byte offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Scalar(Number),
    Repeat { count: u64, stride: u64, of: Box<Self> },
    Members(Vec<(u64, Self)>),
}

impl Numbers {
    /// The type and the extents of what is one array within another; `None` where a structure is in it.
    pub(super) fn array(&self) -> Option<(Number, Vec<u64>)> {
        match self {
            Self::Scalar(number) => Some((*number, Vec::new())),
            Self::Repeat { count, stride: _, of } => {
                let (number, mut extents) = of.array()?;
                extents.insert(0, *count);
                Some((number, extents))
            }
            Self::Members(_) => None,
        }
    }

    pub(super) fn scalars(&self) -> u64 {
        match self {
            Self::Scalar(_) => 1,
            Self::Repeat { count, stride: _, of } => count * of.scalars(),
            Self::Members(members) => members.iter().map(|(_, shape)| shape.scalars()).sum(),
        }
    }

    /// The bytes from the first to the end of the last.
    #[cfg(feature = "spirv-rewrite")]
    pub(crate) fn end(&self) -> u64 {
        match self {
            Self::Scalar(number) => number.width.into(),
            Self::Repeat { count, stride, of: _ } => count * stride,
            Self::Members(members) => {
                members.iter().map(|(offset, shape)| offset + shape.end()).max().unwrap_or(0)
            }
        }
    }

    /// The bytes that are taken, from the first to behind the last.
    pub(super) fn taken(&self) -> u64 {
        match self {
            Self::Scalar(number) => number.width.into(),
            Self::Repeat { count: 0, .. } => 0,
            Self::Repeat { count, stride, of } => {
                (count - 1).saturating_mul(*stride).saturating_add(of.taken())
            }
            Self::Members(members) => {
                let ends = members.iter().map(|(offset, its)| offset.saturating_add(its.taken()));
                ends.max().unwrap_or(0)
            }
        }
    }

    /// How far apart elements are that overlap, and how many bytes one takes; `None` where none do.
    pub(super) fn overlap(&self) -> Option<(u64, u64)> {
        match self {
            Self::Scalar(_) => None,
            Self::Repeat { count: _, stride, of } => {
                let taken = of.taken();
                of.overlap().or((*stride < taken).then_some((*stride, taken)))
            }
            Self::Members(members) => members.iter().find_map(|(_, its)| its.overlap()),
        }
    }

    /// The types of its scalars that are not among `kinds` yet, in the order of their first place. An array may have more
    /// elements than can be visited.
    #[cfg(feature = "spirv-rewrite")]
    pub(super) fn kinds(&self, kinds: &mut Vec<Number>) {
        match self {
            Self::Scalar(number) if !kinds.contains(number) => kinds.push(*number),
            Self::Scalar(_) | Self::Repeat { count: 0, .. } => {}
            Self::Repeat { of, .. } => of.kinds(kinds),
            Self::Members(members) => members.iter().for_each(|(_, its)| its.kinds(kinds)),
        }
    }

    pub(super) fn each<E>(
        &self,
        base: u64,
        visit: &mut dyn FnMut(u64, Number) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Scalar(number) => visit(base, *number),
            Self::Repeat { count, stride, of } => {
                (0..*count).try_for_each(|index| of.each(base + index * stride, visit))
            }
            Self::Members(members) => {
                members.iter().try_for_each(|(offset, shape)| shape.each(base + offset, visit))
            }
        }
    }
}

/// The shape of a type; `None` where it can be in no buffer, or has no fixed size.
pub(super) fn shape(module: &Module, ty: Handle<Type>) -> Option<Numbers> {
    let vector = |count: u64, scalar: naga::Scalar| {
        let of = Box::new(Numbers::Scalar(number(scalar)?));
        Some(Numbers::Repeat { count, stride: scalar.width.into(), of })
    };
    match module.types[ty].inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => {
            Some(Numbers::Scalar(number(scalar)?))
        }
        TypeInner::Vector { size, scalar } => vector(size as u64, scalar),
        TypeInner::Matrix { columns, rows, scalar } => {
            let of = Box::new(vector(rows as u64, scalar)?);
            let stride = Alignment::from(rows) * u32::from(scalar.width);
            Some(Numbers::Repeat { count: columns as u64, stride: stride.into(), of })
        }
        TypeInner::Array { base, size, stride } => {
            let of = Box::new(shape(module, base)?);
            match size {
                ArraySize::Constant(count) => {
                    Some(Numbers::Repeat { count: count.get().into(), stride: stride.into(), of })
                }
                ArraySize::Pending(_) | ArraySize::Dynamic => None,
            }
        }
        TypeInner::Struct { ref members, span: _ } => {
            let members = members.iter().map(|m| Some((m.offset.into(), shape(module, m.ty)?)));
            members.collect::<Option<_>>().map(Numbers::Members)
        }
        TypeInner::CooperativeMatrix { .. }
        | TypeInner::Pointer { .. }
        | TypeInner::ValuePointer { .. }
        | TypeInner::Image { .. }
        | TypeInner::Sampler { .. }
        | TypeInner::AccelerationStructure { .. }
        | TypeInner::RayQuery { .. }
        | TypeInner::BindingArray { .. } => None,
    }
}

fn number(scalar: naga::Scalar) -> Option<Number> {
    let kind = match scalar.kind {
        ScalarKind::Sint => NumberKind::Signed,
        ScalarKind::Uint => NumberKind::Unsigned,
        ScalarKind::Float => NumberKind::Float,
        ScalarKind::Bool | ScalarKind::AbstractInt | ScalarKind::AbstractFloat => return None,
    };
    Some(Number { kind, width: scalar.width })
}
