//! Numbers in half precision, against those that the host makes.

use half::f16;

use crate::launch::{Launch, noise, on_shapes};

/// Numbers that halves are, nearly are or cannot be: the largest, the least, ties, and what is beyond.
const CORNERS: [f32; 16] = [
    0.0,
    -0.0,
    1.0,
    -65504.0,
    65519.0,
    65536.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    1.000_488_3,     // 1 + 2^-11: to the even 1
    1.001_464_8,     // 1 + 3 2^-11: to the even 1 + 2^-9
    6.103_515_6e-5,  // 2^-14
    -5.960_464_5e-8, // -2^-24
    2.980_232_2e-8,  // 2^-25: to the even 0
    4.470_348_4e-8,  // 3 2^-26
    1e-20,
    3.0e38,
];

#[test]
fn numbers_are_rounded_to_the_nearest_half() {
    on_shapes(&[1, 2, 63, 64, 257], 1..600_usize, |gpu, p| {
        if !common::narrows(gpu) {
            return;
        }
        let corner = |i: usize, x: f64| CORNERS.get(i).map_or(x, |&x| f64::from(x));
        let full: Vec<f64> =
            noise(1, p).into_iter().enumerate().map(|(i, x)| corner(i, x)).collect();
        let narrow = Launch::new("half.narrow", &[("P", p), ("LANES", 64)])
            .floats("full", &full)
            .output("half", p.div_ceil(2));
        for ran in narrow.run_by_one_and_four(gpu, p, 64, p) {
            let words = ran.words("half");
            for (i, &x) in full.iter().enumerate() {
                let half = f16::from_bits((words[i / 2] >> (16 * (i % 2))) as u16);
                assert_eq!(half, f16::from_f32(x as f32), "{x:e} of {p}");
            }
        }
    });
}
