//! The example that newcomers copy counts what it must.

#[path = "../../examples/own_program.rs"]
#[allow(dead_code, reason = "the example's main prints what is asserted here")]
mod example;

use flopmeter::{
    instrument::KernelCounts,
    op::{Convention, Op, OpCounts},
};

#[test]
fn the_example_counts_by_operation_and_by_line() {
    if common::gpu().is_none() {
        return;
    }
    let [first, both] = example::run().unwrap();
    let [product, collatz] = &first[..] else { panic!("two kernels") };

    let n = 100;
    assert_eq!(product.cost.ops.floating(), OpCounts::f32(Op::Fma, n * n * n));
    assert_eq!(flops_of(product, example::PRODUCT, "fma"), 2 * n * n * n);

    let (mut even, mut odd) = (0, 0);
    for number in 0..1000_u64 {
        let mut x = number;
        while x > 1 {
            if x % 2 == 0 {
                (x, even) = (x / 2, even + 1);
            } else {
                (x, odd) = (3 * x + 1, odd + 1);
            }
        }
    }
    let ops = &collatz.cost.ops;
    let f32 = |op| ops.get(flopmeter::op::Scalar::F32, op);
    assert_eq!((f32(Op::Mul), f32(Op::Add), f32(Op::Fma)), (even + odd, even + odd, odd));
    assert_eq!(flops_of(collatz, example::COLLATZ, "fma"), 2 * odd);
    assert_eq!(flops_of(collatz, example::COLLATZ, "steps += 1.0"), even + odd);

    // A second submission of the product alone.
    assert_eq!(both[0].cost, product.cost.times(2));
    assert_eq!(&both[1], collatz);
}

/// FLOPs of the line that has `text`.
fn flops_of(counts: &KernelCounts, source: &str, text: &str) -> u64 {
    let line = source.lines().position(|line| line.contains(text)).unwrap();
    counts.lines[&(line as u32 + 1)].cost.ops.flops(Convention::Ieee)
}
