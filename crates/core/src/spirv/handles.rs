//! What the textures and samplers of a module are, in the terms of naga, by which executors bind them. Knows types and
//! what is done with them; nothing of what texels cost.

use std::collections::BTreeSet;

use naga::{
    ImageClass, ImageDimension, ScalarKind, StorageAccess, StorageFormat, TypeInner,
    common::wgsl::TypeContext as _,
};
use rspirv::spirv::{Decoration, Dim, ImageFormat, Op};

use super::{
    module::{Module, Type},
    words::Id,
};

/// What a variable of this type is bound to; `None` where it is neither a texture nor a sampler, or a texture of a kind
/// that naga has no name for.
pub(super) fn of(module: &Module<'_>, variable: Id, ty: Id) -> Option<TypeInner> {
    let definition = module.definition(ty)?;
    match (definition.op()?, definition.operands()) {
        (Op::TypeSampler, _) => Some(TypeInner::Sampler { comparison: false }),
        (Op::TypeImage, &[texel, dim, depth, arrayed, multi, sampled, format, ..]) => {
            let dim = match Dim::from_u32(dim)? {
                Dim::Dim1D => ImageDimension::D1,
                Dim::Dim2D => ImageDimension::D2,
                Dim::Dim3D => ImageDimension::D3,
                Dim::DimCube => ImageDimension::Cube,
                Dim::DimRect | Dim::DimBuffer | Dim::DimSubpassData | Dim::DimTileImageDataEXT => {
                    return None;
                }
            };
            let multi = multi != 0;
            let class = match (sampled, depth) {
                (STORAGE, _) => ImageClass::Storage {
                    format: storage(ImageFormat::from_u32(format)?)?,
                    access: access(module, variable),
                },
                (_, COMPARED) => ImageClass::Depth { multi },
                // What is done with it goes, where its type leaves that open.
                _ if is_compared(module, variable) => ImageClass::Depth { multi },
                _ => ImageClass::Sampled { kind: kind(module, texel)?, multi },
            };
            Some(TypeInner::Image { dim, arrayed: arrayed != 0, class })
        }
        _ => None,
    }
}

/// What it is, as WGSL has it.
pub(super) fn spelled(handle: &TypeInner) -> String {
    let mut module = naga::Module::default();
    let ty = naga::Type { name: None, inner: handle.clone() };
    let ty = module.types.insert(ty, naga::Span::UNDEFINED);
    module.to_ctx().type_to_string(ty)
}

/// The type of the images of a value of combined ones.
pub(super) fn sampled_image(module: &Module<'_>, value: Id) -> Option<Id> {
    let ty = module.definition(*module.type_of.get(&value)?)?;
    ty.is(Op::TypeSampledImage).then(|| ty.operands()[0])
}

/// Whether texels of an image are compared with a depth.
fn is_compared(module: &Module<'_>, variable: Id) -> bool {
    module.instructions.iter().any(|it| {
        let compares = matches!(
            it.op(),
            Some(
                Op::ImageSampleDrefImplicitLod
                    | Op::ImageSampleDrefExplicitLod
                    | Op::ImageSampleProjDrefImplicitLod
                    | Op::ImageSampleProjDrefExplicitLod
                    | Op::ImageDrefGather
            )
        );
        let both = it.operands().first().filter(|_| compares);
        let both = both.and_then(|both| module.definition(*both));
        let image = both.filter(|it| it.is(Op::SampledImage)).map(|it| it.operands()[0]);
        image.is_some_and(|image| is_loaded_from(module, image, variable))
    })
}

/// Whether a value may have been loaded from a variable.
fn is_loaded_from(module: &Module<'_>, value: Id, variable: Id) -> bool {
    let load = module.definition(value).filter(|it| it.is(Op::Load));
    load.is_some_and(|load| variables(module, load.operands()[0]).contains(&variable))
}

/// Whether textures of integers are read through this sampler.
pub(super) fn reads_integers(module: &Module<'_>, sampler: Id) -> bool {
    module.instructions.iter().filter(|it| it.is(Op::SampledImage)).any(|it| {
        let [image, through] = it.operands()[..] else { return false };
        let ty = module.type_of.get(&image).and_then(|ty| module.definition(*ty));
        let texel = ty.and_then(|ty| ty.operands().first().copied());
        let kind = texel.and_then(|texel| kind(module, texel));
        kind.is_some_and(|kind| kind != ScalarKind::Float)
            && is_loaded_from(module, through, sampler)
    })
}

/// The variables that a pointer may be: a parameter is what any call gives it.
fn variables(module: &Module<'_>, pointer: Id) -> BTreeSet<Id> {
    let (mut found, mut left, mut seen) = (BTreeSet::new(), vec![pointer], BTreeSet::new());
    while let Some(pointer) = left.pop() {
        if !seen.insert(pointer) {
            continue;
        }
        if module.definition(pointer).is_some_and(|it| it.is(Op::Variable)) {
            found.insert(pointer);
            continue;
        }
        let parameter = module.functions.iter().find_map(|function| {
            let its = module.instructions[function.range.clone()].iter();
            let mut parameters = its.filter(|it| it.is(Op::FunctionParameter));
            Some((function.id, parameters.position(|it| it.result() == Some(pointer))?))
        });
        let Some((function, at)) = parameter else { continue };
        let calls = module.instructions.iter().filter(|it| it.is(Op::FunctionCall));
        let calls = calls.filter(|call| call.operands()[0] == function);
        left.extend(calls.filter_map(|call| call.operands().get(1 + at).copied()));
    }
    found
}

/// An image that is read and written without a sampler.
const STORAGE: u32 = 2;

/// An image of depths.
const COMPARED: u32 = 1;

fn kind(module: &Module<'_>, texel: Id) -> Option<ScalarKind> {
    match *module.types.get(&texel)? {
        Type::Float { width: 32, encoding: None } => Some(ScalarKind::Float),
        Type::Int { width: 32, signed: true } => Some(ScalarKind::Sint),
        Type::Int { width: 32, signed: false } => Some(ScalarKind::Uint),
        _ => None,
    }
}

/// What the module does with an image, as far as its variable allows it.
fn access(module: &Module<'_>, variable: Id) -> StorageAccess {
    let does = |op: Op| {
        let mut touching = module.instructions.iter().filter(|it| it.is(op));
        touching.any(|it| is_loaded_from(module, it.operands()[0], variable))
    };
    // Pointers to texels are for atomics.
    let mut pointers = module.instructions.iter().filter(|it| it.is(Op::ImageTexelPointer));
    let has_atomics = pointers.any(|it| variables(module, it.operands()[0]).contains(&variable));
    let lacks = |what| module.decoration(variable, what).is_some();
    let mut access = StorageAccess::empty();
    access.set(StorageAccess::LOAD, does(Op::ImageRead) && !lacks(Decoration::NonReadable));
    access.set(StorageAccess::STORE, does(Op::ImageWrite) && !lacks(Decoration::NonWritable));
    if has_atomics {
        access |= StorageAccess::ATOMIC | StorageAccess::LOAD | StorageAccess::STORE;
    }
    // One whose size is asked for and nothing else.
    if access.is_empty() { StorageAccess::LOAD } else { access }
}

/// The formats that storage textures have by both names; `None` of those that have no name in naga, and where none is
/// stated.
fn storage(format: ImageFormat) -> Option<StorageFormat> {
    use ImageFormat as Spirv;
    use StorageFormat as Naga;
    Some(match format {
        Spirv::Unknown => return None,
        Spirv::Rgba32f => Naga::Rgba32Float,
        Spirv::Rgba16f => Naga::Rgba16Float,
        Spirv::R32f => Naga::R32Float,
        Spirv::Rgba8 => Naga::Rgba8Unorm,
        Spirv::Rgba8Snorm => Naga::Rgba8Snorm,
        Spirv::Rg32f => Naga::Rg32Float,
        Spirv::Rg16f => Naga::Rg16Float,
        Spirv::R11fG11fB10f => Naga::Rg11b10Ufloat,
        Spirv::R16f => Naga::R16Float,
        Spirv::Rgba16 => Naga::Rgba16Unorm,
        Spirv::Rgb10A2 => Naga::Rgb10a2Unorm,
        Spirv::Rg16 => Naga::Rg16Unorm,
        Spirv::Rg8 => Naga::Rg8Unorm,
        Spirv::R16 => Naga::R16Unorm,
        Spirv::R8 => Naga::R8Unorm,
        Spirv::Rgba16Snorm => Naga::Rgba16Snorm,
        Spirv::Rg16Snorm => Naga::Rg16Snorm,
        Spirv::Rg8Snorm => Naga::Rg8Snorm,
        Spirv::R16Snorm => Naga::R16Snorm,
        Spirv::R8Snorm => Naga::R8Snorm,
        Spirv::Rgba32i => Naga::Rgba32Sint,
        Spirv::Rgba16i => Naga::Rgba16Sint,
        Spirv::Rgba8i => Naga::Rgba8Sint,
        Spirv::R32i => Naga::R32Sint,
        Spirv::Rg32i => Naga::Rg32Sint,
        Spirv::Rg16i => Naga::Rg16Sint,
        Spirv::Rg8i => Naga::Rg8Sint,
        Spirv::R16i => Naga::R16Sint,
        Spirv::R8i => Naga::R8Sint,
        Spirv::Rgba32ui => Naga::Rgba32Uint,
        Spirv::Rgba16ui => Naga::Rgba16Uint,
        Spirv::Rgba8ui => Naga::Rgba8Uint,
        Spirv::R32ui => Naga::R32Uint,
        Spirv::Rgb10a2ui => Naga::Rgb10a2Uint,
        Spirv::Rg32ui => Naga::Rg32Uint,
        Spirv::Rg16ui => Naga::Rg16Uint,
        Spirv::Rg8ui => Naga::Rg8Uint,
        Spirv::R16ui => Naga::R16Uint,
        Spirv::R8ui => Naga::R8Uint,
        Spirv::R64ui => Naga::R64Uint,
        // Atomics of 64 bits in textures are of unsigned ones.
        Spirv::R64i => return None,
    })
}
