//! GLSL and SPIR-V that naga's readers take for something else: a driver of Vulkan is given a compiler's words, and where
//! nothing but naga's reading could run, the kernel is refused by name.

use std::{collections::BTreeMap, path::Path};

use common::on_every_executor;
use flopmeter::{execute::Executor, shader::ShaderFile};
use flopmeter_core::read::Parsed;

use crate::{
    run::expected,
    words::{Case, ran},
};

const NUMBERS: [u32; 8] = [1, 2, 3, 4, 7, 8, 255, 1 << 31];

/// A statement on `x`, and what it makes of the numbers.
const BITS: [(&str, [u32; 8]); 3] = [
    ("x = uint(bitCount(x));", [1, 1, 2, 1, 3, 1, 8, 1]),
    ("x = uint(findMSB(x));", [0, 1, 1, 2, 2, 3, 7, 31]),
    ("x = uint(findLSB(x));", [0, 1, 0, 2, 0, 3, 0, 31]),
];

fn on_numbers(statement: &str) -> Option<Case> {
    Case::new(&stating("", statement), &[])
}

/// The text of a shader with some globals and a statement on `x`.
fn stating(globals: &str, statement: &str) -> String {
    format!(
        "#version 450
        layout(local_size_x = 8) in;
        layout(binding = 0) buffer X {{ uint numbers[]; }};
        {globals}
        void main() {{
            uint x = numbers[gl_LocalInvocationID.x];
            {statement}
            numbers[gl_LocalInvocationID.x] = x;
        }}"
    )
}

fn bits(floats: Vec<f32>) -> Vec<u32> {
    floats.into_iter().map(f32::to_bits).collect()
}

#[test]
fn bits_of_unsigned_numbers_are_counted_and_found_as_the_language_says() {
    for (statement, made) in BITS {
        let Some(case) = on_numbers(statement) else { return };
        let file = ShaderFile::read(&case.glsl()).unwrap();
        let kernel = file.countable(None, &BTreeMap::new(), &BTreeMap::new()).unwrap().0;
        assert!(kernel.compiler().is_some(), "{statement}: naga reads it");
        on_every_executor(|executor| {
            for path in [case.spirv(), case.glsl()] {
                let (_, left) = ran(executor, &path, &[], &[NUMBERS.to_vec()]).unwrap();
                assert_eq!(bits(left), made, "{statement}");
            }
        });
    }
}

/// What a file costs on an executor, and the numbers that it leaves.
fn cost(executor: &mut dyn Executor, path: &Path) -> (BTreeMap<String, u64>, Vec<f32>) {
    let (observed, left) = ran(executor, path, &[], &[NUMBERS.to_vec()]).unwrap();
    (crate::run::ops(&observed.cost), left)
}

/// The language defines it as `x - y * floor(x / y)`.
#[test]
fn a_remainder_of_floats_costs_the_same_whoever_reads_it() {
    let statement = "x = floatBitsToUint(mod(float(x), 3.0) + mod(-float(x), 3.0));";
    let Some(case) = on_numbers(statement) else { return };
    let file = ShaderFile::read(&case.glsl()).unwrap();
    assert!(
        file.countable(None, &BTreeMap::new(), &BTreeMap::new()).unwrap().0.compiler().is_none()
    );
    on_every_executor(|executor| {
        let [read, compiled] = [case.glsl(), case.spirv()].map(|path| cost(executor, &path));
        assert_eq!(read.1[..7], NUMBERS.map(|x| if x % 3 == 0 { 0.0 } else { 3.0 })[..7]);
        assert_eq!(compiled, read);
        assert_eq!((read.0["f32.div"], read.0["f32.round"], read.0["f32.mul"]), (16, 16, 16));
        assert_eq!(read.0.get("f32.rem"), None);
    });
}

/// naga's reader ends a loop where the opposite of its condition holds.
#[test]
fn a_loop_that_goes_on_costs_what_its_condition_does() {
    let Some(case) = on_numbers("do { x -= 1u; } while (x < 9u && x > 2u);") else { return };
    let numbers: [u32; 8] = [3, 4, 5, 9, 10, 11, 3, 1];
    let (left, rounds) = ([2, 2, 2, 2, 9, 10, 2, 0], 1 + 2 + 3 + 7 + 1 + 1 + 1 + 1);
    on_every_executor(|executor| {
        let (observed, found) = ran(executor, &case.spirv(), &[], &[numbers.to_vec()]).unwrap();
        assert_eq!(bits(found), left);
        let costs = [("int.add", rounds), ("int.bit", rounds), ("int.compare", 2 * rounds)];
        assert_eq!(crate::run::ops(&observed.cost), expected(&costs));
    });
}

#[test]
fn a_matrix_with_its_sign_changed_is_not_multiplied() {
    let statement = "mat3 m = mat3(float(x)); m = -m; x = floatBitsToUint(m[1][1]);";
    let Some(case) = on_numbers(statement) else { return };
    on_every_executor(|executor| {
        let (ops, left) = cost(executor, &case.glsl());
        assert_eq!(left, NUMBERS.map(|x| -(x as f32)));
        assert_eq!((ops["f32.neg"], ops.get("f32.mul")), (72, None));
    });
}

/// naga would compute it with floats, wrongly past 2^24. Operands below 0 are left out: what GLSL makes of them is
/// undefined, and drivers differ.
#[test]
fn a_remainder_of_integers_is_one_operation_of_integers() {
    let Some(case) = on_numbers("int y = int(x); y %= 7; x = uint(y);") else { return };
    let numbers: [u32; 8] = [0, 1, 6, 7, 8, 255, 1 << 24, 1_073_741_825];
    on_every_executor(|executor| {
        let done = ran(executor, &case.spirv(), &[], &[numbers.to_vec()]);
        if executor.spirv().is_none() {
            let error = done.unwrap_err().to_string();
            assert!(error.contains("OpSMod") && error.contains("Vulkan"), "{error}");
        } else {
            let (observed, left) = done.unwrap();
            assert_eq!(bits(left), numbers.map(|x| x % 7));
            assert_eq!(crate::run::ops(&observed.cost), expected(&[("int.rem", 8)]));
        }
    });
}

#[test]
fn an_index_with_an_effect_is_no_part_of_naga_s_reading() {
    let Some(case) =
        on_numbers("uint j = 0; uint a[2]; a[0] = 3; a[1] = 5; a[j++] += x; x = a[0] + 10 * j;")
    else {
        return;
    };
    on_every_executor(|executor| {
        let file = ShaderFile::read(&case.glsl()).unwrap();
        let kernel = file.countable(None, &BTreeMap::new(), &BTreeMap::new()).unwrap().0;
        assert!(kernel.compiler().is_some(), "naga reads it");
        let left = ran(executor, &case.glsl(), &[], &[NUMBERS.to_vec()]).unwrap().1;
        assert_eq!(bits(left), NUMBERS.map(|x| 3u32.wrapping_add(x) + 10));
    });
}

/// Globals, a statement, what naga's reader is said to do with them, and what they make of the numbers.
type Otherwise = (&'static str, &'static str, &'static str, fn(u32) -> u32);

const OTHERWISE: [Otherwise; 9] = [
    (
        "",
        "int n = int(min(x, 8u)); x = 0u; do { n--; if (n == 2) { n = 0; continue; } x++; } while (n > 0);",
        "do loop",
        |x| [1, 2, 0, 1, 2, 3, 4, 5][x.min(8) as usize - 1],
    ),
    (
        "",
        "int n = int(min(x, 8u)); x = 0u; do { switch (n) { case 2: continue; default: x++; } } while (--n > 0);",
        "do loop",
        |x| if x < 2 { x } else { x.min(8) - 1 },
    ),
    (
        "#define REPEAT do\n",
        "int n = 0; REPEAT { if (x > 3u) continue; x++; } while (++n < 2);",
        "do loop",
        |x| if x > 3 { x } else { x + if x == 3 { 1 } else { 2 } },
    ),
    ("int n = 4; int m = n * 2;", "x += uint(m);", "global variable", |x| x + 8),
    ("int n = 4, k[2] = int[2](1, n);", "x += uint(k[1]);", "global variable", |x| x + 4),
    ("int f() { return 3; } int m = f();", "x += uint(m);", "global variable", |x| x + 3),
    (
        "#define IS =\n layout(constant_id = 0) const int S = 2; int m IS S * 3;",
        "x += uint(m);",
        "global variable",
        |x| x + 6,
    ),
    ("uint m = gl_WorkGroupSize.x * 2u;", "x += uint(m);", "global variable", |x| x + 16),
    ("#define M m\n int n = 4; int M = n * 2;", "x += uint(m);", "global variable", |x| x + 8),
];

#[test]
fn what_naga_reads_otherwise_is_compiled_and_does_as_the_language_says() {
    for (globals, statement, said, made) in OTHERWISE {
        let text = stating(globals, statement);
        let error = Parsed::glsl("case", &text).map(drop).unwrap_err().to_string();
        assert!(error.contains("naga's GLSL reader") && error.contains(said), "{error}");
        let Some(case) = Case::new(&text, &[]) else { continue };
        on_every_executor(|executor| {
            let left = ran(executor, &case.glsl(), &[], &[NUMBERS.to_vec()]).unwrap().1;
            assert_eq!(bits(left), NUMBERS.map(made), "{globals} {statement}");
        });
    }
}

#[test]
fn loops_and_globals_that_naga_reads_as_they_are_meant_are_left_to_it() {
    for (globals, statement) in [
        ("", "for (int i = 0; i < 3; i++) { if (i == 1) continue; x++; }"),
        ("", "int i = 0; while (i++ < 3) { if (i == 1) continue; x++; }"),
        (
            "const int n = 4; int m = 3 * 2, k[n]; int[2] l = int[2](1, n);",
            "x += uint(m + k[0] + l[1]);",
        ),
        (
            "\n#extension GL_EXT_scalar_block_layout : enable\n#define ID gl_LocalInvocationID\n",
            "x += ID.x;",
        ),
    ] {
        let text = stating(globals, statement);
        Parsed::glsl("case", &text).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn textures_that_naga_reads_elsewhere_are_refused() {
    let sampled = |kind: &str, texel: &str| {
        let texture =
            format!("layout(binding = 1) uniform {kind} t; layout(binding = 2) uniform sampler s;");
        let text = stating(&texture, &format!("x += uint({texel}.x);"));
        Parsed::glsl("case", &text).map(drop).map_err(|error| error.to_string())
    };
    let layer = "textureLod(sampler2DArray(t, s), vec3(0.5, 0.5, float(x) * 0.5), 0.0)";
    let error = sampled("texture2DArray", layer).unwrap_err();
    assert!(error.contains("takes the layer"), "{error}");
    let moved = "texelFetchOffset(sampler2D(t, s), ivec2(x), 0, ivec2(0, 1))";
    let error = sampled("texture2D", moved).unwrap_err();
    assert!(error.contains("leaves out the offset of texelFetchOffset"), "{error}");
    sampled("texture2D", "texelFetch(sampler2D(t, s), ivec2(x), 0)").unwrap();
    sampled("texture2D", "textureLodOffset(sampler2D(t, s), vec2(x), 0.0, ivec2(1))").unwrap();
}
