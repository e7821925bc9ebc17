//! Switches that naga's reader makes something else of, each of which is refused.

use rspirv::{
    dr::{Builder, Operand},
    spirv::{SelectionControl, Word},
};

use crate::misread::{Known, refused};

/// Writes a switch whose first case may go on with the second: by a constant number or another, and on a constant
/// condition, which does not hold, or on none.
fn falling(b: &mut Builder, k: &Known, by_constant: bool, on_condition: bool) {
    let [first, second, end] = std::array::from_fn(|_| b.id());
    let never = b.constant_false(k.boolean);
    let number = match by_constant {
        true => k.one,
        false => b.load(k.int[0], None, k.shared[0], None, []).unwrap(),
    };
    b.selection_merge(end, SelectionControl::NONE).unwrap();
    let cases = [(Operand::LiteralBit32(1), first), (Operand::LiteralBit32(2), second)];
    b.switch(number, end, cases).unwrap();
    b.begin_block(Some(first)).unwrap();
    match on_condition {
        true => b.branch_conditional(never, second, end, []).unwrap(),
        false => b.branch(second).unwrap(),
    }
    b.begin_block(Some(second)).unwrap();
    b.branch(end).unwrap();
    b.begin_block(Some(end)).unwrap();
}

/// Which case is chosen is known where the module is counted; naga reads it as it stands.
#[test]
fn a_case_that_falls_through_is_refused_whatever_constants_hold() {
    for (by_constant, on_condition) in [(false, false), (false, true), (true, false), (true, true)]
    {
        let why = refused(|b, k| falling(b, k, by_constant, on_condition));
        let why = why.unwrap_or_else(|| panic!("{by_constant} {on_condition}"));
        assert!(why.contains("a case of its switch falls through to another"), "{why}");
    }
}

/// Writes a switch by a value, with literals of its width. Two of them lead to one case, and one to its end.
fn choosing(b: &mut Builder, value: Word, literals: &[Operand]) {
    let [one, other, end] = std::array::from_fn(|_| b.id());
    b.selection_merge(end, SelectionControl::NONE).unwrap();
    let cases = literals.iter().zip([one, other, one, end]);
    b.switch(value, end, cases.map(|(literal, label)| (literal.clone(), label))).unwrap();
    for case in [one, other] {
        b.begin_block(Some(case)).unwrap();
        b.branch(end).unwrap();
    }
    b.begin_block(Some(end)).unwrap();
}

/// naga reads a literal as one word.
#[test]
fn a_switch_of_64_bits_is_refused() {
    let wide = [1, -1_i64 as u64, 1 << 32, 2].map(Operand::LiteralBit64);
    let narrow = [1, -1_i32 as u32, 1 << 31, 2].map(Operand::LiteralBit32);
    for sign in [0, 1] {
        for literals in [&wide[..], &wide[..2]] {
            let why = refused(|b, k| {
                let of = b.constant_bit64(k.long[sign], 1);
                let value = b.copy_object(k.long[sign], None, of).unwrap();
                choosing(b, value, literals);
            });
            let why = why.expect("a switch of 64 bits");
            assert!(why.contains("its switch chooses by a number of 64 bits, "), "{why}");
        }
        let why = refused(|b, k| {
            let value = b.copy_object(k.int[sign], None, k.value[sign]).unwrap();
            choosing(b, value, &narrow);
        });
        assert_eq!(why, None);
    }
}
