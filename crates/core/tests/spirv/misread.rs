//! What naga's reader would make something else of is written so that it does not, or refused by its name, and nothing
//! beside it is.

use flopmeter_core::{
    read::Parsed,
    spirv::{Settled, SpirvModule},
};
use rspirv::{
    dr::{Builder, Operand},
    spirv::*,
};

use crate::{
    hand::module_of,
    tools::{glslang, validate},
};

/// Types and a set of functions for what stands in a kernel.
pub struct Known {
    pub glsl: Word,
    pub float: Word,
    pub boolean: Word,
    pub long: [Word; 2],
    /// Without a sign and with one.
    pub int: [Word; 2],
    /// A value and a variable of each.
    pub value: [Word; 2],
    pub shared: [Word; 2],
    pub number: Word,
    pub one: Word,
}

fn known(b: &mut Builder) -> Known {
    // Later versions list variables of workgroups at entry points.
    b.set_version(1, 3);
    b.capability(Capability::Int64);
    b.capability(Capability::GroupNonUniform);
    b.capability(Capability::GroupNonUniformArithmetic);
    let int = [0, 1].map(|sign| b.type_int(32, sign));
    let float = b.type_float(32, None);
    let shared = int.map(|ty| {
        let pointer = b.type_pointer(None, StorageClass::Workgroup, ty);
        b.variable(pointer, None, StorageClass::Workgroup, None)
    });
    Known {
        glsl: b.ext_inst_import("GLSL.std.450"),
        float,
        boolean: b.type_bool(),
        long: [0, 1].map(|sign| b.type_int(64, sign)),
        int,
        value: int.map(|ty| b.constant_bit32(ty, 0xffff_fff6)),
        shared,
        number: b.constant_bit32(float, 1.5_f32.to_bits()),
        one: b.constant_bit32(int[0], 1),
    }
}

/// A kernel of one instruction as naga is given it.
fn settled(write: impl FnOnce(&mut Builder, &Known)) -> Result<Settled, String> {
    let words = module_of(1, known, |b, known| write(b, &known));
    validate(&words);
    let module = SpirvModule { name: "case".to_owned(), words };
    let settled = module.settled().map_err(|error| error.to_string())?;
    validate(&settled.words);
    Ok(settled)
}

/// Why it is refused, if it is.
pub fn refused(write: impl FnOnce(&mut Builder, &Known)) -> Option<String> {
    settled(write).err()
}

/// The expressions that naga makes of a kernel of one instruction.
fn read(write: impl FnOnce(&mut Builder, &Known)) -> Vec<String> {
    let settled = settled(write).unwrap();
    let bytes: Vec<u8> = settled.words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let module = Parsed::spirv("case", &bytes).unwrap().module;
    let flags = naga::valid::ValidationFlags::all();
    let all = naga::valid::Capabilities::all();
    naga::valid::Validator::new(flags, all).validate(&module).unwrap();
    // The entry point is a wrapper.
    let (_, function) = module.functions.iter().next().unwrap();
    function.expressions.iter().map(|(_, expression)| format!("{expression:?}")).collect()
}

type Write = fn(&mut Builder, &Known, usize);

/// What takes integers in one way whatever their type is; valid of both.
const SIGNED: &[(&str, bool, Write)] = &[
    ("OpSDiv", true, |b, k, at| {
        b.s_div(k.int[at], None, k.value[at], k.value[at]).unwrap();
    }),
    ("OpSRem", true, |b, k, at| {
        b.s_rem(k.int[at], None, k.value[at], k.value[at]).unwrap();
    }),
    ("OpShiftRightArithmetic", true, |b, k, at| {
        b.shift_right_arithmetic(k.int[at], None, k.value[at], k.one).unwrap();
    }),
    ("OpShiftRightLogical", false, |b, k, at| {
        b.shift_right_logical(k.int[at], None, k.value[at], k.one).unwrap();
    }),
    ("OpConvertSToF", true, |b, k, at| {
        b.convert_s_to_f(k.float, None, k.value[at]).unwrap();
    }),
    ("OpConvertUToF", false, |b, k, at| {
        b.convert_u_to_f(k.float, None, k.value[at]).unwrap();
    }),
    ("OpConvertFToS", true, |b, k, at| {
        b.convert_f_to_s(k.int[at], None, k.number).unwrap();
    }),
    ("OpSConvert", true, |b, k, at| {
        b.s_convert(k.long[at], None, k.value[at]).unwrap();
    }),
    ("OpUConvert", false, |b, k, at| {
        b.u_convert(k.long[0], None, k.value[at]).unwrap();
    }),
    ("OpBitFieldSExtract", true, |b, k, at| {
        b.bit_field_s_extract(k.int[at], None, k.value[at], k.one, k.one).unwrap();
    }),
    ("OpBitFieldUExtract", false, |b, k, at| {
        b.bit_field_u_extract(k.int[at], None, k.value[at], k.one, k.one).unwrap();
    }),
    ("OpSNegate", true, |b, k, at| {
        b.s_negate(k.int[at], None, k.value[at]).unwrap();
    }),
    ("OpGroupNonUniformSMin", true, |b, k, at| {
        let scope = b.constant_bit32(k.int[0], Scope::Subgroup as u32);
        let (ty, all) = (k.int[at], GroupOperation::Reduce);
        b.group_non_uniform_s_min(ty, None, scope, all, k.value[at], None).unwrap();
    }),
    ("OpGroupNonUniformUMax", false, |b, k, at| {
        let scope = b.constant_bit32(k.int[0], Scope::Subgroup as u32);
        let (ty, all) = (k.int[at], GroupOperation::Reduce);
        b.group_non_uniform_u_max(ty, None, scope, all, k.value[at], None).unwrap();
    }),
    ("OpAtomicSMin", true, |b, k, at| {
        b.atomic_s_min(k.int[at], None, k.shared[at], k.one, k.one, k.value[at]).unwrap();
    }),
    ("OpAtomicUMax", false, |b, k, at| {
        b.atomic_u_max(k.int[at], None, k.shared[at], k.one, k.one, k.value[at]).unwrap();
    }),
    ("SMin", true, |b, k, at| function(b, k, at, GlslStd450Op::SMin, 2)),
    ("SMax", true, |b, k, at| function(b, k, at, GlslStd450Op::SMax, 2)),
    ("SClamp", true, |b, k, at| function(b, k, at, GlslStd450Op::SClamp, 3)),
    ("SAbs", true, |b, k, at| function(b, k, at, GlslStd450Op::SAbs, 1)),
    ("SSign", true, |b, k, at| function(b, k, at, GlslStd450Op::SSign, 1)),
    ("UMin", false, |b, k, at| function(b, k, at, GlslStd450Op::UMin, 2)),
    ("UMax", false, |b, k, at| function(b, k, at, GlslStd450Op::UMax, 2)),
    ("UClamp", false, |b, k, at| function(b, k, at, GlslStd450Op::UClamp, 3)),
    ("FindSMsb", true, |b, k, at| function(b, k, at, GlslStd450Op::FindSMsb, 1)),
    ("FindUMsb", false, |b, k, at| function(b, k, at, GlslStd450Op::FindUMsb, 1)),
];

fn function(b: &mut Builder, k: &Known, at: usize, function: GlslStd450Op, operands: usize) {
    let operands = vec![Operand::IdRef(k.value[at]); operands];
    b.ext_inst(k.int[at], None, k.glsl, function as u32, operands).unwrap();
}

#[test]
fn integers_are_of_the_sign_that_their_operation_takes_or_refused() {
    for &(name, signed, write) in SIGNED {
        assert_eq!(refused(|b, k| write(b, k, usize::from(signed))), None, "{name}");
        if !name.starts_with("OpAtomic") {
            let all = read(|b, k| write(b, k, usize::from(!signed)));
            assert!(all.iter().any(|its| its.starts_with("As")), "{name}: {all:?}");
            continue;
        }
        let why = refused(|b, k| write(b, k, usize::from(!signed))).expect(name);
        let other = if signed { "unsigned" } else { "signed" };
        assert!(why.contains(name) && why.contains(&format!(" {other} integers")), "{why}");
    }
}

#[test]
fn operations_that_do_not_depend_on_the_sign_are_not_refused() {
    for at in [0, 1] {
        let why = refused(|b, k| {
            let (int, value) = (k.int[at], k.value[at]);
            b.i_add(int, None, value, k.value[0]).unwrap();
            b.i_mul(int, None, value, k.value[0]).unwrap();
            b.not(int, None, value).unwrap();
            b.shift_left_logical(int, None, value, k.one).unwrap();
            // Reads its operands with a sign, whatever their type, and so does naga.
            b.s_less_than(k.boolean, None, value, k.value[0]).unwrap();
            b.u_less_than(k.boolean, None, value, k.value[1]).unwrap();
            b.s_div(k.int[1], None, value, k.value[0]).unwrap();
        });
        assert_eq!(why, None);
    }
    read(|b, k| {
        b.shift_left_logical(k.int[0], None, k.value[1], k.one).unwrap();
    });
}

/// The operands are taken with their sign before it, and the result without one after it.
#[test]
fn a_division_has_the_sign_that_it_is_stated_with() {
    let divided = |at: usize| {
        let all = read(|b, k| {
            b.s_div(k.int[at], None, k.value[at], k.value[at]).unwrap();
        });
        let position = all.iter().position(|its| its.contains("Divide")).unwrap();
        let casts = |of: &[String], kind: &str| {
            of.iter().filter(|its| its.starts_with("As") && its.contains(kind)).count()
        };
        (casts(&all[..position], "Sint"), casts(&all[position..], "Uint"))
    };
    assert_eq!((divided(1), divided(0)), ((0, 0), (2, 1)));
}

#[test]
fn comparisons_that_naga_turns_around_for_nans_are_refused() {
    type Compare = fn(&mut Builder, Word, Word) -> Result<Word, rspirv::dr::Error>;
    let right: [Compare; 3] = [
        |b, ty, x| b.f_ord_equal(ty, None, x, x),
        |b, ty, x| b.f_unord_not_equal(ty, None, x, x),
        |b, ty, x| b.f_ord_greater_than_equal(ty, None, x, x),
    ];
    for compare in right {
        assert_eq!(refused(|b, k| drop(compare(b, k.boolean, k.number))), None);
    }
    let lost: [(&str, Compare); 6] = [
        ("OpFOrdNotEqual", |b, ty, x| b.f_ord_not_equal(ty, None, x, x)),
        ("OpFUnordEqual", |b, ty, x| b.f_unord_equal(ty, None, x, x)),
        ("OpFUnordLessThan", |b, ty, x| b.f_unord_less_than(ty, None, x, x)),
        ("OpFUnordLessThanEqual", |b, ty, x| b.f_unord_less_than_equal(ty, None, x, x)),
        ("OpFUnordGreaterThan", |b, ty, x| b.f_unord_greater_than(ty, None, x, x)),
        ("OpFUnordGreaterThanEqual", |b, ty, x| b.f_unord_greater_than_equal(ty, None, x, x)),
    ];
    for (name, compare) in lost {
        let why = refused(|b, k| drop(compare(b, k.boolean, k.number))).expect(name);
        assert!(why.contains(&format!("it has {name}, ")), "{why}");
    }
}

#[test]
fn matrices_that_lie_otherwise_than_naga_takes_them_to_are_refused() {
    let refused = |member: &str| {
        let source = format!(
            "#version 450
            layout(local_size_x = 1) in;
            layout(binding = 0) buffer D {{ float d[]; }};
            layout(binding = 1) uniform U {{ {member}; }};
            void main() {{ d[0] = m[1][0][0]; }}"
        );
        let module = SpirvModule { name: "case".to_owned(), words: glslang(&source, &[])? };
        Some(module.settled().err().map(|error| error.to_string()))
    };
    for member in ["mat4 m[3]", "mat3 m[3]", "mat4x3 m[2]"] {
        let Some(why) = refused(member) else { return };
        assert_eq!(why, None, "{member}");
    }
    for (member, says) in [
        ("mat2 m[3]", "columns of the matrices 'm' are 16 B apart"),
        ("layout(row_major) mat4 m[3]", "its matrix 'm' lies by rows"),
    ] {
        let why = refused(member).flatten().expect(member);
        assert!(why.contains(says), "{why}");
    }
}

/// Writes a loop with a switch in it, a case of which leads to the end of the switch, of a round or of the loop.
fn nested(b: &mut Builder, k: &Known, end: usize) {
    let [header, body, inside, after, next, out] = std::array::from_fn(|_| b.id());
    b.branch(header).unwrap();
    b.begin_block(Some(header)).unwrap();
    let x = b.load(k.int[0], None, k.shared[0], None, []).unwrap();
    let goes_on = b.u_less_than(k.boolean, None, x, k.value[0]).unwrap();
    b.loop_merge(out, next, LoopControl::NONE, []).unwrap();
    b.branch(body).unwrap();
    b.begin_block(Some(body)).unwrap();
    b.selection_merge(after, SelectionControl::NONE).unwrap();
    b.switch(x, after, [(Operand::LiteralBit32(1), inside)]).unwrap();
    b.begin_block(Some(inside)).unwrap();
    b.branch([after, next, out][end]).unwrap();
    b.begin_block(Some(after)).unwrap();
    b.branch(next).unwrap();
    b.begin_block(Some(next)).unwrap();
    b.branch_conditional(goes_on, header, out, []).unwrap();
    b.begin_block(Some(out)).unwrap();
}

#[test]
fn a_loop_that_is_left_from_within_a_switch_is_refused() {
    for (end, is_refused) in [false, false, true].into_iter().enumerate() {
        let why = refused(|b, k| nested(b, k, end));
        assert_eq!(why.is_some(), is_refused, "{end}: {why:?}");
        assert!(
            why.is_none_or(|why| why.contains("leaves a loop or a switch from within another"))
        );
    }
}

/// naga knows no copy of one type as another, and chooses between numbers and vectors alone.
#[test]
fn aggregates_are_copied_and_chosen_by_their_parts() {
    // Two structures of the same numbers, and a matrix.
    let types = |b: &mut Builder, k: &Known| {
        b.set_version(1, 4);
        b.capability(Capability::Matrix);
        let two = b.constant_bit32(k.int[0], 2);
        let structures = [0, 1].map(|_| {
            let ids = [b.id(), b.id()];
            let array = b.type_array_id(Some(ids[0]), k.int[0], two);
            b.type_struct_id(Some(ids[1]), [k.float, array])
        });
        let column = b.type_vector(k.float, 2);
        (structures, b.type_matrix(column, 3))
    };
    let copied = read(|b, k| {
        let ([from, to], _) = types(b, k);
        let null = b.constant_null(from);
        let value = b.copy_object(from, None, null).unwrap();
        b.copy_logical(to, None, value).unwrap();
    });
    let composed = copied.iter().filter(|its| its.starts_with("Compose")).count();
    assert_eq!(composed, 2, "{copied:?}");
    let chosen = |of_matrices: bool| {
        read(|b, k| {
            let ([structure, _], matrix) = types(b, k);
            let ty = if of_matrices { matrix } else { structure };
            let (null, condition) = (b.constant_null(ty), b.constant_true(k.boolean));
            let values = [null, null].map(|value| b.copy_object(ty, None, value).unwrap());
            for _ in 0..2 {
                b.select(ty, None, condition, values[0], values[1]).unwrap();
            }
        })
    };
    let matrices = chosen(true);
    let selects = matrices.iter().filter(|its| its.starts_with("Select")).count();
    assert_eq!(selects, 6, "{matrices:?}");
    let structures = chosen(false);
    let selects = structures.iter().filter(|its| its.starts_with("Select")).count();
    assert_eq!(selects, 0, "{structures:?}");
}

/// naga makes one number of another for each component.
#[test]
fn bits_of_other_numbers_are_refused_where_there_are_not_as_many() {
    let cast = |from: usize, to: usize| {
        refused(|b, k| {
            let pair = b.type_vector(k.int[0], 2);
            let one = b.constant_bit64(k.long[0], 1);
            let two = b.constant_composite(pair, [k.one, k.one]);
            b.bitcast([k.long[1], pair][to], None, [one, two][from]).unwrap();
        })
    };
    assert_eq!(cast(0, 0), None);
    for (from, to, says) in
        [(0, 1, "OpBitcast of one number to 2 numbers, "), (1, 0, "of 2 numbers to one number, ")]
    {
        let why = cast(from, to).expect(says);
        assert!(why.contains(says), "{why}");
    }
}

/// glslang writes them so for HLSL's `InterlockedAdd(x, 1)`, although a module must not, and drivers take it.
#[test]
fn atomics_take_numbers_of_either_sign() {
    let writes: [Write; 3] = [
        |b, k, at| {
            b.atomic_i_add(k.int[at], None, k.shared[at], k.one, k.one, k.value[1 - at]).unwrap();
        },
        |b, k, at| {
            b.atomic_exchange(k.int[at], None, k.shared[at], k.one, k.one, k.value[1 - at])
                .unwrap();
        },
        |b, k, at| {
            let (ty, pointer, one) = (k.int[at], k.shared[at], k.one);
            let [value, beside] = [k.value[1 - at], k.value[at]];
            b.atomic_compare_exchange(ty, None, pointer, one, one, one, value, beside).unwrap();
        },
    ];
    for write in writes {
        for at in [0, 1] {
            let words = module_of(1, known, |b, known| write(b, &known, at));
            let module = SpirvModule { name: "case".to_owned(), words };
            let read = module.settled().unwrap();
            validate(&read.words);
            assert_ne!(read.words, module.words);
        }
    }
}
