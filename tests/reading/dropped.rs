//! GLSL of which naga's reader leaves something out: another compiler reads it, whatever runs it then executes what the text
//! says, and what only naga's reading could run is refused by name.

use std::{collections::BTreeMap, fs};

use common::on_every_executor;
use flopmeter::shader::ShaderFile;

use crate::{
    run::{expected, ops},
    words::{Case, ran},
};

fn glsl(before: &str, body: &str) -> String {
    format!(
        "#version 450
        #define GO_ON continue
        #define STEP GO_ON;
        #define BEGIN(name) int name = n + 1
        layout(local_size_x = 8) in;
        layout(binding = 0) buffer X {{ float numbers[]; }};
        int n = 4;
        {before}
        void main() {{
            uint i = gl_LocalInvocationIndex;
            float x = numbers[i];
            {body}
            numbers[i] = x;
        }}"
    )
}

/// What stands before the function and in it, which adds so often in each invocation and leaves that.
type Dropped = (&'static str, &'static str, fn(usize) -> usize);

const DROPPED: [Dropped; 7] = [
    ("", "int k = int(i); do { if (k == 2) continue; x += 1.0; } while (--k > 0);", |i| match i {
        0..=2 => 1,
        k => k - 1,
    }),
    ("", "int k = 4; do { if (k == 2) STEP x += 1.0; } while (--k > 0);", |_| 3),
    ("", "int k = 4; do if (k == 2) continue; else x += 1.0; while (--k > 0);", |_| 3),
    ("int m = n * 2;", "for (int j = 0; j < m; j++) x += 1.0;", |_| 8),
    ("BEGIN(m);", "for (int j = 0; j < m; j++) x += 1.0;", |_| 5),
    ("int m[2] = int[](n, n + 2);", "for (int j = 0; j < m[1]; j++) x += 1.0;", |_| 6),
    ("int a = 1, b = a + 2;", "for (int j = 0; j < b; j++) x += 1.0;", |_| 3),
];

/// Whether naga's reading runs.
fn is_naga_s(case: &Case) -> bool {
    let file = ShaderFile::read(&case.glsl()).unwrap();
    file.countable(None, &BTreeMap::new(), &BTreeMap::new()).unwrap().0.compiler().is_none()
}

#[test]
fn what_naga_would_leave_out_is_executed() {
    for (before, body, additions) in DROPPED {
        let Some(case) = Case::new(&glsl(before, body), &[]) else { return };
        assert!(!is_naga_s(&case), "naga reads {before} {body}");
        on_every_executor(|executor| {
            for path in [case.glsl(), case.spirv()] {
                let (observed, left) = ran(executor, &path, &[], &[vec![0; 8]]).unwrap();
                let wanted: Vec<usize> = (0..8).map(additions).collect();
                let sum = wanted.iter().sum::<usize>() as u64;
                assert_eq!(left, wanted.iter().map(|&n| n as f32).collect::<Vec<_>>(), "{body}");
                assert_eq!(ops(&observed.cost)["f32.add"], sum, "{body}");
            }
        });
    }
}

#[test]
fn what_naga_keeps_it_reads() {
    for (before, body) in [
        ("int m = 4;", "for (int j = 0; j < m; j++) { if (j == 1) continue; x += 1.0; }"),
        ("int m; const int b = 3;", "m = b; int k = m; do { x += 1.0; } while (--k > 0);"),
        ("", "x += float(n == 4);"),
    ] {
        let Some(case) = Case::new(&glsl(before, body), &[]) else { return };
        assert!(is_naga_s(&case), "{before} {body}");
    }
}

/// Compilers define the same, and what naga does not define, of extensions, is asked of one of them.
#[test]
fn macros_are_those_of_compilers() {
    for (condition, is_so) in [
        ("__VERSION__ >= 450", true),
        ("defined(VULKAN) && VULKAN == 100", true),
        ("defined(GL_core_profile)", true),
        ("defined(GL_ES)", false),
        ("defined __VERSION__ || true", false),
        ("010 == 8 && 0x80000000 < 0 && 1 << 32 == 0", false),
        ("010 == 8 && 0x80000000 < 0 && 2147483647 + 1 < 0", true),
        ("__LINE__ > 1", true),
        ("defined(GL_KHR_shader_subgroup_basic)", true),
        ("defined(GL_EXT_of_nobody)", false),
        ("HAVE", true),
    ] {
        let body = format!("\n#if {condition}\nx += 1.0;\n#endif\n");
        let have = "#define HAVE GL_KHR_shader_subgroup_basic\n";
        let Some(case) = Case::new(&glsl(have, &body), &[]) else { return };
        assert!(is_naga_s(&case), "{condition}");
        // With a file that it includes, the text is preprocessed here.
        let included = case.glsl().with_file_name("included.comp");
        let text = fs::read_to_string(case.glsl()).unwrap();
        fs::write(&included, text.replace("#version 450", "#version 450\n#include \"empty.h\""))
            .unwrap();
        fs::write(case.glsl().with_file_name("empty.h"), "").unwrap();
        on_every_executor(|executor| {
            for path in [case.glsl(), case.spirv(), included.clone()] {
                let (observed, _) = ran(executor, &path, &[], &[vec![0; 8]]).unwrap();
                let additions = if is_so { Some(&8) } else { None };
                assert_eq!(ops(&observed.cost).get("f32.add"), additions, "{condition}");
            }
        });
    }
}

/// Numbers of lines, continued comments and numbers next to macros are those of compilers.
#[test]
fn tokens_and_lines_are_those_of_compilers() {
    for (text, adds) in [
        ("\n#line 3\nfor (int k = 0; k < __LINE__; k++) x += 1.0;", Some(3)),
        ("\n// --- \\\n#define FAST\n#ifdef FAST\nx += 1.0;\n#endif\n", None),
        ("\n#define f 5\nx += 2.f;", Some(1)),
        ("\n#define MINUS -1.0\nx = x-MINUS;", Some(1)),
        ("\n#define TO STEPS\n#define STEPS(n) x += n\nTO(1.0);", Some(1)),
    ] {
        let Some(case) = Case::new(&glsl("", text), &[]) else { return };
        assert!(is_naga_s(&case), "{text}");
        on_every_executor(|executor| {
            let mut left = Vec::new();
            for path in [case.glsl(), case.spirv()] {
                let (observed, numbers) = ran(executor, &path, &[], &[vec![0; 8]]).unwrap();
                assert_eq!(
                    ops(&observed.cost).get("f32.add"),
                    adds.map(|n| n * 8).as_ref(),
                    "{text}"
                );
                left.push(numbers);
            }
            assert_eq!(left[0], left[1], "{text}");
        });
    }
}

/// What numbers its lines otherwise, and computes with that, is charged where it stands.
#[test]
fn lines_that_a_compiler_numbers_are_those_of_the_file() {
    // naga's reader knows no `precise`.
    let text = "#version 450
layout(local_size_x = 8) in;
layout(binding = 0) buffer X { float x[]; };
#line 2
void main() {
    precise float y = x[gl_LocalInvocationID.x] + 1.0;
    x[gl_LocalInvocationID.x] = y * float(__LINE__);
}";
    let Some(case) = Case::new(text, &[]) else { return };
    assert!(!is_naga_s(&case));
    on_every_executor(|executor| {
        for path in [case.glsl(), case.spirv()] {
            let (_, left) = ran(executor, &path, &[], &[vec![0; 8]]).unwrap();
            assert_eq!(left, [4.0; 8]);
        }
        let (observed, _) = ran(executor, &case.glsl(), &[], &[vec![0; 8]]).unwrap();
        assert_eq!(ops(&observed.lines[&6].cost), expected(&[("f32.add", 8)]));
        assert_eq!(ops(&observed.lines[&7].cost), expected(&[("f32.mul", 8)]));
    });
}

/// What naga's reader of GLSL would make something else of is compiled.
#[test]
fn what_naga_would_read_of_a_texture_is_compiled() {
    let texture = "layout(binding = 1) uniform texture2D a; layout(binding = 2) uniform sampler s;
        layout(binding = 3) uniform texture2DArray b;";
    for (body, is_read) in [
        ("x = texelFetchOffset(sampler2D(a, s), ivec2(i, 1), 0, ivec2(0, 1)).x;", false),
        ("x = textureLod(sampler2DArray(b, s), vec3(0.5, 0.5, x), 0.0).x;", false),
        ("x = textureLod(sampler2DArray(b, s), vec3(0.5, 0.5, float(i)), 0.0).x;", true),
        ("x = textureLod(sampler2DArray(b, s), vec3(0.5, x, 1.0), 0.0).x;", true),
    ] {
        let Some(case) = Case::new(&glsl(texture, body), &[]) else { return };
        assert_eq!(is_naga_s(&case), is_read, "{body}");
    }
}
