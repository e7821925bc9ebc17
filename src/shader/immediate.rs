//! Immediate data of a kernel, which GLSL calls push constants: members given by name, the others zeros. Knows neither
//! devices nor which kernels run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::BufferFill;
use crate::{Error, KernelError, kernel::Layout};

/// A member of the immediate data of a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Immediate {
    /// Its name, behind the names of what it is within.
    pub name: String,
    /// Bytes before it.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What the user gave it; `None` where nothing was given, and it holds zeros.
    pub value: Option<String>,
}

impl Immediate {
    /// Whether a user means it by a name: by its whole path, or by what is behind the variable's name.
    pub fn is_called(&self, name: &str) -> bool {
        is_called(&self.name, name)
    }
}

/// Sets the immediate data of a kernel: values by the names of members, each a number or several with commas between.
/// `variable` is what they are called together, and how their numbers lie; `data` are their bytes. Returns every member
/// that there is; names of others are the caller's to judge.
///
/// # Errors
/// Where a value does not fit its member.
pub(super) fn set(
    kernel: &str,
    variable: Option<(&str, &Layout)>,
    data: &mut [u8],
    values: &BTreeMap<String, String>,
) -> Result<Vec<Immediate>, Error> {
    let Some((name, layout)) = variable else { return Ok(Vec::new()) };
    let mut members = Vec::new();
    leaves(name, 0, layout, &mut members);
    let mut found = Vec::new();
    for (path, offset, its) in members {
        let given = values.iter().find(|(name, _)| is_called(&path, name));
        let bytes = its.bytes(its.least_scalars()).unwrap_or_default();
        if let Some((_, value)) = given {
            let numbers = value.split(',').map(|value| value.trim().to_owned()).collect();
            let contents = BufferFill::Values(numbers).bytes(&its, bytes).map_err(|what| {
                let problem = format!("its immediate '{path}' cannot be {value}: {what}");
                KernelError::Kernel { kernel: kernel.to_owned(), problem }
            })?;
            let at = offset as usize;
            data[at..at + contents.len()].copy_from_slice(&contents);
        }
        let value = given.map(|(_, value)| value.clone());
        found.push(Immediate { name: path, offset, bytes, value });
    }
    Ok(found)
}

fn is_called(path: &str, name: &str) -> bool {
    path == name || path.split_once('.').is_some_and(|(_, member)| member == name)
}

/// Members that have none themselves, with the bytes before each.
fn leaves(path: &str, offset: u64, layout: &Layout, found: &mut Vec<(String, u64, Layout)>) {
    if layout.members().is_empty() {
        found.push((path.to_owned(), offset, layout.clone()));
    }
    for member in layout.members() {
        let path =
            if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
        leaves(&path, offset + member.offset, &member.layout, found);
    }
}
