//! Modules by hand: what an instruction costs, what is dead, what is refused, and what is copied as it is.

use std::collections::HashMap;

use flopmeter_core::{
    Error,
    op::{Cost, Op, OpCounts, Scalar},
    spirv::{Specialization, SpirvKernel},
};
use rspirv::{binary::Assemble, dr::Builder, spirv::*};

use crate::{every_means, matrices};

/// A module whose entry point has the body that `write` writes.
fn module(write: impl FnOnce(&mut Builder)) -> Vec<u32> {
    module_of(1, |_| (), |b, ()| write(b))
}

/// A module of so many invocations in a workgroup, with what `before` writes before its entry point.
pub fn module_of<T>(
    workgroup: u32,
    before: impl FnOnce(&mut Builder) -> T,
    write: impl FnOnce(&mut Builder, T),
) -> Vec<u32> {
    let mut b = Builder::new();
    b.set_version(1, 6);
    b.capability(Capability::Shader);
    b.memory_model(AddressingModel::Logical, MemoryModel::GLSL450);
    let void = b.type_void();
    let nothing = b.type_function(void, []);
    let known = before(&mut b);
    let main = b.begin_function(void, None, FunctionControl::NONE, nothing).unwrap();
    b.begin_block(None).unwrap();
    write(&mut b, known);
    b.ret().unwrap();
    b.end_function().unwrap();
    b.entry_point(ExecutionModel::GLCompute, main, "main", []);
    b.execution_mode(main, ExecutionMode::LocalSize, [workgroup, 1, 1]);
    b.module().assemble()
}

/// What one workgroup costs where nothing but arrivals is counted, and what of it is dead.
pub fn cost(
    words: &[u32],
    given: &Specialization,
    subgroup: Option<u32>,
) -> Result<(Cost, Cost), Error> {
    let kernel = SpirvKernel::read("hand", words, "main", given, subgroup)?;
    let table = kernel.table();
    let mut counters = vec![0; table.bytes() as usize];
    let workgroup = table.invocations([1; 3]);
    counters[..8].copy_from_slice(&workgroup.to_le_bytes());
    let executions = table.decode(&counters, workgroup)?;
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

/// An instruction that is newer than the grammar, by its words: OpFAdd keeps its place until the module is written.
fn newer(opcode: u32, float: [(u32, Option<FPEncoding>); 2], count: u32) -> Vec<u32> {
    let mut at = (0, 0);
    let mut words = module(|b| {
        let [small, large] = float.map(|(width, encoding)| b.type_float(width, encoding));
        let vector = b.type_vector(small, count);
        let (value, sum) = (b.undef(vector, None), b.undef(large, None));
        let result = b.f_add(large, None, value, value).unwrap();
        at = (result, sum);
        b.f_negate(large, None, result).unwrap();
    });
    let is_it =
        |w: &[u32]| w[0] == 5 << 16 | u32::from(rspirv::spirv::Op::FAdd as u16) && w[2] == at.0;
    let found = words.windows(5).position(is_it).unwrap();
    words[found] = 6 << 16 | opcode;
    words.insert(found + 5, at.1);
    words
}

#[test]
fn dot_products_of_small_floats_add_in_the_precision_of_their_sum() {
    let (half, float) = ((16, None), (32, None));
    let brain = (16, Some(FPEncoding::BFloat16KHR));
    let tiny = (8, Some(FPEncoding::Float8E4M3EXT));
    for (opcode, types, count, factors, sum) in [
        (6916, [half, float], 2, Scalar::F16, Scalar::F32),
        (6916, [brain, float], 2, Scalar::Bf16, Scalar::F32),
        (6917, [half, half], 2, Scalar::F16, Scalar::F16),
        (6917, [brain, brain], 2, Scalar::Bf16, Scalar::Bf16),
        (6918, [tiny, float], 4, Scalar::F8, Scalar::F32),
    ] {
        let words = newer(opcode, types, count);
        let (cost, dead) = cost(&words, &HashMap::new(), None).unwrap();
        let expected =
            OpCounts::of(factors, Op::Mul, count.into()) + OpCounts::of(sum, Op::Add, count.into());
        assert_eq!(cost.ops, expected + OpCounts::of(sum, Op::Neg, 1), "{opcode}");
        assert_eq!(dead, cost, "nobody uses what is made of it");
    }
    let refused = cost(&newer(6919, [half, float], 2), &HashMap::new(), None).unwrap_err();
    assert!(refused.to_string().contains("the instruction 6919 has no price"), "{refused}");
}

#[test]
fn a_barrier_is_one_where_the_workgroup_waits() {
    for (scope, barriers) in [(Scope::Workgroup, 1), (Scope::Subgroup, 0)] {
        let words = module(|b| {
            let uint = b.type_int(32, 0);
            let scope = b.constant_bit32(uint, scope as u32);
            let memory = MemorySemantics::ACQUIRE_RELEASE | MemorySemantics::UNIFORM_MEMORY;
            let memory = b.constant_bit32(uint, memory.bits());
            b.control_barrier(scope, scope, memory).unwrap();
        });
        let (all, _) = cost(&words, &HashMap::new(), None).unwrap();
        assert_eq!(all.traffic.barriers, barriers, "{scope:?}");
    }
}

#[test]
fn a_fused_multiply_add_of_its_own_is_one() {
    let words = module(|b| {
        let float = b.type_float(32, None);
        let vector = b.type_vector(float, 3);
        let value = b.undef(vector, None);
        b.fma_khr(vector, None, value, value, value).unwrap();
    });
    let (cost, dead) = cost(&words, &HashMap::new(), None).unwrap();
    assert_eq!(cost.ops, OpCounts::of(Scalar::F32, Op::Fma, 3));
    assert_eq!(dead, cost);
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
    for words in [matrices::product(3), matrices::decoded()] {
        let read = |words| SpirvKernel::read("hand", words, "main", &HashMap::new(), Some(8));
        assert!(read(&words).is_ok());
        // The entry point is the last function, so that every shorter module lacks its end.
        for length in 0..words.len() {
            assert!(read(&words[..length]).is_err(), "{length} of {} words", words.len());
        }
        let swapped: Vec<u32> = words.iter().map(|word| word.swap_bytes()).collect();
        assert!(read(&swapped).is_err(), "the other byte order");
        // Every word once with other bits: an error or another module, but never the end of the process.
        for at in 0..words.len() {
            for bits in [1, 1 << 16, u32::MAX] {
                let mut spoiled = words.clone();
                spoiled[at] ^= bits;
                match SpirvKernel::read("hand", &spoiled, "main", &HashMap::new(), Some(8)) {
                    Ok(kernel) => {
                        assert_ne!(at, 0, "a module begins with its magic number");
                        drop(kernel.counting(&every_means()[0]));
                    }
                    Err(error) => assert!(error.to_string().contains("'hand'"), "{error}"),
                }
            }
        }
    }
}
