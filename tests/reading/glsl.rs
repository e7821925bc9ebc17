//! GLSL, which naga's reader changes: what is counted is what the language says is executed.

use common::{embedded, on_every_executor};
use flopmeter_core::read::Parsed;

use crate::run::{case, expected, glsl_of as glsl, iota, ran, spirv, spirv_of};

#[test]
fn a_right_side_that_nobody_asks_for_has_no_effect_and_no_cost() {
    let kernels = [Some(case("glsl_short_circuit.comp")), spirv("glsl_short_circuit.comp")];
    for kernel in kernels.into_iter().flatten() {
        on_every_executor(|executor| {
            let ran = ran(executor, &kernel, [1; 3], &[vec![0]]);
            assert_eq!(ran.floats(), [100.0]);
            assert_eq!(ran.ops()["f32.add"], 1);
        });
    }
}

/// Nested operators, in conditions of every kind, beside a WGSL twin whose reader gets them right.
#[test]
fn operators_cost_what_their_wgsl_twins_cost() {
    let body = "
        float s = x[i] + 1.0;
        bool small = s < 8.0;
        if (small && s * 2.0 > 3.0 || s - 9.0 > 0.0 && !(s > 12.0)) { s = s + 1.0; }
        while (s < 40.0 && s / 2.0 < 10.0) { s = s * 2.0; }
        do { s = s - 1.0; } while (s > 1.0 && s * s > 100.0);
        float t = (small || sqrt(s) > 3.0) ? 1.0 : 2.0;
        x[i] = s + t;";
    let from_glsl = glsl(&format!(
        "#version 450
        layout(local_size_x = 16) in;
        layout(set = 0, binding = 0) buffer X {{ float x[]; }};
        void main() {{ uint i = gl_GlobalInvocationID.x; {body} }}"
    ));
    let body = body
        .replace(
            "float t = (small || sqrt(s) > 3.0) ? 1.0 : 2.0;",
            "var t = 2.0; if (small || sqrt(s) > 3.0) { t = 1.0; }",
        )
        .replace(
            "do { s = s - 1.0; } while (s > 1.0 && s * s > 100.0);",
            "loop { s = s - 1.0; if !(s > 1.0 && s * s > 100.0) { break; } }",
        )
        .replace("float s", "var s")
        .replace("bool small", "let small");
    let from_wgsl = crate::run::wgsl(&format!(
        "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(16)
        fn main(@builtin(global_invocation_id) id: vec3u) {{ let i = id.x; {body} }}"
    ));
    on_every_executor(|executor| {
        let data = [iota(16)];
        let (glsl, wgsl) =
            (ran(executor, &from_glsl, [1; 3], &data), ran(executor, &from_wgsl, [1; 3], &data));
        assert_eq!(glsl.floats(), wgsl.floats());
        assert_eq!(glsl.cost.ops.floating(), wgsl.cost.ops.floating());
    });
}

#[test]
fn a_left_side_that_cannot_be_told_from_the_right_one_is_refused() {
    let refused = |body: &str| {
        let text = format!(
            "#version 450
            layout(local_size_x = 1) in;
            layout(set = 0, binding = 0) buffer X {{ float x[]; }};
            const bool on = true;
            bool set(out float y) {{ y = 1.0; return true; }}
            bool get() {{ x[1] = 2.0; return true; }}
            void main() {{ float y; {body} }}"
        );
        let error = Parsed::glsl("case.comp", &text).expect_err(body).to_string();
        assert!(error.contains("line 7") && error.contains("glslang"), "{error}");
    };
    refused("if (set(y) && x[0] > 1.0) { x[0] = y; }");
    refused("if (on && get()) { x[0] = y; }");
    // With nothing but arithmetic on the right, it can.
    let kernel = glsl(
        "#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer X { float x[]; };
        const bool off = false;
        void main() { if (off && x[0] + 1.0 > 0.0) { x[0] = 5.0; } }",
    );
    let ran = ran(&mut embedded(), &kernel, [1; 3], &[vec![0]]);
    assert_eq!(ran.ops(), expected(&[]));
}

#[test]
fn a_case_that_falls_through_executes_the_cases_below_it() {
    let kernel = case("glsl_fallthrough.comp");
    let expected: Vec<f32> = (0..8)
        .map(|i| {
            let mut s = (i * i) as f32;
            if i == 0 {
                s += 1.0;
            }
            if i <= 1 {
                s *= 2.0;
            }
            match i {
                2 => return s - 3.0,
                0..=3 => s = ((s - 3.0) / 2.0).abs().sqrt(),
                5 | 6 => return s,
                _ => s = s.sqrt(),
            }
            s
        })
        .collect();
    on_every_executor(|executor| {
        let data = (0..8).map(|i| ((i * i) as f32).to_bits()).collect();
        let ran = ran(executor, &kernel, [1; 3], &[data]);
        for (found, expected) in ran.floats().iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-6, "{:?}", ran.floats());
        }
        let ops = ran.ops();
        // Cases 0, 1 and 3 fall into the default, which 4 and 7 take; 5 ends by leaving the function.
        assert_eq!((ops["f32.sqrt"], ops["f32.exp"]), (5, 1));
        assert_eq!((ops["f32.add"], ops["f32.div"]), (1 + 4, 3));
    });
}

/// All subgroups of a workgroup wait at `barrier()`, and not each for itself. The drivers tell: 16 lanes are four
/// subgroups on SwiftShader.
#[test]
fn a_barrier_is_one_of_the_workgroup() {
    let kernel = glsl(
        "#version 450
        layout(local_size_x = 16) in;
        layout(set = 0, binding = 0) buffer X { float x[]; };
        shared float s[16];
        void main() {
            uint own = gl_LocalInvocationIndex;
            s[own] = float(own);
            if (gl_WorkGroupID.x < 2) { barrier(); }
            if (s[15u - own] > 7.0) { x[own] = x[own] * 2.0; }
        }",
    );
    let module = format!("{:?}", kernel.module);
    assert!(module.contains("WORK_GROUP") && !module.contains("SUB_GROUP"), "{module}");
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[vec![1_f32.to_bits(); 16]]);
        let left: Vec<f32> = (0..16).map(|own| if own < 8 { 2.0 } else { 1.0 }).collect();
        assert_eq!(ran.floats(), left);
        assert_eq!((ran.ops()["f32.mul"], ran.cost.traffic.barriers), (8, 1));
    });
}

/// A body between declarations, as GLSL and as what glslangValidator makes of it, where there is one.
fn both(body: &str) -> impl Iterator<Item = flopmeter::kernel::KernelModule> {
    let text = format!(
        "#version 450
        layout(local_size_x = 8) in;
        layout(std430, set = 0, binding = 0) buffer X {{ float x[]; }};
        layout(std430, set = 0, binding = 1) buffer N {{ uint n[]; }};
        {body}"
    );
    [Some(glsl(&text)), spirv_of(&text)].into_iter().flatten()
}

/// What fills the buffers of such a kernel, as far as it uses them: floats, and each place by its number.
fn data(kernel: &flopmeter::kernel::KernelModule) -> Vec<Vec<u32>> {
    let floats = |binding| if binding == 0 { iota(8) } else { (0..8).collect() };
    kernel.resources.iter().map(|resource| floats(resource.binding)).collect()
}

#[test]
fn the_place_of_an_update_is_evaluated_once() {
    // In each row: the text, its additions, multiplications and conversions of floats, and the bytes it loads.
    for (update, [add, mul, convert], loaded) in [
        ("x[uint(float(i) * 1.0)] += 1.0;", [8, 8, 16], 32),
        ("x[n[i]] += 1.0;", [8, 0, 0], 64),
        ("x[n[n[i]]] -= 1.0;", [8, 0, 0], 96),
        ("(x[n[i]]) *= x[n[i]];", [0, 8, 0], 128),
        ("x[n[i]] = x[n[i]] + 1.0;", [8, 0, 0], 96),
        ("vec4 v = vec4(0.0); v[n[i] & 3u] += 1.0; x[i] = v.x;", [8, 0, 0], 32),
        ("mat2 m = mat2(0.0); m[n[i] & 1u][n[i] & 1u] += 1.0; x[i] = m[0][0];", [8, 0, 0], 64),
        ("n[n[i]] <<= 2;", [0, 0, 0], 64),
        (
            "mat2 m[8]; m[i] = mat2(1.0); m[n[i]][1][n[i] & 1u] *= 2.0; x[i] = m[i][1][1];",
            [0, 8, 0],
            64,
        ),
        ("vec2 v[8]; v[n[i]] = vec2(0.0); v[n[i]].xy += vec2(1.0); x[i] = v[i].x;", [16, 0, 0], 64),
    ] {
        let text = format!("void main() {{ uint i = gl_LocalInvocationIndex; {update} }}");
        for kernel in both(&text) {
            on_every_executor(|executor| {
                let ran = ran(executor, &kernel, [1; 3], &data(&kernel));
                let of = |name: &str| ran.ops().get(name).copied().unwrap_or_default();
                let counts = [of("f32.add") + of("f32.sub"), of("f32.mul"), of("f32.convert")];
                assert_eq!(counts, [add, mul, convert], "{update}");
                assert_eq!(ran.cost.traffic.storage_load, loaded, "{update}");
            });
        }
    }
}

#[test]
fn structures_in_shared_memory_are_as_large_as_their_members() {
    for (members, bytes) in [
        ("float w; float a;", 8),
        ("float w; uint a; vec2 b;", 16),
        ("vec3 w; float a;", 16),
        ("vec4 w; mat2 a;", 32),
        ("float w; float a[3];", 16),
    ] {
        let text = format!(
            "struct S {{ {members} }};
            shared S s[8];
            void main() {{
                uint i = gl_LocalInvocationIndex;
                S one = s[i]; one.w = one.w * 2.0; s[i] = one;
                barrier();
                x[i] = float(one.w == s[7u - i].w);
            }}"
        );
        let kernel = both(&text).next().unwrap();
        on_every_executor(|executor| {
            let ran = ran(executor, &kernel, [1; 3], &data(&kernel));
            assert_eq!(ran.cost.traffic.workgroup_store, 8 * bytes, "{members}");
        });
    }
}

#[test]
fn what_is_computed_of_constants_in_a_function_costs_nothing() {
    for (body, [add, mul, sqrt]) in [
        ("const float PI = 3.0; x[i] *= PI * 2.0;", [0, 8, 0]),
        ("const vec2 c = vec2(3.0, 4.0); const vec2 d = c * 2.0; x[i] += d.x + c.y;", [8, 0, 0]),
        ("const float a = 4.0, b = a * a; x[i] = x[i] * b + sqrt(a);", [8, 8, 0]),
        // In a loop its value is stored, each time around.
        ("for (int k = 0; k < 2; k++) { const float h = 0.5 * 0.5; x[i] += h * 2.0; }", [16, 0, 0]),
        // What is no constant expression, and what is no constant, is computed.
        ("const float y = x[i]; x[i] = y * 2.0;", [0, 8, 0]),
        ("float y = 4.0; x[i] += sqrt(y) * 2.0;", [8, 8, 8]),
        // What keeps the value of an operator is no constant of the text.
        ("const float y = i > 3u ? 1.0 : 2.0; x[i] = y * 2.0;", [0, 8, 0]),
        ("const bool b = i > 1u && i < 6u; x[i] += b && i > 2u ? 3.0 : 4.0;", [8, 0, 0]),
        // A part is as constant as the whole.
        ("const vec2 c = vec2(3.0, 4.0); x[i] += c[0] * c[1] + c.x;", [8, 0, 0]),
        ("const mat2 m = mat2(1.0, 2.0, 3.0, 4.0); x[i] += m[0][1] * m[1].x;", [8, 0, 0]),
        ("const int n = 1; const vec2 c = vec2(3.0, 4.0), d = c[n] * c; x[i] += d[n];", [8, 0, 0]),
        (
            "const float t[2] = float[2](3.0, 4.0); const float y = t[0] * t[1]; x[i] += y;",
            [8, 0, 0],
        ),
        // A table is indexed where it lies.
        ("const float t[2] = float[2](1.0, 2.0); x[i] += t[i & 1u] * t[0];", [8, 8, 0]),
    ] {
        let text = format!("void main() {{ uint i = gl_LocalInvocationIndex; {body} }}");
        let left = std::cell::RefCell::new(Vec::new());
        for kernel in both(&text) {
            on_every_executor(|executor| {
                let ran = ran(executor, &kernel, [1; 3], &data(&kernel));
                let of = |name: &str| ran.ops().get(name).copied().unwrap_or_default();
                assert_eq!(
                    [of("f32.add"), of("f32.mul"), of("f32.sqrt")],
                    [add, mul, sqrt],
                    "{body}"
                );
                left.borrow_mut().push(ran.left);
            });
        }
        let left = left.into_inner();
        assert!(left.windows(2).all(|pair| pair[0] == pair[1]), "{body}: {left:?}");
    }
}

#[test]
fn a_loop_costs_no_negation_that_is_not_stated() {
    for (body, negations) in [
        ("for (int k = 0; k < 3; k++) x[i] *= 2.0;", 0),
        ("int k = 0; while (k < 3) { x[i] *= 2.0; k++; }", 0),
        ("int k = 0; while (!(k >= 3)) { x[i] *= 2.0; k++; }", 32),
        ("int k = 0; while (true) { if (!(k < 3)) break; x[i] *= 2.0; k++; }", 32),
    ] {
        let text = format!("void main() {{ uint i = gl_LocalInvocationIndex; {body} }}");
        for kernel in both(&text) {
            on_every_executor(|executor| {
                let ran = ran(executor, &kernel, [1; 3], &data(&kernel));
                let negated = ran.ops().get("int.bit").copied().unwrap_or_default();
                assert_eq!((negated, ran.ops()["f32.mul"]), (negations, 24), "{body}");
            });
        }
    }
}

#[test]
fn what_is_not_reached_is_not_in_the_way() {
    let text = "#version 450
        layout(local_size_x = 8) in;
        layout(set = 0, binding = 0) buffer X { float x[]; };
        float more(float v) { return v + 1.0; }
        void main() {
            uint i = gl_LocalInvocationIndex;
            for (int k = 0; k < 4; k++) {
                if (k < 2) { x[i] *= 2.0; continue; x[i] = more(x[i]); } else { break; }
                switch (k) { case 0: x[i] = more(x[i]); break; case 1: continue; default: break; }
            }
            return;
            x[i] = more(x[i]);
        }";
    for kernel in [Some(glsl(text)), spirv_of(text)].into_iter().flatten() {
        on_every_executor(|executor| {
            let ran = ran(executor, &kernel, [1; 3], &[iota(8)]);
            assert_eq!(ran.floats(), [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0]);
            assert_eq!((ran.ops()["f32.mul"], ran.ops().get("f32.add")), (16, None));
        });
    }
}

/// Its length is known, and nothing of it is loaded.
#[test]
fn a_buffer_that_is_asked_for_its_length_alone_is_bound() {
    let kernel = glsl(
        "#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer X { float x[]; };
        layout(set = 0, binding = 1) buffer E { float e[8]; };
        void main() { x[0] = float(e.length()); }",
    );
    let names: Vec<&str> = kernel.resources.iter().map(|its| its.name.as_str()).collect();
    assert_eq!(names, ["X", "E"]);
    on_every_executor(|executor| {
        let ran = ran(executor, &kernel, [1; 3], &[vec![0], vec![0; 8]]);
        assert_eq!((ran.floats(), ran.cost.traffic.storage_load), (vec![8.0], 0));
    });
}
