//! A module whose combined image samplers are taken apart, each into an image and a sampler, for hosts and readers that
//! bind those by themselves. An image keeps its name and its binding; its sampler gets a name and a binding of its own.
//! Nothing of that costs anything: an image and a sampler are combined where texels are read through them. Knows nothing
//! of readers.

use std::collections::BTreeMap;

use rspirv::spirv::{Decoration, Op, StorageClass};

use super::{
    SpirvModule,
    build::Builder,
    module::{Module, Type},
    words::{BOUND, Id, Instruction, push, push_text},
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
struct Apart {
    sampler: Id,
    /// The type of both together.
    combined: Id,
    image_type: Id,
}

/// Types of pointers to combined image samplers: to which, and of which images.
type Pointers = BTreeMap<Id, (Id, Id)>;

struct Split<'m, 'a> {
    module: &'m Module<'a>,
    b: Builder<'m, 'a>,
    pointers: Pointers,
    /// The type of samplers.
    sampler: Id,
    apart: BTreeMap<Id, Apart>,
    /// Of what was loaded, where it was loaded from.
    loaded: BTreeMap<Id, Id>,
}

/// All words of the module; `None` where nothing is combined in a variable.
fn apart(module: &Module<'_>) -> Result<Option<Vec<u32>>, String> {
    let pointers = pointers(module);
    if pointers.is_empty() {
        return Ok(None);
    }
    let mut b = Builder::new(module);
    let declared = module.instructions.iter().find(|it| it.is(Op::TypeSampler));
    let sampler = declared.and_then(|it| it.result()).unwrap_or_else(|| {
        let id = b.id();
        push(&mut b.globals, Op::TypeSampler, &[id]);
        id
    });
    let (apart, loaded) = (BTreeMap::new(), BTreeMap::new());
    let mut split = Split { module, b, pointers, sampler, apart, loaded };
    split.pair()?;
    let functions = module.functions.first().map_or(module.instructions.len(), |it| it.range.start);
    let (head, code) = module.instructions.split_at(functions);
    let mut before = module.header.to_vec();
    let mut is_annotated = false;
    for &instruction in head {
        let begins_types = instruction.op().is_some_and(|op| format!("{op:?}").starts_with("Type"));
        if begins_types && !std::mem::replace(&mut is_annotated, true) {
            before.extend(&split.b.annotations);
        }
        split.declared(instruction, &mut before);
    }
    for &instruction in code {
        split.executed(instruction)?;
    }
    before[BOUND] = split.b.bound();
    Ok(Some([before, split.b.globals, split.b.code].concat()))
}

fn pointers(module: &Module<'_>) -> Pointers {
    let image = |combined: Id| {
        let definition = module.definition(combined).filter(|it| it.is(Op::TypeSampledImage))?;
        Some((combined, definition.operands()[0]))
    };
    let pointers = module.types.iter().filter_map(|(&id, ty)| match *ty {
        Type::Pointer { pointee, .. } => Some((id, image(pointee)?)),
        _ => None,
    });
    pointers.collect()
}

impl Split<'_, '_> {
    /// Gives each variable and each parameter a sampler.
    fn pair(&mut self) -> Result<(), String> {
        let mut free: BTreeMap<u32, u32> = BTreeMap::new();
        for (&(id, decoration), &binding) in &self.module.decorations {
            if decoration == Decoration::Binding as u32
                && let Some(set) = self.module.decoration(id, Decoration::DescriptorSet)
            {
                let free = free.entry(set).or_default();
                *free = (*free).max(binding.saturating_add(1));
            }
        }
        for instruction in &self.module.instructions {
            let Some((ty, id)) = instruction.result_type().zip(instruction.result()) else {
                continue;
            };
            let Some(&(combined, image_type)) = self.pointers.get(&ty) else { continue };
            let is_variable = instruction.is(Op::Variable);
            if !is_variable && !instruction.is(Op::FunctionParameter) {
                return Err(self.unknown(id, *instruction));
            }
            let sampler = self.b.id();
            self.apart.insert(id, Apart { sampler, combined, image_type });
            let at = [Decoration::DescriptorSet, Decoration::Binding];
            if is_variable
                && let [Some(set), Some(_)] = at.map(|what| self.module.decoration(id, what))
            {
                let free = free.entry(set).or_default();
                self.b.decorate(sampler, Decoration::DescriptorSet, &[set]);
                self.b.decorate(sampler, Decoration::Binding, &[*free]);
                *free += 1;
            }
        }
        Ok(())
    }

    /// The types of pointers to an image and to a sampler.
    fn halves(&mut self, image_type: Id) -> [Id; 2] {
        let sampler = self.sampler;
        [image_type, sampler].map(|of| self.b.pointer(StorageClass::UniformConstant, of))
    }

    /// Copies what stands before the functions; what has the new types goes behind it.
    fn declared(&mut self, instruction: Instruction<'_>, before: &mut Vec<u32>) {
        let operands = instruction.operands();
        let result = instruction.result().unwrap_or_default();
        match instruction.op() {
            Some(Op::TypeFunction) if operands.iter().any(|id| self.pointers.contains_key(id)) => {
                let mut types = vec![result];
                for ty in operands {
                    match self.pointers.get(ty) {
                        Some(&(_, image_type)) => types.extend(self.halves(image_type)),
                        None => types.push(*ty),
                    }
                }
                push(&mut self.b.globals, Op::TypeFunction, &types);
                return;
            }
            Some(Op::Variable) if self.apart.contains_key(&result) => {
                let Apart { sampler, image_type, .. } = self.apart[&result];
                let class = operands[0];
                for (ty, id) in self.halves(image_type).into_iter().zip([result, sampler]) {
                    push(&mut self.b.globals, Op::Variable, &[ty, id, class]);
                }
                return;
            }
            Some(Op::EntryPoint) => {
                let samplers = operands.iter().filter_map(|id| self.apart.get(id));
                let samplers: Vec<Id> = samplers.map(|apart| apart.sampler).collect();
                push(before, Op::EntryPoint, &[operands, &samplers].concat());
                return;
            }
            _ => {}
        }
        before.extend(instruction.words);
        if instruction.is(Op::Name)
            && let Some(apart) = self.apart.get(&operands[0])
            && let Some(name) = self.module.named(operands[0])
        {
            let mut named = Vec::new();
            push_text(&mut named, Op::Name, &format!("{name}_sampler"));
            named[0] += 1 << 16;
            named.insert(1, apart.sampler);
            before.extend(named);
        }
    }

    /// Copies what is executed, with an image and a sampler in the place of both.
    fn executed(&mut self, instruction: Instruction<'_>) -> Result<(), String> {
        let operands = instruction.operands();
        let typed = instruction.result_type().zip(instruction.result());
        match (instruction.op(), typed) {
            (Some(Op::FunctionParameter), Some((_, id))) if self.apart.contains_key(&id) => {
                let Apart { sampler, image_type, .. } = self.apart[&id];
                for (ty, id) in self.halves(image_type).into_iter().zip([id, sampler]) {
                    self.b.statement(Op::FunctionParameter, &[ty, id]);
                }
            }
            (Some(Op::FunctionCall), Some((ty, id))) => {
                let mut taken = vec![ty, id];
                for operand in operands {
                    taken.push(*operand);
                    taken.extend(self.apart.get(operand).map(|apart| apart.sampler));
                }
                self.b.statement(Op::FunctionCall, &taken);
            }
            // It is loaded where it is used, so that nothing combined leaves its block.
            (Some(Op::Load), Some((_, id))) if self.apart.contains_key(&operands[0]) => {
                self.loaded.insert(id, operands[0]);
            }
            (Some(Op::Image), Some((ty, id))) if self.loaded.contains_key(&operands[0]) => {
                self.b.statement(Op::Load, &[ty, id, self.loaded[&operands[0]]]);
            }
            (Some(op), Some((ty, id)))
                if operands.first().is_some_and(|id| self.loaded.contains_key(id)) =>
            {
                let variable = self.loaded[&operands[0]];
                let Apart { sampler, combined, image_type } = self.apart[&variable];
                let image = self.b.value(Op::Load, image_type, &[variable]);
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

    /// That nobody knows which one of several is meant.
    fn unknown(&self, id: Id, instruction: Instruction<'_>) -> String {
        // Of an element, the array has the name.
        let chain = self.module.definition(id).filter(|it| it.is(Op::AccessChain));
        let id = chain.map_or(id, |chain| chain.operands()[0]);
        format!(
            "the combined image sampler '{}' is used by {}: have a variable of its own for each, or an image and a \
             sampler",
            self.module.name(id),
            instruction.name()
        )
    }
}
