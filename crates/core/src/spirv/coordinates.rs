//! A module that declares the types of coordinates that readers need where a texel's place has more components than its image
//! has extents: of such a place they take a vector, and look for the type of that. Knows nothing of readers.

use std::collections::BTreeSet;

use rspirv::spirv::{Dim, Op};

use super::{
    build::Builder,
    module::{Module, Type},
    words::{Id, Instruction},
};

/// All words of the module; `None` where none is missing.
pub(super) fn of(module: &Module<'_>) -> Option<Vec<u32>> {
    let needed = module.instructions.iter().filter_map(|it| needed(module, *it));
    let is_missing = |&(component, count): &(Id, u32)| {
        !module.types.values().any(|ty| *ty == Type::Vector { component, count })
    };
    let missing: BTreeSet<(Id, u32)> = needed.filter(is_missing).collect();
    if missing.is_empty() {
        return None;
    }
    let mut b = Builder::new(module);
    for (component, count) in missing {
        b.ty(Type::Vector { component, count });
    }
    b.code.extend(module.in_two().1.iter().flat_map(|it| it.words));
    Some(b.rewritten())
}

/// The vector of a texel's place in an image of several extents: what it is of, and how many.
fn needed(module: &Module<'_>, instruction: Instruction<'_>) -> Option<(Id, u32)> {
    const DIM: usize = 1;
    if !matches!(instruction.op()?, Op::ImageFetch | Op::ImageRead | Op::ImageWrite) {
        return None;
    }
    let [image, place, ..] = *instruction.operands() else { return None };
    let image =
        module.definition(*module.type_of.get(&image)?).filter(|it| it.is(Op::TypeImage))?;
    let count = match Dim::from_u32(*image.operands().get(DIM)?)? {
        Dim::Dim2D | Dim::DimRect => 2,
        Dim::Dim3D | Dim::DimCube => 3,
        Dim::Dim1D | Dim::DimBuffer | Dim::DimSubpassData | Dim::DimTileImageDataEXT => {
            return None;
        }
    };
    match *module.types.get(module.type_of.get(&place)?)? {
        Type::Vector { component, .. } => Some((component, count)),
        _ => None,
    }
}
