//! GLSL of which naga's reader leaves something out: the condition of a `do` loop whose body continues, initialisers of
//! globals, offsets of fetches, the rounding of layers, and macros of a compiler. What is found is refused, and a
//! compiler of GLSL reads it where one is installed. Where the text alone does not tell, what may be meant is refused, too.

use std::collections::BTreeSet;

use naga::{
    AddressSpace, Expression, Function, Handle, Literal, Module, ScalarKind, Span, front::Typifier,
    proc::ResolveContext,
};

use super::{misread::Misread, token::Token};

/// Macros that start with `GL_` and of which it is known whether compilers of GLSL for Vulkan define them.
const KNOWN: [&str; 2] = ["GL_core_profile", "GL_ES"];

/// The first thing of a shader that naga's reader leaves out.
pub(super) fn find(
    code: &[Token<'_>],
    directives: &[Vec<Token<'_>>],
    module: &Module,
) -> Option<Misread> {
    let found = continued(code, directives)
        .or_else(|| fetched(code, directives))
        .or_else(|| asked(directives))
        .map(|(what, token)| {
            let span = Span::new(token.at.start as u32, token.at.end as u32);
            Misread { what, span }
        });
    found.or_else(|| initialised(code, directives, module)).or_else(|| layered(module))
}

type Found<'t, 'a> = (&'static str, &'t Token<'a>);

/// The macros whose text has a word in it, or another such macro.
fn standing_for<'a>(directives: &[Vec<Token<'a>>], word: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    loop {
        let before = found.len();
        for line in directives {
            let [define, name, body @ ..] = &line[..] else { continue };
            let has = |token: &Token<'a>| token.text == word || found.contains(token.text);
            if define.text == "define" && body.iter().any(has) {
                found.insert(name.text);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// `continue` in the body of a `do` loop: naga goes on without asking its condition.
fn continued<'t, 'a>(
    code: &'t [Token<'a>],
    directives: &'t [Vec<Token<'a>>],
) -> Option<Found<'t, 'a>> {
    let what = "does not ask the condition of a do loop that is continued";
    let (hidden, begins) = (standing_for(directives, "continue"), standing_for(directives, "do"));
    let continues = |token: &Token<'a>| token.text == "continue" || hidden.contains(token.text);
    code.iter().enumerate().find_map(|(at, token)| {
        let body = match token.text {
            // A loop in a macro may end anywhere.
            name if begins.contains(name) => &code[at..],
            "do" => &code[at..body_end(code, at + 1)],
            _ => return None,
        };
        let hides = begins.contains(token.text) && hidden.contains(token.text);
        (hides || body[1..].iter().any(continues)).then_some((what, token))
    })
}

/// Where the statement that begins at a token ends: behind its closing brace; where it has none, it may end anywhere.
fn body_end(code: &[Token<'_>], start: usize) -> usize {
    if code.get(start).is_none_or(|token| token.text != "{") {
        return code.len();
    }
    let mut depth = 0_u32;
    for (at, token) in code.iter().enumerate().skip(start) {
        match token.text {
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// `texelFetchOffset`, whose offset naga drops.
fn fetched<'t, 'a>(
    code: &'t [Token<'a>],
    directives: &'t [Vec<Token<'a>>],
) -> Option<Found<'t, 'a>> {
    let what = "leaves out the offset of texelFetchOffset";
    let mut all = code.iter().chain(directives.iter().flatten());
    all.find(|token| token.text == "texelFetchOffset").map(|token| (what, token))
}

/// Whether a macro is defined that compilers define and naga does not, as those of extensions are.
fn asked<'t, 'a>(directives: &'t [Vec<Token<'a>>]) -> Option<Found<'t, 'a>> {
    let what = "defines no macro GL_... of an extension, as compilers of GLSL do";
    let is_own = |name: &str| {
        directives.iter().any(|line| matches!(&line[..], [define, own, ..] if define.text == "define" && own.text == name))
    };
    let conditions = directives.iter().filter(|line| {
        line.first().is_some_and(|word| ["if", "ifdef", "ifndef", "elif"].contains(&word.text))
    });
    let mut names = conditions.flatten();
    let unknown = |name: &str| name.starts_with("GL_") && !KNOWN.contains(&name) && !is_own(name);
    names.find(|token| unknown(token.text)).map(|token| (what, token))
}

/// A global that is given a value which naga does not give it, since it is no constant.
fn initialised(
    code: &[Token<'_>],
    directives: &[Vec<Token<'_>>],
    module: &Module,
) -> Option<Misread> {
    let globals = module.global_variables.iter().map(|(_, variable)| variable);
    let without = globals.filter(|one| one.space == AddressSpace::Private && one.init.is_none());
    let mut names: BTreeSet<&str> = without.filter_map(|one| one.name.as_deref()).collect();
    // A macro may stand for the name of one.
    let hidden = names.iter().flat_map(|name| standing_for(directives, name));
    names = hidden.chain(names.iter().copied()).collect();
    let given = standing_for(directives, "=");
    let (mut depth, mut open) = (0_u32, 0_u32);
    let found = code.iter().enumerate().find(|(at, token)| {
        match token.text {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "(" => open += 1,
            ")" => open = open.saturating_sub(1),
            name if depth == 0 && open == 0 && !names.is_empty() => {
                let mut behind = code[at + 1..].iter().map(|token| token.text);
                let mut brackets = 0_u32;
                let next = behind.find(|text| {
                    brackets += u32::from(*text == "[");
                    let is_within = brackets > 0;
                    brackets -= u32::from(*text == "]" && is_within);
                    !is_within
                });
                return given.contains(name) || names.contains(name) && next == Some("=");
            }
            _ => {}
        }
        false
    });
    let what = "leaves out what a global variable begins with, which is no constant";
    let (_, token) = found?;
    Some(Misread { what, span: Span::new(token.at.start as u32, token.at.end as u32) })
}

/// A layer of an array of textures that may lie between two: GLSL takes the nearer one, and naga the one below.
fn layered(module: &Module) -> Option<Misread> {
    let functions = module.functions.iter().map(|(_, function)| function);
    let mut functions = functions.chain(module.entry_points.iter().map(|entry| &entry.function));
    functions.find_map(|function| {
        function.expressions.iter().find_map(|(handle, expression)| {
            let Expression::ImageSample { array_index: Some(layer), .. } = *expression else {
                return None;
            };
            let Expression::As { expr, .. } = function.expressions[layer] else { return None };
            let what = "takes the layer of an array of textures below a place, and not the nearest";
            let span = function.expressions.get_span(handle);
            (!is_whole(module, function, expr)).then_some(Misread { what, span })
        })
    })
}

/// Whether a number is surely a whole one: a literal, or an integer that was made a float.
fn is_whole(module: &Module, function: &Function, handle: Handle<Expression>) -> bool {
    let expressions = &function.expressions;
    if let Expression::Literal(Literal::F32(value)) = expressions[handle] {
        return value.fract() == 0.0;
    }
    if let Expression::As { expr, .. } = expressions[handle] {
        let context =
            ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
        let mut types = Typifier::new();
        let known = types.grow(expr, expressions, &context).is_ok();
        let kind = known.then(|| types.get(expr, &module.types).scalar_kind()).flatten();
        return matches!(kind, Some(ScalarKind::Sint | ScalarKind::Uint));
    }
    // The layer is the last component of a place.
    let Expression::AccessIndex { base, .. } = expressions[handle] else { return false };
    let Expression::Compose { components, .. } = &expressions[base] else { return false };
    components.last().is_some_and(|&last| is_whole(module, function, last))
}
