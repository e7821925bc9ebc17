//! Where `@align` puts the members of WGSL's structures. naga aligns a structure within another one as the types of its
//! members are aligned, and forgets what `@align` says of those; where something lies elsewhere by that, the kernel is
//! refused. Reads `@align` off the text, since no module has it.

use std::collections::BTreeMap;

use naga::{Module, Span, TypeInner, proc::Layouter};

use super::token::{Token, tokens};

/// The alignment of a structure of which a text says it otherwise than by a number: nothing is known to meet it.
const UNKNOWN: u32 = 1 << 31;

/// The first structure of which a part lies elsewhere than its text says, and what is wrong.
pub(super) fn find(text: &str, module: &Module) -> Option<(Span, String)> {
    // Most texts say nothing of alignment.
    if !text.contains("align") {
        return None;
    }
    let stated = stated(&tokens(text).collect::<Vec<_>>());
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).ok()?;
    // By the type's place: what a type is made of stands before it.
    let mut aligned: Vec<u32> = Vec::new();
    for (handle, ty) in module.types.iter() {
        let align = match &ty.inner {
            TypeInner::Array { base, .. } => aligned[base.index()],
            TypeInner::Struct { members, span } => {
                let name = ty.name.as_deref().unwrap_or_default();
                let parts = || members.iter().map(|member| aligned[member.ty.index()]);
                let own = stated.get(name).copied().unwrap_or(1);
                let whole = parts().fold(own, u32::max);
                let is_larger = whole > own && !span.is_multiple_of(whole);
                let wrong = members.iter().zip(parts()).find(|&(member, align)| {
                    !member.offset.is_multiple_of(align) || is_larger && align == whole
                });
                if let Some((member, _)) = wrong {
                    let member = member.name.as_deref().unwrap_or_default();
                    let problem = format!(
                        "naga's WGSL reader puts '{member}' of '{name}', or what follows it, elsewhere than an @align \
                         within '{member}' says: give '{member}' the same @align, as a number"
                    );
                    return Some((module.types.get_span(handle), problem));
                }
                whole
            }
            _ => layouter[handle].alignment.round_up(1),
        };
        aligned.push(align);
    }
    None
}

/// The largest alignment that a text states of a member, by the structure's name.
fn stated<'a>(code: &[Token<'a>]) -> BTreeMap<&'a str, u32> {
    let mut stated = BTreeMap::new();
    let mut inside = None;
    for (at, token) in code.iter().enumerate() {
        let after = |by: usize| code.get(at + by).map_or("", |token| token.text);
        match token.text {
            "struct" => inside = Some(after(1)),
            "}" => inside = None,
            "@" if after(1) == "align" => {
                let value = if matches!(after(4), ")" | ",") { number(after(3)) } else { None };
                if let Some(name) = inside {
                    let align = stated.entry(name).or_insert(1);
                    *align = (*align).max(value.unwrap_or(UNKNOWN));
                }
            }
            _ => {}
        }
    }
    stated
}

fn number(text: &str) -> Option<u32> {
    let text = text.strip_suffix(['u', 'i']).unwrap_or(text);
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::KernelModule;

    /// What is said of a kernel with these structures, of which it uses the last.
    fn said(structures: &str) -> Option<String> {
        let source = format!(
            "{structures}
            @group(0) @binding(0) var<storage, read_write> x: Whole;
            @compute @workgroup_size(1) fn main() {{ x.n += 1.0; }}"
        );
        let read = KernelModule::from_wgsl("k", &source, "main", &Default::default());
        read.err().map(|error| error.to_string())
    }

    #[test]
    fn a_part_that_lies_elsewhere_than_its_text_says_is_refused() {
        for (structures, part) in [
            ("struct T { @align(16) y: f32 } struct Whole { n: f32, t: T }", "'t'"),
            ("struct T { @align(0x20u,) y: f32 } struct Whole { n: f32, t: array<T, 2> }", "'t'"),
            ("struct T { @align(16) y: f32 } struct Whole { n: f32, t: array<T> }", "'t'"),
            (
                "struct T { @align(16) y: f32 } struct M { t: T } struct Whole { n: f32, m: M }",
                "'m'",
            ),
            ("struct T { @align(32) y: f32 } struct Whole { t: T, n: f32 }", "'t'"),
            ("const A = 4; struct T { @align(A) y: f32 } struct Whole { n: f32, t: T }", "'t'"),
        ] {
            let said = said(structures).unwrap_or_default();
            assert!(said.contains(part) && said.contains("@align"), "{structures}: {said}");
        }
        for structures in [
            "struct T { @align(16) y: f32 } struct Whole { n: f32, @align(16) t: T }",
            "struct T { @align(16) y: vec4<f32> } struct Whole { n: f32, t: T }",
            "struct T { @align(4) y: f32 } struct Whole { n: f32, t: T, /* @align(64) */ u: f32 }",
            "struct Whole { @align(64) n: f32, m: f32 }",
            "struct T { @align(16) y: f32 } struct Whole { t: array<T, 2>, @size(16) n: f32 }",
        ] {
            assert_eq!(said(structures), None, "{structures}");
        }
    }
}
