//! Arrays of arrays in GLSL, which are refused where naga's reader makes others of them: it takes the extents of `a[2][3]`
//! in the wrong order, and has what a list declares behind an array be an array of that, as `b` in `float a[2], b[2]`. Knows
//! the types that were read and how they were declared, and nothing of how they are used.

use naga::{ArraySize, Module, Span, TypeInner};

use super::{misread::Misread, token::Token};

/// The first array of arrays of a shader that may be meant otherwise.
pub(super) fn find(code: &[Token<'_>], module: &Module) -> Option<Misread> {
    let mut nested = module.types.iter().filter_map(|(handle, ty)| {
        let TypeInner::Array { base, size: outer, stride: _ } = ty.inner else { return None };
        let TypeInner::Array { base: _, size: inner, stride: _ } = module.types[base].inner else {
            return None;
        };
        // Extents that are all the same have no order.
        let same = matches!((outer, inner),
            (ArraySize::Constant(outer), ArraySize::Constant(inner)) if outer == inner);
        Some((same, module.types.get_span(handle)))
    });
    let what = "takes the extents of an array of arrays in the wrong order";
    let (first, rest) = (nested.next()?, nested);
    if let Some((_, span)) = std::iter::once(first).chain(rest).find(|(same, _)| !same) {
        return Some(Misread { what, span });
    }
    let what = "takes what is declared behind an array for an array of that";
    let Token { at, .. } = &code[listed(code)?];
    Some(Misread { what, span: Span::new(at.start as u32, at.end as u32) })
}

/// A name with brackets that may be declared by a list which declares an array before it, by its token.
fn listed(code: &[Token<'_>]) -> Option<usize> {
    let (mut depth, mut has_array) = (0_u32, false);
    for at in 0..code.len() {
        match code[at].text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            ";" | "{" | "}" if depth == 0 => has_array = false,
            "[" if depth == 0 => has_array = true,
            "," if depth == 0
                && has_array
                && code.get(at + 2).is_some_and(|next| next.text == "[") =>
            {
                return Some(at + 1);
            }
            _ => {}
        }
    }
    None
}
