//! Cooperative matrices, in modules by hand: what the invocations of a subgroup or of a workgroup pay for together, and
//! what functions cost that are applied to elements.

use std::collections::{BTreeMap, HashMap};

use flopmeter_core::{
    device::Limits,
    instrument::instrument,
    kernel::KernelModule,
    op::{Op, OpCounts, Scalar},
    read::Parsed,
};
use rspirv::{
    dr::{Builder, InsertPoint, Instruction, Operand},
    spirv::*,
};

use crate::hand::{cost, module_of};

const WORKGROUP: u32 = 64;
const SUBGROUP: u32 = Scope::Subgroup as u32;

/// A type of matrices.
fn matrix(b: &mut Builder, scalar: u32, scope: u32, extent: [u32; 2], used: u32) -> u32 {
    let uint = b.type_int(32, 0);
    let [scope, rows, columns, used] =
        [scope, extent[0], extent[1], used].map(|n| b.constant_bit32(uint, n));
    b.type_cooperative_matrix_khr(scalar, scope, rows, columns, used)
}

/// A product of matrices of M x K and K x N, with N a specialisation constant of 8.
pub fn product(scope: u32) -> Vec<u32> {
    module_of(
        WORKGROUP,
        |_| (),
        |b, ()| {
            let (half, float, uint) =
                (b.type_float(16, None), b.type_float(32, None), b.type_int(32, 0));
            let [scope, m, k] = [scope, 16, 32].map(|n| b.constant_bit32(uint, n));
            let n = b.spec_constant_bit32(uint, 8);
            b.decorate(n, Decoration::SpecId, [Operand::LiteralBit32(4)]);
            let uses = [0, 1, 2].map(|n| b.constant_bit32(uint, n));
            let a = b.type_cooperative_matrix_khr(half, scope, m, k, uses[0]);
            let other = b.type_cooperative_matrix_khr(half, scope, k, n, uses[1]);
            let sum = b.type_cooperative_matrix_khr(float, scope, m, n, uses[2]);
            let [a, other, c] = [a, other, sum].map(|ty| b.undef(ty, None));
            let c = b.cooperative_matrix_mul_add_khr(sum, None, a, other, c, None).unwrap();
            b.f_negate(sum, None, c).unwrap();
        },
    )
}

/// What so many of those products of M x K and K x N cost.
fn products(times: u64, n: u64) -> OpCounts {
    OpCounts::of(Scalar::F16, Op::Mul, 16 * 32 * n * times)
        .with(Scalar::F32, Op::Add, 16 * 32 * n * times)
        .with(Scalar::F32, Op::Neg, 16 * n * times)
}

#[test]
fn a_matrix_is_its_subgroups_together() {
    let words = product(SUBGROUP);
    for (given, n) in [(HashMap::new(), 8), (HashMap::from([(4, 64)]), 64)] {
        // However few elements an invocation has of it.
        for lanes in [1, 8, 32] {
            let (cost, dead) = cost(&words, &given, Some(lanes)).unwrap();
            assert_eq!(cost.ops, products((WORKGROUP / lanes).into(), n));
            assert_eq!(dead, cost, "nobody uses the negated product");
        }
    }
    let unknown = cost(&words, &HashMap::new(), None).unwrap_err();
    assert!(unknown.to_string().contains("how many invocations share"), "{unknown}");
    let uneven = cost(&words, &HashMap::new(), Some(48)).unwrap_err();
    assert!(uneven.to_string().contains("64 invocations came to what 48 do together"), "{uneven}");
}

/// What naga writes of a kernel costs what its IR does.
#[test]
fn a_matrix_of_wgsl_costs_what_it_does_as_spirv() {
    for (n, of, scalar) in [(8, "f32", Scalar::F32), (16, "f16", Scalar::F16)] {
        let text = format!(
            "enable wgpu_cooperative_matrix;
            enable f16;
            @group(0) @binding(0) var<storage, read> a: array<{of}>;
            @group(0) @binding(1) var<storage, read_write> c: array<f32>;
            @compute @workgroup_size({WORKGROUP}) fn main() {{
                let x = coopLoad<coop_mat{n}x{n}<{of}, A>>(&a[0]);
                let y = coopLoadT<coop_mat{n}x{n}<{of}, B>>(&a[{n}], 32);
                var z = coopLoad<coop_mat{n}x{n}<f32, C>>(&c[0]);
                z = coopMultiplyAdd(x, y, z) * 0.5;
                coopStoreT(z + z - z, &c[0], 20u);
            }}"
        );
        let parsed = Parsed::wgsl("matrices", &text).unwrap();
        let kernel = KernelModule::from_parsed(&parsed, "main", &BTreeMap::new()).unwrap();
        let options = naga::back::spv::Options::default();
        let words =
            naga::back::spv::write_vec(&kernel.module, &kernel.info, &options, None).unwrap();
        for lanes in [4, 32] {
            let limits = Limits { subgroup_lanes: Some(lanes), ..Limits::WEBGPU };
            let table = instrument(&kernel, &limits).unwrap().table;
            let mut counters = vec![0; table.bytes() as usize];
            counters[..8].copy_from_slice(&u64::from(WORKGROUP).to_le_bytes());
            let executions = table.decode(&counters, u64::from(WORKGROUP)).unwrap();
            let of_wgsl = table.cost(&executions);
            let times = u64::from(WORKGROUP / lanes);
            let wanted = OpCounts::of(scalar, Op::Mul, n * n * n * times)
                .with(Scalar::F32, Op::Add, (n * n * n + 2 * n * n) * times)
                .with(Scalar::F32, Op::Mul, n * n * times);
            assert_eq!(of_wgsl.ops, wanted);
            assert_eq!(of_wgsl, cost(&words, &HashMap::new(), Some(lanes)).unwrap().0);
        }
        let unknown = instrument(&kernel, &Limits::WEBGPU).unwrap_err();
        assert!(unknown.to_string().contains("how many invocations share it"), "{unknown}");
    }
}

#[test]
fn a_matrix_is_its_workgroups_together() {
    let words = product(Scope::Workgroup as u32);
    for subgroup in [None, Some(32), Some(48)] {
        assert_eq!(cost(&words, &HashMap::new(), subgroup).unwrap().0.ops, products(1, 8));
    }
    let words = product(Scope::QueueFamily as u32);
    let refused = cost(&words, &HashMap::new(), Some(32)).unwrap_err();
    assert!(refused.to_string().contains("QueueFamily"), "{refused}");
}

/// A function of an element and its place, of which `write` writes the body.
fn of_element(b: &mut Builder, write: impl FnOnce(&mut Builder, u32, u32) -> u32) -> u32 {
    let (half, uint) = (b.type_float(16, None), b.type_int(32, 0));
    let ty = b.type_function(half, [uint, uint, half]);
    let function = b.begin_function(half, None, FunctionControl::NONE, ty).unwrap();
    let row = b.function_parameter(uint).unwrap();
    b.function_parameter(uint).unwrap();
    let element = b.function_parameter(half).unwrap();
    b.begin_block(None).unwrap();
    let result = write(b, row, element);
    b.ret_value(result).unwrap();
    b.end_function().unwrap();
    function
}

/// A choice by the row between what `arms` make of the element.
fn choice(b: &mut Builder, row: u32, element: u32, arms: [fn(&mut Builder, u32) -> u32; 2]) -> u32 {
    let (boolean, half) = (b.type_bool(), b.type_float(16, None));
    let first = b.i_equal(boolean, None, row, row).unwrap();
    let (labels, merge) = ([b.id(), b.id()], b.id());
    b.selection_merge(merge, SelectionControl::NONE).unwrap();
    b.branch_conditional(first, labels[0], labels[1], []).unwrap();
    let made = [0, 1].map(|arm| {
        b.begin_block(Some(labels[arm])).unwrap();
        let made = arms[arm](b, element);
        b.branch(merge).unwrap();
        (made, labels[arm])
    });
    b.begin_block(Some(merge)).unwrap();
    b.phi(half, None, made).unwrap()
}

fn negated(b: &mut Builder, element: u32) -> u32 {
    let half = b.type_float(16, None);
    b.f_negate(half, None, element).unwrap()
}

fn doubly_negated(b: &mut Builder, element: u32) -> u32 {
    let element = negated(b, element);
    negated(b, element)
}

/// A function that is applied to each element of 16 x 24.
fn applied(write: impl FnOnce(&mut Builder, u32, u32) -> u32) -> Vec<u32> {
    module_of(
        WORKGROUP,
        |b| of_element(b, write),
        |b, function| {
            let half = b.type_float(16, None);
            let ty = matrix(b, half, Scope::Workgroup as u32, [16, 24], 2);
            let value = b.undef(ty, None);
            let op = rspirv::spirv::Op::CooperativeMatrixPerElementOpNV;
            let (result, operands) = (b.id(), [value, function].map(Operand::IdRef).to_vec());
            let applied = Instruction::new(op, Some(ty), Some(result), operands);
            b.insert_into_block(InsertPoint::End, applied).unwrap();
        },
    )
}

#[test]
fn a_function_is_paid_for_by_each_element() {
    let words = applied(|b, _, element| doubly_negated(b, element));
    let cost_of = |words: &[u32]| cost(words, &HashMap::new(), Some(32));
    let expected = OpCounts::of(Scalar::F16, Op::Neg, 2 * 16 * 24);
    assert_eq!(cost_of(&words).unwrap().0.ops, expected);
    // It does not matter which way an element goes where all ways cost the same.
    let words = applied(|b, row, element| choice(b, row, element, [negated, negated]));
    let compared = OpCounts::of(Scalar::Int, Op::Compare, 16 * 24);
    assert_eq!(cost_of(&words).unwrap().0.ops, compared.with(Scalar::F16, Op::Neg, 16 * 24));
    let words = applied(|b, row, element| choice(b, row, element, [negated, doubly_negated]));
    let refused = cost_of(&words).unwrap_err();
    assert!(refused.to_string().contains("cost differently"), "{refused}");
}

#[test]
fn a_reduction_is_paid_for_by_its_joints() {
    let (row, column) = (CooperativeMatrixReduce::ROW, CooperativeMatrixReduce::COLUMN);
    for (kind, joints) in [
        (row, 16 * 23),
        (column, 24 * 15),
        (row | column, 16 * 24 - 1),
        (CooperativeMatrixReduce::_2X2, 8 * 12 * 3),
    ] {
        let sum = |b: &mut Builder| {
            let half = b.type_float(16, None);
            let ty = b.type_function(half, [half, half]);
            let function = b.begin_function(half, None, FunctionControl::NONE, ty).unwrap();
            let [one, other] = [0, 1].map(|_| b.function_parameter(half).unwrap());
            b.begin_block(None).unwrap();
            let sum = b.f_add(half, None, one, other).unwrap();
            b.ret_value(sum).unwrap();
            b.end_function().unwrap();
            function
        };
        let words = module_of(WORKGROUP, sum, |b, function| {
            let half = b.type_float(16, None);
            let ty = matrix(b, half, SUBGROUP, [16, 24], 2);
            let value = b.undef(ty, None);
            b.cooperative_matrix_reduce_nv(ty, None, value, kind, function).unwrap();
        });
        let (cost, _) = cost(&words, &HashMap::new(), Some(32)).unwrap();
        assert_eq!(cost.ops, OpCounts::of(Scalar::F16, Op::Add, 2 * joints), "{kind:?}");
    }
}

/// A matrix of 16 x 24 whose elements a function decodes, and one that is loaded and stored as it is.
pub fn decoded() -> Vec<u32> {
    let pointer = |b: &mut Builder| {
        let half = b.type_float(16, None);
        b.type_pointer(None, StorageClass::StorageBuffer, half)
    };
    let decoder = |b: &mut Builder| {
        let (half, pointer) = (b.type_float(16, None), pointer(b));
        let ty = b.type_function(half, [pointer]);
        let function = b.begin_function(half, None, FunctionControl::NONE, ty).unwrap();
        let place = b.function_parameter(pointer).unwrap();
        b.begin_block(None).unwrap();
        let scale = b.load(half, None, place, None, []).unwrap();
        let weight = b.load(half, None, place, None, []).unwrap();
        let product = b.f_mul(half, None, scale, weight).unwrap();
        b.ret_value(product).unwrap();
        b.end_function().unwrap();
        function
    };
    module_of(WORKGROUP, decoder, |b, function| {
        let (half, uint, pointer) = (b.type_float(16, None), b.type_int(32, 0), pointer(b));
        let ty = matrix(b, half, Scope::Workgroup as u32, [16, 24], 0);
        let [two, zero] = [2, 0].map(|n| b.constant_bit32(uint, n));
        let layout = b.type_tensor_layout_nv(two, zero);
        let layout = b.create_tensor_layout_nv(layout, None).unwrap();
        let (place, value) = (b.undef(pointer, None), b.undef(ty, None));
        for (how, operands) in [
            (TensorAddressingOperands::NONE, vec![]),
            (
                TensorAddressingOperands::TENSOR_VIEW | TensorAddressingOperands::DECODE_FUNC,
                [value, function].map(Operand::IdRef).to_vec(),
            ),
        ] {
            let none = MemoryAccess::NONE;
            b.cooperative_matrix_load_tensor_nv(
                ty, None, place, value, layout, none, how, operands,
            )
            .unwrap();
        }
        let (memory, tensor) = (MemoryAccess::NONE, TensorAddressingOperands::NONE);
        b.cooperative_matrix_store_tensor_nv(place, value, layout, memory, tensor, []).unwrap();
    })
}

#[test]
fn a_load_of_a_tensor_moves_what_its_decoder_loads() {
    let (cost, _) = cost(&decoded(), &HashMap::new(), None).unwrap();
    let elements = 16 * 24;
    assert_eq!(cost.ops, OpCounts::of(Scalar::F16, Op::Mul, elements));
    assert_eq!(cost.traffic.storage_load, elements * 2 + elements * 4);
    assert_eq!(cost.traffic.storage_store, elements * 2);
}
