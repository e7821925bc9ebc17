//! What a module asks of its host: the resources that an entry point uses, how the numbers of each lie, and the
//! capabilities that it declares. Knows types and decorations; nothing of counting.

use std::collections::{BTreeMap, BTreeSet};

use rspirv::spirv::{Capability, Decoration, Op, StorageClass};

use super::{
    memory::bytes,
    module::{Module, Type},
    nesting,
    words::Id,
};
use crate::kernel::{Layout, Number, NumberKind, Numbers, Resource, ResourceKind, Tail};

/// What an entry point asks of its host.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Invocations of a workgroup along each dimension.
    pub workgroup_size: [u32; 3],
    /// The resources that it uses, by descriptor set and binding. Variables that share a binding are one.
    pub resources: Vec<Resource>,
    /// How the numbers of each of its buffers lie, by descriptor set and binding. What has none is no buffer of
    /// numbers.
    pub layouts: BTreeMap<(u32, u32), Layout>,
    /// Bytes of the block of push constants that it uses; 0 where it uses none.
    pub immediate_bytes: u64,
    /// Bytes of workgroup memory that it declares.
    pub workgroup_bytes: u64,
    /// How deep its control flow stands within itself once calls are inlined; an adapter that keeps fewer execution
    /// masks apart ([`Limits::nesting`](crate::device::Limits::nesting)) may lose track of it.
    pub nesting: u32,
    /// What the module declares that it needs.
    pub capabilities: Vec<Capability>,
}

/// The interface of an entry point.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>, entry: Id) -> Result<Interface, String> {
    let mut used = BTreeSet::new();
    for function in module.reachable(entry)? {
        for instruction in &module.instructions[function.range.clone()] {
            used.extend(instruction.uses());
        }
    }
    let mut variables: BTreeMap<(u32, u32), Vec<Variable>> = BTreeMap::new();
    let (mut immediate_bytes, mut workgroup_bytes) = (0, 0);
    for id in used {
        let Some(definition) = module.definition(id).filter(|its| its.is(Op::Variable)) else {
            continue;
        };
        let class = StorageClass::from_u32(definition.operands()[0]);
        let Type::Pointer { pointee, .. } = *module.ty(module.value_type(id)?)? else {
            return Err(format!("the variable %{id} is no pointer"));
        };
        match class {
            Some(StorageClass::PushConstant) => immediate_bytes = bytes(module, pointee)?,
            Some(StorageClass::Workgroup) => workgroup_bytes += bytes(module, pointee)?,
            Some(class) => {
                let at = [Decoration::DescriptorSet, Decoration::Binding];
                if let [Some(set), Some(binding)] = at.map(|what| module.decoration(id, what)) {
                    let variable = Variable { id, pointee, class };
                    variables.entry((set, binding)).or_default().push(variable);
                }
            }
            None => {}
        }
    }
    let mut layouts = BTreeMap::new();
    let mut resources = Vec::new();
    for ((group, binding), variables) in variables {
        let kinds: Vec<ResourceKind> = variables.iter().map(|its| its.kind(module)).collect();
        let writable = ResourceKind::Storage { writable: true };
        let kind = if kinds.contains(&writable) { writable } else { kinds[0].clone() };
        let name = variables[0].name(module);
        let found = variables.iter().filter_map(|its| its.layout(module));
        // Of several views of one buffer, the one with the smallest elements says most of what it can hold.
        let least = found.min_by_key(|layout| layout.parts().1.map(|each| each.bytes));
        layouts.extend(least.map(|layout| ((group, binding), layout)));
        resources.push(Resource { name, group, binding, kind });
    }
    let declared = module.instructions.iter().filter(|its| its.is(Op::Capability));
    Ok(Interface {
        workgroup_size: module.workgroup(entry)?,
        resources,
        layouts,
        immediate_bytes,
        workgroup_bytes,
        nesting: nesting::of(module, entry)?,
        capabilities: declared.filter_map(|its| Capability::from_u32(its.operands()[0])).collect(),
    })
}

/// A variable that its host binds.
struct Variable {
    id: Id,
    pointee: Id,
    class: StorageClass,
}

impl Variable {
    fn kind(&self, module: &Module<'_>) -> ResourceKind {
        let old = module.decoration(self.pointee, Decoration::BufferBlock).is_some();
        match self.class {
            StorageClass::Uniform if !old => {
                let size = bytes(module, self.pointee).unwrap_or_default();
                ResourceKind::Uniform { size: size as u32, members: Vec::new() }
            }
            StorageClass::StorageBuffer | StorageClass::Uniform => {
                ResourceKind::Storage { writable: !self.is_read_only(module) }
            }
            _ => ResourceKind::Opaque,
        }
    }

    /// Whether nothing writes it: it is decorated so, or each of its members is.
    fn is_read_only(&self, module: &Module<'_>) -> bool {
        let members = match module.types.get(&self.pointee) {
            Some(Type::Struct { members }) => members.len() as u32,
            _ => 0,
        };
        let member = |at| module.member(self.pointee, at, Decoration::NonWritable).is_some();
        module.decoration(self.id, Decoration::NonWritable).is_some()
            || members > 0 && (0..members).all(member)
    }

    /// What it is called; a block without a name of its own goes by its type's.
    fn name(&self, module: &Module<'_>) -> String {
        let named = module.named(self.id).or_else(|| module.named(self.pointee));
        named.cloned().unwrap_or_else(|| module.name(self.id))
    }

    fn layout(&self, module: &Module<'_>) -> Option<Layout> {
        match self.class {
            StorageClass::StorageBuffer | StorageClass::Uniform => layout(module, self.pointee),
            _ => None,
        }
    }
}

/// How the numbers of a block lie; `None` where it has something that is no number.
fn layout(module: &Module<'_>, ty: Id) -> Option<Layout> {
    let Type::Struct { members } = module.types.get(&ty)? else { return None };
    let (&last, before) = members.split_last()?;
    let offset = |at: usize| module.member(ty, at as u32, Decoration::Offset).map(u64::from);
    if let Type::RuntimeArray { element } = *module.types.get(&last)? {
        let placed = (0..before.len()).map(|at| Some((offset(at)?, member(module, ty, at)?)));
        let fixed = Numbers::Members(placed.collect::<Option<_>>()?);
        let stride = module.decoration(last, Decoration::ArrayStride)?.into();
        let tail = Tail { offset: offset(before.len())?, stride, element: shape(module, element)? };
        return Some(Layout::new(fixed, tail.offset + stride, Some(tail)));
    }
    Some(Layout::new(shape(module, ty)?, bytes(module, ty).ok()?, None))
}

/// A member of a structure.
fn member(module: &Module<'_>, ty: Id, at: usize) -> Option<Numbers> {
    let Type::Struct { members } = module.types.get(&ty)? else { return None };
    let of = members[at];
    let Type::Matrix { column, columns } = *module.types.get(&of)? else {
        return shape(module, of);
    };
    // The components of a column lie together, or those of a row do.
    let stride = u64::from(module.member(ty, at as u32, Decoration::MatrixStride)?);
    let Type::Vector { component, count } = *module.types.get(&column)? else { return None };
    let number = number(module, component)?;
    let rows = module.member(ty, at as u32, Decoration::RowMajor).is_some();
    let (vectors, count) = if rows { (count, columns) } else { (columns, count) };
    let of = vector(number, count);
    Some(Numbers::Repeat { count: vectors.into(), stride, of: Box::new(of) })
}

fn shape(module: &Module<'_>, ty: Id) -> Option<Numbers> {
    match module.types.get(&ty)? {
        Type::Int { .. } | Type::Float { .. } => Some(Numbers::Scalar(number(module, ty)?)),
        &Type::Vector { component, count } => Some(vector(number(module, component)?, count)),
        &Type::Array { element, length } => {
            let stride = module.decoration(ty, Decoration::ArrayStride)?.into();
            let count = module.constant(length).ok()?;
            Some(Numbers::Repeat { count, stride, of: Box::new(shape(module, element)?) })
        }
        Type::Struct { members } => {
            let placed = (0..members.len()).map(|at| {
                let offset = module.member(ty, at as u32, Decoration::Offset)?;
                Some((offset.into(), member(module, ty, at)?))
            });
            placed.collect::<Option<_>>().map(Numbers::Members)
        }
        Type::Void
        | Type::Bool
        | Type::Matrix { .. }
        | Type::RuntimeArray { .. }
        | Type::Pointer { .. }
        | Type::Cooperative { .. }
        | Type::Other(_) => None,
    }
}

fn vector(number: Number, count: u32) -> Numbers {
    let stride = number.width.into();
    Numbers::Repeat { count: count.into(), stride, of: Box::new(Numbers::Scalar(number)) }
}

fn number(module: &Module<'_>, ty: Id) -> Option<Number> {
    let (kind, width) = match *module.types.get(&ty)? {
        Type::Int { width, signed: true } => (NumberKind::Signed, width),
        Type::Int { width, signed: false } => (NumberKind::Unsigned, width),
        Type::Float { width, encoding: None } => (NumberKind::Float, width),
        _ => return None,
    };
    Some(Number { kind, width: (width / 8) as u8 })
}
