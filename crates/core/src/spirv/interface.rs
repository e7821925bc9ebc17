//! What a module asks of its host: the resources that an entry point uses, its push constants, and the capabilities that
//! it declares. Knows variables and decorations; nothing of counting.

use std::collections::{BTreeMap, BTreeSet};

use rspirv::spirv::{Capability, Decoration, Op, StorageClass};

use super::{
    handles, layout,
    memory::bytes,
    module::{Module, Type},
    nesting,
    words::Id,
};
use crate::kernel::{Layout, Resource, ResourceKind};

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
    /// Where several buffers, textures or samplers stand as an array, or a texture or a sampler shares a binding with
    /// another variable; there is no layout.
    pub arrays: BTreeSet<(u32, u32)>,
    /// What each of its textures and samplers is, by descriptor set and binding. Textures of a kind that naga has no name
    /// for are not among them: storage textures that state no format, and texels of a buffer.
    pub handles: BTreeMap<(u32, u32), naga::TypeInner>,
    /// Its samplers through which textures of integers may be read.
    pub integer_samplers: BTreeSet<(u32, u32)>,
    /// Bytes of the block of push constants that it uses; 0 where it uses none.
    pub immediate_bytes: u64,
    /// What that block is called, empty where it has no name, and how its numbers lie; `None` where there is none, or
    /// where something in it is no number.
    pub immediates: Option<(String, Layout)>,
    /// Bytes of workgroup memory that it declares.
    pub workgroup_bytes: u64,
    /// How deep its control flow stands within itself once calls are inlined; an adapter that keeps fewer execution
    /// masks apart ([`Limits::nesting`](crate::device::Limits::nesting)) may lose track of it.
    pub nesting: u32,
    /// What the module declares that it needs.
    pub capabilities: Vec<Capability>,
    /// The types of its buffers, by descriptor set and binding.
    pub(super) blocks: BTreeMap<(u32, u32), Id>,
    /// The type of its block of push constants.
    pub(super) immediate_block: Option<Id>,
}

/// The interface of an entry point.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>, entry: Id) -> Result<Interface, String> {
    let mut used = BTreeSet::new();
    for function in module.reachable(entry)? {
        for instruction in &module.instructions[function.range.clone()] {
            instruction.each_use(|id| {
                used.insert(id);
            });
        }
    }
    let mut variables: BTreeMap<(u32, u32), Vec<Variable>> = BTreeMap::new();
    let (mut immediates, mut workgroup_bytes) = (None, 0);
    for id in used {
        let Some(definition) = module.definition(id).filter(|its| its.is(Op::Variable)) else {
            continue;
        };
        let class = StorageClass::from_u32(definition.operands()[0]);
        let Type::Pointer { pointee, .. } = *module.ty(module.value_type(id)?)? else {
            return Err(format!("the variable %{id} is no pointer"));
        };
        match class {
            Some(StorageClass::PushConstant) => immediates = Some((id, pointee)),
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
    let (mut layouts, mut blocks, mut arrays) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let (mut handles, mut integer_samplers) = (BTreeMap::new(), BTreeSet::new());
    let mut resources = Vec::new();
    for ((group, binding), variables) in variables {
        let kinds: Vec<ResourceKind> = variables.iter().map(|its| its.kind(module)).collect();
        let shares = variables.len() > 1 && kinds.contains(&ResourceKind::Opaque);
        let writable = ResourceKind::Storage { writable: true };
        let kind = match shares {
            true => ResourceKind::Opaque,
            false if kinds.contains(&writable) => writable,
            false => kinds[0].clone(),
        };
        let name = variables[0].name(module);
        let buffers = variables.iter().filter(|_| !shares);
        let found = buffers.filter_map(|its| Some((its.pointee, its.layout(module)?)));
        // Of several views of one buffer, the one with the smallest elements says most of what it can hold.
        let least = found.min_by_key(|(_, layout)| layout.parts().1.map(|each| each.bytes));
        if let Some((block, layout)) = least {
            layouts.insert((group, binding), layout);
            blocks.insert((group, binding), block);
        }
        if shares || variables.iter().any(|its| its.is_array(module)) {
            arrays.insert((group, binding));
        }
        if let [variable] = &variables[..] {
            let handle = handles::of(module, variable.id, variable.pointee);
            handles.extend(handle.map(|handle| ((group, binding), handle)));
            if handles::reads_integers(module, variable.id) {
                integer_samplers.insert((group, binding));
            }
        }
        resources.push(Resource { name, group, binding, kind });
    }
    let immediate_block = immediates.map(|(_, block)| block);
    let immediate_bytes = immediate_block.map_or(Ok(0), |block| bytes(module, block))?;
    let immediates = immediates.and_then(|(id, block)| {
        let name = module.named(id).or_else(|| module.named(block)).cloned();
        Some((name.unwrap_or_default(), layout::of(module, block)?))
    });
    let declared = module.instructions.iter().filter(|its| its.is(Op::Capability));
    Ok(Interface {
        workgroup_size: module.workgroup(entry)?,
        resources,
        layouts,
        arrays,
        handles,
        integer_samplers,
        immediate_bytes,
        immediates,
        workgroup_bytes,
        nesting: nesting::of(module, entry)?,
        capabilities: declared.filter_map(|its| Capability::from_u32(its.operands()[0])).collect(),
        blocks,
        immediate_block,
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

    fn is_array(&self, module: &Module<'_>) -> bool {
        let pointee = module.types.get(&self.pointee);
        matches!(pointee, Some(Type::Array { .. } | Type::RuntimeArray { .. }))
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
            StorageClass::StorageBuffer | StorageClass::Uniform => layout::of(module, self.pointee),
            _ => None,
        }
    }
}
