//! Expressions of a type, without effects.

use rand::{RngExt, seq::IndexedRandom};

use super::{Generator, OWN, Scalar, Type, Variable};

impl Generator {
    /// An expression of a type, without effects.
    pub(super) fn value(&mut self, ty: Type, depth: u32) -> String {
        if depth == 0 || self.roll(6) == 0 {
            return self.leaf(ty);
        }
        let one = Type { width: 1, ..ty };
        if ty.width > 1 && self.roll(4) == 0 {
            let parts: Vec<String> = (0..ty.width).map(|_| self.value(one, depth - 1)).collect();
            return format!("{}({})", ty.name(), parts.join(", "));
        }
        if self.roll(8) == 0 {
            let condition = self.value(Type::BOOL, depth - 1);
            let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
            return format!("select({a}, {b}, {condition})");
        }
        match ty.scalar {
            Scalar::Bool => self.truth(depth),
            Scalar::F32 => self.float(ty, depth),
            Scalar::I32 | Scalar::U32 => self.integer(ty, depth),
        }
    }

    fn truth(&mut self, depth: u32) -> String {
        if self.roll(3) == 0 {
            let (a, b) = (self.value(Type::BOOL, depth - 1), self.value(Type::BOOL, depth - 1));
            return match self.roll(4) {
                0 => format!("(({a}) && ({b}))"),
                1 => format!("(({a}) || ({b}))"),
                2 => format!("(({a}) != ({b}))"),
                _ => format!("!({a})"),
            };
        }
        let ty = self.ty();
        let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
        let operator = *["<", "<=", ">", ">=", "==", "!="].choose(&mut self.random).unwrap_or(&"<");
        let compared = format!("({a} {operator} {b})");
        match (ty.width, self.roll(2)) {
            (1, _) => compared,
            (_, 0) => format!("any{compared}"),
            _ => format!("all{compared}"),
        }
    }

    fn integer(&mut self, ty: Type, depth: u32) -> String {
        let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
        let unsigned = Type { scalar: Scalar::U32, ..ty };
        let other =
            Type { scalar: if ty.scalar == Scalar::I32 { Scalar::U32 } else { Scalar::I32 }, ..ty };
        match self.roll(18) {
            0..=6 => {
                let operator = ["+", "-", "*", "/", "%", "&", "^"][self.roll(7) as usize];
                format!("({a} {operator} {b})")
            }
            7 => format!("({a} | ~{b})"),
            8 => {
                let (count, width) = (self.value(unsigned, depth - 1), unsigned.name());
                let operator = if self.roll(2) == 0 { "<<" } else { ">>" };
                format!("({a} {operator} ({count} & {width}(31u)))")
            }
            9 => {
                let function = [
                    "countOneBits",
                    "firstLeadingBit",
                    "firstTrailingBit",
                    "reverseBits",
                    "countLeadingZeros",
                    "abs",
                ];
                format!("{}({a})", function[self.roll(6) as usize])
            }
            10 => format!("min({a}, {b})"),
            11 => {
                let c = self.value(ty, depth - 1);
                format!("clamp({c}, min({a}, {b}), max({a}, {b}))")
            }
            12 => {
                let (offset, count) = (self.value(Type::U32, 1), self.value(Type::U32, 1));
                format!("extractBits({a}, {offset} % 40u, {count} % 40u)")
            }
            13 => {
                let (offset, count) = (self.value(Type::U32, 1), self.value(Type::U32, 1));
                format!("insertBits({a}, {b}, {offset} % 40u, {count} % 40u)")
            }
            14 => format!("bitcast<{}>({})", ty.name(), self.value(other, depth - 1)),
            15 => format!("{}({})", ty.name(), self.value(other, depth - 1)),
            16 if ty.width == 1 => {
                let wide = Type { width: self.roll(3) + 2, ..ty };
                format!("dot({}, {})", self.value(wide, depth - 1), self.value(wide, depth - 1))
            }
            17 => {
                let float = self.value(Type { scalar: Scalar::F32, ..ty }, depth - 1);
                format!("{}({float})", ty.name())
            }
            _ => format!("({a} - {b})"),
        }
    }

    fn float(&mut self, ty: Type, depth: u32) -> String {
        let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
        let name = ty.name();
        let exact = match self.roll(12) {
            0 | 1 => format!("({a} + {b})"),
            2 => format!("({a} - {b})"),
            3 => format!("({a} * {b})"),
            4 => format!("fma({a}, {b}, {})", self.value(ty, depth - 1)),
            5 => format!("floor({a} * {name}(0.25))"),
            6 => format!("round({a} * {name}(0.5))"),
            7 => return format!("min({a}, {b})"),
            8 => return format!("abs({a})"),
            9 => return format!("-({a})"),
            10 if ty.width == 1 => {
                let wide = Type { width: self.roll(3) + 2, ..ty };
                format!("dot({}, {})", self.value(wide, depth - 1), self.value(wide, depth - 1))
            }
            10 => format!("trunc({a} * {name}(0.125)) + ceil({b} * {name}(0.5))"),
            _ => {
                let whole = self.value(Type { scalar: Scalar::I32, ..ty }, depth - 1);
                format!("{name}({whole})")
            }
        };
        // A whole number again, of 1024 at most. Integers of any size round before they are cut off, but
        // whichever way they do.
        format!("clamp({exact}, {name}(-1024.0), {name}(1024.0))")
    }

    fn leaf(&mut self, ty: Type) -> String {
        let mut known: Vec<String> = Vec::new();
        for Variable { name, ty: of, .. } in &self.scope {
            if *of == ty {
                known.push(name.clone());
            } else if of.scalar == ty.scalar && of.width > ty.width && ty.width > 1 {
                known.push(format!(
                    "{name}.{}",
                    &"yxzw"[..ty.width as usize].replace(['z', 'w'], "x")
                ));
            } else if of.scalar == ty.scalar && of.width > 1 && ty.width == 1 {
                known.push(format!("{name}.x"));
                known.push(format!("{name}[(own / {OWN}u) % {}u]", of.width));
            }
        }
        if let Some(name) = known.choose(&mut self.random).filter(|_| self.names % 5 != 4).cloned()
        {
            return name;
        }
        let number = self.random.random_range(-40_i32..1000);
        if ty.width > 1 {
            let one = self.leaf(Type { width: 1, ..ty });
            return format!("{}({one})", ty.name());
        }
        match (ty.scalar, self.roll(3)) {
            (Scalar::I32, 0) => "state".into(),
            (Scalar::I32, 1) => "i32(given[1].y)".into(),
            (Scalar::I32, _) => format!("(none + {number})"),
            (Scalar::U32, 0) => format!("ints[own + {}u]", number.unsigned_abs() % OWN),
            (Scalar::U32, 1) => format!("given[{}].z", number.unsigned_abs() % 4),
            (Scalar::U32, _) => {
                let bits = number.unsigned_abs().wrapping_mul(2_654_435_761);
                format!("(u32(none) + {bits}u)")
            }
            (Scalar::F32, 0) => format!("floats[own + {}u]", number.unsigned_abs() % OWN),
            (Scalar::F32, _) => format!("f32(none + {number})"),
            (Scalar::Bool, 0) => "(state > 3)".into(),
            (Scalar::Bool, _) => format!("(own % {}u == 0u)", number.unsigned_abs() % 5 + 1),
        }
    }
}
