//! Aggregates that SPIR-V copies as another type or chooses as a whole, and values that nobody defines, which naga's
//! reader does not take: values and counts are those of a driver.

use common::on_every_executor;

use crate::{
    run::{expected, ops},
    words::{Case, ran},
};

/// A structure that lies in its buffer as it does nowhere else.
const KERNEL: &str = "#version 450
layout(local_size_x = 4) in;
struct Part { float a; vec2 b[2]; };
struct Whole { Part parts[2]; float c; };
layout(std430, binding = 0) buffer D { Whole wholes[]; };

// Each invocation computes the Whole of its number, of which half stay what they are.
void main() {
    uint i = gl_LocalInvocationID.x;
    Whole x = wholes[i];
    Whole y = x;
    y.c = x.c * 2.0;
    y.parts[1].b[1].y += 1.0;
    Whole z = (i & 1u) == 0u ? x : y;
    z.parts[0].a += z.c;
    wholes[i] = z;
}";

/// Floats of a `Whole`, and of a `Part`, with what pads them to 8 bytes.
const WHOLE: usize = 14;
const PART: usize = 6;

#[test]
fn aggregates_are_copied_and_chosen_at_no_cost() {
    let Some(case) = Case::new(KERNEL, &["--target-env", "spirv1.5"]) else { return };
    let given: Vec<f32> = (0..4 * WHOLE).map(|n| n as f32).collect();
    let mut left = given.clone();
    for (i, whole) in left.chunks_mut(WHOLE).enumerate() {
        if i % 2 == 1 {
            whole[2 * PART] *= 2.0;
            whole[PART + 5] += 1.0;
        }
        whole[0] += whole[2 * PART];
    }
    on_every_executor(|executor| {
        let bits = given.iter().map(|value| value.to_bits()).collect();
        let (observed, found) = ran(executor, &case.spirv(), &[], &[bits]).unwrap();
        // Padding is not written.
        let is_padding = |n: usize| [1, PART + 1, 2 * PART + 1].contains(&(n % WHOLE));
        for (n, (found, left)) in found.iter().zip(&left).enumerate() {
            assert!(found == left || is_padding(n), "{n}: {found} {left}");
        }
        let costs = [("f32.add", 8), ("f32.mul", 4), ("int.bit", 4), ("int.compare", 4)];
        assert_eq!(ops(&observed.cost), expected(&costs));
        let traffic = observed.cost.traffic;
        assert_eq!((traffic.storage_load, traffic.storage_store), (4 * 11 * 4, 4 * 11 * 4));
    });
}

/// A function that returns nothing where the number is no less than 8, which it is nowhere.
const UNDEFINED: &str = "#version 450
layout(local_size_x = 4) in;
layout(std430, binding = 0) buffer D { float numbers[]; };

float doubled(uint i) { if (i < 8u) { return numbers[i] * 2.0; } }

// Each invocation computes twice the number of its index.
void main() {
    numbers[gl_LocalInvocationID.x] = doubled(gl_LocalInvocationID.x);
}";

#[test]
fn a_value_that_nobody_defines_costs_nothing() {
    let Some(case) = Case::new(UNDEFINED, &[]) else { return };
    on_every_executor(|executor| {
        let given = [1.0_f32, -2.0, 3.5, 0.25];
        let bits = given.map(f32::to_bits).to_vec();
        let (observed, found) = ran(executor, &case.spirv(), &[], &[bits]).unwrap();
        assert_eq!(found, given.map(|value| value * 2.0));
        assert_eq!(ops(&observed.cost), expected(&[("f32.mul", 4), ("int.compare", 4)]));
    });
}
