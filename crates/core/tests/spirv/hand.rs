//! Modules by hand: what an instruction costs, what is dead, what is refused, and what is copied as it is.

use std::collections::HashMap;

use flopmeter_core::{
    Error,
    op::{Cost, Op, OpCounts, Scalar},
    spirv::{Specialization, SpirvKernel},
};
use rspirv::{
    binary::Assemble,
    dr::{Builder, Operand},
    spirv::*,
};

use crate::every_means;

/// A module whose only function has the body that `write` writes.
fn module(write: impl FnOnce(&mut Builder)) -> Vec<u32> {
    let mut b = Builder::new();
    b.set_version(1, 6);
    b.capability(Capability::Shader);
    b.memory_model(AddressingModel::Logical, MemoryModel::GLSL450);
    let void = b.type_void();
    let nothing = b.type_function(void, []);
    let main = b.begin_function(void, None, FunctionControl::NONE, nothing).unwrap();
    b.begin_block(None).unwrap();
    write(&mut b);
    b.ret().unwrap();
    b.end_function().unwrap();
    b.entry_point(ExecutionModel::GLCompute, main, "main", []);
    b.execution_mode(main, ExecutionMode::LocalSize, [1, 1, 1]);
    b.module().assemble()
}

/// What one invocation costs where nothing but its arrival is counted, and what of it is dead.
fn cost(
    words: &[u32],
    given: &Specialization,
    subgroup: Option<u32>,
) -> Result<(Cost, Cost), Error> {
    let kernel = SpirvKernel::read("hand", words, "main", given, subgroup)?;
    let table = kernel.table();
    let mut counters = vec![0; table.bytes() as usize];
    counters[0] = 1;
    let executions = table.decode(&counters, 1)?;
    Ok((table.cost(&executions), table.dead(&executions)))
}

fn ops(words: &[u32]) -> OpCounts {
    cost(words, &HashMap::new(), None).unwrap().0.ops
}

#[test]
fn small_floats_have_scalars_of_their_own() {
    for (width, encoding, scalar) in [
        (16, None, Scalar::F16),
        (16, Some(FPEncoding::BFloat16KHR), Scalar::Bf16),
        (8, Some(FPEncoding::Float8E4M3EXT), Scalar::F8),
        (8, Some(FPEncoding::Float8E5M2EXT), Scalar::F8),
        (64, None, Scalar::F64),
    ] {
        let words = module(|b| {
            let ty = b.type_float(width, encoding);
            let vector = b.type_vector(ty, 4);
            let value = b.undef(vector, None);
            b.f_add(vector, None, value, value).unwrap();
        });
        assert_eq!(ops(&words), OpCounts::of(scalar, Op::Add, 4));
    }
}

#[test]
fn integer_dot_products_multiply_and_add() {
    let words = module(|b| {
        let uint = b.type_int(32, 0);
        let packed = b.undef(uint, None);
        let format = PackedVectorFormat::PackedVectorFormat4x8Bit;
        b.u_dot(uint, None, packed, packed, Some(format)).unwrap();
        b.u_dot_acc_sat(uint, None, packed, packed, packed, Some(format)).unwrap();
    });
    let expected = OpCounts::of(Scalar::Int, Op::Mul, 8).with(Scalar::Int, Op::Add, 3 + 4);
    assert_eq!(ops(&words), expected);
}

/// A product of cooperative matrices of M x K and K x N, with N a specialisation constant of 8.
fn cooperative() -> Vec<u32> {
    module(|b| {
        let (half, float, uint) =
            (b.type_float(16, None), b.type_float(32, None), b.type_int(32, 0));
        let [scope, m, k] = [3, 16, 32].map(|n| b.constant_bit32(uint, n));
        let n = b.spec_constant_bit32(uint, 8);
        b.decorate(n, Decoration::SpecId, [Operand::LiteralBit32(4)]);
        let uses = [0, 1, 2].map(|n| b.constant_bit32(uint, n));
        let a = b.type_cooperative_matrix_khr(half, scope, m, k, uses[0]);
        let other = b.type_cooperative_matrix_khr(half, scope, k, n, uses[1]);
        let sum = b.type_cooperative_matrix_khr(float, scope, m, n, uses[2]);
        let [a, other, c] = [a, other, sum].map(|ty| b.undef(ty, None));
        let c = b.cooperative_matrix_mul_add_khr(sum, None, a, other, c, None).unwrap();
        b.f_negate(sum, None, c).unwrap();
    })
}

#[test]
fn a_cooperative_matrix_is_its_subgroups_together() {
    let words = cooperative();
    for (given, n) in [(HashMap::new(), 8), (HashMap::from([(4, 64)]), 64)] {
        for lanes in [8, 32] {
            let (cost, dead) = cost(&words, &given, Some(lanes)).unwrap();
            let expected = OpCounts::of(Scalar::F16, Op::Mul, 16 * 32 * n / u64::from(lanes))
                .with(Scalar::F32, Op::Add, 16 * 32 * n / u64::from(lanes))
                .with(Scalar::F32, Op::Neg, 16 * n / u64::from(lanes));
            assert_eq!(cost.ops, expected);
            assert_eq!(dead, cost, "nobody uses the negated product");
        }
    }
    let unknown = cost(&words, &HashMap::new(), None).unwrap_err();
    assert!(unknown.to_string().contains("how many invocations share"), "{unknown}");
    let uneven = cost(&words, &HashMap::new(), Some(48)).unwrap_err();
    assert!(uneven.to_string().contains("evenly"), "{uneven}");
}

#[test]
fn what_only_the_dead_use_is_dead() {
    let words = module(|b| {
        let float = b.type_float(32, None);
        let pointer = b.type_pointer(None, StorageClass::Function, float);
        let variable = b.variable(pointer, None, StorageClass::Function, None);
        let value = b.load(float, None, variable, None, []).unwrap();
        let used = b.f_add(float, None, value, value).unwrap();
        let product = b.f_mul(float, None, used, used).unwrap();
        let quotient = b.f_div(float, None, product, used).unwrap();
        b.f_negate(float, None, quotient).unwrap();
        b.store(variable, used, None, []).unwrap();
    });
    let (cost, dead) = cost(&words, &HashMap::new(), None).unwrap();
    let expected =
        OpCounts::f32(Op::Mul, 1).with(Scalar::F32, Op::Div, 1).with(Scalar::F32, Op::Neg, 1);
    assert_eq!(dead.ops, expected);
    assert_eq!(cost.ops, expected.with(Scalar::F32, Op::Add, 1));
}

/// An instruction that no grammar knows, before the last return; behind a branch on a constant that does not hold
/// where `skipped`.
fn unknown(skipped: bool) -> Vec<u32> {
    let mut words = module(|b| {
        if skipped {
            let boolean = b.type_bool();
            let holds = b.constant_false(boolean);
            let (then, merge) = (b.id(), b.id());
            b.selection_merge(merge, SelectionControl::NONE).unwrap();
            b.branch_conditional(holds, then, merge, []).unwrap();
            b.begin_block(Some(then)).unwrap();
            b.nop().unwrap();
            b.branch(merge).unwrap();
            b.begin_block(Some(merge)).unwrap();
        } else {
            b.nop().unwrap();
        }
    });
    let at = words.iter().rposition(|&word| word == 1 << 16).unwrap();
    words.splice(at..=at, [3 << 16 | 60_000, 77, 78]);
    words
}

#[test]
fn an_unknown_instruction_is_copied_and_refused_where_it_executes() {
    for skipped in [false, true] {
        let words = unknown(skipped);
        let kernel = SpirvKernel::read("hand", &words, "main", &HashMap::new(), None).unwrap();
        for means in every_means() {
            let counted = kernel.counting(&means).unwrap();
            assert!(counted.windows(3).any(|words| words == [3 << 16 | 60_000, 77, 78]));
        }
        let found = cost(&words, &HashMap::new(), None);
        if skipped {
            assert!(found.unwrap().0.is_zero());
        } else {
            assert!(found.unwrap_err().to_string().contains("60000 has no price"));
        }
    }
}

#[test]
fn what_is_known_and_has_no_price_is_refused_by_name() {
    let words = module(|b| {
        let float = b.type_float(32, None);
        let value = b.undef(float, None);
        b.d_pdx(float, None, value).unwrap();
    });
    let refused = cost(&words, &HashMap::new(), None).unwrap_err();
    assert!(refused.to_string().contains("OpDPdx has no price"), "{refused}");
}

#[test]
fn another_entry_point_is_asked_for_by_its_name() {
    let words = module(|_| {});
    let Err(missing) = SpirvKernel::read("hand", &words, "other", &HashMap::new(), None) else {
        panic!("there is no such entry point")
    };
    assert!(
        missing.to_string().contains("no compute entry point 'other'; it has [main]"),
        "{missing}"
    );
}

#[test]
fn broken_words_are_an_error() {
    let words = cooperative();
    for length in 0..words.len() {
        drop(SpirvKernel::read("hand", &words[..length], "main", &HashMap::new(), Some(8)));
    }
    // Every word once with other bits: an error or another module, but never the end of the process.
    for at in 0..words.len() {
        for bits in [1, 1 << 16, u32::MAX] {
            let mut spoiled = words.clone();
            spoiled[at] ^= bits;
            let kernel = SpirvKernel::read("hand", &spoiled, "main", &HashMap::new(), Some(8));
            if let Ok(kernel) = kernel {
                drop(kernel.counting(&every_means()[0]));
            }
        }
    }
}
