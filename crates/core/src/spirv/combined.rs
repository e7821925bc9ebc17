//! A module whose combined image samplers are taken apart, each into an image and a sampler, for hosts and readers that
//! bind those by themselves. An image keeps its name and its binding; its sampler gets a name and a binding of its own.
//! Nothing of that costs anything: an image and a sampler are combined where texels are read through them. Knows nothing
//! of readers.

use std::collections::BTreeMap;

use rspirv::spirv::{Decoration, Op};

use super::{
    SpirvModule,
    build::Builder,
    module::{Module, Type},
    silent::is_of_lines,
    words::{BOUND, Id, Instruction, push_text},
};
use crate::Error;

impl SpirvModule {
    /// The module with an image and a sampler in the place of each combined image sampler. The sampler of an image
    /// `color` is called `color_sampler`, and its binding is the first of the image's descriptor set behind all others.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the words are no module, and where a combined image sampler is used in a way that leaves
    /// open which one it is, as an element of an array.
    pub fn apart(self) -> Result<Self, Error> {
        match self.view(apart)? {
            None => Ok(self),
            Some(words) => Ok(Self { words, ..self }),
        }
    }
}

/// A sampler behind an image that was combined with it: of a variable or a parameter, whose id the image keeps.
#[derive(Clone, Copy)]
struct Apart {
    sampler: Id,
    /// The type of pointers to both together.
    pointer: Id,
}

/// A type of pointers to combined image samplers.
struct Pointer {
    combined: Id,
    image: Id,
    /// Types of pointers to an image and to a sampler, which nothing else has.
    halves: [Id; 2],
}

struct Split<'m, 'a> {
    module: &'m Module<'a>,
    b: Builder<'m, 'a>,
    pointers: BTreeMap<Id, Pointer>,
    /// The type of samplers.
    sampler: Id,
    apart: BTreeMap<Id, Apart>,
    /// Of what was loaded, where it was loaded from.
    loaded: BTreeMap<Id, Id>,
}

/// All words of the module; `None` where nothing is combined in a variable.
fn apart(module: &Module<'_>) -> Result<Option<Vec<u32>>, String> {
    let mut b = Builder::new(module);
    let combined =
        |pointee: Id| module.definition(pointee).filter(|it| it.is(Op::TypeSampledImage));
    let pointers = module.types.iter().filter_map(|(&id, ty)| match *ty {
        Type::Pointer { pointee, .. } => Some((id, pointee, combined(pointee)?.operands()[0])),
        _ => None,
    });
    let mut pointers: Vec<_> = pointers.collect();
    if pointers.is_empty() {
        return Ok(None);
    }
    pointers.sort_unstable();
    let pointers = pointers
        .into_iter()
        .map(|(id, combined, image)| (id, Pointer { combined, image, halves: [b.id(), b.id()] }));
    let pointers = pointers.collect();
    let declared = module.instructions.iter().find(|it| it.is(Op::TypeSampler));
    let sampler = declared.and_then(|it| it.result()).unwrap_or_else(|| b.id());
    let (apart, loaded) = (BTreeMap::new(), BTreeMap::new());
    let mut split = Split { module, b, pointers, sampler, apart, loaded };
    split.pair()?;
    if split.apart.is_empty() {
        return Ok(None);
    }
    let (head, code) = module.in_two();
    let mut is_annotated = false;
    for &instruction in head {
        let begins_types = instruction.name().starts_with("OpType");
        if begins_types && !std::mem::replace(&mut is_annotated, true) {
            let annotations = std::mem::take(&mut split.b.annotations);
            split.b.code.extend(annotations);
            split.b.statement(Op::TypeSampler, &[sampler]);
        }
        split.declared(instruction);
    }
    for &instruction in code {
        split.executed(instruction)?;
    }
    let mut words = module.header.to_vec();
    words[BOUND] = split.b.bound();
    Ok(Some([words, split.b.code].concat()))
}

impl Split<'_, '_> {
    /// Gives each variable and each parameter a sampler, and finds what is loaded of them.
    fn pair(&mut self) -> Result<(), String> {
        let module = self.module;
        // The first binding of each set behind all others.
        let mut free: BTreeMap<u32, Option<u32>> = BTreeMap::new();
        for (&(id, decoration), &binding) in &module.decorations {
            if decoration == Decoration::Binding as u32
                && let Some(set) = module.decoration(id, Decoration::DescriptorSet)
            {
                let free = free.entry(set).or_insert(Some(0));
                *free = free.and_then(|free| Some(free.max(binding.checked_add(1)?)));
            }
        }
        for &instruction in &module.instructions {
            let Some((ty, id)) = instruction.result_type().zip(instruction.result()) else {
                continue;
            };
            let from = instruction.operands().first();
            match instruction.op() {
                Some(Op::Load) if from.is_some_and(|from| self.apart.contains_key(from)) => {
                    self.loaded.insert(id, instruction.operands()[0]);
                }
                Some(Op::CopyObject) if from.is_some_and(|from| self.loaded.contains_key(from)) => {
                    self.loaded.insert(id, self.loaded[&instruction.operands()[0]]);
                }
                Some(Op::FunctionParameter) if self.is_combined(ty) => {
                    return Err(self.unknown(id, instruction));
                }
                _ => {}
            }
            if !self.pointers.contains_key(&ty) {
                continue;
            }
            let is_variable = instruction.is(Op::Variable);
            // One of an array stays combined, and cannot be bound.
            if instruction.is(Op::AccessChain) || instruction.is(Op::InBoundsAccessChain) {
                continue;
            }
            if !is_variable && !instruction.is(Op::FunctionParameter) {
                return Err(self.unknown(id, instruction));
            }
            let sampler = self.b.id();
            self.apart.insert(id, Apart { sampler, pointer: ty });
            let at = [Decoration::DescriptorSet, Decoration::Binding];
            if is_variable && let [Some(set), Some(_)] = at.map(|what| module.decoration(id, what))
            {
                let free = free.entry(set).or_insert(Some(0));
                let binding = free.ok_or_else(|| {
                    format!(
                        "no binding of its set is left for the sampler of '{}'",
                        module.name(id)
                    )
                })?;
                *free = binding.checked_add(1);
                self.b.decorate(sampler, Decoration::DescriptorSet, &[set]);
                self.b.decorate(sampler, Decoration::Binding, &[binding]);
            }
        }
        Ok(())
    }

    fn is_combined(&self, ty: Id) -> bool {
        self.pointers.values().any(|pointer| pointer.combined == ty)
    }

    /// Copies what stands before the functions, with new types where the old ones are.
    fn declared(&mut self, instruction: Instruction<'_>) {
        let operands = instruction.operands();
        let result = instruction.result().unwrap_or_default();
        let is_of_loaded = operands.first().is_some_and(|id| self.loaded.contains_key(id));
        match instruction.op() {
            // It stands before all others.
            Some(Op::TypeSampler) => {}
            // It is loaded elsewhere, under other names.
            Some(Op::Name | Op::Decorate | Op::DecorateId | Op::DecorateString) if is_of_loaded => {
            }
            Some(Op::TypePointer) if self.pointers.contains_key(&result) => {
                self.b.code.extend(instruction.words);
                let Pointer { image, halves, .. } = self.pointers[&result];
                for (pointer, of) in halves.into_iter().zip([image, self.sampler]) {
                    self.b.statement(Op::TypePointer, &[pointer, operands[0], of]);
                }
            }
            Some(Op::TypeFunction) => {
                let mut types = vec![result];
                for ty in operands {
                    match self.pointers.get(ty) {
                        Some(pointer) => types.extend(pointer.halves),
                        None => types.push(*ty),
                    }
                }
                self.b.statement(Op::TypeFunction, &types);
            }
            Some(Op::Variable) if self.apart.contains_key(&result) => {
                let Apart { sampler, pointer } = self.apart[&result];
                let halves = self.pointers[&pointer].halves;
                for (ty, id) in halves.into_iter().zip([result, sampler]) {
                    self.b.statement(Op::Variable, &[ty, id, operands[0]]);
                }
            }
            Some(Op::EntryPoint) => {
                let mut samplers = Vec::new();
                instruction.each_use(|id| {
                    samplers.extend(self.apart.get(&id).map(|apart| apart.sampler));
                });
                self.b.statement(Op::EntryPoint, &[operands, &samplers].concat());
            }
            Some(Op::Name) => {
                self.b.code.extend(instruction.words);
                let apart = self.apart.get(&operands[0]);
                if let Some((apart, name)) = apart.zip(self.module.named(operands[0])) {
                    push_name(&mut self.b.code, apart.sampler, &format!("{name}_sampler"));
                }
            }
            _ => self.b.code.extend(instruction.words),
        }
    }

    /// Copies what is executed, with an image and a sampler in the place of both.
    fn executed(&mut self, instruction: Instruction<'_>) -> Result<(), String> {
        let operands = instruction.operands();
        let mut is_of_loaded = false;
        instruction.each_use(|id| is_of_loaded |= self.loaded.contains_key(&id));
        let first = operands.first().copied().unwrap_or_default();
        match (instruction.op(), instruction.result_type().zip(instruction.result())) {
            (Some(Op::FunctionParameter), Some((_, id))) if self.apart.contains_key(&id) => {
                let Apart { sampler, pointer } = self.apart[&id];
                let halves = self.pointers[&pointer].halves;
                for (ty, id) in halves.into_iter().zip([id, sampler]) {
                    self.b.statement(Op::FunctionParameter, &[ty, id]);
                }
            }
            (Some(Op::FunctionCall), Some((ty, id))) if !is_of_loaded => {
                let mut taken = vec![ty, id];
                for operand in operands {
                    let its = self.module.type_of.get(operand);
                    let is_pointer = its.is_some_and(|ty| self.pointers.contains_key(ty));
                    if is_pointer && !self.apart.contains_key(operand) {
                        return Err(self.unknown(*operand, instruction));
                    }
                    taken.push(*operand);
                    taken.extend(self.apart.get(operand).map(|apart| apart.sampler));
                }
                self.b.statement(Op::FunctionCall, &taken);
            }
            // It is loaded where it is used, so that nothing combined leaves its block.
            (Some(Op::Load | Op::CopyObject), Some((_, id))) if self.loaded.contains_key(&id) => {}
            (Some(Op::Image), Some((ty, id))) if is_of_loaded => {
                self.b.statement(Op::Load, &[ty, id, self.loaded[&first]]);
            }
            _ if is_of_lines(self.module, instruction) => {
                if !is_of_loaded {
                    self.b.code.extend(instruction.words);
                }
            }
            (Some(op), Some((ty, id))) if reads(op) && self.loaded.contains_key(&first) => {
                let variable = self.loaded[&first];
                let Apart { sampler, pointer } = self.apart[&variable];
                let Pointer { combined, image, .. } = self.pointers[&pointer];
                let image = self.b.value(Op::Load, image, &[variable]);
                let sampler = self.b.value(Op::Load, self.sampler, &[sampler]);
                let both = self.b.value(Op::SampledImage, combined, &[image, sampler]);
                self.b.statement(op, &[&[ty, id, both], &operands[1..]].concat());
            }
            _ => {
                let mut used = None;
                instruction.each_use(|id| {
                    if self.apart.contains_key(&id) || self.loaded.contains_key(&id) {
                        used = Some(id);
                    }
                });
                if let Some(id) = used {
                    return Err(self.unknown(*self.loaded.get(&id).unwrap_or(&id), instruction));
                }
                self.b.code.extend(instruction.words);
            }
        }
        Ok(())
    }

    /// The error where several could be meant and it is not known which.
    fn unknown(&self, id: Id, instruction: Instruction<'_>) -> String {
        // Of an element, the array has the name.
        let chain = self.module.definition(id).filter(|it| it.is(Op::AccessChain));
        let id = chain.map_or(id, |chain| chain.operands()[0]);
        format!(
            "'{}' is a texture combined with a sampler, or an array of such, and {} leaves open which one is meant: \
             use a variable of its own for each, or textures and samplers by themselves",
            self.module.name(id),
            instruction.name()
        )
    }
}

/// Whether an instruction reads texels, or asks for their level, through the combined image sampler that it begins with.
const fn reads(op: Op) -> bool {
    matches!(
        op,
        Op::ImageSampleImplicitLod
            | Op::ImageSampleExplicitLod
            | Op::ImageSampleDrefImplicitLod
            | Op::ImageSampleDrefExplicitLod
            | Op::ImageSampleProjImplicitLod
            | Op::ImageSampleProjExplicitLod
            | Op::ImageSampleProjDrefImplicitLod
            | Op::ImageSampleProjDrefExplicitLod
            | Op::ImageGather
            | Op::ImageDrefGather
            | Op::ImageQueryLod
            | Op::ImageSparseSampleImplicitLod
            | Op::ImageSparseSampleExplicitLod
            | Op::ImageSparseSampleDrefImplicitLod
            | Op::ImageSparseSampleDrefExplicitLod
            | Op::ImageSparseGather
            | Op::ImageSparseDrefGather
    )
}

/// Names something, unless its name takes more than an instruction holds.
fn push_name(words: &mut Vec<u32>, id: Id, name: &str) {
    if name.len() > usize::from(u16::MAX) {
        return;
    }
    let mut named = Vec::new();
    push_text(&mut named, Op::Name, name);
    named[0] += 1 << 16;
    named.insert(1, id);
    words.extend(named);
}
