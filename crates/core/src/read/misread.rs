//! GLSL that naga's reader takes for something else: functions whose results it gives another type, matrices that it
//! multiplies to change their signs, and places that it evaluates twice. What is found is refused, and a compiler
//! of GLSL reads it where one is installed. Where the text alone does not tell, what may be meant is refused, too.

use std::{collections::BTreeSet, ops::Range};

use naga::{
    BinaryOperator, Expression, Function, Literal, MathFunction, Module, ScalarKind, Span,
    front::Typifier, proc::ResolveContext,
};

use super::token::{Token, tokens};

/// What naga reads wrong, and where.
pub(super) struct Misread {
    pub(super) what: &'static str,
    pub(super) span: Span,
}

/// The first thing of a shader that naga's reader takes for something else.
pub(super) fn find(text: &str, directives: &[Vec<Token<'_>>], module: &Module) -> Option<Misread> {
    let functions = module.functions.iter().map(|(_, function)| function);
    let mut functions = functions.chain(module.entry_points.iter().map(|entry| &entry.function));
    let wrong = |function| retyped(module, function).or_else(|| negated(function));
    functions.find_map(wrong).or_else(|| evaluated_twice(text, directives))
}

/// `-m` of a matrix, which naga makes a product with -1 of. That number stands in no text: its place is that of the
/// product.
fn negated(function: &Function) -> Option<Misread> {
    function.expressions.iter().find_map(|(handle, expression)| {
        let Expression::Binary { op: BinaryOperator::Multiply, left, .. } = *expression else {
            return None;
        };
        let Expression::Literal(Literal::F32(-1.0) | Literal::F64(-1.0)) =
            function.expressions[left]
        else {
            return None;
        };
        let span = function.expressions.get_span(handle);
        let what = "makes a product with -1 of a matrix whose sign is changed";
        (span.is_defined() && function.expressions.get_span(left) == span)
            .then_some(Misread { what, span })
    })
}

/// `bitCount`, `findLSB` and `findMSB`, whose results are signed whatever they are of; naga's are of the type of their
/// argument.
fn retyped(module: &Module, function: &Function) -> Option<Misread> {
    let mut types = Typifier::new();
    let context =
        ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
    function.expressions.iter().find_map(|(handle, expression)| {
        let Expression::Math { fun, arg, .. } = *expression else { return None };
        let counts = matches!(
            fun,
            MathFunction::CountOneBits
                | MathFunction::FirstLeadingBit
                | MathFunction::FirstTrailingBit
        );
        // What has no type is for the validator to say.
        types.grow(arg, &function.expressions, &context).ok().filter(|()| counts)?;
        let kind = types.get(arg, &module.types).scalar_kind();
        let what = "gives bitCount, findLSB and findMSB of an unsigned number an unsigned result, which is a signed one";
        let span = function.expressions.get_span(handle);
        (kind == Some(ScalarKind::Uint)).then_some(Misread { what, span })
    })
}

/// An index that does something, of a place that is read and written at once: naga evaluates it for each.
fn evaluated_twice(text: &str, directives: &[Vec<Token<'_>>]) -> Option<Misread> {
    let tokens: Vec<Token<'_>> = tokens(text).collect();
    let mut own = functions(&tokens);
    let hidden = macros(directives, &mut own);
    let mut open: Vec<Index> = Vec::new();
    let found = |Range { start, end }: Range<usize>| {
        let what = "evaluates the index of what is read and written at once for each of the two, which is once";
        Some(Misread { what, span: Span::new(start as u32, end as u32) })
    };
    for at in 0..tokens.len() {
        match tokens[at].text {
            "[" => open.push(Index { start: at, does: false, branches: false }),
            "?" => open.iter_mut().for_each(|index| index.branches = true),
            sign @ ("&" | "|") if adjacent(&tokens, at, [sign, sign]) => {
                open.iter_mut().for_each(|index| index.branches = true);
            }
            "]" => {
                let Some(index) = open.pop() else { continue };
                if index.branches && is_update(&tokens, behind(&tokens, at)) {
                    return found(tokens[index.start].at.start..tokens[at].at.end);
                }
                if !index.does {
                    continue;
                }
                if is_updated(&tokens, index.start, at, &hidden)
                    || is_handed_on(&tokens, index.start, &own)
                {
                    return found(tokens[index.start].at.start..tokens[at].at.end);
                }
                // What is around it does the same.
                open.iter_mut().for_each(|outer| outer.does = true);
            }
            // The index may be in what it stands for.
            name if hidden.contains(name) && is_stepped(&tokens, at) => {
                return found(tokens[at].at.clone());
            }
            name if does(&tokens, at)
                || hidden.contains(name)
                || own.contains(name) && next(&tokens, at) == Some("(") =>
            {
                open.iter_mut().for_each(|index| index.does = true);
            }
            _ => {}
        }
    }
    None
}

/// What stands in brackets.
struct Index {
    /// The token that opens it.
    start: usize,
    /// Whether evaluating it may do something.
    does: bool,
    /// Whether parts of it are evaluated in some cases alone: twice, they are no longer one expression.
    branches: bool,
}

/// The functions that a text defines: a type, a name, parentheses and a body.
fn functions<'a>(tokens: &[Token<'a>]) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let (mut depth, mut name) = (0_u32, None);
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => {
                if depth == 0 && at > 0 && tokens[at - 1].text == ")" {
                    found.extend(name);
                }
                depth += 1;
            }
            "}" => depth = depth.saturating_sub(1),
            "(" if depth == 0 && at > 0 => name = Some(tokens[at - 1].text),
            _ => {}
        }
    }
    found
}

/// The macros of a text that do something, by what they stand for: an operator that does, a function of the text, or
/// another such macro. Those that take arguments join `own`, since they may write to them.
fn macros<'a>(directives: &[Vec<Token<'a>>], own: &mut BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for line in directives {
        let [define, name, body @ ..] = &line[..] else { continue };
        if define.text != "define" {
            continue;
        }
        let is_one = |text: &str| own.contains(text) || found.contains(text);
        if (2..line.len()).any(|at| does(line, at) || is_one(line[at].text)) {
            found.insert(name.text);
            if body.first().is_some_and(|next| next.text == "(" && next.at.start == name.at.end) {
                own.insert(name.text);
            }
        }
    }
    found
}

/// The tokens of a text that are no directive's, and those of each directive behind its `#`.
pub(super) fn parted(text: &str) -> (Vec<Token<'_>>, Vec<Vec<Token<'_>>>) {
    let (mut code, mut directives) = (Vec::new(), Vec::new());
    let mut end = 0;
    for token in tokens(text) {
        if token.text == "#" && token.at.start >= end {
            end = token.at.start + line_length(&text[token.at.start..]);
            directives.push(Vec::new());
        } else if token.at.start < end {
            directives
                .last_mut()
                .into_iter()
                .for_each(|line: &mut Vec<_>| line.push(token.clone()));
        } else {
            code.push(token);
        }
    }
    (code, directives)
}

/// The bytes of the line that a text begins with, and of those that a backslash joins to it.
fn line_length(text: &str) -> usize {
    let mut ends = text.match_indices('\n').map(|(at, _)| at);
    let end = ends.find(|&at| !text[..at].trim_end_matches('\r').ends_with('\\'));
    end.map_or(text.len(), |end| end + 1)
}

fn next<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    tokens.get(at + 1).map(|token| token.text)
}

/// Whether two tokens stand side by side, with nothing between.
fn adjacent(tokens: &[Token<'_>], at: usize, texts: [&str; 2]) -> bool {
    let pair = at.checked_add(1).and_then(|end| tokens.get(at..=end));
    pair.is_some_and(|pair| {
        pair[0].at.end == pair[1].at.start && [pair[0].text, pair[1].text] == texts
    })
}

/// Whether an assignment, an increment or a decrement begins here.
fn does(tokens: &[Token<'_>], at: usize) -> bool {
    is_step(tokens, at) || is_update(tokens, at) || is_assignment(tokens, at)
}

/// `++` or `--`.
fn is_step(tokens: &[Token<'_>], at: usize) -> bool {
    ["+", "-"].iter().any(|sign| adjacent(tokens, at, [sign, sign]))
}

/// `=`, and not `==`, `<=`, `>=` or `!=`.
fn is_assignment(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1);
    let compares = before.is_some_and(|before| {
        ["=", "<", ">", "!"].iter().any(|sign| adjacent(tokens, before, [sign, "="]))
    });
    tokens[at].text == "=" && !adjacent(tokens, at, ["=", "="]) && !compares
}

/// An operator with an assignment: `+=`, `<<=` and their like.
pub(super) fn is_update(tokens: &[Token<'_>], at: usize) -> bool {
    let one = ["+", "-", "*", "/", "%", "&", "|", "^"];
    one.iter()
        .any(|sign| adjacent(tokens, at, [sign, "="]) && !adjacent(tokens, at + 1, ["=", "="]))
        || ["<", ">"]
            .iter()
            .any(|sign| adjacent(tokens, at, [sign, sign]) && adjacent(tokens, at + 1, [sign, "="]))
}

/// Where the place of an index that ends with this token ends.
fn behind(tokens: &[Token<'_>], end: usize) -> usize {
    let mut at = end + 1;
    while let Some(token) = tokens.get(at) {
        at = match token.text {
            "." => at + 2,
            "[" => closing(tokens, at) + 1,
            _ => break,
        };
    }
    at
}

/// Whether the place of an index from one token to another is read and written at once: behind the rest of the place an
/// operator with an assignment follows, or a step stands at either end of it.
fn is_updated(tokens: &[Token<'_>], start: usize, end: usize, hidden: &BTreeSet<&str>) -> bool {
    let at = behind(tokens, end);
    let is_hidden = |at: usize| tokens.get(at).is_some_and(|token| hidden.contains(token.text));
    if is_update(tokens, at) || is_step(tokens, at) || is_hidden(at) {
        return true;
    }
    // Back to where the place begins: names, members, and indices before this one.
    let mut first = start;
    while let Some(before) = first.checked_sub(1) {
        let text = tokens[before].text;
        let is_word = text.chars().all(|c| c.is_alphanumeric() || c == '_');
        match text {
            "." => first = before,
            "]" => first = opening(tokens, before),
            _ if is_word => first = before,
            _ => break,
        }
    }
    // The name of a macro stands before what it is defined as, too.
    let is_defined = (first..start).any(|at| tokens[at].text == "define");
    !is_defined && (first..start).any(is_hidden)
        || first.checked_sub(2).is_some_and(|at| is_step(tokens, at))
}

/// Whether an operator with an assignment or a step stands beside a macro, where it is not defined.
fn is_stepped(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |by: usize| at.checked_sub(by);
    let is_used = before(1).is_none_or(|before| tokens[before].text != "define");
    is_used
        && (is_update(tokens, at + 1)
            || is_step(tokens, at + 1)
            || before(2).is_some_and(|at| is_step(tokens, at)))
}

/// Whether an index is within the arguments of a function of the text, which may write to them.
fn is_handed_on(tokens: &[Token<'_>], start: usize, own: &BTreeSet<&str>) -> bool {
    let mut depth = 0_u32;
    for at in (0..start).rev() {
        match tokens[at].text {
            ")" => depth += 1,
            "(" if depth == 0 && at > 0 && own.contains(tokens[at - 1].text) => return true,
            "(" => depth = depth.saturating_sub(1),
            ";" | "{" | "}" => return false,
            _ => {}
        }
    }
    false
}

/// The bracket that closes one, or the last token.
fn closing(tokens: &[Token<'_>], start: usize) -> usize {
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text {
            "[" => depth += 1,
            "]" if depth == 1 => return at,
            "]" => depth -= 1,
            _ => {}
        }
    }
    tokens.len() - 1
}

/// The bracket that opens one, or the first token.
fn opening(tokens: &[Token<'_>], end: usize) -> usize {
    let mut depth = 0_u32;
    for at in (0..=end).rev() {
        match tokens[at].text {
            "]" => depth += 1,
            "[" if depth == 1 => return at,
            "[" => depth -= 1,
            _ => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(body: &str) -> bool {
        let text = format!(
            "#version 450
            #define NEXT j++
            #define AFTER \\
                NEXT
            #define PLACE a[j++]
            #define ADD +=
            #define RAISE(y) y += 1.0
            #define WHOLE(y) (y + 1)
            #define FOUR 4
            layout(local_size_x = 1) in;
            layout(set = 0, binding = 0) buffer X {{ float x[]; }};
            int at(int i) {{ return i + 1; }}
            void set(inout float y) {{ y = 1.0; }}
            void main() {{ int j = 0; float a[4]; {body} }}"
        );
        evaluated_twice(&text, &parted(&text).1).is_some()
    }

    #[test]
    fn an_index_that_does_something_is_found_where_its_place_is_updated() {
        for body in [
            "a[j++] *= 4.0;",
            "a[j++]++;",
            "{--a[j += 1];}",
            "a[at(j)] += 1.0;",
            "s.a[j++].y <<= 2;",
            "x[int(a[j--])] -= 1.0;",
            "set(a[j++]);",
            "m[j++][2] += 1.0;",
            "m[2][j = 3] /= 2.0;",
            "a[NEXT] += 1.0;",
            "a[j == 1 ? 0 : 1] += 1.0;",
            "m[int(j > 0 && j < 2)].x *= 2.0;",
            "a[AFTER]--;",
            "RAISE(a[j++]);",
            "RAISE(a[NEXT]);",
            "a[at(j)] ADD 1.0;",
            "PLACE += 1.0;",
            "{++PLACE;}",
        ] {
            assert!(twice(body), "{body}");
        }
    }

    #[test]
    fn indices_that_do_nothing_and_places_that_are_read_or_written_alone_are_not() {
        for body in [
            "a[j] *= 4.0;",
            "a[j++] = 4.0;",
            "x[0] = a[j++] + a[at(j)];",
            "a[j + 1] += a[at(j)];",
            "a[j == 1 ? 0 : 1] = 1.0;",
            "a[j <= 1 ? 0 : 1]++;",
            "a[int(sqrt(4.0))] += 1.0;",
            "j++; a[j] += 1.0;--j; a[1] -= 2.0;",
            "a[FOUR] += 1.0; a[WHOLE(j)] -= 1.0;",
            "a[NEXT] = 1.0; RAISE(a[j]); PLACE = 2.0;",
        ] {
            assert!(!twice(body), "{body}");
        }
    }
}
