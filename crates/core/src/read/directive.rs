//! WGSL's directives and diagnostic filters: taken out of a text where naga refuses them, and remembered. Every
//! byte that is taken out becomes a blank, so that lines and columns stay what they are.
//!
//! - `enable subgroups;` naga has the operations and no name for them. What is enabled beside it stays.
//! - `requires FEATURE;` asserts that an implementation has a feature. A text that uses one that naga lacks is
//!   refused where it uses it, which says more.
//! - `diagnostic(...)`, as a directive or an attribute, says which findings of a compiler are reported. It changes
//!   nothing that executes, and naga refuses the rules that it does not know.

use std::ops::Range;

use super::token::{Token, tokens};

/// Directives that were taken out of a text. A text that is printed from the module begins with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives(Vec<String>);

impl Directives {
    /// Each directive, as the text has it but for white space and comments, with its semicolon.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The features that `enable` may name and naga has, but not by that name.
const NAMELESS: [&str; 2] = ["subgroups", "subgroups_f16"];

/// A text without what naga refuses in it, and the directives that were taken out.
pub(super) fn without(text: &str) -> (String, Directives) {
    let tokens: Vec<Token<'_>> = tokens(text).collect();
    let mut blanks: Vec<Range<usize>> = Vec::new();
    let mut directives = Vec::new();
    // Directives stand before everything else.
    let mut rest = &tokens[..];
    while let [Token { text: "enable" | "requires" | "diagnostic", .. }, ..] = rest {
        let Some(end) = rest.iter().position(|token| token.text == ";") else { break };
        let directive = &rest[..=end];
        rest = &rest[end + 1..];
        let whole = directive[0].at.start..directive[end].at.end;
        if directive[0].text != "enable" {
            directives.push(in_words(directive));
            blanks.push(whole);
            continue;
        }
        let (nameless, known): (Vec<_>, Vec<_>) = directive[1..end]
            .iter()
            .filter(|token| token.text != ",")
            .partition(|token| NAMELESS.contains(&token.text));
        if nameless.is_empty() {
            continue;
        }
        directives.extend(nameless.iter().map(|name| format!("enable {};", name.text)));
        if known.is_empty() {
            blanks.push(whole);
            continue;
        }
        // Only the commas between names that stay do.
        let names = &directive[1..end];
        let stays = |token: &Token<'_>| token.text != "," && !NAMELESS.contains(&token.text);
        for (index, token) in names.iter().enumerate() {
            let between = index > 0 && stays(&names[index - 1]) && names[index..].iter().any(stays);
            if !stays(token) && !(token.text == "," && between) {
                blanks.push(token.at.clone());
            }
        }
    }
    for (index, pair) in rest.windows(2).enumerate() {
        if let [at, word] = pair
            && (at.text, word.text) == ("@", "diagnostic")
            && let Some(end) = rest[index..].iter().position(|token| token.text == ")")
        {
            blanks.push(at.at.start..rest[index + end].at.end);
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    for blank in blanks {
        bytes[blank].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    // Whole characters were replaced.
    let bare = String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned());
    (bare, Directives(directives))
}

/// Tokens with a blank between two words, and after a comma.
fn in_words(tokens: &[Token<'_>]) -> String {
    let mut words = String::new();
    for token in tokens {
        let is_word = token.text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let after_word = words.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ',');
        if is_word && after_word {
            words.push(' ');
        }
        words.push_str(token.text);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, bare: &str, directives: &[&str]) {
        let (found, taken) = without(text);
        assert_eq!((found.as_str(), found.len()), (bare, text.len()));
        assert_eq!(taken.iter().collect::<Vec<_>>(), directives);
    }

    #[test]
    fn what_naga_refuses_becomes_blanks_and_is_remembered() {
        check(
            "// enable f16;\nenable subgroups;\nfn f() {}",
            "// enable f16;\n                 \nfn f() {}",
            &["enable subgroups;"],
        );
        check("requires a,\n b;x", "           \n   x", &["requires a, b;"]);
        check("diagnostic(off, a.b);fn", "                     fn", &["diagnostic(off, a.b);"]);
    }

    #[test]
    fn what_is_enabled_beside_it_stays() {
        check("enable f16;", "enable f16;", &[]);
        check("enable f16, subgroups;", "enable f16           ;", &["enable subgroups;"]);
        check("enable subgroups, f16;", "enable            f16;", &["enable subgroups;"]);
        let (bare, taken) = without("enable f16, subgroups, subgroups_f16;");
        assert_eq!(bare.split_whitespace().collect::<String>(), "enablef16;");
        assert_eq!(taken.iter().count(), 2);
    }

    #[test]
    fn diagnostic_attributes_go_wherever_they_stand() {
        check("@diagnostic(off, x) fn f() {}", "                    fn f() {}", &[]);
        check("fn f() { enable(); diagnostic(1); }", "fn f() { enable(); diagnostic(1); }", &[]);
    }
}
