//! A module as a file holds it: its entry points, what its specialisation constants may be given, and the same
//! module with the values of one pipeline written into it. Knows no host and nothing of counting.

use std::collections::BTreeMap;

use rspirv::spirv::{Decoration, Op};

use super::{
    Lines, Specialization, SpirvKernel,
    constants::{self, specializable},
    entry_point, groups,
    interface::{self, Interface},
    lines::stated,
    listing, members,
    module::{Module, Type},
    stages,
    words::{HEADER, Id},
};
use crate::{
    Error,
    guard::{Stage, guarded},
};

/// A SPIR-V module.
#[derive(Clone, Debug)]
pub struct SpirvModule {
    /// Name for labels and messages.
    pub name: String,
    /// Its words, header included.
    pub words: Vec<u32>,
}

/// A constant that a pipeline may give a value.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecConstant {
    /// Its number.
    pub number: u32,
    /// Its name, where the module has one.
    pub name: Option<String>,
    /// Its type: `bool`, `u32`, `f16` and so on.
    pub ty: String,
    /// Its value where a pipeline gives none.
    pub default: f64,
}

impl SpirvModule {
    /// Reads a module from the bytes of a file, in either order of bytes.
    ///
    /// # Errors
    /// [`Error::Kernel`] where they are no SPIR-V.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let problem = |problem: String| Error::Kernel { kernel: name.to_owned(), problem };
        let (words, []) = bytes.as_chunks::<4>() else {
            return Err(problem(format!(
                "SPIR-V is words of four bytes, and {} bytes are no whole number of them",
                bytes.len()
            )));
        };
        let mut words: Vec<u32> = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
        if words.first().is_some_and(|&magic| magic == rspirv::spirv::MAGIC_NUMBER.swap_bytes()) {
            words.iter_mut().for_each(|word| *word = word.swap_bytes());
        }
        let words = groups::ungrouped(&words).map_err(problem)?.unwrap_or(words);
        let words = stages::of_compute(&words).map_err(problem)?.unwrap_or(words);
        let module = Self { name: name.to_owned(), words };
        module.view(|_| Ok(()))?;
        Ok(module)
    }

    /// The names of its compute entry points, in their order.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the words are no module.
    pub fn entries(&self) -> Result<Vec<String>, Error> {
        self.view(|module| Ok(module.entries().map(|(name, _)| name).collect()))
    }

    /// The constants that a pipeline may give a value, by their numbers.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the words are no module.
    pub fn constants(&self) -> Result<Vec<SpecConstant>, Error> {
        self.view(|module| {
            let mut found: Vec<_> = specializable(module)
                .map(|(number, id)| {
                    let ty = module.ty(module.value_type(id)?)?;
                    let name = module.named(id).cloned();
                    let default = number_of(ty, module.constant(id)?);
                    Ok(SpecConstant { number, name, ty: members::scalar(ty), default })
                })
                .collect::<Result<_, String>>()?;
            // Of one that is stated several times, the statement with a name.
            found.sort_by_key(|constant| (constant.number, constant.name.is_none()));
            found.dedup_by_key(|constant| constant.number);
            Ok(found)
        })
    }

    /// The module with values written in as what its constants are where a pipeline gives none. `values` go by name
    /// or by number.
    ///
    /// # Errors
    /// [`Error::Kernel`] where a value goes to no constant or to several, where a constant is given two, and where its
    /// type does not hold it.
    pub fn specialized(&self, values: &BTreeMap<String, f64>) -> Result<Self, Error> {
        let words = self.view(|module| {
            let mut bits: BTreeMap<Id, u64> = BTreeMap::new();
            let mut given = BTreeMap::new();
            for (said, &value) in values {
                let number = constants::meant(module, said)?;
                if let Some(before) = given.insert(number, said) {
                    return Err(format!(
                        "its constant {number} is given twice, as '{before}' and as '{said}'"
                    ));
                }
                // Compilers may state a constant several times, as of a workgroup's size.
                for (_, id) in specializable(module).filter(|&(its, _)| its == number) {
                    let ty = module.ty(module.value_type(id)?)?;
                    let fits = bits_of(ty, value).ok_or_else(|| {
                        format!(
                            "its constant '{said}' is {}, and {value} is none",
                            members::scalar(ty)
                        )
                    })?;
                    bits.insert(id, fits);
                }
            }
            Ok(written(module, &bits))
        })?;
        let specialized = Self { name: self.name.clone(), words };
        specialized.view(has_arrays)?;
        Ok(specialized)
    }

    /// What an entry point asks of its host, constants as the module has them.
    ///
    /// # Errors
    /// [`Error::Kernel`] where there is no such entry point, or something is wrong with the module.
    pub fn interface(&self, entry: &str) -> Result<Interface, Error> {
        self.view(|module| interface::of(module, entry_point(module, entry)?))
    }

    /// One entry point, priced; its costs are charged to the lines of [`Self::source`]. `subgroup` is as in
    /// [`SpirvKernel::read`].
    ///
    /// # Errors
    /// As [`SpirvKernel::read`].
    pub fn kernel(&self, entry: &str, subgroup: Option<u32>) -> Result<SpirvKernel<'_>, Error> {
        guarded(&self.name, Stage::Reading, || {
            super::read(&self.name, &self.words, entry, &Specialization::new(), subgroup, charged)
                .map_err(|problem| Error::Kernel { kernel: self.name.clone(), problem })
        })
    }

    /// The text whose lines are charged: the source that the module was compiled from, where it says which line an
    /// instruction is of, and `None` where it says that and carries no source; else its listing.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the words are no module.
    pub fn source(&self) -> Result<Option<String>, Error> {
        self.view(|module| match charged(module) {
            Lines::Stated => {
                let file = stated(module, None).file;
                Ok(file.and_then(|file| listing::source(module, file)))
            }
            Lines::Listed => listing::listing(module).map(Some),
        })
    }

    /// The module with each binding named anew; what `name` gives back for a set and a binding is its new binding.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the words are no module.
    pub fn rebound(&self, name: impl Fn(u32, u32) -> Option<u32>) -> Result<Self, Error> {
        let words = self.view(|module| {
            let mut words = module.header.to_vec();
            for instruction in &module.instructions {
                let start = words.len();
                words.extend(instruction.words);
                let &[id, what, binding] = instruction.operands() else { continue };
                if instruction.is(Op::Decorate)
                    && what == Decoration::Binding as u32
                    && let Some(set) = module.decoration(id, Decoration::DescriptorSet)
                    && let Some(new) = name(set, binding)
                {
                    words[start + 3] = new;
                }
            }
            Ok(words)
        })?;
        Ok(Self { name: self.name.clone(), words })
    }

    pub(super) fn view<T>(
        &self,
        look: impl FnOnce(&Module<'_>) -> Result<T, String>,
    ) -> Result<T, Error> {
        guarded(&self.name, Stage::Reading, || {
            let module = Module::read(&self.words, &Specialization::new());
            let problem = |problem| Error::Kernel { kernel: self.name.clone(), problem };
            module.and_then(|module| look(&module)).map_err(problem)
        })
    }
}

fn charged(module: &Module<'_>) -> Lines {
    if listing::has_lines(module) { Lines::Stated } else { Lines::Listed }
}

/// All words, with the values of some constants replaced.
fn written(module: &Module<'_>, bits: &BTreeMap<Id, u64>) -> Vec<u32> {
    let mut words = module.header.to_vec();
    debug_assert_eq!(words.len(), HEADER);
    for instruction in &module.instructions {
        let start = words.len();
        words.extend(instruction.words);
        let given = instruction.result().and_then(|id| bits.get(&id));
        match (instruction.op(), given) {
            (Some(Op::SpecConstant), Some(&bits)) => {
                words[start + 3] = bits as u32;
                if let Some(high) = words.get_mut(start + 4) {
                    *high = (bits >> 32) as u32;
                }
            }
            (Some(Op::SpecConstantTrue | Op::SpecConstantFalse), Some(&bits)) => {
                let op = if bits == 0 { Op::SpecConstantFalse } else { Op::SpecConstantTrue };
                words[start] = words[start] & 0xffff_0000 | op as u32;
            }
            _ => {}
        }
    }
    words
}

/// The bits of a value as a literal of a type, those of narrow integers extended by their sign; `None` where the type
/// does not hold it.
pub(super) fn bits_of(ty: &Type, value: f64) -> Option<u64> {
    match *ty {
        Type::Bool => Some(u64::from(value != 0.0)),
        Type::Int { width, signed } => {
            let whole = value as i128;
            let (least, most) = match signed {
                true => (-(1_i128 << (width - 1)), (1_i128 << (width - 1)) - 1),
                false => (0, (1_i128 << width) - 1),
            };
            let fits = value.fract() == 0.0 && (least..=most).contains(&whole);
            let bits = if width > 32 { whole as u64 } else { u64::from(whole as u32) };
            fits.then_some(bits)
        }
        Type::Float { width: 16, encoding: None } => {
            let half = half::f16::from_f64(value);
            half.is_finite().then(|| half.to_bits().into())
        }
        Type::Float { width: 32, encoding: None } => {
            let single = value as f32;
            single.is_finite().then(|| single.to_bits().into())
        }
        Type::Float { width: 64, encoding: None } => value.is_finite().then(|| value.to_bits()),
        _ => None,
    }
}

/// Refuses arrays of no elements, over which drivers fall.
fn has_arrays(module: &Module<'_>) -> Result<(), String> {
    for ty in module.types.values() {
        if let &Type::Array { element: _, length } = ty
            // A value that is not known is an error where it is needed.
            && let Ok(bits) = module.constant(length)
            && let Ok(of) = module.value_type(length)
        {
            let length = number_of(module.ty(of)?, bits);
            if length < 1.0 {
                return Err(format!(
                    "an array has {length} elements with these constants: it needs one"
                ));
            }
        }
    }
    Ok(())
}

/// The value of such bits.
pub(super) fn number_of(ty: &Type, bits: u64) -> f64 {
    match *ty {
        Type::Int { width, signed: true } => {
            let spare = 64 - width;
            ((bits << spare) as i64 >> spare) as f64
        }
        Type::Float { width: 16, encoding: None } => half::f16::from_bits(bits as u16).to_f64(),
        Type::Float { width: 32, encoding: None } => f32::from_bits(bits as u32).into(),
        Type::Float { width: 64, encoding: None } => f64::from_bits(bits),
        _ => bits as f64,
    }
}
