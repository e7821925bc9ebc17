//! Evidence that GLSL is read as it is meant, or refused by name: its compilers are asked then.
#![cfg(feature = "glsl")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::BTreeMap;

use flopmeter_core::{
    device::Limits, instrument::instrument, kernel::KernelModule, op::Traffic, read::Parsed,
};

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
fn updates_that_cannot_be_told_from_assignments_are_refused() {
    let why = "evaluates the index of what";
    for (globals, body) in [
        ("#define ADD(y) x[y] += 1.0", "ADD(int(x[0]) * 2);"),
        ("#define AT(y) x[y]", "AT(int(x[0]) * 2) += 1.0;"),
        ("#define AT x[int(x[0]) * 2]", "AT += 1.0;"),
        ("", "x[x[0] > 1.0 ? 1 : 2] += 1.0;"),
    ] {
        refused(globals, body, why);
    }
    taken("#define AT(y) x[y]", "AT(int(x[0]) * 2) = 1.0; int j = 0; AT(j) += 1.0;");
    taken(
        "#define TWICE(y) ((y) * 2)",
        "x[TWICE(int(x[0]))] += 1.0; x[0] = x[0] > 1.0 ? 1.0 : 2.0;",
    );
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

/// What a shader moves where each of its blocks executes once, and how many operations it has. naga's SPIR-V
/// writer is asked whether it knows the module.
fn moved(globals: &str, body: &str) -> (Traffic, u64) {
    let parsed = Parsed::glsl("case", &text(globals, body)).unwrap();
    let kernel = KernelModule::from_parsed(&parsed, "main", &BTreeMap::new()).unwrap();
    let options = naga::back::spv::Options::default();
    naga::back::spv::write_vec(&kernel.module, &kernel.info, &options, None).unwrap();
    let table = instrument(&kernel, &Limits::WEBGPU).unwrap().table;
    let cost = table.cost(&vec![1; table.blocks().len()]);
    let ops = cost.ops.iter().map(|(_, _, times)| times).sum();
    (cost.traffic, ops)
}

fn loads(globals: &str, body: &str, expected: Traffic) {
    let (found, _) = moved(globals, body);
    let stores = Traffic {
        storage_store: found.storage_store,
        workgroup_store: found.workgroup_store,
        ..expected
    };
    assert_eq!(found, stores, "{globals} {body}");
}

fn storage(bytes: u64) -> Traffic {
    Traffic { storage_load: bytes, ..Traffic::default() }
}

#[test]
fn the_length_of_a_sized_array_loads_nothing() {
    let body = "x[0] = float(e.length());";
    loads("layout(binding = 1) buffer E { float e[8]; };", body, storage(0));
    loads("layout(binding = 1) uniform E { vec4 e[8]; };", body, storage(0));
    loads("shared float e[8];", body, storage(0));
    let globals = "struct S { uint u; float e[8]; };
        layout(binding = 1) buffer E { S s[4]; } b;
        shared uint at[4];";
    loads(globals, "x[0] = float(b.s[at[1] + 1u].e.length());", storage(0));
    let globals = "layout(binding = 1) buffer E { float e[8]; };";
    loads(globals, "for (int k = 0; k < e.length(); k++) x[k] += e[k];", storage(8));
}

#[test]
fn an_argument_that_is_only_written_is_not_loaded() {
    let globals = "layout(binding = 1) buffer E { vec4 e[8]; uint at[8]; };
        void set(out vec4 v) { v = vec4(1.0); }
        void add(inout vec4 v) { v += vec4(1.0); }";
    loads(globals, "set(e[at[1]]);", storage(4));
    loads(globals, "add(e[at[1]]);", storage(4 + 16));
    assert_eq!(moved(globals, "set(e[at[1] + 1u]);").1, 1);
    loads(globals, "e[1].zx = vec2(1.0);", storage(0));
}

#[test]
fn what_a_text_computes_and_drops_is_counted() {
    let globals = "layout(binding = 1) buffer E { float e[8]; };";
    let body = "float y = e[1]; e[2] * y; x[0] = y;";
    loads(globals, body, storage(8));
    assert_eq!(moved(globals, body).1, 1);
}

#[test]
fn of_a_value_only_what_is_used_is_loaded() {
    let globals = "struct S { vec3 u; float v; mat4 m; };
        layout(binding = 1) buffer E { vec4 e[]; };
        layout(binding = 2) buffer B { S s[4]; vec4 last; float a[4]; } b;";
    for (body, bytes) in [
        ("x[0] = e[2].y;", 4),
        ("uint i = uint(x[0]); x[1] = e[i].y;", 8),
        ("x[0] = b.last.w;", 4),
        ("x[0] = b.s[1].v;", 4),
        ("x[0] = b.s[1].u.z;", 4),
        ("x[0] = b.s[1].m[2].x;", 4),
        ("x[0] = b.a[2];", 4),
        ("x[0] = e[2].y * e[2].y;", 8),
        ("e[1].y += 1.0; x[0] = e[1].y++;", 8),
        ("vec2 v = e[1].xz; x[0] = v.x;", 16),
        ("e[1].xy = b.s[0].u.zx;", 12),
        ("e[1].xyz = b.s[0].u;", 12),
        ("vec4 v = e[1]; x[0] = v.x + v.y;", 16),
        ("S t = b.s[2]; x[0] = t.v;", 80),
        ("if (x[0] > 1.0 && e[1].y > 2.0) x[0] = e[2].z;", 12),
        ("x[0] = x[0] > 1.0 ? e[1].y : b.last.x;", 12),
        (
            "switch (int(e[0].x)) { case 0: x[0] = e[1].y; case 1: x[1] = e[1].z; default: break; }",
            16,
        ),
    ] {
        loads(globals, body, storage(bytes));
    }
    let shared = Traffic { workgroup_load: 4, ..Traffic::default() };
    loads("shared vec4 e[4];", "uint i = gl_LocalInvocationIndex; x[0] = e[i].w;", shared);
    let uniform = Traffic { uniform_load: 4, ..Traffic::default() };
    loads("layout(binding = 1) uniform U { mat4 m; } u;", "x[0] = u.m[1].x;", uniform);
    loads("layout(push_constant) uniform P { vec4 m; } p;", "x[0] = p.m.x;", storage(0));
}

/// A matrix is taken apart where it is divided or compared, and loaded as one.
#[test]
fn what_is_used_in_all_its_parts_is_loaded_as_one() {
    let globals = "layout(binding = 1) buffer M { mat3 a; mat3 b; } m;";
    loads(globals, "mat3 c = m.a / m.b; x[0] = c[0][0];", storage(72));
    loads(globals, "x[0] = m.a == m.b ? 1.0 : 0.0;", storage(72));
}

/// What a shader reads before it writes there is what was there.
#[test]
fn parts_are_loaded_where_the_whole_was() {
    let globals = "layout(binding = 1) buffer E { vec4 e[4]; };";
    let body = "x[0] = e[1].y + (e[1].y = 3.0);";
    let parsed = Parsed::glsl("case", &text(globals, body)).unwrap();
    let (_, function) = parsed.module.functions.iter().last().unwrap();
    let (mut loaded, mut order) = (0, Vec::new());
    for statement in function.body.iter() {
        match statement {
            naga::Statement::Emit(range) => {
                let of = |handle| &function.expressions[handle];
                let load = |of: &naga::Expression| matches!(of, naga::Expression::Load { .. });
                loaded += range.clone().filter(|&handle| load(of(handle))).count();
            }
            naga::Statement::Store { .. } => order.push(loaded),
            _ => {}
        }
    }
    assert_eq!(order, [1, 1]);
}

/// Whoever runs a kernel need not bind what it does not use.
#[test]
fn members_of_a_block_that_is_not_used_are_not_looked_up() {
    let globals = "layout(binding = 1) buffer E { float e[8]; float f[]; };";
    let parsed = Parsed::glsl("case", &text(globals, "x[0] += 1.0;")).unwrap();
    for (_, function) in parsed.module.functions.iter() {
        let emitted = function.body.iter().filter_map(|statement| match statement {
            naga::Statement::Emit(range) => Some(range.clone()),
            _ => None,
        });
        let bases = emitted.flatten().filter_map(|handle| match function.expressions[handle] {
            naga::Expression::AccessIndex { base, .. } => Some(&function.expressions[base]),
            _ => None,
        });
        let names = bases.filter_map(|base| match *base {
            naga::Expression::GlobalVariable(one) => {
                parsed.module.global_variables[one].name.as_deref()
            }
            _ => None,
        });
        assert_eq!(names.collect::<Vec<_>>(), ["X"]);
    }
}
