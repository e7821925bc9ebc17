//! A kernel that came as SPIR-V. A driver of Vulkan is given the module itself, which counts as it states what it does;
//! an executor that takes no SPIR-V is given what naga reads of it. Knows no file and no option.

use std::collections::BTreeMap;

use flopmeter_core::{
    read::Parsed,
    source::Source,
    spirv::{Counters, Interface, Means, Settled, SpecConstant, SpirvModule},
};

use super::{Immediate, immediate};
use crate::{
    Error, KernelError,
    execute::{Executor, SpirvAbilities, SpirvProgram},
    instrument::CounterBinding,
    kernel::{KernelModule, Layout, Resource, ResourceKind},
    observe::{Countable, Counting},
};

/// Where a module was compiled from.
#[derive(Clone, Debug)]
pub(super) struct Compilation {
    /// The text.
    pub(super) source: Source,
    /// The compiler and its version.
    pub(super) compiler: String,
}

/// One entry point of a module, with the values of its constants written in.
#[derive(Clone, Debug)]
pub(super) struct SpirvShader {
    module: SpirvModule,
    entry: String,
    interface: Interface,
    /// What its push constants hold, to whole words; empty where not all of them are numbers.
    immediates: Vec<u8>,
    source: Option<Source>,
    compiler: Option<String>,
    /// What naga reads of it, or why it does not.
    read: Result<KernelModule, KernelError>,
}

impl SpirvShader {
    /// An entry point of a module, with values for constants by name or number.
    ///
    /// # Errors
    /// Where a value goes to no constant, and where something is wrong with the module.
    pub(super) fn new(
        module: &SpirvModule,
        compilation: Option<&Compilation>,
        entry: &str,
        values: &BTreeMap<String, f64>,
    ) -> Result<Self, KernelError> {
        let module = module.specialized(values)?.apart()?;
        let interface = module.interface(entry)?;
        let source = source(&module, compilation)?;
        let compiler = compilation.map(|compilation| compilation.compiler.clone());
        let read = read(&module, entry, source.as_ref());
        let bytes = interface.immediates.as_ref().map_or(0, |_| interface.immediate_bytes);
        let immediates = vec![0; bytes.next_multiple_of(4) as usize];
        let entry = entry.to_owned();
        Ok(Self { module, entry, interface, immediates, source, compiler, read })
    }

    /// Sets its push constants, as [`immediate::set`] does.
    ///
    /// # Errors
    /// Where a value does not fit its member.
    pub(super) fn set(
        &mut self,
        values: &BTreeMap<String, String>,
    ) -> Result<Vec<Immediate>, Error> {
        let variable = self.interface.immediates.as_ref();
        let variable = variable.map(|(name, layout)| (&**name, layout));
        let found = immediate::set(&self.module.name, variable, &mut self.immediates, values)?;
        if let Ok(kernel) = &mut self.read {
            // The members lie at the same offsets; naga pads what is behind them.
            let common = self.immediates.len().min(kernel.immediates.len());
            kernel.immediates[..common].copy_from_slice(&self.immediates[..common]);
        }
        Ok(found)
    }

    fn as_it_is(
        &self,
        executor: &mut dyn Executor,
        abilities: SpirvAbilities,
    ) -> Result<Counting, Error> {
        let limits = executor.adapter().limits;
        let kernel = self.module.kernel(&self.entry, limits.subgroup_lanes)?;
        let kernel = kernel.within_budget(limits.loop_rounds);
        let Interface { resources, .. } = &self.interface;
        let at = CounterBinding::free(&self.module.name, resources, &limits)?;
        let SpirvAbilities { wide_atomics, subgroups } = abilities;
        let counters = Counters::Binding { set: at.group, binding: at.binding };
        let words = kernel.counting(&Means { counters, wide_atomics, subgroups })?;
        let twin = SpirvModule { name: self.module.name.clone(), words };
        let mut interface = self.interface.clone();
        interface.resources.push(Resource {
            name: "counters".to_owned(),
            group: at.group,
            binding: at.binding,
            kind: ResourceKind::Storage { writable: true },
        });
        let compiled = [(&self.module, &self.interface), (&twin, &interface)];
        let immediates = &self.immediates[..];
        let [plain, counting] = compiled.map(|(module, interface)| {
            let entry = &self.entry;
            executor.compile_spirv(&SpirvProgram { module, entry, interface, immediates })
        });
        Ok(Counting::of_spirv(executor, [plain?, counting?], at, kernel.table().clone()))
    }
}

/// What a module calls a constant that has this number, or else this name, and its number. Where several have the name,
/// the number alone tells which.
pub(super) fn constant(constants: &[SpecConstant], said: &str) -> (String, Option<u32>) {
    let of_number = constants.iter().find(|its| its.number.to_string() == said);
    let found =
        of_number.or_else(|| constants.iter().find(|its| its.name.as_deref() == Some(said)));
    let is_alone = |name: &&String| {
        constants.iter().filter(|its| its.name.as_ref() == Some(*name)).count() == 1
    };
    let name = found.and_then(|its| its.name.as_ref().filter(is_alone));
    (name.map_or_else(|| said.to_owned(), String::clone), found.map(|its| its.number))
}

/// The defaults of a module's constants, by what it calls them.
pub(super) fn defaults(constants: &[SpecConstant]) -> BTreeMap<String, f64> {
    let defaults = constants.iter().map(|its| {
        let (name, _) = constant(constants, &its.number.to_string());
        // As a user says it: 0.1 is no other number for having been rounded to 32 bits.
        let said = (its.ty == "f32").then(|| (its.default as f32).to_string().parse().ok());
        (name, said.flatten().unwrap_or(its.default))
    });
    defaults.collect()
}

/// The text whose lines a module's instructions are charged to.
pub(super) fn source(
    module: &SpirvModule,
    compilation: Option<&Compilation>,
) -> Result<Option<Source>, KernelError> {
    match compilation {
        Some(Compilation { source, .. }) => Ok(Some(source.clone())),
        None => Ok(module.source()?.map(|text| Source::new(&text))),
    }
}

/// What naga reads of a module, its constants as they are. `source` is the text whose lines the module may state;
/// a listing's are those of single instructions, which naga puts together into expressions.
pub(super) fn read(
    module: &SpirvModule,
    entry: &str,
    source: Option<&Source>,
) -> Result<KernelModule, KernelError> {
    let Settled { words, lines, plain } = module.settled()?;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    // A module that is valid as SPIR-V may be none that naga has words for.
    let not_taken = |error| match error {
        KernelError::Shader { kernel, details } => KernelError::Kernel {
            kernel,
            problem: format!("naga does not take it: {}", details.trim_end()),
        },
        other => other,
    };
    let mut parsed = Parsed { plain, ..Parsed::spirv(&module.name, &bytes).map_err(not_taken)? };
    let states = lines.iter().any(|its| its.line.is_some());
    parsed.source = source.filter(|_| states).map(|source| source.clone().compiled(lines));
    KernelModule::from_parsed(&parsed, entry, &BTreeMap::new()).map_err(not_taken)
}

impl Countable for SpirvShader {
    fn name(&self) -> &str {
        &self.module.name
    }

    fn entry(&self) -> &str {
        &self.entry
    }

    fn workgroup_size(&self) -> [u32; 3] {
        self.interface.workgroup_size
    }

    fn resources(&self) -> &[Resource] {
        &self.interface.resources
    }

    fn layout(&self, resource: &Resource) -> Option<Layout> {
        self.interface.layouts.get(&(resource.group, resource.binding)).cloned()
    }

    fn declared(&self, resource: &Resource) -> Option<&naga::TypeInner> {
        self.interface.handles.get(&(resource.group, resource.binding))
    }

    fn samples_integers(&self, resource: &Resource) -> bool {
        self.interface.integer_samplers.contains(&(resource.group, resource.binding))
    }

    fn is_array(&self, resource: &Resource) -> bool {
        self.interface.arrays.contains(&(resource.group, resource.binding))
    }

    fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    fn compiler(&self) -> Option<&str> {
        self.compiler.as_deref()
    }

    fn counting(&self, executor: &mut dyn Executor) -> Result<Counting, Error> {
        match executor.spirv() {
            Some(abilities) => self.as_it_is(executor, abilities),
            None => match &self.read {
                Ok(kernel) => Counting::new(executor, kernel),
                Err(why) => Err(KernelError::BackEnd {
                    kernel: self.module.name.clone(),
                    adapter: executor.adapter().name.clone(),
                    problem: format!(
                        "an adapter of Vulkan is given SPIR-V as it is, and this one what naga reads of it: {why}"
                    ),
                }
                .into()),
            },
        }
    }
}
