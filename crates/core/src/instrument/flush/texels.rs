//! Storing a workgroup's sums in a texture, where no storage buffer is left: without atomics, in texels of its own. Knows
//! where they are; the caller adds them up.

use naga::{
    BinaryOperator as Op, Block, Expression, GlobalVariable, Handle, ImageClass, ImageDimension,
    Module, Scalar, Span, Statement, StorageAccess, StorageFormat, Type, TypeInner, VectorSize,
};

use super::{Input, workgroup::halves};
use crate::{instrument::code::Code, table::Rows};

/// Columns of the texture, a power of two: the default limit that WebGPU has for the extent of a texture. A device in
/// compatibility mode may allow 4096 only.
pub const COLUMNS: u32 = 8192;

/// The types of what is stored and where.
#[derive(Clone, Copy)]
pub(super) struct Vectors {
    coordinate: Handle<Type>,
    texel: Handle<Type>,
}

impl Vectors {
    pub(super) fn new(module: &mut Module) -> Self {
        let mut insert = |size| {
            let inner = TypeInner::Vector { size, scalar: Scalar::U32 };
            module.types.insert(Type { name: None, inner }, Span::UNDEFINED)
        };
        Self { coordinate: insert(VectorSize::Bi), texel: insert(VectorSize::Quad) }
    }
}

/// The type of the texture.
pub(super) fn image(module: &mut Module) -> Handle<Type> {
    let class =
        ImageClass::Storage { format: StorageFormat::R32Uint, access: StorageAccess::STORE };
    let inner = TypeInner::Image { dim: ImageDimension::D2, arrayed: false, class };
    module.types.insert(Type { name: None, inner }, Span::UNDEFINED)
}

/// The first texel of the workgroup.
pub(super) fn place(
    code: &mut Code<'_>,
    group: &Input,
    groups: Handle<Expression>,
    rows: Rows,
) -> Handle<Expression> {
    let base = group.read(code);
    let [x, y, z] = [0, 1, 2].map(|index| code.emit(Expression::AccessIndex { base, index }));
    let [width, height] =
        [0, 1].map(|index| code.emit(Expression::AccessIndex { base: groups, index }));
    let planes = code.binary(Op::Multiply, z, height);
    let lines = code.binary(Op::Add, planes, y);
    let before = code.binary(Op::Multiply, lines, width);
    let number = code.binary(Op::Add, before, x);
    code.binary_number(Op::Multiply, number, 2 * rows.counters)
}

/// Stores the sums. The invocation of `index` stores counters `index`, `index + size`, and so on.
pub(super) fn store(
    code: &mut Code<'_>,
    vectors: Vectors,
    (sums, texture): (Handle<GlobalVariable>, Handle<GlobalVariable>),
    place: Handle<Expression>,
    (index, size): (Handle<Expression>, u32),
    rows: Rows,
) {
    for from in (0..rows.counters).step_by(size as usize) {
        let row = code.binary_number(Op::Add, index, from);
        let condition = code.binary_number(Op::Less, row, rows.counters);
        let accept = code.inside(|code| {
            let low_limb = code.binary_number(Op::Multiply, row, 2);
            let high_limb = code.binary_number(Op::Add, low_limb, 1);
            let halves = halves(code, sums, low_limb, high_limb);
            for (limb, value) in [low_limb, high_limb].into_iter().zip(halves) {
                let texel = code.binary(Op::Add, place, limb);
                let column = code.binary_number(Op::And, texel, COLUMNS - 1);
                let line = code.binary_number(Op::ShiftRight, texel, COLUMNS.ilog2());
                let zero = code.number(0);
                let mut vector = |ty, components| code.emit(Expression::Compose { ty, components });
                let coordinate = vector(vectors.coordinate, vec![column, line]);
                let value = vector(vectors.texel, vec![value, zero, zero, zero]);
                let image = code.global(texture);
                let array_index = None;
                code.statement(Statement::ImageStore { image, coordinate, array_index, value });
            }
        });
        code.statement(Statement::If { condition, accept, reject: Block::new() });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::{
        device::Limits,
        instrument::{CounterBinding, instrument, instrument_into_texture},
        kernel::KernelModule,
    };

    fn greedy() -> KernelModule {
        let buffers = (0..Limits::WEBGPU.storage_bindings).map(|at| {
            format!("@group(0) @binding({at}) var<storage, read_write> x{at}: array<f32>;\n")
        });
        let source = buffers.collect::<String>()
            + "@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
                x0[i] = x1[i] + x2[i] + x3[i] + x4[i] + x5[i] + x6[i] + x7[i];
            }";
        KernelModule::from_wgsl("greedy", &source, "main", &BTreeMap::new()).unwrap()
    }

    #[test]
    fn a_kernel_with_every_storage_binding_counts_in_a_texture() {
        let (kernel, limits) = (greedy(), Limits::WEBGPU);
        let refused = instrument(&kernel, &limits).unwrap_err().to_string();
        assert!(refused.contains("allows 8 storage bindings"), "{refused}");
        let counting = instrument_into_texture(&kernel, &limits, None).unwrap();
        assert_eq!(counting.counters, CounterBinding { group: 1, binding: 0 });
        assert_eq!(counting.kernel.resources.len(), kernel.resources.len() + 1);
        let taken = CounterBinding { group: 0, binding: 7 };
        let refused = instrument_into_texture(&kernel, &limits, Some(taken)).unwrap_err();
        assert!(refused.to_string().contains("it uses binding 0.7"), "{refused}");
    }

    #[test]
    fn sums_need_workgroup_memory() {
        let limits = Limits { workgroup_bytes: 4, ..Limits::WEBGPU };
        let refused = instrument_into_texture(&greedy(), &limits, None).unwrap_err().to_string();
        assert!(refused.contains("leaves 4 bytes of workgroup memory for 1 counters"), "{refused}");
    }
}
