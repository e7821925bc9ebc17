//! Whole numbers that expressions of a condition make, as C has them: 64 bits with a sign, and 0 for every name that
//! stands for nothing. Knows no macros.

use super::words::word_length;

/// Expressions within one another.
const DEEPEST: usize = 64;

/// Operators between two numbers, those that bind least first; longer ones before those that they begin with.
const BINARY: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// Every operator, longer ones before those that they begin with.
const OPERATORS: [&str; 22] = [
    "||", "&&", "==", "!=", "<=", ">=", "<<", ">>", "|", "^", "&", "<", ">", "+", "-", "*", "/",
    "%", "!", "~", "(", ")",
];

/// The number that an expression makes.
///
/// # Errors
/// What is no expression in it.
pub(super) fn of(text: &str) -> Result<i64, String> {
    let tokens = tokens(text)?;
    let mut rest = Tokens { tokens: &tokens, depth: 0 };
    let value = rest.binary(0)?;
    match rest.tokens {
        [] => Ok(value),
        [more, ..] => Err(format!("'{more}' stands behind its end")),
    }
}

fn tokens(text: &str) -> Result<Vec<&str>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        let length = operator.map_or_else(|| word_length(rest), |operator| operator.len());
        if length == 0 {
            return Err(format!("'{first}' is no operator"));
        }
        let (token, after) = rest.split_at(length);
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

struct Tokens<'a> {
    tokens: &'a [&'a str],
    depth: usize,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Numbers with operators between them that bind as `level` does, or more.
    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = BINARY.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.tokens.first().copied().filter(|t| operators.contains(t)) {
            self.next();
            let right = self.binary(level + 1)?;
            left = apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("more than {DEEPEST} expressions are within one another"));
        }
        let value = match self.next() {
            Some("!") => i64::from(self.unary()? == 0),
            Some("-") => self.unary()?.wrapping_neg(),
            Some("+") => self.unary()?,
            Some("~") => !self.unary()?,
            Some("(") => {
                let value = self.binary(0)?;
                match self.next() {
                    Some(")") => value,
                    _ => return Err("a bracket is not closed".to_owned()),
                }
            }
            Some(token) => plain(token)?,
            None => return Err("a number is missing".to_owned()),
        };
        self.depth -= 1;
        Ok(value)
    }
}

/// A number, `true`, or a name that stands for nothing.
fn plain(token: &str) -> Result<i64, String> {
    if token == "true" {
        return Ok(1);
    }
    if token.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Ok(0);
    }
    let digits = token.trim_end_matches(['u', 'U', 'i', 'l', 'L']);
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let value = match hexadecimal {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    value.map_err(|_| format!("'{token}' is no whole number"))
}

fn apply(operator: &str, left: i64, right: i64) -> Result<i64, String> {
    Ok(match operator {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<<" => left.wrapping_shl(right as u32),
        ">>" => left.wrapping_shr(right as u32),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" | "%" if right == 0 => return Err(format!("{left} {operator} 0 is no number")),
        "/" => left.wrapping_div(right),
        "%" => left.wrapping_rem(right),
        other => return Err(format!("'{other}' stands between no two numbers")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_make_the_numbers_that_c_has() {
        for (text, value) in [
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("10 - 4 - 3", 3),
            ("1 << 4 | 1", 17),
            ("0x10u == 16 && !0", 1),
            ("UNKNOWN || false", 0),
            ("-3 % 2", -1),
            ("2 > 1 == true", 1),
            ("~0 ^ 1 & 3", -2),
            ("7 / 2 >= 3", 1),
            ("(-9223372036854775807 - 1) / -1", i64::MIN),
            ("(-9223372036854775807 - 1) % -1", 0),
        ] {
            assert_eq!(of(text), Ok(value), "{text}");
        }
        for (text, says) in [
            ("", "a number is missing"),
            ("1 +", "a number is missing"),
            ("(1", "not closed"),
            ("1 2", "'2' stands behind"),
            ("1.5", "'.' is no operator"),
            ("1 / 0", "1 / 0 is no number"),
            ("1 ? 2 : 3", "'?' is no operator"),
            ("12ab", "no whole number"),
            (&"(".repeat(100), "within one another"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
