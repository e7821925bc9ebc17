//! Evidence that GLSL is read as it is meant, or refused by name: its compilers are asked then.
#![cfg(feature = "glsl")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use flopmeter_core::read::Parsed;

/// A shader with some globals and a body.
fn text(globals: &str, body: &str) -> String {
    format!(
        "#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer X {{ float x[]; }};
        {globals}
        void main() {{ {body} }}"
    )
}

fn refused(globals: &str, body: &str, why: &str) {
    let read = Parsed::glsl("case", &text(globals, body));
    let error = read.map(drop).expect_err(&format!("{globals} {body}")).to_string();
    assert!(error.contains("naga's GLSL reader") && error.contains(why), "{error}");
}

fn taken(globals: &str, body: &str) {
    Parsed::glsl("case", &text(globals, body)).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn arrays_of_arrays_whose_extents_differ_are_refused() {
    let why = "takes the extents of an array of arrays in the wrong order";
    for globals in [
        "shared float a[2][3];",
        "float a[3][2];",
        "float a[3][3][2];",
        "layout(binding = 1) buffer B { float a[2][3]; };",
        "layout(binding = 1) buffer B { float a[][3]; };",
        "layout(binding = 1) uniform B { vec4 a[2][3]; } b[2];",
        "struct S { float a[2][3]; };",
        "float f(float a[2][3]) { return a[1][2]; }",
    ] {
        refused(globals, "", why);
    }
    refused("", "float a[2][3]; a[1][2] = 1.0; x[0] = a[1][2];", why);
    taken("shared float a[3][3];", "float b[2][2][2]; a[1][2] = b[0][1][1];");
    taken("struct S { float a[3]; }; shared S s[2];", "s[1].a[2] = 1.0;");
    taken("", "mat3 m[2]; m[1][2][0] = x[0];");
}

#[test]
fn an_array_that_is_declared_behind_another_is_refused() {
    let why = "takes what is declared behind an array";
    refused("shared vec4 a[4], b[4];", "b[1][2] *= 2.0;", why);
    refused("", "vec4 a[2] = vec4[2](vec4(1.0), vec4(2.0)), b[2]; b[1][1] *= 2.0;", why);
    taken("shared float a[3][3];", "float b = max(a[0][1], a[1][2]), c = b; x[0] = c;");
    taken("", "vec4[2] a, b; b[1][1] *= 2.0;");
}

#[test]
fn push_constants_are_refused_where_they_would_lie_elsewhere() {
    let why = "lays out push constants";
    for members in ["float a[3]; float q;", "float p; T t[2]; float q;", "mat2 m;", "vec2 a[2];"] {
        let globals = format!(
            "struct T {{ float u; float v; }};
            layout(push_constant) uniform P {{ {members} }} p;"
        );
        let read = Parsed::glsl("case", &text(&globals, "")).map(drop);
        let error = read.expect_err(&globals).to_string();
        assert!(error.contains(why) || members.contains("mat2"), "{error}");
        let stated = globals.replace("push_constant", "push_constant, std430");
        taken(&stated, "");
    }
    taken("struct T { vec3 u; }; layout(push_constant) uniform P { float p; T t; float q; };", "");
    taken(
        "layout(push_constant) uniform P { float a; vec3 b; float c; vec4 d[2]; mat4 e; } p;",
        "",
    );
    taken("layout(std140, push_constant) uniform P { float a[3]; float q; } p;", "");
    let globals = "struct T { float u; float v; }; \
        layout(std140) layout(push_constant) uniform P { float p; T t; } p;";
    refused(globals, "", why);
    refused("#define PUSHED layout(push_constant)\nPUSHED uniform P { float a[3]; };", "", why);
}

#[test]
fn blocks_are_refused_where_they_would_lie_elsewhere() {
    let why = "lays out a block";
    let by_rules = |rules: &str| {
        format!(
            "struct T {{ float u; float v; }};
            layout(binding = 1{rules}) buffer B {{ float p; T t; vec3 q; float r; }} b;"
        )
    };
    taken(&by_rules(""), "");
    taken(&by_rules(", std430"), "");
    refused(&by_rules(", std140"), "", why);
    taken("layout(binding = 1) uniform B { float p; vec3 q; float r; mat4 m; vec2 a[3]; } b;", "");
}
