//! How deep control flow stands within itself: by what it does, and in whichever order blocks are stated.

use flopmeter_core::spirv::{SpirvKernel, SpirvModule};
use rspirv::{
    dr::{Builder, Operand},
    spirv::{LoopControl, SelectionControl, Word},
};

use crate::{
    hand::module_of,
    tools::{glslang, validate},
};

fn nesting(words: &[u32]) -> u32 {
    validate(words);
    SpirvKernel::read("nested", words, "main", &Default::default(), None)
        .unwrap()
        .nesting()
        .unwrap()
}

/// The nesting of a module with the body that `write` writes, which has a boolean and a number at hand.
fn written(write: impl FnOnce(&mut Builder, Word, Word)) -> u32 {
    let words = module_of(
        8,
        |b| {
            let (boolean, int) = (b.type_bool(), b.type_int(32, 0));
            (b.constant_true(boolean), b.constant_bit32(int, 7))
        },
        |b, (condition, number)| write(b, condition, number),
    );
    nesting(&words)
}

#[derive(Clone, Copy)]
enum Way {
    Continue,
    Break,
}

/// The nesting of a loop with so many conditions one after the other, each of which leads straight out of the round or
/// the loop, under a merge instruction or not.
fn looped(conditions: u32, way: Way, merges: bool) -> u32 {
    written(|b, condition, _| {
        let [head, on, end, first] = std::array::from_fn(|_| b.id());
        b.branch(head).unwrap();
        b.begin_block(Some(head)).unwrap();
        b.loop_merge(end, on, LoopControl::NONE, []).unwrap();
        b.branch(first).unwrap();
        b.begin_block(Some(first)).unwrap();
        for _ in 0..conditions {
            let next = b.id();
            if merges {
                b.selection_merge(next, SelectionControl::NONE).unwrap();
            }
            let out = match way {
                Way::Continue => on,
                Way::Break => end,
            };
            b.branch_conditional(condition, out, next, []).unwrap();
            b.begin_block(Some(next)).unwrap();
        }
        b.branch(on).unwrap();
        b.begin_block(Some(on)).unwrap();
        b.branch_conditional(condition, head, end, []).unwrap();
        b.begin_block(Some(end)).unwrap();
    })
}

/// llvmpipe counted a loop of 120 `if (..) { continue; }` wrong, and one of 120 `if (..) { break; }` right.
#[test]
fn each_way_to_the_next_round_is_a_level_and_a_way_out_of_a_loop_is_none() {
    for merges in [false, true] {
        let [few, many] = [4, 120].map(|conditions| looped(conditions, Way::Continue, merges));
        assert_eq!(many - few, 116, "{merges}: {few}, {many}");
    }
    assert_eq!(looped(4, Way::Break, false), looped(120, Way::Break, false));
}

/// The nesting of a case of a switch that has so many conditions one after the other, each of which leads to the end of
/// the switch.
fn switched(conditions: u32) -> u32 {
    written(|b, condition, number| {
        let [case, end] = std::array::from_fn(|_| b.id());
        b.selection_merge(end, SelectionControl::NONE).unwrap();
        b.switch(number, end, [(Operand::LiteralBit32(3), case)]).unwrap();
        b.begin_block(Some(case)).unwrap();
        for _ in 0..conditions {
            let next = b.id();
            b.branch_conditional(condition, end, next, []).unwrap();
            b.begin_block(Some(next)).unwrap();
        }
        b.branch(end).unwrap();
        b.begin_block(Some(end)).unwrap();
    })
}

#[test]
fn each_way_out_of_a_switch_is_a_level() {
    assert_eq!(switched(120) - switched(4), 116);
}

/// The nesting of so many conditions within one another, of which each block where two ways meet is stated as early as
/// it may be, or as late.
fn nested(conditions: usize, is_early: bool) -> u32 {
    written(|b, condition, _| {
        let ends: Vec<Word> = (0..conditions).map(|_| b.id()).collect();
        let meet = |b: &mut Builder, k: usize| {
            b.begin_block(Some(ends[k])).unwrap();
            if k > 0 {
                b.branch(ends[k - 1]).unwrap();
            }
        };
        for (k, &end) in ends.iter().enumerate() {
            let within = b.id();
            b.selection_merge(end, SelectionControl::NONE).unwrap();
            b.branch_conditional(condition, within, end, []).unwrap();
            if is_early && k > 0 {
                meet(b, k);
            }
            b.begin_block(Some(within)).unwrap();
        }
        b.branch(ends[conditions - 1]).unwrap();
        (1..conditions).rev().filter(|_| !is_early).for_each(|k| meet(b, k));
        meet(b, 0);
    })
}

/// Mesa 25 died of such a module of 100 conditions whose ends stood first.
#[test]
fn the_order_of_blocks_does_not_matter() {
    for conditions in [3, 100] {
        for is_early in [false, true] {
            assert_eq!(nested(conditions, is_early), conditions as u32, "{is_early}");
        }
    }
}

/// The nesting of a body in GLSL.
fn compiled(body: &str) -> Option<u32> {
    let source = format!(
        "#version 450
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer X {{ float x[]; }};
        float early() {{ if (x[9] > 1.0) {{ if (x[8] > 1.0) return 2.0; }} return x[7]; }}
        void main() {{ {body} }}"
    );
    let module = SpirvModule { name: "nested".to_owned(), words: glslang(&source, &[])? };
    Some(module.interface("main").unwrap().nesting)
}

#[test]
fn nesting_grows_with_what_stands_within_each_other() {
    let nested = |levels: usize| {
        let (open, close) = ("if (x[0] > 1.0) {".repeat(levels), "}".repeat(levels));
        compiled(&format!("{open} x[1] = 2.0; {close} for (int i = 0; i < 4; i++) x[2] += 1.0;"))
    };
    let Some(few) = nested(5) else { return };
    assert_eq!((few, nested(82)), (5, Some(82)));
    // The ways out of an inner loop, or of a function, do not deepen what follows outside it.
    let within = "while (x[0] > 1.0) { x[0] += early(); if (x[1] > 1.0) { x[1] = 0.0; continue; } x[2] += 1.0; }";
    let [once, often] = [1, 40].map(|times| compiled(&within.repeat(times)));
    assert_eq!(once, often);
    // What follows an early return stands in the other arm of a condition, whatever it was nested in.
    let returns = "while (x[0] > 1.0) { if (x[1] > 1.0) return; } ";
    let [once, often] = [1, 40].map(|times| compiled(&returns.repeat(times)).unwrap());
    assert_eq!(often - once, 39);
}
