//! How the bytes of a buffer binding are made of scalars: what a host needs to know to fill a buffer
//! that it meets for the first time. Where the values come from is somebody else's business.

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

/// The scalars of a buffer binding, in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Scalars whose number the shader fixes.
    fixed: Arrangement,
    /// Bytes of the whole where everything is fixed; else the fewest that may be bound.
    bytes: u64,
    /// What a runtime-sized array at the end repeats.
    tail: Option<Tail>,
}

/// Some of a buffer's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutPart {
    /// Bytes, padding counted.
    pub bytes: u64,
    /// Scalars in them.
    pub scalars: u64,
}

/// What a runtime-sized array repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Bytes before it.
    pub(crate) offset: u64,
    /// Bytes from one element to the next.
    pub(crate) stride: u64,
    pub(crate) element: Arrangement,
}

/// A type that can be in a buffer, as scalars at byte offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    Scalar(Number),
    Repeat { count: u64, stride: u64, of: Box<Self> },
    Members(Vec<(u64, Self)>),
}

impl Layout {
    /// A layout by its parts. `bytes` are those of the whole where it has no tail; else the fewest that may be
    /// bound.
    #[cfg(feature = "spirv-rewrite")]
    pub(crate) const fn new(fixed: Arrangement, bytes: u64, tail: Option<Tail>) -> Self {
        Self { fixed, bytes, tail }
    }

    /// The layout of a variable of type `ty`; `None` where it is no buffer of numbers.
    pub(super) fn of(module: &Module, ty: Handle<Type>) -> Option<Self> {
        let bytes = u64::from(module.types[ty].inner.try_size(module.to_ctx())?);
        let tail = |ty: Handle<Type>, offset: u64| match module.types[ty].inner {
            TypeInner::Array { base, size: ArraySize::Dynamic, stride } => {
                Some(shape(module, base).map(|element| Tail {
                    offset,
                    stride: stride.into(),
                    element,
                }))
            }
            _ => None,
        };
        if let Some(tail) = tail(ty, 0) {
            return Some(Self {
                fixed: Arrangement::Members(Vec::new()),
                bytes,
                tail: Some(tail?),
            });
        }
        if let TypeInner::Struct { members, .. } = &module.types[ty].inner
            && let Some((last, before)) = members.split_last()
            && let Some(tail) = tail(last.ty, last.offset.into())
        {
            let before = before.iter().map(|m| Some((u64::from(m.offset), shape(module, m.ty)?)));
            let fixed = Arrangement::Members(before.collect::<Option<_>>()?);
            return Some(Self { fixed, bytes, tail: Some(tail?) });
        }
        Some(Self { fixed: shape(module, ty)?, bytes, tail: None })
    }

    /// What the shader fixes the size of, and each element of a runtime-sized array behind that.
    pub fn parts(&self) -> (LayoutPart, Option<LayoutPart>) {
        let bytes = self.tail.as_ref().map_or(self.bytes, |tail| tail.offset);
        let each = self
            .tail
            .as_ref()
            .map(|tail| LayoutPart { bytes: tail.stride, scalars: tail.element.scalars() });
        (LayoutPart { bytes, scalars: self.fixed.scalars() }, each)
    }

    /// The kinds of numbers that it is made of, in the order of their first place: `u32, f32`.
    #[cfg(feature = "spirv-rewrite")]
    pub(crate) fn numbers(&self) -> String {
        let mut kinds: Vec<String> = Vec::new();
        let Ok(()) = self.each(self.bytes, |_, number| {
            let kind = number.to_string();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
            Ok::<(), std::convert::Infallible>(())
        });
        kinds.join(", ")
    }

    /// Whether the shader leaves the size to the host.
    pub fn is_runtime_sized(&self) -> bool {
        self.tail.is_some()
    }

    /// The fewest scalars that may be bound; where nothing is runtime-sized, the only number.
    pub fn least_scalars(&self) -> u64 {
        let Some(tail) = &self.tail else { return self.fixed.scalars() };
        let elements = self.bytes.saturating_sub(tail.offset).div_ceil(tail.stride).max(1);
        self.fixed.scalars() + elements * tail.element.scalars()
    }

    /// Bytes of a buffer of `scalars` scalars.
    ///
    /// # Errors
    /// Which numbers of scalars there can be.
    pub fn bytes(&self, scalars: u64) -> Result<u64, String> {
        let least = self.least_scalars();
        let Some(tail) = &self.tail else {
            return match scalars == least {
                true => Ok(self.bytes),
                false => Err(format!("it holds {least} scalars, not {scalars}")),
            };
        };
        let each = tail.element.scalars();
        let repeated = scalars.saturating_sub(self.fixed.scalars());
        if scalars < least {
            return Err(format!("it holds at least {least} scalars, not {scalars}"));
        }
        if !repeated.is_multiple_of(each) {
            let fixed = self.fixed.scalars();
            let before = if fixed == 0 { String::new() } else { format!("{fixed} and then ") };
            return Err(format!(
                "it holds {before}{each} scalars an element; {scalars} do not fit"
            ));
        }
        (repeated / each)
            .checked_mul(tail.stride)
            .and_then(|bytes| bytes.checked_add(tail.offset))
            .ok_or_else(|| format!("{scalars} scalars are more than any buffer holds"))
    }

    /// Whether a buffer of `bytes` bytes can be bound.
    ///
    /// # Errors
    /// Which can.
    pub fn fits(&self, bytes: u64) -> Result<(), String> {
        let least = self.bytes(self.least_scalars())?;
        match &self.tail {
            None if bytes != least => Err(format!("it takes {least} bytes, not {bytes}")),
            Some(_) if bytes < least => {
                Err(format!("it takes at least {least} bytes, not {bytes}"))
            }
            Some(tail) if !(bytes - tail.offset).is_multiple_of(tail.stride) => {
                let Tail { offset, stride, .. } = tail;
                let before =
                    if *offset == 0 { String::new() } else { format!("{offset} and then ") };
                Err(format!("it takes {before}{stride} bytes an element; {bytes} do not fit"))
            }
            None | Some(_) => Ok(()),
        }
    }

    /// Calls `visit` with the byte offset and type of each of the scalars in `bytes` bytes, in order.
    ///
    /// # Errors
    /// The first that `visit` returns.
    pub fn each<E>(
        &self,
        bytes: u64,
        mut visit: impl FnMut(u64, Number) -> Result<(), E>,
    ) -> Result<(), E> {
        self.fixed.each(0, &mut visit)?;
        if let Some(tail) = &self.tail {
            let count = bytes.saturating_sub(tail.offset) / tail.stride;
            for index in 0..count {
                tail.element.each(tail.offset + index * tail.stride, &mut visit)?;
            }
        }
        Ok(())
    }
}

impl Arrangement {
    fn scalars(&self) -> u64 {
        match self {
            Self::Scalar(_) => 1,
            Self::Repeat { count, stride: _, of } => count * of.scalars(),
            Self::Members(members) => members.iter().map(|(_, shape)| shape.scalars()).sum(),
        }
    }

    fn each<E>(
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

fn shape(module: &Module, ty: Handle<Type>) -> Option<Arrangement> {
    let vector = |count: u64, scalar: naga::Scalar| {
        let of = Box::new(Arrangement::Scalar(number(scalar)?));
        Some(Arrangement::Repeat { count, stride: scalar.width.into(), of })
    };
    match module.types[ty].inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => {
            Some(Arrangement::Scalar(number(scalar)?))
        }
        TypeInner::Vector { size, scalar } => vector(size as u64, scalar),
        TypeInner::Matrix { columns, rows, scalar } => {
            let of = Box::new(vector(rows as u64, scalar)?);
            let stride = Alignment::from(rows) * u32::from(scalar.width);
            Some(Arrangement::Repeat { count: columns as u64, stride: stride.into(), of })
        }
        TypeInner::Array { base, size, stride } => {
            let of = Box::new(shape(module, base)?);
            match size {
                ArraySize::Constant(count) => Some(Arrangement::Repeat {
                    count: count.get().into(),
                    stride: stride.into(),
                    of,
                }),
                ArraySize::Pending(_) | ArraySize::Dynamic => None,
            }
        }
        TypeInner::Struct { ref members, span: _ } => {
            let members = members.iter().map(|m| Some((m.offset.into(), shape(module, m.ty)?)));
            members.collect::<Option<_>>().map(Arrangement::Members)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::KernelModule;

    fn layout(declarations: &str) -> Layout {
        let source = format!(
            "{declarations}
            @group(0) @binding(0) var<storage, read_write> x: T;
            @compute @workgroup_size(1) fn main() {{ _ = &x; }}"
        );
        let kernel = KernelModule::from_wgsl("test", &source, "main", &BTreeMap::new()).unwrap();
        kernel.layout(&kernel.resources[0]).unwrap()
    }

    fn scalars(layout: &Layout, bytes: u64) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        let visited: Result<(), ()> = layout.each(bytes, |offset, number| {
            all.push((offset, number.to_string()));
            Ok(())
        });
        visited.unwrap();
        all
    }

    #[test]
    fn padding_is_no_scalar() {
        let layout = layout("struct T { n: u32, at: vec3<f32>, m: mat3x3<f32>, k: atomic<i32> }");
        assert_eq!(layout.bytes(14), Ok(96));
        assert_eq!(layout.least_scalars(), 14);
        let all = scalars(&layout, 96);
        let offsets: Vec<u64> = all.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, [0, 16, 20, 24, 32, 36, 40, 48, 52, 56, 64, 68, 72, 80]);
        assert_eq!(
            (all[0].1.as_str(), all[1].1.as_str(), all[13].1.as_str()),
            ("u32", "f32", "i32")
        );
        assert!(layout.bytes(13).unwrap_err().contains("14"));
        assert!(layout.fits(92).unwrap_err().contains("96"));
    }

    #[test]
    fn a_runtime_sized_array_repeats_its_element() {
        let layout =
            layout("struct P { at: vec3<f32>, n: u32 } struct T { n: u32, all: array<P> }");
        assert!(layout.is_runtime_sized());
        assert_eq!(layout.least_scalars(), 5);
        assert_eq!(layout.bytes(9), Ok(48));
        assert_eq!(scalars(&layout, 48).len(), 9);
        assert_eq!(scalars(&layout, 48)[8], (44, "u32".to_owned()));
        assert!(layout.bytes(1).unwrap_err().contains("at least 5"));
        assert!(layout.bytes(6).unwrap_err().contains("1 and then 4"));
        assert!(layout.fits(16).unwrap_err().contains("at least 32"));
        assert!(layout.fits(40).unwrap_err().contains("16 and then 16"));
    }
}
