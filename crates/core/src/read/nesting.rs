//! How deep a shader is nested: bounds on how deep the readers recurse, from the tokens of a text, and on how deep
//! everything behind them does, from the blocks of a module.

use naga::Module;

use super::token::tokens;
use crate::ir::depth;

/// Levels that a reader of this text recurses at most.
///
/// Each bracket and each token of an expression may be one level: `((1))`, `--1`, `1 + 1 + 1`. What stands
/// between two commas, semicolons or braces begins anew where the bracket around it began. An `else if` is one level
/// more than the `if` before it, as far as its function goes. And declarations may each need the next, by which naga's
/// reader of WGSL puts them in order.
pub fn levels(text: &str) -> usize {
    let mut deepest = 0;
    let mut level: usize = 0;
    let mut elses: usize = 0;
    let mut declarations: usize = 0;
    // The level at which the text between the innermost brackets begins.
    let mut begins = vec![0];
    for token in tokens(text) {
        let begin = begins.last().copied().unwrap_or(0);
        match token.text {
            "(" | "[" => {
                level += 1;
                begins.push(level);
            }
            "{" => {
                level = begin + 1;
                begins.push(level);
            }
            // What was called or indexed is part of the expression that goes on.
            ")" | "]" if begins.len() > 1 => level = begins.pop().unwrap_or(0),
            "}" if begins.len() > 1 => {
                begins.pop();
                level = begins.last().copied().unwrap_or(0);
                if begins.len() == 1 {
                    elses = 0;
                    declarations += 1;
                }
            }
            ";" | "," => {
                level = begin;
                declarations += usize::from(begins.len() == 1);
            }
            "else" => elses += 1,
            _ => level += 1,
        }
        deepest = deepest.max(level + elses);
    }
    // A declaration takes a tenth of what a level has, where the reader is optimised.
    deepest.max(declarations / 4)
}

/// Blocks within each other, in the function of a module that has most.
pub(crate) fn blocks(module: &Module) -> usize {
    let entries = module.entry_points.iter().map(|entry| &entry.function.body);
    let functions = module.functions.iter().map(|(_, function)| &function.body);
    entries.chain(functions).map(depth).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_terms_and_alternatives_are_levels() {
        let deep = 1000;
        let parentheses = format!("x = {}1{};", "(".repeat(deep), ")".repeat(deep));
        let terms = format!("x = 1{};", " + 1".repeat(deep));
        let alternatives = format!("fn f() {{ {} {{}} }}", "if a {} else ".repeat(deep));
        let blocks = "{".repeat(deep) + &"}".repeat(deep);
        let members = "a".to_owned() + &".b".repeat(deep);
        for text in [parentheses, terms, alternatives, blocks, members] {
            assert!((deep..3 * deep).contains(&levels(&text)), "{}", levels(&text));
        }
        let calls = (0..deep).map(|n| format!("fn f{n}() {{ f{}(); }}\n", n + 1));
        assert_eq!(levels(&calls.collect::<String>()), deep / 4);
    }

    #[test]
    fn what_only_goes_on_is_not_deep() {
        let long = 1000;
        let within = |statement: &str| format!("fn f() {{ {} }}", statement.repeat(long));
        let statements = within("x = x * 2.0 + f(y, z);\n");
        let elements = format!("array({})", "1.0 + 2.0, ".repeat(long));
        let branches = within("if a { b(); }\n");
        let functions = "fn f() { if a {} else {} }\n".repeat(100);
        for text in [statements, elements, branches, functions] {
            assert!(levels(&text) < 32, "{}", levels(&text));
        }
    }
}
