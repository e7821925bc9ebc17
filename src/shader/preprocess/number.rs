//! Whole numbers that expressions of a condition make, and 0 for every name that stands for nothing: 64 bits with a sign
//! in WGSL, as in C, and 32 in GLSL, as glslang has them. Knows no macros.

use super::{
    dialect::Dialect,
    tokens::{TokenKind, leading},
};

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
pub(super) fn of(text: &str, dialect: Dialect) -> Result<i64, String> {
    let tokens = tokens(text)?;
    let mut rest = Tokens { tokens: &tokens, depth: 0, dialect };
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
        let length = match (operator, leading(rest)) {
            (Some(operator), _) => operator.len(),
            (None, Some((TokenKind::Name | TokenKind::Number, length))) => length,
            (None, _) => return Err(format!("'{first}' is no operator")),
        };
        let (token, after) = rest.split_at(length);
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

struct Tokens<'a> {
    tokens: &'a [&'a str],
    depth: usize,
    dialect: Dialect,
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
            left = self.apply(operator, left, right)?;
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
            Some("-") => {
                let value = self.unary()?.checked_neg().ok_or_else(overflow)?;
                self.kept(value)
            }
            Some("+") => self.unary()?,
            Some("~") => !self.unary()?,
            Some("(") => {
                let value = self.binary(0)?;
                match self.next() {
                    Some(")") => value,
                    _ => return Err("a bracket is not closed".to_owned()),
                }
            }
            Some(token) => self.plain(token)?,
            None => return Err("a number is missing".to_owned()),
        };
        self.depth -= 1;
        Ok(value)
    }

    /// A number, or a name that stands for nothing; WGSL has `true`, too.
    fn plain(&self, token: &'a str) -> Result<i64, String> {
        if token.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Ok(i64::from(token == "true" && self.dialect == Dialect::Wgsl));
        }
        let hexadecimal =
            |digits: &'a str| digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
        match self.dialect {
            Dialect::Wgsl => {
                let digits = token.trim_end_matches(['u', 'U', 'i', 'l', 'L']);
                let value = match hexadecimal(digits) {
                    Some(digits) => i64::from_str_radix(digits, 16),
                    None => digits.parse(),
                };
                value.map_err(|_| format!("'{token}' is no whole number"))
            }
            Dialect::Glsl => {
                let value = match (hexadecimal(token), token.strip_prefix('0')) {
                    (Some(digits), _) => u32::from_str_radix(digits, 16),
                    (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8),
                    (None, _) => token.parse(),
                };
                let value = value.map_err(|_| {
                    format!(
                        "'{token}' is no whole number of 32 bits without a suffix (0 begins an octal one)"
                    )
                });
                Ok(self.kept(i64::from(value?)))
            }
        }
    }

    /// A number in as many bits as there are.
    fn kept(&self, value: i64) -> i64 {
        match self.dialect {
            Dialect::Wgsl => value,
            Dialect::Glsl => i64::from(value as i32),
        }
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Result<i64, String> {
        let shift = match self.dialect {
            Dialect::Wgsl => right as u32 % 64,
            Dialect::Glsl => right as u32 % 32,
        };
        let value = match operator {
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
            "<<" | ">>" if self.dialect == Dialect::Wgsl && !(0..64).contains(&right) => {
                return Err(overflow());
            }
            "<<" if self.dialect == Dialect::Wgsl && left << shift >> shift != left => {
                return Err(overflow());
            }
            "<<" => left << shift,
            ">>" => left >> shift,
            // No two numbers of GLSL's 32 bits overflow 64.
            "+" => left.checked_add(right).ok_or_else(overflow)?,
            "-" => left.checked_sub(right).ok_or_else(overflow)?,
            "*" => left.checked_mul(right).ok_or_else(overflow)?,
            "/" | "%" if right == 0 => return Err(format!("{left} {operator} 0 is no number")),
            // The least number has no opposite, and glslang takes 0 for it.
            "/" if right == -1 && self.dialect == Dialect::Glsl && left == i64::from(i32::MIN) => 0,
            "/" => left.checked_div(right).ok_or_else(overflow)?,
            "%" => left.wrapping_rem(right),
            other => return Err(format!("'{other}' stands between no two numbers")),
        };
        Ok(self.kept(value))
    }
}

fn overflow() -> String {
    "it makes a number that 64 bits do not hold".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        for text in [
            "-9223372036854775807 - 2 < 0",
            "4294967296 * 4294967296",
            "-(1 << 63)",
            "(1 << 64) == 1",
            "1 >> -1",
            "(-9223372036854775807 - 1) / -1",
        ] {
            assert!(of(text, Dialect::Wgsl).unwrap_err().contains("64 bits"), "{text}");
        }
        assert_eq!(of("-9223372036854775807 - 1 < 0", Dialect::Wgsl), Ok(1));
        assert_eq!(of("2147483647 + 1 < 0", Dialect::Glsl), Ok(1));
    }

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
            ("(-9223372036854775807 - 1) % -1", 0),
        ] {
            assert_eq!(of(text, Dialect::Wgsl), Ok(value), "{text}");
        }
        for (text, says) in [
            ("", "a number is missing"),
            ("1 +", "a number is missing"),
            ("(1", "not closed"),
            ("1 2", "'2' stands behind"),
            ("1.5", "'1.5' is no whole number"),
            ("1 / 0", "1 / 0 is no number"),
            ("1 ? 2 : 3", "'?' is no operator"),
            ("12ab", "no whole number"),
            (&"(".repeat(100), "within one another"),
        ] {
            let error = of(text, Dialect::Wgsl).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn glsl_has_the_numbers_of_glslang() {
        for (text, value) in [
            ("010", 8),
            ("0", 0),
            ("00", 0),
            ("0X1f", 31),
            ("true", 0),
            ("0x80000000", i64::from(i32::MIN)),
            ("4294967295", -1),
            ("1 << 31", i64::from(i32::MIN)),
            ("1 << 32", 1),
            ("-1 >> 1", -1),
            ("2147483647 + 1", i64::from(i32::MIN)),
            ("65536 * 65536", 0),
            ("-(-2147483647 - 1)", i64::from(i32::MIN)),
            ("(-2147483647 - 1) / -1", 0),
            ("(-2147483647 - 1) % -1", 0),
        ] {
            assert_eq!(of(text, Dialect::Glsl), Ok(value), "{text}");
        }
        for text in ["09", "4294967296", "0x1ffffffff", "1L", "0x", "0b1", "1u", "0x1U", "1.0"] {
            let error = of(text, Dialect::Glsl).unwrap_err();
            assert!(error.contains("is no whole number"), "{text}: {error}");
        }
    }
}
