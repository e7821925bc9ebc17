//! Writes the counting module: the words of the original, with increments where something is counted, a wrapper
//! around the entry point, and what those need of types, capabilities and decorations. Knows no prices.

use std::collections::BTreeSet;

use rspirv::spirv::{AddressingModel, Capability, MemoryModel, Op, StorageClass};

use super::{
    Counters, Means,
    build::Builder,
    flush::{self, InvocationCounter, Wrapper},
    module::{Module, Type},
    words::{Id, Instruction, push, push_text, text},
};
use crate::{
    overflow::{Change, Look, changes},
    table::Rows,
};

/// Where to count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// The instruction before which the increment stands.
    pub(super) site: usize,
    /// Whether an invocation comes by once at most.
    pub(super) once: bool,
}

fn write(change: Change<Id>, builder: &mut Builder<'_, '_>) {
    let (variable, value) = match change {
        Change::Count(counter) => {
            let one = builder.number(1);
            let before = builder.uints(Op::Load, &[counter]);
            (counter, builder.uints(Op::IAdd, &[before, one]))
        }
        Change::Look { at, to } => {
            let before = builder.uints(Op::Load, &[to]);
            let value = at.into_iter().fold(before, |seen, counter| {
                let value = builder.uints(Op::Load, &[counter]);
                builder.uints(Op::BitwiseOr, &[seen, value])
            });
            (to, value)
        }
    };
    builder.statement(Op::Store, &[variable, value]);
}

/// SPIR-V 1.3: operations of subgroups, and storage buffers as a class of their own.
const LEAST_VERSION: u32 = 0x1_0300;
/// From here on an entry point names all the variables that it uses.
const ALL_IN_INTERFACE: u32 = 0x1_0400;
/// From here on buffers at addresses need no extension.
const ADDRESSES_IN_CORE: u32 = 0x1_0500;

const ADDRESSES: &str = "SPV_KHR_physical_storage_buffer";

/// The words of the counting module. `points` are those of the counters from 1 on, which are looked at where `looks` says.
///
/// # Errors
/// What stands in the way.
pub(super) fn counting(
    module: &Module<'_>,
    entry: Id,
    (points, looks): (&[Point], &[Look<usize>]),
    rows: Rows,
    means: &Means,
) -> Result<Vec<u32>, String> {
    let model = module.instructions.iter().find(|its| its.is(Op::MemoryModel));
    let &[addressing, memory] = model.ok_or("it states no memory model")?.operands() else {
        return Err("its memory model has other operands".into());
    };
    let physical = AddressingModel::PhysicalStorageBuffer64 as u32;
    if addressing != AddressingModel::Logical as u32 && addressing != physical {
        return Err("it is no module for Vulkan: it has physical addresses".into());
    }
    let function = module.definition(entry).ok_or("its entry point has no function")?;
    let (void, ty) = (function.result_type().unwrap_or(0), function.operands()[1]);
    let interface = interface(module, entry);

    let mut builder = Builder::new(module);
    let (uint, zero) = (builder.uint(), builder.number(0));
    let private: Vec<InvocationCounter> = points
        .iter()
        .map(|point| {
            let variable = builder.variable(StorageClass::Private, uint, Some(zero));
            InvocationCounter { variable, once: point.once }
        })
        .collect();
    let overflow =
        (!looks.is_empty()).then(|| builder.variable(StorageClass::Private, uint, Some(zero)));
    let vulkan = memory == MemoryModel::Vulkan as u32;
    let Wrapper { function: wrapper, inputs, buffer } = flush::wrapper(
        &mut builder,
        (entry, ty, void),
        (&private, overflow),
        rows,
        means,
        vulkan,
        &interface,
    );
    let wrapping = std::mem::take(&mut builder.code);
    let counting = points.iter().zip(&private).map(|(point, to)| (point.site, to.variable));
    let mut changes = changes(counting, looks, overflow);
    changes.sort_by_key(|&(site, _)| site);
    let mut changes = changes.into_iter().peekable();

    let version = module.header[1].max(LEAST_VERSION);
    let addressed = matches!(means.counters, Counters::Address(_));
    let mut words = module.header.to_vec();
    let present: BTreeSet<u32> = module
        .instructions
        .iter()
        .filter(|its| its.is(Op::Capability))
        .map(|its| its.operands()[0])
        .collect();
    for capability in capabilities(means) {
        if !present.contains(&(capability as u32)) {
            push(&mut words, Op::Capability, &[capability as u32]);
        }
    }
    let first = |accept: fn(Instruction<'_>) -> bool| {
        module.instructions.iter().position(|&its| accept(its)).unwrap_or(0)
    };
    let extensions_at = first(|its| !its.is(Op::Capability));
    let has_addresses = module
        .instructions
        .iter()
        .any(|its| its.is(Op::Extension) && text(its.operands()).0 == ADDRESSES);
    let annotations_at = annotations_at(module);
    let functions_at = first(|its| its.is(Op::Function));
    // The increments use types and ids of the builder, so globals come last.
    let mut body = Vec::new();
    for (index, &instruction) in module.instructions.iter().enumerate().skip(functions_at) {
        while let Some((_, change)) = changes.next_if(|&(site, _)| site == index) {
            write(change, &mut builder);
            body.append(&mut builder.code);
        }
        body.extend(instruction.words);
    }
    for (index, &instruction) in module.instructions[..functions_at].iter().enumerate() {
        if index == extensions_at && addressed && version < ADDRESSES_IN_CORE && !has_addresses {
            push_text(&mut words, Op::Extension, ADDRESSES);
        }
        if index == annotations_at {
            words.append(&mut builder.annotations);
        }
        let operands = instruction.operands();
        match instruction.op() {
            Some(Op::MemoryModel) if addressed => {
                push(&mut words, Op::MemoryModel, &[physical, memory]);
            }
            Some(Op::EntryPoint) => {
                let mut operands = operands.to_vec();
                let known = interface_of(instruction).to_vec();
                let of_entry = operands[1] == entry;
                if of_entry {
                    operands[1] = wrapper;
                }
                // The variables of functions that entry points share belong to the interfaces of all.
                let private = private.iter().map(|counter| counter.variable).chain(overflow);
                let private = private.filter(|_| version >= ALL_IN_INTERFACE);
                let all = version >= ALL_IN_INTERFACE;
                let inputs = inputs.iter().chain(buffer.iter().filter(|_| all)).copied();
                let inputs = inputs.filter(|id| of_entry && !known.contains(id));
                operands.extend(inputs.chain(private));
                if operands.len() >= usize::from(u16::MAX) {
                    return Err("it takes more counters than an entry point can name".into());
                }
                push(&mut words, Op::EntryPoint, &operands);
            }
            Some(op @ (Op::ExecutionMode | Op::ExecutionModeId)) if operands[0] == entry => {
                push(&mut words, op, &[&[wrapper], &operands[1..]].concat());
            }
            _ => words.extend(instruction.words),
        }
    }
    if annotations_at == functions_at {
        words.append(&mut builder.annotations);
    }
    words.append(&mut builder.globals);
    words.append(&mut body);
    words.extend(wrapping);
    words[1] = version;
    words[3] = builder.bound();
    Ok(words)
}

fn capabilities(means: &Means) -> Vec<Capability> {
    let mut capabilities = Vec::new();
    if matches!(means.counters, Counters::Address(_)) {
        capabilities.push(Capability::PhysicalStorageBufferAddresses);
    }
    if means.wide_atomics {
        capabilities.extend([Capability::Int64, Capability::Int64Atomics]);
    }
    if means.subgroups {
        let arithmetic = Capability::GroupNonUniformArithmetic;
        capabilities.extend([Capability::GroupNonUniform, arithmetic]);
    }
    capabilities
}

/// The variables that an `OpEntryPoint` names.
fn interface_of(instruction: Instruction<'_>) -> &[Id] {
    let operands = instruction.operands();
    &operands[2 + text(&operands[2..]).1..]
}

fn interface(module: &Module<'_>, entry: Id) -> Vec<Id> {
    let its = module.instructions.iter().filter(|its| its.is(Op::EntryPoint));
    let its = its.filter(|its| its.operands()[1] == entry);
    its.flat_map(|&instruction| interface_of(instruction)).copied().collect()
}

/// Behind entry points, modes and names, where decorations stand.
fn annotations_at(module: &Module<'_>) -> usize {
    let before = |its: &Instruction<'_>| {
        matches!(
            its.op(),
            Some(
                Op::EntryPoint
                    | Op::ExecutionMode
                    | Op::ExecutionModeId
                    | Op::String
                    | Op::SourceExtension
                    | Op::Source
                    | Op::SourceContinued
                    | Op::Name
                    | Op::MemberName
                    | Op::ModuleProcessed
            )
        )
    };
    let functions = module.instructions.iter().position(|its| its.is(Op::Function));
    let globals = &module.instructions[..functions.unwrap_or(module.instructions.len())];
    globals.iter().rposition(before).map_or(0, |last| last + 1)
}

/// Whether a function takes nothing and returns nothing, as entry points do.
pub(super) fn is_entry(module: &Module<'_>, entry: Id) -> bool {
    module.definition(entry).filter(|its| its.is(Op::Function)).is_some_and(|its| {
        its.result_type().is_some_and(|ty| module.types.get(&ty) == Some(&Type::Void))
    })
}
