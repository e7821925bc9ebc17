//! The overrides of a shader that naga reads: which one a user means, and whether a value fits it.

use std::collections::BTreeMap;

use flopmeter_core::read::Parsed;
use naga::{Expression, Literal, Override, ScalarKind};

use crate::{Error, KernelError, kernel::spelled_literal};

/// Whether each of these overrides is one of the shader's, given once, and a whole number where it must be.
pub(super) fn check(parsed: &Parsed, overrides: &BTreeMap<String, f64>) -> Result<(), Error> {
    let problem =
        |problem: String| Err(KernelError::Kernel { kernel: parsed.name.clone(), problem }.into());
    let mut given = BTreeMap::new();
    for (name, value) in overrides {
        let mut known = parsed.module.overrides.iter();
        let Some((handle, found)) = known.find(|(_, known)| is_called(known, name)) else {
            let known: Vec<String> =
                parsed.module.overrides.iter().filter_map(|(_, known)| called(known)).collect();
            return problem(match known[..] {
                [] => format!("no override '{name}': the kernel declares none; leave it out"),
                _ => format!("no override '{name}': it has {}", known.join(", ")),
            });
        };
        if let Some(before) = given.insert(handle, name) {
            return problem(format!("its override '{name}' is given twice, also as '{before}'"));
        }
        let whole = parsed.module.types[found.ty].inner.scalar_kind() != Some(ScalarKind::Float);
        if whole && value.fract() != 0.0 {
            return problem(format!("its override '{name}' is a whole number, not {value}"));
        }
        let is_truth = parsed.module.types[found.ty].inner.scalar_kind() == Some(ScalarKind::Bool);
        if is_truth && ![0.0, 1.0].contains(value) {
            return problem(format!("its override '{name}' is true or false, not {value}"));
        }
    }
    Ok(())
}

/// What the module calls an override that has this name or this number, and its number where it has one.
pub(super) fn meant(parsed: &Parsed, said: &str) -> (String, Option<u32>) {
    let found = parsed.module.overrides.iter().find(|(_, known)| is_called(known, said));
    let name = found.and_then(|(_, known)| called(known));
    let number = found.and_then(|(_, known)| known.id.map(u32::from));
    (name.unwrap_or_else(|| said.to_owned()), number)
}

/// The defaults of the overrides that have a number for one, by what the module calls them: as a user would say it, so
/// that 0.1 is no other number for having been rounded to 32 bits.
pub(super) fn defaults(parsed: &Parsed) -> BTreeMap<String, f64> {
    let overrides = parsed.module.overrides.iter();
    let defaults = overrides.filter_map(|(_, known)| {
        let Expression::Literal(literal) = parsed.module.global_expressions[known.init?] else {
            return None;
        };
        let said = match literal {
            Literal::Bool(is) => u8::from(is).to_string(),
            literal => spelled_literal(literal),
        };
        Some((called(known)?, said.parse().ok()?))
    });
    defaults.collect()
}

/// What a user may call an override: its name, else its number.
fn called(known: &Override) -> Option<String> {
    known.name.clone().or_else(|| known.id.map(|id| id.to_string()))
}

fn is_called(known: &Override, name: &str) -> bool {
    known.name.as_deref() == Some(name) || known.id.is_some_and(|id| id.to_string() == name)
}
