//! A module that counts, for one pipeline: the program's words in, the words that the driver is given instead out.
//! Knows no Vulkan; where the counters lie it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::Hasher as _,
};

use flopmeter_core::{
    device::too_deep,
    recording::SpecValue,
    spirv::{Counters, Means, SpirvKernel, StatedFile},
    table::BlockTable,
};

use crate::constants::Stated;

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
    /// What the module says of them.
    pub(crate) stated: Stated,
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
            let ty = self.stated.types.get(number);
            (*number, ty.map_or_else(|| bits.into(), |&ty| SpecValue::of(bits, ty)))
        });
        values.collect()
    }

    /// A number that is the same in every run, and most likely another for another kernel.
    pub(crate) fn wish(&self) -> u64 {
        let Self { module, entry, constants, stated: _, subgroup } = self;
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

/// Kernels that take more counters than these are not counted: a thousand take llvmpipe 22 and SwiftShader half a minute to
/// compile and more, and three thousand end SwiftShader.
const MOST_COUNTERS: u32 = 512;

/// A module that counts.
pub(crate) struct Rewritten {
    pub(crate) words: Vec<u32>,
    /// What its counters mean.
    pub(crate) table: BlockTable,
    /// What is known of the lines that costs are charged to.
    pub(crate) lines: SourceLines,
}

/// Lines of the source of a kernel.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceLines {
    /// The file that they are of, where the module says which.
    pub(crate) file: Option<String>,
    /// What stands on them, by their number, where the module carries its source.
    pub(crate) texts: BTreeMap<u32, String>,
}

impl SourceLines {
    /// The most characters of a line that are kept.
    const KEPT: usize = 200;

    /// Those to which a kernel's costs are charged.
    fn of(kernel: &SpirvKernel<'_>) -> Self {
        let charged = kernel.table().blocks().iter().flat_map(|block| block.lines.keys());
        let charged: BTreeSet<u32> = charged.copied().collect();
        let file = if charged.is_empty() { None } else { kernel.file() };
        let Some(StatedFile { name, text }) = file else { return Self::default() };
        let stated = text.iter().flat_map(|text| (1..).zip(text.lines()));
        let kept = stated.filter(|(number, _)| charged.contains(number));
        let kept =
            kept.map(|(number, text)| (number, text.trim().chars().take(Self::KEPT).collect()));
        Self { file: name, texts: kept.collect() }
    }
}

/// The module that counts in the place of another. `place` says at which address so many bytes of counters lie.
///
/// # Errors
/// Why the module cannot count.
pub(crate) fn counting(
    module: &Module,
    identity: &Identity,
    abilities: Abilities,
    place: impl FnOnce(u64) -> Result<u64, String>,
) -> Result<Rewritten, String> {
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
    let counters = kernel.table().counters();
    if counters > MOST_COUNTERS {
        return Err(format!(
            "it has {counters} parts that are executed apart, and drivers take too long to compile more than \
             {MOST_COUNTERS} counters"
        ));
    }
    let counters = Counters::Address(place(kernel.table().bytes())?);
    let words = kernel.counting(&Means { counters, wide_atomics, subgroups });
    let words = words.map_err(|error| error.to_string())?;
    Ok(Rewritten { words, table: kernel.table().clone(), lines: SourceLines::of(&kernel) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_wish_for_places_of_their_own() {
        let entry = "main".to_owned();
        let (constants, stated) = (BTreeMap::new(), Stated::default());
        let plain = Identity { module: Some(7), entry, constants, stated, subgroup: None };
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
