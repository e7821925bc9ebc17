//! Evidence that functions take pointers in the way that naga's SPIR-V writer knows, whatever else is called beside
//! them: that writer panics over others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::BTreeMap;

use flopmeter_core::{kernel::KernelModule, read::Parsed};

/// Has naga validate a shader and write it as SPIR-V, which panics over pointers that cannot be passed.
fn written(parsed: &Parsed) {
    let kernel = KernelModule::from_parsed(parsed, "main", &BTreeMap::new()).unwrap();
    let options = naga::back::spv::Options::default();
    naga::back::spv::write_vec(&kernel.module, &kernel.info, &options, None).unwrap();
}

fn wgsl(functions: &str, body: &str) {
    let text = format!(
        "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        {functions}
        @compute @workgroup_size(1) fn main() {{ var a = array<f32, 4>(); var i = 1; {body} }}"
    );
    written(&Parsed::wgsl("pointers", &text).unwrap());
}

#[test]
fn an_element_is_passed_behind_a_call_of_another_function() {
    let functions = "fn add(p: ptr<function, f32>) { *p += 1.0; }
        fn same(v: f32) -> f32 { return v; }
        fn one() -> u32 { return 1u; }";
    wgsl(functions, "x[0] = same(1.0); add(&a[i]);");
    wgsl(functions, "add(&a[i]); x[0] = same(1.0); add(&a[one()]);");
    wgsl(functions, "for (; i < 3; i++) { x[i] = same(a[one()]); if i > 1 { add(&a[i]); } }");
}

#[test]
fn an_element_whose_index_is_a_result_is_passed_with_an_index_of_its_type() {
    let functions = "fn signed() -> i32 { return 1; }
        fn unsigned() -> u32 { return 1u; }
        fn add(p: ptr<function, f32>) { *p += 1.0; }";
    wgsl(functions, "add(&a[unsigned()]); add(&a[signed()]);");
    wgsl(functions, "let u = unsigned(); let s = signed(); add(&a[s]); add(&a[u]);");
}

#[test]
fn pointers_of_a_pointer_are_passed_behind_a_call() {
    let functions = "fn add(p: ptr<function, f32>) { *p += 1.0; }
        fn one() -> u32 { return 1u; }
        fn all(p: ptr<function, array<f32, 4>>) -> u32 { let at = one(); add(&p[at]); return at; }
        fn both(p: ptr<function, array<array<f32, 4>, 2>>) {
            let at = one();
            add(&p[at][all(&p[at])]);
        }";
    wgsl(functions, "var b = array<array<f32, 4>, 2>(); both(&b); i = i32(all(&a)); add(&a[i]);");
}

/// A case that falls through is written out together with the calls in it.
#[cfg(feature = "glsl")]
#[test]
fn an_element_is_passed_in_a_case_that_is_fallen_into() {
    let text = "#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer X { float x[]; };
        void add(inout float p) { p += 1.0; }
        float same(float v) { return v; }
        void main() {
            float a[4];
            for (int i = 0; i < 4; i++) {
                switch (i) {
                    case 0: x[0] = same(1.0);
                    case 1: add(a[i]);
                    default: x[1] = same(a[i]);
                }
            }
        }";
    written(&Parsed::glsl("pointers", text).unwrap());
}
