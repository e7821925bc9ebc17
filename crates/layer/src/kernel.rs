//! A module that counts, for one pipeline: the program's words in, the words that the driver is given instead out.
//! Knows no Vulkan; where the counters lie it is told.

use std::{collections::BTreeMap, hash::Hasher as _};

use flopmeter_core::{
    device::too_deep,
    recording::{SpecType, SpecValue},
    spirv::{Counters, Means, SpirvKernel},
    table::BlockTable,
};

/// A module of the program's.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) words: Vec<u32>,
    /// A name for it that is the same on every machine.
    pub(crate) hash: u64,
}

impl Module {
    pub(crate) fn new(words: Vec<u32>) -> Self {
        let mut hasher = fnv::FnvHasher::default();
        words.iter().for_each(|word| hasher.write(&word.to_le_bytes()));
        Self { hash: hasher.finish(), words }
    }
}

/// What a program makes a pipeline of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// The module's name; `None` where the layer has not seen it.
    pub(crate) module: Option<u64>,
    pub(crate) entry: String,
    /// The bits of specialisation constants, by their number.
    pub(crate) constants: BTreeMap<u32, u64>,
    /// Their types, as far as the module says them.
    pub(crate) types: BTreeMap<u32, SpecType>,
    /// Invocations of a whole subgroup, where that is known.
    pub(crate) subgroup: Option<u32>,
}

impl Identity {
    /// What a report calls the module; empty where the layer has not seen it.
    pub(crate) fn module_name(&self) -> String {
        self.module.map_or_else(String::new, |hash| format!("{hash:016x}"))
    }

    /// The values of its specialisation constants.
    pub(crate) fn values(&self) -> BTreeMap<u32, SpecValue> {
        let values = self.constants.iter().map(|(number, &bits)| {
            let ty = self.types.get(number);
            (*number, ty.map_or_else(|| bits.into(), |&ty| SpecValue::of(bits, ty)))
        });
        values.collect()
    }

    /// A number that is the same in every run, and most likely another for another kernel.
    pub(crate) fn wish(&self) -> u64 {
        let Self { module, entry, constants, types: _, subgroup } = self;
        let numbers = [*module, subgroup.map(u64::from)].map(Option::unwrap_or_default);
        let constants = constants.iter().flat_map(|(&number, &bits)| [u64::from(number), bits]);
        let mut hasher = fnv::FnvHasher::default();
        let numbers = numbers.into_iter().chain(constants);
        numbers.for_each(|number| hasher.write(&number.to_le_bytes()));
        hasher.write(entry.as_bytes());
        hasher.finish()
    }
}

/// What a device has for counting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    /// Whether storage buffers have 64-bit atomics.
    pub(crate) wide_atomics: bool,
    /// Whether compute shaders have subgroup arithmetic.
    pub(crate) subgroups: bool,
    /// After how many rounds it ends the loops of a subgroup, where it does.
    pub(crate) loop_rounds: Option<u32>,
    /// How many levels of control flow within itself it keeps apart, where it loses track beyond them.
    pub(crate) levels: Option<u32>,
}

/// The words of a module that counts, and what its counters mean. `place` says at which address so many bytes of
/// counters lie.
///
/// # Errors
/// Why the module cannot count.
pub(crate) fn counting(
    module: &Module,
    identity: &Identity,
    abilities: Abilities,
    place: impl FnOnce(u64) -> Result<u64, String>,
) -> Result<(Vec<u32>, BlockTable), String> {
    let Identity { entry, constants, subgroup, .. } = identity;
    let constants = constants.iter().map(|(&number, &bits)| (number, bits)).collect();
    let name = format!("{entry}@{:016x}", module.hash);
    let kernel = SpirvKernel::read(&name, &module.words, entry, &constants, *subgroup);
    let Abilities { wide_atomics, subgroups, loop_rounds, levels } = abilities;
    let kernel = kernel.map_err(|error| error.to_string())?.within_budget(loop_rounds);
    if levels.is_some() {
        let depth = kernel.nesting().map_err(|error| error.to_string())?;
        if let Some(problem) = too_deep(depth, levels) {
            return Err(format!("{problem}: it may not compute what the program says, either"));
        }
    }
    let counters = Counters::Address(place(kernel.table().bytes())?);
    let words = kernel.counting(&Means { counters, wide_atomics, subgroups });
    Ok((words.map_err(|error| error.to_string())?, kernel.table().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_wish_for_places_of_their_own() {
        let entry = "main".to_owned();
        let (constants, types) = (BTreeMap::new(), BTreeMap::new());
        let plain = Identity { module: Some(7), entry, constants, types, subgroup: None };
        let others = [
            Identity { module: Some(8), ..plain.clone() },
            Identity { entry: "other".into(), ..plain.clone() },
            Identity { constants: [(0, 1)].into(), ..plain.clone() },
            Identity { subgroup: Some(8), ..plain.clone() },
        ];
        assert_eq!(plain.wish(), plain.clone().wish());
        assert!(others.iter().all(|other| other.wish() != plain.wish()));
    }
}
