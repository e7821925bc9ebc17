//! The price of every row of the vocabulary, as WGSL spells it: in the tables, which take no device, and
//! counted where it runs.

mod documented;
mod expressions;
mod memory;
mod rays;
mod textures;

use flopmeter::{
    execute::{Executor, Limits},
    instrument::instrument,
    op::{Cost, Op, OpCounts, Scalar, Traffic},
};

use super::harness::kernel;

/// Everything that the expressions below speak of. Private memory costs nothing.
///
/// Where there is an override, naga drops what an entry point does not use: an adapter without f16 runs
/// all that has none in it.
const DECLARATIONS: &str = "
enable f16;
override SIZE: u32 = 8;
var<private> a: f32;      var<private> b: f32;      var<private> c: f32;
var<private> u: vec3<f32>; var<private> v: vec3<f32>; var<private> w: vec3<f32>;
var<private> q: vec4<f32>; var<private> p: vec2<f32>;
var<private> m22: mat2x2<f32>; var<private> m33: mat3x3<f32>; var<private> m44: mat4x4<f32>;
var<private> m32: mat3x2<f32>; var<private> m24: mat2x4<f32>;
var<private> h: f16; var<private> hv: vec2<f16>; var<private> d: f64;
var<private> i: i32; var<private> j: i32; var<private> k: u32; var<private> kv: vec4<u32>;
var<private> t: bool; var<private> tv: vec3<bool>;
struct Pair { first: f32, second: vec3<f32> }
@group(0) @binding(0) var<storage, read_write> s: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> sa: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> pair: Pair;
@group(0) @binding(3) var<uniform> dims: vec4<u32>;
@group(0) @binding(5) var<storage, read> m33s: mat3x3<f32>;
var<workgroup> wg: array<vec2<f32>, SIZE>;
var<workgroup> wga: atomic<i32>;
";

/// What `statement` costs when it executes once.
fn price(statement: &str) -> Cost {
    let source = format!("{DECLARATIONS}@compute @workgroup_size(1) fn main() {{ {statement} }}");
    let instrumented = instrument(&kernel(&source, "main", &[]), &Limits::WEBGPU).unwrap();
    instrumented.table.blocks().iter().map(|block| block.price.times(1)).sum()
}

/// Operations by key, as reports spell them.
type Ops<'a> = &'a [(&'a str, u64)];

fn ops(expected: Ops<'_>) -> OpCounts {
    expected.iter().fold(OpCounts::ZERO, |sum, (key, count)| {
        let (scalar, op) = key.split_once('.').unwrap();
        let scalar = Scalar::ALL.into_iter().find(|s| s.name() == scalar).unwrap();
        let op = Op::ALL.into_iter().find(|o| o.name() == op).unwrap();
        sum.with(scalar, op, *count)
    })
}

fn check(statement: &str, expected: Ops<'_>, traffic: Traffic) {
    assert_eq!(price(statement), Cost { ops: ops(expected), traffic }, "{statement}");
}

/// A kernel with one of `lines` on each line of its source after those of its head, and the first's number.
fn executed(lines: impl Iterator<Item = String>, size: u32) -> (String, u32) {
    let head = format!("{DECLARATIONS}@compute @workgroup_size({size}) fn main() {{\n");
    let first = head.lines().count() as u32 + 1;
    (lines.fold(head, |source, line| source + &line + "\n") + "}", first)
}

/// Whether an executor takes f16, which the fixture declares; says so where it does not.
#[expect(clippy::print_stdout, reason = "the log must say what was not compared")]
fn has_half_floats(executor: &mut dyn Executor) -> bool {
    const SOURCE: &str = "enable f16;
@group(0) @binding(0) var<storage, read_write> h: f16;
@compute @workgroup_size(1) fn main() { h = h + h; }";
    let has = executor.compile(&kernel(SOURCE, "main", &[])).is_ok();
    if !has {
        println!("NOT COMPARABLE on {}: it has no f16", executor.adapter().name);
    }
    has
}

#[test]
fn an_operation_that_nobody_priced_is_an_error_that_names_its_line() {
    const SOURCE: &str = "enable wgpu_cooperative_matrix;
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@compute @workgroup_size(32) fn main() {
    let x = coopLoad<coop_mat8x8<f32, C>>(&a[0]);
    coopStore(x, &a[64]);
}";
    let error = instrument(&kernel(SOURCE, "main", &[]), &Limits::WEBGPU).unwrap_err();
    let says = "how many invocations share it is not known of this adapter (line 4)";
    assert!(error.to_string().contains(says), "{error}");
}

/// The check above is worth something: a fused multiply-add priced as one product is seen.
#[test]
#[should_panic(expected = "fma(q, q, q)")]
fn a_wrong_price_is_seen() {
    check("let r = fma(q, q, q);", &[("f32.mul", 4)], Traffic::default());
}
