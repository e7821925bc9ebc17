//! Which constants of a module a pipeline may give values, and which of them is meant by a name or a number. Knows
//! nothing of values.

use std::collections::BTreeSet;

use rspirv::spirv::Decoration;

use super::{module::Module, words::Id};

/// The constants with a number, and what they are called in the module.
pub(super) fn specializable(module: &Module<'_>) -> impl Iterator<Item = (u32, Id)> {
    let key = Decoration::SpecId as u32;
    let decorations = module.decorations.iter();
    decorations.filter(move |((_, what), _)| *what == key).map(|(&(id, _), &number)| (number, id))
}

/// The number of the constant that has this number, or else this name.
///
/// # Errors
/// Where there is none, and where several numbers have the name.
pub(super) fn meant(module: &Module<'_>, said: &str) -> Result<u32, String> {
    if let Some((number, _)) = specializable(module).find(|(number, _)| number.to_string() == said)
    {
        return Ok(number);
    }
    let called = |&(_, id): &(u32, Id)| module.named(id).is_some_and(|name| name == said);
    let numbers: BTreeSet<u32> =
        specializable(module).filter(called).map(|(number, _)| number).collect();
    let mut each = numbers.iter();
    match (each.next(), each.next()) {
        (None, _) => Err(unknown(module, said)),
        (Some(&number), None) => Ok(number),
        (Some(_), Some(_)) => {
            let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
            Err(format!(
                "several of its constants are called '{said}': give a value to one by its number, {}",
                numbers.join(" or ")
            ))
        }
    }
}

fn unknown(module: &Module<'_>, said: &str) -> String {
    let mut known: Vec<(u32, String)> = specializable(module)
        .map(|(number, id)| match module.named(id) {
            Some(name) => (number, format!("{number} ({name})")),
            None => (number, number.to_string()),
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    let known: Vec<String> = known.into_iter().map(|(_, said)| said).collect();
    match known[..] {
        [] => format!("no specialisation constant '{said}': it has none"),
        _ => format!("no specialisation constant '{said}': it has {}", known.join(", ")),
    }
}
