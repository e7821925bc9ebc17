//! Comments of a text, line by line. Knows of the rest of a language only that strings hold no comments.

use super::dialect::Dialect;

/// How deep within comments the next line begins.
pub(super) struct Comments {
    depth: usize,
    nest: bool,
}

impl Comments {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { depth: 0, nest: dialect == Dialect::Wgsl }
    }

    /// Whether the next line begins within one.
    pub(super) fn are_open(&self) -> bool {
        self.depth > 0
    }

    /// The next line with a blank for each byte of a comment.
    pub(super) fn blanked(&mut self, line: &str) -> String {
        let mut code = String::with_capacity(line.len());
        let mut is_string = false;
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let within = self.depth > 0;
            let (length, is_code) = if within && rest.starts_with("*/") {
                self.depth -= 1;
                (2, false)
            } else if rest.starts_with("/*") && !is_string && (self.nest || !within) {
                self.depth += 1;
                (2, false)
            } else if rest.starts_with("//") && !is_string && !within {
                (rest.len(), false)
            } else {
                is_string ^= first == '"' && !within;
                (first.len_utf8(), !within)
            };
            let (taken, left) = rest.split_at(length);
            if is_code {
                code.push_str(taken);
            } else {
                code.extend(std::iter::repeat_n(' ', length));
            }
            rest = left;
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_blanks_over_several_lines() {
        let lines = ["a /* b */ c // d", "\"//\" /* é /* */ x", "*/ y /* z", "w"];
        let blanked = |dialect| {
            let mut comments = Comments::new(dialect);
            lines.map(|line| comments.blanked(line))
        };
        let first = "a         c     ";
        let wgsl = blanked(Dialect::Wgsl);
        assert_eq!(wgsl, [first, "\"//\"              ", "   y     ", " "]);
        let glsl = blanked(Dialect::Glsl);
        assert_eq!(glsl, [first, "\"//\"             x", "*/ y     ", " "]);
        for (blanked, line) in wgsl.iter().zip(lines) {
            assert_eq!(blanked.len(), line.len());
        }
    }
}
