//! How the bytes of a buffer binding are made of scalars: what a host needs to know to fill a buffer of any kernel.
//! Does not know where the values come from.

use naga::{ArraySize, Handle, Module, Type, TypeInner};

use super::shape::{Number, Numbers, shape};

/// The scalars of a buffer binding, in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Scalars whose number the shader fixes.
    fixed: Numbers,
    /// Bytes of the whole where everything is fixed; else the fewest that may be bound.
    bytes: u64,
    /// What a runtime-sized array at the end repeats.
    tail: Option<Tail>,
    /// The members, where it is a structure.
    members: Vec<LayoutMember>,
}

/// A member of a structure in a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutMember {
    /// Its name.
    pub name: String,
    /// Bytes of the structure before it.
    pub offset: u64,
    /// The scalars of it alone.
    pub layout: Layout,
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
    pub(crate) element: Numbers,
}

impl Tail {
    /// How many elements so many bytes of a buffer have.
    fn elements(&self, bytes: u64) -> u64 {
        bytes.saturating_sub(self.offset).checked_div(self.stride).unwrap_or(0)
    }
}

impl Layout {
    /// A layout by its parts. `bytes` are those of the whole where it has no tail; else the fewest that may be
    /// bound.
    #[cfg(feature = "spirv-rewrite")]
    pub(crate) const fn new(
        fixed: Numbers,
        bytes: u64,
        tail: Option<Tail>,
        members: Vec<LayoutMember>,
    ) -> Self {
        Self { fixed, bytes, tail, members }
    }

    /// The layout of an array of arrays of one number, without padding, by how many there are within each other.
    pub fn nested(number: Number, extents: &[u64]) -> Self {
        let (mut fixed, mut bytes) = (Numbers::Scalar(number), u64::from(number.width));
        for &count in extents.iter().rev() {
            fixed = Numbers::Repeat { count, stride: bytes, of: Box::new(fixed) };
            bytes *= count;
        }
        Self { fixed, bytes, tail: None, members: Vec::new() }
    }

    /// The layout of a variable of type `ty`; `None` where it is no buffer of numbers.
    pub(super) fn of(module: &Module, ty: Handle<Type>) -> Option<Self> {
        let members = match &module.types[ty].inner {
            TypeInner::Struct { members, span: _ } => {
                let members = members.iter().enumerate().map(|(index, member)| {
                    Some(LayoutMember {
                        name: member.name.clone().unwrap_or_else(|| format!("_{index}")),
                        offset: member.offset.into(),
                        layout: Self::of(module, member.ty)?,
                    })
                });
                members.collect::<Option<_>>()?
            }
            _ => Vec::new(),
        };
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
                fixed: Numbers::Members(Vec::new()),
                bytes,
                tail: Some(tail?),
                members,
            });
        }
        if let TypeInner::Struct { members: stated, .. } = &module.types[ty].inner
            && let Some((last, before)) = stated.split_last()
            && let Some(tail) = tail(last.ty, last.offset.into())
        {
            let before = before.iter().map(|m| Some((u64::from(m.offset), shape(module, m.ty)?)));
            let fixed = Numbers::Members(before.collect::<Option<_>>()?);
            return Some(Self { fixed, bytes, tail: Some(tail?), members });
        }
        Some(Self { fixed: shape(module, ty)?, bytes, tail: None, members })
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
        let mut kinds = Vec::new();
        self.fixed.kinds(&mut kinds);
        if let Some(tail) = &self.tail {
            tail.element.kinds(&mut kinds);
        }
        kinds.iter().map(Number::to_string).collect::<Vec<_>>().join(", ")
    }

    /// The members, where it is a structure.
    pub fn members(&self) -> &[LayoutMember] {
        &self.members
    }

    /// What `bytes` bytes are as an array: the type of its numbers, and its extents, outermost first. A structure has
    /// its numbers in one row; `None` where they are of several types.
    pub fn array(&self, bytes: u64) -> Option<(Number, Vec<u64>)> {
        let nested = match &self.tail {
            None => self.fixed.array(),
            Some(tail) if self.fixed.scalars() == 0 => {
                tail.element.array().map(|(number, mut extents)| {
                    extents.insert(0, tail.elements(bytes));
                    (number, extents)
                })
            }
            Some(_) => None,
        };
        if nested.is_some() {
            return nested;
        }
        let (mut first, mut count) = (None, 0);
        let all = self.each(bytes, |_, number| {
            count += 1;
            if *first.get_or_insert(number) == number { Ok(()) } else { Err(()) }
        });
        all.ok()?;
        Some((first?, vec![count]))
    }

    /// Whether the shader leaves the size to the host.
    pub fn is_runtime_sized(&self) -> bool {
        self.tail.is_some()
    }

    /// The fewest scalars that may be bound; where nothing is runtime-sized, the only number.
    pub fn least_scalars(&self) -> u64 {
        let Some(tail) = &self.tail else { return self.fixed.scalars() };
        let elements = self.bytes.saturating_sub(tail.offset).div_ceil(tail.stride.max(1)).max(1);
        self.fixed.scalars() + elements * tail.element.scalars()
    }

    /// Bytes of a buffer of `scalars` scalars.
    ///
    /// # Errors
    /// Which numbers of scalars there can be, or why there can be none.
    pub fn bytes(&self, scalars: u64) -> Result<u64, String> {
        self.check_strides()?;
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

    /// Refuses what a module may state and no buffer can hold.
    fn check_strides(&self) -> Result<(), String> {
        let element = self.tail.as_ref().map(|tail| (tail.stride, &tail.element));
        let overlap = self.fixed.overlap().or_else(|| {
            let (stride, element) = element?;
            let taken = element.taken();
            element.overlap().or((stride < taken).then_some((stride, taken)))
        });
        if let Some((stride, taken)) = overlap {
            return Err(format!(
                "its elements are {stride} bytes apart and take {taken}: have ArrayStride, or the MatrixStride of a \
                 matrix, leave room for them"
            ));
        }
        let (taken, end) =
            (self.fixed.taken(), self.tail.as_ref().map_or(self.bytes, |tail| tail.offset));
        if taken > end {
            return Err(format!("what it holds ends at byte {taken}, and its room at {end}"));
        }
        Ok(())
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
            for index in 0..tail.elements(bytes) {
                tail.element.each(tail.offset + index * tail.stride, &mut visit)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::{KernelModule, NumberKind};

    /// A module may declare more elements than can be visited one by one.
    #[cfg(feature = "spirv-rewrite")]
    #[test]
    fn kinds_of_numbers_are_found_whatever_an_array_declares() {
        let word = Number { kind: NumberKind::Unsigned, width: 4 };
        let nested = Layout::nested(word, &[u64::from(u32::MAX), 1 << 20]);
        assert_eq!(nested.numbers(), "u32");
        let mixed = layout("struct E { a: vec2<u32>, b: f32, } struct T { n: i32, e: array<E>, }");
        assert_eq!(mixed.numbers(), "i32, u32, f32");
    }

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
    fn members_and_arrays_are_told_apart() {
        let mixed =
            layout("struct P { at: vec3<f32>, n: u32 } struct T { n: u32, p: P, all: array<f32> }");
        let members =
            mixed.members().iter().map(|m| (&*m.name, m.offset, m.layout.is_runtime_sized()));
        assert_eq!(
            members.collect::<Vec<_>>(),
            [("n", 0, false), ("p", 16, false), ("all", 32, true)]
        );
        assert_eq!(mixed.members()[1].layout.members()[1].offset, 12);
        assert_eq!(mixed.array(40), None);
        let extents =
            |declared: &str, bytes| layout(declared).array(bytes).map(|(_, extents)| extents);
        assert_eq!(extents("alias T = array<vec3<f32>>;", 48), Some(vec![3, 3]));
        assert_eq!(extents("alias T = array<mat2x3<f32>, 4>;", 128), Some(vec![4, 2, 3]));
        assert_eq!(extents("struct T { a: f32, b: vec2<f32> }", 16), Some(vec![3]));
        assert_eq!(extents("alias T = f32;", 4), Some(vec![]));
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
