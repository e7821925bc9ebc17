//! Where the members of GLSL's blocks lie. naga's reader lays out push constants by std140 where GLSL says std430, and
//! by std140 does not round up structures within others; such blocks are refused. So are structures in shared memory
//! that are larger by std140 than their members are: that layout is of blocks. Knows the rules of both layouts, and
//! nothing of how a block is used.

use naga::{
    AddressSpace, ArraySize, GlobalVariable, Handle, Module, Scalar, Type, TypeInner, UniqueArena,
    VectorSize,
};

use super::{misread::Misread, token::Token};

/// The first block of a shader with a member that lies elsewhere.
pub(super) fn find(code: &[Token<'_>], module: &Module) -> Option<Misread> {
    module.global_variables.iter().find_map(|(handle, variable)| {
        let by_default = match variable.space {
            AddressSpace::Uniform => Rules::Std140,
            AddressSpace::Storage { .. } | AddressSpace::Immediate => Rules::Std430,
            AddressSpace::WorkGroup => return shared(module, handle),
            _ => return None,
        };
        // Arrays of blocks have members of their own.
        let mut block = variable.ty;
        while let TypeInner::Array { base, .. } = module.types[block].inner {
            block = base;
        }
        let ty = &module.types[block];
        if !matches!(ty.inner, TypeInner::Struct { .. }) {
            return None;
        }
        let stated = ty.name.as_deref().and_then(|name| stated(code, name));
        let what = match variable.space {
            AddressSpace::Immediate => "lays out push constants otherwise than GLSL does",
            _ => "lays out a block otherwise than GLSL does",
        };
        let place = place(&module.types, block, stated.unwrap_or(by_default));
        let span = module.global_variables.get_span(handle);
        (!place.agrees).then_some(Misread { what, span })
    })
}

/// A shared variable that is larger than its members are.
fn shared(module: &Module, handle: Handle<GlobalVariable>) -> Option<Misread> {
    let ty = module.global_variables[handle].ty;
    let place = place(&module.types, ty, Rules::Std430);
    let is_larger = module.types[ty].inner.size(module.to_ctx()) > place.size;
    let what = "lays out structures in shared memory as those of uniform blocks";
    let span = module.global_variables.get_span(handle);
    (is_larger || !place.agrees).then_some(Misread { what, span })
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Std140,
    Std430,
}

/// The layout that a text states for the block of a name. What a macro states is not known.
fn stated(code: &[Token<'_>], name: &str) -> Option<Rules> {
    let begins = |at: usize| code.get(at + 1).is_some_and(|next| next.text == "{");
    let at = (0..code.len()).find(|&at| code[at].text == name && begins(at))?;
    let qualifiers = code[..at].iter().rev().map(|token| token.text);
    qualifiers.take_while(|text| !matches!(*text, ";" | "{" | "}")).find_map(|text| match text {
        "std140" => Some(Rules::Std140),
        "std430" => Some(Rules::Std430),
        _ => None,
    })
}

/// What a type takes, in bytes.
pub(super) struct Place {
    pub(super) align: u32,
    pub(super) size: u32,
    /// Whether what is within it lies where naga has it.
    agrees: bool,
}

pub(super) fn place(types: &UniqueArena<Type>, ty: Handle<Type>, rules: Rules) -> Place {
    let least = match rules {
        Rules::Std140 => 16,
        Rules::Std430 => 1,
    };
    match types[ty].inner {
        TypeInner::Scalar(Scalar { width, .. }) => leaf(u32::from(width), 1),
        TypeInner::Vector { size, scalar } => vector(size, scalar),
        TypeInner::Matrix { columns, rows, scalar } => {
            let align = vector(rows, scalar).align.max(least);
            Place { align, size: align * columns as u32, agrees: true }
        }
        TypeInner::Array { base, size, stride } => {
            let element = place(types, base, rules);
            let align = element.align.max(least);
            let apart = element.size.next_multiple_of(align);
            let count = match size {
                ArraySize::Constant(count) => count.get(),
                ArraySize::Pending(_) | ArraySize::Dynamic => 1,
            };
            let agrees = element.agrees && apart == stride;
            Place { align, size: apart.saturating_mul(count), agrees }
        }
        TypeInner::Struct { ref members, .. } => {
            let mut whole = Place { align: least, size: 0, agrees: true };
            for member in members {
                let part = place(types, member.ty, rules);
                let offset = whole.size.next_multiple_of(part.align);
                whole.agrees &= part.agrees && offset == member.offset;
                whole.align = whole.align.max(part.align);
                whole.size = offset.saturating_add(part.size);
            }
            whole.size = whole.size.next_multiple_of(whole.align);
            whole
        }
        // No member of a block is of another type.
        _ => leaf(1, 0),
    }
}

/// As many parts of as many bytes, aligned as one.
fn leaf(width: u32, parts: u32) -> Place {
    Place { align: width, size: width * parts, agrees: true }
}

fn vector(size: VectorSize, scalar: Scalar) -> Place {
    let width = u32::from(scalar.width);
    let align = width * if size == VectorSize::Bi { 2 } else { 4 };
    Place { align, ..leaf(width, size as u32) }
}
